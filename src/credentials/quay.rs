//! Quay without a stored secret: a robot account that is federated with the CI system (Quay 3.13 and later).

#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::exchange::{basic, id_tokens, identity, json, may_have, no_id_token, request, secret, send, useless};
use super::jwt::Claims;
use super::keyless::{Job, Provider};
use super::said::Said;
use super::{Credential, Found, clock};
use crate::error::{Error, Result};
use crate::http::{Answer, Method};
use crate::reference::{Host, Repository};
use crate::report::Secret;

/// Where a robot's token is got.
const PATH: &str = "/oauth2/federation/robot/token";

/// What the token lives for, where it doesn't say.
const USUAL_LIFE: Duration = Duration::from_secs(3600);

#[derive(Deserialize)]
struct Granted {
    token: Option<String>,
}

/// Whether `host` is one of its registries. Quay runs on hosts of its users too: those need the provider to be named.
pub(super) fn serves(host: &Host) -> bool {
    let name = host.name();
    name == "quay.io" || name.ends_with(".quay.io")
}

/// A credential for the registry of `repository`; `None` if this job has no robot there.
///
/// # Errors
/// A robot was named, and the job has no ID token, or Quay doesn't take it; the provider was named without a robot.
pub(super) async fn login(job: &Job, repository: &Repository) -> Result<Option<Found>> {
    let host = &repository.host;
    if !may_have(job, host, serves(host)) {
        return Ok(None);
    }
    let Some(robot) = &job.cloud.quay_robot else {
        if job.cloud.provider == Some(Provider::Quay) {
            return Err(Error::usage("`auth-provider` is quay, but `quay-robot` is not given")
                .hint("set `quay-robot` to ORGANISATION+ROBOT"));
        }
        job.pass(host, "no robot of Quay: `quay-robot` is not given");
        return Ok(None);
    };
    let robot = checked(robot)?;
    let source = id_tokens(job).map_err(|reason| no_id_token("`quay-robot`", &reason))?;
    // Quay holds issuer and subject against the robot. The audience keeps others from using the token elsewhere.
    let token = source.token(&job.client, host.as_str()).await?;
    let url = job
        .client
        .root(host)?
        .join(PATH)
        .map_err(|error| Error::internal(error.to_string()))?;
    let request = request(Method::GET, url, "Quay").authorized(Some(basic(robot, &token, &job.report)?));
    let answer = send(job, &request).await?;
    if !answer.status.is_success() {
        return Err(refused(robot, &answer, &token));
    }
    let password = secret(json::<Granted>(&answer)?.token, &answer, &job.report)?;
    Ok(Some(Found {
        expires: Some(
            match Claims::read(password.expose()).and_then(|claims| claims.expires) {
                Some(end) => SystemTime::UNIX_EPOCH
                    .checked_add(Duration::from_secs(end))
                    .map(|end| clock::until(end, &answer))
                    .ok_or_else(|| useless(&answer, "its token ends beyond all time"))?,
                None => clock::for_life(USUAL_LIFE),
            },
        ),
        credential: Credential::Basic {
            username: robot.to_owned(),
            password,
        },
        origin: format!("the job's identity as the robot {robot}"),
    }))
}

/// `ORGANISATION+ROBOT`. A colon would end the user's name in the middle.
fn checked(robot: &str) -> Result<&str> {
    let robot = robot.trim();
    let part = |text: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !text.is_empty() && text.bytes().all(fits)
    };
    match robot.split_once('+') {
        Some((organisation, name)) if part(organisation) && part(name) => Ok(robot),
        _ => {
            Err(Error::usage(format!("`quay-robot`: {robot:?} is not a robot account"))
                .hint("write ORGANISATION+ROBOT"))
        }
    }
}

fn refused(robot: &str, answer: &Answer, token: &Secret) -> Error {
    let said = Said::new(answer, "", "");
    let hint = match said.status {
        404 | 405 => "this server has no federation of robots: it takes Quay 3.13 or later",
        400..500 => "in Quay, set the robot's federation to the token's iss and sub, letter by letter",
        _ => "check that the registry is up",
    };
    said.error(format!(
        "Quay gave no token for the robot {robot}: {said}; {}",
        identity(token)
    ))
    .hint(hint)
}
