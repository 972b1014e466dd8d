//! The ways to a token: GET (Docker token specification), POST (distribution's "oauth" specification), ACR's exchange.

use std::time::{Duration, Instant};

use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use super::life::{Life, issued_at};
use super::{Account, Endpoint, Token, bearer};
use crate::credentials::Credential;
use crate::error::{Class, Error, Result};
use crate::http::header::CONTENT_TYPE;
use crate::http::retry::Verdict;
use crate::http::{Answer, Body, Budget, Failure, Follow, Method, Refusal, Request, StatusCode, Want};
use crate::report::Secret;
use crate::store::registry::auth::{Auth, REFUSALS};

/// Token answers above this are refused; real ones have a few KiB.
const ANSWER_LIMIT: usize = 128 * 1024;

/// Sent where OAuth2 wants a name of the program.
const CLIENT_ID: &str = "oci-artifact";

/// ACR's refresh tokens live for three hours and don't say so; a run that lasts longer gets another.
const ACR_REFRESH_LIFE: Duration = Duration::from_secs(3600);

/// One way to a token.
pub(super) struct Exchange<'a> {
    pub(super) auth: &'a Auth,
    pub(super) root: &'a Url,
    pub(super) endpoint: &'a Endpoint,
    pub(super) scopes: Vec<String>,
    /// What is known of the credential.
    pub(super) account: Account,
    /// When the token began to be wanted.
    pub(super) asked: Instant,
}

impl Exchange<'_> {
    /// GET with user and password, or without: public repositories want the call, too (rust-oci-client#14). No
    /// `offline_token`, which breaks servers (regclient 9f6eb51).
    pub(super) async fn by_get(&self, credential: &Credential) -> Result<Token> {
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
        let begun = Instant::now();
        let answer = self.accepted(&self.send(&request).await?)?;
        let life = answer.life(begun);
        self.token([answer.token, answer.access_token], life)
    }

    /// POST. An endpoint that hasn't it is asked by GET, which ACR takes as well.
    pub(super) async fn by_refresh_token(&self, refresh: &Secret) -> Result<Token> {
        let scopes = self.scopes.join(" ");
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose()),
            ("scope", scopes.as_str()),
        ];
        let begun = Instant::now();
        let answer = self.send(&self.form(self.endpoint.realm.clone(), &form)).await?;
        if matches!(answer.status.as_u16(), 404 | 405) {
            return self.by_get(&Credential::RefreshToken(refresh.clone())).await;
        }
        let answer = self.accepted(&answer)?;
        let life = answer.life(begun);
        self.token([answer.access_token, answer.token], life)
    }

    /// ACR's `/oauth2/exchange`, on the registry's own host: a token for Microsoft Entra goes nowhere else.
    pub(super) async fn entra_for_refresh_token(&self, entra: &Secret) -> Result<Token> {
        let url = self
            .root
            .join("/oauth2/exchange")
            .map_err(|error| Error::internal(error.to_string()))?;
        let form = [("grant_type", "access_token"), ("access_token", entra.expose())];
        let life = Life::known(Instant::now(), ACR_REFRESH_LIFE);
        let answer = self.accepted(&self.send(&self.form(url, &form)).await?)?;
        self.token([answer.refresh_token, None], life)
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

    /// Sends `request`. A 401 is believed only after a few tries, as at the registry itself; whoever waited while a
    /// credential was tried is told what came of it, and doesn't try it again.
    async fn send(&self, request: &Request) -> Result<Answer> {
        if let Some(refusal) = self.refused(&*self.account.lock().await) {
            return Err(refusal);
        }
        let mut budget = self.auth.client.budget();
        let mut answer = self.once(request, &mut budget).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let mut account = self.account.lock().await;
        if let Some(refusal) = self.refused(&account) {
            return Err(refusal);
        }
        // A login, which wants no scope, is somebody who may have mistyped.
        let tries = if self.scopes.is_empty() { 0 } else { REFUSALS };
        for _ in 0..tries {
            if answer.status != StatusCode::UNAUTHORIZED || !budget.lasts() {
                break;
            }
            let failure = Failure::of_answer(&answer, Verdict::Again);
            failure.pause(&mut budget, &self.auth.report, &request.what).await?;
            answer = self.once(request, &mut budget).await?;
        }
        if answer.status == StatusCode::UNAUTHORIZED {
            *account = Some((Instant::now(), Refusal::of(&answer)));
        }
        Ok(answer)
    }

    /// The refusal of the credential that came while this token was wanted.
    fn refused(&self, account: &Option<(Instant, Refusal)>) -> Option<Error> {
        let (when, refusal) = account.as_ref()?;
        (*when > self.asked).then(|| self.auth.denied(self.root, refusal.clone()))
    }

    async fn once(&self, request: &Request, budget: &mut Budget) -> Result<Answer> {
        let sent = self.auth.client.send(request, budget).await;
        sent.map_err(|failure| match failure.error.class() {
            // The answer is no token; that there were too many bytes of it is no matter of integrity.
            Class::Integrity => self.useless("it answered with more than a token"),
            _ => failure.error,
        })
    }

    fn accepted(&self, answer: &Answer) -> Result<TokenAnswer> {
        if !answer.status.is_success() {
            let refusal = Refusal::of(answer);
            return Err(match answer.status.as_u16() {
                400 | 401 | 403 => self.auth.denied(self.root, refusal),
                _ => Error::new(Class::Network, refusal.to_string())
                    .caused_by(refusal)
                    .hint(self.check()),
            });
        }
        // The text of the JSON error isn't shown: it may quote a token.
        serde_json::from_slice(&answer.body).map_err(|_| self.useless("its answer is not the JSON of a token"))
    }

    /// The first that isn't empty.
    fn token(&self, found: [Option<String>; 2], life: Life) -> Result<Token> {
        let text = found
            .into_iter()
            .flatten()
            .find(|text| !text.is_empty())
            .ok_or_else(|| self.useless("it answered without a token"))?;
        let secret = Secret::new(text, &self.auth.report);
        bearer(&secret).map_err(|_| self.useless("its token has characters that no token may have"))?;
        Ok(Token { secret, life })
    }

    fn useless(&self, why: &str) -> Error {
        let host = self.endpoint.realm.host_str().unwrap_or_default();
        Error::new(Class::Network, format!("token endpoint at {host}: {why}")).hint(self.check())
    }

    fn check(&self) -> String {
        let origin = self.auth.origin();
        format!("check the registry's host name, and the proxies before it; the credential came from {origin}")
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    refresh_token: Option<String>,
    /// A number; some write it as text.
    expires_in: Option<serde_json::Value>,
    /// RFC 3339.
    issued_at: Option<serde_json::Value>,
}

impl TokenAnswer {
    fn life(&self, begun: Instant) -> Life {
        let seconds = self.expires_in.as_ref().and_then(|value| match value {
            serde_json::Value::String(text) => text.parse().ok(),
            value => value.as_u64(),
        });
        let issued = self.issued_at.as_ref().and_then(serde_json::Value::as_str);
        Life::new(begun, seconds, issued.and_then(issued_at))
    }
}
