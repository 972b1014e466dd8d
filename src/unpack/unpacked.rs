//! The bytes of the tar inside a blob: gunzipped if need be, counted against the limit, hashed.

use std::io::{BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::feed::Blob;
use crate::error::{Error, Result};
use crate::oci::{Digest, Hasher};

/// Buffer behind the decoder: tar headers are read 512 bytes at a time.
const BUFFER: usize = 64 * 1024;

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
    Plain(&'a mut Blob),
}

impl<'a> Unpacked<'a> {
    /// Looks at the magic; nothing is decoded yet. `expected` is the digest of the tar, if one is known.
    pub(super) fn new(blob: &'a mut Blob, expected: Option<&Digest>, limit: u64) -> Result<Self> {
        let magic = blob.peek(4)?;
        let gzip = magic.starts_with(&[0x1f, 0x8b]);
        if magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            return Err(Error::integrity(
                "it is compressed with zstd, which this version does not read",
            ));
        }
        let decoder = if gzip {
            Decoder::Gzip(Box::new(MultiGzDecoder::new(blob)))
        } else {
            Decoder::Plain(blob)
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
                Err(error) => Error::integrity(format!("its gzip stream is damaged: {error}")),
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

impl Read for Decoder<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Plain(blob) => blob.read(buffer),
        }
    }
}
