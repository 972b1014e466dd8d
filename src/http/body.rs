//! Bodies on their way, watched by timers of our own: reqwest's `read_timeout` runs while a body is sent, too, and
//! kills uploads.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, sleep_until, timeout};

use super::Fault;
use super::fault::Kind;
use super::gate::Permit;
use crate::error::{Class, Error, Result};

/// Bytes that a server is given one second more for to answer, after it got them (it hashes and stores them).
const BYTES_A_SECOND: u64 = 20_000_000;

/// Bytes that count as progress of an answer's body. So many are to come in each idle timeout, and before a connection
/// that breaks is none of the tries: a server that drips them one by one would hold a job for ever (2 MB at 1 byte a
/// minute take four years).
pub(crate) const PROGRESS: usize = 1024;

/// Pieces of a body.
pub type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// The body of a request, which can be opened again for each try.
#[derive(Clone)]
pub enum Body {
    /// None; sent with `Content-Length: 0` where the method usually has one (rust-oci-client#176).
    Empty,
    /// Bytes in memory.
    Bytes(Bytes),
    /// So many bytes, from a stream that is opened anew each time.
    Stream(u64, Arc<dyn Fn() -> Pieces + Send + Sync>),
}

impl fmt::Debug for Body {
    /// Bodies of token requests hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.length())
    }
}

impl Body {
    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        match self {
            Body::Empty => 0,
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::Stream(length, _) => *length,
        }
    }

    /// The body for one try, and the watch over it.
    pub(super) fn open(&self) -> (reqwest::Body, Watch) {
        let watch = Watch::new(self.length());
        let body = match self {
            Body::Empty => Bytes::new().into(),
            Body::Bytes(bytes) => bytes.clone().into(),
            Body::Stream(_, open) => {
                watch.lock().left = self.length();
                reqwest::Body::wrap_stream(watched(open(), watch.clone()))
            }
        };
        (body, watch)
    }
}

/// Tells `watch` of each piece that the connection takes.
fn watched(pieces: Pieces, watch: Watch) -> impl Stream<Item = Result<Bytes>> + Send {
    futures_util::stream::unfold((pieces, watch), |(mut pieces, watch)| async move {
        if watch.lock().stopped {
            // Ends the connection: HTTP/1.1 has no other way to leave a body off.
            return Some((Err(Error::new(Class::Network, "answered early")), (pieces, watch)));
        }
        match pieces.next().await {
            Some(Ok(piece)) => {
                watch.moved(piece.len() as u64);
                Some((Ok(piece), (pieces, watch)))
            }
            Some(Err(error)) => {
                // Kept here, since what comes back through reqwest is an error of the connection.
                let shown = Error::new(error.class(), error.message());
                watch.lock().failure = Some(error);
                Some((Err(shown), (pieces, watch)))
            }
            None => None,
        }
    })
}

/// When a body last made progress, and what its source failed with.
#[derive(Clone)]
pub(super) struct Watch(Arc<Mutex<Progress>>);

struct Progress {
    last: Instant,
    length: u64,
    /// Bytes that the connection has yet to take. Counted, since it doesn't ask for more than the length it was told.
    left: u64,
    /// Nobody wants the rest.
    stopped: bool,
    failure: Option<Error>,
}

impl Watch {
    fn new(length: u64) -> Self {
        Watch(Arc::new(Mutex::new(Progress {
            last: Instant::now(),
            length,
            left: 0,
            stopped: false,
            failure: None,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moved(&self, bytes: u64) {
        let mut progress = self.lock();
        progress.last = Instant::now();
        progress.left = progress.left.saturating_sub(bytes);
    }

    /// The answer is there: what is left of the body is not sent.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
    }

    /// What the source of the body failed with: no fault of the network, and no reason to try again.
    pub(super) fn failure(&self) -> Option<Error> {
        self.lock().failure.take()
    }

    /// Ends when the body made no progress for `idle`, or no answer came in time after its last byte.
    pub(super) async fn stalled(&self, idle: Duration, answer: Duration) -> Fault {
        loop {
            let (deadline, fault) = {
                let progress = self.lock();
                if progress.left > 0 {
                    (progress.last + idle, Fault::new(Kind::Idle, no_progress(idle)))
                } else {
                    let patience = answer + Duration::from_secs(progress.length / BYTES_A_SECOND);
                    let text = format!("no answer for {:.0?}", patience);
                    (progress.last + patience, Fault::new(Kind::NoAnswer, text))
                }
            };
            if Instant::now() >= deadline {
                return fault;
            }
            sleep_until(deadline).await;
        }
    }
}

fn no_progress(idle: Duration) -> String {
    format!("no progress for {idle:.0?}")
}

/// The body of an answer as it arrives.
#[derive(Debug)]
pub struct Download {
    response: reqwest::Response,
    idle: Duration,
    /// Waited for since the last progress. Only that: how long who reads takes is not the server's fault.
    waited: Duration,
    /// Bytes since then.
    gained: usize,
    /// Given back at the end, as a stream may be kept longer.
    permit: Option<Permit>,
}

impl Download {
    pub(super) fn new(response: reqwest::Response, idle: Duration, permit: Permit) -> Self {
        Download {
            response,
            idle,
            waited: Duration::ZERO,
            gained: 0,
            permit: Some(permit),
        }
    }

    /// The next bytes; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let begun = Instant::now();
        let left = self.idle.saturating_sub(self.waited);
        let outcome = match timeout(left, self.response.chunk()).await {
            Ok(Ok(piece)) => {
                self.waited += begun.elapsed();
                self.gained += piece.as_ref().map_or(0, Bytes::len);
                if self.gained >= PROGRESS {
                    (self.waited, self.gained) = (Duration::ZERO, 0);
                }
                Ok(piece)
            }
            Ok(Err(error)) => Err(Fault::from(error)),
            Err(_) => Err(Fault::new(Kind::Idle, no_progress(self.idle))),
        };
        if !matches!(outcome, Ok(Some(_))) {
            self.permit = None;
        }
        outcome
    }

    /// All bytes up to `limit`, and whether there were no more.
    pub(super) async fn collect(mut self, limit: usize) -> Result<(Bytes, bool), Fault> {
        let mut all = Vec::new();
        while let Some(piece) = self.next().await? {
            let room = limit - all.len();
            all.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.len() > room {
                return Ok((all.into(), false));
            }
        }
        Ok((all.into(), true))
    }
}
