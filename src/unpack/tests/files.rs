//! Single files.

use futures_util::{FutureExt, StreamExt, stream};

use super::fixture::{Fixture, broken, describe, pieces};
use crate::error::Class;

#[tokio::test]
async fn a_file_is_written_with_its_parents_and_execute_bit() {
    let fixture = Fixture::new();
    let path = fixture.write("bin/tools/run", b"#!/bin/sh\n", true).await.unwrap();
    assert_eq!(path, fixture.out("bin/tools/run"));
    assert_eq!(fixture.tree()["out/bin/tools/run"], "#!/bin/sh\n");
    assert_eq!(fixture.mode("bin/tools/run") & 0o7700, 0o700);
    fixture.write("bin/tools/run", b"", false).await.unwrap();
    assert_eq!(fixture.tree()["out/bin/tools/run"], "");
    assert_eq!(fixture.mode("bin/tools/run") & 0o7111, 0);
}

#[tokio::test]
async fn what_is_there_and_right_is_seen() {
    let fixture = Fixture::new();
    let holds =
        |title: &str, content: &[u8], executable| fixture.output.holds(title, &describe(content), executable).unwrap();
    assert!(!holds("a/b", b"content", false));
    fixture.write("a/b", b"content", false).await.unwrap();
    assert!(holds("a/b", b"content", false));
    assert!(!holds("a/b", b"content", true));
    assert!(!holds("a/b", b"CONTENT", false));
    assert!(!holds("a/b", b"content and more", false));
    assert!(!holds("a", b"content", false));
    fixture.link("a/b", "link");
    assert!(!holds("link", b"content", false));
    fixture.output.holds("../x", &describe(b""), false).unwrap_err();
}

#[tokio::test]
async fn a03_a_title_under_a_link_of_another_layer() {
    let fixture = Fixture::new();
    let layer = super::tar::Tar::docs()
        .dir("docs/real")
        .symlink("docs/link", "real")
        .end();
    fixture.unpack("docs", &layer).await.unwrap();
    let before = fixture.tree();
    let error = fixture.write("docs/link/file", b"x", false).await.unwrap_err();
    assert_eq!(error.class(), Class::Local);
    assert!(
        error.message().contains("a link, and links are not followed"),
        "{error}"
    );
    assert_eq!(fixture.tree(), before);
}

#[tokio::test]
async fn a04_links_planted_in_the_output() {
    let fixture = Fixture::new();
    fixture.link("../outside", "dir");
    fixture.link("../outside/secret", "file");
    let before = fixture.tree();
    fixture.write("dir/secret", b"x", false).await.unwrap_err();
    fixture.write("dir/new/file", b"x", false).await.unwrap_err();
    fixture
        .output
        .holds("dir/secret", &describe(b"secret"), false)
        .unwrap_err();
    assert!(!fixture.output.holds("file", &describe(b"secret"), false).unwrap());
    assert_eq!(fixture.tree(), before);
    // The last part is replaced, not written through: GHSA-m37j-52j7-pjw7 of oras-java.
    fixture.write("file", b"new", false).await.unwrap();
    let after = fixture.tree();
    assert_eq!(
        (after["out/file"].as_str(), after["outside/secret"].as_str()),
        ("new", "secret")
    );
}

#[tokio::test]
async fn something_else_in_the_place_of_a_file() {
    let fixture = Fixture::new();
    fixture.put("dir/x", "x");
    fixture.put("file", "x");
    let before = fixture.tree();
    for title in ["dir", "file/below"] {
        let error = fixture.write(title, b"new", false).await.unwrap_err();
        assert_eq!(error.class(), Class::Local);
        assert!(error.way_out().is_some());
    }
    assert_eq!(fixture.tree(), before);
}

#[tokio::test]
async fn a18_a_failed_file_leaves_the_old_one_and_nothing_else() {
    let fixture = Fixture::new();
    fixture.put("old", "old");
    let before = fixture.tree();
    let blob = describe(b"content");
    for title in ["old", "new/dir/file"] {
        let short = fixture
            .write_as(title, &blob, pieces(b"conten"), false)
            .await
            .unwrap_err();
        assert!(short.message().contains("6 bytes instead of 7"), "{short}");
        let long = fixture
            .write_as(title, &blob, pieces(b"content!"), false)
            .await
            .unwrap_err();
        assert!(long.message().contains("more than the 7 bytes"), "{long}");
        let other = fixture
            .write_as(title, &blob, pieces(b"CONTENT"), false)
            .await
            .unwrap_err();
        assert!(other.message().contains("have the digest"), "{other}");
        for error in [short, long, other] {
            assert_eq!(error.class(), Class::Integrity);
        }
        let cut = fixture.write_as(title, &blob, broken(b"con"), false).await.unwrap_err();
        assert_eq!((cut.class(), cut.message()), (Class::Network, "connection reset"));
        assert_eq!(fixture.tree(), before);
    }
}

#[tokio::test]
async fn a_stream_longer_than_stated_is_left_at_once() {
    let fixture = Fixture::new();
    let endless = stream::repeat_with(|| Ok(bytes::Bytes::from_static(&[0; 4096])));
    let error = fixture
        .write_as("x", &describe(b"small"), Box::pin(endless), false)
        .await;
    assert_eq!(error.unwrap_err().class(), Class::Integrity);
}

#[test]
fn a18_a_transfer_that_is_dropped_cleans_up() {
    let fixture = Fixture::new();
    let before = fixture.tree();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let tar = super::tar::Tar::docs()
        .file("docs/a", "a")
        .file("docs/b", "b")
        .open_ended();
    let stalled = |bytes: &[u8]| Box::pin(pieces(bytes).chain(stream::pending()));
    runtime.block_on(async {
        let blob = describe(b"content");
        let file = fixture.write_as("dir/file", &blob, stalled(b"cont"), false);
        // Polled until all that comes has been taken, then dropped.
        futures_util::pin_mut!(file);
        for _ in 0..16 {
            assert!(file.as_mut().now_or_never().is_none());
            tokio::task::yield_now().await;
        }
        let progress = crate::report::Report::silent().transfer(crate::report::Direction::Down, "docs", 1);
        let whole = describe(&[tar.as_slice(), &[0; 1024]].concat());
        let limits = crate::unpack::Limits::default();
        let unpack = fixture
            .output
            .unpack("docs", &whole, None, stalled(&tar), limits, &progress);
        futures_util::pin_mut!(unpack);
        for _ in 0..16 {
            assert!(unpack.as_mut().now_or_never().is_none());
            tokio::task::yield_now().await;
        }
    });
    // Waits for the threads.
    drop(runtime);
    assert_eq!(fixture.tree(), before);
}

#[test]
fn an_output_that_is_a_file() {
    let fixture = Fixture::new();
    fixture.put("file", "x");
    let error = crate::unpack::Output::open(&fixture.out("file")).unwrap_err();
    assert_eq!(error.class(), Class::Local);
}
