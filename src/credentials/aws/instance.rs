//! Keys of the machine that the job runs on: EC2's metadata service, version 2. Asked only where AWS was named.

use url::Url;

use super::keys::Keys;
use crate::credentials::exchange::{is_token, refused, request, secret, send_within, useless};
use crate::credentials::keyless::Job;
use crate::error::{Error, Result};
use crate::http::header::{HeaderName, HeaderValue};
use crate::http::{Answer, Budget, Method, Request};

const NAME: &str = "EC2's metadata service";

/// Seconds that the token of the service is for: a run of three requests.
const LIFE: &str = "60";

const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// The keys of the machine's role.
pub(super) async fn keys(job: &Job) -> Result<Keys> {
    let root = root(job)?;
    let at = |method: Method, path: &str| -> Result<Request> {
        let url = root.join(path).map_err(|error| Error::internal(error.to_string()))?;
        let mut request = request(method, url, NAME);
        request.metadata = true;
        Ok(request)
    };
    let life = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
    let answer = ask(job, at(Method::PUT, "/latest/api/token")?.header(life, LIFE)).await?;
    let token = secret(line(&answer), &answer, &job.report)?;
    let mut token = HeaderValue::from_str(token.expose()).map_err(|_| useless(&answer, "its token is no token"))?;
    token.set_sensitive(true);
    let with_token = |mut request: Request| {
        let name = HeaderName::from_static("x-aws-ec2-metadata-token");
        request.headers.insert(name, token.clone());
        request
    };
    let answer = ask(job, with_token(at(Method::GET, ROLES)?)).await?;
    let role = line(&answer)
        .filter(|role| is_token(role) && !role.contains(['/', '?', '#', '%']))
        .ok_or_else(|| useless(&answer, "it answered without the name of a role"))?;
    let answer = ask(job, with_token(at(Method::GET, &format!("{ROLES}{role}"))?)).await?;
    Keys::served(&answer, &format!("the machine's role {role}"), &job.report)
}

fn root(job: &Job) -> Result<Url> {
    const VARIABLE: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
    let ipv6 = job
        .env
        .get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")
        .is_some_and(|mode| mode.trim().eq_ignore_ascii_case("ipv6"));
    let usual = if ipv6 {
        "http://[fd00:ec2::254]"
    } else {
        "http://169.254.169.254"
    };
    let text = job.env.get(VARIABLE).unwrap_or(usual).trim();
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| Error::usage(format!("{VARIABLE}: {text:?} is not an address")).hint("write http://HOST"))
}

async fn ask(job: &Job, request: Request) -> Result<Answer> {
    let mut budget = Budget::new(1, job.client.options().backoff);
    let answer = send_within(job, &request, &mut budget).await?;
    if answer.status.is_success() {
        return Ok(answer);
    }
    Err(refused(&answer).hint("give the machine a role; in a container, its hop limit for metadata must be 2 or more"))
}

/// The first line of an answer.
fn line(answer: &Answer) -> Option<String> {
    let text = std::str::from_utf8(&answer.body).ok()?;
    Some(text.lines().next()?.trim().to_owned())
}
