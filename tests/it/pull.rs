//! `pull` as a user sees it.

use crate::support::registry::Registry;
use crate::support::runner::Workspace;

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

/// A pushed artifact with a file, an executable, a hidden file and a link in a directory.
fn pushed() -> Workspace {
    use std::os::unix::fs::PermissionsExt as _;
    let workspace = Workspace::new();
    workspace.write("src/readme.md", "Readme Content\n");
    let tool = workspace.write("src/bin/tool", "#!/bin/sh\n");
    fs_err::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
    workspace.write("src/details/deep/a.txt", "a");
    workspace.write("src/details/.hidden", "h");
    fs_err::os::unix::fs::symlink("deep/a.txt", workspace.path().join("src/details/link")).unwrap();
    let arguments = ["push", "oci:../layout:v1", "readme.md", "bin/tool", "details"];
    workspace.run().directory("src").args(arguments).call().success();
    workspace
}

#[test]
fn what_was_pushed_comes_back() {
    use std::os::unix::fs::PermissionsExt as _;
    let workspace = pushed();
    let outcome = workspace.run().args(["pull", "oci:layout:v1", "-o", "out"]).call();
    outcome.success();
    assert_eq!(workspace.tree("src"), workspace.tree("out"));
    let mode = fs_err::metadata(workspace.path().join("out/bin/tool"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o755);
    insta::assert_snapshot!(outcome.stdout(), @"
    layout: pulled (3 files, 215 B) to [WORK]/out
      oci:[WORK]/layout@sha256:94df7cb7f163cb74daff31d659be3de6fb995d36c64dce246796b3cffe4981fb
      tags: v1
      [WORK]/out/readme.md
      [WORK]/out/bin/tool
      [WORK]/out/details
    ");
}

#[test]
fn a_second_pull_fetches_no_file_again() {
    let workspace = pushed();
    let arguments = [
        "pull",
        "oci:layout:v1",
        "-o",
        "out",
        "--format",
        "json",
        "--files",
        "readme.md",
    ];
    let first = workspace.run().args(arguments).call();
    assert_eq!(first.json()["artifacts"]["layout"]["state"], "pulled");
    let second = workspace.run().args(arguments).call();
    assert_eq!(second.json()["artifacts"]["layout"]["state"], "unchanged");
    workspace.write("out/readme.md", "changed");
    let third = workspace.run().args(arguments).call();
    assert_eq!(third.json()["artifacts"]["layout"]["state"], "pulled");
    assert_eq!(workspace.read("out/readme.md"), "Readme Content\n");
}

#[test]
fn a_directory_that_is_there_is_not_fetched_again() {
    let (workspace, registry) = (Workspace::new(), Registry::start());
    workspace.write("d/deep/a.txt", "a");
    workspace.write("d/.hidden", "h");
    let reference = registry.reference("a:v1");
    workspace.run().args(["push", &reference, "d"]).call().success();
    let pull = || {
        let arguments = ["pull", &reference, "-o", "out", "--format", "json"];
        let outcome = workspace.run().args(arguments).call();
        outcome.success();
        outcome.json()["artifacts"]["a"]["state"].clone()
    };
    assert_eq!(pull(), "pulled");
    registry.clear_requests();
    assert_eq!(pull(), "unchanged");
    assert!(
        registry.lines().iter().all(|line| !line.contains("/blobs/")),
        "{:?}",
        registry.lines()
    );
    workspace.write("out/d/deep/a.txt", "b");
    assert_eq!(pull(), "pulled");
    assert_eq!(workspace.read("out/d/deep/a.txt"), "a");
}

#[test]
fn files_selects_by_title() {
    let workspace = pushed();
    workspace
        .run()
        .args(["pull", "oci:layout:v1", "-o", "out", "--files", "*.md"])
        .call()
        .success();
    assert_eq!(workspace.tree("out").into_keys().collect::<Vec<_>>(), ["readme.md"]);
    let missing = workspace
        .run()
        .args(["pull", "oci:layout:v1", "-o", "out", "--files", "nothing"])
        .call();
    missing.exit(4);
    let wrong = workspace
        .run()
        .args(["pull", "oci:layout:v1", "-o", "out", "--files", "readme.md:text/html"])
        .call();
    wrong.exit(7);
    let kind = workspace
        .run()
        .args(["pull", "oci:layout:v1", "-o", "out", "--artifact-type", "a/b"])
        .call();
    kind.exit(7);
}

#[test]
fn a_spec_restores_the_tree_that_push_read() {
    let workspace = Workspace::new();
    workspace.write("build/a.txt", "a");
    workspace.write("build/d/b.txt", "b");
    workspace.write(
        "oci-artifact.yaml",
        "artifacts: [{name: x, reference: 'oci:layout:x', base: build, files: [a.txt, d]}]",
    );
    workspace.run().args(["push"]).call().success();
    let before = workspace.tree("build");
    fs_err::remove_dir_all(workspace.path().join("build")).unwrap();
    workspace.run().args(["pull"]).call().success();
    assert_eq!(workspace.tree("build"), before);
}

#[test]
fn from_pulls_exactly_what_was_pushed() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "one");
    let push = ["push", "oci:layout:v1", "a.txt", "--output-file", "result.json"];
    workspace.run().args(push).call().success();
    let result = workspace.read("result.json");
    workspace.write("a.txt", "two");
    workspace.run().args(push).call().success();
    workspace
        .run()
        .args(["pull", "--output", "out"])
        .env("OCI_ARTIFACT_FROM", &result)
        .call()
        .success();
    assert_eq!(workspace.read("out/a.txt"), "one");
    let none = workspace
        .run()
        .args(["pull", "--files", "b.txt"])
        .env("OCI_ARTIFACT_FROM", &result)
        .call();
    none.exit(4);
    let junk = workspace.run().args(["pull", "--from", "{}"]).call();
    junk.exit(2);
}

#[test]
fn a_reference_without_tag_lists_the_tags() {
    let outcome = pushed().run().args(["pull", "oci:layout"]).call();
    outcome.exit(2);
    insta::assert_snapshot!(outcome.stderr(), @"
    pulling 1 artifact
    error: reference oci:[WORK]/layout has neither a tag nor a digest
      hint: add :TAG or @DIGEST; its tags are v1
    ");
}

#[test]
fn two_artifacts_that_write_one_path_are_refused_before_a_request() {
    let (workspace, registry) = (Workspace::new(), Registry::start());
    let (one, two) = (registry.reference("one:v1"), registry.reference("two:v1"));
    let spec = format!("artifacts: [{{reference: '{one}', files: [a]}}, {{reference: '{two}', files: [a]}}]");
    workspace.write("oci-artifact.yaml", spec);
    let outcome = workspace.run().args(["pull"]).call();
    outcome.exit(2);
    assert!(outcome.stderr.contains("a second time"), "{}", outcome.snapshot());
    assert!(registry.lines().is_empty());
}

#[test]
fn wrong_bytes_end_with_7_and_leave_nothing() {
    let (workspace, registry) = (Workspace::new(), Registry::start());
    workspace.write("a.txt", "good");
    let reference = registry.reference("a:v1");
    workspace.run().args(["push", &reference, "a.txt"]).call().success();
    let layer = oci_artifact::oci::Digest::of(b"good").to_string();
    for lie in ["evil", "longer than it says", "sh"] {
        registry.lie_about_blob("a", &layer, lie);
        let outcome = workspace
            .run()
            .args(["pull", &reference, "-o", "out", "--retries", "0"])
            .call();
        assert!(matches!(outcome.code, Some(6 | 7)), "{}", outcome.snapshot());
        assert!(!workspace.exists("out/a.txt") && workspace.tree("out").is_empty());
    }
    let manifest = registry.tags("a")[0].1.clone();
    registry.lie_about_manifest("a", &manifest, IMAGE, "{}");
    let by_digest = format!("{}@{manifest}", registry.reference("a"));
    workspace.run().args(["pull", &by_digest, "-o", "out"]).call().exit(7);
}

#[test]
fn an_artifact_without_titles_is_no_silent_success() {
    let (workspace, registry) = (Workspace::new(), Registry::start());
    let layer = registry.seed_blob("a", "x");
    let config = registry.seed_blob("a", "{}");
    let json = format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{{"mediaType":"a/b","digest":"{config}","size":2}},
        "layers":[{{"mediaType":"a/b","digest":"{layer}","size":1}}]}}"#
    );
    registry.seed_manifest("a", "v1", IMAGE, json);
    workspace
        .run()
        .args(["pull", &registry.reference("a:v1")])
        .call()
        .exit(4);
}

/// The article's own manifest form, of image-spec 1.1.0-rc1: read, never written.
#[test]
fn the_legacy_artifact_manifest_is_read() {
    let (workspace, registry) = (Workspace::new(), Registry::start());
    let kind = "application/vnd.oci.artifact.manifest.v1+json";
    let layer = registry.seed_blob("a", "Readme Content\n");
    let json = format!(
        r#"{{"mediaType":"{kind}","artifactType":"readme/example","blobs":[{{"mediaType":"application/markdown",
        "digest":"{layer}","size":15,"annotations":{{"org.opencontainers.image.title":"readme.md"}}}}]}}"#
    );
    registry.seed_manifest("a", "v1", kind, json);
    let reference = registry.reference("a:v1");
    workspace
        .run()
        .args(["pull", &reference, "--artifact-type", "readme/example"])
        .call()
        .success();
    assert_eq!(workspace.read("readme.md"), "Readme Content\n");
    let shown = workspace.run().args(["inspect", &reference]).call();
    assert_eq!(shown.json()["blobs"][0]["size"], 15);
}

/// 1.0 packing: the artifact type is the config's media type.
#[test]
fn packing_of_1_0_is_read() {
    let (workspace, registry) = (Workspace::new(), Registry::start());
    let layer = registry.seed_blob("a", "x");
    let config = registry.seed_blob("a", "{}");
    let json = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"old/type","digest":"{config}","size":2}},"layers":[{{
        "mediaType":"a/b","digest":"{layer}","size":1,"annotations":{{"org.opencontainers.image.title":"x"}}}}]}}"#
    );
    registry.seed_manifest("a", "v1", IMAGE, json);
    let reference = registry.reference("a:v1");
    workspace
        .run()
        .args(["pull", &reference, "--artifact-type", "old/type"])
        .call()
        .success();
    assert_eq!(workspace.read("x"), "x");
}

#[test]
fn a_read_only_output_is_a_local_error() {
    let workspace = pushed();
    workspace.write("out", "a file where the folder should be");
    let outcome = workspace.run().args(["pull", "oci:layout:v1", "-o", "out"]).call();
    outcome.exit(8);
    assert_eq!(workspace.read("out"), "a file where the folder should be");
}
