//! Keys of AWS, and where this job has them from: the first place that is set up, as one that is broken should be told
//! of, not passed over.

use serde::Deserialize;

use super::registry::Registry;
use super::role::Role;
use super::{container, instance};
use crate::credentials::exchange::{is_token, json, useless};
use crate::credentials::keyless::{Job, Provider};
use crate::error::{Error, Result};
use crate::http::Answer;
use crate::report::{Report, Secret};

/// An access key.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: Secret,
    /// The token of temporary ones.
    pub(super) session: Option<Secret>,
    /// For messages.
    pub(super) origin: String,
}

/// Where to get keys.
#[derive(Debug)]
pub(super) enum Source {
    /// The job's ID token, for a role.
    Role(Role),
    /// The environment.
    Static(Keys),
    /// The service that a container has (ECS, EKS Pod Identity, CodeBuild).
    Container(container::Place),
    /// The service that a machine has (EC2). Only where AWS was named: elsewhere nothing answers, slowly.
    Instance,
}

/// The first source that is set up.
///
/// # Errors
/// One that is set up by half.
pub(super) fn source(job: &Job) -> Result<Option<Source>> {
    if let Some(role) = Role::of(job)? {
        return Ok(Some(Source::Role(role)));
    }
    if let Some(keys) = of_environment(job)? {
        return Ok(Some(Source::Static(keys)));
    }
    if let Some(place) = container::Place::of(&job.env)? {
        return Ok(Some(Source::Container(place)));
    }
    let instance = job.cloud.provider == Some(Provider::Aws) && !job.env.is_true("AWS_EC2_METADATA_DISABLED");
    Ok(instance.then_some(Source::Instance))
}

/// The keys of a source.
pub(super) async fn get(job: &Job, source: Source, registry: &Registry) -> Result<Keys> {
    match source {
        Source::Role(role) => role.assume(job, registry).await,
        Source::Static(keys) => Ok(keys),
        Source::Container(place) => place.keys(job).await,
        Source::Instance => instance::keys(job).await,
    }
}

fn of_environment(job: &Job) -> Result<Option<Keys>> {
    const ID: &str = "AWS_ACCESS_KEY_ID";
    const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
    const SESSION: &str = "AWS_SESSION_TOKEN";
    let get = |name: &str| job.env.get(name).map(str::trim);
    let (id, secret) = match (get(ID), get(SECRET)) {
        (None, None) => return Ok(None),
        (Some(id), Some(secret)) => (id, secret),
        (Some(_), None) => return Err(half(ID, SECRET)),
        (None, Some(_)) => return Err(half(SECRET, ID)),
    };
    for (name, value) in [(ID, Some(id)), (SECRET, Some(secret)), (SESSION, get(SESSION))] {
        if value.is_some_and(|value| !is_token(value)) {
            return Err(Error::usage(format!("{name} has characters that no key has"))
                .hint("check how the secret was stored: often a line break or quotes came along"));
        }
    }
    Ok(Some(Keys {
        id: id.to_owned(),
        secret: Secret::new(secret, &job.report),
        session: get(SESSION).map(|text| Secret::new(text, &job.report)),
        origin: ID.to_owned(),
    }))
}

fn half(set: &str, missing: &str) -> Error {
    Error::usage(format!("{set} is set, but {missing} is not"))
        .hint(format!("set {missing}; a secret that this job may not read is blank"))
}

/// What metadata services answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Served {
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    token: Option<String>,
}

impl Keys {
    /// From the JSON of a metadata service.
    pub(super) fn served(answer: &Answer, origin: &str, report: &Report) -> Result<Self> {
        let served: Served = json(answer)?;
        Keys::checked(
            [served.access_key_id, served.secret_access_key, served.token],
            answer,
            origin,
            report,
        )
    }

    /// Id, secret and token as `answer` gave them. All three are needed: such keys are always temporary.
    pub(super) fn checked(parts: [Option<String>; 3], answer: &Answer, origin: &str, report: &Report) -> Result<Self> {
        let fits = |part: &Option<String>| part.as_deref().is_some_and(is_token);
        match parts {
            [Some(id), secret, session] if fits(&secret) && fits(&session) && is_id(&id) => Ok(Keys {
                id,
                secret: Secret::new(secret.unwrap_or_default(), report),
                session: session.map(|text| Secret::new(text, report)),
                origin: origin.to_owned(),
            }),
            _ => Err(useless(answer, "it answered without keys, or with ones that can't be")),
        }
    }
}

/// An id is shown in the header that is signed, between slashes and commas.
fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
