//! The compressed form: golden digests, one frame, the same for any number of threads.

use std::io::Read;

use super::*;
use crate::pack::samples::{contents, noise, pseudo_text};

const MIB: usize = 1024 * 1024;

const GOLDEN: &str = "3714195 sha256:b745a64ffb33428716e90fa7bb7779198257a03c23750543078a5ce9c7ff3e1b";

fn pack(threads: usize, produce: impl FnOnce(&mut dyn Sink) -> Result<()>) -> (Packed, Digest, Vec<u8>) {
    let (packed, unpacked) = compress(threads, &Budget::new(usize::MAX), produce).unwrap();
    let bytes = contents(&packed.source);
    assert_eq!(packed.size, bytes.len() as u64);
    assert_eq!(packed.digest, Digest::of(&bytes));
    (packed, unpacked, bytes)
}

#[test]
fn one_frame_holds_everything() {
    for input in [
        Vec::new(),
        b"x".to_vec(),
        vec![0; 5 * MIB],
        pseudo_text(JOB as usize),
        pseudo_text(4 * MIB + 1),
        noise(3 * MIB + 77),
    ] {
        let (_, unpacked, bytes) = pack(3, |out| Ok(out.write_all(&input)?));
        assert_eq!(unpacked, Digest::of(&input));
        // Bit 2 of the descriptor: a checksum follows (RFC 8878 section 3.1.1.1.1).
        assert_eq!((&bytes[..4], bytes[4] & 4), (&[0x28, 0xb5, 0x2f, 0xfd][..], 4));
        let mut decoder = zstd::stream::read::Decoder::with_buffer(&bytes[..])
            .unwrap()
            .single_frame();
        let mut found = Vec::new();
        decoder.read_to_end(&mut found).unwrap();
        assert!(found == input, "{} bytes", input.len());
        assert!(decoder.finish().is_empty());
    }
}

#[test]
fn golden_bytes_for_any_number_of_threads() {
    let input = pseudo_text(9 * MIB + 12_345);
    for threads in [1, 2, 16, 1000] {
        let (packed, ..) = pack(threads, |out| Ok(out.write_all(&input)?));
        assert_eq!(format!("{} {}", packed.size, packed.digest), GOLDEN);
    }
    // Neither how the bytes arrive nor how fast decides where a job ends.
    let (packed, ..) = pack(2, |out| {
        for (at, piece) in input.chunks(77_777).enumerate() {
            if at % 40 == 0 {
                std::thread::sleep(std::time::Duration::from_millis(30));
            }
            out.write_all(piece)?;
            out.flush()?;
        }
        Ok(())
    });
    assert_eq!(format!("{} {}", packed.size, packed.digest), GOLDEN);
}

#[test]
fn no_threads_at_all_would_be_other_bytes() {
    let input = pseudo_text(9 * MIB);
    let mut alone = encoder(1, &Budget::new(usize::MAX)).unwrap();
    alone.set_parameter(CParameter::NbWorkers(0)).unwrap();
    alone.write_all(&input).unwrap();
    let alone = alone.finish().unwrap().finish();
    assert_ne!(alone.digest, pack(0, |out| Ok(out.write_all(&input)?)).0.digest);
}

#[test]
fn a_producer_that_fails_ends_the_run_with_its_error() {
    for blocks in [0, 1, 40] {
        let error = compress(2, &Budget::new(0), |out| {
            for _ in 0..blocks {
                out.write_all(&vec![b'a'; MIB])?;
            }
            Err(Error::usage("stop"))
        })
        .unwrap_err();
        assert_eq!(error.message(), "stop");
    }
}
