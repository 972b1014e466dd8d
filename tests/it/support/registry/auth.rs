//! Who may do what: Basic, or tokens from an endpoint of the registry's own (`/token`).

use std::collections::HashMap;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Reply, Request, error};
use crate::support::message::form;

/// Where tokens are had.
pub(super) const TOKEN: &str = "/token";

/// How the registry asks for credentials.
#[derive(Clone)]
pub enum Auth {
    /// Not at all.
    Open,
    /// User and password with each request.
    Basic(&'static str, &'static str),
    /// Tokens.
    Bearer(Bearer),
}

#[derive(Clone)]
pub struct Bearer {
    pub username: &'static str,
    pub password: &'static str,
    /// User, password and namespace of somebody else: the namespace is for them alone, and they are for nothing else.
    pub other: Option<(&'static str, &'static str, &'static str)>,
    /// Taken by POST instead of user and password.
    pub refresh_token: Option<&'static str>,
    /// Whether anyone gets a token to pull.
    pub anonymous_pull: bool,
    /// So many requests a token is good for, then it has expired.
    pub token_uses: Option<usize>,
    /// `expires_in` of the token answers, in seconds.
    pub expires_in: Option<u64>,
    /// Another realm than the registry's own `/token`.
    pub realm: Option<String>,
}

impl Default for Bearer {
    fn default() -> Self {
        Bearer {
            username: "user",
            password: "secret",
            other: None,
            refresh_token: None,
            anonymous_pull: false,
            token_uses: None,
            expires_in: Some(300),
            realm: None,
        }
    }
}

/// What a token is good for.
struct Grant {
    /// `repository:NAME` and action.
    scopes: Vec<(String, String)>,
    uses: usize,
}

pub(super) struct Gate {
    auth: Auth,
    realm: String,
    grants: Mutex<(usize, HashMap<String, Grant>)>,
}

impl Gate {
    pub(super) fn new(auth: Auth, origin: &str) -> Self {
        let realm = match &auth {
            Auth::Bearer(bearer) => bearer.realm.clone(),
            _ => None,
        };
        Gate {
            auth,
            realm: realm.unwrap_or_else(|| format!("{origin}{TOKEN}")),
            grants: Mutex::default(),
        }
    }

    pub(super) fn revoke(&self) {
        self.grants.lock().unwrap().1.clear();
    }

    /// Lets the request pass, or answers 401 with the challenge.
    pub(super) fn check(&self, request: &Request, wanted: Option<(&str, &str)>) -> Result<(), Reply> {
        let header = request.header("authorization").unwrap_or_default();
        let refuse = |challenge: String| {
            Err(error(401, "UNAUTHORIZED", "authentication required").header("www-authenticate", challenge))
        };
        match &self.auth {
            Auth::Open => Ok(()),
            Auth::Basic(username, password) if basic(header).is_some_and(|given| given.is(username, password)) => {
                Ok(())
            }
            Auth::Basic(..) => refuse("Basic realm=\"test\"".to_owned()),
            Auth::Bearer(_) => {
                let mut challenge = format!("Bearer realm=\"{}\",service=\"test\"", self.realm);
                if let Some((repository, action)) = wanted {
                    // As distribution does: whoever may push may pull.
                    let actions = if action == "push" { "pull,push" } else { action };
                    challenge += &format!(",scope=\"repository:{repository}:{actions}\"");
                }
                match header.strip_prefix("Bearer ").map(|token| self.admits(token, wanted)) {
                    Some(true) => Ok(()),
                    Some(false) => refuse(challenge + ",error=\"insufficient_scope\""),
                    None => refuse(challenge),
                }
            }
        }
    }

    fn admits(&self, token: &str, wanted: Option<(&str, &str)>) -> bool {
        let mut grants = self.grants.lock().unwrap();
        let Some(grant) = grants.1.get_mut(token).filter(|grant| grant.uses > 0) else {
            return false;
        };
        let covered = wanted.is_none_or(|(repository, action)| {
            grant
                .scopes
                .iter()
                .any(|(name, granted)| name == repository && granted == action)
        });
        if covered {
            grant.uses = grant.uses.saturating_sub(1);
        }
        covered
    }

    /// Whether the request's token may pull from another repository too: a mount asks.
    pub(super) fn may_pull(&self, request: &Request, repository: &str) -> bool {
        let token = request
            .header("authorization")
            .and_then(|header| header.strip_prefix("Bearer "));
        match (&self.auth, token) {
            (Auth::Bearer(_), Some(token)) => self.grants.lock().unwrap().1.get(token).is_some_and(|grant| {
                grant
                    .scopes
                    .iter()
                    .any(|(name, action)| name == repository && action == "pull")
            }),
            (Auth::Bearer(_), None) => false,
            _ => true,
        }
    }

    /// The token endpoint: GET with Basic, or POST with a form.
    pub(super) fn token(&self, request: &Request) -> Reply {
        let Auth::Bearer(bearer) = &self.auth else {
            return Reply::new(404);
        };
        let refuse = || error(401, "UNAUTHORIZED", "wrong user or password");
        let given = request.header("authorization").map(basic);
        let is = |user: &str, password: &str| given.iter().flatten().any(|given| given.is(user, password));
        let is_other = bearer.other.is_some_and(|(user, password, _)| is(user, password));
        let (known, mut scopes): (bool, Vec<String>) = if request.method == "POST" {
            let field = |name: &str| form(&request.body, name).into_iter().next().unwrap_or_default();
            let good = match field("grant_type").as_str() {
                "refresh_token" => bearer
                    .refresh_token
                    .is_some_and(|token| token == field("refresh_token")),
                "password" => field("username") == bearer.username && field("password") == bearer.password,
                _ => false,
            };
            if !good {
                return refuse();
            }
            (true, field("scope").split(' ').map(str::to_owned).collect())
        } else {
            if given.is_some() && !is(bearer.username, bearer.password) && !is_other {
                return refuse();
            }
            (given.is_some(), request.query("scope"))
        };
        if !known && !bearer.anonymous_pull {
            return refuse();
        }
        if let Some((.., namespace)) = bearer.other {
            let theirs = format!("repository:{namespace}/");
            scopes.retain(|scope| scope.starts_with(&theirs) == is_other);
        }
        let token = self.grant(&scopes, known, bearer.token_uses);
        // The distribution spec's two answers: strict clients look for these names alone.
        let name = if request.method == "POST" {
            "access_token"
        } else {
            "token"
        };
        let mut body = serde_json::json!({name: token});
        if let Some(seconds) = bearer.expires_in {
            body["expires_in"] = seconds.into();
        }
        Reply::new(200).body("application/json", body.to_string())
    }

    /// A new token; who isn't known may only pull.
    fn grant(&self, scopes: &[String], known: bool, uses: Option<usize>) -> String {
        let scopes = scopes.iter().filter_map(|scope| {
            let (name, actions) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
            Some(
                actions
                    .split(',')
                    .map(move |action| (name.to_owned(), action.to_owned())),
            )
        });
        let grant = Grant {
            scopes: scopes
                .flatten()
                .filter(|(_, action)| known || action == "pull")
                .collect(),
            uses: uses.unwrap_or(usize::MAX),
        };
        let mut grants = self.grants.lock().unwrap();
        grants.0 += 1;
        let token = format!("token-{}-of-the-fake-registry", grants.0);
        grants.1.insert(token.clone(), grant);
        token
    }
}

/// User and password of a Basic header.
struct Given(String);

impl Given {
    fn is(&self, username: &str, password: &str) -> bool {
        self.0 == format!("{username}:{password}")
    }
}

fn basic(header: &str) -> Option<Given> {
    let bytes = STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
    String::from_utf8(bytes).ok().map(Given)
}
