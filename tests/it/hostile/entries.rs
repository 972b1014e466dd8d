//! Entries of a packed directory: names, links, types, modes and times.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use super::case::{Case, Seen};
use super::scene::Scene;
use crate::support::tar::{Tar, gzip};

fn refused(case: &Case, what: &str, says: &str, tar: &Tar) {
    case.refuses(what, 7, says, || Scene::new().packed(&gzip(&tar.clone().end()), &[]));
}

fn metadata(seen: &Seen, path: &str) -> std::fs::Metadata {
    fs_err::symlink_metadata(seen.scene.workspace.path().join("out").join(path)).unwrap()
}

#[test]
fn a05_entries_that_leave_the_directory() {
    let case = Case::new("A5", "entry with .. or an absolute path");
    refused(
        &case,
        "..",
        "leaves the directory",
        &Tar::docs().file("docs/../../outside/secret", "x"),
    );
    refused(
        &case,
        ".. at the end",
        "leaves the directory",
        &Tar::docs().dir("docs/.."),
    );
    refused(
        &case,
        "absolute",
        "absolute path",
        &Tar::docs().file("/tmp/oci-artifact-a05", "x"),
    );
    refused(&case, "beside it", "does not lie in", &Tar::docs().file("other/x", "x"));
    let pax = Tar::docs()
        .pax(b'x', &[("path", "docs/../../outside/x")])
        .file("docs/x", "x");
    refused(&case, "in a PAX header", "leaves the directory", &pax);
    assert!(!std::path::Path::new("/tmp/oci-artifact-a05").exists());
}

#[test]
fn a06_links_out_and_writing_through_them() {
    let case = Case::new("A6", "link out, then write through it; chains; link to /");
    let out = "leads out of the directory";
    let link = |target| Tar::docs().symlink("docs/l", target);
    refused(&case, "out", out, &link("../../outside"));
    refused(&case, "to /", "absolute path", &link("/"));
    refused(
        &case,
        "through it",
        out,
        &link("../../outside").file("docs/l/secret", "x"),
    );
    refused(
        &case,
        "through one to /",
        "absolute path",
        &link("/").file("docs/l/tmp/x", "x"),
    );
    let chain = Tar::docs()
        .dir("docs/deep")
        .symlink("docs/deep/up", "..")
        .symlink("docs/l", "deep/up/../../outside");
    refused(&case, "a chain", out, &chain);
    refused(
        &case,
        "in place of the directory",
        "not a directory",
        &Tar::default().symlink("docs", "../outside"),
    );
    let inside = Tar::docs().dir("docs/d").symlink("docs/l", "d").file("docs/l/x", "x");
    refused(&case, "through one inside", "two entries", &inside);
}

#[test]
fn a07_hard_links_out() {
    let case = Case::new(
        "A7",
        "hard link to outside, to a link, to a path of the working directory",
    );
    let before = "no file of that name comes before it";
    for (what, target, says) in [
        ("outside", "docs/../../outside/secret", "leaves the directory"),
        ("absolute", "/etc/passwd", "absolute path"),
        ("of the working directory", "outside/secret", "does not lie in"),
        ("to a link", "docs/link", before),
        ("to a directory", "docs", before),
        ("to what comes later", "docs/later", before),
    ] {
        let tar = Tar::docs()
            .symlink("docs/link", "x")
            .hardlink("docs/h", target)
            .file("docs/later", "x");
        refused(&case, what, says, &tar);
    }
}

#[test]
fn a08_devices_and_dangerous_modes() {
    let case = Case::new("A8", "device, FIFO; setuid, setgid, sticky; directory of mode 000");
    for (what, kind, says) in [
        ("character device", b'3', "a device"),
        ("block device", b'4', "a device"),
        ("FIFO", b'6', "FIFO"),
        ("unknown type", b'Z', "unknown type"),
    ] {
        refused(&case, what, says, &Tar::docs().entry(kind, "docs/x", "", b"", |_| {}));
    }
    let tar = Tar::docs()
        .entry(b'0', "docs/suid", "", b"x", |header| header.set_mode(0o6755))
        .entry(b'5', "docs/closed", "", b"", |header| header.set_mode(0))
        .entry(b'5', "docs/sticky", "", b"", |header| header.set_mode(0o1777))
        .file("docs/closed/x", "x");
    case.ends(
        "bits",
        0,
        "",
        || Scene::new().packed(&gzip(&tar.clone().end()), &[]),
        |seen| {
            for path in ["docs/suid", "docs/closed", "docs/sticky"] {
                assert_eq!(metadata(seen, path).permissions().mode() & 0o7700, 0o700, "{path}");
            }
        },
    );
}

#[test]
fn a14_two_entries_for_one_path() {
    let case = Case::new("A14", "an entry, then another for its path");
    let two = "two entries";
    refused(
        &case,
        "file and file",
        two,
        &Tar::docs().file("docs/x", "1").file("docs/x", "2"),
    );
    refused(
        &case,
        "file and directory",
        two,
        &Tar::docs().file("docs/x", "1").dir("docs/x"),
    );
    refused(
        &case,
        "directory and link",
        two,
        &Tar::docs().dir("docs/x").symlink("docs/x", "y"),
    );
    refused(
        &case,
        "link and file",
        two,
        &Tar::docs().symlink("docs/x", "y").file("docs/x", "2"),
    );
    refused(
        &case,
        "below a file",
        two,
        &Tar::docs().file("docs/x", "1").file("docs/x/y", "2"),
    );
}

#[test]
fn a15_times_that_make_no_sense() {
    let case = Case::new("A15", "times at the ends of the scale, and none");
    let tar = Tar::docs()
        .entry(b'0', "docs/future", "", b"x", |header| header.set_mtime(u64::MAX >> 1))
        .entry(b'0', "docs/garbage", "", b"x", |header| {
            header.as_old_mut().mtime = *b"not a number";
        })
        .pax(b'x', &[("mtime", "-99999999999999999999.5")])
        .file("docs/negative", "x");
    let begun = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let begun = i64::try_from(begun).unwrap();
    case.ends(
        "future, junk, negative",
        0,
        "",
        || Scene::new().packed(&gzip(&tar.clone().end()), &[]),
        |seen| {
            for name in ["future", "garbage", "negative"] {
                let time = metadata(seen, &format!("docs/{name}")).mtime();
                assert!((begun - 5..begun + 3600).contains(&time), "{name}: {time}");
            }
        },
    );
}

#[test]
fn a16_attributes_and_owners() {
    let case = Case::new("A16", "extended attributes, ACLs, owners");
    let records = [
        ("SCHILY.xattr.user.evil", "1"),
        ("SCHILY.xattr.security.capability", "1"),
        ("SCHILY.acl.access", "user::rwx"),
        ("uid", "0"),
        ("gid", "4242"),
        ("uname", "root"),
    ];
    let tar = Tar::docs().pax(b'x', &records).file("docs/x", "x");
    case.ends(
        "none is set",
        0,
        "",
        || Scene::new().packed(&gzip(&tar.clone().end()), &[]),
        |seen| {
            let path = seen.scene.workspace.path().join("out/docs/x");
            let mut names = [0_u8; 4096];
            // A file system without attributes has none to show.
            let length = rustix::fs::llistxattr(path.as_std_path(), &mut names[..]).unwrap_or(0);
            let names = String::from_utf8_lossy(&names[..length]).into_owned();
            assert!(
                !names.contains("evil") && !names.contains("capability") && !names.contains("posix_acl"),
                "{names}"
            );
            let ours = fs_err::metadata(seen.scene.workspace.path().join("file.txt")).unwrap();
            let theirs = metadata(seen, "docs/x");
            assert_eq!((theirs.uid(), theirs.gid()), (ours.uid(), ours.gid()));
        },
    );
}
