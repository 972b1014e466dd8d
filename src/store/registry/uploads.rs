//! Blobs on their way up: is it there, can it be mounted, else one session and one PUT.
//!
//! An upload that breaks is begun anew in a session of its own, with the source opened again: no registry is known to
//! take up a broken PUT, and some are confused by a second one (Azure/acr#866; distribution#2593).

use std::sync::Arc;

use futures_util::StreamExt;
use url::Url;

use super::{Registry, quirks};
use crate::error::{Class, Error, Result};
use crate::http::header::{CONTENT_TYPE, LOCATION};
use crate::http::{Answer, Body, Budget, Failure, Method, Refusal, Replay, redacted, same_origin};
use crate::oci::{Algorithm, Descriptor, Digest};
use crate::reference::Repository;
use crate::report::{Direction, Transfer};
use crate::store::{BlobSource, PutBlob};

/// Up to this many bytes a blob is asked for by mounting it from its own repository, which answers with a session if
/// it isn't there: one request instead of two.
const SMALL: u64 = 1024 * 1024;

/// A longer Location is refused; ACR's have about a thousand characters.
const LONGEST_LOCATION: usize = 16 * 1024;

/// What uploads of this run found out about registries; clones share it.
#[derive(Clone, Default)]
pub struct Limits;

/// What the registry answered to the wish to upload.
enum Begun {
    There(PutBlob),
    Session(Url),
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
        match Box::pin(upload.run(mount)).await {
            Ok(outcome) => Ok(outcome),
            Err(error) => Err(quirks::hinted(error, self.repository())),
        }
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
        let mut budget = self.registry.client().budget();
        let mut session = match self.begin(mount, &mut budget).await? {
            Begun::There(outcome) => return Ok(outcome),
            Begun::Session(url) => url,
        };
        let report = self.registry.report();
        let transfer = Arc::new(report.transfer(Direction::Up, self.title, self.blob.size));
        loop {
            let Err(failure) = self.send(session, &transfer, &mut budget).await else {
                return Ok(PutBlob::Uploaded);
            };
            failure.pause(&mut budget, report, self.title).await?;
            transfer.restart(0);
            // The bytes may have arrived, and only the answer was lost.
            if self.registry.has_blob(self.blob).await.unwrap_or(false) {
                return Ok(PutBlob::Uploaded);
            }
            session = self.session(&mut budget).await?;
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
        self.session(budget).await.map(Begun::Session)
    }

    /// Asks for the blob from the repository `from`. A refusal only means that it has to be sent
    /// (google/go-containerregistry#1393, #1609).
    async fn mount(&self, from: &Repository, done: PutBlob, budget: &mut Budget) -> Result<Option<Begun>> {
        let mut url = self.registry.url("blobs/uploads/")?;
        url.query_pairs_mut()
            .append_pair("mount", &self.blob.digest.to_string())
            .append_pair("from", &from.name);
        let scopes = self.registry.writing().and_pull(from);
        let request = self.registry.request(Method::POST, url, self.title);
        let answer = match self.registry.call(request, &scopes, budget).await {
            Err(failure) if failure.error.class() == Class::Denied => return Ok(None),
            answer => answer?,
        };
        match answer.status.as_u16() {
            201 => Ok(Some(Begun::There(done))),
            202 => self.location(&answer).map(Begun::Session).map(Some),
            400 | 401 | 403 | 404 | 405 => Ok(None),
            _ => Err(self.registry.refused(&answer)),
        }
    }

    /// Opens a session.
    async fn session(&self, budget: &mut Budget) -> Result<Url> {
        let request = self
            .registry
            .request(Method::POST, self.registry.url("blobs/uploads/")?, self.title);
        let answer = self.registry.call(request, &self.registry.writing(), budget).await?;
        match answer.status.as_u16() {
            202 | 201 => self.location(&answer),
            _ => Err(self.registry.refused(&answer)),
        }
    }

    /// Sends all bytes into a session, hashed on their way.
    async fn send(&self, session: Url, transfer: &Arc<Transfer>, budget: &mut Budget) -> Result<(), Failure> {
        let (source, blob, transfer) = (self.source.clone(), self.blob.clone(), Arc::clone(transfer));
        let open = move || {
            let transfer = Arc::clone(&transfer);
            source
                .open_checked(&blob)
                .inspect(move |piece| {
                    if let Ok(piece) = piece {
                        transfer.advance(piece.len() as u64);
                    }
                })
                .boxed()
        };
        let mut request = self
            .registry
            .request(Method::PUT, with_digest(session, &self.blob.digest), self.title)
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(Body::Stream(self.blob.size, Arc::new(open)));
        request.replay = Replay::Session;
        let answer = self.registry.call(request, &self.registry.writing(), budget).await?;
        if !answer.status.is_success() {
            return Err(self.registry.refused(&answer).into());
        }
        let stored = answer
            .header("docker-content-digest")
            .and_then(|text| text.parse::<Digest>().ok());
        match stored {
            Some(stored) if stored.algorithm() == Algorithm::Sha256 && stored != self.blob.digest => {
                let blob = &self.blob.digest;
                Err(Error::integrity(format!("{}: the registry stored {blob} as {stored}", self.title)).into())
            }
            _ => Ok(()),
        }
    }

    /// The session's URL, on the registry's own server: what is sent there has the credential with it
    /// (GHSA-jxpm-75mh-9fp7 of oras-go).
    fn location(&self, answer: &Answer) -> Result<Url> {
        let what = format!("{} {}", answer.method, redacted(&answer.url));
        let text = answer
            .header(LOCATION)
            .filter(|text| text.len() <= LONGEST_LOCATION)
            .ok_or_else(|| Error::new(Class::Network, format!("{what}: the answer names no upload session")))?;
        let url = answer.url.join(text).map_err(|_| {
            Error::new(
                Class::Network,
                format!("{what}: the upload session's Location is not a URL"),
            )
        })?;
        if same_origin(&url, &self.registry.root()?) && url.username().is_empty() && url.password().is_none() {
            return Ok(url);
        }
        let (scheme, host) = (url.scheme(), url.host_str().unwrap_or_default());
        Err(Error::new(
            Class::Denied,
            format!("{what}: the upload would go to {scheme}://{host}, which is not the registry"),
        )
        .hint("behind a proxy the registry must know its own address: have the proxy send Host and X-Forwarded-Proto"))
    }
}

/// `session` with `digest=`, the rest of its query as it was (krustlet#617); a digest of its own gives way.
fn with_digest(mut session: Url, digest: &Digest) -> Url {
    session.set_fragment(None);
    let kept: Vec<&str> = session
        .query()
        .into_iter()
        .flat_map(|query| query.split('&'))
        .filter(|pair| !pair.is_empty() && !pair.starts_with("digest="))
        .collect();
    let query = kept
        .into_iter()
        .map(str::to_owned)
        .chain([format!("digest={digest}")])
        .collect::<Vec<_>>()
        .join("&");
    session.set_query(Some(&query));
    session
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn krustlet_617_digest_joins_the_query_that_is_there() {
        let digest = Digest::of(b"");
        let joined = |url: &str| with_digest(Url::parse(url).unwrap(), &digest).to_string();
        assert_eq!(joined("https://r/u/1"), format!("https://r/u/1?digest={digest}"));
        assert_eq!(
            joined("https://r/u/1?_state=a%2Bb%3D&x"),
            format!("https://r/u/1?_state=a%2Bb%3D&x&digest={digest}")
        );
        assert_eq!(
            joined("https://r/u/1?digest=sha256:0&y=1#f"),
            format!("https://r/u/1?y=1&digest={digest}")
        );
    }
}
