//! `oras discover`, a row a test.

use std::collections::BTreeMap;

use serde_json::Value;

use super::both::{Both, text, with};

/// A tree of referrers: digest and artifact type, and what refers to them.
#[derive(Debug, PartialEq)]
struct Tree(BTreeMap<(String, String), Tree>);

fn tree(list: &Value, children: &str, artifact_type: &str) -> Tree {
    let entry = |entry: &Value| {
        let key = (text(&entry["digest"]), text(&entry[artifact_type]));
        (key, tree(&entry[children], children, artifact_type))
    };
    Tree(list.as_array().into_iter().flatten().map(entry).collect())
}

fn ours(both: &Both, reference: &str, args: &[&str]) -> Tree {
    let json = both.result(&with(&["discover", reference], args));
    tree(&json["attachments"], "attachments", "artifact-type")
}

fn theirs(both: &Both, reference: &str, args: &[&str]) -> Tree {
    let json = both
        .oras(&with(&["discover", reference, "--format", "json"], args))
        .json();
    tree(&json["referrers"], "referrers", "artifactType")
}

/// `app:v1` with two referrers, one of which has one itself.
fn seeded(both: &Both) -> String {
    let subject = both.seed("app:v1");
    let sbom = both.seed_referrer(&subject, "example/sbom");
    both.seed_referrer(&both.reference(&format!("app@{sbom}")), "example/signature");
    both.seed_referrer(&subject, "example/signature");
    subject
}

/// Both see the same with these arguments, as many referrers at the top.
#[track_caller]
fn same(both: &Both, reference: &str, args: &[&str], top: usize) {
    let found = ours(both, reference, args);
    assert_eq!(found, theirs(both, reference, args));
    assert_eq!(found.0.len(), top, "{found:?}");
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_discover_and_format() {
    for both in [Both::olareg(), Both::distribution()] {
        let subject = seeded(&both);
        same(&both, &subject, &[], 2);
        let shown = both.ours(&["discover", &subject]).stdout;
        let drawn = both.oras(&["discover", &subject, "--format", "tree"]).stdout;
        for digest in drawn.split_whitespace().filter(|word| word.starts_with("sha256:")) {
            assert!(shown.contains(digest.trim_end_matches('…')), "{shown}\n{drawn}");
        }
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_discover_artifact_type() {
    let both = Both::olareg();
    let subject = seeded(&both);
    same(&both, &subject, &["--artifact-type", "example/sbom", "--depth", "1"], 1);
    // ORAS hides a signature on something of another type; we show what leads to it.
    let filter = ["--artifact-type", "example/signature"];
    assert_eq!(theirs(&both, &subject, &filter).0.len(), 1);
    assert_eq!(ours(&both, &subject, &filter).0.len(), 2);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_discover_depth() {
    let both = Both::distribution();
    let subject = seeded(&both);
    for depth in ["1", "2", "9"] {
        same(&both, &subject, &["--depth", depth], 2);
    }
    let deepest = |depth: &str| {
        ours(&both, &subject, &["--depth", depth])
            .0
            .values()
            .map(|tree| tree.0.len())
            .max()
    };
    assert_eq!((deepest("1"), deepest("2")), (Some(0), Some(1)));
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_discover_distribution_spec() {
    for (both, api) in [
        (Both::olareg(), "v1.1-referrers-api"),
        (Both::distribution(), "v1.1-referrers-tag"),
    ] {
        let subject = seeded(&both);
        let theirs = theirs(&both, &subject, &["--distribution-spec", api]);
        assert_eq!(ours(&both, &subject, &[]), theirs);
        assert_eq!(theirs.0.len(), 2);
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_discover_oci_layout() {
    let both = Both::olareg();
    both.oras_local(&["push", "--oci-layout", "layout:v1", "a.txt"]);
    both.oras_local(&[
        "attach",
        "--oci-layout",
        "layout:v1",
        "--artifact-type",
        "example/x",
        "b/c.txt",
    ]);
    both.ours(&["attach", "oci:layout:v1", "--artifact-type", "example/y", "b/c.txt"]);
    let json = both
        .oras_local(&["discover", "--oci-layout", "layout:v1", "--format", "json"])
        .json();
    let found = ours(&both, "oci:layout:v1", &[]);
    assert_eq!(found, tree(&json["referrers"], "referrers", "artifactType"));
    assert_eq!(found.0.len(), 2);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_discover_oci_layout_path() {
    let both = Both::olareg();
    let name = "registry.example/app:v1";
    both.oras_local(&["push", "--oci-layout-path", "layout", name, "a.txt"]);
    both.oras_local(&[
        "attach",
        "--oci-layout-path",
        "layout",
        name,
        "--artifact-type",
        "example/x",
        "b/c.txt",
    ]);
    let subject = both
        .oras_local(&["resolve", "--oci-layout-path", "layout", name])
        .stdout;
    let json = both
        .oras_local(&["discover", "--oci-layout-path", "layout", name, "--format", "json"])
        .json();
    let found = ours(&both, &format!("oci:layout@{}", subject.trim()), &[]);
    assert_eq!(found, tree(&json["referrers"], "referrers", "artifactType"));
    assert_eq!(found.0.len(), 1);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_discover_platform() {
    let both = Both::olareg();
    let (index, [amd64, _]) = both.seed_index("app", "v1");
    let referrer = both.seed_referrer(&both.reference(&format!("app@{amd64}")), "example/sbom");
    same(&both, &index, &["--platform", "linux/amd64"], 1);
    same(&both, &index, &["--platform", "linux/arm64"], 0);
    // Of the index itself we show what its entries have, too.
    let json = both.result(&["discover", &index]);
    assert_eq!(json["manifests"][0]["attachments"][0]["digest"], referrer.as_str());
}
