//! Bounds that a process is given: descriptors, address space, memory, cores.

use std::process::Command;

use camino::Utf8PathBuf;

use super::noise;
use crate::support::registry::Registry;
use crate::support::runner::{Run, Workspace};
use crate::support::table::Verdict;

const PROGRAM: &str = env!("CARGO_BIN_EXE_oci-artifact");

/// A limit of the shell's around the program: `ulimit -n 64`, say.
fn bounded<'a>(workspace: &'a Workspace, limit: &str) -> Run<'a> {
    let script = format!("{limit} && exec \"$@\"");
    workspace.run().program("/bin/sh").args(["-c", &script, "sh", PROGRAM])
}

/// 300 small files, large ones and a directory.
fn filled() -> (Workspace, Vec<String>) {
    let workspace = Workspace::new();
    let mut noise = noise();
    for at in 0..300 {
        workspace.write(&format!("src/small{at}"), noise(500));
    }
    for at in 0..6 {
        workspace.write(&format!("src/large{at}"), noise(3 << 20));
    }
    for at in 0..40 {
        workspace.write(&format!("src/tree/{at}"), noise(100_000));
    }
    let names = workspace
        .tree("src")
        .into_keys()
        .filter(|name| !name.starts_with("tree/"));
    let names = names
        .map(|name| format!("src/{name}"))
        .chain(["src/tree".to_owned()])
        .collect();
    (workspace, names)
}

/// A push to a registry and a layout, pulls from both, and a copy between them, all within `limit`.
fn within(around: impl for<'a> Fn(&'a Workspace) -> Run<'a>) {
    let (workspace, names) = filled();
    let registry = Registry::start();
    let places = [registry.reference("app:v1"), "oci:layout:v1".to_owned()];
    for place in &places {
        around(&workspace).args(["push", place]).args(&names).call().success();
        around(&workspace)
            .args(["pull", place, "--output", "out"])
            .call()
            .success();
        assert!(
            workspace.tree("out/src") == workspace.tree("src"),
            "{place}: other files were pulled"
        );
        fs_err::remove_dir_all(workspace.path().join("out")).unwrap();
    }
    around(&workspace)
        .args(["copy", &places[0], "oci:copied:v1"])
        .call()
        .success();
    let digest = |place: &str| {
        workspace
            .run()
            .args(["inspect", place, "--show", "digest"])
            .call()
            .stdout
    };
    assert_eq!(digest("oci:copied:v1"), digest("oci:layout:v1"));
}

pub fn descriptors(_: usize) -> Verdict {
    within(|workspace| bounded(workspace, "ulimit -n 64"));
    // With a number that is too high for it: the reason, and what to do.
    let (workspace, names) = filled();
    let run = bounded(&workspace, "ulimit -n 40").args(["push", "oci:layout:v1", "--concurrency", "64"]);
    let outcome = run.args(&names).call();
    if outcome.code != Some(0) {
        outcome.exit(8);
        let told = ["Too many open files", "ulimit -n", "`concurrency`"];
        assert!(
            told.iter().all(|part| outcome.stderr.contains(part)),
            "{}",
            outcome.snapshot()
        );
    }
    Verdict::Held("push, pull, copy: exit 0; 40 and a concurrency of 64: told".to_owned())
}

/// Threads have stacks of 2 MiB, and glibc wants 64 MiB of addresses for each of its arenas but the first.
pub fn address_space(_: usize) -> Verdict {
    within(|workspace| {
        let run = bounded(workspace, "ulimit -v 131072").env("MALLOC_ARENA_MAX", "1");
        run.env("OCI_ARTIFACT_CONCURRENCY", "4")
    });
    Verdict::Held("push, pull, copy: exit 0, with `concurrency: 4` and MALLOC_ARENA_MAX=1".to_owned())
}

/// A control group; dropping it removes it.
struct Group(Utf8PathBuf);

impl Group {
    /// One with 128 MiB, or why there is none.
    fn new() -> Result<Self, String> {
        let v2 = Utf8PathBuf::from("/sys/fs/cgroup");
        let v1 = v2.join("memory");
        let (top, limit) = match v1.join("memory.limit_in_bytes").exists() {
            true => (v1, "memory.limit_in_bytes"),
            false => (v2, "memory.max"),
        };
        let group = Group(top.join(format!("oci-artifact-test-{}", std::process::id())));
        fs_err::create_dir(&group.0).map_err(|error| error.to_string())?;
        fs_err::write(group.0.join(limit), "134217728").map_err(|error| error.to_string())?;
        Ok(group)
    }

    /// The most that it had, in bytes.
    fn peak(&self) -> Option<u64> {
        let files = ["memory.peak", "memory.max_usage_in_bytes"];
        let text = files
            .iter()
            .find_map(|name| fs_err::read_to_string(self.0.join(name)).ok())?;
        text.trim().parse().ok()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs_err::remove_dir(&self.0);
    }
}

pub fn cgroup(_: usize) -> Verdict {
    let group = match Group::new() {
        Ok(group) => group,
        Err(why) => return Verdict::Skipped(format!("needs a control group of its own: {why}")),
    };
    let enter = format!("echo $$ > {}/cgroup.procs", group.0);
    within(|workspace| bounded(workspace, &enter));
    let peak = group
        .peak()
        .map_or_else(String::new, |peak| format!("; {} MiB with the page cache", peak >> 20));
    Verdict::Held(format!("push, pull, copy: exit 0{peak}"))
}

pub fn one_core(_: usize) -> Verdict {
    if Command::new("taskset").arg("--version").output().is_err() {
        return Verdict::Skipped("there is no taskset".to_owned());
    }
    within(|workspace| workspace.run().program("taskset").args(["-c", "0", PROGRAM]));
    Verdict::Held("push, pull, copy: exit 0".to_owned())
}
