//! Azure Container Registry: tokens by `/oauth2/exchange` and `/oauth2/token`, a Location whose query must survive, no
//! second try in a session, blobs on a host of Azure Storage.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::storage::Storage;
use super::{Gate, moved, relocated, target, usual};
use crate::support::cloud::entra::{Entra, REGISTRY_AUDIENCE};
use crate::support::cloud::{Mint, basic, field, reply, says};
use crate::support::connect::Internet;
use crate::support::message::{Reply, Request, form};
use crate::support::registry::{Kind, Options, Registry, Target, error};
use crate::support::server::{Handler, Server};

pub const HOST: &str = "myregistry.azurecr.io";
pub const STORAGE: &str = "myregistry.blob.core.windows.net";

/// The user of those who come with a token.
pub const TOKEN_USER: &str = "00000000-0000-0000-0000-000000000000";

/// What everyone's identity may do.
const ALL: &[&str] = &["pull", "push", "delete", "metadata_read"];

/// How the registry is set up.
#[derive(Clone)]
pub struct Settings {
    /// What the identity may do.
    pub roles: &'static [&'static str],
    /// Whether the firewall keeps the client out.
    pub firewall: bool,
    /// Tags that can't be written.
    pub locked: &'static [&'static str],
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            roles: ALL,
            firewall: false,
            locked: &[],
        }
    }
}

/// The registry and its storage.
pub struct Acr {
    pub registry: Registry,
    /// Refresh tokens.
    pub refresh: Arc<Mint>,
    /// Access tokens.
    pub access: Arc<Mint>,
    _storage: Server,
}

impl Acr {
    /// A registry of the tenant of `entra`.
    pub fn start(internet: &Internet, entra: &Entra, settings: Settings) -> Self {
        let gate = Gate::new(HOST, "/oauth2/token");
        let (access, refresh) = (Arc::clone(&gate.issued), Arc::<Mint>::default());
        let (believed, mine) = (Arc::clone(&entra.issued), Arc::clone(&refresh));
        let mut storage = None;
        let registry = internet.registry(HOST, Options::default(), |inside| {
            let blobs = Storage::new(STORAGE, Arc::clone(&inside), storage_refusal());
            storage = Some(Arc::clone(&blobs));
            Arc::new(Face {
                inside,
                gate,
                believed,
                refresh: mine,
                blobs,
                settings,
                broken: Mutex::default(),
            })
        });
        Acr {
            registry,
            refresh,
            access,
            _storage: internet.serve(STORAGE, storage.unwrap()),
        }
    }
}

fn storage_refusal() -> Reply {
    let body = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>InvalidAuthenticationInfo</Code>\
                <Message>Authentication information is not given in the correct format. Check the value of \
                Authorization header.</Message></Error>";
    Reply::new(400).body("application/xml", body)
}

struct Face {
    inside: Arc<dyn Handler>,
    gate: Gate,
    /// Access tokens of Microsoft Entra.
    believed: Arc<Mint>,
    refresh: Arc<Mint>,
    blobs: Arc<Storage>,
    settings: Settings,
    /// Sessions in which a request broke off.
    broken: Mutex<BTreeSet<String>>,
}

impl Handler for Face {
    fn answer(&self, request: &Request) -> Reply {
        let reply = match request.bare_path() {
            "/oauth2/exchange" => self.exchange(request),
            "/oauth2/token" => self.token(request),
            path if path.starts_with("/acr/v1/") => self.own(request),
            _ => self.registry(request),
        };
        reply
            .header("x-ms-correlation-request-id", "5d0f4c8e-0000-4a0c-8f1e-52f3f0f1d1aa")
            .header("server", "AzureContainerRegistry")
    }
}

impl Face {
    fn firewall() -> Reply {
        let text =
            "client with IP '203.0.113.7' is not allowed access. Refer https://aka.ms/acr/firewall to grant access.";
        error(403, "DENIED", text)
    }

    /// A refresh token for an access token of Microsoft Entra.
    fn exchange(&self, request: &Request) -> Reply {
        if self.settings.firewall {
            return Self::firewall();
        }
        let unauthorized = |text: &str| error(401, "UNAUTHORIZED", text);
        if request.method != "POST"
            || field(request, "grant_type") != "access_token"
            || field(request, "service") != HOST
        {
            return unauthorized("Invalid grant type or service.");
        }
        let Some(claims) = self.believed.claims(&field(request, "access_token")) else {
            return unauthorized("Invalid access token.");
        };
        if !says(&claims, "aud", REGISTRY_AUDIENCE) {
            // azureADAuthenticationAsArm is off: a token for the resource manager is none for the registry.
            return unauthorized("AAD access token with invalid audience is provided.");
        }
        let tenant = field(request, "tenant");
        if !tenant.is_empty() && !says(&claims, "tid", &tenant) {
            return unauthorized("The tenant is not that of the access token.");
        }
        let token = self.refresh.jwt(json!({
            "iss": "Azure Container Registry", "aud": HOST, "version": "1.0", "grant_type": "refresh_token",
            "permissions": {"actions": ["read", "write", "delete"]},
        }));
        reply(200, &json!({"refresh_token": token}))
    }

    /// An access token for scopes: by POST, or by GET with the refresh token as the password of the all-zero user.
    fn token(&self, request: &Request) -> Reply {
        if self.settings.firewall {
            return Self::firewall();
        }
        let (refresh, service, scopes) = if request.method == "POST" {
            if field(request, "grant_type") != "refresh_token" {
                return error(400, "UNSUPPORTED", "The grant type is not supported.");
            }
            let scopes = form(&request.body, "scope");
            (field(request, "refresh_token"), field(request, "service"), scopes)
        } else {
            let given = basic(request).filter(|(user, _)| user == TOKEN_USER);
            let service = request.query("service").join("");
            (
                given.map_or_else(String::new, |(_, token)| token),
                service,
                request.query("scope"),
            )
        };
        if self.refresh.claims(&refresh).is_none() || service != HOST {
            return error(
                401,
                "UNAUTHORIZED",
                "authentication required, visit https://aka.ms/acr/authorization",
            );
        }
        let allowed = |_: &str, action: &str| self.settings.roles.contains(&action);
        let token = self.gate.grant(&scopes, allowed);
        reply(200, &json!({"access_token": token}))
    }

    /// The registry's own API, as far as `az acr repository untag` uses it.
    fn own(&self, request: &Request) -> Reply {
        let path = request.bare_path().strip_prefix("/acr/v1/").unwrap_or_default();
        let Some((repository, tag)) = path.split_once("/_tags/") else {
            return Reply::new(404);
        };
        if let Err(reply) = self.gate.check(request, repository, "delete", "delete") {
            return reply;
        }
        match request.method.as_str() {
            "DELETE" if self.settings.locked.contains(&tag) => error(
                405,
                "REGISTRY_DISALLOWED_OPERATION",
                "The operation is disallowed on this tag",
            ),
            "DELETE" => {
                let path = format!("/v2/{repository}/manifests/{tag}");
                self.inside.answer(&moved(request, path))
            }
            _ => error(405, "UNSUPPORTED", "The operation is unsupported."),
        }
    }

    fn registry(&self, request: &Request) -> Reply {
        let Some(target) = target(request) else {
            // An invalid path has no JSON in its answer.
            return match request.path.as_str() {
                "/v2/" => self.gate.root(request, None),
                _ => Reply::new(404),
            };
        };
        let action = match target.kind {
            Kind::Tags => "metadata_read",
            _ => target.action(request),
        };
        if let Err(reply) = self.gate.check(request, target.repository, action, usual(action)) {
            return reply;
        }
        if self.settings.firewall {
            return Self::firewall();
        }
        match (request.method.as_str(), target.kind) {
            ("PUT", Kind::Manifest) if self.settings.locked.contains(&target.name) => {
                let text = "The operation is disallowed on this registry, repository or image. View troubleshooting \
                            steps at https://aka.ms/acr/faq/#locked-tag";
                error(405, "REGISTRY_DISALLOWED_OPERATION", text)
            }
            ("DELETE", Kind::Manifest) if !target.name.contains(':') => {
                error(405, "UNSUPPORTED", "The operation is unsupported.")
            }
            ("GET", Kind::Blob) => self.blobs.redirect(307, request),
            (_, Kind::Upload) => self.upload(request, &target),
            _ => self.inside.answer(request),
        }
    }

    /// What was told to come back: `?_nouploadcache=false&_state=STATE`. And once a request broke off, nothing goes on:
    /// Azure/acr#866, azure-sdk-for-python#29738.
    fn upload(&self, request: &Request, target: &Target<'_>) -> Reply {
        let inner = match request.query("_state").as_slice() {
            [] if request.method == "POST" => request.clone(),
            [state] if request.query("_nouploadcache") == ["false"] => {
                let digest: String = request
                    .query("digest")
                    .iter()
                    .map(|digest| format!("&digest={digest}"))
                    .collect();
                let state = state.trim_start_matches("opaque+/").trim_end_matches('=');
                moved(request, format!("{}?state={state}{digest}", request.bare_path()))
            }
            _ => return error(404, "BLOB_UPLOAD_INVALID", "blob upload invalid"),
        };
        let mut broken = self.broken.lock().unwrap();
        if broken.contains(target.name) {
            return match request.method.as_str() {
                "PUT" => error(416, "BLOB_UPLOAD_INVALID", "the range is not satisfiable"),
                _ => error(404, "BLOB_UPLOAD_INVALID", "blob upload invalid"),
            };
        }
        if !request.complete && !target.name.is_empty() {
            broken.insert(target.name.to_owned());
        }
        relocated(self.inside.answer(&inner), |location| {
            match location.split_once("?state=") {
                Some((path, state)) => format!("{path}?_nouploadcache=false&_state=opaque%2B%2F{state}%3D%3D"),
                None => location.to_owned(),
            }
        })
    }
}
