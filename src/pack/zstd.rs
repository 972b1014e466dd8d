//! One zstd frame (RFC 8878), made by libzstd's own threads.
//!
//! libzstd cuts its input into jobs of [`JOB`] bytes, each with the [`OVERLAP`] before it as history, and joins what
//! they give to one frame. Where jobs end depends on the input alone, so the same bytes come out for any number of
//! threads from 1 on; 0 is another algorithm with other bytes, and never asked for. All of this is wire format: the
//! golden digests below hold it.

use std::io::{self, Write};

use zstd::stream::write::Encoder;
use zstd::zstd_safe::CParameter;

use super::{HashingSpool, Packed};
use crate::error::{Error, Result};
use crate::oci::{Algorithm, Digest, Hasher};

/// libzstd's default. On two cores, 80 MB of sources and docs took 0.15 s and became 11.8 MB; level 1 0.12 s and
/// 15.3 MB, level 4 0.18 s and 11.7 MB, level 5 0.37 s and 10.7 MB, level 9 0.63 s and 9.6 MB.
const LEVEL: i32 = 3;

/// Bytes of input in a job: no less than the overlap. The default of the level is 8 MiB, as large in the end, and leaves
/// cores idle on most artifacts.
const JOB: u32 = 2 * 1024 * 1024;

/// How much of the window a job begins with: 9 is all of it, 2 MiB at this level.
const OVERLAP: u32 = 9;

/// The most workers that libzstd takes.
const MOST_THREADS: usize = 64;

/// Compresses what `produce` writes. Returns the blob and the digest of the bytes that went in.
pub(super) fn compress(threads: usize, produce: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<(Packed, Digest)> {
    let mut frame = Frame {
        encoder: encoder(threads).map_err(refused)?,
        unpacked: Hasher::new(Algorithm::Sha256),
    };
    produce(&mut frame)?;
    let Frame { encoder, unpacked } = frame;
    Ok((encoder.finish()?.finish()?, unpacked.finish()))
}

fn encoder(threads: usize) -> io::Result<Encoder<'static, HashingSpool>> {
    let workers = threads.clamp(1, MOST_THREADS) as u32;
    let mut encoder = Encoder::new(HashingSpool::new(), LEVEL)?;
    // A reader notices damage that is not in the way of decoding; the digests are not at hand everywhere.
    encoder.include_checksum(true)?;
    encoder.set_parameter(CParameter::NbWorkers(workers))?;
    encoder.set_parameter(CParameter::JobSize(JOB))?;
    encoder.set_parameter(CParameter::OverlapSizeLog(OVERLAP))?;
    Ok(encoder)
}

/// Hashes what goes in.
struct Frame {
    encoder: Encoder<'static, HashingSpool>,
    unpacked: Hasher,
}

impl Write for Frame {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.encoder.write(bytes)?;
        self.unpacked.update(bytes.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    /// Nothing: a flush would end a job, and show in the bytes.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn refused(error: io::Error) -> Error {
    Error::internal("zstd refused its own settings").caused_by(error)
}

#[cfg(test)]
mod tests;
