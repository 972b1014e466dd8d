//! `oras push`, a row a test.

use super::both::{Both, CREATED, with};

const FILE: &str = "a.txt:text/plain";

/// Pushes by both with these further arguments; the manifests must be the same.
#[track_caller]
fn same(both: &Both, ours: &[&str], theirs: &[&str]) {
    let (we, they) = (both.reference("push:ours"), both.reference("push:theirs"));
    both.ours(&with(&["push", &we, FILE, "-a", CREATED], ours));
    both.oras(&with(&["push", &they, FILE, "-a", CREATED], theirs));
    both.same(&we, &they);
}

/// Pushes by a spec of ours with these keys, and by ORAS with these arguments; the manifests must be the same.
#[track_caller]
fn same_by_spec(both: &Both, keys: &str, theirs: &[&str]) {
    let (we, they) = (both.reference("push:ours"), both.reference("push:theirs"));
    both.push_spec(&we, keys);
    both.oras(&with(&["push", &they], theirs));
    both.same(&we, &they);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_push() {
    let both = Both::olareg();
    same(&both, &["b/c.txt:text/plain"], &["b/c.txt:text/plain"]);
    // ORAS's `REF:v1,v2`.
    let (we, they) = (both.reference("tags:o1"), both.reference("tags:t1,t2"));
    both.ours(&["push", &we, FILE, "--tags", "o2", "-a", CREATED]);
    both.oras(&["push", &they, FILE, "-a", CREATED]);
    let mut digests: Vec<_> = ["o1", "o2", "t1", "t2"]
        .map(|tag| both.digest(&both.reference(&format!("tags:{tag}"))))
        .into();
    digests.dedup();
    assert_eq!(digests.len(), 1, "{digests:?}");
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_push_annotation() {
    let annotation = ["--annotation", "com.example.key=a=b <c>"];
    same(&Both::olareg(), &["-a", annotation[1]], &annotation);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_push_annotation_file() {
    let both = Both::olareg();
    both.workspace.write(
        "annotations.json",
        r#"{"$manifest": {"org.opencontainers.image.created": "2026-01-02T03:04:05Z", "m": "1"},
            "$config": {"c": "2"}, "a.txt": {"f": "3"}}"#,
    );
    let keys = "artifact-type: example/x
        annotations: {m: '1'}
        config: {path: config.json, media-type: example/config, annotations: {c: '2'}}
        files: [{path: a.txt, media-type: text/plain, annotations: {f: '3'}}]";
    let config = ["--config", "config.json:example/config", "--artifact-type", "example/x"];
    same_by_spec(
        &both,
        keys,
        &with(&[FILE, "--annotation-file", "annotations.json"], &config),
    );
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_push_artifact_platform() {
    let keys = "artifact-type: example/x
        config: config.json:application/vnd.oci.image.config.v1+json
        files: [a.txt:text/plain]";
    let platform = [
        "--artifact-platform",
        "linux/arm64",
        "--artifact-type",
        "example/x",
        "-a",
        CREATED,
    ];
    same_by_spec(&Both::olareg(), keys, &with(&[FILE], &platform));
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_push_artifact_type() {
    let artifact_type = ["--artifact-type", "application/vnd.example+type"];
    same(&Both::olareg(), &artifact_type, &artifact_type);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_push_concurrency() {
    let both = Both::olareg();
    same(&both, &["--concurrency", "1"], &["--concurrency", "1"]);
    // Ours has an upper end.
    both.run(&["push", &both.reference("push:many"), FILE, "--concurrency", "65"])
        .call()
        .exit(2);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_push_config() {
    let both = Both::olareg();
    let keys = "artifact-type: example/x
        config: config.json:application/vnd.example.config.v1+json
        files: [a.txt:text/plain]";
    let config = [
        "--config",
        "config.json:application/vnd.example.config.v1+json",
        "-a",
        CREATED,
    ];
    same_by_spec(&both, keys, &with(&[FILE, "--artifact-type", "example/x"], &config));
    // Without an artifact type ORAS goes back to 1.0, where the config's type is the artifact's.
    let keys = "manifest: image-1.0
        config: config.json:application/vnd.example.config.v1+json
        files: [a.txt:text/plain]";
    same_by_spec(&both, keys, &with(&[FILE], &config));
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_push_disable_path_validation() {
    let both = Both::olareg();
    let outside = both.workspace.home().join("outside.txt");
    fs_err::write(&outside, "outside").unwrap();
    let (we, they) = (both.reference("push:ours"), both.reference("push:theirs"));
    let refused = both.run_oras(&["push", "--plain-http", &they, outside.as_str()]).call();
    assert_ne!(refused.code, Some(0), "{}", refused.snapshot());
    both.oras(&["push", &they, outside.as_str(), "--disable-path-validation"]);
    both.ours(&["push", &we, outside.as_str()]);
    // ORAS can't read back what it let through; ours has a title that stays inside.
    let refused = both.run_oras(&["pull", "--plain-http", &they, "-o", "theirs"]).call();
    assert_ne!(refused.code, Some(0), "{}", refused.snapshot());
    both.oras(&["pull", &we, "-o", "ours"]);
    assert_eq!(both.workspace.read("ours/outside.txt"), "outside");
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_push_export_manifest() {
    let both = Both::olareg();
    let reference = both.reference("push:v1");
    both.oras(&["push", &reference, FILE, "--export-manifest", "exported.json"]);
    let raw = both.ours(&["inspect", &reference, "--raw"]).stdout;
    assert_eq!(both.workspace.read("exported.json"), raw);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_push_format() {
    let both = Both::olareg();
    let args = |tag: &str| both.reference(&format!("push:{tag}"));
    let options = ["--artifact-type", "example/x", "-a", CREATED];
    let ours = both.result(&with(&["push", &args("ours"), FILE], &options));
    let json = ["--format", "json"];
    let theirs = both
        .oras(&with(&with(&["push", &args("theirs"), FILE], &options), &json))
        .json();
    assert_eq!(ours["digest"], theirs["digest"]);
    assert_eq!(ours["reference"], theirs["reference"]);
    assert_eq!(ours["artifact-type"], theirs["artifactType"]);
    assert_eq!(ours["media-type"], theirs["mediaType"]);
    assert_eq!(theirs["referenceAsTags"], serde_json::json!([args("theirs")]));
    assert_eq!(ours["tags"], serde_json::json!(["ours"]));
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_push_image_spec() {
    let both = Both::olareg();
    let keys = "manifest: image-1.0
        artifact-type: example/x
        files: [a.txt:text/plain]";
    let old = ["--image-spec", "v1.0", "--artifact-type", "example/x", "-a", CREATED];
    same_by_spec(&both, keys, &with(&[FILE], &old));
    let keys = "artifact-type: example/x
        files: [a.txt:text/plain]";
    let new = ["--image-spec", "v1.1", "--artifact-type", "example/x", "-a", CREATED];
    same_by_spec(&both, keys, &with(&[FILE], &new));
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_push_oci_layout() {
    let both = Both::olareg();
    both.ours(&["push", "oci:ours:v1", FILE, "-a", CREATED]);
    both.oras_local(&["push", "--oci-layout", "theirs:v1", FILE, "-a", CREATED]);
    let resolve = |name: &str| both.oras_local(&["resolve", "--oci-layout", name]).stdout;
    assert_eq!(resolve("ours:v1"), resolve("theirs:v1"));
    assert_eq!(
        both.workspace.read("ours/oci-layout"),
        both.workspace.read("theirs/oci-layout")
    );
    // One layout, written by both in turn.
    both.ours(&["push", "oci:theirs:v2", "b/c.txt"]);
    both.oras_local(&["push", "--oci-layout", "theirs:v3", "b/c.txt"]);
    let tags = both.oras_local(&["repo", "tags", "--oci-layout", "theirs"]).stdout;
    assert_eq!(tags, "v1\nv2\nv3\n");
    assert_eq!(both.ours(&["list", "oci:theirs"]).stdout, tags);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_push_oci_layout_path() {
    let both = Both::olareg();
    let name = "registry.example/app:v1";
    both.oras_local(&["push", "--oci-layout-path", "theirs", name, FILE, "-a", CREATED]);
    both.ours(&["push", "oci:ours:v1", FILE, "-a", CREATED]);
    let theirs = both
        .oras_local(&["resolve", "--oci-layout-path", "theirs", name])
        .stdout;
    assert_eq!(both.ours(&["inspect", "--digest", "oci:ours:v1"]).stdout, theirs);
    // Such a name is no tag: by digest we read it all the same, and leave it as it is.
    let by_digest = format!("oci:theirs@{}", theirs.trim());
    both.ours(&["pull", &by_digest, "-o", "pulled"]);
    assert_eq!(both.workspace.read("pulled/a.txt"), "hello\n");
    both.ours(&["push", "oci:theirs:v2", "b/c.txt"]);
    assert_eq!(
        both.oras_local(&["resolve", "--oci-layout-path", "theirs", name])
            .stdout,
        theirs
    );
}
