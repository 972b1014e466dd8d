//! The password of a registry, for keys of AWS: `GetAuthorizationToken`.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::keys::Keys;
use super::registry::{Kind, Registry};
use super::sigv4::{Scope, sign};
use super::{endpoint, refusal};
use crate::credentials::exchange::{json, request, secret, useless};
use crate::credentials::keyless::Job;
use crate::credentials::{Credential, Found, clock};
use crate::error::Result;
use crate::http::header::{CONTENT_TYPE, HeaderName};
use crate::http::{Answer, Body, Method};

/// What a password lives for, where the answer doesn't say.
const USUAL_LIFE: Duration = Duration::from_secs(12 * 3600);

/// The one user that ECR has.
const USER: &str = "AWS";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    authorization_data: Data,
}

/// Private ECR answers a list, public ECR an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum Data {
    Many(Vec<Token>),
    One(Token),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    authorization_token: Option<String>,
    /// Seconds since 1970, with a fraction.
    expires_at: Option<f64>,
}

/// A signature is taken for so long before and after its time.
const LEEWAY: Duration = Duration::from_secs(4 * 60);

/// The server's time, where it refused a signature and tells another time than that of the signature.
fn right_time(answer: &Answer, signed: SystemTime) -> Option<SystemTime> {
    let code = refusal::read(answer).code;
    let of_time = matches!(
        code.as_str(),
        "InvalidSignatureException" | "SignatureDoesNotMatch" | "RequestExpired" | "RequestTimeTooSkewed"
    );
    let told = clock::told_by(answer).filter(|_| of_time && !answer.status.is_success())?;
    let apart = told
        .duration_since(signed)
        .or_else(|_| signed.duration_since(told))
        .ok()?;
    (apart > LEEWAY).then_some(told)
}

/// Buys the password.
///
/// # Errors
/// AWS refuses the keys, or answers what is no password.
pub(super) async fn password(job: &Job, registry: &Registry, keys: &Keys) -> Result<Found> {
    let (name, service, target) = match registry.kind {
        Kind::Private => (
            "Amazon ECR",
            "ecr",
            "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
        ),
        Kind::Public => (
            "Amazon ECR Public",
            "ecr-public",
            "SpencerFrontendService.GetAuthorizationToken",
        ),
    };
    const BODY: &[u8] = b"{}";
    let request = request(Method::POST, endpoint::ecr(job, registry)?, name)
        .header(CONTENT_TYPE, "application/x-amz-json-1.1")
        .header(HeaderName::from_static("x-amz-target"), target)
        .body(Body::Bytes(BODY.into()));
    let mut scope = Scope {
        region: registry.region(),
        service,
        time: SystemTime::now(),
    };
    let mut answer = refusal::ask(job, &sign(request.clone(), BODY, keys, &scope)?).await?;
    if let Some(time) = right_time(&answer, scope.time) {
        tracing::debug!("the clock of this machine is wrong by minutes: signing for {name} by the server's");
        scope.time = time;
        answer = refusal::ask(job, &sign(request, BODY, keys, &scope)?).await?;
    }
    if !answer.status.is_success() {
        let said = refusal::read(&answer);
        return Err(refusal::about_registry(&said, registry, &keys.origin));
    }
    let token = match json::<Tokens>(&answer)?.authorization_data {
        Data::One(token) => token,
        Data::Many(tokens) => match tokens.into_iter().next() {
            Some(token) => token,
            None => return Err(useless(&answer, "it answered without a token")),
        },
    };
    let pair = STANDARD
        .decode(token.authorization_token.unwrap_or_default())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .unwrap_or_default();
    let Some(password) = pair.strip_prefix(USER).and_then(|rest| rest.strip_prefix(':')) else {
        return Err(useless(&answer, "its token is not the Base64 of user and password"));
    };
    let password = secret(Some(password.to_owned()), &answer, &job.report)?;
    // Out of range is as good as not said.
    let end = token
        .expires_at
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let end = end.and_then(|life| SystemTime::UNIX_EPOCH.checked_add(life));
    Ok(Found {
        credential: Credential::Basic {
            username: USER.to_owned(),
            password,
        },
        origin: format!("{name}, for {}", keys.origin),
        expires: Some(match end {
            Some(end) => clock::until(end, &answer),
            None => clock::for_life(USUAL_LIFE),
        }),
    })
}
