//! `oras manifest index create` and `update`, a row a test.

use super::both::{Both, CREATED, text, with};

/// Both make an index over the same two with these arguments; the indexes must be the same.
#[track_caller]
fn same(both: &Both, ours: &[&str], theirs: &[&str]) {
    let (seeded, [amd64, arm64]) = both.seed_index("app", "seeded");
    assert!(seeded.ends_with("app:seeded"));
    let (we, they) = (both.reference("app:ours"), both.reference("app:theirs"));
    both.ours(&with(&["index", &we, "amd64", &arm64], ours));
    both.oras(&with(&["manifest", "index", "create", &they, &amd64, "arm64"], theirs));
    both.same(&we, &they);
}

/// Both change an index that lists amd64 and arm64 with these arguments; the indexes must be the same.
#[track_caller]
fn same_update(both: &Both, ours: &[&str], theirs: &[&str]) {
    let (we, they) = (both.reference("app:ours"), both.reference("app:theirs"));
    for reference in [&we, &they] {
        both.oras(&["manifest", "index", "create", reference, "amd64", "arm64"]);
    }
    both.ours(&with(&["index", &we], ours));
    both.oras(&with(&["manifest", "index", "update", &they], theirs));
    both.same(&we, &they);
}

/// A third one, under the tag `other`; its digest.
fn other(both: &Both) -> String {
    let reference = both.reference("app:other");
    both.oras(&[
        "push",
        &reference,
        "a.txt",
        "--artifact-platform",
        "linux/s390x",
        "-a",
        CREATED,
    ]);
    both.digest(&reference)
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_index_create() {
    let both = Both::olareg();
    same(&both, &[], &[]);
    // Several tags; ORAS's `REF:t1,t2`.
    let (we, they) = (both.reference("app:o1"), both.reference("app:t1,t2"));
    both.ours(&["index", &we, "amd64", "arm64", "--tags", "o2"]);
    both.oras(&["manifest", "index", "create", &they, "amd64", "arm64"]);
    both.same(&both.reference("app:o2"), &both.reference("app:t2"));
    both.same(&both.reference("app:o2"), &both.reference("app:ours"));
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_index_create_annotation() {
    same(&Both::olareg(), &["-a", "k=v <x>"], &["--annotation", "k=v <x>"]);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_index_create_artifact_type() {
    let artifact_type = ["--artifact-type", "application/vnd.example+type"];
    same(&Both::olareg(), &artifact_type, &artifact_type);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_index_create_oci_layout() {
    let both = Both::olareg();
    for architecture in ["amd64", "arm64"] {
        both.workspace.write(&format!("{architecture}/app"), architecture);
        let (name, platform) = (format!("layout:{architecture}"), format!("linux/{architecture}"));
        let args = [
            "push",
            "--oci-layout",
            &name,
            "--artifact-platform",
            &platform,
            "-a",
            CREATED,
        ];
        both.oras_local(&with(
            &args,
            &[&format!("{architecture}/app"), "--artifact-type", "example/app"],
        ));
    }
    both.ours(&["index", "oci:layout:ours", "amd64", "arm64"]);
    both.oras_local(&[
        "manifest",
        "index",
        "create",
        "--oci-layout",
        "layout:theirs",
        "amd64",
        "arm64",
    ]);
    let listed = |name: &str| {
        let args = ["manifest", "fetch", "--oci-layout", name];
        let mut json = both.oras_local(&args).json();
        // ORAS takes over the annotations that index.json has, the tag's among them.
        for entry in json["manifests"].as_array_mut().unwrap() {
            entry.as_object_mut().unwrap().remove("annotations");
        }
        json
    };
    assert_eq!(listed("layout:ours"), listed("layout:theirs"));
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_index_output() {
    let both = Both::olareg();
    let (_, [amd64, _]) = both.seed_index("app", "seeded");
    let reference = both.reference("app:v2");
    let args = [
        "manifest",
        "index",
        "create",
        &reference,
        "amd64",
        "arm64",
        "--output",
        "index.json",
    ];
    both.oras(&args);
    let theirs = oci_artifact::oci::Digest::of(both.workspace.read("index.json").as_bytes());
    let ours = both.result(&["index", &reference, "amd64", "arm64", "--dry-run"]);
    assert_eq!(ours["digest"], theirs.to_string());
    let args = [
        "manifest",
        "index",
        "update",
        &both.reference("app:seeded"),
        "--remove",
        &amd64,
    ];
    both.oras(&with(&args, &["--output", "updated.json"]));
    let theirs = oci_artifact::oci::Digest::of(both.workspace.read("updated.json").as_bytes());
    let ours = both.result(&["index", &both.reference("app:seeded"), "--remove", &amd64, "--dry-run"]);
    assert_eq!(ours["digest"], theirs.to_string());
    // Neither pushed anything.
    assert_eq!(
        both.oras(&["repo", "tags", &both.reference("app")]).stdout,
        "amd64\narm64\nseeded\n"
    );
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_index_update_add() {
    let both = Both::olareg();
    both.seed_index("app", "seeded");
    other(&both);
    same_update(&both, &["--add", "other"], &["--add", "other"]);
    // Added twice: ORAS lists it twice, we once.
    same_update(&both, &["--add", "other"], &["--add", "other"]);
    let reference = both.reference("app:ours");
    both.ours(&["index", &reference, "--add", "other"]);
    assert_eq!(
        both.result(&["inspect", &reference])["manifests"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_index_update_artifact_type() {
    let both = Both::olareg();
    let (_, [amd64, _]) = both.seed_index("app", "seeded");
    let args = ["--remove", &amd64, "--artifact-type", "example/index"];
    same_update(&both, &args, &args);
    // Blank is unset with us; ORAS takes the type away.
    let artifact_type = |name: &str| both.result(&["inspect", &both.reference(name)])["artifact-type"].clone();
    both.ours(&[
        "index",
        &both.reference("app:ours"),
        "--add",
        &amd64,
        "--artifact-type",
        "",
    ]);
    let update = [
        "manifest",
        "index",
        "update",
        &both.reference("app:theirs"),
        "--artifact-type",
        "",
    ];
    both.oras(&with(&update, &["--add", &amd64]));
    assert_eq!(artifact_type("app:ours"), "example/index");
    assert!(artifact_type("app:theirs").is_null());
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_index_update_merge() {
    let both = Both::olareg();
    both.seed_index("app", "seeded");
    let digest = other(&both);
    both.oras(&["manifest", "index", "create", &both.reference("app:more"), "other"]);
    let listed = both.result(&["inspect", &both.reference("app:more")])["manifests"][0].clone();
    assert_eq!(text(&listed["digest"]), digest);
    same_update(&both, &["--add", &digest], &["--merge", "more"]);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_index_update_remove() {
    let both = Both::olareg();
    let (_, [amd64, _]) = both.seed_index("app", "seeded");
    same_update(&both, &["--remove", &amd64], &["--remove", &amd64]);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_index_update_tag() {
    let both = Both::olareg();
    let (_, [amd64, _]) = both.seed_index("app", "seeded");
    let change = ["--remove", amd64.as_str()];
    same_update(
        &both,
        &with(&change, &["--tags", "o2"]),
        &with(&change, &["--tag", "t2"]),
    );
    both.same(&both.reference("app:o2"), &both.reference("app:t2"));
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_index_update_oci_layout_and_path() {
    let both = Both::olareg();
    for architecture in ["amd64", "arm64", "s390x"] {
        both.workspace.write(&format!("{architecture}/app"), architecture);
        both.ours(&[
            "push",
            &format!("oci:layout:{architecture}"),
            &format!("{architecture}/app"),
        ]);
    }
    let path = ["--oci-layout-path", "layout"];
    both.ours(&["index", "oci:layout:ours", "amd64", "arm64"]);
    both.oras_local(&with(
        &["manifest", "index", "create", "theirs", "amd64", "arm64"],
        &path,
    ));
    let listed = |tag: &str| {
        let json = both
            .oras_local(&["manifest", "fetch", "--oci-layout", &format!("layout:{tag}")])
            .json();
        let entries = json["manifests"].as_array().unwrap().clone();
        entries.iter().map(|entry| text(&entry["digest"])).collect::<Vec<_>>()
    };
    assert_eq!(listed("ours"), listed("theirs"));
    both.ours(&["index", "oci:layout:ours", "--add", "s390x"]);
    both.oras_local(&with(
        &["manifest", "index", "update", "theirs", "--add", "s390x"],
        &path,
    ));
    assert_eq!(listed("ours"), listed("theirs"));
    let arm64 = both.oras_local(&["resolve", "--oci-layout", "layout:arm64"]).stdout;
    let remove = ["--remove", arm64.trim()];
    both.ours(&with(&["index", "oci:layout:ours"], &remove));
    both.oras_local(&with(
        &["manifest", "index", "update", "--oci-layout", "layout:theirs"],
        &remove,
    ));
    assert_eq!(listed("ours"), listed("theirs"));
    assert_eq!(listed("ours").len(), 2);
}
