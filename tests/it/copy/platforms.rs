//! `copy --platform`: a part of an index.

use oci_artifact::oci::names;
use serde_json::{Value, json};

use super::{artifact, blob, copy, digest, image, index, manifest_at, two_platforms};
use crate::support::registry::Registry;
use crate::support::runner::Workspace;

#[test]
fn one_platform_is_that_manifest_itself() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let (_, entries) = two_platforms(&from, "app");
    let args = [from.reference("app:v1"), to.reference("app")];
    let args = [args[0].as_str(), &args[1], "--platform", "linux/arm64"];
    let result = artifact(&copy(&workspace, &args));
    assert_eq!(result["digest"], entries[1]["digest"]);
    assert_eq!(to.tags("app"), [("v1".to_owned(), digest(&entries[1]).to_owned())]);
    assert_eq!(to.blobs("app").len(), 2);
    assert_eq!(artifact(&copy(&workspace, &args))["state"], "unchanged");
}

#[test]
fn several_platforms_are_a_new_index_of_the_same_entries() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let mut entries: Vec<Value> = ["linux/amd64", "linux/arm64", "windows/amd64"]
        .iter()
        .map(|platform| image(&from, "app", "", platform, platform))
        .collect();
    entries[2]["platform"]["os.features"] = json!(["win32k"]);
    entries[2]["x-unknown"] = json!({"b": 1, "a": 2});
    let whole = index(&from, "app", "v1", &entries);
    let args = [from.reference("app:v1"), to.reference("app")];
    let args = [args[0].as_str(), &args[1], "--platform", "windows/amd64\nlinux/amd64"];
    let outcome = copy(&workspace, &args);
    let result = artifact(&outcome);
    assert_ne!(result["digest"], whole["digest"]);
    assert!(outcome.stderr.contains("is a new one"), "{}", outcome.snapshot());
    let (media_type, bytes) = to.manifest("app", "v1").unwrap();
    assert_eq!(media_type, names::IMAGE_INDEX);
    let made: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(made["manifests"], json!([entries[0], entries[2]]));
    assert_eq!(made["x-other"], 1, "what else the index says is kept");
    assert_eq!(artifact(&copy(&workspace, &args))["state"], "unchanged");
    // All of them: the index itself.
    let all = [
        args[0],
        args[1],
        "--platform",
        "linux/amd64\nlinux/arm64\nwindows/amd64",
    ];
    assert_eq!(artifact(&copy(&workspace, &all))["digest"], whole["digest"]);
}

#[test]
fn a_platform_that_is_not_there_is_told_with_those_that_are() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    two_platforms(&from, "app");
    for platforms in ["linux/s390x", "linux/amd64\nlinux/s390x"] {
        let args = [from.reference("app:v1"), to.reference("app")];
        let outcome = copy(&workspace, &[&args[0], &args[1], "--platform", platforms]);
        outcome.exit(4);
        assert!(outcome.stderr.contains("linux/s390x"), "{}", outcome.snapshot());
        assert!(
            outcome.stderr.contains("its platforms are linux/amd64, linux/arm64"),
            "{}",
            outcome.snapshot()
        );
    }
    assert!(to.lines().is_empty());
}

#[test]
fn an_image_that_is_no_index_has_the_platform_of_its_config() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let entry = image(&from, "app", "v1", "x", "linux/arm64");
    let args = [from.reference("app:v1"), to.reference("app")];
    let run = |platform: &str| copy(&workspace, &[&args[0], &args[1], "--platform", platform]);
    let other = run("linux/amd64");
    other.exit(4);
    assert!(other.stderr.contains("linux/arm64 alone"), "{}", other.snapshot());
    assert_eq!(artifact(&run("linux/arm64"))["digest"], entry["digest"]);
    // As in a pull: what says nothing of platforms is for any.
    let config = blob(&from, "app", names::EMPTY, "{}");
    let manifest = json!({"mediaType": names::IMAGE_MANIFEST, "artifactType": "a/b", "config": config, "layers": []});
    let manifest = manifest_at(&from, "app", "v1", &manifest);
    assert_eq!(artifact(&run("linux/arm64"))["digest"], manifest["digest"]);
}
