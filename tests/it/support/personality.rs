//! Registries of known kinds, each under its real name on an [`Internet`](super::connect::Internet): the registry in
//! memory with a face before it that does what this kind does otherwise, and the hosts that belong to it. The facts are
//! those of vendors' documentation and of the bugs that other clients met.

pub mod acr;
pub mod ecr;
pub mod ecr_public;
pub mod gar;
pub mod ghcr;
pub mod quay;
mod storage;

use std::sync::Arc;

use serde_json::{Value, json};

use super::cloud::{Mint, bearer};
use super::message::{Reply, Request};
use super::registry::{Target, error};

/// Bearer tokens for the scopes of one registry.
struct Gate {
    realm: String,
    service: &'static str,
    issued: Arc<Mint>,
}

impl Gate {
    fn new(service: &'static str, path: &str) -> Self {
        Gate {
            realm: format!("https://{service}{path}"),
            service,
            issued: Arc::default(),
        }
    }

    /// A token for `scopes`, as far as they are `allowed` (repository, action): granting less is no error.
    fn grant(&self, scopes: &[String], allowed: impl Fn(&str, &str) -> bool) -> String {
        let access: Vec<Value> = scopes
            .iter()
            .flat_map(|scope| scope.split(' '))
            .filter_map(|scope| {
                let (name, actions) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
                let actions: Vec<&str> = actions.split(',').filter(|action| allowed(name, action)).collect();
                Some(json!({"type": "repository", "name": name, "actions": actions}))
            })
            .collect();
        self.issued
            .jwt(json!({"iss": self.service, "aud": self.service, "access": access}))
    }

    /// Lets the request pass, or answers 401; `told` are the actions that the challenge speaks of.
    fn check(&self, request: &Request, repository: &str, action: &str, told: &str) -> Result<(), Reply> {
        let scope = format!("repository:{repository}:{told}");
        let Some(token) = bearer(request) else {
            return Err(self.challenge(Some(&scope), None));
        };
        let Some(claims) = self.issued.claims(token) else {
            return Err(self.challenge(Some(&scope), Some("invalid_token")));
        };
        let access = claims["access"].as_array().into_iter().flatten();
        let mut fitting = access.filter(|access| access["name"] == repository);
        let actions = |access: &Value| access["actions"].as_array().cloned().unwrap_or_default();
        if fitting.any(|access| actions(access).iter().any(|granted| granted == action)) {
            return Ok(());
        }
        Err(self.challenge(Some(&scope), Some("insufficient_scope")))
    }

    /// `/v2/`: open to any token of the registry's own.
    fn root(&self, request: &Request, scope: Option<&str>) -> Reply {
        match bearer(request).and_then(|token| self.issued.claims(token)) {
            Some(_) => Reply::new(200).body("application/json", "{}"),
            None => self.challenge(scope, None),
        }
    }

    fn challenge(&self, scope: Option<&str>, problem: Option<&str>) -> Reply {
        let mut text = format!("Bearer realm=\"{}\",service=\"{}\"", self.realm, self.service);
        for (name, value) in [("scope", scope), ("error", problem)] {
            text += &value.map_or_else(String::new, |value| format!(",{name}=\"{value}\""));
        }
        error(
            401,
            "UNAUTHORIZED",
            "authentication required, visit the documentation for more information",
        )
        .header("www-authenticate", text)
        .header("docker-distribution-api-version", "registry/2.0")
    }
}

/// What the request is about; `None` for `/v2/` itself and for what is no path of the distribution spec.
fn target(request: &Request) -> Option<Target<'_>> {
    Target::parse(request.bare_path().strip_prefix("/v2/")?)
}

/// The same request for another path.
fn moved(request: &Request, path: String) -> Request {
    Request {
        path,
        ..request.clone()
    }
}

/// The answer with another Location, if it has one.
fn relocated(mut reply: Reply, change: impl FnOnce(&str) -> String) -> Reply {
    let found = reply.headers.iter().find(|(name, _)| name == "location");
    if let Some(location) = found.map(|(_, value)| change(value)) {
        reply.set("location", &location);
    }
    reply
}

/// The answer without these headers.
fn without(mut reply: Reply, names: &[&str]) -> Reply {
    reply.headers.retain(|(name, _)| !names.contains(&name.as_str()));
    reply
}

/// `pull`, or `pull,push` where one must be allowed to push: what most challenges say.
fn usual(action: &str) -> &str {
    if action == "push" { "pull,push" } else { action }
}
