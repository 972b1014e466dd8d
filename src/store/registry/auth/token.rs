//! Bearer tokens: got from the realm, kept until they expire, fetched once however many tasks want one
//! (nebi#539: parallel fetches gave flapping answers on Quay). A fetch that fails leaves nothing behind
//! (google/go-containerregistry#2406).

mod exchange;
mod life;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use url::Url;

use super::{Auth, Scopes};
use crate::credentials::Credential;
use crate::error::{Class, Error, Result};
use crate::http::Refusal;
use crate::http::header::HeaderValue;
use crate::report::Secret;

use exchange::Exchange;
use life::Life;

/// A smaller body is sent again without ado; before a larger one the token's life is looked at.
pub(in crate::store::registry) const SMALL: u64 = 1024 * 1024;

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
    grant: Grant,
}

/// What a token lets one do.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Grant {
    Scopes(Vec<String>),
    /// Getting others: ACR's refresh token, which is for all scopes.
    Refresh,
}

#[derive(Clone)]
struct Token {
    secret: Secret,
    life: Life,
}

/// Holding its lock is the right to fetch.
type Slot = Arc<tokio::sync::Mutex<Option<Token>>>;

/// A credential of a registry, at its token endpoint.
type Who = (Url, Endpoint, Credential);

/// What the token endpoint last said of a credential when it refused it for good, and when. Holding its lock is the
/// right to ask again after a 401: an account is not to be locked because many tasks do so at once.
type Account = Arc<tokio::sync::Mutex<Option<(Instant, Refusal)>>>;

/// The tokens of a run. Held in memory only.
#[derive(Clone, Default)]
pub struct Tokens {
    slots: Arc<Mutex<HashMap<Key, Slot>>>,
    accounts: Arc<Mutex<HashMap<Who, Account>>>,
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
            grant: Grant::Scopes(scopes.clone()),
        });
        let asked = Instant::now();
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
            account: self.account(root, endpoint, credential),
            asked,
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
        let credential = Credential::EntraToken(entra.clone());
        let exchange = Exchange {
            auth,
            root,
            endpoint,
            scopes: Vec::new(),
            account: self.account(root, endpoint, &credential),
            asked: Instant::now(),
        };
        Ok(self.refresh_token(&exchange, entra, None).await?.secret)
    }

    /// By ACR's refresh token for a Microsoft Entra access token. One that is refused, and was not made for this call,
    /// has ended.
    async fn by_entra_token(&self, exchange: &Exchange<'_>, entra: &Secret) -> Result<Token> {
        let refresh = self.refresh_token(exchange, entra, None).await?;
        match exchange.by_refresh_token(&refresh.secret).await {
            Err(error) if error.class() == Class::Denied && refresh.life.begun() < exchange.asked => {
                let again = Exchange {
                    scopes: exchange.scopes.clone(),
                    account: Arc::clone(&exchange.account),
                    // What was refused until now was the old one.
                    asked: Instant::now(),
                    ..*exchange
                };
                let refresh = self.refresh_token(&again, entra, Some(&refresh.secret)).await?;
                again.by_refresh_token(&refresh.secret).await
            }
            other => other,
        }
    }

    /// ACR's refresh token for `entra`, other than the one that was `refused`; it serves all repositories of the
    /// registry, whose tokens are got with it side by side.
    async fn refresh_token(&self, exchange: &Exchange<'_>, entra: &Secret, refused: Option<&Secret>) -> Result<Token> {
        let slot = self.slot(refresh_key(exchange, entra));
        let mut slot = slot.lock().await;
        let good = |token: &Token| token.life.is_on() && Some(&token.secret) != refused;
        let refresh = match slot.take().filter(good) {
            Some(refresh) => refresh,
            None => exchange.entra_for_refresh_token(entra).await?,
        };
        Ok(slot.insert(refresh).clone())
    }

    fn slot(&self, key: Key) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(key).or_default())
    }

    fn account(&self, root: &Url, endpoint: &Endpoint, credential: &Credential) -> Account {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (root.clone(), endpoint.clone(), credential.clone());
        Arc::clone(accounts.entry(key).or_default())
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
        grant: Grant::Refresh,
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
