//! Keys from the service that ECS, EKS (Pod Identity), CodeBuild and Greengrass give their containers, as the SDKs
//! find it ("Container credential provider" of AWS's SDK reference).

use url::Url;

use super::keys::Keys;
use crate::credentials::exchange::{is_local, is_token, read_file, refused, request, send_within};
use crate::credentials::keyless::Job;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::http::header::HeaderValue;
use crate::http::{Budget, Method};
use crate::report::Secret;

const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// ECS's own, and EKS's two: beside this machine the only ones that may be asked over plain HTTP.
const SERVICES: [&str; 3] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

/// Tries after the first; the service is on this machine.
const RETRIES: u32 = 2;

/// Where the service is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    url: Url,
    /// Whether it is an address that nothing else may reach.
    metadata: bool,
}

impl Place {
    /// As the platform announced it.
    ///
    /// # Errors
    /// An address that the SDKs would not ask either: the keys would be anyone's.
    pub(super) fn of(env: &Env) -> Result<Option<Self>> {
        let parse = |name: &str, text: &str| {
            Url::parse(text).map_err(|error| Error::usage(format!("{name}: {error}")).hint("the platform sets it"))
        };
        if let Some(path) = env.get(RELATIVE) {
            let path = path.trim().trim_start_matches('/');
            let [service, ..] = SERVICES;
            let url = parse(RELATIVE, &format!("http://{service}/{path}"))?;
            return Ok(Some(Place { url, metadata: true }));
        }
        let Some(text) = env.get(FULL) else {
            return Ok(None);
        };
        let url = parse(FULL, text.trim())?;
        let service = url.host_str().is_some_and(|host| SERVICES.contains(&host));
        match url.scheme() {
            "https" => {}
            "http" if is_local(&url) || service => {}
            _ => {
                return Err(Error::usage(format!(
                    "{FULL}: {} may not be asked for keys",
                    url.host_str().unwrap_or("-")
                ))
                .hint("it must be https, this machine, or the address of ECS or EKS"));
            }
        }
        Ok(Some(Place { url, metadata: service }))
    }

    /// Asks for keys.
    pub(super) async fn keys(&self, job: &Job) -> Result<Keys> {
        let mut request = request(Method::GET, self.url.clone(), "AWS's service for containers");
        request.metadata = self.metadata;
        let request = request.authorized(authorization(job).await?);
        let mut budget = Budget::new(RETRIES, job.client.options().backoff);
        let answer = send_within(job, &request, &mut budget).await?;
        if !answer.status.is_success() {
            return Err(refused(&answer).hint("the platform sets it up: check the role of the task or pod"));
        }
        Keys::served(&answer, "the container's own role", &job.report)
    }
}

/// The header that the service wants, if the platform gave one. The file is read each time: it is renewed.
async fn authorization(job: &Job) -> Result<Option<HeaderValue>> {
    let text = match (job.env.get(TOKEN_FILE), job.env.get(TOKEN)) {
        (Some(path), _) => read_file(job, path.trim(), TOKEN_FILE).await?,
        (None, Some(text)) => text.trim().to_owned(),
        (None, None) => return Ok(None),
    };
    let junk = || Error::usage(format!("{TOKEN} has characters that no token has")).hint("the platform sets it");
    // It may be of two words: a scheme, and the token.
    if !text.split(' ').all(is_token) {
        return Err(junk());
    }
    let secret = Secret::new(text, &job.report);
    HeaderValue::from_str(secret.expose()).map(Some).map_err(|_| junk())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, value: &str) -> Result<Option<Place>> {
        Place::of(&[(name, value)].into_iter().collect())
    }

    #[test]
    fn keys_are_asked_for_only_where_they_are_the_jobs_own() {
        for (text, metadata) in [
            ("http://127.0.0.1:80/v1", false),
            ("http://localhost/v1", false),
            ("http://[::1]/v1", false),
            ("http://169.254.170.2/v1", true),
            ("http://169.254.170.23/v1", true),
            ("http://[fd00:ec2::23]/v1", true),
            ("https://keys.example/v1", false),
        ] {
            assert_eq!(of(FULL, text).unwrap().unwrap().metadata, metadata, "{text}");
        }
        for text in [
            "http://169.254.169.254/",
            "http://keys.example/",
            "http://10.0.0.1/",
            "http://127.0.0.1.example/",
            "ftp://127.0.0.1/",
            "/v2/keys",
        ] {
            assert!(of(FULL, text).is_err(), "{text}");
        }
        let place = of(RELATIVE, "/v2/credentials/1").unwrap().unwrap();
        assert_eq!(place.url.as_str(), "http://169.254.170.2/v2/credentials/1");
        assert!(place.metadata);
        let place = of(RELATIVE, "@evil.example/").unwrap().unwrap();
        assert_eq!(place.url.host_str(), Some("169.254.170.2"));
    }
}
