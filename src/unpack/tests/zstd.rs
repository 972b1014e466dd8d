//! Layers compressed with zstd: what is read, what is refused, and that a frame's header sets nothing aside.

use super::fixture::Fixture;
use super::tar::{Tar, gzip, zstd};
use crate::error::Class;
use crate::oci::Digest;
use crate::unpack::Limits;

/// A skippable frame (RFC 8878 section 3.1.2).
fn skippable(magic: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u32).to_le_bytes();
    [&[magic, 0x2a, 0x4d, 0x18], &length[..], content].concat()
}

/// A frame of one raw block; `header` is what stands between magic and blocks.
fn raw_frame(header: &[u8], content: &[u8]) -> Vec<u8> {
    let block = (1 | (content.len() as u32) << 3).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd], header, &block[..3], content].concat()
}

fn sample() -> Vec<u8> {
    Tar::docs().file("docs/x", &"x".repeat(3000)).end()
}

#[tokio::test]
async fn a10_frames_skippable_ones_and_padding_are_read() {
    let tar = sample();
    let (head, tail) = tar.split_at(700);
    for blob in [
        zstd(&tar),
        [zstd(head), zstd(tail)].concat(),
        [zstd(&tar), zstd(b"")].concat(),
        [skippable(0x50, b"index"), zstd(&tar), skippable(0x5f, &[0; 70_000])].concat(),
        zstd(&[tar.as_slice(), &[0; 8192]].concat()),
    ] {
        let fixture = Fixture::new();
        let unpacked = Digest::of(&tar);
        let limits = Limits::default();
        fixture
            .unpack_with("docs", &blob, Some(&unpacked), limits)
            .await
            .unwrap();
        assert_eq!(fixture.tree()["out/docs/x"].len(), 3000);
    }
}

#[tokio::test]
async fn a10_truncated_and_trailing_frames() {
    let fixture = Fixture::new();
    let tar = sample();
    for end in [513, 1500, 4000] {
        fixture.refuses(&zstd(&tar[..end]), "cut off").await;
    }
    let packed = zstd(&tar);
    for end in 4..packed.len() {
        fixture.refuses(&packed[..end], "zstd stream is damaged").await;
    }
    let twice = zstd(&Tar::docs().file("docs/hidden", "x").end());
    fixture
        .refuses(&[packed.as_slice(), &twice].concat(), "behind the end")
        .await;
    for behind in [&b"garbage"[..], b"x", b"\0", &[0; 9], &packed[..5], &gzip(&tar)] {
        fixture
            .refuses(&[&packed, behind].concat(), "zstd stream is damaged")
            .await;
    }
    // The checksum at the end.
    let mut wrong = packed;
    let last = wrong.len() - 1;
    wrong[last] ^= 1;
    fixture.refuses(&wrong, "zstd stream is damaged").await;
    fixture.refuses(&skippable(0x50, b"nothing else"), "empty").await;
    fixture.refuses(&zstd(b""), "empty").await;
    fixture
        .refuses(&skippable(0x50, b"cut")[..9], "zstd stream is damaged")
        .await;
}

#[tokio::test]
async fn a11_zstd_bombs() {
    let fixture = Fixture::new();
    let before = fixture.tree();
    // 64 MiB of zeros in a few KiB.
    let bomb = zstd(&Tar::docs().file("docs/x", &"\0".repeat(64 * 1024 * 1024)).end());
    assert!(bomb.len() < 16 * 1024, "{}", bomb.len());
    let limits = Limits {
        bytes: Some(1_000_000),
        ..Limits::default()
    };
    let error = fixture.unpack_with("docs", &bomb, None, limits).await.unwrap_err();
    assert!(
        error.message().contains("unpacks to more than 1000000 bytes"),
        "{error}"
    );
    assert!(error.way_out().unwrap().contains("unpack-limit"));
    assert_eq!((error.class(), fixture.tree()), (Class::Integrity, before));
}

#[tokio::test]
async fn a11_a_window_is_bounded() {
    // Window descriptor: exponent above 10 in the upper five bits, eighths of it in the lower three.
    let window = |exponent: u8, eighths: u8| raw_frame(&[0, (exponent - 10) << 3 | eighths], &sample());
    let fixture = Fixture::new();
    fixture.unpack("docs", &window(27, 0)).await.unwrap();
    let fixture = Fixture::new();
    for blob in [window(27, 1), window(28, 0), window(41, 7)] {
        fixture.refuses(&blob, "a window of more than 128 MiB").await;
    }
    // One segment: the window is the content, whose size is only claimed.
    let claimed = [&[0xe0][..], &(1u64 << 60).to_le_bytes()].concat();
    fixture
        .refuses(&raw_frame(&claimed, &sample()), "a window of more than 128 MiB")
        .await;
    let short = [&[0xa0][..], &20_000u32.to_le_bytes()].concat();
    fixture
        .refuses(&raw_frame(&short, &sample()), "zstd stream is damaged")
        .await;
    // A dictionary that nobody has.
    fixture
        .refuses(&raw_frame(&[1, 0x58, 7], &sample()), "zstd stream is damaged")
        .await;
}

#[tokio::test]
async fn a12_the_digest_of_a_tar_in_a_frame() {
    let fixture = Fixture::new();
    let before = fixture.tree();
    let wrong = Digest::of(b"something else");
    let blob = zstd(&sample());
    let unpack = fixture.unpack_with("docs", &blob, Some(&wrong), Limits::default());
    let error = unpack.await.unwrap_err();
    assert!(error.message().contains("unpacked tar has the digest"), "{error}");
    assert_eq!((error.class(), fixture.tree()), (Class::Integrity, before));
}
