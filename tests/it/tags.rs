//! tag, untag and list: what they ask, what they refuse, what they leave.

use crate::support::faults::Fault;
use crate::support::peers::{Access, Peer, program};
use crate::support::registry::{Options, Registry};
use crate::support::runner::{Outcome, Workspace};

/// `a:v1` with one file.
fn pushed(registry: &Registry) -> (Workspace, String) {
    let workspace = Workspace::new();
    push(&workspace, &registry.reference("a:v1"), "one");
    registry.clear_requests();
    (workspace, registry.tags("a")[0].1.clone())
}

fn push(workspace: &Workspace, reference: &str, text: &str) {
    workspace.write("a.txt", text);
    workspace.run().args(["push", reference, "a.txt"]).call().success();
}

fn call(workspace: &Workspace, registry: &Registry, args: &[&str]) -> Outcome {
    workspace
        .run()
        .args(args.to_vec())
        .placeholder(registry.host(), "HOST")
        .call()
}

#[test]
fn a_tag_is_one_look_and_one_put() {
    let registry = Registry::start();
    let (workspace, digest) = pushed(&registry);
    let reference = registry.reference("a:v1");
    let outcome = call(&workspace, &registry, &["tag", &reference, "v2", "latest", "v2"]);
    insta::assert_snapshot!(outcome.success().stdout().replace(&digest, "[DIGEST]"), @"
    a: tagged
      [HOST]/a@[DIGEST]
      tags: v2, latest
    ");
    let mut lines = registry.lines();
    lines[1..3].sort();
    assert_eq!(
        lines,
        [
            "GET /v2/a/manifests/v1",
            "HEAD /v2/a/manifests/latest",
            "HEAD /v2/a/manifests/v2",
            "PUT /v2/a/manifests/v2",
            "PUT /v2/a/manifests/latest",
        ]
    );
    assert!(registry.tags("a").iter().all(|(_, named)| *named == digest));
    assert_eq!(registry.tags("a").len(), 3);

    registry.clear_requests();
    let again = call(
        &workspace,
        &registry,
        &["tag", &reference, "v2", "latest", "--format", "json"],
    );
    assert_eq!(again.success().json()["artifacts"]["a"]["state"], "unchanged");
    assert!(registry.lines().iter().all(|line| !line.starts_with("PUT")));
    let digest_too = format!("{}@{digest}", registry.reference("a"));
    let json = call(&workspace, &registry, &["tag", &digest_too, "v3", "--format", "json"]).json();
    assert_eq!(json["artifacts"]["a"]["state"], "tagged");
    assert_eq!(json["artifacts"]["a"]["tags"], serde_json::json!(["v3"]));
    assert_eq!(json["artifacts"]["a"]["digest"], *digest);
    call(&workspace, &registry, &["tag", &registry.reference("a:none"), "v4"]).exit(4);
    call(&workspace, &registry, &["tag", &reference]).exit(2);
}

#[test]
fn a_policy_is_looked_at_first_and_right_before_the_put() {
    let registry = Registry::start();
    let (workspace, one) = pushed(&registry);
    push(&workspace, &registry.reference("a:v2"), "two");
    let (reference, fail) = (registry.reference("a:v1"), ["--if-exists", "fail"]);
    let two = registry.tags("a")[1].1.clone();
    assert_ne!(one, two);

    let refused = call(
        &workspace,
        &registry,
        &[&["tag", &reference, "new", "v2"], &fail[..]].concat(),
    );
    let told = refused.exit(5).stderr().replace(&one, "[ONE]").replace(&two, "[TWO]");
    insta::assert_snapshot!(told, @"
    error: [HOST]/a:v2 exists with the digest [TWO]
      hint: this would be [ONE]; use another tag, or set `if-exists: replace`
    ");
    assert_eq!(registry.tags("a").len(), 2);

    let skip = ["tag", &reference, "v2", "--if-exists", "skip", "--format", "json"];
    let skipped = call(&workspace, &registry, &skip);
    assert_eq!(skipped.success().json()["artifacts"]["a"]["state"], "skipped");
    assert_eq!(skipped.json()["artifacts"]["a"]["digest"], *two);

    // Made by another job between the first look and the PUT.
    registry.fault(Fault::on("HEAD", "/manifests/v2").answer(404));
    call(&workspace, &registry, &[&["tag", &reference, "v2"], &fail[..]].concat()).exit(5);
    assert_eq!(registry.tags("a")[1].1, two);

    call(&workspace, &registry, &["tag", &reference, "v2", "--dry-run"]).success();
    assert_eq!(registry.tags("a")[1].1, two);
    call(&workspace, &registry, &["tag", &reference, "v2"]).success();
    assert_eq!(registry.tags("a")[1].1, one);
}

#[test]
fn untag_takes_nothing_unless_all_are_there() {
    let registry = Registry::start();
    let (workspace, digest) = pushed(&registry);
    let repository = registry.reference("a");
    call(&workspace, &registry, &["tag", &registry.reference("a:v1"), "v2", "v3"]).success();
    call(&workspace, &registry, &["untag", &repository, "v2", "none"]).exit(4);
    call(&workspace, &registry, &["untag", &repository, "v2", "--dry-run"]).success();
    assert_eq!(registry.tags("a").len(), 3);
    let json = call(
        &workspace,
        &registry,
        &["untag", &repository, "v2", "v3", "v2", "--format", "json"],
    );
    assert_eq!(
        json.success().json()["artifacts"]["a"]["tags"],
        serde_json::json!(["v2", "v3"])
    );
    assert_eq!(registry.tags("a"), [("v1".to_owned(), digest)]);
}

#[test]
fn where_tags_cannot_be_deleted_the_way_is_named() {
    let registry = Registry::with(Options {
        tag_delete: false,
        ..Options::default()
    });
    let (workspace, _) = pushed(&registry);
    let outcome = call(&workspace, &registry, &["untag", &registry.reference("a:v1")]);
    outcome.exit(5);
    assert!(
        outcome.stderr.contains("405 Method Not Allowed"),
        "{}",
        outcome.snapshot()
    );
    assert!(
        outcome.stderr.contains("its operator may switch it on"),
        "{}",
        outcome.snapshot()
    );
    assert_eq!(registry.tags("a").len(), 1);
}

#[test]
fn lists_of_referrers_can_be_left_out() {
    let registry = Registry::start();
    let (workspace, digest) = pushed(&registry);
    let list = format!("sha256-{}", digest.strip_prefix("sha256:").unwrap());
    registry.seed_manifest(
        "a",
        &list,
        "application/vnd.oci.image.index.v1+json",
        r#"{"manifests":[]}"#,
    );
    let listed = |flags: &[&str]| {
        let outcome = call(
            &workspace,
            &registry,
            &[&["list", &registry.reference("a")], flags].concat(),
        );
        outcome.success().stdout.clone()
    };
    assert_eq!(listed(&[]), format!("{list}\nv1\n"));
    assert_eq!(listed(&["--exclude-digest-tags"]), "v1\n");
}

/// On layouts, and on registries of others: what crane and ORAS then see.
#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn tags_of_ours_are_tags_to_others() {
    for peer in [
        Peer::olareg(Access::default()),
        Peer::distribution(Access::default()),
        Peer::crane(),
    ] {
        let workspace = Workspace::new();
        let reference = format!("{}/a:v1", peer.host());
        push(&workspace, &reference, "one");
        workspace.run().args(["tag", &reference, "v2", "v3"]).call().success();
        workspace.run().args(["untag", &reference]).call().success();
        let run = workspace.run().program(program("crane"));
        let seen = run.args(["ls", &format!("{}/a", peer.host())]).call();
        assert_eq!(seen.success().stdout, "v2\nv3\n");
    }
    let workspace = Workspace::new();
    push(&workspace, "oci:layout:v1", "one");
    workspace.run().args(["tag", "oci:layout:v1", "v2"]).call().success();
    workspace.run().args(["untag", "oci:layout:v1"]).call().success();
    let run = workspace.run().program(program("oras"));
    let seen = run.args(["repo", "tags", "--oci-layout", "layout"]).call();
    assert_eq!(seen.success().stdout.trim(), "v2");
}

#[test]
fn the_tag_of_a_list_of_referrers_stays_unless_forced() {
    let registry = Registry::with(Options {
        referrers: false,
        ..Options::default()
    });
    let workspace = Workspace::new();
    push(&workspace, &registry.reference("a:v1"), "a");
    crate::support::attach::attach(&registry.reference("a:v1"), "test/sbom", "1");
    let list = registry
        .tags("a")
        .into_iter()
        .map(|(tag, _)| tag)
        .find(|tag| tag.starts_with("sha256-"))
        .unwrap();
    let reference = registry.reference(&format!("a:{list}"));
    let refused = call(&workspace, &registry, &["untag", &reference]);
    refused.exit(5);
    assert!(
        refused.stderr.contains("holds the list of what refers"),
        "{}",
        refused.snapshot()
    );
    call(&workspace, &registry, &["untag", &reference, "--force"]).success();
}
