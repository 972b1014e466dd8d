//! Parts follow each other in one stream, whatever is in them.

use flate2::{Decompress, FlushDecompress, Status};
use proptest::prelude::*;

use super::*;
use crate::pack::samples::{noise, pseudo_text};

/// The parts as one stream, ended.
fn joined(parts: &[(Vec<u8>, bool)]) -> Vec<u8> {
    let mut deflater = Deflater::new().unwrap();
    let mut out = Vec::new();
    for (input, compressed) in parts {
        deflater.add(input, *compressed, &mut out).unwrap();
    }
    out.extend_from_slice(&[3, 0]);
    out
}

/// What a strict reader makes of a stream; it must end where the stream does.
fn inflate(stream: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(size + 1);
    let mut reader = Decompress::new(false);
    let status = reader
        .decompress_vec(stream, &mut out, FlushDecompress::Finish)
        .unwrap();
    assert_eq!((status, reader.total_in()), (Status::StreamEnd, stream.len() as u64));
    out
}

fn check(parts: &[(Vec<u8>, bool)]) {
    let expected: Vec<u8> = parts.iter().flat_map(|(input, _)| input.clone()).collect();
    assert!(inflate(&joined(parts), expected.len()) == expected);
}

#[test]
fn each_kind_of_block_can_be_the_last_and_any_other() {
    let text = pseudo_text(700_000);
    // Two kinds of content in one part: several blocks. Very skewed symbols: codes longer than the table's index.
    let mut mixed = noise(100_000);
    mixed.extend_from_slice(&text[..300_000]);
    mixed.extend_from_slice(&[0; 50_000]);
    let mut skewed = Vec::new();
    for symbol in 0..24u32 {
        skewed.extend(std::iter::repeat_n(symbol as u8, 1 << (symbol / 2)).flat_map(|byte| [byte, 200]));
    }
    skewed.extend(noise(1 << 16).into_iter().map(|byte| byte.trailing_zeros() as u8 * 7));
    let kinds = [
        Vec::new(),
        b"x".to_vec(),
        noise(70_000),
        vec![7; 300_000],
        text,
        mixed,
        skewed,
    ];
    for first in &kinds {
        check(&[(first.clone(), false)]);
        for second in &kinds {
            check(&[(first.clone(), false), (second.clone(), true), (first.clone(), false)]);
        }
    }
}

#[test]
fn what_is_said_to_be_compressed_is_stored_if_it_is() {
    let dense = noise(200_000);
    let stored = joined(&[(dense.clone(), true)]).len();
    assert_eq!(stored, dense.len() + 4 * 5 + 2, "five bytes a block of 65535");
    let text = pseudo_text(200_000);
    assert_eq!(joined(&[(text.clone(), true)]), joined(&[(text, false)]));
    check(&[(dense, true), (noise(5), true), (Vec::new(), true)]);
}

#[test]
fn a_part_is_the_same_wherever_it_stands() {
    let (text, other) = (pseudo_text(300_000), noise(100_000));
    let mut deflater = Deflater::new().unwrap();
    let (mut first, mut again) = (Vec::new(), Vec::new());
    deflater.add(&text, false, &mut first).unwrap();
    deflater.add(&other, false, &mut again).unwrap();
    again.clear();
    deflater.add(&text, false, &mut again).unwrap();
    assert!(first == again);
}

/// Content with some structure: runs, repeats from near and far, ranges of bytes, noise.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let piece = (0u8..5, 0usize..3000, any::<u64>());
    prop::collection::vec(piece, 0..40).prop_map(|pieces| {
        let mut bytes = Vec::new();
        for (kind, size, seed) in pieces {
            let mut random = fastrand::Rng::with_seed(seed);
            match kind {
                0 => bytes.extend(std::iter::repeat_n(random.u8(..), size)),
                1 if !bytes.is_empty() => {
                    let from = random.usize(..bytes.len());
                    bytes.extend_from_within(from..bytes.len().min(from + size));
                }
                2 => {
                    let top = random.u8(1..);
                    bytes.extend(std::iter::repeat_with(|| random.u8(..top)).take(size));
                }
                // Rare symbols among common ones.
                3 => bytes.extend(std::iter::repeat_with(|| random.u64(..).trailing_zeros() as u8).take(size)),
                _ => bytes.extend(std::iter::repeat_with(|| random.u8(..)).take(size)),
            }
        }
        bytes
    })
}

proptest! {
    #[test]
    fn any_parts_can_be_joined(parts in prop::collection::vec((content(), any::<bool>()), 0..4)) {
        check(&parts);
    }

    /// What zlib makes is walked over as well: other choices of blocks and codes than libdeflate's.
    #[test]
    fn last_blocks_are_found_where_they_are(input in content(), level in 0u32..10, cut in 0.0..1.0) {
        let mut compress = flate2::Compress::new(flate2::Compression::new(level), false);
        let mut stream = Vec::with_capacity(input.len() * 2 + 1000);
        compress.compress_vec(&input, &mut stream, flate2::FlushCompress::Finish).unwrap();
        let last = Finder::new().find(&stream).unwrap();
        prop_assert_eq!(last.end.div_ceil(8), stream.len());
        // Without its mark it is not the last, and so the stream has no end; before it there is no mark.
        let mark = 1 << (last.header % 8);
        prop_assert!(stream[last.header / 8] & mark != 0);
        stream[last.header / 8] &= !mark;
        let mut out = Vec::with_capacity(input.len() + 1);
        let mut reader = Decompress::new(false);
        let status = reader.decompress_vec(&stream, &mut out, FlushDecompress::None);
        prop_assert!(!matches!(status, Ok(Status::StreamEnd)));
        prop_assert_eq!(out, input);
        // Anything but a whole stream is none.
        prop_assert_eq!(Finder::new().find(&stream[..(cut * stream.len() as f64) as usize]), None);
        stream[last.header / 8] |= mark;
        stream.push(0);
        prop_assert_eq!(Finder::new().find(&stream), None);
    }

    #[test]
    fn noise_is_no_stream_and_harms_nobody(noise in prop::collection::vec(any::<u8>(), 0..2000)) {
        let end = Finder::new().find(&noise).map(|last| last.end);
        prop_assert!(end.is_none_or(|end| end <= noise.len() * 8));
    }
}
