//! `oras manifest fetch`, `fetch-config`, `delete` and `push`, and `oras blob`, a row a test.

use serde_json::Value;

use super::both::{Both, CREATED, text, with};

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_manifest_fetch_and_output() {
    let both = Both::olareg();
    let reference = both.seed("app:v1");
    let raw = both.ours(&["inspect", &reference, "--raw"]).stdout;
    assert_eq!(both.oras(&["manifest", "fetch", &reference]).stdout, raw);
    both.oras(&["manifest", "fetch", &reference, "--output", "fetched.json"]);
    assert_eq!(both.workspace.read("fetched.json"), raw);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_manifest_fetch_descriptor() {
    let both = Both::olareg();
    let reference = both.seed("app:v1");
    let ours = both.ours(&["inspect", &reference, "--descriptor"]).stdout;
    let theirs = both.oras(&["manifest", "fetch", &reference, "--descriptor"]).stdout;
    assert_eq!(ours.trim_end(), theirs.trim_end());
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_manifest_fetch_format() {
    let both = Both::olareg();
    let reference = both.seed("app:v1");
    let ours = both.result(&["inspect", &reference]);
    let theirs = both.oras(&["manifest", "fetch", &reference, "--format", "json"]).json();
    for (key, their_key) in [
        ("digest", "digest"),
        ("reference", "reference"),
        ("media-type", "mediaType"),
    ] {
        assert_eq!(ours[key], theirs[their_key], "{key}");
    }
    assert_eq!(ours["annotations"], theirs["content"]["annotations"]);
    assert_eq!(ours["layers"][0]["digest"], theirs["content"]["layers"][0]["digest"]);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_manifest_fetch_media_type() {
    let both = Both::olareg();
    let (index, _) = both.seed_index("app", "v1");
    // Without being told the type we get what is there, an index or a manifest.
    let media_type = "application/vnd.oci.image.index.v1+json";
    let theirs = both
        .oras(&["manifest", "fetch", &index, "--media-type", media_type])
        .stdout;
    assert_eq!(both.ours(&["inspect", &index, "--raw"]).stdout, theirs);
    assert_eq!(both.result(&["inspect", &index])["media-type"], media_type);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_manifest_fetch_platform() {
    let both = Both::olareg();
    let (index, [_, arm64]) = both.seed_index("app", "v1");
    let platform = ["--platform", "linux/arm64"];
    let ours = both.ours(&with(&["inspect", &index, "--raw"], &platform)).stdout;
    assert_eq!(both.oras(&with(&["manifest", "fetch", &index], &platform)).stdout, ours);
    assert_eq!(
        both.ours(&with(&["inspect", &index, "--digest"], &platform))
            .stdout
            .trim(),
        arm64
    );
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_manifest_fetch_pretty() {
    let both = Both::olareg();
    let reference = both.seed("app:v1");
    let theirs = both.oras(&["manifest", "fetch", &reference, "--pretty"]).stdout;
    assert_eq!(both.ours(&["inspect", &reference]).stdout.trim_end(), theirs.trim_end());
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_manifest_fetch_oci_layout() {
    let both = Both::olareg();
    both.oras_local(&["push", "--oci-layout", "layout:v1", "a.txt"]);
    let theirs = both
        .oras_local(&["manifest", "fetch", "--oci-layout", "layout:v1"])
        .stdout;
    assert_eq!(both.ours(&["inspect", "oci:layout:v1", "--raw"]).stdout, theirs);
    let config = both
        .oras_local(&["manifest", "fetch-config", "--oci-layout", "layout:v1"])
        .stdout;
    assert_eq!(both.ours(&["inspect", "oci:layout:v1", "--config"]).stdout, config);
    let digest = layer(&both, "oci:layout:v1");
    let blob = format!("layout@{digest}");
    let theirs = both
        .oras_local(&["blob", "fetch", "--oci-layout", &blob, "--output", "-"])
        .stdout;
    assert_eq!(
        both.ours(&["inspect", "oci:layout:v1", "--blob", &digest]).stdout,
        theirs
    );
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_manifest_fetch_oci_layout_path() {
    let both = Both::olareg();
    let name = "registry.example/app:v1";
    both.oras_local(&["push", "--oci-layout-path", "layout", name, "a.txt"]);
    let path = ["--oci-layout-path", "layout", name];
    let digest = both.oras_local(&with(&["resolve"], &path)).stdout;
    let reference = format!("oci:layout@{}", digest.trim());
    let theirs = both.oras_local(&with(&["manifest", "fetch"], &path)).stdout;
    assert_eq!(both.ours(&["inspect", &reference, "--raw"]).stdout, theirs);
    let config = both.oras_local(&with(&["manifest", "fetch-config"], &path)).stdout;
    assert_eq!(both.ours(&["inspect", &reference, "--config"]).stdout, config);
    let layer = layer(&both, &reference);
    let args = ["blob", "fetch", "--oci-layout-path", "layout", &layer, "--output", "-"];
    let theirs = both.oras_local(&args).stdout;
    assert_eq!(both.ours(&["inspect", &reference, "--blob", &layer]).stdout, theirs);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_manifest_fetch_config() {
    let both = Both::olareg();
    let reference = both.reference("app:v1");
    both.oras(&["push", &reference, "a.txt", "--config", "config.json:example/config"]);
    let ours = both.ours(&["inspect", &reference, "--config"]).stdout;
    assert_eq!(both.oras(&["manifest", "fetch-config", &reference]).stdout, ours);
    both.oras(&["manifest", "fetch-config", &reference, "--output", "fetched.json"]);
    assert_eq!(both.workspace.read("fetched.json"), ours);
    // The descriptor stands in the manifest.
    let theirs = both
        .oras(&["manifest", "fetch-config", &reference, "--descriptor"])
        .json();
    let manifest = both.ours(&["inspect", &reference, "--raw"]).json();
    assert_eq!(manifest["config"], theirs);
    // Of an index, the config of one platform.
    let (index, _) = both.seed_index("index", "v1");
    let platform = ["--platform", "linux/arm64"];
    let theirs = both
        .oras(&with(&["manifest", "fetch-config", &index], &platform))
        .stdout;
    assert_eq!(
        both.ours(&with(&["inspect", &index, "--config"], &platform)).stdout,
        theirs
    );
    assert!(theirs.contains("arm64"));
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_manifest_delete_and_force() {
    for both in [Both::olareg(), Both::distribution()] {
        let gone = |reference: &str| {
            let outcome = both.run_oras(&["resolve", "--plain-http", reference]).call();
            outcome.code != Some(0) && outcome.stderr.contains("not found")
        };
        let (we, they) = (both.seed("ours:v1"), both.seed("theirs:v1"));
        both.ours(&["delete", &we, "--yes"]);
        both.oras(&["manifest", "delete", &they, "--force"]);
        assert!(gone(&we) && gone(&they));
        // What isn't there: ORAS's --force is content with that, we say it.
        both.oras(&["manifest", "delete", &they, "--force"]);
        both.run(&["delete", &we, "--yes"]).call().exit(4);
        // A question that nobody answers deletes nothing; ORAS says success.
        let (we, they) = (both.seed("ours:v2"), both.seed("theirs:v2"));
        both.oras(&["manifest", "delete", &they]);
        assert!(!gone(&they));
        both.ours(&["delete", &we, "--dry-run"]);
        assert!(!gone(&we));
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_manifest_delete_descriptor() {
    let both = Both::olareg();
    let (we, they) = (both.seed("ours:v1"), both.seed("theirs:v1"));
    let ours = both.result(&["delete", &we, "--yes"]);
    let theirs = both
        .oras(&["manifest", "delete", &they, "--force", "--descriptor"])
        .json();
    assert_eq!(ours["digest"], theirs["digest"]);
    assert_eq!(ours["media-type"], theirs["mediaType"]);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_manifest_delete_distribution_spec() {
    // The list of referrers loses what is deleted, by the API or under the tag, without being told which.
    for (both, api) in [
        (Both::olareg(), "v1.1-referrers-api"),
        (Both::distribution(), "v1.1-referrers-tag"),
    ] {
        let subject = both.seed("app:v1");
        let one = both.seed_referrer(&subject, "example/one");
        let two = both.seed_referrer(&subject, "example/two");
        let left = || both.oras(&["discover", &subject, "--format", "json"]).json()["referrers"].clone();
        both.ours(&["delete", &both.reference(&format!("app@{one}")), "--yes"]);
        assert_eq!(left()[0]["digest"], two.as_str());
        let two = both.reference(&format!("app@{two}"));
        both.oras(&["manifest", "delete", &two, "--force", "--distribution-spec", api]);
        assert_eq!(left(), serde_json::json!([]));
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_manifest_delete_oci_layout() {
    let both = Both::olareg();
    let push = |tag: &str| {
        both.oras_local(&[
            "push",
            "--oci-layout",
            &format!("layout:{tag}"),
            "a.txt",
            "-a",
            tag_of(tag),
        ])
    };
    push("one");
    push("two");
    push("three");
    both.ours(&["delete", "oci:layout:one", "--yes"]);
    both.oras_local(&["manifest", "delete", "--oci-layout", "layout:two", "--force"]);
    let tags = both.oras_local(&["repo", "tags", "--oci-layout", "layout"]).stdout;
    assert_eq!(tags, "three\n");
    assert_eq!(both.ours(&["list", "oci:layout"]).stdout, tags);
}

/// An annotation that makes manifests different.
fn tag_of(tag: &str) -> &'static str {
    match tag {
        "one" => "x=1",
        "two" => "x=2",
        _ => "x=3",
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_manifest_push_by_copying() {
    // A manifest made elsewhere: ORAS needs its blobs there already; we copy the whole from a layout.
    let both = Both::olareg();
    both.oras_local(&["push", "--oci-layout", "layout:v1", "a.txt", "-a", CREATED]);
    let raw = both
        .oras_local(&["manifest", "fetch", "--oci-layout", "layout:v1"])
        .stdout;
    both.workspace.write("manifest.json", &raw);
    let theirs = both.reference("theirs:v1");
    let refused = both
        .run_oras(&["manifest", "push", "--plain-http", &theirs, "manifest.json"])
        .call();
    assert_ne!(refused.code, Some(0), "{}", refused.snapshot());
    let json: Value = serde_json::from_str(&raw).unwrap();
    let repository = both.reference("theirs");
    both.oras(&["blob", "push", &repository, "a.txt"]);
    both.workspace.write("empty.json", "{}");
    both.oras(&["blob", "push", &repository, "empty.json"]);
    assert_eq!(json["layers"][0]["size"], 6);
    both.oras(&["manifest", "push", &theirs, "manifest.json"]);
    let ours = both.reference("ours:v1");
    both.ours(&["copy", "oci:layout:v1", &ours]);
    both.same(&ours, &theirs);
}

/// The digest of the first layer.
#[track_caller]
fn layer(both: &Both, reference: &str) -> String {
    text(&both.result(&["inspect", reference])["layers"][0]["digest"])
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_blob_fetch_and_output() {
    let both = Both::olareg();
    let reference = both.seed("app:v1");
    let digest = layer(&both, &reference);
    let blob = both.reference(&format!("app@{digest}"));
    let theirs = both.oras(&["blob", "fetch", &blob, "--output", "-"]).stdout;
    assert_eq!(both.ours(&["inspect", &reference, "--blob", &digest]).stdout, theirs);
    both.oras(&["blob", "fetch", &blob, "--output", "blob"]);
    assert_eq!(both.workspace.read("blob"), theirs);
    // One that the manifest doesn't list is none of it.
    let other = format!("sha256:{}", "0".repeat(64));
    both.run(&["inspect", &reference, "--blob", &other]).call().exit(4);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_blob_fetch_descriptor() {
    let both = Both::olareg();
    let reference = both.seed("app:v1");
    let layer = both.result(&["inspect", &reference])["layers"][0].clone();
    let blob = both.reference(&format!("app@{}", text(&layer["digest"])));
    let theirs = both.oras(&["blob", "fetch", &blob, "--descriptor"]).json();
    assert_eq!(layer["digest"], theirs["digest"]);
    assert_eq!(layer["size"], theirs["size"]);
}
