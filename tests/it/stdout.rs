//! `pull --output -`: one file's bytes on stdout, and nothing else ever.

use std::io::Read as _;
use std::process::{Command, Stdio};

use crate::support::faults::Fault;
use crate::support::registry::Registry;
use crate::support::runner::Workspace;

fn pushed() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("a.txt", "the content\n");
    workspace.write("b.txt", "other\n");
    workspace.write("d/x", "x");
    workspace.write("command.txt", "fine\n::set-output name=digest::evil\n");
    let arguments = ["push", "oci:layout:v1", "a.txt", "b.txt", "d", "command.txt"];
    workspace.run().args(arguments).call().success();
    workspace
}

#[test]
fn one_file_comes_out_as_it_is() {
    let workspace = pushed();
    for output in [&["-o", "-"][..], &["--output", "-"], &["--output=-"]] {
        let run = workspace.run().args(["pull", "oci:layout:v1", "--files", "a.txt"]);
        let outcome = run.args(output.to_vec()).args(["--output-file", "result.json"]).call();
        outcome.success();
        assert_eq!(outcome.stdout, "the content\n");
        let result: serde_json::Value = serde_json::from_str(&workspace.read("result.json")).unwrap();
        let artifact = &result["artifacts"]["layout"];
        assert_eq!((&artifact["state"], artifact.get("path")), (&"pulled".into(), None));
        assert_eq!(artifact["layers"].as_array().unwrap().len(), 1);
    }
    assert!(!workspace.exists("-"));
    let dry = ["pull", "oci:layout:v1", "--files", "a.txt", "-o", "-", "--dry-run"];
    assert_eq!(workspace.run().args(dry).call().success().stdout, "");
    // A folder of that name is told by its own.
    let folder = ["pull", "oci:layout:v1", "--files", "a.txt", "-o", "./-"];
    workspace.run().args(folder).call().success();
    assert_eq!(workspace.read("-/a.txt"), "the content\n");
}

#[test]
fn what_is_not_one_file_is_refused_with_the_way_out() {
    let workspace = pushed();
    let said = |arguments: &[&str], code: i32| {
        let run = workspace.run().args(["pull", "-o", "-"]).args(arguments.to_vec());
        let outcome = run.call();
        outcome.exit(code);
        assert_eq!(outcome.stdout, "", "{}", outcome.snapshot());
        outcome.stderr()
    };
    let spec = "artifacts: [{name: a, reference: 'oci:layout:v1'}, {name: b, reference: 'oci:layout:v1', output: o}]";
    workspace.write("spec.yaml", spec);
    let texts = [
        said(&["oci:layout:v1"], 2),
        said(&["oci:layout:v1", "--files", "d"], 2),
        said(&["-f", "spec.yaml"], 2),
        said(&["oci:layout:v1", "--files", "c.txt"], 4),
        said(&["oci:layout:v1", "--files", "a.txt", "--format", "json"], 2),
        said(
            &["oci:layout:v1", "--files", "c.txt", "--if-no-files-found", "ignore"],
            4,
        ),
        said(&["oci:nowhere:v1"], 4),
    ];
    insta::assert_snapshot!(texts.concat(), @r#"
    error: stdout takes one file, and oci:[WORK]/layout:v1 has 4
      hint: select one with `files`: a.txt, b.txt, d, command.txt
    error: "d" of oci:[WORK]/layout:v1 is a directory, and stdout takes one file
      hint: pull it into a folder with `output`, or get it packed: `oci-artifact inspect oci:[WORK]/layout:v1 --blob sha256:ab7a5fad422f986de39ca74eedf2cc0706b438e84fec6d3665f3fca8a1146669`
    error: stdout takes one file, and there are 2 artifacts
      hint: choose one with `only`: a, b
    error: oci:[WORK]/layout:v1: no file "c.txt"
      hint: its files are a.txt, b.txt, d, command.txt
    error: --output and --format are both given
      hint: stdout is for the file; `output-file` takes the JSON: leave one out
    error: oci:[WORK]/layout:v1 has no file for stdout
      hint: `oci-artifact inspect` shows what it has
    error: oci:[WORK]/nowhere:v1: not found
      hint: `oci-artifact list oci:[WORK]/nowhere` shows the tags that are there
    "#);
}

#[test]
fn wrong_bytes_never_leave() {
    let (workspace, registry) = (Workspace::new(), Registry::start());
    workspace.write("a.txt", "the content\n");
    let reference = registry.reference("a:v1");
    workspace.run().args(["push", &reference, "a.txt"]).call().success();
    registry.fault(Fault::on("GET", "/blobs/").always().answer(200).body("the kontent\n"));
    let outcome = workspace.run().args(["pull", &reference, "-o", "-"]).call();
    outcome.exit(7);
    assert_eq!(outcome.stdout, "");
}

#[test]
fn a_runner_gets_no_commands() {
    let workspace = pushed();
    let pull = |file: &str| {
        let run = workspace
            .run()
            .args(["pull", "oci:layout:v1", "-o", "-", "--files", file]);
        run.env("GITHUB_ACTIONS", "true").env("CI", "true").call()
    };
    assert_eq!(pull("a.txt").success().stdout, "the content\n");
    let refused = pull("command.txt");
    refused.exit(7);
    assert_eq!(refused.stdout, "");
    assert!(refused.stderr.contains("workflow command"), "{}", refused.snapshot());
}

/// More than stays in memory, to a reader that takes all of it, to one that goes away, and to one that takes nothing.
#[test]
fn large_files_are_streamed() {
    let workspace = Workspace::new();
    let large: Vec<u8> = (0..40_000_000_u32)
        .map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    workspace.write("large.bin", &large);
    workspace
        .run()
        .args(["push", "oci:layout:v1", "large.bin"])
        .call()
        .success();
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oci-artifact"));
        command
            .args(["pull", "oci:layout:v1", "-o", "-"])
            .current_dir(workspace.path())
            .env_clear();
        command
            .env("HOME", workspace.home())
            .env("TMPDIR", workspace.temporary());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let whole = start().wait_with_output().unwrap();
    assert!(whole.status.success() && whole.stdout == large);
    let mut partial = start();
    let mut few = [0; 1000];
    partial.stdout.take().unwrap().read_exact(&mut few).unwrap();
    let ended = partial.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(large.starts_with(&few));
    let mut stuck = start();
    let mut stdout = stuck.stdout.take().unwrap();
    stdout.read_exact(&mut few).unwrap();
    let id = rustix::process::Pid::from_raw(i32::try_from(stuck.id()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    let ended = stuck.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(143));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("stopped by a signal"));
    assert_eq!(fs_err::read_dir(workspace.temporary()).unwrap().count(), 0);
}

/// What can't be written is told: a file that is cut off must not pass for the whole.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_no_success() {
    let workspace = pushed();
    let mut command = Command::new(env!("CARGO_BIN_EXE_oci-artifact"));
    command.args(["pull", "oci:layout:v1", "-o", "-", "--files", "a.txt"]);
    command
        .current_dir(workspace.path())
        .env_clear()
        .env("HOME", workspace.home());
    let full = fs_err::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full.into_parts().0).output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(8),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
