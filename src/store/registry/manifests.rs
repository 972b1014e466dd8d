//! Manifests: resolve, get, put.

use bytes::Bytes;

use super::{Registry, quirks};
use crate::error::{Error, Result};
use crate::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use crate::http::{Answer, Body, Method, Refusal, Request, Want};
use crate::oci::{Algorithm, Descriptor, Digest, MANIFEST_LIMIT, MANIFESTS, RawManifest};
use crate::reference::{Pointer, Tag};

const DIGEST: &str = "docker-content-digest";

/// Tags in one request: what the specification asks registries to take.
const TAGS: usize = 10;

impl Registry {
    /// See [`crate::store::Store::resolve`]. The size is what the registry says: Harbor's HEAD is known to be wrong
    /// (oras-go#1176), so nothing is refused for it.
    pub async fn resolve(&self, pointer: &Pointer) -> Result<Option<Descriptor>> {
        let answer = self
            .ask(self.manifest(&Method::HEAD, pointer)?, &self.reading())
            .await?;
        match answer.status.as_u16() {
            200 => {
                if let Some(found) = described(&answer, pointer)? {
                    return Ok(Some(found));
                }
            }
            404 => return Ok(None),
            // Where HEAD is refused GET may not be (google/go-containerregistry#1662).
            400..500 => {}
            _ => return Err(self.refused(&answer)),
        }
        Ok(self.get_manifest(pointer).await?.map(|manifest| manifest.descriptor()))
    }

    /// See [`crate::store::Store::get_manifest`].
    pub async fn get_manifest(&self, pointer: &Pointer) -> Result<Option<RawManifest>> {
        let request = self.manifest(&Method::GET, pointer)?.want(Want::Bytes(MANIFEST_LIMIT));
        let answer = self.ask(request, &self.reading()).await?;
        match answer.status.as_u16() {
            200 => received(&answer, pointer)
                .map_err(|error| error.context(self.name(pointer)))
                .map(Some),
            404 => Ok(None),
            _ => Err(self.refused(&answer)),
        }
    }

    /// See [`crate::store::Store::put_manifest`]. Whether a failure means that a blob is missing after all:
    /// [`super::is_blob_unknown`].
    pub async fn put_manifest(&self, manifest: &RawManifest, pointer: &Pointer) -> Result<bool> {
        let answer = self.ask(self.put(manifest, pointer)?, &self.writing()).await?;
        if !answer.status.is_success() {
            return match self.is_kept(&answer, manifest, pointer).await {
                true => Ok(false),
                false => Err(self.refused(&answer)),
            };
        }
        self.stored(&answer, manifest, pointer)?;
        Ok(answer.headers.contains_key("oci-subject"))
    }

    /// See [`crate::store::Store::put_manifest_tagged`]: `?tag=` (distribution-spec after 1.1.1). Registries that don't
    /// know it store the manifest and make no tag, so only what `OCI-Tag` names counts.
    pub async fn put_manifest_tagged(&self, manifest: &RawManifest, tags: &[Tag]) -> Result<Vec<Tag>> {
        let pointer = Pointer::Digest(manifest.digest().clone());
        let mut made = Vec::new();
        for some in tags.chunks(TAGS) {
            let mut request = self.put(manifest, &pointer)?;
            let query = some.iter().map(|tag| ("tag", tag.as_str()));
            request.url.query_pairs_mut().extend_pairs(query);
            let answer = self.ask(request, &self.writing()).await?;
            match answer.status.as_u16() {
                200..300 => self.stored(&answer, manifest, &pointer)?,
                401 | 403 => return Err(self.refused(&answer)),
                // It may be the query that is refused: the plain request tells.
                _ => return self.put_manifest(manifest, &pointer).await.map(|_| made),
            }
            let told = tagged(&answer);
            let confirmed = made.len();
            made.extend(some.iter().filter(|tag| told.contains(&tag.as_str())).cloned());
            if made.len() == confirmed {
                return Ok(made);
            }
        }
        Ok(made)
    }

    /// The request that stores `manifest`.
    pub(super) fn put(&self, manifest: &RawManifest, pointer: &Pointer) -> Result<Request> {
        let request = self.manifest(&Method::PUT, pointer)?;
        Ok(request
            .header(CONTENT_TYPE, manifest.media_type())
            .body(Body::Bytes(manifest.bytes().clone())))
    }

    /// Whether what was stored is what was sent.
    pub(super) fn stored(&self, answer: &Answer, manifest: &RawManifest, pointer: &Pointer) -> Result<()> {
        match digest(answer) {
            Some(stored) if stored.algorithm() == Algorithm::Sha256 && stored != *manifest.digest() => {
                Err(Error::integrity(format!(
                    "{}: the registry stored it as {stored}, but it was sent as {}",
                    self.name(pointer),
                    manifest.digest()
                ))
                .hint("the registry, or a proxy before it, changes what it stores"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a manifest was refused because what `pointer` names may not be changed, and it names this one already:
    /// ECR says no even then (aws/containers-roadmap#2380), and another job may have been faster.
    async fn is_kept(&self, answer: &Answer, manifest: &RawManifest, pointer: &Pointer) -> bool {
        if !answer.own || !quirks::is_immutable(&Refusal::of(answer)) {
            return false;
        }
        let found = self.resolve(pointer).await.ok().flatten();
        found.is_some_and(|found| found.digest == *manifest.digest())
    }

    pub(super) fn manifest(&self, method: &Method, pointer: &Pointer) -> Result<Request> {
        let url = self.url(&format!("manifests/{pointer}"))?;
        let request = Request::new(method.clone(), url, self.name(pointer));
        let reads = [Method::HEAD, Method::GET].contains(method);
        // Registries convert, or answer 404, when the form they hold isn't listed (Azure/azure-cli#24976 for the
        // artifact manifest).
        Ok(if reads {
            request.header(ACCEPT, &MANIFESTS.join(", "))
        } else {
            request
        })
    }

    pub(super) fn name(&self, pointer: &Pointer) -> String {
        let separator = if matches!(pointer, Pointer::Tag(_)) { ':' } else { '@' };
        format!("{}{separator}{pointer}", self.repository())
    }
}

/// What the headers of a HEAD say, if they say all.
fn described(answer: &Answer, pointer: &Pointer) -> Result<Option<Descriptor>> {
    let Some((digest, media_type)) = digest(answer).zip(media_type(answer)) else {
        return Ok(None);
    };
    let size = answer.header(CONTENT_LENGTH).and_then(|text| text.parse().ok());
    match pointer {
        Pointer::Digest(asked) if asked.algorithm() == digest.algorithm() && *asked != digest => Err(Error::integrity(
            format!("asked for the manifest {asked}, the registry answered with {digest}"),
        )),
        // Another algorithm's digest of the same bytes is no answer to what was asked.
        Pointer::Digest(asked) => Ok(size.map(|size| Descriptor::new(media_type, asked.clone(), size))),
        Pointer::Tag(_) => Ok(size.map(|size| Descriptor::new(media_type, digest, size))),
    }
}

/// The manifest in the body of a GET: the digest that was asked for decides, else the one that the header gives.
pub(super) fn received(answer: &Answer, pointer: &Pointer) -> Result<RawManifest> {
    let bytes = answer.body.clone();
    let media_type = media_type(answer).map_or_else(|| inner_media_type(&bytes), str::to_owned);
    match (pointer, digest(answer)) {
        (Pointer::Digest(asked), _) => RawManifest::verified(media_type, bytes, asked),
        (Pointer::Tag(_), Some(told)) => RawManifest::verified(media_type, bytes, &told),
        (Pointer::Tag(_), None) => Ok(RawManifest::new(media_type, bytes)),
    }
}

/// The digest header; it may be absent or empty (rust-oci-client 68d1205), and one that is none is as good as that.
pub(super) fn digest(answer: &Answer) -> Option<Digest> {
    answer.header(DIGEST)?.parse().ok()
}

/// The tags that the registry says it made: a header each, or a list (regclient 93b2bd3).
fn tagged(answer: &Answer) -> Vec<&str> {
    let values = answer.headers.get_all("oci-tag").iter();
    let lists = values.filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(str::trim).collect()
}

/// The content type without parameters.
pub(super) fn media_type(answer: &Answer) -> Option<&str> {
    let text = answer.header(CONTENT_TYPE)?;
    Some(text.split(';').next().unwrap_or(text).trim()).filter(|text| !text.is_empty())
}

/// The media type that the manifest itself gives; empty if it gives none.
pub(super) fn inner_media_type(bytes: &Bytes) -> String {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Typed {
        media_type: Option<String>,
    }
    serde_json::from_slice(bytes)
        .ok()
        .and_then(|typed: Typed| typed.media_type)
        .unwrap_or_default()
}
