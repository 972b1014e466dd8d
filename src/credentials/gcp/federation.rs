//! Workload identity federation: the token of another issuer buys one of Google's (RFC 8693), and that, where a
//! service account is named, buys one of the account's.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::{Token, refusal};
use crate::credentials::clock;
use crate::credentials::exchange::{
    form, id_tokens, is_token, json, no_id_token, read_file, refused, request, secret, send, useless,
};
use crate::credentials::keyless::Job;
use crate::error::{Error, Result};
use crate::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use crate::http::{Answer, Body, Method};
use crate::report::Secret;

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// What a token lives for, where the answer doesn't say.
const USUAL_LIFE: u64 = 3600;

/// One way from a token of another issuer to one of Google's.
#[derive(Debug)]
pub(super) struct Federation {
    /// The provider, as the token service calls it.
    pub(super) audience: String,
    pub(super) subject_type: String,
    pub(super) subject: Subject,
    pub(super) token_url: Url,
    /// Where a service account's token is got.
    pub(super) impersonation: Option<Url>,
    /// Seconds that the service account's token is asked for.
    pub(super) lifetime: Option<u64>,
}

/// Where the token of the other issuer comes from.
#[derive(Debug)]
pub(super) enum Subject {
    /// The CI system, for this audience.
    Job(String),
    /// A file; of JSON, this field.
    File(String, Option<String>),
    /// A server; of JSON, this field.
    Url(Url, HeaderMap, Option<String>),
}

#[derive(Deserialize)]
struct Granted {
    access_token: Option<String>,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Impersonated {
    access_token: Option<String>,
    expire_time: Option<String>,
}

impl Federation {
    /// Goes all the way.
    ///
    /// # Errors
    /// Google refuses; the message says what it saw in the token, the hint what the pool or account may lack.
    pub(super) async fn token(&self, job: &Job) -> Result<Token> {
        let subject = self.subject.get(job).await?;
        let request = form(
            request(Method::POST, self.token_url.clone(), "Google's token service"),
            &[
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                ("audience", &self.audience),
                ("scope", SCOPE),
                ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
                ("subject_token_type", &self.subject_type),
                ("subject_token", subject.expose()),
            ],
        );
        let answer = send(job, &request).await?;
        if !answer.status.is_success() {
            let said = refusal::read(&answer);
            return Err(refusal::about_federation(&said, &self.audience, &subject));
        }
        let granted: Granted = json(&answer)?;
        let life = Duration::from_secs(granted.expires_in.unwrap_or(USUAL_LIFE));
        let token = Token {
            secret: secret(granted.access_token, &answer, &job.report)?,
            expires: clock::for_life(life),
        };
        match &self.impersonation {
            Some(url) => self.impersonate(job, url, &token, &subject).await,
            None => Ok(token),
        }
    }

    async fn impersonate(&self, job: &Job, url: &Url, token: &Token, subject: &Secret) -> Result<Token> {
        let lifetime = self.lifetime.unwrap_or(USUAL_LIFE);
        let body = format!(r#"{{"scope":["{SCOPE}"],"lifetime":"{lifetime}s"}}"#);
        let bearer = HeaderValue::try_from(format!("Bearer {}", token.secret.expose()))
            .map_err(|_| Error::internal("a token that was checked is no header value"))?;
        let request = request(Method::POST, url.clone(), "Google's service accounts")
            .header(CONTENT_TYPE, "application/json")
            .authorized(Some(bearer))
            .body(Body::Bytes(body.into()));
        let answer = send(job, &request).await?;
        if !answer.status.is_success() {
            let said = refusal::read(&answer);
            let account = account(url);
            return Err(refusal::about_impersonation(&said, &account, &self.audience, subject));
        }
        let granted: Impersonated = json(&answer)?;
        let end = granted.expire_time.as_deref().and_then(clock::parse);
        Ok(Token {
            secret: secret(granted.access_token, &answer, &job.report)?,
            expires: match end {
                Some(end) => clock::until(end, &answer),
                None => clock::for_life(Duration::from_secs(lifetime)),
            },
        })
    }
}

/// The account that a URL for impersonation names.
fn account(url: &Url) -> String {
    let last = url.path().rsplit('/').next().unwrap_or_default();
    last.split(':').next().unwrap_or_default().to_owned()
}

impl Subject {
    async fn get(&self, job: &Job) -> Result<Secret> {
        match self {
            Subject::Job(audience) => {
                let source = id_tokens(job).map_err(|reason| no_id_token("Google's federation", &reason))?;
                source.token(&job.client, audience).await
            }
            Subject::File(path, field) => {
                let text = read_file(job, path, super::file::VARIABLE).await?;
                let token = pick(&text, field.as_deref()).filter(|token| is_token(token));
                let token = token.ok_or_else(|| {
                    Error::usage(format!("{path}: it holds no token"))
                        .hint(format!("the file that {} names points to it", super::file::VARIABLE))
                })?;
                Ok(Secret::new(token, &job.report))
            }
            Subject::Url(url, headers, field) => {
                let mut request = request(Method::GET, url.clone(), "the source of the ID token");
                request.headers = headers.clone();
                // The file that the user named points there.
                request.metadata = url.host_str() == Some(super::file::MACHINE);
                let answer: Answer = send(job, &request).await?;
                if !answer.status.is_success() {
                    return Err(refused(&answer).hint("check the `credential_source` of the file"));
                }
                let text = std::str::from_utf8(&answer.body).unwrap_or_default().trim();
                match pick(text, field.as_deref()) {
                    Some(token) => secret(Some(token), &answer, &job.report),
                    None => Err(useless(&answer, "its answer holds no token where the file says")),
                }
            }
        }
    }
}

/// The token in `text`: all of it, or a field of its JSON.
fn pick(text: &str, field: Option<&str>) -> Option<String> {
    match field {
        None => Some(text.to_owned()),
        Some(field) => {
            let json: serde_json::Value = serde_json::from_str(text).ok()?;
            Some(json.get(field)?.as_str()?.to_owned())
        }
    }
}
