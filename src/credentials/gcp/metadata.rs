//! The token of the machine that the job runs on: Google's metadata service. Asked only where Google was named, or
//! where the platform says that there is one.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::Token;
use crate::credentials::clock;
use crate::credentials::exchange::{json, refused, request, secret, send_within, useless};
use crate::credentials::keyless::{Job, Provider};
use crate::error::{Error, Result};
use crate::http::header::HeaderName;
use crate::http::{Budget, Method};

const HOST: &str = "GCE_METADATA_HOST";

/// Sent and answered by it alone; a server that merely stands at its address lacks it.
const FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");

/// Tries after the first; the service is near.
const RETRIES: u32 = 2;

#[derive(Deserialize)]
struct Served {
    access_token: Option<String>,
    expires_in: Option<u64>,
}

/// Where it is, if it may be asked.
pub(super) fn host(job: &Job) -> Option<&str> {
    let named = job.cloud.provider == Some(Provider::Gcp);
    job.env
        .get(HOST)
        .map(str::trim)
        .or(named.then_some("metadata.google.internal"))
}

/// Asks for a token of the machine's service account.
pub(super) async fn token(job: &Job, host: &str) -> Result<Token> {
    let url = Url::parse(&format!(
        "http://{host}/computeMetadata/v1/instance/service-accounts/default/token"
    ))
    .map_err(|_| Error::usage(format!("{HOST}: {host:?} is not a host")).hint("write HOST or HOST:PORT"))?;
    let mut request = request(Method::GET, url, "Google's metadata service").header(FLAVOR, "Google");
    request.metadata = true;
    let mut budget = Budget::new(RETRIES, job.client.options().backoff);
    let answer = send_within(job, &request, &mut budget).await?;
    if !answer.status.is_success() {
        return Err(refused(&answer).hint("give the machine a service account"));
    }
    if answer.header(FLAVOR) != Some("Google") {
        return Err(useless(&answer, "it is not Google's metadata service"));
    }
    let served: Served = json(&answer)?;
    Ok(Token {
        secret: secret(served.access_token, &answer, &job.report)?,
        expires: clock::for_life(Duration::from_secs(served.expires_in.unwrap_or_default())),
    })
}
