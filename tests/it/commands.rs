//! inspect, list, untag, delete, check, schema, help.

use crate::support::registry::Registry;
use crate::support::runner::Workspace;

fn two_tags(registry: &Registry) -> Workspace {
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    let reference = registry.reference("a:v1");
    workspace
        .run()
        .args(["push", &reference, "a.txt", "--tags", "latest"])
        .call()
        .success();
    workspace
}

#[test]
fn delete_by_tag_refuses_while_others_name_the_manifest() {
    let registry = Registry::start();
    let workspace = two_tags(&registry);
    let reference = registry.reference("a:v1");
    let refused = workspace
        .run()
        .args(["delete", &reference])
        .placeholder(registry.host(), "HOST")
        .call();
    refused.exit(5);
    insta::assert_snapshot!(refused.stderr(), @"
    error: [HOST]/a:v1: its manifest is also tagged latest, and would be gone for them too
      hint: `untag` removes this tag alone; `--force` deletes the manifest with all its tags
    ");
    assert_eq!(registry.tags("a").len(), 2);
    let dry = workspace
        .run()
        .args(["delete", &reference, "--force", "--dry-run"])
        .call();
    dry.success();
    assert_eq!(registry.tags("a").len(), 2);
    workspace.run().args(["delete", &reference, "--force"]).call().success();
    assert!(registry.tags("a").is_empty());
    workspace.run().args(["delete", &reference]).call().exit(4);
}

#[test]
fn untag_leaves_the_manifest() {
    let registry = Registry::start();
    let workspace = two_tags(&registry);
    let digest = registry.tags("a")[0].1.clone();
    workspace
        .run()
        .args(["untag", &registry.reference("a:latest")])
        .call()
        .success();
    assert_eq!(registry.tags("a"), [("v1".to_owned(), digest.clone())]);
    workspace
        .run()
        .args(["untag", &registry.reference("a"), "v1", "none"])
        .call()
        .exit(4);
    assert_eq!(registry.tags("a").len(), 1);
    workspace
        .run()
        .args(["untag", &registry.reference("a"), "v1"])
        .call()
        .success();
    assert!(registry.manifest("a", &digest).is_some());
}

#[test]
fn list_prints_a_tag_a_line() {
    let registry = Registry::start();
    let workspace = two_tags(&registry);
    let listed = workspace.run().args(["list", &registry.reference("a")]).call();
    assert_eq!(listed.stdout, "latest\nv1\n");
    workspace
        .run()
        .args(["list", &registry.reference("none")])
        .call()
        .exit(4);
}

#[test]
fn inspect_shows_what_is_there() {
    let registry = Registry::start();
    let workspace = two_tags(&registry);
    let reference = registry.reference("a:v1");
    let show = |flags: &[&str]| {
        workspace
            .run()
            .args(["inspect", &reference])
            .args(flags.to_vec())
            .call()
    };
    let (_, bytes) = registry.manifest("a", "v1").unwrap();
    assert_eq!(show(&["--raw"]).stdout.as_bytes(), bytes);
    assert_eq!(show(&["--digest"]).stdout.trim(), registry.tags("a")[0].1);
    assert_eq!(show(&["--config"]).stdout, "{}");
    let layer = oci_artifact::oci::Digest::of(b"a").to_string();
    assert_eq!(show(&["--blob", &layer]).stdout, "a");
    assert_eq!(show(&["--descriptor"]).json()["size"], bytes.len());
    let unknown = oci_artifact::oci::Digest::of(b"other").to_string();
    show(&["--blob", &unknown]).exit(4);
}

#[test]
fn check_prints_the_plan_without_a_request() {
    let registry = Registry::start();
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    workspace.write("d/b.txt", "b");
    workspace.write("config.json", "{}");
    workspace.write(
        "spec.yaml",
        format!(
            "registry: {}\nannotations: {{vendor: Example}}\nartifacts:\n\
             - reference: docs:v1\n  tags: [{{tag: v1.0, if-exists: fail}}]\n  artifact-type: test/docs\n  \
             files: [a.txt, {{path: d, compression: none}}]\n  config: config.json:a/b\n  platform: linux/arm64\n",
            registry.host()
        ),
    );
    let outcome = workspace
        .run()
        .args(["check", "spec.yaml"])
        .placeholder(registry.host(), "HOST")
        .call();
    outcome.success();
    insta::assert_snapshot!(outcome.stdout(), @"
    docs: [HOST]/docs
      tag            v1
      tag            v1.0 (must not exist with another digest)
      artifact type  test/docs
      platform       linux/arm64
      annotation     vendor=Example
      config         config.json (a/b, 2 B)
      file           a.txt (text/plain, 1 B)
      file           d (application/vnd.oci.image.layer.v1.tar, directory of 1 files, 1 B)
    ");
    assert!(registry.lines().is_empty());
}

#[test]
fn the_schema_is_the_committed_one() {
    let outcome = Workspace::new().run().args(["schema"]).call();
    assert_eq!(outcome.stdout, include_str!("../../schema/oci-artifact.schema.json"));
}

#[test]
fn a_program_does_not_publish_because_someone_typed_its_name() {
    let workspace = Workspace::new();
    workspace.write("oci-artifact.yaml", "artifacts: [{reference: 'oci:layout:v1'}]");
    let outcome = workspace.run().call();
    outcome.exit(2);
    assert!(outcome.stdout.contains("push"), "{}", outcome.snapshot());
    assert!(!workspace.exists("layout"));
    let in_ci = workspace.run().env("GITHUB_ACTIONS", "true").call();
    in_ci.success();
    assert!(workspace.exists("layout"));
}

#[test]
fn nothing_there_is_4_and_says_so() {
    let (workspace, registry) = (Workspace::new(), Registry::start());
    for command in ["pull", "inspect", "delete", "untag"] {
        let outcome = workspace.run().args([command, &registry.reference("none:v1")]).call();
        outcome.exit(4);
        assert!(outcome.stderr.contains("not found"), "{}", outcome.snapshot());
    }
}
