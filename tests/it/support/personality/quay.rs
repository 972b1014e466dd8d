//! Quay: robots with federated login, a token endpoint under `/v2/`, no mount without `from`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::storage::Storage;
use super::{Gate, target, usual};
use crate::support::cloud::{Mint, basic, reply, says};
use crate::support::connect::Internet;
use crate::support::message::{Reply, Request};
use crate::support::registry::{Kind, Options, Registry, error};
use crate::support::server::{Handler, Server};

pub const HOST: &str = "quay.io";
pub const STORAGE: &str = "cdn01.quay.io";
pub const ROBOT: &str = "me+publisher";

/// The registry and its storage.
pub struct Quay {
    pub registry: Registry,
    /// Passwords of the robot.
    pub robot: Arc<Mint>,
    /// Access tokens.
    pub access: Arc<Mint>,
    _storage: Server,
}

impl Quay {
    /// A registry with one robot, for which whoever comes with an ID token of this issuer and subject gets a password.
    pub fn start(internet: &Internet, believed: &Arc<Mint>, trusted: (&'static str, &'static str)) -> Self {
        let gate = Gate::new(HOST, "/v2/auth");
        let (access, robot) = (Arc::clone(&gate.issued), Arc::<Mint>::default());
        let mut storage = None;
        let registry = internet.registry(HOST, Options::default(), |inside| {
            let blobs = Storage::new(STORAGE, Arc::clone(&inside), Reply::new(400));
            storage = Some(Arc::clone(&blobs));
            Arc::new(Face {
                inside,
                gate,
                believed: Arc::clone(believed),
                trusted,
                robot: Arc::clone(&robot),
                blobs,
            })
        });
        Quay {
            registry,
            robot,
            access,
            _storage: internet.serve(STORAGE, storage.unwrap()),
        }
    }
}

struct Face {
    inside: Arc<dyn Handler>,
    gate: Gate,
    believed: Arc<Mint>,
    trusted: (&'static str, &'static str),
    robot: Arc<Mint>,
    blobs: Arc<Storage>,
}

impl Handler for Face {
    fn answer(&self, request: &Request) -> Reply {
        match request.bare_path() {
            "/oauth2/federation/robot/token" => self.federation(request),
            "/v2/auth" => self.token(request),
            _ => self.registry(request),
        }
    }
}

impl Face {
    fn federation(&self, request: &Request) -> Reply {
        let refuse = |text: &str| reply(401, &json!({"error": text}));
        let given = basic(request).filter(|_| request.method == "GET");
        let Some((_, id_token)) = given.filter(|(user, _)| user == ROBOT) else {
            return refuse("Could not find robot with specified username");
        };
        let claims = self.believed.claims(&id_token).unwrap_or_default();
        if !says(&claims, "iss", self.trusted.0) || !says(&claims, "sub", self.trusted.1) {
            return refuse("Token does not match robot federation config");
        }
        let token = self.robot.jwt(json!({"iss": "quay", "aud": HOST, "sub": ROBOT}));
        reply(200, &json!({"token": token}))
    }

    fn token(&self, request: &Request) -> Reply {
        let known = match basic(request) {
            None => false,
            Some((user, password)) if user == ROBOT && self.robot.claims(&password).is_some() => true,
            Some(_) => {
                let text = "Could not find robot with specified username and password";
                return reply(
                    401,
                    &json!({"errors": [{"code": "UNAUTHORIZED", "detail": Value::Null, "message": text}]}),
                );
            }
        };
        if request.query("service") != [HOST] {
            return Reply::new(400);
        }
        let token = self.gate.grant(&request.query("scope"), |name, action| {
            known && name.starts_with("me/") && ["pull", "push"].contains(&action)
        });
        reply(200, &json!({"token": token}))
    }

    fn registry(&self, request: &Request) -> Reply {
        let Some(target) = target(request) else {
            return match request.path.as_str() {
                "/v2/" => self.gate.root(request, None),
                _ => Reply::new(404),
            };
        };
        // Who may write may delete.
        let action = match target.action(request) {
            "delete" => "push",
            action => action,
        };
        if let Err(reply) = self.gate.check(request, target.repository, action, usual(action)) {
            return reply;
        }
        match (request.method.as_str(), target.kind) {
            ("POST", Kind::Upload) if !request.query("mount").is_empty() && request.query("from").is_empty() => {
                error(400, "NAME_INVALID", "Invalid repository name")
            }
            ("GET", Kind::Blob) => self.blobs.redirect(302, request),
            _ => self.inside.answer(request),
        }
    }
}
