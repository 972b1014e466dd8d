//! Where Google's services answer, and what the environment says otherwise.

use url::Url;

use crate::credentials::exchange::trusted_url;
use crate::credentials::keyless::Job;
use crate::error::{Error, Result};

/// The token service.
pub(super) fn sts(job: &Job) -> Result<Url> {
    resolve(job, "CLOUDSDK_API_ENDPOINT_OVERRIDES_STS", "sts", "v1/token")
}

/// Where `account` may be acted as.
pub(super) fn impersonation(job: &Job, account: &str) -> Result<Url> {
    let account = account.trim();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"@.-_".contains(&byte);
    if !account.contains('@') || !account.bytes().all(fits) {
        return Err(
            Error::usage(format!("`gcp-service-account`: {account:?} is not an address"))
                .hint("write NAME@PROJECT.iam.gserviceaccount.com"),
        );
    }
    let path = format!("v1/projects/-/serviceAccounts/{account}:generateAccessToken");
    resolve(
        job,
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS",
        "iamcredentials",
        &path,
    )
}

fn resolve(job: &Job, variable: &str, service: &str, path: &str) -> Result<Url> {
    let join = |root: &Url| root.join(path).map_err(|error| Error::internal(error.to_string()));
    if let Some(text) = job.env.get(variable) {
        // gcloud wants the slash at its end; without, its last part would be lost.
        let root = format!("{}/", text.trim().trim_end_matches('/'));
        return join(&trusted_url(job, &root, variable)?);
    }
    const UNIVERSE: &str = "GOOGLE_CLOUD_UNIVERSE_DOMAIN";
    let universe = job.env.get(UNIVERSE).unwrap_or("googleapis.com").trim();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    let junk = || Error::usage(format!("{UNIVERSE}: {universe:?} is not a domain")).hint("write it as googleapis.com");
    if !universe.bytes().all(fits) {
        return Err(junk());
    }
    join(&Url::parse(&format!("https://{service}.{universe}/")).map_err(|_| junk())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::stand_in::plain_job;

    #[test]
    fn the_universe_and_overrides_are_followed() {
        let account = "push@p.iam.gserviceaccount.com";
        let both = |variables: &[(&str, &str)]| {
            let job = plain_job(variables);
            [
                sts(&job).unwrap().to_string(),
                impersonation(&job, account).unwrap().to_string(),
            ]
        };
        assert_eq!(
            both(&[]),
            [
                "https://sts.googleapis.com/v1/token",
                "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/push@p.iam.gserviceaccount.com:\
                 generateAccessToken"
            ]
        );
        let [sts_url, _] = both(&[("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "apis.s3ns.fr")]);
        assert_eq!(sts_url, "https://sts.apis.s3ns.fr/v1/token");
        let [sts_url, _] = both(&[("CLOUDSDK_API_ENDPOINT_OVERRIDES_STS", "http://127.0.0.1:1/sts")]);
        assert_eq!(sts_url, "http://127.0.0.1:1/sts/v1/token");
        for junk in ["a/b", "a@b", "a b"] {
            let job = plain_job(&[("GOOGLE_CLOUD_UNIVERSE_DOMAIN", junk)]);
            assert!(sts(&job).is_err(), "{junk}");
        }
        for junk in ["push", "a@b/../c", "a@b?c", "a@b:c"] {
            assert!(impersonation(&plain_job(&[]), junk).is_err(), "{junk}");
        }
    }
}
