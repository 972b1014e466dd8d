//! The compressed form: golden digests, readable by others, the same for any number of threads.

use std::io::Read;

use super::*;
use crate::pack::samples::{noise, pseudo_text};
use crate::store::BlobSource;

fn pack(threads: usize, input: &[u8]) -> (Packed, Digest, Vec<u8>) {
    let (packed, unpacked) = compress(threads, |out| Ok(out.write_all(input)?)).unwrap();
    let bytes = match &packed.source {
        BlobSource::Pieces(pieces) => pieces.concat(),
        BlobSource::Temporary(path) => fs_err::read(&**path).unwrap(),
        BlobSource::File(_) | BlobSource::Stored(_) => panic!("not packed"),
    };
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
            "2170470 sha256:6828f2ad425da90a817f92cd884ded239b6d5e28e4579093be9da25cbd85a785"
        );
    }
}

#[test]
fn a_block_that_the_fast_level_packs_badly_gets_the_dense_one() {
    let mut random = fastrand::Rng::with_seed(3);
    let mut line = |_| {
        let (day, ms, item, time) = (random.u8(10..29), random.u16(..1000), random.u32(..), random.u16(..));
        format!("2023-11-{day}T12:00:07.{ms:03}Z INFO server: GET /api/item/{item} 200 {time}us\n")
    };
    let log: String = (0..8000).map(&mut line).collect();
    assert_eq!(
        deflate(&[], log.as_bytes()).unwrap(),
        deflate_at(DENSE, &[], log.as_bytes()).unwrap()
    );
    let text = pseudo_text(200_000);
    assert_eq!(deflate(&[], &text).unwrap(), deflate_at(FAST, &[], &text).unwrap());
}

#[test]
fn a_producer_that_fails_ends_the_run_with_its_error() {
    for blocks in [0, 1, 40] {
        let error = compress(2, |out| {
            for _ in 0..blocks {
                out.write_all(&vec![b'a'; BLOCK])?;
            }
            Err(Error::usage("stop"))
        })
        .unwrap_err();
        assert_eq!(error.message(), "stop");
    }
}
