//! `oras pull`, a row a test. Whole trees go back and forth in `oras.rs`.

use super::both::{Both, CREATED, text, with};

/// Pulls by both with these arguments into two directories, which must be the same and not empty.
#[track_caller]
fn same(both: &Both, ours: &[&str], theirs: &[&str]) {
    both.ours(&with(&["pull", "-o", "ours"], ours));
    both.oras(&with(&["pull", "-o", "theirs"], theirs));
    let tree = both.workspace.tree("ours");
    assert_eq!(tree, both.workspace.tree("theirs"));
    assert!(!tree.is_empty());
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_pull_concurrency() {
    let both = Both::olareg();
    let reference = both.reference("pull:v1");
    both.oras(&["push", &reference, "a.txt", "b", "config.json"]);
    let args = [reference.as_str(), "--concurrency", "1"];
    same(&both, &args, &args);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_pull_allow_path_traversal() {
    let both = Both::olareg();
    let reference = both.reference("pull:v1");
    both.workspace.write("inner/x", "");
    let push = both.run_oras(&["push", "--plain-http", &reference, "../a.txt"]);
    super::both::done(&push.directory("inner"));
    both.workspace.write("a.txt", "mine\n");
    let pull = ["pull", &reference, "-o", "inner"];
    let refused = both.run(&pull).call();
    refused.exit(7);
    assert_eq!(both.workspace.read("a.txt"), "mine\n");
    let refused = both.run_oras(&with(&pull, &["--plain-http"])).call();
    assert_ne!(refused.code, Some(0), "{}", refused.snapshot());
    both.oras(&with(&pull, &["--allow-path-traversal"]));
    assert_eq!(both.workspace.read("a.txt"), "hello\n");
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_pull_config() {
    let both = Both::olareg();
    let reference = both.reference("pull:v1");
    both.oras(&["push", &reference, "a.txt", "--config", "config.json:example/config"]);
    both.oras(&[
        "pull",
        &reference,
        "-o",
        "theirs",
        "--config",
        "written.json:example/config",
    ]);
    let config = both.ours(&["inspect", &reference, "--config"]).stdout;
    assert_eq!(both.workspace.read("theirs/written.json"), config);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_pull_format() {
    let both = Both::olareg();
    let reference = both.seed("pull:v1");
    let ours = both.result(&["pull", &reference, "-o", "ours"]);
    let theirs = both
        .oras(&["pull", &reference, "-o", "theirs", "--format", "json"])
        .json();
    assert_eq!(ours["reference"], theirs["reference"]);
    let (file, their_file) = (&ours["layers"][0], &theirs["files"][0]);
    assert_eq!(file["digest"], their_file["digest"]);
    assert_eq!(file["size"], their_file["size"]);
    assert_eq!(file["media-type"], their_file["mediaType"]);
    let path = |directory: &str| both.workspace.path().join(directory).join("a.txt");
    assert_eq!(their_file["path"], path("theirs").as_str());
    assert_eq!(ours["path"], both.workspace.path().join("ours").as_str());
    assert_eq!(file["title"], "a.txt");
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_pull_include_subject() {
    let both = Both::olareg();
    let subject = both.seed("pull:v1");
    let referrer = both.reference(&format!("pull@{}", both.seed_referrer(&subject, "example/sbom")));
    both.oras(&["pull", &referrer, "-o", "theirs", "--include-subject"]);
    let named = text(&both.result(&["inspect", &referrer])["subject"]);
    both.ours(&["pull", &referrer, "-o", "ours"]);
    both.ours(&["pull", &both.reference(&format!("pull@{named}")), "-o", "ours"]);
    let tree = both.workspace.tree("ours");
    assert_eq!(tree, both.workspace.tree("theirs"));
    assert_eq!(tree.keys().collect::<Vec<_>>(), ["a.txt", "b/", "b/c.txt"]);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_pull_keep_old_files() {
    let both = Both::olareg();
    let reference = both.seed("pull:v1");
    let time = || {
        let path = both.workspace.path().join("out/a.txt");
        fs_err::metadata(path).unwrap().modified().unwrap()
    };
    let pull = ["pull", &reference, "-o", "out"];
    both.ours(&pull);
    let before = time();
    let refused = both
        .run_oras(&with(&pull, &["--plain-http", "--keep-old-files"]))
        .call();
    assert_ne!(refused.code, Some(0), "{}", refused.snapshot());
    both.ours(&pull);
    assert_eq!(time(), before, "what is right is left alone");
    both.oras(&pull);
    assert_ne!(time(), before);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_pull_output() {
    let both = Both::olareg();
    let reference = both.reference("pull:v1");
    both.oras(&["push", &reference, "a.txt", "b/c.txt"]);
    same(&both, &[&reference], &[&reference]);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_pull_oci_layout() {
    let both = Both::olareg();
    both.oras_local(&["push", "--oci-layout", "layout:v1", "a.txt", "b", "-a", CREATED]);
    both.ours(&["pull", "oci:layout:v1", "-o", "ours"]);
    both.oras_local(&["pull", "--oci-layout", "layout:v1", "-o", "theirs"]);
    assert_eq!(both.workspace.tree("ours"), both.workspace.tree("theirs"));
    assert_eq!(both.workspace.read("ours/b/c.txt"), "world\n");
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_pull_platform() {
    let both = Both::olareg();
    let (index, _) = both.seed_index("pull", "v1");
    let args = [index.as_str(), "--platform", "linux/arm64"];
    same(&both, &args, &args);
    assert_eq!(both.workspace.read("ours/arm64/app"), "arm64");
    let args = ["pull", &index, "--platform", "linux/s390x", "-o", "none"];
    let ours = both.run(&args).call();
    ours.exit(4);
    assert!(ours.stderr.contains("linux/amd64"), "{}", ours.stderr);
    let theirs = both.run_oras(&with(&args, &["--plain-http"])).call();
    assert_ne!(theirs.code, Some(0), "{}", theirs.snapshot());
}
