//! Chunks: PATCH after PATCH in order, the last bytes in the closing PUT (ECR answers 500 to an empty one,
//! cirruslabs/tart#159).
//!
//! The ranges in the answers to chunks are not looked at: some registries count from the chunk's own start, some give
//! lengths (regclient#627, #961). A chunk that failed is asked after once, and its session taken up only if the answer
//! lies between what was taken before and what was sent. One that breaks twice where it was taken up is given up: an
//! earlier chunk may still be on its way into it, and what the registry says to the next may not reach us.

use std::sync::Arc;

use super::Upload;
use super::course::Course;
use super::send::Broken;
use super::session::{Session, with_digest};
use crate::error::{Class, Error, Result};
use crate::http::header::{CONTENT_RANGE, LOCATION};
use crate::http::retry::Verdict;
use crate::http::{Budget, Method, Request};
use crate::report::Transfer;
use crate::store::{Mark, Part};

/// As many times a session may break where it was taken up.
const STUCK: u32 = 2;

impl Upload<'_> {
    /// All bytes, in chunks of `chunk` bytes.
    pub(super) async fn chunks(
        &self,
        session: &mut Session,
        chunk: u64,
        course: &mut Course,
        transfer: &Arc<Transfer>,
        budget: &mut Budget,
    ) -> Result<(), Broken> {
        let mut mark = Mark::start(self.blob);
        let mut skip = 0;
        // Where the session was taken up last.
        let mut resumed: Option<u64> = None;
        let mut stuck = 0;
        loop {
            let first = mark.offset() + skip;
            let length = (self.blob.size - first).min(chunk);
            let part = Part::new(self.source, self.blob, &mark, skip, length);
            let Err(broken) = self.chunk(session, &part, first, transfer, budget).await else {
                match part.end() {
                    Some(end) => mark = end,
                    None if first + length == self.blob.size => return Ok(()),
                    // The registry answered before it had the chunk, and said that it has it.
                    None => return Err(early(self.title).into()),
                }
                skip = 0;
                if course.reaches(mark.offset()) {
                    budget.progress();
                }
                continue;
            };
            let Broken::Failed(mut failed) = broken else {
                return Err(broken);
            };
            if resumed.is_some()
                && failed
                    .refusal()
                    .is_some_and(|refusal| refusal.has_code("DIGEST_INVALID"))
            {
                // Where we went on was wrong after all.
                failed.failure.verdict = Verdict::NewSession;
                return Err(Broken::Failed(failed));
            }
            if failed.failure.verdict != Verdict::NewSession || is_final(failed.status(), first, skip) {
                return Err(Broken::Failed(failed));
            }
            let sent = first + failed.moved;
            failed.failure.pause(budget, self.registry.report(), self.title).await?;
            let reached = self.reached(session, budget).await.unwrap_or_default();
            let Some(reached) =
                reached.filter(|&reached| reached < self.blob.size && (first..=sent).contains(&reached))
            else {
                return Err(Broken::Lost);
            };
            stuck = if resumed == Some(reached) { stuck + 1 } else { 0 };
            if stuck == STUCK {
                return Err(Broken::Lost);
            }
            tracing::debug!("{}: the upload goes on at byte {reached}", self.title);
            (skip, resumed) = (reached - mark.offset(), Some(reached));
            transfer.restart(reached);
        }
    }

    /// One chunk, which begins at the byte `first`. The newest Location is always the one that counts.
    async fn chunk(
        &self,
        session: &mut Session,
        part: &Part,
        first: u64,
        transfer: &Arc<Transfer>,
        budget: &mut Budget,
    ) -> Result<(), Broken> {
        let end = first + part.length();
        let (method, url) = match end == self.blob.size {
            true => (Method::PUT, with_digest(session.url.clone(), &self.blob.digest)),
            false => (Method::PATCH, session.url.clone()),
        };
        let last = method == Method::PUT;
        // Without `bytes` and a total, unlike HTTP's own (distribution-spec 1.1, "Pushing a blob in chunks").
        let range = format!("{first}-{}", end.saturating_sub(1));
        let request = Request::new(method, url, self.title).header(CONTENT_RANGE, &range);
        // 202 by the specification; ECR answers 201.
        let answer = self.send(request, part, Some(first), transfer, budget).await?;
        if last {
            return Ok(self.stored(&answer)?);
        }
        if answer.header(LOCATION).is_some() {
            session.url = self.location(&answer)?;
        }
        Ok(())
    }
}

/// Whether there is nothing to ask the session: it is gone, it takes no chunks at all, or what it said of itself turned
/// out to be wrong.
fn is_final(status: u16, first: u64, skip: u64) -> bool {
    status == 404 || status == 416 && (first == 0 || skip > 0)
}

fn early(title: &str) -> Error {
    Error::new(
        Class::Network,
        format!("{title}: the registry took a chunk before it was sent"),
    )
    .hint("the registry, or a proxy before it, answers as none should: check its set-up")
}
