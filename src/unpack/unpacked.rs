//! The bytes of the tar inside a blob: decompressed if need be, counted against the limit, hashed.

use std::io::{BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use zstd::stream::read::Decoder as ZstdDecoder;

use super::feed::Blob;
use crate::error::{Error, Result};
use crate::oci::{Digest, Hasher};

/// Buffer behind the decoder: tar headers are read 512 bytes at a time.
const BUFFER: usize = 64 * 1024;

/// The largest window of a zstd frame, as a power of 2: what its decoder sets aside when the frame says so. 128 MiB are
/// what `zstd --ultra -22` and `--long` write, and what the program `zstd` reads without being told to take more; our
/// own frames and those of its levels up to 19 need 8 MiB or less.
const WINDOW_LOG: u32 = 27;

/// Reads the tar.
pub(super) struct Unpacked<'a> {
    decoder: BufReader<Decoder<'a>>,
    /// Bytes that may still come, and how many there were at first.
    left: u64,
    limit: u64,
    hasher: Option<Hasher>,
    consumed: Option<Digest>,
}

enum Decoder<'a> {
    /// Several members count as one stream (RFC 1952 section 2.2); anything else behind one is an error.
    Gzip(Box<MultiGzDecoder<&'a mut Blob>>),
    /// Several frames count as one stream, and what a skippable one holds as nothing (RFC 8878 section 3.1).
    Zstd(Box<ZstdDecoder<'static, &'a mut Blob>>),
    Plain(&'a mut Blob),
}

impl<'a> Unpacked<'a> {
    /// Looks at the magic; nothing is decoded yet. `expected` is the digest of the tar, if one is known.
    pub(super) fn new(blob: &'a mut Blob, expected: Option<&Digest>, limit: u64) -> Result<Self> {
        let decoder = match blob.peek(4)? {
            [0x1f, 0x8b, ..] => Decoder::Gzip(Box::new(MultiGzDecoder::new(blob))),
            // A frame, or a skippable one before it.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                Decoder::Zstd(Box::new(zstd_decoder(blob)?))
            }
            _ => Decoder::Plain(blob),
        };
        Ok(Unpacked {
            decoder: BufReader::with_capacity(BUFFER, decoder),
            left: limit,
            limit,
            hasher: expected.map(|digest| Hasher::new(digest.algorithm())),
            consumed: None,
        })
    }

    /// Reads some bytes; 0 at the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self
            .decoder
            .read(buffer)
            .map_err(|error| match error.downcast::<Error>() {
                Ok(ours) => ours,
                Err(error) => self.decoder.get_ref().damaged(&error),
            })?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            Error::integrity(format!("it unpacks to more than {} bytes", self.limit))
                .hint("if you trust the artifact, raise the input unpack-limit")
        })?;
        if let (Some(hasher), Some(piece)) = (&mut self.hasher, buffer.get(..count)) {
            hasher.update(piece);
        }
        Ok(count)
    }

    /// The archive ends here; what follows is padding.
    pub(super) fn mark_end(&mut self) {
        self.consumed = self.hasher.clone().map(Hasher::finish);
    }

    /// The digests of what was read.
    pub(super) fn finish(self) -> Digests {
        Digests {
            whole: self.hasher.map(Hasher::finish),
            consumed: self.consumed,
        }
    }
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

impl Decoder<'_> {
    /// What the decoder says to its input.
    fn damaged(&self, error: &std::io::Error) -> Error {
        let format = match self {
            Decoder::Gzip(_) => "gzip",
            Decoder::Zstd(_) => "zstd",
            Decoder::Plain(_) => "tar",
        };
        // libzstd's name of ZSTD_error_frameParameter_windowTooLarge; the crate hands on no number.
        if error.to_string().contains("requires too much memory") {
            return Error::integrity(format!(
                "its zstd stream asks for a window of more than {} MiB",
                (1u64 << WINDOW_LOG) >> 20
            ))
            .hint("who pushed it can compress with a smaller one: at most `--long=27` of the program zstd");
        }
        Error::integrity(format!("its {format} stream is damaged: {error}"))
    }
}

fn zstd_decoder(blob: &mut Blob) -> Result<ZstdDecoder<'static, &mut Blob>> {
    let refused = |error| Error::internal("zstd refused its own settings").caused_by(error);
    let mut decoder = ZstdDecoder::with_buffer(blob).map_err(refused)?;
    decoder.window_log_max(WINDOW_LOG).map_err(refused)?;
    Ok(decoder)
}

impl Read for Decoder<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Zstd(decoder) => decoder.read(buffer),
            Decoder::Plain(blob) => blob.read(buffer),
        }
    }
}
