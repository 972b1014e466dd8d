//! Proving who we are to a registry: Basic, or a bearer token from the realm that the registry names.
//!
//! Nothing is concluded from a call that passed without credential: reading may be open where writing is not
//! (containerd#4622, oras#147). Nothing is remembered of a call that failed (google/go-containerregistry#2406).

pub(crate) mod challenge;
mod realm;
mod scope;
mod token;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use url::Url;

use scope::Learned;
pub(super) use scope::Scopes;
pub(super) use token::SMALL;
pub use token::Tokens;

use crate::credentials::{Credential, Credentials, Found};
use crate::error::{Class, Error, Result};
use crate::http::header::HeaderValue;
use crate::http::{Answer, Client, Refusal};
use crate::reference::Repository;
use crate::report::{Report, Secret};

use super::quirks::{self, Flavor};

use challenge::Challenge;
use token::{Endpoint, Wanted};

/// The user name that ACR takes beside a refresh token.
const ACR_TOKEN_USER: &str = "00000000-0000-0000-0000-000000000000";

/// As many refusals with 401 are not believed yet: the first is what a token's end looks like, and registries that take
/// a while to agree on a new one go on for some time (nebi#539).
pub(super) const REFUSALS: u32 = 3;

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
    /// What registries asked for beyond the scopes that we had computed.
    learned: Arc<Mutex<Learned>>,
    /// Where a 401 stood to the end, and no call has passed since: it is believed sooner there.
    believed: Arc<Mutex<HashSet<(Url, Scopes)>>>,
    /// What uploads found out.
    pub(super) uploads: super::uploads::Limits,
    /// Upload sessions that were left in the middle.
    pub(super) abandoned: super::uploads::Abandoned,
    /// What lists of referrers there are, and who writes to them.
    pub(super) referrers: super::referrers::Lists,
    /// Room for parts of large blobs.
    pub(super) slots: super::blobs::Slots,
    /// What kind of registry it is, by root URL, as far as one of its answers told.
    flavors: Arc<Mutex<HashMap<Url, Flavor>>>,
}

impl Shared {
    /// Gives up the uploads that were left in the middle.
    pub async fn cancel_uploads(&self) {
        self.abandoned.cancel().await;
    }

    /// Notes what `answer` tells of the registry at `root`.
    pub(super) fn notice(&self, root: &Url, answer: &Answer) {
        if let Some(flavor) = Flavor::told(&answer.headers) {
            let mut flavors = self.flavors.lock().unwrap_or_else(PoisonError::into_inner);
            flavors.insert(root.clone(), flavor);
        }
    }

    /// A 401 for `scopes` stood to the end.
    pub(super) fn believe(&self, root: &Url, scopes: &Scopes) {
        self.believed().insert((root.clone(), scopes.clone()));
    }

    /// A call for `scopes` passed.
    pub(super) fn doubt(&self, root: &Url, scopes: &Scopes) {
        let mut believed = self.believed();
        if !believed.is_empty() {
            believed.remove(&(root.clone(), scopes.clone()));
        }
    }

    /// Whether a 401 for `scopes` is no news.
    pub(super) fn believes(&self, root: &Url, scopes: &Scopes) -> bool {
        self.believed().contains(&(root.clone(), scopes.clone()))
    }

    fn believed(&self) -> MutexGuard<'_, HashSet<(Url, Scopes)>> {
        self.believed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What kind of registry is at `root`: by what it told, else by its name.
    pub(super) fn flavor(&self, root: &Url) -> Flavor {
        let flavors = self.flavors.lock().unwrap_or_else(PoisonError::into_inner);
        flavors.get(root).copied().unwrap_or_else(|| Flavor::of_root(root))
    }
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
    /// What to send: nothing, until the registry has asked. `body` is the length of what goes with it: a token that may
    /// end before a large one is through is renewed first, so that it isn't sent in vain.
    pub(super) async fn header(&self, root: &Url, scopes: &Scopes, body: u64) -> Result<Option<HeaderValue>> {
        let credential = self.credentials.find(&self.repository).await?.credential;
        if let Credential::Bearer(token) = &credential {
            return token::bearer(token).map(Some);
        }
        match self.known(root) {
            None => Ok(None),
            Some(Known::Basic) => self.basic(&credential),
            Some(Known::Bearer(realm, service)) => {
                let refused = None;
                let wanted = Wanted { scopes, body, refused };
                self.token(root, (&realm, service), credential, wanted).await.map(Some)
            }
        }
    }

    /// Gets another header than the one that was `sent` and refused by `answer`; whether there is one to try.
    pub(super) async fn renew(
        &self,
        root: &Url,
        answer: &Answer,
        scopes: &Scopes,
        sent: Option<&HeaderValue>,
    ) -> Result<bool> {
        let credential = self.credentials.find(&self.repository).await?.credential;
        if matches!(credential, Credential::Bearer(_)) {
            return Ok(false);
        }
        match self.learn(root, Challenge::best(&answer.headers), scopes) {
            Known::Bearer(realm, service) => {
                let wanted = Wanted {
                    scopes,
                    body: 0,
                    refused: sent,
                };
                self.token(root, (&realm, service), credential, wanted).await?;
                Ok(true)
            }
            Known::Basic => Ok(self.other_basic(credential, sent).await?.is_some()),
        }
    }

    /// `Basic` other than what was `sent`: of another task's login since, or of a login made again.
    async fn other_basic(&self, credential: Credential, sent: Option<&HeaderValue>) -> Result<Option<HeaderValue>> {
        let value = self.basic(&credential)?;
        if sent.is_none() || value.as_ref() != sent || !self.credentials.refused(&self.repository, &credential) {
            return Ok(value.filter(|value| Some(value) != sent));
        }
        let again = self.credentials.find(&self.repository).await?.credential;
        Ok(self.basic(&again)?.filter(|value| Some(value) != sent))
    }

    /// A token for `credential`. One that was got for this run and is refused gives way to another, once.
    async fn token(
        &self,
        root: &Url,
        (realm, service): (&str, Option<String>),
        credential: Credential,
        wanted: Wanted<'_>,
    ) -> Result<HeaderValue> {
        let learned = || self.shared.learned.lock().unwrap_or_else(PoisonError::into_inner);
        let scopes = learned().joined(root, wanted.scopes);
        let wanted = Wanted {
            scopes: &scopes,
            ..wanted
        };
        let get = async |credential: &Credential| {
            let endpoint = self.endpoint(root, realm, service.clone(), credential)?;
            self.shared.tokens.get(self, root, &endpoint, credential, wanted).await
        };
        match get(&credential).await {
            Err(error) if error.class() == Class::Denied && self.credentials.refused(&self.repository, &credential) => {
                let again = self.credentials.find(&self.repository).await?.credential;
                get(&again).await
            }
            other => other,
        }
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

    /// Notes what the registry asks for. One that asks without saying for what is offered what there is.
    fn learn(&self, root: &Url, challenge: Option<Challenge>, scopes: &Scopes) -> Known {
        let known = match challenge {
            None => return self.known(root).unwrap_or_else(|| self.asks(root, Known::Basic)),
            Some(Challenge::Basic) => Known::Basic,
            Some(Challenge::Bearer { realm, service, scope }) => {
                let mut learned = self.shared.learned.lock().unwrap_or_else(PoisonError::into_inner);
                learned.add(root, scopes, scope.as_deref().unwrap_or_default());
                Known::Bearer(realm, service)
            }
        };
        self.asks(root, known)
    }

    fn asks(&self, root: &Url, known: Known) -> Known {
        let mut all = self.shared.known.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(root.clone(), known.clone());
        known
    }

    /// Where `credential` may be sent for a token, if it is there that the registry wants it.
    fn endpoint(&self, root: &Url, realm: &str, service: Option<String>, credential: &Credential) -> Result<Endpoint> {
        let anonymous = *credential == Credential::Anonymous;
        let realm = realm::check(realm, root, anonymous, &self.client.options().trusted_realms)?;
        // A longer one is none: each is kept for the whole run.
        let service = service.filter(|service| service.len() <= realm::LONGEST);
        Ok(Endpoint { realm, service })
    }

    /// Where the credential came from, for messages.
    fn origin(&self) -> String {
        let found = self.credentials.known(&self.repository);
        found.map_or_else(|| "a login that has ended".to_owned(), |found| found.origin)
    }

    /// The error for an answer that refused us, with what the registry at `root` means by it.
    pub(super) fn denied(&self, root: &Url, refusal: Refusal) -> Error {
        let host = &self.repository.host;
        let explained = quirks::hint(&refusal, self.shared.flavor(root));
        let found = self.credentials.known(&self.repository);
        let hint = match (
            found.filter(|found| found.credential != Credential::Anonymous),
            explained,
        ) {
            (None, None) => format!(
                "no credential was found for {host}: give `username` and `password`, or `token` (in CI from a secret), \
                 or log in with docker"
            ),
            (None, Some(explained)) => format!("{explained}; no credential was found for {host}"),
            (Some(Found { origin, .. }), None) => format!(
                "the credential for {host} came from {origin}: check that it is current and may do this in {}",
                self.repository.name
            ),
            (Some(Found { origin, .. }), Some(explained)) => {
                format!("{explained}; the credential for {host} came from {origin}")
            }
        };
        Error::new(Class::Denied, refusal.to_string())
            .caused_by(refusal)
            .hint(hint)
    }
}

/// Whether an answer refuses the credential, not the deed. Besides 401: expired tokens are 403 on ECR (flipt#3043) and
/// 400 on public ECR (aws/containers-roadmap#2835), both without a challenge; a token for too little is 403 with one.
pub(super) fn is_refused(answer: &Answer, authorized: bool) -> bool {
    match answer.status.as_u16() {
        401 => true,
        403 if authorized && challenge::wants_scope(&answer.headers) => true,
        400 | 403 if authorized && challenge::names_token(&answer.headers) => true,
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
