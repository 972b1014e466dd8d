//! Blobs on their way: a source that can be opened any number of times, a stream of pieces.

mod checked;
mod file;

use std::fmt;
use std::io::{ErrorKind, Read};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use camino::Utf8PathBuf;
use fs_err::File;
use futures_util::{Stream, TryStreamExt, stream};

use super::Store;
use crate::error::{Class, Error, Result};
use crate::oci::{Descriptor, Hasher};
use crate::report::Transfer;

pub use checked::{Mark, Part};
pub(super) use file::read;
use file::{Readable, read_file};

/// The largest piece, in bytes: an upload in smaller ones is several times slower (4 KiB: 20 times).
pub const PIECE: usize = 1024 * 1024;

/// Bytes in pieces of at most [`PIECE`].
pub type BlobStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// Where a blob's bytes come from. Retries open it again.
#[derive(Clone)]
pub enum BlobSource {
    /// A file of the user's, which may change under us.
    File(Utf8PathBuf),
    /// Pieces in memory.
    Pieces(Arc<[Bytes]>),
    /// A temporary file of ours that has no name, and so goes with its last owner, or with the process.
    Temporary(Arc<File>),
    /// A blob of another store.
    Stored(Arc<Stored>),
}

/// A blob of a store, to be read from there.
pub struct Stored {
    store: Store,
    blob: Descriptor,
    transfer: Option<Transfer>,
}

impl fmt::Debug for BlobSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl From<Bytes> for BlobSource {
    fn from(bytes: Bytes) -> Self {
        BlobSource::Pieces(Arc::new([bytes]))
    }
}

impl BlobSource {
    /// `blob` of `store`. `transfer` shows how far it was read, where the other side shows nothing.
    pub fn stored(store: Store, blob: Descriptor, transfer: Option<Transfer>) -> Self {
        BlobSource::Stored(Arc::new(Stored { store, blob, transfer }))
    }

    /// The bytes from `offset` to the end.
    pub fn open(&self, offset: u64) -> BlobStream {
        match self {
            BlobSource::Pieces(pieces) => from_memory(pieces, offset),
            BlobSource::Stored(stored) => read_store(Arc::clone(stored), offset),
            BlobSource::File(path) => read_file(Readable::Named(path.clone()), offset, u64::MAX, None),
            BlobSource::Temporary(file) => read_file(Readable::Temporary(Arc::clone(file)), offset, u64::MAX, None),
        }
    }

    /// The file that has the bytes, if it is one.
    fn readable(&self) -> Option<Readable> {
        match self {
            BlobSource::File(path) => Some(Readable::Named(path.clone())),
            BlobSource::Temporary(file) => Some(Readable::Temporary(Arc::clone(file))),
            BlobSource::Pieces(_) | BlobSource::Stored(_) => None,
        }
    }

    /// All bytes, hashed again on the way: the last piece is held back until size and digest are those of `blob`.
    /// A source that changed since it was hashed so fails before the other side has all of it.
    pub fn open_checked(&self, blob: &Descriptor) -> BlobStream {
        Part::new(self, blob, &Mark::start(blob), 0, blob.size).open()
    }

    /// The bytes are not those that were to be read.
    fn spoilt(&self, blob: &Descriptor) -> Error {
        let name = self.name();
        if matches!(self, BlobSource::Stored(_)) {
            return Error::integrity(format!(
                "{name}: not the {} bytes that its manifest says, or others",
                blob.size
            ))
            .hint("push it again there: what it holds is damaged");
        }
        Error::new(Class::Local, format!("{name}: the file changed while it was pushed"))
            .hint("push after the step that writes it has ended")
    }

    fn name(&self) -> String {
        match self {
            BlobSource::File(path) => path.to_string(),
            BlobSource::Pieces(_) | BlobSource::Temporary(_) => "packed bytes".to_owned(),
            BlobSource::Stored(stored) => stored.store.reference(&stored.blob.digest).to_string(),
        }
    }
}

fn read_store(stored: Arc<Stored>, offset: u64) -> BlobStream {
    let opened = async move {
        let pieces = stored.store.open_blob(&stored.blob, offset).await?;
        if let Some(transfer) = &stored.transfer {
            transfer.restart(offset);
        }
        Ok::<_, Error>(pieces.inspect_ok(move |piece| {
            if let Some(transfer) = &stored.transfer {
                transfer.advance(piece.len() as u64);
            }
        }))
    };
    Box::pin(stream::once(opened).try_flatten())
}

fn from_memory(pieces: &[Bytes], offset: u64) -> BlobStream {
    let mut skip = offset;
    let rest: Vec<Bytes> = pieces
        .iter()
        .filter_map(|piece| {
            let cut = skip.min(piece.len() as u64);
            skip -= cut;
            // `cut` is at most the length of the piece, which is a usize.
            let rest = piece.slice(usize::try_from(cut).unwrap_or(piece.len())..);
            (!rest.is_empty()).then_some(rest)
        })
        .collect();
    let pieces = rest.into_iter().flat_map(|mut piece| {
        std::iter::from_fn(move || (!piece.is_empty()).then(|| Ok(piece.split_to(piece.len().min(PIECE)))))
    });
    Box::pin(stream::iter(pieces.collect::<Vec<_>>()))
}

/// Whether what `bytes` gives is `blob`, byte for byte. Reads all of it; blocks.
pub(super) fn holds(mut bytes: impl Read, blob: &Descriptor) -> std::io::Result<bool> {
    let mut hasher = Hasher::new(blob.digest.algorithm());
    let mut buffer = vec![0; PIECE];
    loop {
        match bytes.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish() == blob.digest),
            Ok(read) => hasher.update(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;
    use futures_util::StreamExt as _;

    use super::*;
    use crate::oci::Digest;

    async fn collect(mut stream: BlobStream) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while let Some(piece) = stream.next().await {
            let piece = piece?;
            assert!(piece.len() <= PIECE);
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    #[tokio::test]
    async fn every_source_opens_at_any_offset() {
        let bytes: Vec<u8> = (0..3 * PIECE + 17).map(|i| (i % 251) as u8).collect();
        let mut unnamed = File::from_parts(tempfile::tempfile().unwrap(), "");
        std::io::Write::write_all(&mut unnamed, &bytes).unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        let path = file.into_temp_path();
        let sources = [
            BlobSource::File(Utf8Path::from_path(&path).unwrap().to_owned()),
            BlobSource::Pieces(bytes.chunks(PIECE + 1000).map(Bytes::copy_from_slice).collect()),
            BlobSource::Temporary(Arc::new(unnamed)),
        ];
        for source in sources {
            for offset in [0, 1, PIECE, 2 * PIECE + 5, bytes.len(), bytes.len() + 1] {
                let expected = bytes.get(offset..).unwrap_or_default();
                assert!(
                    collect(source.open(offset as u64)).await.unwrap() == expected,
                    "{source:?} {offset}"
                );
            }
            let blob = Descriptor::new("a/b", Digest::of(&bytes), bytes.len() as u64);
            assert!(collect(source.open_checked(&blob)).await.unwrap() == bytes);
        }
    }

    #[tokio::test]
    async fn a_changed_source_is_found_before_its_last_piece_leaves() {
        for (found, planned) in [
            ("hello", "jello"),
            ("hello", "hell"),
            ("hell", "hello"),
            ("", "x"),
            ("x", ""),
        ] {
            let source = BlobSource::from(Bytes::from_static(found.as_bytes()));
            let blob = Descriptor::new("a/b", Digest::of(planned.as_bytes()), planned.len() as u64);
            let mut stream = source.open_checked(&blob);
            let error = stream.next().await.unwrap().unwrap_err();
            assert_eq!(error.class(), Class::Local);
            assert!(stream.next().await.is_none());
        }
    }
}
