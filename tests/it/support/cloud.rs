//! Who says who a job is: the CI system's issuer of ID tokens, and the clouds that take them for a login. As strict as
//! the real ones, by facts and vendors' documentation; a token is good if its issuer here has it on its list.

pub mod aws;
pub mod ci;
pub mod entra;
pub mod google;
mod sigv4;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use oci_artifact::oci::Digest;
use serde_json::{Value, json};

use super::message::{Reply, Request, form};

/// The tokens that somebody issued, with what each says. Being on the list is being signed.
#[derive(Default)]
pub struct Mint(Mutex<BTreeMap<String, Value>>);

impl Mint {
    /// A JWT with these claims; `iat`, `nbf` and `exp` are added where they are missing.
    pub fn jwt(&self, mut claims: Value) -> String {
        let now = now();
        for (name, value) in [("iat", now), ("nbf", now), ("exp", now + 3600)] {
            if claims.get(name).is_none() {
                claims[name] = value.into();
            }
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(&json!({"typ": "JWT", "alg": "RS256", "kid": "test"}));
        let token = format!("{header}.{}.{}", part(&claims), unguessable());
        self.keep(token, claims)
    }

    /// A token without content, which begins with `prefix`.
    pub fn opaque(&self, prefix: &str, claims: Value) -> String {
        self.keep(format!("{prefix}{}", unguessable()), claims)
    }

    fn keep(&self, token: String, claims: Value) -> String {
        self.0.lock().unwrap().insert(token.clone(), claims);
        token
    }

    /// What `token` says, if it was issued here.
    pub fn claims(&self, token: &str) -> Option<Value> {
        self.0.lock().unwrap().get(token).cloned()
    }

    /// Every token so far.
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }

    /// From now on no token that was issued is good.
    pub fn revoke(&self) {
        self.0.lock().unwrap().clear();
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// As long as a signature, and another one each time.
fn unguessable() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let digest = Digest::of(format!("{count} {:?}", SystemTime::now()).as_bytes()).to_string();
    URL_SAFE_NO_PAD.encode(digest.trim_start_matches("sha256:"))
}

pub fn reply(status: u16, body: &Value) -> Reply {
    Reply::new(status).body("application/json", body.to_string())
}

/// The only value of a form's field, or nothing.
pub fn field(request: &Request, name: &str) -> String {
    let is_form = request.header("content-type").unwrap_or_default();
    let mut found = form(&request.body, name);
    match (found.pop(), found.is_empty()) {
        (Some(value), true) if is_form.starts_with("application/x-www-form-urlencoded") => value,
        _ => String::new(),
    }
}

/// User and password of a Basic header.
pub fn basic(request: &Request) -> Option<(String, String)> {
    let pair = request.header("authorization")?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(STANDARD.decode(pair).ok()?).ok()?;
    let (user, password) = pair.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// The token of a Bearer header; the scheme's name in any case.
pub fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.header("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// Whether a claim of a token is this.
pub fn says(claims: &Value, name: &str, value: &str) -> bool {
    claims[name].as_str() == Some(value)
}
