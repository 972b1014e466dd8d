//! Directories that unpack.

use super::fixture::Fixture;
use super::tar::{Tar, gzip, zstd};
use crate::error::Class;
use crate::oci::Digest;
use crate::unpack::Limits;

fn sample() -> Tar {
    Tar::docs()
        .file("docs/a.txt", "a")
        .entry(b'0', "docs/run", "", b"run", |header| header.set_mode(0o755))
        .dir("docs/sub")
        .file("docs/sub/b.txt", "b")
        .symlink("docs/sub/up", "../a.txt")
        .hardlink("docs/sub/same", "docs/a.txt")
}

#[tokio::test]
async fn a_tree_plain_and_compressed() {
    let mut trees = Vec::new();
    for blob in [sample().end(), gzip(&sample().end()), zstd(&sample().end())] {
        let fixture = Fixture::new();
        let path = fixture.unpack("docs", &blob).await.unwrap();
        assert_eq!(path, fixture.out("docs"));
        assert_eq!(fixture.mode("docs/run") & 0o7700, 0o700);
        assert_eq!(fixture.mode("docs/a.txt") & 0o7100, 0);
        trees.push(fixture.tree());
    }
    assert!(trees[0] == trees[1] && trees[0] == trees[2]);
    insta::assert_debug_snapshot!(trees[0], @r#"
    {
        "out": "/",
        "out/docs": "/",
        "out/docs/a.txt": "a",
        "out/docs/run": "run",
        "out/docs/sub": "/",
        "out/docs/sub/b.txt": "b",
        "out/docs/sub/same": "a",
        "out/docs/sub/up": "-> ../a.txt",
        "outside": "/",
        "outside/secret": "secret",
    }
    "#);
}

#[tokio::test]
async fn a_title_with_parents() {
    let fixture = Fixture::new();
    let tar = Tar::default().dir("a/b/docs").file("./a/b//docs/x", "x").end();
    fixture.unpack("a/b/docs", &tar).await.unwrap();
    assert_eq!(fixture.tree()["out/a/b/docs/x"], "x");
}

#[tokio::test]
async fn parents_without_an_entry_are_made() {
    let fixture = Fixture::new();
    let tar = Tar::default().file("docs/a/b/c", "c").dir("docs/a").end();
    fixture.unpack("docs", &tar).await.unwrap();
    assert_eq!(fixture.tree()["out/docs/a/b/c"], "c");
}

#[tokio::test]
async fn a_directory_is_laid_over_what_is_there() {
    let fixture = Fixture::new();
    fixture.put("docs/a.txt", "old");
    fixture.put("docs/sub/mine", "mine");
    fixture.link("../../outside/secret", "docs/run");
    fixture.unpack("docs", &sample().end()).await.unwrap();
    let tree = fixture.tree();
    let at = |path: &str| tree[&format!("out/docs/{path}")].as_str();
    assert_eq!(
        (at("a.txt"), at("sub/mine"), at("run"), at("sub/up")),
        ("a", "mine", "run", "-> ../a.txt")
    );
    assert_eq!(tree["outside/secret"], "secret");
    fixture.unpack("docs", &sample().end()).await.unwrap();
    assert_eq!(fixture.tree(), tree);
}

#[tokio::test]
async fn a_conflict_with_what_is_there_changes_nothing() {
    let plant: &[fn(&Fixture)] = &[
        |fixture| fixture.put("docs/sub", "a file where a directory comes"),
        |fixture| fixture.put("docs/run/x", "a directory where a file comes"),
        |fixture| fixture.put("docs", "a file where the whole comes"),
        |fixture| fixture.link("../outside", "docs"),
        |fixture| {
            fixture.put("docs/x", "x");
            fixture.link("../../outside", "docs/sub");
        },
    ];
    for plant in plant {
        let fixture = Fixture::new();
        plant(&fixture);
        let before = fixture.tree();
        let error = fixture.unpack("docs", &sample().end()).await.unwrap_err();
        assert_eq!(error.class(), Class::Local, "{error}");
        assert_eq!(fixture.tree(), before);
    }
}

#[tokio::test]
async fn a10_members_padding_and_missing_end_blocks_are_read() {
    let tar = sample().end();
    let (head, tail) = tar.split_at(700);
    let padded = [tar.as_slice(), &[0; 8192]].concat();
    let unpacked = Digest::of(&tar);
    for blob in [
        [gzip(head), gzip(tail)].concat(),
        gzip(&padded),
        sample().open_ended(),
        gzip(&[sample().open_ended().as_slice(), &[0; 512]].concat()),
    ] {
        let fixture = Fixture::new();
        fixture.unpack("docs", &blob).await.unwrap();
        assert_eq!(fixture.tree()["out/docs/sub/b.txt"], "b");
    }
    // ORAS's digest of a padded tar ends with the end blocks; that of the whole is as good.
    for digest in [&unpacked, &Digest::of(&padded)] {
        let fixture = Fixture::new();
        let limits = Limits::default();
        fixture
            .unpack_with("docs", &gzip(&padded), Some(digest), limits)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a09_long_names_in_both_forms() {
    let long = format!("docs/{}/{}", "d".repeat(200), "f".repeat(200));
    let gnu = Tar::docs()
        .entry(b'L', "././@LongLink", "", format!("{long}\0").as_bytes(), |_| {})
        .file("docs/short", "gnu");
    let pax = Tar::docs()
        .pax(b'g', &[("comment", "6ab0")])
        .pax(b'x', &[("path", "overruled"), ("path", &long), ("size", "3")])
        .entry(b'0', "docs/short", "", b"pax", |header| header.set_size(3));
    for (tar, content) in [(gnu, "gnu"), (pax, "pax")] {
        let fixture = Fixture::new();
        fixture.unpack("docs", &tar.end()).await.unwrap();
        assert_eq!(fixture.tree()[&format!("out/{long}")], content);
    }
}

#[tokio::test]
async fn names_of_other_systems_are_no_matter_inside() {
    let fixture = Fixture::new();
    let tar = Tar::docs()
        .file("docs/Foo::Bar.3pm", "perl")
        .file("docs/aux", "x")
        .end();
    fixture.unpack("docs", &tar).await.unwrap();
    assert_eq!(fixture.tree()["out/docs/Foo::Bar.3pm"], "perl");
}

#[tokio::test(flavor = "multi_thread")]
async fn layers_written_at_once_share_their_directories() {
    for _ in 0..20 {
        let fixture = Fixture::new();
        let tar = sample().end();
        let titles = ["docs/new/x", "docs/new/y", "docs/sub/z", "docs/new/deep/x"];
        let files = futures_util::future::join_all(titles.map(|title| fixture.write(title, b"beside", false)));
        let (tree, files) = futures_util::future::join(fixture.unpack("docs", &tar), files).await;
        tree.unwrap();
        for (title, file) in titles.iter().zip(files) {
            file.unwrap();
            assert_eq!(fixture.tree()[&format!("out/{title}")], "beside");
        }
        assert_eq!(fixture.tree()["out/docs/sub/b.txt"], "b");
        assert_eq!(fs_err::read_dir(fixture.out("")).unwrap().count(), 1);
    }
}
