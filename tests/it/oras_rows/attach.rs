//! `oras attach`, a row a test.

use serde_json::Value;

use super::both::{Both, CREATED, text, with};

const TYPE: &str = "application/spdx+json";
const FILE: &str = "b/c.txt:text/plain";

/// The digests that ORAS lists for a subject, sorted.
#[track_caller]
fn listed(both: &Both, subject: &str) -> Vec<String> {
    let json = both
        .oras(&["discover", subject, "--format", "json", "--depth", "1"])
        .json();
    let mut digests: Vec<_> = json["referrers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| text(&entry["digest"]))
        .collect();
    digests.sort();
    digests
}

/// Both attach, with these arguments, to one artifact in two repositories; the referrers must be the same.
#[track_caller]
fn same(both: &Both, ours: &[&str], theirs: &[&str]) {
    let (we, they) = (both.seed("ours:v1"), both.seed("theirs:v1"));
    both.ours(&with(&["attach", &we, "--artifact-type", TYPE, "-a", CREATED], ours));
    both.oras(&with(&["attach", &they, "--artifact-type", TYPE], theirs));
    let digests = listed(both, &we);
    assert_eq!(digests, listed(both, &they));
    assert_eq!(digests.len(), 1);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_attach_and_artifact_type() {
    for both in [Both::olareg(), Both::distribution()] {
        same(&both, &[FILE], &[FILE, "-a", CREATED]);
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_attach_annotation() {
    let annotation = ["--annotation", "com.example.key=value"];
    let theirs = with(&["-a", CREATED], &annotation);
    same(&Both::distribution(), &["-a", annotation[1]], &theirs);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_attach_annotation_file_and_config() {
    let both = Both::olareg();
    let (we, they) = (both.seed("ours:v1"), both.seed("theirs:v1"));
    both.workspace.write(
        "annotations.json",
        r#"{"$manifest": {"org.opencontainers.image.created": "2026-01-02T03:04:05Z", "m": "1"},
            "$config": {"c": "2"}, "b/c.txt": {"f": "3"}}"#,
    );
    let args = [
        "attach",
        &they,
        FILE,
        "--artifact-type",
        TYPE,
        "--annotation-file",
        "annotations.json",
    ];
    both.oras(&with(&args, &["--config", "config.json:example/config"]));
    let spec = format!(
        "artifacts:
- subject: {we}
  artifact-type: {TYPE}
  created: '2026-01-02T03:04:05Z'
  annotations: {{m: '1'}}
  config: {{path: config.json, media-type: example/config, annotations: {{c: '2'}}}}
  files: [{{path: b/c.txt, media-type: text/plain, annotations: {{f: '3'}}}}]
"
    );
    both.workspace.write("spec.yaml", spec);
    both.ours(&["push", "-f", "spec.yaml"]);
    assert_eq!(listed(&both, &we), listed(&both, &they));
    assert_eq!(listed(&both, &we).len(), 1);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_attach_concurrency() {
    let one = ["--concurrency", "1"];
    same(
        &Both::olareg(),
        &with(&[FILE], &one),
        &with(&[FILE, "-a", CREATED], &one),
    );
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_attach_distribution_spec() {
    // What ORAS has to be told, we find out; on both registries either finds what the other attached.
    for (both, api) in [
        (Both::olareg(), "v1.1-referrers-api"),
        (Both::distribution(), "v1.1-referrers-tag"),
    ] {
        let subject = both.seed("app:v1");
        let ours = text(&both.result(&["attach", &subject, "--artifact-type", TYPE, FILE])["digest"]);
        let args = [
            "attach",
            &subject,
            "--artifact-type",
            TYPE,
            "a.txt",
            "--distribution-spec",
            api,
        ];
        let theirs = text(&both.oras(&with(&args, &["--format", "json"])).json()["digest"]);
        let mut expected = vec![ours, theirs];
        expected.sort();
        assert_eq!(listed(&both, &subject), expected);
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_attach_disable_path_validation() {
    let both = Both::olareg();
    let subject = both.seed("app:v1");
    let outside = both.workspace.home().join("outside.txt");
    fs_err::write(&outside, "outside").unwrap();
    let args = ["attach", &subject, "--artifact-type", TYPE, outside.as_str()];
    let refused = both.run_oras(&with(&args, &["--plain-http"])).call();
    assert_ne!(refused.code, Some(0), "{}", refused.snapshot());
    let digest = text(&both.result(&args)["digest"]);
    both.oras(&["pull", &both.reference(&format!("app@{digest}")), "-o", "out"]);
    assert_eq!(both.workspace.read("out/outside.txt"), "outside");
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_attach_export_manifest() {
    let both = Both::olareg();
    let subject = both.seed("app:v1");
    let args = [
        "attach",
        &subject,
        "--artifact-type",
        TYPE,
        FILE,
        "--export-manifest",
        "exported.json",
    ];
    let digest = text(&both.oras(&with(&args, &["--format", "json"])).json()["digest"]);
    let raw = both
        .ours(&["inspect", "--raw", &both.reference(&format!("app@{digest}"))])
        .stdout;
    assert_eq!(both.workspace.read("exported.json"), raw);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_attach_format() {
    let both = Both::olareg();
    let subject = both.seed("app:v1");
    let args = ["attach", &subject, "--artifact-type", TYPE, FILE, "-a", CREATED];
    let ours = both.result(&args);
    let theirs = both.oras(&with(&args, &["--format", "json"])).json();
    for (key, their_key) in [
        ("digest", "digest"),
        ("reference", "reference"),
        ("artifact-type", "artifactType"),
    ] {
        assert_eq!(ours[key], theirs[their_key], "{key}");
    }
}

/// What two referrers are, without the words about their subject that ORAS takes over from a list.
#[track_caller]
fn without_lists(manifest: &str) -> Value {
    let mut json: Value = serde_json::from_str(manifest).unwrap();
    let subject = json["subject"].as_object_mut().unwrap();
    subject.retain(|key, _| ["mediaType", "digest", "size"].contains(&key.as_str()));
    json
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_attach_oci_layout() {
    let both = Both::olareg();
    let pushed = both.seed("app:v1");
    both.oras_local(&["push", "--oci-layout", "layout:v1", "a.txt:text/plain", "-a", CREATED]);
    let ours = ["--artifact-type", TYPE, FILE, "-a", CREATED];
    let digest = text(&both.result(&with(&["attach", "oci:layout:v1"], &ours))["digest"]);
    let args = [
        "attach",
        "--oci-layout",
        "layout:v1",
        "--artifact-type",
        TYPE,
        FILE,
        "-a",
        CREATED,
    ];
    let theirs = text(&both.oras_local(&with(&args, &["--format", "json"])).json()["digest"]);
    let fetch = |digest: &str| {
        let args = ["manifest", "fetch", "--oci-layout", &format!("layout@{digest}")];
        without_lists(&both.oras_local(&args).stdout)
    };
    assert_eq!(fetch(&digest), fetch(&theirs));
    // ORAS puts the tag and the annotations of index.json into the subject; ours is what it is in a registry.
    assert_ne!(digest, theirs);
    assert_eq!(digest, text(&both.result(&with(&["attach", &pushed], &ours))["digest"]));
    let found = both
        .oras_local(&["discover", "--oci-layout", "layout:v1", "--format", "json"])
        .json();
    assert_eq!(found["referrers"].as_array().unwrap().len(), 2);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_attach_oci_layout_path() {
    let both = Both::olareg();
    let name = "registry.example/app:v1";
    both.oras_local(&["push", "--oci-layout-path", "layout", name, "a.txt", "-a", CREATED]);
    let subject = both
        .oras_local(&["resolve", "--oci-layout-path", "layout", name])
        .stdout;
    let subject = format!("oci:layout@{}", subject.trim());
    both.ours(&["attach", &subject, "--artifact-type", TYPE, FILE]);
    let args = ["discover", "--oci-layout-path", "layout", name, "--format", "json"];
    let found = both.oras_local(&args).json();
    assert_eq!(found["referrers"][0]["artifactType"], TYPE);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_attach_platform() {
    let both = Both::olareg();
    let (index, [amd64, _]) = both.seed_index("app", "v1");
    let args = [
        "attach",
        &index,
        "--platform",
        "linux/amd64",
        "--artifact-type",
        TYPE,
        FILE,
        "-a",
        CREATED,
    ];
    let ours = text(&both.result(&args)["digest"]);
    let theirs = text(&both.oras(&with(&args, &["--format", "json"])).json()["digest"]);
    let fetch = |digest: &str| {
        let reference = both.reference(&format!("app@{digest}"));
        without_lists(&both.oras(&["manifest", "fetch", &reference]).stdout)
    };
    assert_eq!(fetch(&ours), fetch(&theirs));
    let mut expected = [ours, theirs];
    expected.sort();
    assert_eq!(listed(&both, &both.reference(&format!("app@{amd64}"))), expected);
    assert!(listed(&both, &index).is_empty());
}
