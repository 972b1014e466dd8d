//! The same files, the same digest: whatever the machine's time, umask, locale, time zone and number of cores.

use crate::support::runner::Workspace;

const SPEC: &str = "artifacts: [{name: x, reference: 'oci:../layout:v1', files: [a.txt, {path: d}, 'e/*']}]";

fn checkout(name: &str, workspace: &Workspace, umask: u32, mtime: u64) {
    use std::os::unix::fs::PermissionsExt as _;
    let text: String = (0..300_000).map(|number| format!("line {number}\n")).collect();
    for (path, bytes, executable) in [
        ("a.txt", "a", false),
        ("d/big.txt", text.as_str(), false),
        ("d/run.sh", "#!/bin/sh\n", true),
        ("d/b/empty", "", false),
        ("e/é.json", "{}", false),
        ("oci-artifact.yaml", SPEC, false),
    ] {
        let path = workspace.write(&format!("{name}/{path}"), bytes);
        let mode = if executable { 0o777 } else { 0o666 } & !umask;
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(mtime);
        fs_err::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .file()
            .set_modified(time)
            .unwrap();
    }
}

#[test]
fn two_checkouts_give_one_digest() {
    let workspace = Workspace::new();
    checkout("one", &workspace, 0o022, 1_000_000_000);
    checkout("two", &workspace, 0o077, 1_700_000_000);
    let digest = |name: &str, zone: &str, locale: &str| {
        let run = workspace
            .run()
            .directory(name)
            .args(["push", "--format", "json", "--allow-outside"]);
        let outcome = run.env("TZ", zone).env("LC_ALL", locale).call();
        outcome.success();
        (
            outcome.json()["artifacts"]["x"]["digest"].clone(),
            outcome.json()["artifacts"]["x"]["state"].clone(),
        )
    };
    let (first, _) = digest("one", "UTC", "C");
    let (second, state) = digest("two", "Asia/Tokyo", "de_DE.UTF-8");
    assert_eq!(first, second);
    assert_eq!(state, "unchanged");
    // On one core, where the system has a program for that.
    let pinned = "/usr/bin/taskset";
    if std::path::Path::new(pinned).exists() {
        let program = env!("CARGO_BIN_EXE_oci-artifact");
        let run = workspace.run().directory("two").program(pinned);
        let outcome = run
            .args(["-c", "0", program, "push", "--format", "json", "--allow-outside"])
            .call();
        assert_eq!(
            outcome.json()["artifacts"]["x"]["digest"],
            first,
            "{}",
            outcome.snapshot()
        );
    }
    // Wire format: a change here is a major version.
    insta::assert_snapshot!(first.as_str().unwrap(), @"sha256:f1c1f13093730bbb6e3eedbe23f14231832ee6889fd18a62d70c8be2d250971f");
}

#[test]
fn source_date_epoch_is_the_time_of_everything() {
    let workspace = Workspace::new();
    workspace.write("d/a", "a");
    let run = |epoch: &str| {
        let run = workspace
            .run()
            .args(["push", "oci:layout:v1", "d"])
            .env("SOURCE_DATE_EPOCH", epoch);
        run.call()
    };
    run("1749097588").success();
    let manifest = workspace.run().args(["inspect", "oci:layout:v1"]).call().json();
    assert_eq!(
        manifest["annotations"]["org.opencontainers.image.created"],
        "2025-06-05T04:26:28Z"
    );
    workspace
        .run()
        .args(["pull", "oci:layout:v1", "-o", "out"])
        .call()
        .success();
    run("yesterday").exit(2);
}
