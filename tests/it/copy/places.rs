//! What can and can't be copied where.

use oci_artifact::oci::names;
use serde_json::{Value, json};

use super::{artifact, blob, copy, digest, image, index, manifest_at, two_platforms};
use crate::support::registry::{Auth, Options, Registry};
use crate::support::runner::Workspace;

#[test]
fn source_and_target_must_differ_in_something() {
    let (workspace, registry) = (Workspace::new(), Registry::start());
    two_platforms(&registry, "app");
    let reference = registry.reference("app:v1");
    for target in [reference.clone(), registry.reference("app")] {
        let outcome = copy(&workspace, &[&reference, &target]);
        outcome.exit(2);
        assert!(outcome.stderr.contains("are the same"), "{}", outcome.snapshot());
    }
    assert!(registry.lines().is_empty());
    let tagged = artifact(&copy(&workspace, &[&reference, &registry.reference("app:v2")]));
    assert_eq!((&tagged["state"], &tagged["tags"]), (&json!("copied"), &json!(["v2"])));
    let put = registry.lines().into_iter().filter(|line| !line.starts_with("HEAD "));
    let put: Vec<String> = put.collect();
    assert_eq!(put.len(), 2, "one GET of the manifest, one PUT of the tag: {put:?}");
}

#[test]
fn a_digest_at_the_target_is_what_must_arrive() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let (whole, entries) = two_platforms(&from, "app");
    let source = from.reference("app:v1");
    let wrong = copy(
        &workspace,
        &[&source, &to.reference(&format!("app@{}", digest(&entries[0])))],
    );
    wrong.exit(7);
    assert!(to.lines().is_empty());
    let right = copy(
        &workspace,
        &[&source, &to.reference(&format!("app@{}", digest(&whole)))],
    );
    assert_eq!(artifact(&right)["tags"], json!([]));
    assert!(to.tags("app").is_empty());
    assert!(to.manifest("app", digest(&whole)).is_some());
}

#[test]
fn what_is_not_there_is_told() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let outcome = copy(&workspace, &[&from.reference("app:v1"), &to.reference("app")]);
    outcome.exit(4);
    let (_, entries) = two_platforms(&from, "app");
    let neither = copy(&workspace, &[&from.reference("app"), &to.reference("app")]);
    neither.exit(2);
    assert!(neither.stderr.contains("its tags are v1"), "{}", neither.snapshot());
    // Listed, but gone.
    let mut gone = entries[0].clone();
    gone["digest"] = json!(format!("sha256:{}", "ab".repeat(32)));
    index(&from, "app", "v2", &[entries[1].clone(), gone]);
    let outcome = copy(&workspace, &[&from.reference("app:v2"), &to.reference("app")]);
    outcome.exit(4);
    assert!(outcome.stderr.contains("abab"), "{}", outcome.snapshot());
    assert!(to.tags("app").is_empty());
}

#[test]
fn old_and_unknown_kinds_of_manifests_are_refused_by_name() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let schema1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    let old = json!({"mediaType": schema1, "schemaVersion": 1, "fsLayers": []});
    let entry = manifest_at(&from, "app", "", &old);
    index(&from, "app", "v1", &[entry]);
    let outcome = copy(&workspace, &[&from.reference("app:v1"), &to.reference("app")]);
    outcome.exit(7);
    assert!(outcome.stderr.contains(schema1), "{}", outcome.snapshot());
    assert!(outcome.stderr.contains("schema 2"), "{}", outcome.snapshot());
}

#[test]
fn every_kind_of_manifest_that_is_read_is_copied_as_it_is() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let layer = blob(&from, "app", names::LAYER_TAR, "layer");
    let config = blob(&from, "app", names::EMPTY, "{}");
    for media_type in [names::DOCKER_MANIFEST, names::ARTIFACT_MANIFEST, names::ORAS_MANIFEST] {
        let manifest = match media_type {
            names::DOCKER_MANIFEST => json!({"mediaType": media_type, "config": config, "layers": [layer]}),
            _ => json!({"mediaType": media_type, "artifactType": "a/b", "blobs": [layer]}),
        };
        let manifest = manifest_at(&from, "app", "v1", &manifest);
        artifact(&copy(&workspace, &[&from.reference("app:v1"), &to.reference("app")]));
        assert_eq!(
            to.manifest("app", "v1"),
            from.manifest("app", digest(&manifest)),
            "{media_type}"
        );
    }
    let list = json!({"mediaType": names::DOCKER_LIST, "manifests": [image(&from, "app", "", "x", "linux/amd64")]});
    let list = manifest_at(&from, "app", "v1", &list);
    artifact(&copy(&workspace, &[&from.reference("app:v1"), &to.reference("app")]));
    assert_eq!(to.manifest("app", "v1"), from.manifest("app", digest(&list)));
}

#[test]
fn lists_of_lists_have_an_end() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let mut entry = image(&from, "app", "", "x", "linux/amd64");
    for depth in 0..40 {
        let tag = if depth == 39 { "bomb" } else { "" };
        entry = index(&from, "app", tag, &[entry]);
        if depth == 20 {
            from.seed_manifest(
                "app",
                "deep",
                names::IMAGE_INDEX,
                from.manifest("app", digest(&entry)).unwrap().1,
            );
        }
    }
    artifact(&copy(&workspace, &[&from.reference("app:deep"), &to.reference("app")]));
    to.clear_requests();
    let outcome = copy(&workspace, &[&from.reference("app:bomb"), &to.reference("other")]);
    outcome.exit(7);
    assert!(outcome.stderr.contains("deep"), "{}", outcome.snapshot());
    assert!(to.lines().iter().all(|line| line.starts_with("HEAD ")));
}

#[test]
fn each_registry_gets_its_own_credential() {
    let workspace = Workspace::new();
    let locked = |user, password| {
        Registry::with(Options {
            auth: Auth::Basic(user, password),
            ..Options::default()
        })
    };
    let (from, to) = (locked("reader", "one"), locked("writer", "two"));
    let (whole, _) = two_platforms(&from, "app");
    let auth: Value = json!([
        {"registry": from.host(), "username": "reader", "password": "one"},
        {"registry": to.host(), "username": "writer", "password": "two"},
    ]);
    let run = workspace.run().env("OCI_ARTIFACT_AUTH", auth.to_string());
    let outcome = run
        .args(["copy", &from.reference("app:v1"), &to.reference("app")])
        .call();
    outcome.success().keeps_secret(&["one\"", "two\""]);
    assert!(to.manifest("app", digest(&whole)).is_some());
}

#[test]
fn layouts_and_registries_in_every_direction() {
    let (workspace, registry) = (Workspace::new(), Registry::start());
    let (whole, _) = two_platforms(&registry, "app");
    let steps = [
        (registry.reference("app:v1"), "oci:one".to_owned()),
        ("oci:one:v1".to_owned(), "oci:two:v1".to_owned()),
        ("oci:two:v1".to_owned(), "oci-archive:three.tar".to_owned()),
        ("oci-archive:three.tar:v1".to_owned(), "oci-archive:four.tar".to_owned()),
        ("oci-archive:four.tar:v1".to_owned(), "oci:five".to_owned()),
        ("oci:five:v1".to_owned(), registry.reference("back")),
    ];
    for (source, target) in &steps {
        let result = artifact(&copy(&workspace, &[source, target]));
        assert_eq!(
            (&result["state"], &result["digest"]),
            (&json!("copied"), &whole["digest"]),
            "{target}"
        );
        assert_eq!(result["tags"], json!(["v1"]), "{target}");
        let again = artifact(&copy(&workspace, &[source, target]));
        assert_eq!(again["state"], "unchanged", "{target}");
    }
    assert_eq!(registry.blobs("back"), registry.blobs("app"));
    assert_eq!(registry.manifest("back", "v1"), registry.manifest("app", "v1"));
}
