//! Archives that mean harm by their names, links, types and modes.

use std::time::{Duration, SystemTime};

use super::fixture::Fixture;
use super::tar::Tar;

#[tokio::test]
async fn a01_titles_are_checked_here_too() {
    let fixture = Fixture::new();
    let before = fixture.tree();
    for title in [
        "../outside",
        "/etc",
        "",
        ".",
        "a/../../outside",
        ".git/hooks",
        "NUL",
        "a:b",
    ] {
        let error = fixture.unpack(title, &Tar::docs().end()).await.unwrap_err();
        assert_eq!(error.class(), crate::error::Class::Integrity);
        fixture.write(title, b"x", false).await.unwrap_err();
    }
    assert_eq!(fixture.tree(), before);
}

#[tokio::test]
async fn a05_names_that_leave_the_directory() {
    let fixture = Fixture::new();
    let absolute = fixture.base.join("outside/x");
    for (name, why) in [
        ("docs/../../outside/x", "leaves the directory"),
        ("docs/..", "leaves the directory"),
        ("../outside/x", "leaves the directory"),
        (absolute.as_str(), "absolute path"),
        ("other/x", "does not lie in"),
        ("x", "does not lie in"),
        ("docsx/y", "does not lie in"),
        ("", "does not lie in"),
    ] {
        fixture.refuses(&Tar::docs().file(name, "x").end(), why).await;
        fixture.refuses(&Tar::docs().dir(name).end(), why).await;
        fixture.refuses(&Tar::docs().symlink(name, "y").end(), why).await;
    }
    let pax = Tar::docs()
        .pax(b'x', &[("path", "docs/../../outside/x")])
        .file("docs/x", "x");
    fixture.refuses(&pax.end(), "leaves the directory").await;
}

#[tokio::test]
async fn a06_links_out_and_writing_through_links() {
    let fixture = Fixture::new();
    let out = "leads out of the directory";
    fixture
        .refuses(&Tar::docs().symlink("docs/l", "../../outside").end(), out)
        .await;
    fixture
        .refuses(&Tar::docs().symlink("docs/l", "/").end(), "absolute path")
        .await;
    let through = Tar::docs()
        .symlink("docs/l", "../../outside")
        .file("docs/l/secret", "x");
    fixture.refuses(&through.end(), out).await;
    let inside = Tar::docs().dir("docs/d").symlink("docs/l", "d").file("docs/l/x", "x");
    fixture.refuses(&inside.end(), "two entries").await;
    let over = Tar::docs()
        .symlink("docs/l", "../../outside/secret")
        .file("docs/l", "x");
    fixture.refuses(&over.end(), out).await;
    let chain = Tar::docs()
        .dir("docs/deep")
        .symlink("docs/deep/up", "..")
        .symlink("docs/l", "deep/up/../../outside");
    fixture.refuses(&chain.end(), out).await;
    fixture
        .refuses(&Tar::default().symlink("docs", "../outside").end(), "not a directory")
        .await;
}

/// Each layer is fine for itself: `docs/p` goes through what it has not, and the layer inside of it has a link there.
#[tokio::test]
async fn a06_two_layers_that_lead_out_together() {
    let inner = || Tar::default().dir("docs/b").symlink("docs/b/d/q", "..").end();
    let outer = || Tar::docs().symlink("docs/p", "b/d/q/../../..").end();
    for inner_first in [true, false] {
        let fixture = Fixture::new();
        if inner_first {
            fixture.unpack("docs/b", &inner()).await.unwrap();
        }
        fixture.refuses(&outer(), "no directory of the archive").await;
    }
    // With a directory of its own there the other layer's link has no place.
    let fixture = Fixture::new();
    let own = Tar::docs().dir("docs/b/d/q").symlink("docs/p", "b/d/q/../..");
    fixture.unpack("docs", &own.end()).await.unwrap();
    let error = fixture.unpack("docs/b", &inner()).await.unwrap_err();
    assert!(error.message().contains("there is a directory"), "{error}");
    assert_eq!(fs_err::read_dir(fixture.out("docs/p")).unwrap().count(), 1);
}

#[tokio::test]
async fn a07_hard_links_out() {
    let fixture = Fixture::new();
    fixture.put("docs/there", "an older pull's file");
    let absolute = fixture.base.join("outside/secret");
    for (target, why) in [
        ("docs/../../outside/secret", "leaves the directory"),
        (absolute.as_str(), "absolute path"),
        ("Cargo.toml", "does not lie in"),
        ("docs/later", "no file of that name comes before it"),
        ("docs/there", "no file of that name comes before it"),
        ("docs", "no file of that name comes before it"),
        ("docs/link", "no file of that name comes before it"),
    ] {
        let tar = Tar::docs()
            .symlink("docs/link", "x")
            .hardlink("docs/h", target)
            .file("docs/later", "x");
        fixture.refuses(&tar.end(), why).await;
    }
}

#[tokio::test]
async fn a08_special_files_and_bits() {
    let fixture = Fixture::new();
    for (kind, why) in [
        (b'3', "a device"),
        (b'4', "a device"),
        (b'6', "a FIFO"),
        (b'Z', "an unknown type"),
    ] {
        let why = why.trim_start_matches("an ");
        fixture
            .refuses(&Tar::docs().entry(kind, "docs/x", "", b"", |_| {}).end(), why)
            .await;
    }
    let tar = Tar::docs()
        .entry(b'0', "docs/suid", "", b"x", |header| header.set_mode(0o6755))
        .entry(b'5', "docs/closed", "", b"", |header| header.set_mode(0))
        .entry(b'5', "docs/sticky", "", b"", |header| header.set_mode(0o1777))
        .entry(b'5', "docs", "", b"", |header| header.set_mode(0o2000))
        .file("docs/closed/x", "x");
    fixture.unpack("docs", &tar.end()).await.unwrap();
    for path in ["docs/suid", "docs/closed", "docs/sticky", "docs"] {
        assert_eq!(fixture.mode(path) & 0o7700, 0o700, "{path}");
    }
    assert_eq!(fixture.mode("docs") & 0o7777, 0o700);
    assert_eq!(fixture.tree()["out/docs/closed/x"], "x");
}

#[tokio::test]
async fn a14_two_entries_for_one_path() {
    let fixture = Fixture::new();
    let twice = |tar: Tar| tar.end();
    for tar in [
        Tar::docs().file("docs/x", "1").file("docs/x", "2"),
        Tar::docs().file("docs/x", "1").dir("docs/x"),
        Tar::docs().dir("docs/x").file("docs/x", "1"),
        Tar::docs().file("docs/x", "1").file("docs/x/y", "2"),
        Tar::docs().symlink("docs/x", "y").file("docs/x", "2"),
        Tar::docs().dir("docs/x").symlink("docs/x", "y"),
        Tar::docs().symlink("docs/x", "y").symlink("docs/x", "z"),
        Tar::docs().symlink("docs/x", "y").symlink("docs/x/l", "z"),
        Tar::docs()
            .file("docs/x", "1")
            .file("docs/y", "2")
            .hardlink("docs/y", "docs/x"),
        Tar::docs().file("docs/x", "1").hardlink("docs/x", "docs/x"),
    ] {
        fixture.refuses(&twice(tar), "two entries").await;
    }
    fixture
        .refuses(&Tar::docs().file("docs", "x").end(), "not a directory")
        .await;
}

#[tokio::test]
async fn a15_times_that_make_no_sense() {
    let fixture = Fixture::new();
    let before = SystemTime::now() - Duration::from_secs(5);
    let tar = Tar::docs()
        .file("docs/zero", "x")
        .entry(b'0', "docs/future", "", b"x", |header| header.set_mtime(u64::MAX >> 1))
        .entry(b'0', "docs/garbage", "", b"x", |header| {
            header.as_old_mut().mtime = *b"not a number";
        })
        .pax(b'x', &[("mtime", "-99999999999999999999.5")])
        .file("docs/negative", "x")
        .pax(b'x', &[("mtime", "1000000000.25")])
        .file("docs/sane", "x");
    fixture.unpack("docs", &tar.end()).await.unwrap();
    let time = |name: &str| {
        fs_err::metadata(fixture.out("docs").join(name))
            .unwrap()
            .modified()
            .unwrap()
    };
    for name in ["zero", "future", "garbage", "negative"] {
        let time = time(name);
        assert!(time > before && time <= SystemTime::now(), "{name}");
    }
    assert_eq!(
        time("sane"),
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)
    );
}

#[tokio::test]
async fn a16_extended_attributes_are_not_set() {
    let fixture = Fixture::new();
    let records = [
        ("SCHILY.xattr.user.evil", "1"),
        ("SCHILY.acl.access", "user::rwx"),
        ("uid", "0"),
    ];
    let tar = Tar::docs().pax(b'x', &records).file("docs/x", "x");
    fixture.unpack("docs", &tar.end()).await.unwrap();
    let mut names = [0_u8; 4096];
    // A file system without attributes has none to show.
    let length = rustix::fs::llistxattr(fixture.out("docs/x").as_std_path(), &mut names[..]).unwrap_or(0);
    assert!(!String::from_utf8_lossy(&names[..length]).contains("evil"));
    assert_eq!(fixture.tree()["out/docs/x"], "x");
}

#[tokio::test]
async fn a17_git_is_out_of_bounds() {
    let fixture = Fixture::new();
    for name in [
        "docs/.git/hooks/pre-commit",
        "docs/sub/.Git/config",
        "docs/.git",
        "docs/GIT~1/config",
    ] {
        fixture
            .refuses(&Tar::docs().file(name, "#!/bin/sh").end(), ".git")
            .await;
    }
    let tar = Tar::docs()
        .file("docs/.github/workflows/x.yml", "")
        .file("docs/.gitignore", "");
    fixture.unpack("docs", &tar.end()).await.unwrap();
}
