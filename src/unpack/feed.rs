//! A blob on its way from the async stream to the thread that writes it, counted there and hashed beside it.

mod hashing;

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::sync::mpsc;

use crate::error::{Error, Result};
use crate::oci::Descriptor;
use crate::report::Transfer;
use crate::store::BlobStream;

pub(super) use hashing::Hashing;

/// Bytes that are handed over at once, if so many come: TLS gives 16 KiB a piece, and a hop from thread to thread costs
/// as much as to hash that.
const BATCH: usize = 256 * 1024;

/// Batches that the network may be ahead of the disk.
const AHEAD: usize = 1;

/// Blobs from so many bytes on are hashed beside: smaller ones come several at once, and keep all cores busy anyway.
const LARGE: u64 = 32 * 1024 * 1024;

type Batch = VecDeque<Bytes>;

enum Message {
    Pieces(Batch),
    Failed(Error),
    /// Said out loud: a channel that closes without it was broken off.
    End,
}

/// Runs `work` on a blocking thread and feeds it the stream; a small blob is there before the thread is asked for.
/// Dropped, it makes the thread's next read fail and [`Pieces::check_wanted`] as well, so that the thread cleans up and
/// leaves.
pub(super) async fn run<T: Send + 'static>(
    mut stream: BlobStream,
    progress: &Transfer,
    work: impl FnOnce(Pieces) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (batch, mut ended) = gather(&mut stream, progress).await?;
    let (sender, receiver) = mpsc::channel(AHEAD);
    let state = if ended { State::Ended } else { State::Running };
    let thread = tokio::task::spawn_blocking(move || {
        work(Pieces {
            receiver,
            batch,
            current: Bytes::new(),
            state,
        })
    });
    while !ended {
        let gathered = tokio::select! {
            biased;
            () = sender.closed() => break,
            gathered = gather(&mut stream, progress) => gathered,
        };
        let message = match gathered {
            Ok((batch, last)) => {
                ended = last;
                Message::Pieces(batch)
            }
            Err(error) => {
                ended = true;
                Message::Failed(error)
            }
        };
        if sender.send(message).await.is_err() {
            break;
        }
        if ended {
            // After a failure nobody reads on.
            let _ = sender.send(Message::End).await;
        }
    }
    let result = thread.await;
    // Kept until here: its end tells the thread that nobody waits any more.
    drop(sender);
    result.unwrap_or_else(|error| Err(Error::internal(format!("the writing thread failed: {error}"))))
}

/// The next pieces, and whether they are the last.
async fn gather(stream: &mut BlobStream, progress: &Transfer) -> Result<(Batch, bool)> {
    let (mut batch, mut bytes) = (Batch::new(), 0);
    while bytes < BATCH {
        let Some(piece) = stream.next().await.transpose()? else {
            return Ok((batch, true));
        };
        progress.advance(piece.len() as u64);
        bytes += piece.len();
        batch.push_back(piece);
    }
    Ok((batch, false))
}

#[derive(PartialEq)]
enum State {
    Running,
    Ended,
    Broken,
}

/// The thread's end of the channel.
pub(super) struct Pieces {
    receiver: mpsc::Receiver<Message>,
    batch: Batch,
    current: Bytes,
    state: State,
}

impl Pieces {
    /// The next piece, `None` at the end. Blocks.
    fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(piece) = self.batch.pop_front() {
                return Ok(Some(piece));
            }
            if self.state == State::Ended {
                return Ok(None);
            }
            match self.receiver.blocking_recv() {
                Some(Message::Pieces(batch)) => self.batch = batch,
                Some(Message::End) => self.state = State::Ended,
                Some(Message::Failed(error)) => {
                    self.state = State::Broken;
                    return Err(error);
                }
                None => {
                    self.state = State::Broken;
                    return Err(Error::internal("the transfer was broken off"));
                }
            }
        }
    }

    /// Fails when nobody waits for the result any more: the last question before a rename.
    fn check_wanted(&self) -> Result<()> {
        if self.receiver.is_closed() {
            return Err(Error::internal("the transfer was broken off"));
        }
        Ok(())
    }
}

/// Reads the bytes of a blob; never more than its size. The digest is checked by [`Blob::verify`].
pub(super) struct Blob {
    pieces: Pieces,
    descriptor: Descriptor,
    /// Until [`Blob::verify`].
    hashing: Option<Hashing>,
    received: u64,
}

impl Blob {
    pub(super) fn new(pieces: Pieces, descriptor: &Descriptor) -> Self {
        Blob {
            pieces,
            descriptor: descriptor.clone(),
            hashing: Some(Hashing::new(descriptor.digest.algorithm(), descriptor.size >= LARGE)),
            received: 0,
        }
    }

    /// Its size in bytes, as the descriptor has it.
    pub(super) fn size(&self) -> u64 {
        self.descriptor.size
    }

    /// Takes the next piece behind the current one; `false` at the end.
    fn extend(&mut self) -> Result<bool> {
        let Some(piece) = self.pieces.next()? else {
            return Ok(false);
        };
        self.received = self.received.saturating_add(piece.len() as u64);
        if self.received > self.descriptor.size {
            self.pieces.state = State::Broken;
            let Descriptor { digest, size, .. } = &self.descriptor;
            return Err(Error::integrity(format!(
                "{digest}: the store sends more than the {size} bytes that the manifest states"
            )));
        }
        if let Some(hashing) = &mut self.hashing {
            hashing.update(piece.clone());
        }
        if self.pieces.current.is_empty() {
            self.pieces.current = piece;
        } else {
            let mut joined = BytesMut::from(self.pieces.current.as_ref());
            joined.extend_from_slice(&piece);
            self.pieces.current = joined.freeze();
        }
        Ok(true)
    }

    /// The bytes at hand, at least `count` unless the blob ends before. Meant for a few bytes.
    pub(super) fn peek(&mut self, count: usize) -> Result<&[u8]> {
        while self.pieces.current.len() < count && self.extend()? {}
        Ok(&self.pieces.current)
    }

    /// Reads the rest; fails if size or digest are not those of the descriptor, or if the transfer was broken off.
    pub(super) fn verify(&mut self) -> Result<()> {
        self.pieces.current = Bytes::new();
        while self.extend()? {
            self.pieces.current = Bytes::new();
        }
        let Descriptor { digest, size, .. } = &self.descriptor;
        if self.received != *size {
            return Err(Error::integrity(format!(
                "{digest}: the store sent {} bytes instead of {size}",
                self.received
            )));
        }
        let hashing = self.hashing.take();
        let hashing = hashing.ok_or_else(|| Error::internal("a blob was verified twice"))?;
        let (found, _) = hashing.finish()?;
        if found != *digest {
            return Err(Error::integrity(format!(
                "{digest}: the bytes that the store sent have the digest {found}"
            ))
            .hint("try again; if it stays so, the blob in the store is damaged and must be pushed again"));
        }
        self.pieces.check_wanted()
    }

    /// Of an archive that can't be read: the error of the transfer, when that is what damaged it.
    pub(super) fn blame(&mut self) -> Option<Error> {
        if self.pieces.state == State::Broken {
            return None;
        }
        self.verify().err()
    }
}

impl BufRead for Blob {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.pieces.current.is_empty() && self.extend()? {}
        Ok(&self.pieces.current)
    }

    fn consume(&mut self, amount: usize) {
        let amount = amount.min(self.pieces.current.len());
        self.pieces.current.advance(amount);
    }
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let count = Read::read(&mut available, buffer)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::{FutureExt, stream};

    use super::*;
    use crate::oci::Digest;
    use crate::report::{Direction, Report};

    #[test]
    fn a_blob_that_came_whole_counts_for_nothing_when_nobody_waits() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (dropped, wait) = mpsc::channel::<()>();
        let (tell, outcome) = mpsc::channel();
        runtime.block_on(async {
            let blob = Descriptor::new("text/plain", Digest::of(b"whole"), 5);
            let progress = Report::silent().transfer(Direction::Down, "x", 5);
            let whole: BlobStream = Box::pin(stream::iter([Ok(Bytes::from_static(b"whole"))]));
            let transfer = run(whole, &progress, move |pieces| {
                wait.recv().ok();
                tell.send(Blob::new(pieces, &blob).verify().is_err()).ok();
                Ok(())
            });
            // One poll: piece and end fit into the channel.
            assert!(transfer.now_or_never().is_none());
        });
        dropped.send(()).unwrap();
        assert!(outcome.recv().unwrap());
    }
}
