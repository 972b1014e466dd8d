//! Parts of one raw deflate stream (RFC 1951), each made on its own and ended at a byte: what follows can be added.
//!
//! libdeflate ends what it gives with a last block. That block's mark is taken away, and an empty stored block goes
//! behind it, as zlib's `Z_SYNC_FLUSH` does it.
//!
//! libdeflate's bytes don't depend on the CPU: what it chooses at run time are checksums and the decoder; for
//! compression AVX2 only fills and shifts tables (`lib/x86/matchfinder_impl.h`), chosen when it is compiled.

use libdeflater::{CompressionLvl, Compressor};

use super::last::Finder;
use crate::error::{Error, Result};

/// The fastest level whose layers are no larger than those of Go's level 6: 5 is a fifth faster, but 1 % larger than
/// Go's on sources; 7 takes half as long again for 1 %.
const LEVEL: i32 = 6;

/// Bytes of something said to be compressed that are tried.
const SAMPLE: usize = 16 * 1024;

/// An empty block that is stored, behind its three bits of header: no bytes, and their complement (RFC 1951 §3.2.4).
const FLUSH: [u8; 4] = [0, 0, 0xff, 0xff];

/// The most bytes of a stored block.
const STORED: usize = 0xffff;

/// Compresses parts of a stream; keeps its buffers between them, and nothing else.
pub(super) struct Deflater {
    compressor: Compressor,
    finder: Finder,
    /// What libdeflate gives.
    stream: Vec<u8>,
}

impl Deflater {
    pub(super) fn new() -> Result<Self> {
        let level = CompressionLvl::new(LEVEL).map_err(|_| Error::internal("libdeflate does not know its level"))?;
        Ok(Deflater {
            compressor: Compressor::new(level),
            finder: Finder::new(),
            stream: Vec::new(),
        })
    }

    /// Adds `input` to `out`. What is said to be `compressed` is stored if its beginning confirms that.
    pub(super) fn add(&mut self, input: &[u8], compressed: bool, out: &mut Vec<u8>) -> Result<()> {
        if compressed && self.is_dense(input.get(..SAMPLE).unwrap_or(input))? {
            store(input, out);
            return Ok(());
        }
        let size = self.deflate(input)?;
        let stream = self.stream.get_mut(..size).unwrap_or_default();
        let last = self.finder.find(stream).ok_or_else(not_joined)?;
        *stream.get_mut(last.header / 8).ok_or_else(not_joined)? &= !(1 << (last.header % 8));
        out.reserve_exact(size + 1 + FLUSH.len());
        let begun = out.len();
        out.extend_from_slice(stream);
        // The header's three bits are zeros, as are those that libdeflate leaves behind its end.
        out.resize(begun + (last.end + 3).div_ceil(8), 0);
        out.extend_from_slice(&FLUSH);
        Ok(())
    }

    /// Whether nothing is gained by compressing: deflated data comes out larger, or less than 1/32 smaller.
    fn is_dense(&mut self, sample: &[u8]) -> Result<bool> {
        Ok(self.deflate(sample)? >= sample.len() - sample.len() / 32)
    }

    /// Puts the stream that libdeflate makes of `input` into `stream`; returns its size.
    fn deflate(&mut self, input: &[u8]) -> Result<usize> {
        let room = self.compressor.deflate_compress_bound(input.len());
        if self.stream.len() < room {
            self.stream.resize(room, 0);
        }
        let size = self.compressor.deflate_compress(input, &mut self.stream);
        size.map_err(|_| Error::internal("libdeflate went over its own bound"))
    }
}

/// Adds `input` as blocks that are stored.
fn store(input: &[u8], out: &mut Vec<u8>) {
    for piece in input.chunks(STORED) {
        let length = (piece.len() as u16).to_le_bytes();
        out.extend_from_slice(&[0, length[0], length[1], !length[0], !length[1]]);
        out.extend_from_slice(piece);
    }
}

fn not_joined() -> Error {
    Error::internal("what libdeflate gave is no deflate stream")
}

#[cfg(test)]
mod tests;
