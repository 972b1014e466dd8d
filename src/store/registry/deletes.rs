//! Deletes: of manifests, with their tags, and of tags alone.

use super::quirks::{self, Flavor};
use super::{Registry, Request};
use crate::error::{Error, Result};
use crate::http::{Answer, Method, Refusal, StatusCode};
use crate::oci::Digest;
use crate::reference::{Pointer, Tag};

/// Whether `error` is the refusal of a manifest's deletion because a tag still names it: some registries want the tags
/// deleted first.
pub fn is_tagged(error: &Error) -> bool {
    Refusal::behind(error).is_some_and(quirks::is_tagged)
}

impl Registry {
    /// See [`crate::store::Store::delete_manifest`].
    pub async fn delete_manifest(&self, digest: &Digest) -> Result<bool> {
        let request = self.manifest(&Method::DELETE, &Pointer::Digest(digest.clone()))?;
        let answer = self.ask(request, &self.deleting()).await?;
        self.deleted(&answer, false)
    }

    /// See [`crate::store::Store::delete_tag`]. By the registry's own call where it has one.
    pub async fn delete_tag(&self, tag: &Tag) -> Result<bool> {
        let pointer = Pointer::Tag(tag.clone());
        let request = self.manifest(&Method::DELETE, &pointer)?;
        let answer = self.ask(request, &self.deleting()).await?;
        let flavor = self.0.auth.shared.flavor(&self.root()?);
        if flavor != Flavor::Acr || !is_no_delete(&answer, true) {
            return self.deleted(&answer, true);
        }
        // What `az acr repository untag` calls.
        let path = format!("/acr/v1/{}/_tags/{tag}", self.repository().name);
        let url = self.root()?.join(&path);
        let url = url.map_err(|error| Error::internal(format!("{path}: {error}")))?;
        let request = Request::new(Method::DELETE, url, self.name(&pointer));
        let answer = self.ask(request, &self.deleting()).await?;
        self.deleted(&answer, true)
    }

    /// What came of a DELETE, of a tag or of a manifest: whether it was there.
    fn deleted(&self, answer: &Answer, tag: bool) -> Result<bool> {
        let refusal = || Refusal::of(answer);
        match answer.status {
            status if status.is_success() => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ if is_no_delete(answer, tag) => Err(quirks::no_delete(refusal(), self.repository())),
            _ if quirks::is_immutable(&refusal()) => Err(quirks::immutable(refusal())),
            _ => Err(self.refused(answer)),
        }
    }
}

/// Whether the registry doesn't offer this. A tag where only a digest is taken is an invalid digest to some.
fn is_no_delete(answer: &Answer, tag: bool) -> bool {
    let refusal = Refusal::of(answer);
    if quirks::is_tagged(&refusal) || quirks::is_immutable(&refusal) {
        return false;
    }
    quirks::is_unsupported(&refusal) || tag && answer.status == StatusCode::BAD_REQUEST
}
