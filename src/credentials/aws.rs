//! Amazon ECR, private and public, without a stored secret: keys of AWS, from the job's identity or from where the job
//! runs, buy a password of the registry that lives for twelve hours.
//!
//! Endpoints follow AWS's own variables (`AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL_ECR`, `AWS_ENDPOINT_URL_ECR_PUBLIC`,
//! `AWS_ENDPOINT_URL`, `AWS_USE_FIPS_ENDPOINT`), which is also how tests stand in for them.

mod container;
mod ecr;
mod endpoint;
mod instance;
mod keys;
mod refusal;
mod registry;
mod role;
mod sigv4;
mod xml;

#[cfg(test)]
mod tests;

use super::Found;
use super::exchange::may_have;
use super::keyless::{Job, Provider};
use crate::error::{Class, Error, Result};
use crate::reference::{Host, Repository};

use registry::{Kind, Registry};

/// Public ECR has its service in one region alone.
const PUBLIC_REGION: &str = "us-east-1";

/// Whether `host` is one of its registries.
pub(super) fn serves(host: &Host) -> bool {
    Registry::of(host).is_some()
}

/// A credential for the registry of `repository`; `None` if this job has no identity there.
///
/// # Errors
/// What was named by input fails: the provider, or a role. What the environment merely holds is let go.
pub(super) async fn login(job: &Job, repository: &Repository) -> Result<Option<Found>> {
    let host = &repository.host;
    if !may_have(job, host, serves(host)) {
        return Ok(None);
    }
    let named = job.cloud.provider == Some(Provider::Aws) || job.cloud.aws_role_arn.is_some();
    match attempt(job, host).await {
        Ok(None) if job.cloud.provider == Some(Provider::Aws) => Err(nothing(host)),
        Err(error) if !named => {
            job.pass(host, &format!("no credential from AWS: {error}"));
            Ok(None)
        }
        outcome => outcome,
    }
}

async fn attempt(job: &Job, host: &Host) -> Result<Option<Found>> {
    let registry = Registry::of(host).unwrap_or_else(Registry::unknown);
    // A job without any keys needs no region either.
    let Some(source) = keys::source(job)? else {
        job.pass(
            host,
            "no keys of AWS: no `aws-role-arn`, no AWS_ACCESS_KEY_ID, no container credentials",
        );
        return Ok(None);
    };
    let registry = registry.with_region(region(job, &registry)?);
    let keys = keys::get(job, source, &registry).await?;
    tracing::debug!("{host}: keys of AWS from {}", keys.origin);
    ecr::password(job, &registry, &keys).await.map(Some)
}

/// That of the host; else of the input; else the job's own. It becomes part of a host name, so it is checked.
fn region(job: &Job, registry: &Registry) -> Result<String> {
    let named = match (&registry.kind, &registry.region) {
        (Kind::Public, _) => Some((PUBLIC_REGION, "public ECR")),
        (Kind::Private, Some(region)) => Some((region.as_str(), "the registry's host")),
        (Kind::Private, None) => None,
    };
    let input = || job.cloud.aws_region.as_deref().map(|region| (region, "`aws-region`"));
    let variable = |name| job.env.get(name).map(|region| (region, name));
    let (region, origin) = named
        .or_else(input)
        .or_else(|| variable("AWS_REGION"))
        .or_else(|| variable("AWS_DEFAULT_REGION"))
        .ok_or_else(|| {
            Error::usage("the region of Amazon ECR is not known").hint("set `aws-region`, such as eu-central-1")
        })?;
    let region = region.trim();
    if !registry::is_region(region) {
        return Err(Error::usage(format!("{origin}: {region:?} is not a region of AWS"))
            .hint("write it as AWS does, such as eu-central-1"));
    }
    Ok(region.to_owned())
}

fn nothing(host: &Host) -> Error {
    Error::new(
        Class::Denied,
        format!("`auth-provider: aws` found no keys of AWS for {host}"),
    )
    .hint(
        "set `aws-role-arn` and let the job have ID tokens, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run \
         where AWS gives credentials",
    )
}
