//! The normalised tar: golden bytes, readable by others.

use std::io::Read;

use camino::Utf8PathBuf;

use super::*;
use crate::error::Class;
use crate::oci::Digest;
use crate::pack::samples::{noise, pseudo_text};
use crate::pack::{Budget, Compression, Entry, Options, Selection, directory, walk};
use crate::store::BlobSource;

fn temporary() -> (tempfile::TempDir, Utf8PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::try_from(directory.path().to_owned()).unwrap();
    (directory, path)
}

/// A file, an executable, an empty directory, a link, and names at each limit of ustar.
fn sample() -> (tempfile::TempDir, Tree) {
    let (guard, root) = temporary();
    let long = format!("{}/{}", "d".repeat(60), "n".repeat(90));
    let longer = format!("{}/{}", "d".repeat(60), "n".repeat(101));
    for (path, content) in [
        ("readme.md", "# hello\n"),
        ("bin/run", "#!/bin/sh\n"),
        ("block", &"b".repeat(512)),
        ("grüße.txt", "ä"),
        (&long, "long"),
        (&longer, "longer"),
    ] {
        let path = root.join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }
    fs_err::create_dir(root.join("empty")).unwrap();
    let mut tree = walk(root, &Selection::default()).unwrap();
    // Set here and not on disk, so that the sample is the same on systems without such bits and links.
    for entry in &mut tree.entries {
        if let ("bin/run", EntryKind::File { executable, .. }) = (entry.path.as_str(), &mut entry.kind) {
            *executable = true;
        }
    }
    let link = |path: &str, target: &str| Entry {
        path: path.into(),
        kind: EntryKind::Link(target.into()),
    };
    tree.entries.push(link("link", "bin/run"));
    tree.entries.push(link("link-long", &"t/".repeat(60)));
    (guard, tree)
}

fn tar_of(tree: &Tree, title: &str, mtime: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(tree, title, mtime, 1, &mut bytes).unwrap();
    bytes
}

#[test]
fn entries_are_normalised() {
    let (_guard, tree) = sample();
    let bytes = tar_of(&tree, "a/title", 1_700_000_000);
    let mut shown = String::new();
    for entry in tar::Archive::new(&bytes[..]).entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        assert_eq!(
            (header.username().unwrap(), header.groupname().unwrap()),
            (Some(""), Some(""))
        );
        assert_eq!(header.mtime().unwrap(), 1_700_000_000);
        let (kind, mode, size) = (
            header.entry_type().as_byte() as char,
            header.mode().unwrap(),
            entry.size(),
        );
        let path = entry.path_bytes().into_owned();
        let link = entry
            .link_name_bytes()
            .map(|link| String::from_utf8(link.into_owned()).unwrap());
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        assert_eq!(content.len() as u64, size);
        shown += &format!("{kind} {mode:o} {size} {}", String::from_utf8(path).unwrap());
        shown += &link.map(|link| format!(" -> {link}\n")).unwrap_or("\n".to_owned());
    }
    for letter in ["d", "n", "t/"] {
        for times in [101, 90, 60] {
            shown = shown.replace(&letter.repeat(times), &format!("{letter}*{times}"));
        }
    }
    insta::assert_snapshot!(shown, @"
    5 755 0 a/title
    5 755 0 a/title/bin
    0 755 10 a/title/bin/run
    0 644 512 a/title/block
    5 755 0 a/title/d*60
    0 644 4 a/title/d*60/n*90
    0 644 6 a/title/d*60/n*101
    5 755 0 a/title/empty
    0 644 2 a/title/grüße.txt
    0 644 8 a/title/readme.md
    2 777 0 a/title/link -> bin/run
    2 777 0 a/title/link-long -> t/*60
    ");
}

#[test]
fn ends_in_exactly_two_zero_blocks() {
    let (_guard, tree) = sample();
    let bytes = tar_of(&tree, "title", 0);
    assert_eq!(bytes.len() % 512, 0);
    assert!(bytes[bytes.len() - 1024..].iter().all(|byte| *byte == 0));
    assert!(
        bytes[bytes.len() - 1536..bytes.len() - 1024]
            .iter()
            .any(|byte| *byte != 0)
    );
}

/// With memory for everything.
fn gzip(threads: usize) -> Options {
    Options {
        compression: Compression::Gzip,
        threads,
        mtime: 0,
        budget: Budget::new(usize::MAX),
    }
}

#[test]
fn golden_digests() {
    let (_guard, tree) = sample();
    assert_eq!(
        Digest::of(&tar_of(&tree, "title", 0)).to_string(),
        "sha256:c7186045e327d48e2580548faa5f8b2fd6891be7abe7137e5f8269c62061a985"
    );
    for threads in [1, 2, 16] {
        let packed = directory(&tree, "title", &gzip(threads)).unwrap();
        assert_eq!(packed.unpacked, Some(Digest::of(&tar_of(&tree, "title", 0))));
        assert_eq!(
            packed.digest.to_string(),
            "sha256:a2e91ca49bdbf4537ace420b72f6bdbd551a253f33bba7ec58cc4a93a9d19c39"
        );
    }
}

/// The digest is that of ORAS 1.3.3 (`io.deis.oras.content.digest`) for this tree, its modes and times set on disk.
#[cfg(unix)]
#[test]
fn oras_writes_the_same_tar_for_a_normalised_tree() {
    use std::os::unix::fs::PermissionsExt;

    use fs_err::os::unix::fs::symlink;
    let (_guard, root) = temporary();
    let long = format!("sub/{}", "n".repeat(120));
    fs_err::create_dir(root.join("sub")).unwrap();
    fs_err::create_dir(root.join("empty")).unwrap();
    for (path, content) in [
        ("readme.md", "hi\n"),
        ("run", "#!/bin/sh\n"),
        ("grüße.txt", "ü"),
        (&long, "deep"),
    ] {
        fs_err::write(root.join(path), content).unwrap();
    }
    fs_err::set_permissions(root.join("run"), std::fs::Permissions::from_mode(0o700)).unwrap();
    symlink("../run", root.join("sub/link")).unwrap();
    symlink(&long, root.join("longlink")).unwrap();
    let tree = walk(root, &Selection::default()).unwrap();
    let digest = Digest::of(&tar_of(&tree, "details", 1_700_000_000));
    assert_eq!(
        digest.to_string(),
        "sha256:15081aad7200ef5349c51cb05615f5baed2abe7957ce7c04fa09909c4f6621b3"
    );
}

#[test]
fn plain_is_the_tar_itself() {
    let (_guard, tree) = sample();
    let options = Options {
        compression: Compression::None,
        threads: 1,
        mtime: 7,
        budget: Budget::new(usize::MAX),
    };
    let packed = directory(&tree, "title", &options).unwrap();
    let expected = tar_of(&tree, "title", 7);
    assert_eq!(
        (packed.digest.clone(), packed.size),
        (Digest::of(&expected), expected.len() as u64)
    );
    assert_eq!(packed.unpacked, Some(packed.digest));
    let BlobSource::Pieces(pieces) = packed.source else {
        panic!("small enough for memory")
    };
    assert!(pieces.concat() == expected);
}

#[test]
fn a_file_that_changed_since_it_was_listed_is_named() {
    let (_guard, root) = temporary();
    fs_err::write(root.join("file"), "12345").unwrap();
    let tree = walk(root.clone(), &Selection::default()).unwrap();
    for content in ["1234", "123456", ""] {
        fs_err::write(root.join("file"), content).unwrap();
        for compression in [Compression::Gzip, Compression::Zstd, Compression::None] {
            let options = Options {
                compression,
                threads: 2,
                mtime: 0,
                budget: Budget::new(usize::MAX),
            };
            let error = directory(&tree, "title", &options).unwrap_err();
            assert_eq!(error.class(), Class::Local);
            assert!(
                error.message().ends_with("file: the file changed while it was packed"),
                "{error}"
            );
        }
    }
    fs_err::remove_file(root.join("file")).unwrap();
    let options = Options {
        compression: Compression::Gzip,
        threads: 2,
        mtime: 0,
        budget: Budget::new(usize::MAX),
    };
    assert_eq!(directory(&tree, "title", &options).unwrap_err().class(), Class::Local);
}

/// A file that is compressed already is stored, and grows by five bytes in 65535 and the headers; one that only begins
/// like it is compressed.
#[test]
fn a_compressed_file_is_stored() {
    let (_guard, root) = temporary();
    let mut content = vec![0x1f, 0x8b];
    content.extend(noise(3 * 1024 * 1024));
    fs_err::write(root.join("data.gz"), &content).unwrap();
    let mut text = b"BZh".to_vec();
    text.extend(pseudo_text(1024 * 1024));
    fs_err::write(root.join("words"), &text).unwrap();
    let tree = walk(root, &Selection::default()).unwrap();
    let mut found = Vec::new();
    for threads in [1, 2, 16] {
        let packed = directory(&tree, "title", &gzip(threads)).unwrap();
        let BlobSource::Pieces(pieces) = packed.source else {
            panic!("small enough for memory")
        };
        found.push(pieces.concat());
    }
    assert!(found.iter().all(|bytes| *bytes == found[0]));
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&found[0][..])
        .read_to_end(&mut unpacked)
        .unwrap();
    assert!(unpacked == tar_of(&tree, "title", 0));
    let stored = content.chunks(65_535).count() * 5 + content.len();
    let rest = found[0].len() - stored;
    assert!((300_000..600_000).contains(&rest), "the text takes {rest} bytes");
    assert!(
        found[0]
            .windows(60_000)
            .step_by(1)
            .any(|window| window == &content[..60_000])
    );
}
