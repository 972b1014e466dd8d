//! Where AWS's services answer, and what the environment says otherwise.

use url::Url;

use super::registry::{Kind, Registry};
use crate::credentials::exchange::trusted_url;
use crate::credentials::keyless::Job;
use crate::error::{Error, Result};

/// The token service that takes ID tokens.
pub(super) fn sts(job: &Job, registry: &Registry) -> Result<Url> {
    let region = registry.region();
    let fips = match wants_fips(job, registry) {
        // GovCloud's are all FIPS, under the plain name.
        true if !region.starts_with("us-gov-") => "-fips",
        _ => "",
    };
    resolve(job, "AWS_ENDPOINT_URL_STS", || {
        format!("sts{fips}.{region}.{}", suffix(region, wants_dual_stack(job, registry)))
    })
}

/// The service that sells passwords of the registry.
pub(super) fn ecr(job: &Job, registry: &Registry) -> Result<Url> {
    let region = registry.region();
    let suffix = suffix(region, wants_dual_stack(job, registry));
    match registry.kind {
        Kind::Public => resolve(job, "AWS_ENDPOINT_URL_ECR_PUBLIC", || {
            match wants_dual_stack(job, registry) {
                true => format!("ecr-public.{region}.{suffix}"),
                false => format!("api.ecr-public.{region}.{suffix}"),
            }
        }),
        Kind::Private => resolve(job, "AWS_ENDPOINT_URL_ECR", || {
            match (wants_fips(job, registry), wants_dual_stack(job, registry)) {
                (true, _) => format!("ecr-fips.{region}.{suffix}"),
                (false, true) => format!("ecr.{region}.{suffix}"),
                (false, false) => format!("api.ecr.{region}.{suffix}"),
            }
        }),
    }
}

/// Whether addresses that speak IPv6 are wanted.
fn wants_dual_stack(job: &Job, registry: &Registry) -> bool {
    registry.dual_stack || job.env.is_true("AWS_USE_DUALSTACK_ENDPOINT")
}

fn wants_fips(job: &Job, registry: &Registry) -> bool {
    registry.fips || job.env.is_true("AWS_USE_FIPS_ENDPOINT")
}

/// The domain of a region's partition.
fn suffix(region: &str, dual_stack: bool) -> &'static str {
    match (region.split('-').next(), dual_stack) {
        (Some("cn"), false) => "amazonaws.com.cn",
        (Some("cn"), true) => "api.amazonwebservices.com.cn",
        (Some("eusc"), false) => "amazonaws.eu",
        (Some("eusc"), true) => "api.amazonwebservices.eu",
        (_, false) => "amazonaws.com",
        (_, true) => "api.aws",
    }
}

/// What `variable` says, or the variable for all services; else the usual host.
fn resolve(job: &Job, variable: &str, usual: impl Fn() -> String) -> Result<Url> {
    let ignored = job.env.is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    let set = [variable, "AWS_ENDPOINT_URL"]
        .into_iter()
        .filter(|_| !ignored)
        .find_map(|name| Some((name, job.env.get(name)?)));
    let Some((name, text)) = set else {
        return Url::parse(&format!("https://{}/", usual())).map_err(|error| Error::internal(error.to_string()));
    };
    let url = trusted_url(job, text, name)?;
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err(Error::usage(format!("{name} is more than an address")).hint("write https://HOST[/PATH]"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::stand_in::plain_job as job;

    fn private(region: &str, fips: bool, dual_stack: bool) -> Registry {
        Registry {
            fips,
            dual_stack,
            ..Registry::unknown().with_region(region.to_owned())
        }
    }

    #[test]
    fn each_partition_has_its_own_domain() {
        let job = job(&[]);
        let both = |registry: &Registry| {
            let host = |url: Result<Url>| url.unwrap().host_str().unwrap().to_owned();
            [host(sts(&job, registry)), host(ecr(&job, registry))]
        };
        for (registry, hosts) in [
            (
                private("eu-west-1", false, false),
                ["sts.eu-west-1.amazonaws.com", "api.ecr.eu-west-1.amazonaws.com"],
            ),
            (
                private("cn-north-1", false, false),
                ["sts.cn-north-1.amazonaws.com.cn", "api.ecr.cn-north-1.amazonaws.com.cn"],
            ),
            (
                private("eusc-de-east-1", false, false),
                ["sts.eusc-de-east-1.amazonaws.eu", "api.ecr.eusc-de-east-1.amazonaws.eu"],
            ),
            (
                private("us-east-1", true, false),
                ["sts-fips.us-east-1.amazonaws.com", "ecr-fips.us-east-1.amazonaws.com"],
            ),
            (
                private("us-gov-west-1", true, false),
                [
                    "sts.us-gov-west-1.amazonaws.com",
                    "ecr-fips.us-gov-west-1.amazonaws.com",
                ],
            ),
            (
                private("us-east-1", false, true),
                ["sts.us-east-1.api.aws", "ecr.us-east-1.api.aws"],
            ),
        ] {
            assert_eq!(both(&registry), hosts);
        }
        let public = Registry::of(&"public.ecr.aws".parse().unwrap()).unwrap();
        assert_eq!(
            both(&public.with_region("us-east-1".to_owned()))[1],
            "api.ecr-public.us-east-1.amazonaws.com"
        );
    }

    #[test]
    fn the_variable_of_a_service_wins_over_that_of_all() {
        let registry = private("eu-west-1", false, false);
        let all = ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566");
        let own = ("AWS_ENDPOINT_URL_ECR", "https://vpce.example/x");
        let this = job(&[all, own]);
        assert_eq!(ecr(&this, &registry).unwrap().as_str(), "https://vpce.example/x");
        assert_eq!(sts(&this, &registry).unwrap().as_str(), "http://127.0.0.1:4566/");
        let this = job(&[all, ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")]);
        assert_eq!(
            sts(&this, &registry).unwrap().as_str(),
            "https://sts.eu-west-1.amazonaws.com/"
        );
        // A stand-in for AWS beside the job, which `plain-http` names.
        let this = job(&[("AWS_ENDPOINT_URL", "http://plain.example:4566")]);
        assert!(ecr(&this, &registry).is_ok());
        for junk in [
            "http://plain.example:4567",
            "vpce.example",
            "http://vpce.example",
            "https://u@vpce.example",
            "https://vpce.example/?x=y",
        ] {
            let error = ecr(&job(&[("AWS_ENDPOINT_URL", junk)]), &registry).unwrap_err();
            assert!(error.message().contains("AWS_ENDPOINT_URL"), "{junk}");
        }
    }
}
