//! The bytes of the tar inside a blob: decompressed if need be, on a thread of its own, counted against the limit,
//! hashed on another one.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use bytes::{Bytes, BytesMut};
use flate2::bufread::MultiGzDecoder;
use zstd::stream::read::Decoder as ZstdDecoder;

use super::feed::{Blob, Hashing};
use crate::error::{Error, Result};
use crate::oci::Digest;

/// Bytes that the decoder hands over at once.
const BLOCK: usize = 256 * 1024;

/// Blobs from so many bytes on have a tar that is worth a thread for its hash: it is several times as large.
const LARGE: u64 = 2 * 1024 * 1024;

/// Blocks that it may be ahead.
const AHEAD: usize = 2;

/// Reads the tar.
pub(super) struct Unpacked {
    blocks: Receiver<Result<Bytes>>,
    current: Bytes,
    /// Bytes of it that were read.
    read: usize,
    hashing: Option<Hashing>,
}

impl Unpacked {
    /// Starts to decode `blob`; `expected` is the digest of the tar, if one is known, `limit` its bytes, `window` that
    /// of a zstd frame as a power of 2.
    pub(super) fn start<'scope, 'b: 'scope>(
        scope: &'scope Scope<'scope, '_>,
        blob: &'b mut Blob,
        expected: Option<&Digest>,
        limit: u64,
        window: u32,
    ) -> Result<Self> {
        let hashing = expected.map(|digest| Hashing::new(digest.algorithm(), blob.size() >= LARGE));
        let (sender, blocks) = sync_channel(AHEAD);
        let thread = std::thread::Builder::new().name("decode".to_owned());
        thread.spawn_scoped(scope, move || {
            if let Err(error) = decode(blob, limit, window, &sender) {
                let _ = sender.send(Err(error));
            }
        })?;
        Ok(Unpacked {
            blocks,
            current: Bytes::new(),
            read: 0,
            hashing,
        })
    }

    /// Some bytes that come next; none at the end. They come again until [`Unpacked::consume`] takes them.
    pub(super) fn fill(&mut self) -> Result<&[u8]> {
        while self.read == self.current.len() {
            let Ok(block) = self.blocks.recv() else {
                return Ok(&[]);
            };
            let block = block?;
            self.hash();
            (self.current, self.read) = (block, 0);
        }
        Ok(self.current.get(self.read..).unwrap_or_default())
    }

    /// Takes `count` of the bytes that [`Unpacked::fill`] gave.
    pub(super) fn consume(&mut self, count: usize) {
        self.read = self.current.len().min(self.read + count);
    }

    /// The archive ends here; what follows is padding.
    pub(super) fn mark_end(&mut self) {
        self.hash();
        if let Some(hashing) = &mut self.hashing {
            hashing.mark();
        }
    }

    /// Hands what was read to be hashed.
    fn hash(&mut self) {
        let read = self.current.split_to(std::mem::take(&mut self.read));
        if let Some(hashing) = self.hashing.as_mut().filter(|_| !read.is_empty()) {
            hashing.update(read);
        }
    }

    /// The digests of what was read.
    pub(super) fn finish(mut self) -> Result<Digests> {
        self.hash();
        let digests = self.hashing.map(Hashing::finish).transpose()?;
        let (whole, consumed) = digests.unzip();
        Ok(Digests {
            whole,
            consumed: consumed.flatten(),
        })
    }
}

/// All that is inside of `blob`.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn read_all(blob: &mut Blob, limit: u64) -> Result<Vec<u8>> {
    std::thread::scope(|scope| {
        let mut unpacked = Unpacked::start(scope, blob, None, limit, super::window::LARGEST)?;
        let mut bytes = Vec::new();
        loop {
            let there = unpacked.fill()?;
            let count = there.len();
            if count == 0 {
                return Ok(bytes);
            }
            bytes.extend_from_slice(there);
            unpacked.consume(count);
        }
    })
}

/// Sends the tar inside `blob` in blocks, as long as they are wanted.
fn decode(blob: &mut Blob, limit: u64, window: u32, blocks: &SyncSender<Result<Bytes>>) -> Result<()> {
    let mut decoder = Decoder::new(blob, window)?;
    let mut left = limit;
    let mut sent: VecDeque<Bytes> = VecDeque::new();
    loop {
        let mut block = reused(&mut sent);
        let (filled, outcome) = fill(&mut decoder, &mut block);
        left = left.checked_sub(filled as u64).ok_or_else(|| {
            Error::integrity(format!("it unpacks to more than {limit} bytes"))
                .hint("if you trust the artifact, raise the input unpack-limit")
        })?;
        block.truncate(filled);
        let block = block.freeze();
        sent.push_back(block.clone());
        if filled > 0 && blocks.send(Ok(block)).is_err() {
            return Ok(());
        }
        outcome?;
        if filled < BLOCK {
            return Ok(());
        }
    }
}

/// A block of zeros or old bytes: memory that was touched before, where the first one that was sent is done with.
fn reused(sent: &mut VecDeque<Bytes>) -> BytesMut {
    if sent.len() > AHEAD {
        match sent.pop_front().map(Bytes::try_into_mut) {
            Some(Ok(block)) => return block,
            Some(Err(block)) => sent.push_front(block),
            None => {}
        }
    }
    // More are out than the channels hold at times; those are not waited for.
    sent.truncate(4 * AHEAD);
    BytesMut::zeroed(BLOCK)
}

/// Reads until the block is full, the decoder ends or fails; how much, and how it went.
fn fill(decoder: &mut Decoder<'_>, block: &mut [u8]) -> (usize, Result<()>) {
    let mut filled = 0;
    while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match decoder.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                let error = error.downcast::<Error>();
                return (filled, Err(error.unwrap_or_else(|error| decoder.damaged(&error))));
            }
        }
    }
    (filled, Ok(()))
}

enum Decoder<'a> {
    /// Several members count as one stream (RFC 1952 section 2.2); anything else behind one is an error.
    Gzip(Box<MultiGzDecoder<&'a mut Blob>>),
    /// Several frames count as one stream, and what a skippable one holds as nothing (RFC 8878 section 3.1).
    /// With the largest window, as a power of 2.
    Zstd(Box<ZstdDecoder<'static, &'a mut Blob>>, u32),
    Plain(&'a mut Blob),
}

/// Digests of a tar that was read to its end, if one was expected.
pub(super) struct Digests {
    whole: Option<Digest>,
    consumed: Option<Digest>,
}

impl Digests {
    /// Compares them. That of the whole stream is the right one; ORAS computes it over what its reader takes, up to
    /// the end blocks, so that of a tar without its padding counts as well.
    pub(super) fn verify(&self, expected: Option<&Digest>) -> Result<()> {
        let (Some(expected), Some(whole)) = (expected, &self.whole) else {
            return Ok(());
        };
        if whole == expected || self.consumed.as_ref() == Some(expected) {
            return Ok(());
        }
        Err(Error::integrity(format!(
            "the unpacked tar has the digest {whole} instead of {expected}"
        )))
    }
}

impl<'a> Decoder<'a> {
    /// Looks at the magic; nothing is decoded yet.
    fn new(blob: &'a mut Blob, window: u32) -> Result<Self> {
        Ok(match blob.peek(4)? {
            [0x1f, 0x8b, ..] => Decoder::Gzip(Box::new(MultiGzDecoder::new(blob))),
            // A frame, or a skippable one before it.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                Decoder::Zstd(Box::new(zstd_decoder(blob, window)?), window)
            }
            _ => Decoder::Plain(blob),
        })
    }

    /// What the decoder says to its input.
    fn damaged(&self, error: &std::io::Error) -> Error {
        let format = match self {
            Decoder::Gzip(_) => "gzip",
            // libzstd's name of ZSTD_error_frameParameter_windowTooLarge; the crate hands on no number.
            Decoder::Zstd(_, window) if error.to_string().contains("requires too much memory") => {
                return Error::integrity(format!(
                    "its zstd stream asks for a window of more than {} MiB",
                    (1u64 << window) >> 20
                ))
                .hint(format!(
                    "who pushed it can compress with a smaller one: at most `--long={window}` of the program zstd"
                ));
            }
            Decoder::Zstd(..) => "zstd",
            Decoder::Plain(_) => "tar",
        };
        Error::integrity(format!("its {format} stream is damaged: {error}"))
    }
}

fn zstd_decoder(blob: &mut Blob, window: u32) -> Result<ZstdDecoder<'static, &mut Blob>> {
    let refused = |error| Error::internal("zstd refused its own settings").caused_by(error);
    let mut decoder = ZstdDecoder::with_buffer(blob).map_err(refused)?;
    decoder.window_log_max(window).map_err(refused)?;
    Ok(decoder)
}

impl Read for Decoder<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Zstd(decoder, _) => decoder.read(buffer),
            Decoder::Plain(blob) => blob.read(buffer),
        }
    }
}
