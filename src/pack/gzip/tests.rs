//! The compressed form: golden digests, readable by others, the same for any number of threads.

use std::io::Read;

use super::*;
use crate::pack::samples::{contents, noise, pseudo_text};

const GOLDEN_MIXED: &str = "3730153 sha256:b2980a6249a1f3c57786fc88843b2220e815aa3b5c4fbc944591611757c482a5";

fn pack(threads: usize, input: &[u8]) -> (Packed, Digest, Vec<u8>) {
    let (packed, unpacked) = compress(threads, &Budget::new(usize::MAX), |out| Ok(out.write_all(input)?)).unwrap();
    let bytes = contents(&packed.source);
    assert_eq!(packed.size, bytes.len() as u64);
    assert_eq!(packed.digest, Digest::of(&bytes));
    assert_eq!(unpacked, Digest::of(input));
    (packed, unpacked, bytes)
}

#[test]
fn one_member_holds_everything() {
    for input in [
        Vec::new(),
        b"x".to_vec(),
        vec![0; 3 * BLOCK],
        pseudo_text(BLOCK),
        pseudo_text(2 * BLOCK + 1),
        noise(2 * BLOCK + 77),
    ] {
        let (_, _, bytes) = pack(3, &input);
        assert_eq!(bytes[..10], HEADER);
        // `bufread::GzDecoder` stops after the first member and leaves the rest.
        let mut decoder = flate2::bufread::GzDecoder::new(&bytes[..]);
        let mut found = Vec::new();
        decoder.read_to_end(&mut found).unwrap();
        assert!(found == input, "{} bytes", input.len());
        assert!(decoder.into_inner().is_empty());
    }
}

#[test]
fn golden_bytes_for_any_number_of_threads() {
    let input = pseudo_text(5 * BLOCK + 12_345);
    assert_eq!(
        Digest::of(&input).to_string(),
        "sha256:82ede5973045e7e933f4ce99d9e119a453926466eb8b81ed354aea843413e900"
    );
    for threads in [1, 2, 16] {
        let (packed, ..) = pack(threads, &input);
        assert_eq!(
            format!("{} {}", packed.size, packed.digest),
            "2169332 sha256:d7ebf7e29ceb87b7b14c446d45b88bb792c6e0206afb6be3a8cfbd854ea1d7e4"
        );
    }
}

/// Neither how the bytes are cut nor how fast they come shows; what is said to be compressed does.
#[test]
fn golden_bytes_with_compressed_content_however_it_arrives() {
    let dense = noise(BLOCK + 300_000);
    let text = pseudo_text(BLOCK + 200_000);
    let mut bytes = Vec::new();
    for (threads, cut) in [(1, usize::MAX), (2, 77_777), (16, 1000)] {
        let produce = |out: &mut dyn Sink| {
            for content in [&text, &dense, &text, &dense] {
                out.compressed(std::ptr::eq(content, &dense));
                for piece in content.chunks(cut) {
                    out.write_all(piece)?;
                    out.flush()?;
                }
            }
            // Nothing at all makes no part.
            out.compressed(false);
            out.compressed(true);
            Ok(())
        };
        let (packed, unpacked) = compress(threads, &Budget::new(usize::MAX), produce).unwrap();
        assert_eq!(unpacked, Digest::of(&[&text[..], &dense, &text, &dense].concat()));
        bytes.push(format!("{} {}", packed.size, packed.digest));
    }
    assert_eq!(bytes, [GOLDEN_MIXED; 3]);
}

#[test]
fn a_producer_that_fails_ends_the_run_with_its_error() {
    for blocks in [0, 1, 40] {
        let error = compress(2, &Budget::new(0), |out| {
            for _ in 0..blocks {
                out.write_all(&vec![b'a'; BLOCK])?;
            }
            Err(Error::usage("stop"))
        })
        .unwrap_err();
        assert_eq!(error.message(), "stop");
    }
}
