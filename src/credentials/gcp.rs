//! Google Artifact Registry and `gcr.io` without a stored secret: the job's ID token buys an access token of Google's,
//! of the federated identity itself or of a service account that it may act as.
//!
//! Endpoints follow `GOOGLE_CLOUD_UNIVERSE_DOMAIN` and gcloud's own overrides, `CLOUDSDK_API_ENDPOINT_OVERRIDES_STS`
//! and `CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS`, by which tests stand in for them.

mod endpoint;
mod federation;
mod file;
mod metadata;
mod provider;
mod refusal;

#[cfg(test)]
mod tests;

use std::time::Instant;

use super::exchange::{id_tokens, may_have, no_id_token};
use super::keyless::{Job, Provider};
use super::{Credential, Found};
use crate::error::{Class, Error, Result};
use crate::reference::{Host, Repository};
use crate::report::Secret;

use federation::{Federation, Subject};

/// The user that an access token is the password of.
pub(super) const USER: &str = "oauth2accesstoken";

/// An access token, and until when to use it.
struct Token {
    secret: Secret,
    expires: Instant,
}

/// Whether `host` is one of its registries.
pub(super) fn serves(host: &Host) -> bool {
    let name = host.name();
    name == "gcr.io" || name.ends_with(".gcr.io") || name.ends_with("-docker.pkg.dev")
}

/// A credential for the registry of `repository`; `None` if this job has no identity there.
///
/// # Errors
/// What was named by input fails. What the environment merely holds is let go.
pub(super) async fn login(job: &Job, repository: &Repository) -> Result<Option<Found>> {
    let host = &repository.host;
    if !may_have(job, host, serves(host)) {
        return Ok(None);
    }
    let cloud = &job.cloud;
    let provider = cloud.provider == Some(Provider::Gcp);
    let named = provider || cloud.gcp_workload_identity_provider.is_some() || cloud.gcp_service_account.is_some();
    match attempt(job).await {
        Ok(None) if provider => Err(nothing(host)),
        Ok(None) => {
            job.pass(
                host,
                "no identity at Google: no `gcp-workload-identity-provider`, no GOOGLE_APPLICATION_CREDENTIALS",
            );
            Ok(None)
        }
        Err(error) if !named => {
            job.pass(host, &format!("no credential from Google: {error}"));
            Ok(None)
        }
        outcome => outcome,
    }
}

/// The first source that is set up.
async fn attempt(job: &Job) -> Result<Option<Found>> {
    let account = job.cloud.gcp_service_account.as_deref();
    if let Some(input) = &job.cloud.gcp_workload_identity_provider {
        let provider = provider::Provider::parse(input)?;
        id_tokens(job).map_err(|reason| no_id_token("`gcp-workload-identity-provider`", &reason))?;
        let federation = Federation {
            audience: provider.resource(),
            subject_type: "urn:ietf:params:oauth:token-type:jwt".to_owned(),
            subject: Subject::Job(provider.audience()),
            token_url: endpoint::sts(job)?,
            impersonation: account
                .map(|account| endpoint::impersonation(job, account))
                .transpose()?,
            lifetime: None,
        };
        let origin = match account {
            Some(account) => format!("the job's identity as {account}"),
            None => "the job's identity at Google".to_owned(),
        };
        return federation.token(job).await.map(|token| Some(found(token, origin)));
    }
    if let Some(account) = account {
        return Err(Error::usage(format!(
            "`gcp-service-account` is {account:?}, but `gcp-workload-identity-provider` is not given"
        ))
        .hint("give both, or only the provider"));
    }
    if let Some(path) = job.env.get(file::VARIABLE) {
        return file::login(job, path.trim()).await.map(Some);
    }
    match metadata::host(job) {
        Some(host) => {
            let token = metadata::token(job, host).await?;
            Ok(Some(found(token, "the machine's service account".to_owned())))
        }
        None => Ok(None),
    }
}

fn found(token: Token, origin: String) -> Found {
    Found {
        credential: Credential::Basic {
            username: USER.to_owned(),
            password: token.secret,
        },
        origin,
        expires: Some(token.expires),
    }
}

fn nothing(host: &Host) -> Error {
    Error::new(
        Class::Denied,
        format!("`auth-provider: gcp` found no identity at Google for {host}"),
    )
    .hint("set `gcp-workload-identity-provider` and let the job have ID tokens, or set GOOGLE_APPLICATION_CREDENTIALS")
}
