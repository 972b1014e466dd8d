//! One gzip member from blocks that are compressed in parallel.
//!
//! Input is cut into blocks of [`BLOCK`] bytes. Each becomes raw deflate on its own, ended at a byte, so the parts
//! simply follow each other; an empty last block ends the stream, and the CRCs of the parts are combined. Within a
//! block, files that are compressed already are parts of their own. Where parts end depends on the input alone: the
//! same bytes come out for any number of threads. All of this is wire format: the golden digests below hold it.
//!
//! The calling thread produces, workers compress, one collector takes the parts in order, hashes both sides and spools.
//! Buffers go round: from the collector back to the producer.

mod deflate;
mod huffman;
mod last;

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use bytes::Bytes;

use self::deflate::Deflater;
use super::{Budget, HashingSpool, Packed, Sink};
use crate::error::{Error, Result};
use crate::oci::{Algorithm, Digest, Hasher};

/// Bytes of input in a block. Half of it makes layers 0.6 % larger, twice 0.2 % smaller.
pub(super) const BLOCK: usize = 1024 * 1024;

/// The most threads that compress: these eight take in as much as one hashes.
pub(super) const MOST_THREADS: usize = 8;

/// What each of them takes, in bytes: a block and what becomes of it, tables, and room for the worst case.
pub(super) const MEMORY: usize = 7 * BLOCK / 2;

/// RFC 1952 §2.3: deflate, no flags, no time, no level, unknown system, as Go writes it.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// A last block of fixed codes with nothing in it.
const END: [u8; 2] = [0x03, 0x00];

/// Compresses what `produce` writes. Returns the blob and the digest of the bytes that went in.
pub(crate) fn compress(
    threads: usize,
    budget: &Budget,
    produce: impl FnOnce(&mut dyn Sink) -> Result<()>,
) -> Result<(Packed, Digest)> {
    let threads = threads.clamp(1, MOST_THREADS);
    // A block a worker, one that is filled and one that is hashed.
    let buffers = threads + 2;
    let (jobs, waiting) = sync_channel::<Job>(buffers);
    let (order, parts) = sync_channel::<Receiver<Part>>(buffers);
    let (used, unused) = channel();
    let waiting = Mutex::new(waiting);
    thread::scope(|scope| {
        let collector = scope.spawn(move || collect(&parts, &used, budget));
        for _ in 0..threads {
            scope.spawn(|| work(&waiting));
        }
        let mut blocks = Blocks {
            block: Vec::new(),
            runs: Vec::new(),
            compressed: false,
            buffers,
            unused,
            jobs,
            order,
        };
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

/// A part of a block that is compressed for itself.
struct Run {
    /// Where it ends in the block.
    end: usize,
    /// Whether it is from a file that is compressed already.
    compressed: bool,
}

/// A block on its way to a worker.
struct Job {
    block: Vec<u8>,
    runs: Vec<Run>,
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
    /// Those of the block that have ended.
    runs: Vec<Run>,
    /// Whether what comes is compressed already.
    compressed: bool,
    /// How many more buffers may be made.
    buffers: usize,
    unused: Receiver<Vec<u8>>,
    jobs: SyncSender<Job>,
    order: SyncSender<Receiver<Part>>,
}

impl Blocks {
    /// A buffer that came back, or a new one; waits for one if there are enough.
    fn buffer(&mut self) -> io::Result<Vec<u8>> {
        let found = match self.unused.try_recv() {
            Err(TryRecvError::Empty) if self.buffers > 0 => {
                self.buffers -= 1;
                return Ok(Vec::with_capacity(BLOCK));
            }
            Err(TryRecvError::Empty) => self.unused.recv().ok(),
            found => found.ok(),
        };
        // None comes if the collector stopped; its error is the one that is shown.
        found.ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }

    fn end_run(&mut self) {
        let end = self.block.len();
        if self.runs.last().map_or(0, |run| run.end) < end {
            let compressed = self.compressed;
            self.runs.push(Run { end, compressed });
        }
    }

    fn hand_out(&mut self) -> io::Result<()> {
        self.end_run();
        let (done, part) = sync_channel(1);
        self.order.send(part).map_err(|_| io::ErrorKind::BrokenPipe)?;
        let job = Job {
            block: std::mem::take(&mut self.block),
            runs: std::mem::take(&mut self.runs),
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
        if self.block.capacity() == 0 {
            self.block = self.buffer()?;
        }
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

impl Sink for Blocks {
    fn compressed(&mut self, already: bool) {
        if self.compressed != already {
            self.end_run();
            self.compressed = already;
        }
    }
}

/// A worker: takes blocks until there are no more.
fn work(waiting: &Mutex<Receiver<Job>>) {
    let mut deflater = None;
    loop {
        // Held while waiting as well: whoever holds it gets the next block, the others queue for the lock.
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { block, runs, done }) = job else {
            return;
        };
        let mut crc = crc32fast::Hasher::new();
        crc.update(&block);
        let deflated = deflate(&mut deflater, &block, &runs);
        // Nobody waits for it if the run failed meanwhile.
        let _ = done.send(Part { block, crc, deflated });
    }
}

fn deflate(deflater: &mut Option<Deflater>, block: &[u8], runs: &[Run]) -> Result<Vec<u8>> {
    let deflater = match deflater {
        Some(deflater) => deflater,
        None => deflater.insert(Deflater::new()?),
    };
    let mut out = Vec::new();
    let mut begin = 0;
    for run in runs {
        deflater.add(block.get(begin..run.end).unwrap_or_default(), run.compressed, &mut out)?;
        begin = run.end;
    }
    Ok(out)
}

/// Takes the parts in order, hashes both sides, and spools the member.
fn collect(parts: &Receiver<Receiver<Part>>, used: &Sender<Vec<u8>>, budget: &Budget) -> Result<(Packed, Digest)> {
    let mut unpacked = Hasher::new(Algorithm::Sha256);
    let mut crc = crc32fast::Hasher::new();
    let mut length = 0u32;
    let mut out = HashingSpool::new(budget);
    out.push(Bytes::from_static(&HEADER))?;
    for part in parts {
        let mut part = part.recv().map_err(|_| broken())?;
        unpacked.update(&part.block);
        crc.combine(&part.crc);
        // ISIZE is the length modulo 2^32; a block's length fits.
        length = length.wrapping_add(part.block.len() as u32);
        part.block.clear();
        // Nobody waits for it behind the last block.
        let _ = used.send(part.block);
        out.push(part.deflated?.into())?;
    }
    out.push(Bytes::from_static(&END))?;
    let mut trailer = crc.finalize().to_le_bytes().to_vec();
    trailer.extend_from_slice(&length.to_le_bytes());
    out.push(trailer.into())?;
    Ok((out.finish(), unpacked.finish()))
}

fn broken() -> Error {
    Error::internal("a thread that compresses stopped early")
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
