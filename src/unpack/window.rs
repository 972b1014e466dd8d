//! How much of what it has decoded a zstd stream wants to be kept: memory whose size its author chooses.

use bytes::BytesMut;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::error::Result;
use crate::store::BlobStream;

/// The largest window of a zstd frame, as a power of 2: what its decoder sets aside when the frame says so. 128 MiB are
/// what `zstd --ultra -22` and `--long` write, and what the program `zstd` reads without being told to take more.
pub const LARGEST: u32 = 27;

/// As large as that of several layers at once may be, as a power of 2: our own frames and those of zstd's levels up to
/// 16 need no more.
pub const USUAL: u32 = 22;

/// Bytes of the largest header of a frame (RFC 8878 section 3.1.1): magic, descriptor, window, dictionary, size.
const HEADER: usize = 4 + 1 + 1 + 4 + 8;

/// Whether the layer may ask for a larger window than [`USUAL`], by how it begins; and the whole of its stream.
///
/// # Errors
/// Those of the stream.
pub async fn is_large(stream: BlobStream) -> Result<(bool, BlobStream)> {
    // It may have ended already, and is asked again.
    let mut stream = stream.fuse();
    let mut head = BytesMut::new();
    while head.len() < HEADER {
        let Some(piece) = stream.try_next().await? else { break };
        head.extend_from_slice(&piece);
    }
    let large = asked(&head) > 1 << USUAL;
    Ok((large, Box::pin(stream::iter([Ok(head.freeze())]).chain(stream))))
}

/// The window in bytes that a stream asks for which begins like this: 0 if it isn't zstd, the largest number if its
/// first frame doesn't tell.
fn asked(head: &[u8]) -> u64 {
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    match head {
        // A skippable frame.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => u64::MAX,
        [0x28, 0xb5, 0x2f, 0xfd, descriptor, rest @ ..] => {
            let single = descriptor & 0x20 != 0;
            if !single {
                let window = rest.first().copied().unwrap_or_default();
                let base = 1 << (10 + (window >> 3));
                return base + base / 8 * u64::from(window & 7);
            }
            // The window is all of the content.
            let id = [0, 1, 2, 4][usize::from(descriptor & 3)];
            let (size, more) = [(1, 0), (2, 256), (4, 0), (8, 0)][usize::from(descriptor >> 6)];
            let field = rest.get(id..).unwrap_or_default();
            number(field.get(..size).unwrap_or(field)).saturating_add(more)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a11_windows_as_libzstd_reads_them() {
        let head = |rest: &[u8]| asked(&[&[0x28, 0xb5, 0x2f, 0xfd], rest].concat());
        assert_eq!(head(&[0, (23 - 10) << 3]), 1 << 23);
        assert_eq!(head(&[0, (23 - 10) << 3 | 1]), (1 << 23) + (1 << 20));
        assert_eq!(head(&[4, 0xff]), (1 << 41) + 7 * (1 << 38));
        assert_eq!(head(&[0x20, 200]), 200);
        assert_eq!(head(&[0x63, 9, 9, 9, 9, 0, 1]), 512);
        assert_eq!(head(&[0xa0, 0, 0, 0, 1]), 1 << 24);
        assert_eq!(head(&[&[0xe1, 9][..], &[0xff; 8]].concat()), u64::MAX);
        assert_eq!(asked(b"\x50\x2a\x4d\x18"), u64::MAX);
        for other in [&b""[..], b"\x1f\x8b", b"docs", b"\x28\xb5\x2f\xfd"] {
            assert_eq!(asked(other), 0, "{other:?}");
        }
        for level in [1, 3, 19, 22] {
            let frame = zstd::encode_all(&[7; 100_000][..], level).unwrap();
            assert!(asked(&frame) <= 1 << LARGEST, "{level}");
        }
    }

    #[tokio::test]
    async fn the_whole_stream_comes_back_whatever_its_pieces() {
        let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0, (27 - 10) << 3], &[7; 30][..]].concat();
        for size in [1, 4, 17, 18, 19, 100] {
            let pieces: Vec<Result<Bytes>> = frame
                .chunks(size)
                .map(|piece| Ok(Bytes::copy_from_slice(piece)))
                .collect();
            let (large, stream) = is_large(Box::pin(stream::iter(pieces))).await.unwrap();
            let all: Vec<Bytes> = stream.try_collect().await.unwrap();
            assert!(large && all.concat() == frame, "{size}");
        }
        // One that may not be asked again.
        let once = stream::unfold(true, async |first| {
            first.then(|| (Ok(Bytes::from_static(b"docs")), false))
        });
        let (large, stream) = is_large(Box::pin(once)).await.unwrap();
        let all: Vec<Bytes> = stream.try_collect().await.unwrap();
        assert!(!large && all.concat() == b"docs");
    }
}
