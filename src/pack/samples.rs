//! Content for tests of what compresses; the same on every machine.

use crate::store::BlobSource;

/// All bytes of what was packed.
pub(super) fn contents(source: &BlobSource) -> Vec<u8> {
    match source {
        BlobSource::Pieces(pieces) => pieces.concat(),
        BlobSource::Temporary(file) => {
            use std::io::{Read as _, Seek as _};
            let (mut file, mut bytes) = (&**file, Vec::new());
            file.rewind().unwrap();
            file.read_to_end(&mut bytes).unwrap();
            bytes
        }
        BlobSource::File(_) | BlobSource::Stored(_) => panic!("not packed"),
    }
}

/// Words and numbers as a text file has them; the same on every machine.
pub(super) fn pseudo_text(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = |bound: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let words: Vec<String> = (0..2000)
        .map(|_| (0..2 + next(8)).map(|_| char::from(b'a' + next(26) as u8)).collect())
        .collect();
    let mut text = Vec::with_capacity(size + 32);
    while text.len() < size {
        match next(12) {
            0 => text.extend_from_slice(b"\n"),
            1 => text.extend_from_slice(next(1_000_000).to_string().as_bytes()),
            _ => text.extend_from_slice(words[next(2000) as usize].as_bytes()),
        }
        text.push(b' ');
    }
    text.truncate(size);
    text
}

/// Bytes that nothing makes smaller.
pub(super) fn noise(size: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.u8(..)).take(size).collect()
}
