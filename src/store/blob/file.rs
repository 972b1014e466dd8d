//! Files into pieces, read on a thread of their own, in buffers that are used again: fresh ones cost a page fault for
//! each 4 KiB.

use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use bytes::Bytes;
use camino::Utf8PathBuf;
use fs_err::File;
use futures_util::stream;

use super::checked::Checked;
use super::{BlobStream, PIECE};
use crate::error::Result;
use crate::store::section::Section;

/// Pieces that a reader thread may be ahead of the network, beside the one that it reads.
const READ_AHEAD: usize = 1;

/// Bytes in the buffers of all readers together, as far as [`LEAST`] allows.
const TOGETHER: usize = 8 * PIECE;

/// Buffers of one reader: what it reads, holds back, has ready, and what is being sent.
const EACH: usize = 3 + READ_AHEAD;

/// The smallest buffer of one that has much to read.
const LEAST: usize = 32 * 1024;

/// Readers at work.
static READERS: AtomicUsize = AtomicUsize::new(0);

/// A file that can be opened.
pub(super) enum Readable {
    Named(Utf8PathBuf),
    /// One of ours, without a name.
    Temporary(Arc<File>),
}

impl Readable {
    fn open(self, offset: u64) -> std::io::Result<OpenFile> {
        match self {
            Readable::Named(path) => {
                let mut file = File::open(path)?;
                if offset > 0 {
                    file.seek(SeekFrom::Start(offset))?;
                }
                Ok(OpenFile::Named(file))
            }
            // At a place of its own, as others read the same file.
            Readable::Temporary(file) => Ok(OpenFile::Temporary(Section::new(&file, offset, u64::MAX))),
        }
    }
}

/// The bytes of a file from `offset` on, about `length` of them; with `checked`, what that makes of them.
pub(super) fn read_file(readable: Readable, offset: u64, length: u64, checked: Option<Checked>) -> BlobStream {
    read_through(move || Ok(readable.open(offset)?), length, checked)
}

/// Reads on a blocking thread, [`READ_AHEAD`] pieces ahead; ends when the stream is dropped.
pub(in crate::store) fn read<R: Read>(open: impl FnOnce() -> Result<R> + Send + 'static) -> BlobStream {
    read_through(open, u64::MAX, None)
}

fn read_through<R: Read>(
    open: impl FnOnce() -> Result<R> + Send + 'static,
    length: u64,
    checked: Option<Checked>,
) -> BlobStream {
    let (sender, receiver) = tokio::sync::mpsc::channel(READ_AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut send = |piece| sender.blocking_send(piece).is_ok();
        if let Err(error) = open().and_then(|file| read_pieces(file, length, checked, &mut send)) {
            send(Err(error));
        }
    });
    Box::pin(stream::unfold(receiver, |mut receiver| async move {
        Some((receiver.recv().await?, receiver))
    }))
}

/// Hands all pieces to `send`, until it wants no more.
fn read_pieces(
    mut file: impl Read,
    length: u64,
    mut checked: Option<Checked>,
    send: &mut impl FnMut(Result<Bytes>) -> bool,
) -> Result<()> {
    let mut buffers = Buffers::new(length);
    loop {
        let (piece, ended) = buffers.fill(&mut file)?;
        if !piece.is_empty() {
            let handed = match &mut checked {
                Some(checked) => checked.take(piece),
                None => Some(Ok(piece)),
            };
            if handed.is_some_and(|piece| !send(piece)) || checked.as_ref().is_some_and(Checked::is_over) {
                return Ok(());
            }
        }
        if ended {
            checked.as_mut().and_then(Checked::end).map(send);
            return Ok(());
        }
    }
}

enum OpenFile {
    Named(File),
    Temporary(Section),
}

impl Read for OpenFile {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            OpenFile::Named(file) => file.read(buffer),
            OpenFile::Temporary(file) => file.read(buffer),
        }
    }
}

/// The buffers of one reader: lent with the pieces, and back when these are sent.
struct Buffers {
    /// The largest that is of use.
    room: usize,
    back: SyncSender<Vec<u8>>,
    returned: Receiver<Vec<u8>>,
}

impl Buffers {
    /// For one that has `length` bytes to read.
    fn new(length: u64) -> Self {
        READERS.fetch_add(1, Ordering::Relaxed);
        let (back, returned) = sync_channel(EACH);
        Buffers {
            // One more shows that there is no more.
            room: usize::try_from(length).map_or(PIECE, |length| length.saturating_add(1).min(PIECE)),
            back,
            returned,
        }
    }

    /// The next piece of `file`, and whether it ends there.
    fn fill(&mut self, file: &mut impl Read) -> Result<(Bytes, bool)> {
        let readers = READERS.load(Ordering::Relaxed).max(1);
        let size = self.room.min((TOGETHER / EACH / readers).max(LEAST));
        let returned = self.returned.try_recv().ok();
        let mut bytes = returned
            .filter(|bytes| bytes.len() == size)
            .unwrap_or_else(|| vec![0; size]);
        let mut filled = 0;
        while filled < size {
            match file.read(&mut bytes[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let back = self.back.clone();
        let piece = Bytes::from_owner(Lent { bytes, back }).slice(..filled);
        Ok((piece, filled < size))
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        READERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A buffer on its way.
struct Lent {
    bytes: Vec<u8>,
    back: SyncSender<Vec<u8>>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let _ = self.back.try_send(std::mem::take(&mut self.bytes));
    }
}
