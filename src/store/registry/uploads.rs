//! Blobs on their way up: is it there, can it be mounted, else a session and its bytes.
//!
//! As a rule they go in one PUT ([`send`]). Where the registry announces chunks, where a body is too large for it or
//! for a proxy before it, or where long uploads are cut, they go in chunks ([`chunked`]); [`course`] decides. An upload
//! that breaks is begun anew in a session of its own, with the source opened again: no registry is known to take up a
//! broken PUT, and some are confused by a second one (Azure/acr#866; distribution#2593). Only chunks are taken up where
//! they broke, if what the session says of itself can be true.

mod chunked;
mod course;
mod mount;
mod send;
pub(crate) mod session;

use std::sync::Arc;

use super::Registry;
use crate::error::{Error, Result};
use crate::http::{Budget, Method, Refusal};
use crate::oci::Descriptor;
use crate::reference::Repository;
use crate::report::Direction;
use crate::store::{BlobSource, PutBlob};

use course::{Course, Next};
use send::Broken;
use session::Session;

pub use course::Limits;
pub use session::Abandoned;

/// Up to this many bytes a blob is asked for by mounting it from its own repository, which answers with a session if
/// it isn't there: one request instead of two.
const SMALL: u64 = 1024 * 1024;

/// What the registry answered to the wish to upload.
enum Begun {
    There(PutBlob),
    Session(Session),
}

/// Whether `error` is a manifest's refusal because the registry lacks a blob that was pushed before it: pushing the
/// blobs again mends it (oras-go#1212; Azure/acr#588, where two regions answered in turn).
pub fn is_blob_unknown(error: &Error) -> bool {
    Refusal::behind(error).is_some_and(|refusal| {
        ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"]
            .iter()
            .any(|code| refusal.has_code(code))
    })
}

impl Registry {
    /// See [`crate::store::Store::put_blob`]. Draws the progress bar; what became of the blob is the caller's to tell.
    pub async fn put_blob(
        &self,
        blob: &Descriptor,
        source: &BlobSource,
        mount: Option<&Repository>,
        title: &str,
    ) -> Result<PutBlob> {
        let upload = Upload {
            registry: self,
            blob,
            source,
            title,
        };
        Box::pin(upload.run(mount)).await.map_err(|error| self.hinted(error))
    }
}

/// One blob on its way.
struct Upload<'a> {
    registry: &'a Registry,
    blob: &'a Descriptor,
    source: &'a BlobSource,
    title: &'a str,
}

impl Upload<'_> {
    async fn run(&self, mount: Option<&Repository>) -> Result<PutBlob> {
        let registry = self.registry;
        let mut budget = registry.client().budget();
        let mut session = match self.begin(mount, &mut budget).await? {
            Begun::There(outcome) => return Ok(outcome),
            Begun::Session(session) => session,
        };
        let transfer = Arc::new(registry.report().transfer(Direction::Up, self.title, self.blob.size));
        let mut course = Course::new(&registry.0.auth.shared.uploads, registry.root()?, self.blob.size);
        loop {
            let sent = match course.chunk(&session) {
                None => self.whole(&session, &transfer, &mut budget).await,
                Some(chunk) => {
                    self.chunks(&mut session, chunk, &mut course, &transfer, &mut budget)
                        .await
                }
            };
            let Err(broken) = sent else {
                course.arrived();
                session.is_over();
                return Ok(PutBlob::Uploaded);
            };
            let ask = match self.settle(broken, &mut course, &session, &mut budget).await {
                Ok(ask) => ask,
                Err(error) => {
                    self.cancel(&session).await;
                    return Err(error);
                }
            };
            transfer.restart(0);
            // The bytes may have arrived, and only the answer was lost.
            if ask && self.is_there(&mut budget).await.unwrap_or(false) {
                return Ok(PutBlob::Uploaded);
            }
            let (next, ()) = tokio::join!(self.open(&mut budget), self.cancel(&session));
            session = next?;
        }
    }

    /// What to do about an upload that broke: waits if that is it. Whether the blob may have arrived.
    async fn settle(
        &self,
        broken: Broken,
        course: &mut Course,
        session: &Session,
        budget: &mut Budget,
    ) -> Result<bool> {
        let failed = match broken {
            Broken::Lost => return Ok(true),
            Broken::Failed(failed) => failed,
        };
        match course.after(failed, session)? {
            Next::Otherwise => Ok(false),
            Next::Again(failure) => {
                failure.pause(budget, self.registry.report(), self.title).await?;
                Ok(true)
            }
        }
    }

    /// Finds the blob, or opens a session for it.
    async fn begin(&self, mount: Option<&Repository>, budget: &mut Budget) -> Result<Begun> {
        let own = self.registry.repository();
        // Repositories of another registry are none to mount from (google/go-containerregistry#1741).
        let mount = mount.filter(|from| from.host == own.host && from.name != own.name);
        if self.blob.size > SMALL && self.registry.has_blob(self.blob).await? {
            return Ok(Begun::There(PutBlob::Present));
        }
        if let Some(begun) = match mount {
            Some(from) => self.mount(from, PutBlob::Mounted, budget).await?,
            None if self.blob.size <= SMALL => self.mount(own, PutBlob::Present, budget).await?,
            None => None,
        } {
            return Ok(begun);
        }
        self.open(budget).await.map(Begun::Session)
    }

    /// Whether the blob is there; an answer costs tries of the upload's own.
    async fn is_there(&self, budget: &mut Budget) -> Result<bool> {
        let registry = self.registry;
        let request = registry.blob(Method::HEAD, self.blob)?;
        let answer = registry.call(request, &registry.writing(), budget).await?;
        Ok(answer.status.is_success())
    }
}
