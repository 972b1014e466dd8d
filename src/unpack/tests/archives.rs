//! Archives that are damaged, oversized, or not what they are said to be.

use super::fixture::{Fixture, broken, describe, pieces};
use super::tar::{Tar, gzip};
use crate::error::Class;
use crate::oci::Digest;
use crate::report::{Direction, Report};
use crate::unpack::Limits;

#[tokio::test]
async fn a09_headers_that_overrule_headers() {
    let fixture = Fixture::new();
    let long = |kind| Tar::docs().entry(kind, "././@LongLink", "", b"docs/long\0", |_| {});
    fixture
        .refuses(
            &long(b'L').pax(b'x', &[("path", "docs/other")]).file("docs/x", "").end(),
            "two names",
        )
        .await;
    let twice = long(b'L')
        .entry(b'L', "././@LongLink", "", b"docs/b\0", |_| {})
        .file("docs/x", "");
    fixture.refuses(&twice.end(), "two names").await;
    let twice = Tar::docs()
        .pax(b'x', &[("a", "b")])
        .pax(b'x', &[("a", "b")])
        .file("docs/x", "");
    fixture.refuses(&twice.end(), "two pax headers").await;
    fixture
        .refuses(&long(b'L').end(), "ends after the header of a long name")
        .await;
    let global = Tar::docs().pax(b'g', &[("path", "docs/y")]).file("docs/x", "");
    fixture.refuses(&global.end(), "global pax header").await;
    // Base 256: 2^64 and one more byte, and less than nothing; others refuse them, or read another size.
    for upper in [[0x80, 0, 0, 1], [0x81, 0, 0, 0], [0xff, 0xff, 0xff, 0xff]] {
        let tar = Tar::docs().entry(b'0', "docs/x", "", b"x", |header| {
            header.as_old_mut().size = [0; 12];
            header.as_old_mut().size[..4].copy_from_slice(&upper);
            header.as_old_mut().size[11] = 1;
        });
        fixture.refuses(&tar.end(), "a size is out of bounds").await;
    }
    for size in ["18446744073709551615", "99999999999999999999", "-1", "x"] {
        let tar = Tar::docs().pax(b'x', &[("size", size)]).file("docs/x", "x");
        fixture.refuses(&tar.end(), "a size is").await;
    }
    // CVE-2025-62518: a size in the PAX header and another in the header must not give two readings.
    let hidden = Tar::default().file("docs/hidden", "x").open_ended();
    let outer =
        Tar::docs()
            .pax(b'x', &[("size", &hidden.len().to_string())])
            .entry(b'0', "docs/x", "", &hidden, |header| header.set_size(0));
    let fixture_two = Fixture::new();
    fixture_two.unpack("docs", &outer.end()).await.unwrap();
    assert!(!fixture_two.tree().contains_key("out/docs/hidden"));
    let sparse = Tar::docs().pax(b'x', &[("GNU.sparse.major", "1")]).file("docs/x", "x");
    fixture.refuses(&sparse.end(), "sparse").await;
    fixture
        .refuses(&Tar::docs().entry(b'S', "docs/x", "", b"x", |_| {}).end(), "sparse")
        .await;
    let data = Tar::docs().entry(b'5', "docs/d", "", b"data", |_| {});
    fixture.refuses(&data.end(), "but has data").await;
}

#[tokio::test]
async fn a09_names_without_measure() {
    let fixture = Fixture::new();
    let huge = vec![b'x'; 2 * 1024 * 1024];
    for kind in *b"LKxg" {
        let tar = Tar::docs().entry(kind, "huge", "", &huge, |_| {}).file("docs/x", "");
        fixture.refuses(&tar.end(), "more than 1 MiB").await;
        // A size that is only claimed allocates nothing.
        let claimed = Tar::docs().entry(kind, "huge", "", b"", |header| header.set_size(1 << 60));
        fixture.refuses(&claimed.end(), "more than 1 MiB").await;
    }
    for (name, why) in [
        ("x".repeat(300), "longer than 255"),
        ("x/".repeat(4000), "longer than 4096"),
    ] {
        let tar = Tar::docs()
            .pax(b'x', &[("path", &format!("docs/{name}"))])
            .file("docs/x", "");
        fixture.refuses(&tar.end(), why).await;
    }
    let tar = Tar::docs().pax(b'x', &[("path", "docs/a\0b")]).file("docs/x", "");
    fixture.refuses(&tar.end(), "NUL").await;
}

#[tokio::test]
async fn a10_truncated_and_trailing() {
    let fixture = Fixture::new();
    let tar = Tar::docs().file("docs/x", &"x".repeat(3000)).end();
    for end in [513, 1500, 4000] {
        fixture.refuses(&tar[..end], "cut off").await;
        fixture.refuses(&gzip(&tar[..end]), "cut off").await;
    }
    let zipped = gzip(&tar);
    for end in [1, 5, 20, zipped.len() - 4] {
        let why = if end == 1 { "cut off" } else { "gzip stream is damaged" };
        fixture.refuses(&zipped[..end], why).await;
    }
    fixture
        .refuses(&[&zipped, &b"garbage"[..]].concat(), "gzip stream is damaged")
        .await;
    fixture.refuses(&[&tar, &b"garbage"[..]].concat(), "damaged").await;
    let second = Tar::docs().file("docs/hidden", "x").end();
    fixture
        .refuses(&[tar.as_slice(), &second].concat(), "behind the end")
        .await;
    let mut wrong = zipped;
    let last = wrong.len() - 6;
    wrong[last] ^= 1;
    fixture.refuses(&wrong, "gzip stream is damaged").await;
}

#[tokio::test]
async fn a11_bombs() {
    let fixture = Fixture::new();
    let before = fixture.tree();
    let zeros = Tar::docs().file("docs/x", &"\0".repeat(300_000)).end();
    let small = |bytes, entries| Limits {
        bytes,
        entries,
        ..Limits::default()
    };
    let limited = |limits| fixture.unpack_with("docs", &zeros, None, limits);
    let error = limited(small(Some(100_000), 100)).await.unwrap_err();
    assert!(error.message().contains("unpacks to more than 100000 bytes"), "{error}");
    assert!(error.way_out().unwrap().contains("unpack-limit"));
    assert_eq!(fixture.tree(), before);
    let error = limited(small(None, 1)).await.unwrap_err();
    assert!(error.message().contains("more than 1 entries"), "{error}");
    assert_eq!(fixture.tree(), before);
    // Headers that describe no entry count as well.
    let mut many = Tar::docs();
    for _ in 0..50 {
        many = many.pax(b'g', &[("comment", "x")]);
    }
    let many = many.end();
    let error = fixture
        .unpack_with("docs", &many, None, small(None, 50))
        .await
        .unwrap_err();
    assert!(error.message().contains("more than 50 entries"), "{error}");
    let deep = format!("docs/{}x", "d/".repeat(200));
    let tar = Tar::docs().pax(b'x', &[("path", &deep)]).file("docs/x", "");
    fixture.refuses(&tar.end(), "more than 128 directories deep").await;
    // The file that is claimed to be large is cut off, nothing was set aside for it.
    let claimed = Tar::docs().entry(b'0', "docs/x", "", b"x", |header| header.set_size(1 << 60));
    fixture.refuses(&claimed.end(), "cut off").await;
}

#[tokio::test]
async fn a12_the_digest_of_the_tar() {
    let tar = Tar::docs().file("docs/x", "x").end();
    let fixture = Fixture::new();
    let before = fixture.tree();
    let wrong = Digest::of(b"something else");
    for blob in [tar.clone(), gzip(&tar)] {
        let unpack = fixture.unpack_with("docs", &blob, Some(&wrong), Limits::default());
        let error = unpack.await.unwrap_err();
        assert_eq!(error.class(), Class::Integrity);
        assert!(error.message().contains("unpacked tar has the digest"), "{error}");
        assert_eq!(fixture.tree(), before);
    }
    fixture
        .unpack_with("docs", &gzip(&tar), Some(&Digest::of(&tar)), Limits::default())
        .await
        .unwrap();
    fixture.unpack("docs", &gzip(&tar)).await.unwrap();
}

#[tokio::test]
async fn a13_what_is_no_tar() {
    let fixture = Fixture::new();
    fixture.refuses(b"", "empty").await;
    fixture.refuses(&gzip(b""), "empty").await;
    fixture.refuses(&[0; 1024], "empty").await;
    fixture.refuses(b"# a readme", "cut off").await;
    fixture
        .refuses("# a readme\n".repeat(100).as_bytes(), "not a tar")
        .await;
    fixture
        .refuses(&gzip("# a readme\n".repeat(100).as_bytes()), "not a tar")
        .await;
}

#[tokio::test]
async fn a18_a_blob_that_is_damaged_on_its_way_is_blamed_first() {
    let fixture = Fixture::new();
    let before = fixture.tree();
    let blob = gzip(&Tar::docs().file("docs/x", "some content").end());
    let mut damaged = blob.clone();
    damaged[30] ^= 0x55;
    let descriptor = describe(&blob);
    let progress = Report::silent().transfer(Direction::Down, "docs", descriptor.size);
    let unpack = |stream| {
        fixture
            .output
            .unpack("docs", &descriptor, None, stream, Limits::default(), &progress)
    };
    let error = unpack(pieces(&damaged)).await.unwrap_err();
    assert!(
        error.message().contains("bytes that the store sent have the digest"),
        "{error}"
    );
    let error = unpack(pieces(&blob[..40])).await.unwrap_err();
    assert!(error.message().contains("sent 40 bytes instead of"), "{error}");
    let error = unpack(pieces(&[blob.as_slice(), b"x"].concat())).await.unwrap_err();
    assert!(error.message().contains("the store sends more than"), "{error}");
    let error = unpack(broken(&blob[..40])).await.unwrap_err();
    assert_eq!((error.class(), error.message()), (Class::Network, "connection reset"));
    assert_eq!(fixture.tree(), before);
}
