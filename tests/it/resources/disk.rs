//! File systems that take no more: a tmpfs of few bytes, of few inodes, read-only, with a quota. Mounting needs root.

use std::process::Command;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};

use super::noise;
use crate::support::reader::Reader;
use crate::support::runner::{Outcome, Run, Workspace};
use crate::support::table::Verdict;

/// Nobody's, on every Linux.
const NOBODY: &str = "65534";

/// Microseconds before each call.
const HELD_UP: &str = "inject=write,openat,rename,renameat:delay_enter=20000";

/// A tmpfs in a workspace; dropping it takes it away.
struct Mount(Utf8PathBuf);

impl Mount {
    /// Mounts one with `options`, or says why not.
    fn new(workspace: &Workspace, options: &str) -> Result<Self, String> {
        let path = workspace.path().join("mount");
        fs_err::create_dir_all(&path).unwrap();
        let call = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs", path.as_str()])
            .output();
        match call {
            Ok(output) if output.status.success() => Ok(Mount(path)),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                let said = said.lines().next().unwrap_or_default().trim();
                Err(format!("a tmpfs with {options} can't be mounted: {said}"))
            }
            Err(error) => Err(format!("mount: {error}")),
        }
    }

    fn read_only(&self) {
        let path = self.0.as_str();
        assert!(
            Command::new("mount")
                .args(["-o", "remount,ro", path])
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// 6 MiB of files and a layout with them.
fn prepared() -> Workspace {
    let workspace = Workspace::new();
    let mut noise = noise();
    workspace.write("src/large.bin", noise(3 << 20));
    for at in 0..30 {
        workspace.write(&format!("src/tree/{at}.bin"), noise(100_000));
    }
    workspace
        .run()
        .args(["push", "oci:source:v1", "src/large.bin", "src/tree"])
        .call()
        .success();
    workspace
}

/// Every command that writes to a disk, its target below `mount`.
fn writers(workspace: &Workspace) -> Vec<Run<'_>> {
    let call = |args: &[&str]| workspace.run().args(args.iter().copied());
    vec![
        call(&["push", "oci:mount/pushed:v1", "src/large.bin", "src/tree"]),
        call(&["pull", "oci:source:v1", "--output", "mount/pulled"]),
        call(&["copy", "oci:source:v1", "oci:mount/copied:v1"]),
        call(&["copy", "oci:source:v1", "oci-archive:mount/copied.tar:v1"]),
    ]
}

/// The error has all three parts, and the place has nothing that is half there.
fn check(outcome: &Outcome, workspace: &Workspace, reason: &str, way_out: &str) {
    outcome.exit(8);
    let error = outcome
        .stderr
        .lines()
        .find(|line| line.starts_with("error:"))
        .unwrap_or_default();
    assert!(
        error.contains("/mount/") && error.contains(reason),
        "{}",
        outcome.snapshot()
    );
    let hint = outcome
        .stderr
        .lines()
        .find(|line| line.trim_start().starts_with("hint:"))
        .unwrap_or_default();
    assert!(hint.contains(way_out), "{}", outcome.snapshot());
    whole(&workspace.path());
}

/// Nothing below the mount is temporary, half-written or named by a tag without being there.
fn whole(work: &Utf8Path) {
    let mount = work.join("mount");
    for entry in walkdir::WalkDir::new(&mount).min_depth(1) {
        let entry = entry.unwrap();
        let path = Utf8Path::from_path(entry.path()).unwrap();
        assert!(!path.as_str().contains(".oci-artifact-"), "{path} was left");
        assert_ne!(path, mount.join("copied.tar"), "half an archive");
        if let Ok(name) = path.strip_prefix(mount.join("pulled"))
            && entry.file_type().is_file()
        {
            assert!(
                fs_err::read(path).unwrap() == fs_err::read(work.join(name)).unwrap(),
                "{name} is not whole"
            );
        }
    }
    for layout in ["pushed", "copied"] {
        let reader = Reader::Layout(mount.join(layout));
        assert!(reader.tags().is_empty(), "{layout} has a tag");
    }
}

/// Runs all writers on a mount with `options`, each on an empty one; all must fail alike.
fn all_fail(options: &str, reason: &str, way_out: &str, read_only: bool) -> Verdict {
    let workspace = prepared();
    let mut exits = Vec::new();
    for run in writers(&workspace) {
        let mount = match Mount::new(&workspace, options) {
            Ok(mount) => mount,
            Err(why) => return Verdict::Skipped(why),
        };
        if read_only {
            mount.read_only();
        }
        check(&run.call(), &workspace, reason, way_out);
        exits.push("8");
    }
    Verdict::Held(format!(
        "push, pull, copy, copy to an archive: exit {}",
        exits.join(", ")
    ))
}

pub fn full(_: usize) -> Verdict {
    all_fail("size=2m", "No space left on device", "df", false)
}

pub fn inodes(_: usize) -> Verdict {
    let workspace = prepared();
    // Archives are one file: those need no more than there are.
    for run in writers(&workspace).into_iter().take(3) {
        let mount = match Mount::new(&workspace, "nr_inodes=7") {
            Ok(mount) => mount,
            Err(why) => return Verdict::Skipped(why),
        };
        check(&run.call(), &workspace, "No space left on device", "df -i");
        drop(mount);
    }
    Verdict::Held("push, pull, copy: exit 8".to_owned())
}

pub fn read_only(_: usize) -> Verdict {
    all_fail("size=20m", "Read-only file system", "can be written", true)
}

pub fn quota(_: usize) -> Verdict {
    let workspace = prepared();
    let mount = match Mount::new(&workspace, "usrquota_block_hardlimit=2M,mode=1777") {
        Ok(mount) => mount,
        Err(why) => return Verdict::Skipped(why),
    };
    let top = workspace.path();
    let top = top.parent().unwrap();
    let open = Command::new("chmod")
        .args(["-R", "a+rwX", top.as_str()])
        .status()
        .unwrap();
    assert!(open.success());
    let pull = workspace
        .run()
        .program("setpriv")
        .args(["--reuid", NOBODY, "--clear-groups"]);
    let pull = pull
        .arg(env!("CARGO_BIN_EXE_oci-artifact"))
        .args(["pull", "oci:source:v1", "--output", "mount/pulled"]);
    check(&pull.call(), &workspace, "quota", "quota");
    drop(mount);
    Verdict::Held("pull: exit 8".to_owned())
}

/// What is packed waits in TMPDIR where memory doesn't do.
pub fn full_tmpdir(_: usize) -> Verdict {
    let workspace = Workspace::new();
    workspace.write("src/tree/noise.bin", noise()(48 << 20));
    let missing = workspace.path().join("nowhere");
    let push = |folder: &Utf8Path| {
        let run = workspace.run().env("TMPDIR", folder.as_str());
        run.args(["push", "oci:pushed:v1", "src/tree"]).call()
    };
    let told = |outcome: &Outcome, reason: &str, folder: &Utf8Path| {
        outcome.exit(8);
        let text = &outcome.stderr;
        let parts = [reason, folder.as_str(), "TMPDIR"];
        assert!(parts.iter().all(|part| text.contains(part)), "{}", outcome.snapshot());
        assert!(Reader::Layout(workspace.path().join("pushed")).tags().is_empty());
    };
    told(&push(&missing), "No such file", &missing);
    let mount = match Mount::new(&workspace, "size=2m") {
        Ok(mount) => mount,
        Err(why) => return Verdict::Held(format!("missing: exit 8; full not tried: {why}")),
    };
    told(&push(&mount.0), "No space left on device", &mount.0);
    assert_eq!(fs_err::read_dir(&mount.0).unwrap().count(), 0);
    Verdict::Held("missing, full: exit 8".to_owned())
}

/// Every call that writes is held up, as by a disk that has much to do: all is done, or stopped in time. The device
/// mapper could delay a disk itself, where a kernel has that; tracing needs no more than strace.
pub fn slow(_: usize) -> Verdict {
    let traced = |workspace: &Workspace, args: &[&str], seconds: &str| {
        let run = workspace
            .run()
            .program("strace")
            .args(["-f", "-qqq", "-o", "/dev/null"]);
        let run = run.args(["-e", "trace=write,openat,rename,renameat", "-e", HELD_UP]);
        let run = run
            .env("PATH", "/usr/bin:/bin")
            .args(["timeout", "--preserve-status", "--signal=TERM", seconds]);
        let begun = Instant::now();
        let outcome = run
            .arg(env!("CARGO_BIN_EXE_oci-artifact"))
            .args(args.iter().copied())
            .call();
        (outcome, begun.elapsed())
    };
    let workspace = prepared();
    let tried = Command::new("strace")
        .args(["-qqq", "-o", "/dev/null", "true"])
        .output();
    match tried {
        Ok(output) if output.status.success() => {}
        Ok(output) => return Verdict::Skipped(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => return Verdict::Skipped(format!("needs strace: {error}")),
    }
    let (push, pull) = (
        ["push", "oci:mount/pushed:v1", "src/large.bin", "src/tree"],
        ["pull", "oci:source:v1", "--output", "mount/pulled"],
    );
    let mut figures = Vec::new();
    for args in [push, pull] {
        let (outcome, took) = traced(&workspace, &args, "60");
        outcome.success();
        figures.push(format!("{} in {:.1} s", args[0], took.as_secs_f64()));
    }
    assert!(workspace.tree("mount/pulled/src") == workspace.tree("src"));
    Reader::Layout(workspace.path().join("mount/pushed")).check_whole();
    for args in [push, pull] {
        fs_err::remove_dir_all(workspace.path().join("mount")).unwrap();
        fs_err::create_dir(workspace.path().join("mount")).unwrap();
        let (outcome, took) = traced(&workspace, &args, "0.8");
        assert_eq!(outcome.code, Some(143), "{}", outcome.snapshot());
        assert!(took < Duration::from_secs(5), "it took {took:?} to end");
        whole(&workspace.path());
        figures.push(format!(
            "{} stopped after 0.8 s, ended after {:.1} s",
            args[0],
            took.as_secs_f64()
        ));
    }
    Verdict::Held(figures.join(", "))
}
