//! Bytes that are hashed again on their way: what changed since it was planned never arrives as something else.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::{BlobSource, BlobStream, read_file};
use crate::error::{Error, Result};
use crate::oci::{Descriptor, Hasher};

/// How far a blob was read and hashed.
#[derive(Clone)]
pub struct Mark {
    hasher: Hasher,
    offset: u64,
}

impl Mark {
    /// Before the first byte.
    pub fn start(blob: &Descriptor) -> Self {
        Mark {
            hasher: Hasher::new(blob.digest.algorithm()),
            offset: 0,
        }
    }

    /// Bytes read so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

/// A part of a blob, which can be opened any number of times.
#[derive(Clone)]
pub struct Part {
    source: BlobSource,
    blob: Descriptor,
    from: Mark,
    skip: u64,
    length: u64,
    end: Arc<Mutex<Option<Mark>>>,
}

impl Part {
    /// The `length` bytes that begin `skip` bytes after `from`: what is skipped is read and hashed, as `from` has the
    /// only state of the hash that is known.
    pub fn new(source: &BlobSource, blob: &Descriptor, from: &Mark, skip: u64, length: u64) -> Self {
        Part {
            source: source.clone(),
            blob: blob.clone(),
            from: from.clone(),
            skip,
            length,
            end: Arc::default(),
        }
    }

    /// Bytes in it.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Where the next part begins; `None` until this one was read to its end, and for the last.
    pub fn end(&self) -> Option<Mark> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its bytes. Of the part that ends the blob the last piece is held back until size and digest are the blob's.
    pub fn open(&self) -> BlobStream {
        let (checked, offset) = (Checked::new(self), self.from.offset);
        match self.source.readable() {
            // Where the file is read, on a thread of its own: the hash keeps nobody from sending.
            Some(file) => read_file(file, offset, self.skip + self.length, Some(checked)),
            None => {
                let state = (self.source.open(offset), checked);
                Box::pin(stream::unfold(state, |(mut pieces, mut checked)| async move {
                    Some((checked.next(&mut pieces).await?, (pieces, checked)))
                }))
            }
        }
    }

    fn is_last(&self) -> bool {
        self.from.offset + self.skip + self.length >= self.blob.size
    }
}

/// What becomes of the pieces of a part as they are read.
pub(super) struct Checked {
    held: Option<Bytes>,
    /// `None` once the stream is over.
    mark: Option<Mark>,
    /// Bytes yet to be read and not handed on.
    skip: u64,
    /// Bytes yet to be handed on, of a part that isn't the last.
    left: u64,
    part: Part,
}

impl Checked {
    fn new(part: &Part) -> Self {
        Checked {
            held: None,
            mark: Some(part.from.clone()),
            skip: part.skip,
            left: part.length,
            part: part.clone(),
        }
    }

    async fn next(&mut self, pieces: &mut BlobStream) -> Option<Result<Bytes>> {
        while !self.is_over() {
            let outcome = match pieces.next().await {
                Some(Ok(piece)) => self.take(piece),
                Some(Err(error)) => {
                    self.mark = None;
                    Some(Err(error))
                }
                None => self.end(),
            };
            if outcome.is_some() {
                return outcome;
            }
        }
        None
    }

    /// Whether no piece is wanted any more.
    pub(super) fn is_over(&self) -> bool {
        self.mark.is_none()
    }

    /// There are no more pieces; what can be handed on now.
    pub(super) fn end(&mut self) -> Option<Result<Bytes>> {
        let (mark, blob) = (self.mark.take()?, &self.part.blob);
        if mark.offset != blob.size || mark.hasher.finish() != blob.digest {
            return Some(Err(self.changed()));
        }
        self.held.take().map(Ok)
    }

    /// Hashes `piece`; what can be handed on now.
    pub(super) fn take(&mut self, mut piece: Bytes) -> Option<Result<Bytes>> {
        let last = self.part.is_last();
        let mark = self.mark.as_mut()?;
        if last && piece.len() as u64 > self.part.blob.size.saturating_sub(mark.offset) {
            return Some(Err(self.changed()));
        }
        if !last {
            piece.truncate(at_most(self.skip + self.left, &piece));
        }
        mark.hasher.update(&piece);
        mark.offset += piece.len() as u64;
        let skipped = at_most(self.skip, &piece);
        self.skip -= skipped as u64;
        let piece = piece.split_off(skipped);
        if piece.is_empty() {
            return None;
        }
        if last {
            return self.held.replace(piece).map(Ok);
        }
        self.left -= piece.len() as u64;
        if self.left == 0 {
            // Before the piece is handed on: who has the whole length doesn't ask for more.
            *self.part.end.lock().unwrap_or_else(PoisonError::into_inner) = self.mark.take();
        }
        Some(Ok(piece))
    }

    fn changed(&mut self) -> Error {
        self.mark = None;
        self.part.source.spoilt(&self.part.blob)
    }
}

/// The smaller of `count` and the length of `piece`, which is a usize.
fn at_most(count: u64, piece: &Bytes) -> usize {
    usize::try_from(count).map_or(piece.len(), |count| count.min(piece.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Class;
    use crate::oci::Digest;
    use crate::store::PIECE;

    async fn collect(part: &Part) -> Result<Vec<u8>> {
        let mut stream = part.open();
        let mut bytes = Vec::new();
        while let Some(piece) = stream.next().await {
            bytes.extend_from_slice(&piece?);
        }
        Ok(bytes)
    }

    fn blob(bytes: &[u8]) -> Descriptor {
        Descriptor::new("a/b", Digest::of(bytes), bytes.len() as u64)
    }

    #[tokio::test]
    async fn parts_carry_the_hash_on_and_can_be_opened_again() {
        let bytes: Vec<u8> = (0..2 * PIECE + 17).map(|i| (i % 251) as u8).collect();
        let blob = blob(&bytes);
        let source = BlobSource::Pieces(bytes.chunks(PIECE - 5).map(Bytes::copy_from_slice).collect());
        for length in [1000, PIECE - 5, PIECE, PIECE + 1] {
            let (mut mark, mut skip, mut seen) = (Mark::start(&blob), 0, Vec::new());
            while seen.len() < bytes.len() && seen.len() < 5 * length {
                let length = length.min(bytes.len() - seen.len());
                let part = Part::new(&source, &blob, &mark, skip, length as u64);
                collect(&part).await.unwrap();
                let found = collect(&part).await.unwrap();
                assert!(found == bytes[seen.len()..seen.len() + length]);
                seen.extend(found);
                // Every other part begins within what the mark before it stands for.
                match part.end().filter(|_| skip > 0 || seen.len() % 2 == 0) {
                    Some(end) => (mark, skip) = (end, 0),
                    None => skip = seen.len() as u64 - mark.offset(),
                }
            }
        }
    }

    #[tokio::test]
    async fn a_part_of_a_changed_source_is_found_at_the_latest_with_the_last() {
        let planned = blob(b"hello world");
        for (found, whole) in [
            ("jello world", "jello "),
            ("hello worlds", "hello "),
            ("hello worl", "hello "),
        ] {
            let source = BlobSource::from(Bytes::from_static(found.as_bytes()));
            let first = Part::new(&source, &planned, &Mark::start(&planned), 0, 6);
            assert_eq!(collect(&first).await.unwrap(), whole.as_bytes());
            let last = Part::new(&source, &planned, &first.end().unwrap(), 0, 5);
            assert_eq!(collect(&last).await.unwrap_err().class(), Class::Local, "{found}");
        }
        let short = BlobSource::from(Bytes::from_static(b"hel"));
        let first = Part::new(&short, &planned, &Mark::start(&planned), 0, 6);
        assert_eq!(collect(&first).await.unwrap_err().class(), Class::Local);
        assert!(first.end().is_none());
    }
}
