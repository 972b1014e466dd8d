//! Archives: read by every command, written by copy alone, and not trusted.

use oci_artifact::oci::{Digest, names};
use serde_json::json;

use super::{artifact, copy, digest, image, index, two_platforms};
use crate::support::faults::{Action, Fault};
use crate::support::registry::Registry;
use crate::support::runner::Workspace;

const LAYOUT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

/// A tar with these files; a name that ends in `@` is a symbolic link to `blobs`, in `=` a hard link, in `|` a FIFO.
fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in entries {
        let kind = match name.chars().last() {
            Some('@') => tar::EntryType::Symlink,
            Some('=') => tar::EntryType::Link,
            Some('|') => tar::EntryType::Fifo,
            Some('/') => tar::EntryType::Directory,
            _ => tar::EntryType::Regular,
        };
        let name = name.trim_end_matches(['@', '=', '|']);
        let mut header = tar::Header::new_gnu();
        // As it is: the crate would leave out `./`.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        if matches!(kind, tar::EntryType::Symlink | tar::EntryType::Link) {
            header.set_link_name("blobs").unwrap();
        }
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A sound archive of an artifact without files, with further entries.
fn artifact_tar(more: &[(&str, &[u8])]) -> Vec<u8> {
    let manifest = manifest();
    let digest = Digest::of(manifest.as_bytes());
    let entry = json!({"mediaType": names::IMAGE_MANIFEST, "digest": digest.to_string(), "size": manifest.len(),
        "annotations": {names::REF_NAME: "v1"}});
    let index = json!({"schemaVersion": 2, "manifests": [entry]}).to_string();
    let blob = format!("./blobs/sha256/{}", digest.hex());
    let empty = format!("./blobs/sha256/{}", Digest::of(b"{}").hex());
    let mut entries: Vec<(&str, &[u8])> = vec![
        ("./", b""),
        ("./blobs/", b""),
        ("./blobs/sha256/", b""),
        (&blob, manifest.as_bytes()),
        (&empty, b"{}"),
        ("./index.json", index.as_bytes()),
        ("./oci-layout", LAYOUT.as_bytes()),
    ];
    entries.extend(more);
    tar(&entries)
}

fn manifest() -> String {
    let empty = json!({"mediaType": names::EMPTY, "digest": Digest::of(b"{}").to_string(), "size": 2});
    json!({"schemaVersion": 2, "mediaType": names::IMAGE_MANIFEST, "artifactType": "test/empty", "config": empty,
        "layers": [empty]})
    .to_string()
}

#[test]
fn commands_that_read_read_archives() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "hello\n");
    workspace.write("folder/b.txt", "there\n");
    let run = |args: &[&str]| workspace.run().args(args.iter().copied()).call();
    run(&["push", "oci:layout:v1", "a.txt", "folder"]).success();
    run(&["copy", "oci:layout:v1", "oci-archive:out/a.tar", "--tags", "latest"]).success();
    run(&["pull", "oci-archive:out/a.tar:v1", "--output", "pulled"]).success();
    assert_eq!(workspace.read("pulled/a.txt"), "hello\n");
    assert_eq!(workspace.read("pulled/folder/b.txt"), "there\n");
    assert_eq!(run(&["list", "oci-archive:out/a.tar"]).success().stdout, "latest\nv1\n");
    let raw = |place: &str| run(&["inspect", "--raw", place]).success().stdout.clone();
    assert_eq!(raw("oci-archive:out/a.tar:latest"), raw("oci:layout:v1"));
    let missing = run(&["pull", "oci-archive:out/b.tar:v1"]);
    missing.exit(4);
    run(&["pull", "oci-archive:out/a.tar:v2"]).exit(4);
    run(&["list", "oci-archive:out/b.tar"]).exit(4);
}

#[test]
fn commands_that_write_name_copy() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "hello\n");
    workspace.write("a.tar", artifact_tar(&[]));
    let before = workspace.tree("");
    for args in [
        &["push", "oci-archive:a.tar:v2", "a.txt"][..],
        &["push", "oci-archive:a.tar:v2", "a.txt", "--dry-run"],
        &["tag", "oci-archive:a.tar:v1", "v2"],
        &["untag", "oci-archive:a.tar:v1"],
        &["delete", "oci-archive:a.tar:v1", "--yes"],
    ] {
        let outcome = workspace.run().args(args.iter().copied()).call();
        outcome.exit(2);
        assert!(
            outcome.stderr.contains("written by `copy` alone"),
            "{}",
            outcome.snapshot()
        );
    }
    assert_eq!(workspace.tree(""), before);
}

#[test]
fn the_same_content_gives_the_same_bytes() {
    let (workspace, from) = (Workspace::new(), Registry::start());
    let platforms = [
        "linux/amd64",
        "linux/arm64",
        "linux/s390x",
        "linux/riscv64",
        "windows/amd64",
    ];
    let entries = platforms.map(|platform| image(&from, "app", "", platform, platform));
    index(&from, "app", "v1", &entries);
    let source = from.reference("app:v1");
    for (target, concurrency) in [("a.tar", "1"), ("b.tar", "8"), ("c.tar", "8")] {
        let target = format!("oci-archive:{target}");
        artifact(&copy(&workspace, &[&source, &target, "--concurrency", concurrency]));
    }
    let files = workspace.tree("");
    assert!(files["a.tar"] == files["b.tar"] && files["b.tar"] == files["c.tar"]);
    let mut archive = tar::Archive::new(&files["a.tar"][..]);
    let names: Vec<String> = archive
        .entries()
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.mode().unwrap(), header.mtime().unwrap()), (0o644, 0));
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            entry.path().unwrap().to_str().unwrap().to_owned()
        })
        .collect();
    let (blobs, last) = names.split_at(names.len() - 2);
    assert_eq!(last, ["index.json", "oci-layout"]);
    assert!(blobs.is_sorted(), "{blobs:?}");
}

#[test]
fn the_index_offers_what_was_copied_and_not_its_parts() {
    let (workspace, from) = (Workspace::new(), Registry::start());
    let (whole, _) = two_platforms(&from, "app");
    artifact(&copy(&workspace, &[&from.reference("app:v1"), "oci-archive:a.tar"]));
    let files = workspace.tree("");
    let mut archive = tar::Archive::new(&files["a.tar"][..]);
    let mut index = archive
        .entries()
        .unwrap()
        .map(Result::unwrap)
        .find(|entry| *entry.path_bytes() == b"index.json"[..]);
    let index: serde_json::Value = serde_json::from_reader(index.as_mut().unwrap()).unwrap();
    assert_eq!(
        index["manifests"].as_array().unwrap().len(),
        1,
        "skopeo takes each for an image"
    );
    assert_eq!(index["manifests"][0]["digest"], whole["digest"]);
}

#[test]
fn an_archive_keeps_what_it_has() {
    let (workspace, from) = (Workspace::new(), Registry::start());
    let (whole, _) = two_platforms(&from, "app");
    workspace.write(
        "a.tar",
        artifact_tar(&[("manifest.json", b"docker's own"), ("./odd/name", b"odd")]),
    );
    #[cfg(unix)]
    std::os::unix::fs::symlink("a.tar", workspace.path().join("link.tar")).unwrap();
    #[cfg(not(unix))]
    fs_err::copy(workspace.path().join("a.tar"), workspace.path().join("link.tar")).unwrap();
    let result = artifact(&copy(
        &workspace,
        &[&from.reference("app:v1"), "oci-archive:link.tar:v2"],
    ));
    assert_eq!(result["digest"], whole["digest"]);
    let list = workspace.run().args(["list", "oci-archive:link.tar"]).call();
    assert_eq!(list.success().stdout, "v1\nv2\n");
    let raw = workspace
        .run()
        .args(["inspect", "--raw", "oci-archive:link.tar:v1"])
        .call();
    assert_eq!(raw.success().stdout, manifest());
    let bytes = workspace.tree("");
    let mut archive = tar::Archive::new(&bytes[if cfg!(unix) { "a.tar" } else { "link.tar" }][..]);
    let names = archive
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().display().to_string());
    let names: Vec<String> = names.filter(|name| !name.starts_with("blobs/")).collect();
    assert_eq!(names, ["manifest.json", "odd/name", "index.json", "oci-layout"]);
}

#[test]
fn a_copy_that_fails_leaves_the_archive_as_it_was() {
    let (workspace, from) = (Workspace::new(), Registry::start());
    let (_, entries) = two_platforms(&from, "app");
    workspace.write("a.tar", artifact_tar(&[]));
    let before = workspace.tree("");
    from.lie_about_blob("app", &Digest::of(b"for arm64").to_string(), "for arm65");
    for target in ["oci-archive:a.tar", "oci-archive:new.tar"] {
        copy(&workspace, &[&from.reference("app:v1"), target]).exit(7);
        assert_eq!(workspace.tree(""), before, "nothing changed, nothing left behind");
    }
    from.fault(Fault::on("GET", "/blobs/").always().act(Action::StallAnswer(3)));
    let cut = copy(
        &workspace,
        &[&from.reference("app:v1"), "oci-archive:a.tar", "--timeout", "2s"],
    );
    assert_ne!(cut.code, Some(0));
    assert_eq!(workspace.tree(""), before, "{}", cut.snapshot());
    from.clear_faults();
    let sound = from.reference(&format!("app@{}", digest(&entries[0])));
    let dry = copy(&workspace, &[&sound, "oci-archive:a.tar:v2", "--dry-run"]);
    assert_eq!(artifact(&dry)["state"], "copied");
    assert_eq!(workspace.tree(""), before);
}

#[test]
fn hostile_and_damaged_archives_are_refused_and_left_alone() {
    let (workspace, from) = (Workspace::new(), Registry::start());
    image(&from, "app", "v1", "x", "linux/amd64");
    let empty = format!("blobs/sha256/{}", Digest::of(b"{}").hex());
    let sound = artifact_tar(&[]);
    let mut gzip = Vec::new();
    std::io::Write::write_all(
        &mut flate2::write::GzEncoder::new(&mut gzip, flate2::Compression::fast()),
        &sound,
    )
    .unwrap();
    let mut huge = sound.clone();
    let end = huge.len() - 1024;
    huge.truncate(end);
    let mut header = tar::Header::new_gnu();
    header.set_path("blobs/sha256/huge").unwrap();
    header.set_size(u64::MAX / 2);
    header.set_cksum();
    huge.extend_from_slice(header.as_bytes());
    let cases: Vec<(&str, Vec<u8>, i32, &str)> = vec![
        ("a blob twice", artifact_tar(&[(&empty, b"{}")]), 7, "is in it twice"),
        (
            "two indexes",
            artifact_tar(&[("index.json", b"{}")]),
            7,
            "is in it twice",
        ),
        (
            "two markers",
            artifact_tar(&[("oci-layout", LAYOUT.as_bytes())]),
            7,
            "is in it twice",
        ),
        (
            "a link as blob",
            artifact_tar(&[("blobs/sha256/aa@", b"")]),
            7,
            "no regular file",
        ),
        (
            "a link as index",
            tar(&[("oci-layout", LAYOUT.as_bytes()), ("index.json@", b"")]),
            7,
            "no regular file",
        ),
        (
            "a hard link",
            artifact_tar(&[("./blobs/sha256/aa=", b"")]),
            7,
            "no regular file",
        ),
        (
            "a FIFO",
            artifact_tar(&[("blobs/sha256/aa|", b"")]),
            7,
            "no regular file",
        ),
        ("a link with data", artifact_tar(&[("x@", b"data")]), 7, "has data"),
        ("past the end", huge, 7, "cut off"),
        ("cut", sound[..sound.len() - 1700].to_vec(), 7, ""),
        ("no layout", tar(&[("manifest.json", b"[]")]), 7, "no file oci-layout"),
        (
            "another version",
            tar(&[("oci-layout", br#"{"imageLayoutVersion":"2.0.0"}"#)]),
            7,
            "version \"2.0.0\"",
        ),
        (
            "no JSON",
            tar(&[("oci-layout", LAYOUT.as_bytes()), ("index.json", b"<html>")]),
            7,
            "index.json",
        ),
        (
            "a large marker",
            tar(&[("oci-layout", &[b' '; 70_000])]),
            7,
            "more than 65536 bytes",
        ),
        ("text", b"hello, this is no archive".to_vec(), 7, "not a tar archive"),
        ("nothing", Vec::new(), 7, "no file oci-layout"),
        ("gzip", gzip, 2, "gunzip"),
        ("zstd", b"\x28\xb5\x2f\xfdrest".to_vec(), 2, "unzstd"),
    ];
    for (name, bytes, code, says) in cases {
        workspace.write("a.tar", &bytes);
        for args in [
            &["pull", "oci-archive:a.tar:v1", "--output", "out"][..],
            &["copy", &from.reference("app:v1"), "oci-archive:a.tar:v2"],
        ] {
            let outcome = workspace.run().args(args.iter().copied()).call();
            assert_eq!(outcome.code, Some(code), "{name}: {}", outcome.snapshot());
            assert!(outcome.stderr.contains(says), "{name}: {}", outcome.snapshot());
            assert!(outcome.stderr.contains("a.tar"), "{name}: {}", outcome.snapshot());
        }
        let files = workspace.tree("");
        assert!(files.len() == 1 && files["a.tar"] == bytes, "{name}");
    }
    fs_err::remove_file(workspace.path().join("a.tar")).unwrap();
    workspace.write("a.tar/file", "x");
    let outcome = copy(&workspace, &[&from.reference("app:v1"), "oci-archive:a.tar:v2"]);
    outcome.exit(2);
    assert!(outcome.stderr.contains("it is a directory"), "{}", outcome.snapshot());
}

#[test]
fn a_blob_in_an_archive_is_held_to_its_digest() {
    let (workspace, to) = (Workspace::new(), Registry::start());
    let mut bytes = artifact_tar(&[]);
    let at = bytes.windows(10).position(|found| found == b"test/empty").unwrap();
    bytes[at] = b'T';
    workspace.write("a.tar", &bytes);
    let outcome = copy(&workspace, &["oci-archive:a.tar:v1", &to.reference("app")]);
    outcome.exit(7);
    assert!(
        outcome.stderr.contains("a.tar: blobs/sha256/"),
        "{}",
        outcome.snapshot()
    );
    assert!(to.tags("app").is_empty());
}
