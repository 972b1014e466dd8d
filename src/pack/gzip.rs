//! One gzip member from blocks that are compressed in parallel, joined as pigz joins them.
//!
//! Input is cut into blocks of [`BLOCK`] bytes. Each becomes raw deflate on its own, with the 32 KiB before it as
//! dictionary, flushed to a byte boundary, so the parts simply follow each other; an empty last block ends the
//! stream, and the CRCs of the parts are combined. Where blocks end depends on the input alone: the same bytes come
//! out for any number of threads. A block's level is chosen by a sample of it. All of this is wire format: the golden
//! digests below hold it.
//!
//! The calling thread produces, `threads` workers compress, one collector takes the parts in order, hashes both sides
//! and spools. At most `2 * threads + 2` blocks are under way, whatever the size of the input.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use flate2::{Compress, Compression, FlushCompress};

use super::{HashingSpool, Packed};
use crate::error::{Error, Result};
use crate::oci::{Algorithm, Digest, Hasher};

/// Bytes of input in a block.
pub(super) const BLOCK: usize = 1024 * 1024;

/// How far deflate looks back, in bytes (RFC 1951 §2).
const WINDOW: usize = 32 * 1024;

/// zlib-rs's level for most blocks: about 4 times as fast as Go's level 6 on two cores, 1 to 2 % larger.
const FAST: u32 = 6;

/// Its level where [`FAST`] loses more than [`TOLERATED`]: logs and the like, whose short matches it passes over
/// (7 % larger than Go's there).
const DENSE: u32 = 7;

/// Bytes of a block that both levels try.
const SAMPLE: usize = 16 * 1024;

/// Percent that [`FAST`] may be larger.
const TOLERATED: usize = 3;

/// RFC 1952 §2.3: deflate, no flags, no time, no level, unknown system, as Go writes it.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// A last block of fixed codes with nothing in it.
const END: [u8; 2] = [0x03, 0x00];

/// Compresses what `produce` writes. Returns the blob and the digest of the bytes that went in.
pub(super) fn compress(threads: usize, produce: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<(Packed, Digest)> {
    let threads = threads.max(1);
    let (jobs, waiting) = sync_channel::<Job>(threads);
    let (order, parts) = sync_channel::<Receiver<Part>>(2 * threads);
    let waiting = Mutex::new(waiting);
    thread::scope(|scope| {
        let collector = scope.spawn(move || collect(&parts));
        for _ in 0..threads {
            scope.spawn(|| work(&waiting));
        }
        let mut blocks = Blocks::new(jobs, order);
        let produced = produce(&mut blocks).and_then(|()| Ok(blocks.finish()?));
        // Without senders the workers end, and after the last part the collector.
        drop(blocks);
        let collected = collector.join().map_err(|_| broken())?;
        match (produced, collected) {
            // The collector's own failure is why nobody took the producer's blocks.
            (Err(_), Err(error)) => Err(error),
            (Err(error), Ok(_)) => Err(error),
            (Ok(()), collected) => collected,
        }
    })
}

/// A block on its way to a worker.
struct Job {
    dictionary: Vec<u8>,
    block: Vec<u8>,
    done: SyncSender<Part>,
}

/// A block and what became of it.
struct Part {
    block: Vec<u8>,
    crc: crc32fast::Hasher,
    deflated: Result<Vec<u8>>,
}

/// Cuts what is written into blocks and hands them out.
struct Blocks {
    block: Vec<u8>,
    dictionary: Vec<u8>,
    jobs: SyncSender<Job>,
    order: SyncSender<Receiver<Part>>,
}

impl Blocks {
    fn new(jobs: SyncSender<Job>, order: SyncSender<Receiver<Part>>) -> Self {
        Blocks {
            block: Vec::with_capacity(BLOCK),
            dictionary: Vec::new(),
            jobs,
            order,
        }
    }

    fn hand_out(&mut self) -> io::Result<()> {
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
        let tail = block
            .get(block.len().saturating_sub(WINDOW)..)
            .unwrap_or_default()
            .to_vec();
        let dictionary = std::mem::replace(&mut self.dictionary, tail);
        let (done, part) = sync_channel(1);
        // Neither fails unless the collector stopped; its error is the one that is shown.
        self.order.send(part).map_err(|_| io::ErrorKind::BrokenPipe)?;
        let job = Job {
            dictionary,
            block,
            done,
        };
        self.jobs.send(job).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.block.is_empty() { Ok(()) } else { self.hand_out() }
    }
}

impl Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        if self.block.len() == BLOCK {
            self.hand_out()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A worker: takes blocks until there are no more.
fn work(waiting: &Mutex<Receiver<Job>>) {
    loop {
        // Held while waiting as well: whoever holds it gets the next block, the others queue for the lock.
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job {
            dictionary,
            block,
            done,
        }) = job
        else {
            return;
        };
        let mut crc = crc32fast::Hasher::new();
        crc.update(&block);
        let deflated = deflate(&dictionary, &block);
        // Nobody waits for it if the run failed meanwhile.
        let _ = done.send(Part { block, crc, deflated });
    }
}

/// Takes the parts in order, hashes both sides, and spools the member.
fn collect(parts: &Receiver<Receiver<Part>>) -> Result<(Packed, Digest)> {
    let mut unpacked = Hasher::new(Algorithm::Sha256);
    let mut crc = crc32fast::Hasher::new();
    let mut length = 0u32;
    let mut out = HashingSpool::new();
    out.push(&HEADER)?;
    for part in parts {
        let part = part.recv().map_err(|_| broken())?;
        out.push(&part.deflated?)?;
        unpacked.update(&part.block);
        crc.combine(&part.crc);
        // ISIZE is the length modulo 2^32; a block's length fits.
        length = length.wrapping_add(part.block.len() as u32);
    }
    out.push(&END)?;
    out.push(&crc.finalize().to_le_bytes())?;
    out.push(&length.to_le_bytes())?;
    Ok((out.finish()?, unpacked.finish()))
}

/// Raw deflate of one block up to a byte boundary, without a last block.
fn deflate(dictionary: &[u8], block: &[u8]) -> Result<Vec<u8>> {
    let Some(sample) = block.get(..SAMPLE) else {
        return deflate_at(DENSE, dictionary, block);
    };
    let fast = deflate_at(FAST, dictionary, sample)?.len();
    let dense = deflate_at(DENSE, dictionary, sample)?.len();
    let level = if fast * 100 > dense * (100 + TOLERATED) {
        DENSE
    } else {
        FAST
    };
    deflate_at(level, dictionary, block)
}

fn deflate_at(level: u32, dictionary: &[u8], block: &[u8]) -> Result<Vec<u8>> {
    // A fresh state: nothing of an earlier block can show in the bytes.
    let mut compress = Compress::new(Compression::new(level), false);
    if !dictionary.is_empty() {
        compress.set_dictionary(dictionary).map_err(refused)?;
    }
    // Room for the worst case (nine bits a byte, RFC 1951 §3.2.6), so that one call does it: where a buffer fills up
    // in the middle, the bytes depend on where.
    let mut out = Vec::with_capacity(block.len() + block.len() / 8 + 1024);
    compress
        .compress_vec(block, &mut out, FlushCompress::Sync)
        .map_err(refused)?;
    if compress.total_in() == block.len() as u64 && out.len() < out.capacity() {
        Ok(out)
    } else {
        Err(Error::internal("deflate did not finish a block"))
    }
}

fn refused(error: flate2::CompressError) -> Error {
    Error::internal("deflate failed").caused_by(error)
}

fn broken() -> Error {
    Error::internal("a thread that compresses stopped early")
}

#[cfg(test)]
mod tests;
