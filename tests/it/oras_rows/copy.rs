//! `oras cp`, `backup` and `restore`, a row a test.

use std::collections::BTreeSet;

use super::both::{Both, CREATED, done, text, with};

const PLAIN: [&str; 2] = ["--from-plain-http", "--to-plain-http"];

/// `oras cp` over plain HTTP.
#[track_caller]
fn cp(both: &Both, args: &[&str]) {
    both.oras_local(&with(&with(&["cp"], args), &PLAIN));
}

/// `app:v1` with an SBOM and a signature on that.
fn seeded(both: &Both) -> String {
    let subject = both.seed("app:v1");
    let sbom = both.seed_referrer(&subject, "example/sbom");
    both.seed_referrer(&both.reference(&format!("app@{sbom}")), "example/signature");
    subject
}

/// All referrers that ORAS lists, of any depth; digests.
#[track_caller]
fn referrers(both: &Both, discover: &[&str]) -> BTreeSet<String> {
    let json = both
        .oras_local(&with(&["discover", "--format", "json"], discover))
        .json();
    let mut found = BTreeSet::new();
    let mut lists = vec![json["referrers"].clone()];
    while let Some(list) = lists.pop() {
        for entry in list.as_array().into_iter().flatten() {
            found.insert(text(&entry["digest"]));
            lists.push(entry["referrers"].clone());
        }
    }
    found
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_cp_and_plain_http() {
    let (both, other) = (Both::olareg(), Both::distribution());
    let reference = both.seed("app:v1");
    both.ours(&["copy", &reference, &other.reference("ours:v1"), "--tags", "v2"]);
    cp(&both, &[&reference, &other.reference("theirs:v1,v2")]);
    for name in ["ours:v1", "ours:v2", "theirs:v1", "theirs:v2"] {
        both.same(&other.reference(name), &reference);
        other.oras(&["pull", &other.reference(name), "-o", name]);
        assert_eq!(other.workspace.read(&format!("{name}/a.txt")), "hello\n");
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_cp_concurrency() {
    let both = Both::olareg();
    let reference = both.seed("app:v1");
    let (we, they) = (both.reference("ours:v1"), both.reference("theirs:v1"));
    both.ours(&["copy", &reference, &we, "--concurrency", "1"]);
    cp(&both, &[&reference, &they, "--concurrency", "1"]);
    both.same(&we, &they);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_cp_recursive_and_distribution_spec() {
    // What ORAS has to be told of each side, we find out.
    let (api, tag) = (Both::olareg(), Both::distribution());
    let spec = ["v1.1-referrers-api", "v1.1-referrers-tag"];
    for (from, to, [from_spec, to_spec]) in [(&api, &tag, spec), (&tag, &api, [spec[1], spec[0]])] {
        let reference = seeded(from);
        let (we, they) = (to.reference("ours:v1"), to.reference("theirs:v1"));
        from.ours(&["copy", &reference, &we, "--recursive"]);
        let specs = ["--from-distribution-spec", from_spec, "--to-distribution-spec", to_spec];
        cp(from, &with(&["-r", &reference, &they], &specs));
        to.same(&we, &they);
        let found = referrers(to, &["--plain-http", &we]);
        assert_eq!(found, referrers(to, &["--plain-http", &they]));
        assert_eq!(found.len(), 2);
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_cp_platform() {
    let both = Both::olareg();
    let (index, [amd64, _]) = both.seed_index("app", "v1");
    let (we, they) = (both.reference("ours:v1"), both.reference("theirs:v1"));
    both.ours(&["copy", &index, &we, "--platform", "linux/amd64"]);
    cp(&both, &[&index, &they, "--platform", "linux/amd64"]);
    both.same(&we, &they);
    assert_eq!(both.digest(&we), amd64);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_cp_to_oci_layout() {
    let both = Both::olareg();
    let reference = both.seed("app:v1");
    both.ours(&["copy", &reference, "oci:ours:v1"]);
    cp(&both, &[&reference, "--to-oci-layout", "theirs:v1"]);
    let resolve = |name: &str| both.oras_local(&["resolve", "--oci-layout", name]).stdout;
    assert_eq!(resolve("ours:v1"), resolve("theirs:v1"));
    assert_eq!(both.workspace.tree("ours/blobs"), both.workspace.tree("theirs/blobs"));
    assert_eq!(
        both.workspace.tree("ours/blobs").len(),
        4,
        "a folder, manifest, config, layer"
    );
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_cp_from_oci_layout() {
    let both = Both::olareg();
    both.oras_local(&["push", "--oci-layout", "layout:v1", "a.txt", "-a", CREATED]);
    let (we, they) = (both.reference("ours:v1"), both.reference("theirs:v1"));
    both.ours(&["copy", "oci:layout:v1", &we]);
    cp(&both, &["--from-oci-layout", "layout:v1", &they]);
    both.same(&we, &they);
    // A tar of a layout is one to ORAS as well; with us it has a name of its own.
    both.ours(&["copy", "oci:layout:v1", "oci-archive:layout.tar:v1"]);
    let from_tar = both.reference("theirs:tar");
    cp(&both, &["--from-oci-layout", "layout.tar:v1", &from_tar]);
    both.same(&from_tar, &we);
    let from_tar = both.reference("ours:tar");
    both.ours(&["copy", "oci-archive:layout.tar:v1", &from_tar]);
    both.same(&from_tar, &we);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_cp_oci_layout_path() {
    let both = Both::olareg();
    let reference = both.seed("app:v1");
    let name = "registry.example/app:v1";
    cp(&both, &[&reference, "--to-oci-layout-path", "layout", name]);
    let digest = both
        .oras_local(&["resolve", "--oci-layout-path", "layout", name])
        .stdout;
    let (we, they) = (both.reference("ours:v1"), both.reference("theirs:v1"));
    both.ours(&["copy", &format!("oci:layout@{}", digest.trim()), &we]);
    cp(&both, &["--from-oci-layout-path", "layout", name, &they]);
    both.same(&we, &they);
    both.same(&we, &reference);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_backup_and_output() {
    let both = Both::olareg();
    let reference = both.seed("app:v1");
    both.oras(&["backup", &reference, "--output", "theirs"]);
    both.ours(&["copy", &reference, "oci:ours:v1"]);
    assert_eq!(both.workspace.tree("ours/blobs"), both.workspace.tree("theirs/blobs"));
    // As a tar: each reads the other's.
    both.oras(&["backup", &reference, "--output", "theirs.tar"]);
    both.ours(&["copy", &reference, "oci-archive:ours.tar:v1"]);
    both.ours(&["pull", "oci-archive:theirs.tar:v1", "-o", "by-us"]);
    both.oras_local(&["pull", "--oci-layout", "ours.tar:v1", "-o", "by-oras"]);
    assert_eq!(both.workspace.read("by-us/a.txt"), "hello\n");
    assert_eq!(both.workspace.tree("by-us"), both.workspace.tree("by-oras"));
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_backup_include_referrers() {
    let (both, other) = (Both::olareg(), Both::distribution());
    for both in [&both, &other] {
        let reference = seeded(both);
        let args = ["backup", &reference, "--output", "theirs", "--include-referrers"];
        both.oras(&with(&args, &["--concurrency", "1"]));
        both.ours(&["copy", &reference, "oci:ours:v1", "--recursive", "--concurrency", "1"]);
        let found = referrers(both, &["--oci-layout", "ours:v1"]);
        assert_eq!(found, referrers(both, &["--oci-layout", "theirs:v1"]));
        assert_eq!(found.len(), 2);
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_backup_distribution_spec() {
    let both = Both::distribution();
    let reference = seeded(&both);
    let args = ["backup", &reference, "--output", "theirs", "--include-referrers"];
    both.oras(&with(&args, &["--distribution-spec", "v1.1-referrers-tag"]));
    both.ours(&["copy", &reference, "oci:ours:v1", "--recursive"]);
    let found = referrers(&both, &["--oci-layout", "ours:v1"]);
    assert_eq!(found, referrers(&both, &["--oci-layout", "theirs:v1"]));
    assert_eq!(found.len(), 2);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_restore_and_input() {
    let (both, other) = (Both::olareg(), Both::distribution());
    let reference = seeded(&both);
    both.oras(&["backup", &reference, "--output", "kept.tar", "--include-referrers"]);
    both.oras(&["backup", &reference, "--output", "kept", "--include-referrers"]);
    for (kept, ours) in [("kept.tar", "oci-archive:kept.tar:v1"), ("kept", "oci:kept:v1")] {
        let place = |name: &str| other.reference(&format!("{name}-{}:v1", kept.replace('.', "-")));
        let (we, they) = (place("ours"), place("theirs"));
        both.ours(&["copy", ours, &we, "--recursive", "--concurrency", "1"]);
        both.oras(&["restore", "--input", kept, &they, "--concurrency", "1"]);
        other.same(&we, &they);
        other.same(&we, &reference);
        let found = referrers(&other, &["--plain-http", &we]);
        assert_eq!(found, referrers(&other, &["--plain-http", &they]));
        assert_eq!(found.len(), 2);
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_restore_dry_run_and_exclude_referrers() {
    let both = Both::olareg();
    let reference = seeded(&both);
    both.oras(&["backup", &reference, "--output", "kept", "--include-referrers"]);
    let (we, they) = (both.reference("ours:v1"), both.reference("theirs:v1"));
    both.ours(&["copy", "oci:kept:v1", &we, "--dry-run"]);
    both.oras(&["restore", "--input", "kept", &they, "--dry-run"]);
    for reference in [&we, &they] {
        assert_ne!(
            both.run_oras(&["resolve", "--plain-http", reference]).call().code,
            Some(0)
        );
    }
    both.ours(&["copy", "oci:kept:v1", &we]);
    both.oras(&["restore", "--input", "kept", &they, "--exclude-referrers"]);
    both.same(&we, &they);
    for reference in [&we, &they] {
        assert!(referrers(&both, &["--plain-http", reference]).is_empty());
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_restore_distribution_spec() {
    let both = Both::distribution();
    let reference = seeded(&both);
    both.oras(&["backup", &reference, "--output", "kept", "--include-referrers"]);
    let (we, they) = (both.reference("ours:v1"), both.reference("theirs:v1"));
    both.ours(&["copy", "oci:kept:v1", &we, "--recursive"]);
    let spec = ["--distribution-spec", "v1.1-referrers-tag"];
    done(
        &both
            .run_oras(&["restore", "--input", "kept", &they, "--plain-http"])
            .args(spec),
    );
    let found = referrers(&both, &["--plain-http", &we]);
    assert_eq!(found, referrers(&both, &["--plain-http", &they]));
    assert_eq!(found.len(), 2);
}
