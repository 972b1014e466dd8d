//! A large blob in parts, where one connection turns out slow.
//!
//! It begins as one stream. When that is slow, tasks fetch parts ahead of it, each into memory; the stream ends where
//! the first part begins whose answer is there, and from then on the parts are handed out in order. So the result is a
//! stream as before, and nobody waits for a part before the server has shown that it sends parts. A part that fails is
//! none: one stream goes on from where we are, and what it says counts.
//!
//! A part holds its bytes until they are read, so parts are few, over all blobs of a run: [`SLOTS`] times [`PART`] is
//! the memory. A part never waits for who reads, so that it gives its permit of the host's gate back in any case.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use super::pace::Pace;
use super::reader::Reader;
use crate::error::{Error, Result};

/// Bytes of a part: large beside what a request costs, small enough for memory.
const PART: u64 = 3 * 1024 * 1024;

/// Connections at once in a run for large blobs and their parts: with as many blobs under way, parts bring nothing.
const SLOTS: usize = 8;

/// The smallest rest of a blob that is worth it.
const WORTHWHILE: u64 = 16 * 1024 * 1024;

/// The connections that the large blobs of a run share; what takes parts has one for its stream, and one a part.
#[derive(Clone)]
pub(in super::super) struct Slots(Arc<Semaphore>);

impl Default for Slots {
    fn default() -> Self {
        Slots(Arc::new(Semaphore::new(SLOTS)))
    }
}

/// Sizes, in bytes.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Plan {
    /// Of a part.
    pub(in super::super) part: u64,
    /// Of the smallest rest that is split.
    pub(in super::super) worthwhile: u64,
    /// Whether to split without a look at the speed.
    pub(in super::super) at_once: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Plan {
            part: PART,
            worthwhile: WORTHWHILE,
            at_once: false,
        }
    }
}

/// Reads a blob to its end.
pub(super) struct Ranged {
    /// Bytes come from here, as long as no part is the head.
    stream: Reader,
    /// The part that is handed out.
    head: Option<Part>,
    /// The parts behind it, or behind where the stream will end, without a gap.
    ahead: VecDeque<Part>,
    /// Where the next part begins.
    next: u64,
    position: u64,
    state: State,
    pace: Pace,
    plan: Plan,
    /// Parts at once.
    most: usize,
    _slot: Option<OwnedSemaphorePermit>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Watching,
    Splitting,
    /// One stream to the end.
    Single,
}

impl Ranged {
    /// Goes on with `stream`, which reads to the end of the blob.
    pub(super) fn new(stream: Reader, plan: Plan) -> Self {
        let most = stream.registry.client().options().concurrency.min(SLOTS);
        let slots = &stream.registry.0.auth.shared.slots.0;
        let is_large = stream.blob.size - stream.position >= plan.worthwhile;
        let slot = is_large.then(|| Arc::clone(slots).try_acquire_owned().ok()).flatten();
        let state = match plan.at_once {
            _ if most < 2 || slot.is_none() => State::Single,
            true => State::Splitting,
            false => State::Watching,
        };
        Ranged {
            position: stream.position,
            next: stream.position,
            stream,
            head: None,
            ahead: VecDeque::new(),
            state,
            pace: Pace::default(),
            plan,
            most,
            _slot: slot,
        }
    }

    /// The next piece; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let piece = match &mut self.head {
                None => self.stream_piece().await?,
                Some(part) => match part.next().await {
                    Ok(piece) => piece,
                    Err(error) => {
                        self.give_up(&error);
                        self.stream_again().await?;
                        continue;
                    }
                },
            };
            if let Some(piece) = piece {
                self.position += piece.len() as u64;
                return Ok(Some(piece));
            }
            if self.position == self.stream.blob.size {
                return Ok(None);
            }
            self.head = self.ahead.pop_front();
            if self.head.is_none() {
                // Other blobs have all the room.
                self.stream_again().await?;
            }
            self.look_ahead();
        }
    }

    async fn stream_piece(&mut self) -> Result<Option<Bytes>> {
        self.look_ahead();
        self.hand_over();
        let asked = Instant::now();
        let piece = self.stream.next().await?;
        if let (State::Watching, Some(piece)) = (self.state, &piece)
            && self.pace.is_slow(piece.len(), asked, Instant::now())
        {
            tracing::debug!("blob {}: slow, more connections are tried", self.stream.blob.digest);
            self.state = State::Splitting;
        }
        Ok(piece)
    }

    /// Starts parts, as far as there is room.
    fn look_ahead(&mut self) {
        let size = self.stream.blob.size;
        if self.state != State::Splitting {
            return;
        }
        if self.head.is_none() && self.ahead.is_empty() {
            if size - self.position < self.plan.worthwhile {
                return;
            }
            self.next = self.position + self.plan.part;
        }
        let slots = &self.stream.registry.0.auth.shared.slots.0;
        while self.next < size && self.ahead.len() + usize::from(self.head.is_some()) < self.most {
            let Ok(slot) = Arc::clone(slots).try_acquire_owned() else {
                return;
            };
            let end = size.min(self.next.saturating_add(self.plan.part));
            self.ahead
                .push_back(Part::fetch(self.stream.part(self.next, end), self.next, end, slot));
            self.next = end;
        }
    }

    /// Lets the stream end where a part begins whose answer is there.
    fn hand_over(&mut self) {
        while let Some(part) = self.ahead.front_mut() {
            match part.has_begun() {
                // The stream was faster.
                Ok(_) if part.start < self.position => {
                    self.ahead.pop_front();
                }
                Ok(true) => return self.stream.end_at(part.start),
                Ok(false) => return,
                Err(error) => self.give_up(&error),
            }
        }
    }

    /// From now on one stream has to do.
    fn give_up(&mut self, error: &Error) {
        tracing::debug!("blob {}: no parts: {error}", self.stream.blob.digest);
        self.state = State::Single;
        self.ahead.clear();
        self.head = None;
    }

    async fn stream_again(&mut self) -> Result<()> {
        self.stream = Reader::new(&self.stream.registry, &self.stream.blob, self.position);
        self.stream.connect().await
    }
}

/// A part on its way into memory; dropped, it is left off.
struct Part {
    start: u64,
    end: u64,
    /// Bounded by the part's size, which its reader holds the server to.
    pieces: UnboundedReceiver<Result<Bytes>>,
    /// The first piece, if it was looked at.
    first: Option<Bytes>,
    task: JoinHandle<()>,
    _slot: OwnedSemaphorePermit,
}

impl Part {
    fn fetch(mut reader: Reader, start: u64, end: u64, slot: OwnedSemaphorePermit) -> Self {
        let (sender, pieces) = unbounded_channel();
        let task = tokio::spawn(async move {
            while let Some(piece) = reader.next().await.transpose() {
                let failed = piece.is_err();
                if sender.send(piece).is_err() || failed {
                    break;
                }
            }
        });
        Part {
            start,
            end,
            pieces,
            first: None,
            task,
            _slot: slot,
        }
    }

    /// Whether a byte of it is there.
    fn has_begun(&mut self) -> Result<bool> {
        if self.first.is_none() {
            match self.pieces.try_recv() {
                Ok(piece) => self.first = Some(piece?),
                Err(TryRecvError::Empty) => return Ok(false),
                Err(TryRecvError::Disconnected) => return Err(self.lost()),
            }
        }
        Ok(true)
    }

    /// The next piece; `None` at its end.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let piece = match self.first.take() {
            Some(piece) => Some(piece),
            None => self.pieces.recv().await.transpose()?,
        };
        self.start += piece.as_ref().map_or(0, Bytes::len) as u64;
        match piece {
            None if self.start < self.end => Err(self.lost()),
            piece => Ok(piece),
        }
    }

    fn lost(&self) -> Error {
        Error::internal(format!("the part up to byte {} was left off", self.end))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.task.abort();
    }
}
