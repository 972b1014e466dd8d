//! One zstd frame (RFC 8878), made by libzstd's own threads.
//!
//! libzstd cuts its input into jobs of [`JOB`] bytes, each with the [`OVERLAP`] before it as history, and joins what
//! they give to one frame. Where jobs end depends on the input alone, so the same bytes come out for any number of
//! threads from 1 on; 0 is another algorithm with other bytes, and never asked for. All of this is wire format: the
//! golden digests below hold it.

use std::io::{self, Write};

use zstd::stream::write::Encoder;
use zstd::zstd_safe::CParameter;

use super::{Budget, HashingSpool, Packed, Sink};
use crate::error::{Error, Result};
use crate::oci::{Algorithm, Digest, Hasher};

/// libzstd's default: of sources and docs, level 1 makes something much larger hardly faster, and level 5 takes twice
/// the time for a tenth less.
const LEVEL: i32 = 3;

/// Bytes of input in a job: no less than the overlap. The default of the level is 8 MiB, which makes nothing smaller
/// and leaves cores idle on most artifacts.
const JOB: u32 = 2 * 1024 * 1024;

/// How much of the window a job begins with: 9 is all of it, 2 MiB at this level.
const OVERLAP: u32 = 9;

/// The most workers: four take in as much as one hashes, and each takes megabytes.
const MOST_THREADS: usize = 4;

/// Compresses what `produce` writes. Returns the blob and the digest of the bytes that went in.
pub(crate) fn compress(
    threads: usize,
    budget: &Budget,
    produce: impl FnOnce(&mut dyn Sink) -> Result<()>,
) -> Result<(Packed, Digest)> {
    let mut frame = Frame {
        encoder: encoder(threads, budget).map_err(refused)?,
        unpacked: Hasher::new(Algorithm::Sha256),
    };
    produce(&mut frame)?;
    let Frame { encoder, unpacked } = frame;
    Ok((encoder.finish()?.finish(), unpacked.finish()))
}

fn encoder(threads: usize, budget: &Budget) -> io::Result<Encoder<'static, HashingSpool>> {
    let workers = threads.clamp(1, MOST_THREADS) as u32;
    let mut encoder = Encoder::new(HashingSpool::new(budget), LEVEL)?;
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

/// libzstd notices by itself what it can't make smaller.
impl Sink for Frame {}

fn refused(error: io::Error) -> Error {
    Error::internal("zstd refused its own settings").caused_by(error)
}

#[cfg(test)]
mod tests;
