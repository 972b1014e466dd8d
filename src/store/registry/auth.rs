//! Proving who we are to a registry: Basic, or a bearer token from the realm that the registry names.
//!
//! Nothing is concluded from a call that passed without credential: reading may be open where writing is not
//! (containerd#4622, oras#147). Nothing is remembered of a call that failed (google/go-containerregistry#2406).

mod challenge;
mod realm;
mod scope;
mod token;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use url::Url;

pub(super) use scope::Scopes;
pub use token::Tokens;

use crate::credentials::{Credential, Credentials, Found};
use crate::error::{Class, Error, Result};
use crate::http::header::HeaderValue;
use crate::http::{Answer, Client, Refusal};
use crate::reference::Repository;
use crate::report::{Report, Secret};

use challenge::Challenge;
use token::Endpoint;

/// The user name that ACR takes beside a refresh token.
const ACR_TOKEN_USER: &str = "00000000-0000-0000-0000-000000000000";

/// What one registry asks for, as far as this run knows.
#[derive(Clone, Debug)]
enum Known {
    Basic,
    /// Realm and service as they were told. Whether a credential may go there is asked anew for each.
    Bearer(String, Option<String>),
}

/// What all repositories of a run share: tokens, what registries asked for, what they take.
#[derive(Clone, Default)]
pub struct Shared {
    tokens: Tokens,
    /// By root URL.
    known: Arc<Mutex<HashMap<Url, Known>>>,
    /// What a registry asked for beyond the scopes that we had computed, by these.
    learned: Arc<Mutex<HashMap<(Url, Scopes), Scopes>>>,
    /// What uploads found out.
    pub(super) uploads: super::uploads::Limits,
}

/// Authorises the requests to one repository.
pub(super) struct Auth {
    pub(super) client: Client,
    pub(super) credentials: Arc<Credentials>,
    pub(super) report: Report,
    pub(super) shared: Shared,
    pub(super) repository: Repository,
}

impl Auth {
    /// What to send with the first try: nothing, until the registry has asked.
    pub(super) async fn header(&self, root: &Url, scopes: &Scopes) -> Result<Option<HeaderValue>> {
        let credential = self.credentials.find(&self.repository).await?.credential;
        if let Credential::Bearer(token) = &credential {
            return token::bearer(token).map(Some);
        }
        match self.known(root) {
            None => Ok(None),
            Some(Known::Basic) => self.basic(&credential),
            Some(Known::Bearer(realm, service)) => {
                let endpoint = self.endpoint(root, &realm, service, &credential)?;
                self.token(root, &endpoint, &credential, scopes, None).await.map(Some)
            }
        }
    }

    /// What to send after a refusal; `None` if there is nothing else to try. `sent` is what was refused.
    pub(super) async fn renew(
        &self,
        root: &Url,
        answer: &Answer,
        scopes: &Scopes,
        sent: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>> {
        let credential = self.credentials.find(&self.repository).await?.credential;
        if matches!(credential, Credential::Bearer(_)) {
            return Ok(None);
        }
        if let Some(challenge) = Challenge::best(&answer.headers) {
            self.learn(root, challenge, scopes);
        }
        match self.known(root) {
            Some(Known::Bearer(realm, service)) => {
                let endpoint = self.endpoint(root, &realm, service, &credential)?;
                self.token(root, &endpoint, &credential, scopes, sent).await.map(Some)
            }
            // A registry that asks without saying for what is offered what there is.
            Some(Known::Basic) | None => Ok(self.basic(&credential)?.filter(|value| Some(value) != sent)),
        }
    }

    async fn token(
        &self,
        root: &Url,
        endpoint: &Endpoint,
        credential: &Credential,
        scopes: &Scopes,
        refused: Option<&HeaderValue>,
    ) -> Result<HeaderValue> {
        let learned = || self.shared.learned.lock().unwrap_or_else(PoisonError::into_inner);
        let scopes = learned()
            .get(&(root.clone(), scopes.clone()))
            .cloned()
            .unwrap_or_else(|| scopes.clone());
        self.shared
            .tokens
            .get(self, root, endpoint, credential, &scopes, refused)
            .await
    }

    /// The credential in the form that can be stored: a token of Microsoft Entra's is exchanged for the registry's own.
    pub(super) async fn storable(&self, root: &Url) -> Result<Credential> {
        let credential = self.credentials.find(&self.repository).await?.credential;
        match (&credential, self.known(root)) {
            (Credential::EntraToken(entra), Some(Known::Bearer(realm, service))) => {
                let endpoint = self.endpoint(root, &realm, service, &credential)?;
                let refresh = self.shared.tokens.storable(self, root, &endpoint, entra).await?;
                Ok(Credential::RefreshToken(refresh))
            }
            _ => Ok(credential),
        }
    }

    fn known(&self, root: &Url) -> Option<Known> {
        let known = self.shared.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(root).cloned()
    }

    fn learn(&self, root: &Url, challenge: Challenge, scopes: &Scopes) {
        let known = match challenge {
            Challenge::Basic => Known::Basic,
            Challenge::Bearer { realm, service, scope } => {
                let mut learned = self.shared.learned.lock().unwrap_or_else(PoisonError::into_inner);
                let merged = learned
                    .entry((root.clone(), scopes.clone()))
                    .or_insert_with(|| scopes.clone());
                scope.iter().for_each(|scope| merged.merge(scope));
                Known::Bearer(realm, service)
            }
        };
        self.shared
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(root.clone(), known);
    }

    /// Where `credential` may be sent for a token, if it is there that the registry wants it.
    fn endpoint(&self, root: &Url, realm: &str, service: Option<String>, credential: &Credential) -> Result<Endpoint> {
        let anonymous = *credential == Credential::Anonymous;
        let realm = realm::check(realm, root, anonymous, &self.client.options().trusted_realms)?;
        Ok(Endpoint { realm, service })
    }

    /// The error for an answer that refused us, with the way out.
    pub(super) fn denied(&self, refusal: Refusal) -> Error {
        let host = &self.repository.host;
        let found = self.credentials.known(&self.repository);
        let hint = match found.filter(|found| found.credential != Credential::Anonymous) {
            None => format!(
                "no credential was found for {host}: give `username` and `password`, or `token` (in CI from a secret), \
                 or log in with docker"
            ),
            Some(Found { origin, .. }) => format!(
                "the credential for {host} came from {origin}: check that it is current and may do this in {}",
                self.repository.name
            ),
        };
        Error::new(Class::Denied, refusal.to_string())
            .caused_by(refusal)
            .hint(hint)
    }
}

/// Whether an answer refuses the credential, not the deed. Besides 401: expired tokens are 403 on ECR (flipt#3043) and
/// 400 on public ECR (aws/containers-roadmap#2835), both without a challenge.
pub(super) fn is_refused(answer: &Answer, authorized: bool) -> bool {
    match answer.status.as_u16() {
        401 => true,
        400 | 403 if authorized => {
            let refusal = Refusal::of(answer);
            let text = refusal.text.to_ascii_lowercase();
            text.contains("token")
                && (text.contains("expired") || refusal.has_code("DENIED") && text.contains("invalid"))
        }
        _ => false,
    }
}

impl Auth {
    /// `Basic`, for a credential that has a user name or can stand in for one. The pair is a secret too: in a log it
    /// gives the password away.
    fn basic(&self, credential: &Credential) -> Result<Option<HeaderValue>> {
        let (username, password) = match credential {
            Credential::Basic { username, password } => (username.as_str(), password),
            Credential::RefreshToken(token) => (ACR_TOKEN_USER, token),
            Credential::Anonymous | Credential::EntraToken(_) | Credential::Bearer(_) => return Ok(None),
        };
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{username}:{}", password.expose()));
        let pair = Secret::new(pair, &self.report);
        let mut value = HeaderValue::try_from(format!("Basic {}", pair.expose()))
            .map_err(|_| Error::internal("base64 is not a header value"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}
