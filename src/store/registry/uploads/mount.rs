//! A blob that another repository of the registry has.

use super::{Begun, Upload};
use crate::error::{Class, Result};
use crate::http::{Budget, Method, Refusal, Request};
use crate::reference::Repository;
use crate::store::PutBlob;

impl Upload<'_> {
    /// Asks for the blob from the repository `from`; `None` if the registry doesn't take the question, which only means
    /// that the blob has to be sent (google/go-containerregistry#1393, #1609). A registry that doesn't mount answers
    /// with a session (ECR: unless a manifest names the blob), which then is the upload's.
    pub(super) async fn mount(&self, from: &Repository, done: PutBlob, budget: &mut Budget) -> Result<Option<Begun>> {
        let mut url = self.registry.url("blobs/uploads/")?;
        url.query_pairs_mut()
            .append_pair("mount", &self.blob.digest.to_string())
            .append_pair("from", &from.name);
        let scopes = self.registry.writing().and_pull(from);
        let request = Request::new(Method::POST, url, self.title);
        let answer = match self.registry.call(request, &scopes, budget).await {
            Ok(answer) => answer,
            // Also where it says 500 as long as one asks.
            Err(failure) if failure.error.class() == Class::Denied || Refusal::behind(&failure.error).is_some() => {
                return Ok(None);
            }
            Err(failure) => return Err(failure.error),
        };
        match answer.status.as_u16() {
            201 => Ok(Some(Begun::There(done))),
            202 => self.opened(&answer).map(Begun::Session).map(Some),
            _ => Ok(None),
        }
    }
}
