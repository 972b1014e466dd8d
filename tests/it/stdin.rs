//! `-` among the files: what stdin gives, pushed as a file.

use crate::support::registry::Registry;
use crate::support::runner::{Run, Workspace};

/// The first layer of what a push made.
fn layer(run: Run<'_>) -> serde_json::Value {
    let outcome = run.args(["--format", "json"]).call();
    outcome.success();
    let json = outcome.json();
    let artifact = json["artifacts"].as_object().unwrap().values().next().unwrap().clone();
    artifact["layers"][0].clone()
}

#[test]
fn stdin_is_a_file_of_its_own() {
    let workspace = Workspace::new();
    let push = |arguments: &[&str]| workspace.run().arg("push").args(arguments.to_vec()).stdin("piped\n");
    let plain = layer(push(&["oci:layout:v1", "-"]));
    assert_eq!(
        (
            plain["title"].as_str(),
            plain["media-type"].as_str(),
            plain["size"].as_u64()
        ),
        (Some("stdin"), Some("application/octet-stream"), Some(6))
    );
    let typed = layer(push(&["oci:layout:v2", "-:text/plain"]));
    assert_eq!(typed["media-type"], "text/plain");
    let flag = layer(push(&["oci:layout:v3", "--files", "-:text/plain", "--concurrency=1"]));
    assert_eq!(flag, typed);
    let input = layer(
        workspace
            .run()
            .args(["push", "oci:layout:v3"])
            .env("OCI_ARTIFACT_FILES", "-")
            .stdin("piped\n"),
    );
    assert_eq!(input, plain);
    workspace
        .run()
        .args(["pull", "oci:layout:v1", "-o", "out"])
        .call()
        .success();
    assert_eq!(workspace.read("out/stdin"), "piped\n");
}

#[test]
fn a_spec_gives_it_a_title_and_pull_finds_it_again() {
    let workspace = Workspace::new();
    let spec = "\
artifacts:
  - name: a
    reference: oci:layout:a
    files: ['-']
  - name: b
    reference: oci:layout:b
    base: sub
    files:
      - {path: '-', title: dir/sbom.spdx.json, annotations: {a: b}}
";
    workspace.write("oci-artifact.yaml", spec);
    workspace.write("sub/other", "");
    let push = |only: &str| workspace.run().args(["push", "--only", only]).stdin("{}");
    assert_eq!(layer(push("a"))["title"], "stdin");
    let titled = layer(push("b"));
    assert_eq!(titled["title"], "dir/sbom.spdx.json");
    assert_eq!(titled["media-type"], "application/spdx+json");
    assert_eq!(titled["annotations"]["a"], "b");
    workspace.run().arg("pull").call().success();
    assert_eq!(workspace.read("stdin"), "{}");
    assert_eq!(workspace.read("sub/dir/sbom.spdx.json"), "{}");
    // Both at once would share it.
    let outcome = workspace.run().arg("push").stdin("{}").call();
    outcome.exit(2);
    insta::assert_snapshot!(outcome.stderr(), @r#"
    error: oci-artifact.yaml:9:16: "-" is stdin, which oci-artifact.yaml:4:13 reads already; it can be read once
      hint: put one of them into a file; a file that is named - is written ./-
    "#);
}

#[test]
fn stdin_is_read_once() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    let twice = workspace
        .run()
        .args(["push", "oci:layout:v1", "-", "-:text/plain"])
        .stdin("x")
        .call();
    twice.exit(2);
    let password = ["push", "localhost:1/a:v1", "a.txt", "-", "-u", "me", "--password-stdin"];
    let taken = workspace.run().args(password).stdin("x").call();
    taken.exit(2);
    workspace.write(
        "oci-artifact.yaml",
        "artifacts: [{reference: 'localhost:1/a:v1', files: ['-']}]",
    );
    let by_spec = ["push", "-u", "me", "--password-stdin", "--registry", "localhost:1"];
    let by_spec = workspace.run().args(by_spec).stdin("x").call();
    by_spec.exit(2);
    insta::assert_snapshot!([twice.stderr(), taken.stderr(), by_spec.stderr()].concat(), @r#"
    error: "-" is stdin, which another entry of `files` reads already; it can be read once
      hint: put one of them into a file; a file that is named - is written ./-
    error: argument FILE[:TYPE]: "-" is stdin, which --password-stdin reads already
      hint: set the password in the variable OCI_ARTIFACT_PASSWORD, or name a file
    error: oci-artifact.yaml:1:53: "-" is stdin, which --password-stdin reads already; it can be read once
      hint: put one of them into a file; a file that is named - is written ./-
    "#);
    assert!(!workspace.exists("layout"));
}

#[test]
fn an_empty_stdin_is_an_empty_file() {
    let workspace = Workspace::new();
    let layer = layer(workspace.run().args(["push", "oci:layout:v1", "-"]));
    assert_eq!(layer["size"], 0);
}

#[test]
fn a_file_named_so_is_told_by_its_folder() {
    let workspace = Workspace::new();
    workspace.write("-", "a file");
    let layer = layer(workspace.run().args(["push", "oci:layout:v1", "./-"]).stdin("piped"));
    assert_eq!((layer["title"].as_str(), layer["size"].as_u64()), (Some("-"), Some(6)));
}

#[test]
fn check_does_not_read_it() {
    let workspace = Workspace::new();
    workspace.write(
        "oci-artifact.yaml",
        "artifacts: [{name: a, reference: 'oci:l:v1', files: ['-'], config: c.json}]",
    );
    workspace.write("c.json", "{}");
    let outcome = workspace.run().arg("check").stdin("x").call();
    outcome.success();
    insta::assert_snapshot!(outcome.stdout(), @"
    a: oci:[WORK]/l
      tag            v1
      artifact type  application/vnd.unknown.artifact.v1
      config         c.json (application/vnd.unknown.config.v1+json, 2 B)
      file           stdin (application/octet-stream, of unknown size)
    ");
    workspace.write(
        "oci-artifact.yaml",
        "artifacts: [{reference: 'oci:l:v1', files: [{path: '-', hidden: false}]}]",
    );
    workspace.run().arg("check").call().exit(2);
}

/// More than stays in memory, over a registry that loses a request: what was read once is sent twice.
#[test]
fn a_large_stdin_survives_a_retry_and_a_second_push_sends_nothing() {
    let (workspace, registry) = (Workspace::new(), Registry::start());
    let large: Vec<u8> = (0..40_000_000_u32)
        .map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    registry.fault(crate::support::faults::Fault::on("PUT", "/blobs/uploads/").answer(503));
    let reference = registry.reference("a:v1");
    let push = || workspace.run().args(["push", &reference, "-"]).stdin(large.clone());
    assert_eq!(layer(push())["size"], 40_000_000);
    let again = push().call();
    again.success();
    assert!(again.stdout.contains("unchanged"), "{}", again.snapshot());
    workspace.run().args(["pull", &reference]).call().success();
    assert!(fs_err::read(workspace.path().join("stdin")).unwrap() == large);
    assert_eq!(fs_err::read_dir(workspace.temporary()).unwrap().count(), 0);
}

#[test]
fn an_attachment_comes_from_stdin() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    workspace
        .run()
        .args(["push", "oci:layout:v1", "a.txt"])
        .call()
        .success();
    let attach = [
        "attach",
        "oci:layout:v1",
        "-:application/spdx+json",
        "--artifact-type",
        "application/spdx+json",
    ];
    let attached = layer(workspace.run().args(attach).stdin("{}"));
    assert_eq!(
        (attached["title"].as_str(), attached["size"].as_u64()),
        (Some("stdin"), Some(2))
    );
}
