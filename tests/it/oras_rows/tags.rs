//! `oras tag`, `oras resolve` and `oras repo`, a row a test.

use serde_json::json;

use super::both::{Both, CREATED, text, with};

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_tag_and_concurrency() {
    for both in [Both::olareg(), Both::distribution()] {
        let reference = both.seed("app:v1");
        both.ours(&["tag", &reference, "o1", "o2"]);
        both.oras(&["tag", &reference, "t1", "t2", "--concurrency", "1"]);
        for tag in ["o1", "o2", "t1", "t2"] {
            both.same(&both.reference(&format!("app:{tag}")), &reference);
        }
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_tag_oci_layout() {
    let both = Both::olareg();
    both.oras_local(&["push", "--oci-layout", "layout:v1", "a.txt"]);
    both.ours(&["tag", "oci:layout:v1", "o1"]);
    both.oras_local(&["tag", "--oci-layout", "layout:v1", "t1"]);
    let resolve = |tag: &str| {
        both.oras_local(&["resolve", "--oci-layout", &format!("layout:{tag}")])
            .stdout
    };
    assert_eq!(resolve("o1"), resolve("t1"));
    assert_eq!(both.ours(&["list", "oci:layout"]).stdout, "o1\nt1\nv1\n");
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_resolve_and_full_reference() {
    let both = Both::olareg();
    let reference = both.seed("app:v1");
    let ours = both.ours(&["inspect", "--digest", &reference]).stdout;
    assert_eq!(both.oras(&["resolve", &reference]).stdout, ours);
    let full = both.oras(&["resolve", "--full-reference", &reference]).stdout;
    assert_eq!(text(&both.result(&["inspect", &reference])["reference"]), full.trim());
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_resolve_platform() {
    let both = Both::olareg();
    let (index, [_, arm64]) = both.seed_index("app", "v1");
    let platform = ["--platform", "linux/arm64"];
    let ours = both.ours(&with(&["inspect", "--digest", &index], &platform)).stdout;
    assert_eq!(both.oras(&with(&["resolve", &index], &platform)).stdout, ours);
    assert_eq!(ours.trim(), arm64);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_resolve_oci_layout() {
    let both = Both::olareg();
    both.oras_local(&["push", "--oci-layout", "layout:v1", "a.txt"]);
    let theirs = both.oras_local(&["resolve", "--oci-layout", "layout:v1"]).stdout;
    assert_eq!(both.ours(&["inspect", "--digest", "oci:layout:v1"]).stdout, theirs);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_repo_tags_format_and_last() {
    for both in [Both::olareg(), Both::distribution()] {
        let reference = both.seed("app:b");
        both.oras(&["tag", &reference, "a", "c"]);
        let repository = both.reference("app");
        let ours = both.ours(&["list", &repository]).stdout;
        assert_eq!(both.oras(&["repo", "tags", &repository]).stdout, ours);
        let theirs = both.oras(&["repo", "tags", &repository, "--format", "json"]).json();
        assert_eq!(both.result(&["list", &repository])["tags"], theirs["tags"]);
        // `--last` is a cut of the same list.
        let rest = both.oras(&["repo", "tags", &repository, "--last", "a"]).stdout;
        assert_eq!(ours.strip_prefix("a\n"), Some(rest.as_str()));
    }
}

/// `oras repo tags REPO:TAG` lists the names of one digest; so does a deletion that they forbid.
#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_repo_tags_of_a_digest() {
    let both = Both::olareg();
    let reference = both.seed("app:v1");
    both.oras(&["tag", &reference, "latest"]);
    both.oras(&["push", &both.reference("app:other"), "b/c.txt"]);
    let theirs = both.oras(&["repo", "tags", &reference]).stdout;
    assert_eq!(theirs, "latest\nv1\n");
    let refused = both.run(&["delete", &reference, "--yes"]).call();
    refused.exit(5);
    assert!(
        refused.stderr.contains("latest") && !refused.stderr.contains("other"),
        "{}",
        refused.snapshot()
    );
    assert_eq!(both.digest(&reference), both.digest(&both.reference("app:latest")));
    // The name alone goes by `untag`, which ORAS has not.
    both.ours(&["untag", &reference, "--yes"]);
    assert_eq!(
        both.oras(&["repo", "tags", &both.reference("app")]).stdout,
        "latest\nother\n"
    );
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_repo_tags_exclude_digest_tags() {
    let both = Both::distribution();
    let reference = both.seed("app:v1");
    both.seed_referrer(&reference, "example/sbom");
    let repository = both.reference("app");
    assert_eq!(both.ours(&["list", &repository]).stdout.lines().count(), 2);
    let exclude = ["--exclude-digest-tags"];
    let ours = both.ours(&with(&["list", &repository], &exclude)).stdout;
    assert_eq!(both.oras(&with(&["repo", "tags", &repository], &exclude)).stdout, ours);
    assert_eq!(ours, "v1\n");
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_repo_tags_oci_layout() {
    let both = Both::olareg();
    for tag in ["v1", "v2"] {
        both.oras_local(&["push", "--oci-layout", &format!("layout:{tag}"), "a.txt", "-a", CREATED]);
    }
    let theirs = both.oras_local(&["repo", "tags", "--oci-layout", "layout"]).stdout;
    assert_eq!(both.ours(&["list", "oci:layout"]).stdout, theirs);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_repo_ls() {
    // The catalog is no part of the distribution spec: olareg has none.
    let olareg = Both::olareg();
    olareg.seed("app:v1");
    let refused = olareg.run_oras(&["repo", "ls", "--plain-http", olareg.host()]).call();
    assert_ne!(refused.code, Some(0), "{}", refused.snapshot());
    let both = Both::distribution();
    both.seed("app:v1");
    let listed = both.oras(&["repo", "ls", both.host(), "--format", "json"]).json();
    assert_eq!(listed["repositories"], json!(["app"]));
    // With us a repository has to be named.
    let refused = both.run(&["list", both.host()]).call();
    refused.exit(2);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_tag_resolve_and_list_oci_layout_path() {
    let both = Both::olareg();
    let name = "registry.example/app:v1";
    let path = ["--oci-layout-path", "layout"];
    both.oras_local(&with(&["push", name, "a.txt"], &path));
    let digest = both.oras_local(&with(&["resolve", name], &path)).stdout;
    both.ours(&["tag", &format!("oci:layout@{}", digest.trim()), "o1"]);
    both.oras_local(&with(&["tag", name, "t1"], &path));
    for tag in ["o1", "t1"] {
        assert_eq!(both.oras_local(&with(&["resolve", tag], &path)).stdout, digest);
        assert_eq!(
            both.ours(&["inspect", "--digest", &format!("oci:layout:{tag}")]).stdout,
            digest
        );
    }
    // ORAS lists the tags of a name in the layout, we those that are tags.
    let theirs = both
        .oras_local(&with(&["repo", "tags", "registry.example/app"], &path))
        .stdout;
    assert_eq!(theirs, "v1\n");
    let ours = both.ours(&["list", "oci:layout"]).stdout;
    assert_eq!(ours, "o1\nt1\n");
}
