//! A registry in memory (distribution-spec 1.1): as strict as a real one, with every request on record, and with
//! faults (see [`super::faults`]) where a test wants them.
//!
//! ```ignore
//! let registry = Registry::start();                      // or Registry::with(Options { .. })
//! let reference = registry.reference("team/app:v1");     // 127.0.0.1:PORT/team/app:v1
//! registry.fault(Fault::on("PUT", "/blobs/uploads/").answer(503));
//! assert_eq!(registry.lines(), ["HEAD /v2/team/app/manifests/v1"]);
//! ```

mod auth;
mod blobs;
mod manifests;
mod state;

use std::ops::Deref;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use oci_artifact::oci::Digest;
use tokio_rustls::TlsAcceptor;

use self::auth::Gate;
pub use self::auth::{Auth, Bearer};
use self::state::State;
use super::message::{Reply, Request};
use super::server::{Handler, Server};
use super::tls::tls;

/// How the registry behaves.
#[derive(Clone)]
pub struct Options {
    pub auth: Auth,
    /// HTTPS with a certificate of [`super::tls`].
    pub tls: bool,
    /// Whether it has the referrers API and answers `OCI-Subject`.
    pub referrers: bool,
    /// Whether `?tag=` of a manifest's PUT makes the tags, which `OCI-Tag` then names.
    pub tag_query: bool,
    /// Entries on a page of tags or referrers, at most.
    pub page: usize,
    /// Whether tags can be deleted; otherwise 405.
    pub tag_delete: bool,
    /// Whether a blob is mounted from another repository; otherwise a session is opened (202).
    pub mount: bool,
    /// Whether blobs are served by range; otherwise whole, with 200.
    pub ranges: bool,
    /// Whether upload Locations are absolute.
    pub absolute_location: bool,
    /// `OCI-Chunk-Min-Length`.
    pub chunk_min: Option<usize>,
    /// The largest body of one request of an upload; 413 above.
    pub body_limit: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            auth: Auth::Open,
            tls: false,
            referrers: true,
            tag_query: false,
            page: 1000,
            tag_delete: true,
            mount: true,
            ranges: true,
            absolute_location: false,
            chunk_min: None,
            body_limit: usize::MAX,
        }
    }
}

/// The registry. [`Server`]'s methods (requests, faults) are its own.
pub struct Registry {
    server: Server,
    inside: Arc<Inside>,
}

struct Inside {
    options: Options,
    gate: Gate,
    origin: String,
    state: Mutex<State>,
}

impl Deref for Registry {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Registry {
    /// Open to all, over plain HTTP.
    pub fn start() -> Self {
        Self::with(Options::default())
    }

    pub fn with(options: Options) -> Self {
        let acceptor = options.tls.then(|| tls().acceptor());
        Self::behind(options, acceptor, |inside| {
            Box::new(move |request: &Request| inside.answer(request))
        })
    }

    /// With another face before it: what a service does otherwise is the face's, which asks this registry for the rest.
    pub fn behind(
        options: Options,
        acceptor: Option<TlsAcceptor>,
        face: impl FnOnce(Arc<dyn Handler>) -> Box<dyn Handler>,
    ) -> Self {
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let mut inside = None;
        let server = Server::start(acceptor, |address| {
            let origin = format!("{scheme}://{address}");
            let made = Arc::new(Inside {
                gate: Gate::new(options.auth.clone(), &origin),
                options,
                origin,
                state: Mutex::default(),
            });
            inside = Some(Arc::clone(&made));
            face(made)
        });
        Registry {
            server,
            inside: inside.unwrap(),
        }
    }

    /// `127.0.0.1:PORT/REST`.
    pub fn reference(&self, rest: &str) -> String {
        format!("{}/{rest}", self.host())
    }

    /// `http://127.0.0.1:PORT`, or with https.
    pub fn origin(&self) -> &str {
        &self.inside.origin
    }

    /// Requests to the registry proper: those for tokens left out.
    pub fn registry_lines(&self) -> Vec<String> {
        self.lines().into_iter().filter(|line| line.contains(" /v2/")).collect()
    }

    /// How many tokens were asked for.
    pub fn token_requests(&self) -> usize {
        self.requests()
            .iter()
            .filter(|request| request.bare_path() == auth::TOKEN)
            .count()
    }

    /// From now on no token that was issued is good.
    pub fn revoke_tokens(&self) {
        self.inside.gate.revoke();
    }

    /// The bytes and media type of a manifest, by tag or digest.
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<(String, Bytes)> {
        let state = self.inside.state.lock().unwrap();
        let repository = state.repositories.get(repository)?;
        let digest = repository.tags.get(reference).map_or(reference, String::as_str);
        repository.manifests.get(digest).cloned()
    }

    pub fn blob(&self, repository: &str, digest: &str) -> Option<Bytes> {
        let state = self.inside.state.lock().unwrap();
        state.repositories.get(repository)?.blobs.get(digest).cloned()
    }

    /// The digests of all blobs of a repository, sorted.
    pub fn blobs(&self, repository: &str) -> Vec<String> {
        let state = self.inside.state.lock().unwrap();
        state
            .repositories
            .get(repository)
            .map_or_else(Vec::new, |found| found.blobs.keys().cloned().collect())
    }

    /// Tags with the digests they name.
    pub fn tags(&self, repository: &str) -> Vec<(String, String)> {
        let state = self.inside.state.lock().unwrap();
        let tags = state.repositories.get(repository).map(|found| found.tags.clone());
        tags.unwrap_or_default().into_iter().collect()
    }

    /// Puts a blob there without a request.
    pub fn seed_blob(&self, repository: &str, bytes: impl Into<Bytes>) -> Digest {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        self.lie_about_blob(repository, &digest.to_string(), bytes);
        digest
    }

    /// Puts a manifest there without a request and unchecked; `tag` may be empty.
    pub fn seed_manifest(&self, repository: &str, tag: &str, media_type: &str, bytes: impl Into<Bytes>) -> Digest {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        let mut state = self.inside.state.lock().unwrap();
        let repository = state.repositories.entry(repository.to_owned()).or_default();
        repository
            .manifests
            .insert(digest.to_string(), (media_type.to_owned(), bytes));
        if !tag.is_empty() {
            repository.tags.insert(tag.to_owned(), digest.to_string());
        }
        digest
    }

    /// Serves `bytes` as the blob `digest`, whatever their digest is.
    pub fn lie_about_blob(&self, repository: &str, digest: &str, bytes: impl Into<Bytes>) {
        let mut state = self.inside.state.lock().unwrap();
        let repository = state.repositories.entry(repository.to_owned()).or_default();
        repository.blobs.insert(digest.to_owned(), bytes.into());
    }

    /// Serves `bytes` as the manifest `digest`, whatever their digest is.
    pub fn lie_about_manifest(&self, repository: &str, digest: &str, media_type: &str, bytes: impl Into<Bytes>) {
        let mut state = self.inside.state.lock().unwrap();
        let repository = state.repositories.entry(repository.to_owned()).or_default();
        repository
            .manifests
            .insert(digest.to_owned(), (media_type.to_owned(), bytes.into()));
    }

    pub fn remove_blob(&self, repository: &str, digest: &str) {
        let mut state = self.inside.state.lock().unwrap();
        if let Some(repository) = state.repositories.get_mut(repository) {
            repository.blobs.remove(digest);
        }
    }
}

impl Handler for Inside {
    fn answer(&self, request: &Request) -> Reply {
        let path = request.bare_path();
        if path == auth::TOKEN {
            return self.gate.token(request);
        }
        let Some(rest) = path.strip_prefix("/v2/") else {
            return Reply::new(404);
        };
        let Some(target) = Target::parse(rest) else {
            return self.gate.check(request, None).err().unwrap_or_else(|| {
                if rest.is_empty() {
                    Reply::new(200)
                } else {
                    Reply::new(404)
                }
            });
        };
        if let Err(reply) = self
            .gate
            .check(request, Some((target.repository, target.action(request))))
        {
            return reply;
        }
        let mut state = self.state.lock().unwrap();
        let mut reply = match target.kind {
            Kind::Blob => self.blob(&mut state, &target, request),
            Kind::Upload => self.upload(&mut state, &target, request),
            Kind::Manifest => self.manifest(&mut state, &target, request),
            Kind::Tags => self.tags(&state, &target, request),
            Kind::Referrers => self.referrers(&state, &target, request),
        };
        if request.method == "HEAD" {
            reply.set("content-length", &reply.body.len().to_string());
            reply.body = Bytes::new();
        }
        reply
    }
}

/// What a path under `/v2/` names.
pub struct Target<'a> {
    pub repository: &'a str,
    pub kind: Kind,
    /// Digest, tag or upload session.
    pub name: &'a str,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Blob,
    Upload,
    Manifest,
    Tags,
    Referrers,
}

impl<'a> Target<'a> {
    /// Of the path behind `/v2/`.
    pub fn parse(rest: &'a str) -> Option<Self> {
        [
            ("/blobs/uploads/", Kind::Upload),
            ("/blobs/", Kind::Blob),
            ("/manifests/", Kind::Manifest),
            ("/tags/list", Kind::Tags),
            ("/referrers/", Kind::Referrers),
        ]
        .into_iter()
        .find_map(|(part, kind)| {
            let (repository, name) = rest.split_once(part)?;
            Some(Target { repository, kind, name })
        })
    }

    /// What one must be allowed to do for this request.
    pub fn action(&self, request: &Request) -> &'static str {
        match request.method.as_str() {
            "GET" | "HEAD" if self.kind != Kind::Upload => "pull",
            "DELETE" => "delete",
            _ => "push",
        }
    }
}

/// An error in the form of the distribution spec.
pub fn error(status: u16, code: &str, message: &str) -> Reply {
    let body = serde_json::json!({"errors": [{"code": code, "message": message}]});
    Reply::new(status).body("application/json", body.to_string())
}
