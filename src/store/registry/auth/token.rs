//! Bearer tokens: got from the realm, kept until they expire, fetched once however many tasks want one
//! (nebi#539: parallel fetches gave flapping answers on Quay). A fetch that fails leaves nothing behind
//! (google/go-containerregistry#2406).

mod exchange;
mod life;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use url::Url;

use super::{Auth, Scopes};
use crate::credentials::Credential;
use crate::error::{Class, Error, Result};
use crate::http::header::HeaderValue;
use crate::report::Secret;

use exchange::Exchange;
use life::Life;

/// A smaller body is sent again without ado; before a larger one the token's life is looked at.
const SMALL: u64 = 1024 * 1024;

/// A token that is refused after this time has ended; before, it never was good enough.
const GROWN: Duration = Duration::from_secs(1);

/// Where tokens are got.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Endpoint {
    /// Checked by [`super::realm`].
    pub(super) realm: Url,
    pub(super) service: Option<String>,
}

/// What a token is for. The credential is part of it: rust-oci-client#221 gave the token of one user to another. So is
/// the registry: two may name the same endpoint.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    root: Url,
    endpoint: Endpoint,
    credential: Credential,
    /// Empty for ACR's refresh token, which is for all of them.
    scopes: Vec<String>,
}

struct Token {
    secret: Secret,
    life: Life,
}

/// Holding its lock is the right to fetch.
type Slot = Arc<tokio::sync::Mutex<Option<Token>>>;

/// The tokens of a run. Held in memory only.
#[derive(Clone, Default)]
pub struct Tokens {
    slots: Arc<Mutex<HashMap<Key, Slot>>>,
    /// Endpoints whose tokens were seen to end before we thought.
    mortal: Arc<Mutex<HashSet<Endpoint>>>,
}

/// What a token is wanted for.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) scopes: &'a Scopes,
    /// Bytes of the body that it is to bring in.
    pub(super) body: u64,
    /// What was refused a moment ago.
    pub(super) refused: Option<&'a HeaderValue>,
}

impl Tokens {
    /// A token as it is `wanted`, other than the one that was refused.
    pub(super) async fn get(
        &self,
        auth: &Auth,
        root: &Url,
        endpoint: &Endpoint,
        credential: &Credential,
        wanted: Wanted<'_>,
    ) -> Result<HeaderValue> {
        let scopes = wanted.scopes.render();
        let slot = self.slot(Key {
            root: root.clone(),
            endpoint: endpoint.clone(),
            credential: credential.clone(),
            scopes: scopes.clone(),
        });
        let mut slot = slot.lock().await;
        if let Some(token) = slot.as_ref() {
            let value = bearer(&token.secret)?;
            let refused = Some(&value) == wanted.refused;
            if refused && token.life.age() > GROWN {
                self.mortal().insert(endpoint.clone());
            }
            let lasts = wanted.body <= SMALL || token.life.outlives(wanted.body, self.mortal().contains(endpoint));
            if !refused && token.life.is_on() && lasts {
                return Ok(value);
            }
        }
        *slot = None;
        let exchange = Exchange {
            auth,
            root,
            endpoint,
            scopes,
        };
        let token = match credential {
            Credential::RefreshToken(refresh) => exchange.by_refresh_token(refresh).await?,
            Credential::EntraToken(entra) => self.by_entra_token(&exchange, entra).await?,
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
        let slot = self.slot(refresh_key(&exchange, entra));
        let mut slot = slot.lock().await;
        let refresh = match slot.take().filter(|token| token.life.is_on()) {
            Some(refresh) => refresh,
            None => exchange.entra_for_refresh_token(entra).await?,
        };
        Ok(slot.insert(refresh).secret.clone())
    }

    /// By ACR's refresh token for a Microsoft Entra access token; it serves all repositories of the registry. One that
    /// is refused, and was not made for this call, has ended.
    async fn by_entra_token(&self, exchange: &Exchange<'_>, entra: &Secret) -> Result<Token> {
        let slot = self.slot(refresh_key(exchange, entra));
        let mut slot = slot.lock().await;
        if let Some(refresh) = slot.take().filter(|token| token.life.is_on()) {
            match exchange.by_refresh_token(&refresh.secret).await {
                Err(error) if error.class() == Class::Denied => {}
                other => {
                    *slot = Some(refresh);
                    return other;
                }
            }
        }
        let refresh = exchange.entra_for_refresh_token(entra).await?;
        let token = exchange.by_refresh_token(&refresh.secret).await?;
        *slot = Some(refresh);
        Ok(token)
    }

    fn slot(&self, key: Key) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(key).or_default())
    }

    fn mortal(&self) -> std::sync::MutexGuard<'_, HashSet<Endpoint>> {
        self.mortal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where ACR's refresh token for `entra` is kept: it is for all scopes.
fn refresh_key(exchange: &Exchange<'_>, entra: &Secret) -> Key {
    Key {
        root: exchange.root.clone(),
        endpoint: exchange.endpoint.clone(),
        credential: Credential::EntraToken(entra.clone()),
        scopes: Vec::new(),
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
}
