//! What a person meets who uses the program for a day: the cases that no other file is about.

use crate::support::runner::{Run, Workspace};

/// A run as the runner of GitHub Actions starts it.
fn job(workspace: &Workspace) -> Run<'_> {
    workspace.write("github/output", "");
    workspace
        .run()
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_OUTPUT", workspace.path().join("github/output").as_str())
        .env("GITHUB_WORKSPACE", workspace.path().as_str())
}

#[test]
fn bytes_that_give_the_runner_commands_are_not_printed_in_a_job() {
    let workspace = Workspace::new();
    workspace.write("config.json", "{}\n::set-output name=digest::evil\n");
    workspace.write("a.txt", "a");
    let spec = "artifacts: [{reference: 'oci:layout:v1', files: [a.txt], config: config.json}]";
    workspace.write("oci-artifact.yaml", spec);
    workspace.run().arg("push").call().success();
    let show = ["inspect", "oci:layout:v1", "--config"];
    let refused = job(&workspace).args(show).call();
    refused.exit(7);
    assert_eq!(refused.stdout, "");
    assert!(refused.stderr.contains("add `> FILE`"), "{}", refused.snapshot());
    assert!(
        workspace.read("github/output").contains("\n7\n"),
        "the outputs know of it"
    );
    let raw = job(&workspace).args(["inspect", "oci:layout:v1", "--raw"]).call();
    raw.success();
    assert!(raw.stdout.starts_with('{'));
    let program = env!("CARGO_BIN_EXE_oci-artifact");
    let script = format!("exec {program} {} > shown", show.join(" "));
    job(&workspace)
        .program("/bin/sh")
        .args(["-c", &script])
        .call()
        .success();
    assert_eq!(workspace.read("shown"), workspace.read("config.json"));
    let at_home = workspace.run().args(show).call();
    assert_eq!(at_home.success().stdout, workspace.read("config.json"));
}

#[test]
fn json_in_a_log_has_the_values_that_it_has_in_a_file() {
    let workspace = Workspace::new();
    let evil = "###[set-output name=digest]x\u{85}\u{200b}#\u{ad}#[y]\u{feff}\u{e0041}::z é";
    workspace.write("a.txt", "a");
    let arguments = [
        "push",
        "oci:layout:v1",
        "a.txt",
        "--format",
        "json",
        "--output-file",
        "result.json",
    ];
    let annotation = format!("com.example.evil={evil}");
    let outcome = job(&workspace)
        .args(arguments)
        .args(["--annotations", &annotation])
        .call();
    outcome.success();
    let file: serde_json::Value = serde_json::from_str(&workspace.read("result.json")).unwrap();
    assert_eq!(outcome.json(), file);
    let shown = job(&workspace).args(["inspect", "oci:layout:v1"]).call();
    assert_eq!(
        shown.json()["annotations"]["com.example.evil"],
        evil,
        "{}",
        shown.snapshot()
    );
    for text in [&outcome.stdout, &shown.stdout] {
        assert!(
            !text.contains("##[") && !text.contains(['\u{85}', '\u{200b}']),
            "{text}"
        );
    }
}
