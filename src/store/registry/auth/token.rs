//! Bearer tokens: got from the realm, kept until they expire, fetched once however many tasks want one
//! (nebi#539: parallel fetches gave flapping answers on Quay).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use super::{Auth, Scopes};
use crate::credentials::Credential;
use crate::error::{Class, Error, Result};
use crate::http::header::{CONTENT_TYPE, HeaderValue};
use crate::http::{Body, Follow, Method, Refusal, Request, Want};
use crate::report::Secret;

/// Token answers above this are refused; real ones have a few KiB.
const ANSWER_LIMIT: usize = 128 * 1024;

/// Life of a token that doesn't tell its own, and the least we believe (Docker token specification, `expires_in`).
const SHORTEST_LIFE: u64 = 60;

/// The most that we believe.
const LONGEST_LIFE: u64 = 24 * 3600;

/// A token is renewed so long before its end.
const EARLY: Duration = Duration::from_secs(5);

/// Sent where OAuth2 wants a name of the program.
const CLIENT_ID: &str = "oci-artifact";

/// Where tokens are got.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Endpoint {
    /// Checked by [`super::realm`].
    pub(super) realm: Url,
    pub(super) service: Option<String>,
}

/// What a token is for. The credential is part of it: rust-oci-client#221 gave the token of one user to another.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    endpoint: Endpoint,
    credential: Credential,
    /// Empty for ACR's refresh token, which is for all of them.
    scopes: Vec<String>,
}

struct Token {
    secret: Secret,
    expires: Instant,
}

/// Holding its lock is the right to fetch.
type Slot = Arc<tokio::sync::Mutex<Option<Token>>>;

/// The tokens of a run. Held in memory only.
#[derive(Clone, Default)]
pub struct Tokens(Arc<Mutex<HashMap<Key, Slot>>>);

impl Tokens {
    /// A token for `scopes`, other than the one that was `refused`.
    pub(super) async fn get(
        &self,
        auth: &Auth,
        root: &Url,
        endpoint: &Endpoint,
        credential: &Credential,
        scopes: &Scopes,
        refused: Option<&HeaderValue>,
    ) -> Result<HeaderValue> {
        let key = Key {
            endpoint: endpoint.clone(),
            credential: credential.clone(),
            scopes: scopes.render(),
        };
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        if let Some(token) = slot.as_ref().filter(|token| Instant::now() < token.expires) {
            let value = bearer(&token.secret)?;
            if Some(&value) != refused {
                return Ok(value);
            }
        }
        *slot = None;
        let exchange = Exchange {
            auth,
            root,
            endpoint,
            scopes: scopes.render(),
        };
        let token = match credential {
            Credential::RefreshToken(refresh) => exchange.by_refresh_token(refresh).await?,
            Credential::EntraToken(entra) => {
                let refresh = self.acr_refresh_token(&exchange, entra).await?;
                exchange.by_refresh_token(&refresh).await?
            }
            _ => exchange.by_get(credential).await?,
        };
        let value = bearer(&token.secret)?;
        *slot = Some(token);
        Ok(value)
    }

    /// ACR's refresh token for `entra`, for `login`.
    pub(super) async fn storable(
        &self,
        auth: &Auth,
        root: &Url,
        endpoint: &Endpoint,
        entra: &Secret,
    ) -> Result<Secret> {
        let exchange = Exchange {
            auth,
            root,
            endpoint,
            scopes: Vec::new(),
        };
        self.acr_refresh_token(&exchange, entra).await
    }

    /// ACR's refresh token for a Microsoft Entra access token; it serves all repositories of the registry.
    async fn acr_refresh_token(&self, exchange: &Exchange<'_>, entra: &Secret) -> Result<Secret> {
        let slot = self.slot(Key {
            endpoint: exchange.endpoint.clone(),
            credential: Credential::EntraToken(entra.clone()),
            scopes: Vec::new(),
        });
        let mut slot = slot.lock().await;
        if let Some(token) = slot.as_ref().filter(|token| Instant::now() < token.expires) {
            return Ok(token.secret.clone());
        }
        let token = exchange.entra_for_refresh_token(entra).await?;
        Ok(slot.insert(token).secret.clone())
    }

    fn slot(&self, key: Key) -> Slot {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(key).or_default())
    }
}

/// `Bearer TOKEN`. A token with anything but visible ASCII would add headers of its own.
pub(super) fn bearer(token: &Secret) -> Result<HeaderValue> {
    let refuse = || Error::new(Class::Network, "a bearer token has characters that no token may have");
    if token.expose().is_empty() || !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(refuse().hint("check the token, or the token endpoint that gave it"));
    }
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose())).map_err(|_| refuse())?;
    value.set_sensitive(true);
    Ok(value)
}

/// One way to a token.
struct Exchange<'a> {
    auth: &'a Auth,
    root: &'a Url,
    endpoint: &'a Endpoint,
    scopes: Vec<String>,
}

impl Exchange<'_> {
    /// GET with user and password, or without: public repositories want the call, too (rust-oci-client#14). No
    /// `offline_token`, which breaks servers (regclient 9f6eb51).
    async fn by_get(&self, credential: &Credential) -> Result<Token> {
        let mut url = self.endpoint.realm.clone();
        {
            let mut query = url.query_pairs_mut();
            if let Some(service) = &self.endpoint.service {
                query.append_pair("service", service);
            }
            for scope in &self.scopes {
                query.append_pair("scope", scope);
            }
            if let Credential::Basic { username, .. } = credential {
                query.append_pair("account", username);
            }
        }
        let request = self.request(Method::GET, url).authorized(self.auth.basic(credential)?);
        let answer = self.ask(request).await?;
        let life = answer.life();
        self.token(answer.token.or(answer.access_token), life)
    }

    /// OAuth2 (distribution's "oauth" specification; ACR).
    async fn by_refresh_token(&self, refresh: &Secret) -> Result<Token> {
        let scopes = self.scopes.join(" ");
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose()),
            ("scope", scopes.as_str()),
        ];
        let answer = self.ask(self.form(self.endpoint.realm.clone(), &form)).await?;
        let life = answer.life();
        self.token(answer.access_token.or(answer.token), life)
    }

    /// ACR's `/oauth2/exchange`, on the registry's own host: a token for Microsoft Entra goes nowhere else.
    async fn entra_for_refresh_token(&self, entra: &Secret) -> Result<Token> {
        let url = self
            .root
            .join("/oauth2/exchange")
            .map_err(|error| Error::internal(error.to_string()))?;
        let form = [("grant_type", "access_token"), ("access_token", entra.expose())];
        let answer = self.ask(self.form(url, &form)).await?;
        // It lives for three hours and doesn't say so; a run that lasts longer gets another.
        self.token(answer.refresh_token, 3600)
    }

    fn form(&self, url: Url, pairs: &[(&str, &str)]) -> Request {
        let service = self.endpoint.service.as_deref().map(|service| ("service", service));
        let form = Serializer::new(String::new())
            .extend_pairs(pairs)
            .extend_pairs(service)
            .append_pair("client_id", CLIENT_ID)
            .finish();
        self.request(Method::POST, url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::Bytes(form.into()))
    }

    fn request(&self, method: Method, url: Url) -> Request {
        let what = format!("token for {}", self.auth.repository);
        let mut request = Request::new(method, url, what).want(Want::Bytes(ANSWER_LIMIT));
        request.home = Some(self.root.clone());
        request.follow = Follow::SameOrigin;
        request
    }

    async fn ask(&self, request: Request) -> Result<TokenAnswer> {
        let answer = self.auth.client.send(&request, &mut self.auth.client.budget()).await?;
        if !answer.status.is_success() {
            let refusal = Refusal::of(&answer);
            return Err(match answer.status.as_u16() {
                400 | 401 | 403 => self.auth.denied(refusal),
                _ => Error::new(Class::Network, refusal.to_string()).caused_by(refusal),
            });
        }
        // The text of the JSON error isn't shown: it may quote a token.
        serde_json::from_slice(&answer.body).map_err(|_| self.useless("its answer is not the JSON of a token"))
    }

    fn token(&self, found: Option<String>, life: u64) -> Result<Token> {
        let text = found
            .filter(|text| !text.is_empty())
            .ok_or_else(|| self.useless("it answered without a token"))?;
        Ok(Token {
            secret: Secret::new(text, &self.auth.report),
            expires: Instant::now() + Duration::from_secs(life) - EARLY,
        })
    }

    fn useless(&self, why: &str) -> Error {
        let host = self.endpoint.realm.host_str().unwrap_or_default();
        Error::new(Class::Network, format!("token endpoint at {host}: {why}"))
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    refresh_token: Option<String>,
    /// A number; some write it as text.
    expires_in: Option<serde_json::Value>,
}

impl TokenAnswer {
    /// Seconds, within what we believe.
    fn life(&self) -> u64 {
        let seconds = self.expires_in.as_ref().and_then(|value| match value {
            serde_json::Value::String(text) => text.parse().ok(),
            value => value.as_u64(),
        });
        seconds.unwrap_or(SHORTEST_LIFE).clamp(SHORTEST_LIFE, LONGEST_LIFE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Report;

    #[test]
    fn a_token_cannot_add_headers() {
        for text in ["", "a\r\nX: y", "a b", "a\0", "é"] {
            assert!(bearer(&Secret::new(text, &Report::silent())).is_err(), "{text:?}");
        }
        let value = bearer(&Secret::new("a.b-c_d~e+f/g=", &Report::silent())).unwrap();
        assert!(value.is_sensitive());
    }

    #[test]
    fn lives_are_kept_in_bounds() {
        let life = |json: &str| serde_json::from_str::<TokenAnswer>(json).unwrap().life();
        assert_eq!(life("{}"), 60);
        assert_eq!(life(r#"{"expires_in":300}"#), 300);
        assert_eq!(life(r#"{"expires_in":"300"}"#), 300);
        assert_eq!(life(r#"{"expires_in":1}"#), 60);
        assert_eq!(life(r#"{"expires_in":18446744073709551615}"#), LONGEST_LIFE);
        assert_eq!(life(r#"{"expires_in":-5}"#), 60);
    }
}
