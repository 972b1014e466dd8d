//! Amazon ECR Public: bearer tokens for one scope, `aws`, whatever is to be done; and no challenge for who comes with
//! another credential.

use std::sync::Arc;

use serde_json::json;

use super::target;
use crate::support::cloud::{Mint, basic, bearer, reply};
use crate::support::connect::Internet;
use crate::support::message::{Reply, Request};
use crate::support::registry::{Options, Registry, error};
use crate::support::server::Handler;

pub const HOST: &str = "public.ecr.aws";

/// The registry.
pub struct EcrPublic {
    pub registry: Registry,
    /// Its access tokens. Those that are taken off the list have expired.
    pub access: Arc<Mint>,
}

impl EcrPublic {
    /// A registry that takes `passwords`, with the repositories of the alias `me`.
    pub fn start(internet: &Internet, passwords: &Arc<Mint>) -> Self {
        let access = Arc::<Mint>::default();
        let registry = internet.registry(HOST, Options::default(), |inside| {
            Arc::new(Face {
                inside,
                passwords: Arc::clone(passwords),
                access: Arc::clone(&access),
            })
        });
        EcrPublic { registry, access }
    }
}

struct Face {
    inside: Arc<dyn Handler>,
    passwords: Arc<Mint>,
    access: Arc<Mint>,
}

impl Handler for Face {
    fn answer(&self, request: &Request) -> Reply {
        match request.bare_path() {
            "/token/" => self.token(request),
            _ => self.registry(request),
        }
    }
}

impl Face {
    fn token(&self, request: &Request) -> Reply {
        let good = |(user, password): (String, String)| user == "AWS" && self.passwords.claims(&password).is_some();
        // Anyone may read.
        let known = basic(request).map(good);
        if known == Some(false) {
            return error(400, "DENIED", "Your Authorization Token is invalid.");
        }
        if request.query("service") != [HOST] {
            return error(400, "UNSUPPORTED", "Invalid parameter");
        }
        // What isn't asked for isn't granted, and shows when the token is used.
        let aws = request.query("scope").iter().any(|scope| scope == "aws");
        let claims = json!({"aws": aws, "writes": known.is_some()});
        reply(200, &json!({"token": self.access.opaque("", claims)}))
    }

    fn registry(&self, request: &Request) -> Reply {
        if request.header("authorization").is_none() {
            return challenge();
        }
        // aws/containers-roadmap#2835.
        let denied = |text: &str| error(400, "DENIED", text);
        let claims = match bearer(request).map(|token| self.access.claims(token)) {
            None => return denied("Your Authorization Token is invalid."),
            Some(None) => return denied("Your authorization token has expired. Reauthenticate and try again."),
            Some(Some(claims)) => claims,
        };
        if claims["aws"] != true {
            return challenge();
        }
        let Some(target) = target(request) else {
            return Reply::new(if request.path == "/v2/" { 200 } else { 404 });
        };
        if target.action(request) != "pull" && (claims["writes"] != true || !target.repository.starts_with("me/")) {
            return error(
                403,
                "DENIED",
                "User is not authorized to perform: ecr-public:InitiateLayerUpload",
            );
        }
        self.inside.answer(request)
    }
}

fn challenge() -> Reply {
    let text = format!("Bearer realm=\"https://{HOST}/token/\",service=\"{HOST}\",scope=\"aws\"");
    Reply::new(401)
        .body("text/plain", "Not Authorized\n")
        .header("www-authenticate", text)
}
