//! The GitHub container registry: a challenge that always says `pull`, a job's token that may write only with
//! `packages: write`, uploads without Content-Range, no referrers, no deletes.

use std::sync::Arc;

use serde_json::{Value, json};

use super::storage::Storage;
use super::{Gate, target};
use crate::support::cloud::{Mint, basic, reply};
use crate::support::connect::Internet;
use crate::support::message::{Reply, Request};
use crate::support::registry::{Kind, Options, Registry, Target, error};
use crate::support::server::{Handler, Server};

pub const HOST: &str = "ghcr.io";
pub const STORAGE: &str = "pkg-containers.githubusercontent.com";
pub const WEB: &str = "github.com";

/// What the job's token may do.
#[derive(Clone, Copy, PartialEq)]
pub enum Packages {
    Write,
    Read,
}

/// The registry, its storage, and the web site that it sends some requests to.
pub struct Ghcr {
    pub registry: Registry,
    /// Access tokens.
    pub access: Arc<Mint>,
    /// The `GITHUB_TOKEN` of the job.
    pub github_token: String,
    _others: [Server; 2],
}

impl Ghcr {
    /// A registry for one job.
    pub fn start(internet: &Internet, packages: Packages) -> Self {
        let gate = Gate::new(HOST, "/token");
        let (access, jobs) = (Arc::clone(&gate.issued), Mint::default());
        let github_token = jobs.opaque("ghs_", Value::Null);
        let mut storage = None;
        let registry = internet.registry(HOST, Options::default(), |inside| {
            let blobs = Storage::new(STORAGE, Arc::clone(&inside), Reply::new(400));
            storage = Some(Arc::clone(&blobs));
            Arc::new(Face {
                inside,
                gate,
                jobs,
                packages,
                blobs,
            })
        });
        let web = |_: &Request| Reply::new(404).body("text/html", "<html><title>Page not found</title></html>");
        Ghcr {
            registry,
            access,
            github_token,
            _others: [
                internet.serve(STORAGE, storage.unwrap()),
                internet.serve(WEB, Arc::new(web)),
            ],
        }
    }
}

struct Face {
    inside: Arc<dyn Handler>,
    gate: Gate,
    jobs: Mint,
    packages: Packages,
    blobs: Arc<Storage>,
}

impl Handler for Face {
    fn answer(&self, request: &Request) -> Reply {
        if request.bare_path() == "/token" {
            return self.token(request);
        }
        let Some(target) = target(request) else {
            return match request.path.as_str() {
                "/v2/" => self.gate.root(request, Some("repository:user/image:pull")),
                _ => Reply::new(404),
            };
        };
        let action = target.action(request);
        // The challenge asks for `pull` whatever is to be done.
        if let Err(reply) = self.gate.check(request, target.repository, action, "pull") {
            return reply;
        }
        if action == "push" && self.packages == Packages::Read {
            return error(403, "DENIED", "permission_denied: write_package");
        }
        self.registry(request, &target)
    }
}

impl Face {
    /// Any user name does beside a job's token. Who may only read gets a token for anything, and is refused later.
    fn token(&self, request: &Request) -> Reply {
        let denied = || error(403, "DENIED", "denied");
        if request.method != "GET" || request.query("service") != [HOST] {
            return denied();
        }
        match basic(request) {
            Some((user, token)) if !user.is_empty() && self.jobs.claims(&token).is_some() => {}
            _ => return denied(),
        }
        let token = self.gate.grant(&request.query("scope"), |_, _| true);
        reply(200, &json!({"token": token}))
    }

    fn registry(&self, request: &Request, target: &Target<'_>) -> Reply {
        match (request.method.as_str(), target.kind) {
            ("GET", Kind::Blob) => self.blobs.redirect(307, request),
            // cirruslabs/tart#179.
            ("PUT", Kind::Upload) if request.header("content-range").is_some() => {
                error(416, "BLOB_UPLOAD_INVALID", "invalid content range")
            }
            // ocx#237.
            ("PATCH", Kind::Upload) if request.header("content-range").is_some() && request.body.len() > 4 << 20 => {
                error(416, "BLOB_UPLOAD_INVALID", "chunk too large")
            }
            // artifacthub/hub#4785: the digest is cut, and nothing is there.
            ("GET", Kind::Referrers) => {
                let cut: String = target.name.chars().take(15).collect();
                let path = format!("/-/v2/packages/container/{}/referrers/{cut}", target.repository);
                Reply::new(303).header("location", format!("https://{WEB}{path}"))
            }
            ("DELETE", _) => error(405, "UNSUPPORTED", "The operation is unsupported."),
            _ => self.inside.answer(request),
        }
    }
}
