//! Amazon ECR, private: Basic alone, repositories that must be there, tags that don't change, and answers without the
//! headers that one would expect.

use std::sync::{Arc, Mutex};

use super::storage::Storage;
use super::{target, without};
use crate::support::cloud::{Mint, basic};
use crate::support::connect::Internet;
use crate::support::message::{Reply, Request};
use crate::support::registry::{Kind, Options, Registry, Target, error};
use crate::support::server::{Handler, Server};

pub const HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
pub const STORAGE: &str = "prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com";

/// How the registry is set up.
#[derive(Clone, Default)]
pub struct Settings {
    /// The repositories that somebody made.
    pub repositories: &'static [&'static str],
    /// Whether tags are immutable.
    pub immutable: bool,
    /// Whether HEAD is refused where GET is not (google/go-containerregistry#1662).
    pub head_refused: bool,
    /// Whether DELETE isn't there, as it wasn't before aws/containers-roadmap#1229.
    pub no_delete: bool,
}

/// The registry and its storage.
pub struct Ecr {
    pub registry: Registry,
    _storage: Server,
}

impl Ecr {
    /// A registry that takes `passwords`.
    pub fn start(internet: &Internet, passwords: &Arc<Mint>, settings: Settings) -> Self {
        let mut storage = None;
        let options = Options {
            // A blob is mounted only when a manifest of the other repository lists it; else 202.
            mount: false,
            ..Options::default()
        };
        let registry = internet.registry(HOST, options, |inside| {
            let refusal =
                "<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed</Message></Error>";
            let refusal = Reply::new(400).body("application/xml", refusal);
            let blobs = Storage::new(STORAGE, Arc::clone(&inside), refusal);
            storage = Some(Arc::clone(&blobs));
            Arc::new(Face {
                inside,
                passwords: Arc::clone(passwords),
                blobs,
                settings,
                patched: Mutex::default(),
            })
        });
        Ecr {
            registry,
            _storage: internet.serve(STORAGE, storage.unwrap()),
        }
    }
}

struct Face {
    inside: Arc<dyn Handler>,
    passwords: Arc<Mint>,
    blobs: Arc<Storage>,
    settings: Settings,
    /// Sessions with bytes in them.
    patched: Mutex<Vec<String>>,
}

fn unauthorized() -> Reply {
    Reply::new(401)
        .body("text/plain; charset=utf-8", "Not Authorized\n")
        .header(
            "www-authenticate",
            format!("Basic realm=\"https://{HOST}/\",service=\"ecr.amazonaws.com\""),
        )
        .header("docker-distribution-api-version", "registry/2.0")
}

impl Handler for Face {
    fn answer(&self, request: &Request) -> Reply {
        let Some((user, password)) = basic(request) else {
            return unauthorized();
        };
        let Some(claims) = self.passwords.claims(&password).filter(|_| user == "AWS") else {
            return error(403, "DENIED", "Your Authorization Token is invalid.");
        };
        if claims["expired"] == true {
            let text = "Your authorization token has expired. Reauthenticate and try again.";
            return error(403, "DENIED", text);
        }
        let Some(target) = target(request) else {
            return Reply::new(if request.path == "/v2/" { 200 } else { 404 });
        };
        if !self.settings.repositories.contains(&target.repository) {
            let text = format!(
                "The repository with name '{}' does not exist in the registry with id '123456789012'",
                target.repository
            );
            return error(404, "NAME_UNKNOWN", &text);
        }
        self.registry(request, &target)
    }
}

impl Face {
    fn registry(&self, request: &Request, target: &Target<'_>) -> Reply {
        match (request.method.as_str(), target.kind) {
            ("HEAD", Kind::Manifest) if self.settings.head_refused => without(unauthorized(), &["content-type"]),
            ("PUT", Kind::Manifest) => self.put_manifest(request, target),
            ("GET", Kind::Blob) => self.blobs.redirect(307, request),
            ("GET", Kind::Tags) => self.tags(request),
            ("PATCH", Kind::Upload) => {
                self.patched.lock().unwrap().push(target.name.to_owned());
                let mut reply = self.inside.answer(request);
                if reply.status == 202 {
                    reply.status = 201;
                }
                reply
            }
            // cirruslabs/tart#159: the last bytes must be in the PUT.
            ("PUT", Kind::Upload)
                if request.body.is_empty() && self.patched.lock().unwrap().iter().any(|name| name == target.name) =>
            {
                Reply::new(500)
            }
            ("DELETE", _) if self.settings.no_delete => error(405, "UNSUPPORTED", "The operation is unsupported."),
            _ => self.inside.answer(request),
        }
    }

    fn put_manifest(&self, request: &Request, target: &Target<'_>) -> Reply {
        let there = || {
            let head = Request {
                method: "HEAD".to_owned(),
                headers: vec![("accept".to_owned(), "*/*".to_owned())],
                ..request.clone()
            };
            self.inside.answer(&head).status == 200
        };
        // Even if it is the same manifest.
        if self.settings.immutable && !target.name.contains(':') && there() {
            let text = format!(
                "The image tag '{}' already exists in the '{}' repository and cannot be overwritten because the \
                 repository is immutable.",
                target.name, target.repository
            );
            return error(400, "TAG_INVALID", &text);
        }
        // rust-oci-client#40.
        without(self.inside.answer(request), &["location", "docker-content-digest"])
    }

    /// google/go-containerregistry#1091.
    fn tags(&self, request: &Request) -> Reply {
        let asked = request.query("n").first().and_then(|n| n.parse::<u64>().ok());
        if asked.is_some_and(|n| n > 1000) {
            let text = "Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value less \
                        than or equal to 1000'";
            return error(405, "UNSUPPORTED", text);
        }
        self.inside.answer(request)
    }
}
