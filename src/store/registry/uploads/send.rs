//! Bytes that go into a session: one request, or all of them at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt;

use super::Upload;
use super::session::{Session, with_digest};
use crate::error::{Error, Result};
use crate::http::header::CONTENT_TYPE;
use crate::http::{Answer, Body, Budget, Failure, Method, Refusal, Replay, Request};
use crate::oci::Algorithm;
use crate::report::Transfer;
use crate::store::registry::manifests::digest;
use crate::store::{Mark, Part};

/// Why bytes are not where they should be.
pub(super) enum Broken {
    /// A session that can't be taken up where it broke; the wait is over already.
    Lost,
    /// A request that failed.
    Failed(Failed),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Broken::Failed(Failed {
            failure: error.into(),
            acked: None,
            length: 0,
            moved: 0,
        })
    }
}

/// A request with bytes that failed.
pub(super) struct Failed {
    pub(super) failure: Failure,
    /// Of a chunk: bytes of the blob that were in the session before it.
    pub(super) acked: Option<u64>,
    /// Bytes it should have brought.
    pub(super) length: u64,
    /// Bytes that the connection took from us.
    pub(super) moved: u64,
}

impl Failed {
    /// What the registry said, if it said something.
    pub(super) fn refusal(&self) -> Option<&Refusal> {
        Refusal::behind(&self.failure.error)
    }

    /// Its status; 0 if there was no answer.
    pub(super) fn status(&self) -> u16 {
        self.refusal().map_or(0, |refusal| refusal.status.as_u16())
    }
}

impl Upload<'_> {
    /// All bytes in one PUT, without a Content-Range (GHCR answers 416 to one, cirruslabs/tart#179).
    pub(super) async fn whole(
        &self,
        session: &Session,
        transfer: &Arc<Transfer>,
        budget: &mut Budget,
    ) -> Result<(), Broken> {
        let part = Part::new(self.source, self.blob, &Mark::start(self.blob), 0, self.blob.size);
        let url = with_digest(session.url.clone(), &self.blob.digest);
        let request = Request::new(Method::PUT, url, self.title);
        let answer = self.send(request, &part, None, transfer, budget).await?;
        Ok(self.stored(&answer)?)
    }

    /// Sends a part, hashed on its way. `acked` says what a chunk follows.
    pub(super) async fn send(
        &self,
        request: Request,
        part: &Part,
        acked: Option<u64>,
        transfer: &Arc<Transfer>,
        budget: &mut Budget,
    ) -> Result<Answer, Broken> {
        let moved = Arc::new(AtomicU64::new(0));
        let body = body(part, transfer, &moved);
        let mut request = request.header(CONTENT_TYPE, "application/octet-stream").body(body);
        request.replay = Replay::Session;
        let failed = |failure| {
            Broken::Failed(Failed {
                failure,
                acked,
                length: part.length(),
                moved: moved.load(Ordering::Relaxed),
            })
        };
        let writing = self.registry.writing();
        let answer = self.registry.call(request, &writing, budget).await.map_err(failed)?;
        match answer.status.is_success() {
            true => Ok(answer),
            false => Err(failed(self.registry.refused(&answer).into())),
        }
    }

    /// Checks what the registry says that it stored.
    pub(super) fn stored(&self, answer: &Answer) -> Result<()> {
        match digest(answer) {
            Some(stored) if stored.algorithm() == Algorithm::Sha256 && stored != self.blob.digest => {
                let blob = &self.blob.digest;
                Err(Error::integrity(format!(
                    "{}: the registry stored {blob} as {stored}",
                    self.title
                )))
            }
            _ => Ok(()),
        }
    }
}

/// `part` as a body; `moved` keeps the most bytes that one opening of it gave away.
fn body(part: &Part, transfer: &Arc<Transfer>, moved: &Arc<AtomicU64>) -> Body {
    let (part, transfer, moved) = (part.clone(), Arc::clone(transfer), Arc::clone(moved));
    let length = part.length();
    let open = move || {
        let (transfer, moved, mut taken) = (Arc::clone(&transfer), Arc::clone(&moved), 0);
        part.open()
            .inspect(move |piece| {
                if let Ok(piece) = piece {
                    taken += piece.len() as u64;
                    moved.fetch_max(taken, Ordering::Relaxed);
                    transfer.advance(piece.len() as u64);
                }
            })
            .boxed()
    };
    Body::Stream(length, Arc::new(open))
}
