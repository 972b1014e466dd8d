//! Google Artifact Registry: a token endpoint under `/v2/`, upload Locations outside of it, a length with each body,
//! sizes that aren't right, and no delete of what has a tag.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Gate, moved, relocated, target, usual};
use crate::support::cloud::{Mint, basic, reply};
use crate::support::connect::Internet;
use crate::support::message::{Reply, Request};
use crate::support::registry::{Kind, Options, Registry, Target, error};
use crate::support::server::Handler;

pub const HOST: &str = "europe-docker.pkg.dev";

const UPLOADS: &str = "/artifacts-uploads/namespaces/";

/// How the registry is set up.
#[derive(Clone, Default)]
pub struct Settings {
    /// Who is let in: what Google's access tokens say as `principal`.
    pub principal: &'static str,
    /// Whether HEAD tells another size of a manifest than GET. Seen in its referrers (oras#1626), and in Harbor's HEAD
    /// (oras-go#1176); ORAS fails on it.
    pub wrong_sizes: bool,
}

/// The registry.
pub struct Gar {
    pub registry: Registry,
    /// Tokens of the registry's own.
    pub access: Arc<Mint>,
}

impl Gar {
    /// A registry that takes Google's access tokens.
    pub fn start(internet: &Internet, believed: &Arc<Mint>, settings: Settings) -> Self {
        let gate = Gate::new(HOST, "/v2/token");
        let access = Arc::clone(&gate.issued);
        let registry = internet.registry(HOST, Options::default(), |inside| {
            Arc::new(Face {
                inside,
                gate,
                believed: Arc::clone(believed),
                settings,
            })
        });
        Gar { registry, access }
    }
}

struct Face {
    inside: Arc<dyn Handler>,
    gate: Gate,
    believed: Arc<Mint>,
    settings: Settings,
}

impl Handler for Face {
    fn answer(&self, request: &Request) -> Reply {
        if request.bare_path() == "/v2/token" {
            return self.token(request);
        }
        if ["POST", "PUT", "PATCH"].contains(&request.method.as_str()) && request.header("content-length").is_none() {
            // rust-oci-client#176.
            return Reply::new(411).body(
                "text/html",
                "<html><title>Error 411 (Length Required)!!1</title></html>",
            );
        }
        let inner = inner_path(request).map_or_else(|| request.clone(), |path| moved(request, path));
        let Some(target) = target(&inner) else {
            return match request.path.as_str() {
                "/v2/" => self.gate.root(request, None),
                _ => Reply::new(404),
            };
        };
        let action = target.action(&inner);
        if let Err(reply) = self.gate.check(request, target.repository, action, usual(action)) {
            return reply;
        }
        if request.method == "PATCH" && request.header("content-range").is_some() {
            // dotnet/sdk-container-builds#287.
            return error(405, "UNSUPPORTED", "Chunked uploads are not supported.");
        }
        if request.method == "DELETE" && target.name.contains(':') && self.is_tagged(request, &target) {
            // genuinetools/reg#136, enix/kube-image-keeper#636.
            let text = format!("Manifest is still referenced by one or more tags: {}", target.name);
            return error(400, "GOOGLE_MANIFEST_DANGLING_TAG", &text);
        }
        let mut reply = relocated(self.inside.answer(&inner), outer_location);
        if self.settings.wrong_sizes && request.method == "HEAD" && target.kind == Kind::Manifest && reply.status == 200
        {
            reply.set("content-length", "1626");
        }
        reply
    }
}

impl Face {
    /// Whether a tag names the manifest.
    fn is_tagged(&self, request: &Request, target: &Target<'_>) -> bool {
        let ask = |method: &str, rest: &str| {
            self.inside.answer(&Request {
                method: method.to_owned(),
                path: format!("/v2/{}/{rest}", target.repository),
                headers: vec![("accept".to_owned(), "*/*".to_owned())],
                complete: request.complete,
                ..Request::default()
            })
        };
        let list: Value = serde_json::from_slice(&ask("GET", "tags/list").body).unwrap_or_default();
        let tags = list["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let digest = |tag: &str| {
            let headers = ask("HEAD", &format!("manifests/{tag}")).headers;
            headers.into_iter().find(|(name, _)| name == "docker-content-digest")
        };
        tags.filter_map(digest).any(|(_, digest)| digest == target.name)
    }

    fn token(&self, request: &Request) -> Reply {
        let claims = basic(request)
            .filter(|(user, _)| user == "oauth2accesstoken")
            .and_then(|(_, token)| self.believed.claims(&token));
        if request.method != "GET" || claims.is_none() || request.query("service") != [HOST] {
            return error(401, "UNAUTHORIZED", "authentication failed");
        }
        let may = claims.is_some_and(|claims| claims["principal"] == self.settings.principal);
        let token = self.gate.grant(&request.query("scope"), |_, _| may);
        reply(
            200,
            &json!({"token": token, "expires_in": 3600, "issued_at": "2026-01-01T00:00:00Z"}),
        )
    }
}

/// `/artifacts-uploads/namespaces/PROJECT/repositories/REST/uploads/SESSION.STATE`: where sessions are.
fn outer_location(location: &str) -> String {
    let parts = || {
        let (repository, session) = location.strip_prefix("/v2/")?.split_once("/blobs/uploads/")?;
        let (project, rest) = repository.split_once('/')?;
        Some(format!(
            "{UPLOADS}{project}/repositories/{rest}/uploads/{}",
            session.replace("?state=", ".")
        ))
    };
    parts().unwrap_or_else(|| location.to_owned())
}

/// The path of a session as the registry inside knows it.
fn inner_path(request: &Request) -> Option<String> {
    let (project, rest) = request
        .bare_path()
        .strip_prefix(UPLOADS)?
        .split_once("/repositories/")?;
    let (repository, session) = rest.split_once("/uploads/")?;
    let (session, state) = session.split_once('.')?;
    let digest: String = request
        .query("digest")
        .iter()
        .map(|digest| format!("&digest={digest}"))
        .collect();
    Some(format!(
        "/v2/{project}/{repository}/blobs/uploads/{session}?state={state}{digest}"
    ))
}
