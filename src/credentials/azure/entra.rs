//! The login at Microsoft Entra: OAuth2's client credentials, with an ID token in place of a password ("Microsoft
//! identity platform: access token request with a federated credential").

use url::Url;

use super::{Cloud, RESOURCE, found, refusal};
use crate::credentials::Found;
use crate::credentials::exchange::{form, request, send, trusted_url};
use crate::credentials::keyless::Job;
use crate::error::{Error, Result};
use crate::http::Method;
use crate::report::Secret;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What the application is proved by.
pub(super) enum Proof {
    /// An ID token that it trusts.
    Assertion(Secret),
    /// `AZURE_CLIENT_SECRET`.
    Password(Secret),
}

/// An application in its tenant.
pub(super) struct Entra {
    url: Url,
    tenant: String,
    client: String,
}

impl Entra {
    /// # Errors
    /// Ids that can be none, or an `AZURE_AUTHORITY_HOST` that is no place for a secret.
    pub(super) fn new(job: &Job, cloud: &Cloud, tenant: &str, client: &str) -> Result<Self> {
        for (name, id) in [("azure-tenant-id", tenant), ("azure-client-id", client)] {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
            if !id.bytes().all(fits) || !id.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
                return Err(
                    Error::usage(format!("`{name}`: {id:?} is no id")).hint("write the GUID of Microsoft Entra")
                );
            }
        }
        let authority = match job.env.get("AZURE_AUTHORITY_HOST").map(str::trim) {
            None => cloud.authority.to_owned(),
            Some(text) if text.contains("://") => text.to_owned(),
            Some(text) => format!("https://{text}"),
        };
        let text = format!("{}/{tenant}/oauth2/v2.0/token", authority.trim_end_matches('/'));
        Ok(Entra {
            url: trusted_url(job, &text, "AZURE_AUTHORITY_HOST")?,
            tenant: tenant.to_owned(),
            client: client.to_owned(),
        })
    }

    pub(super) async fn login(&self, job: &Job, proof: &Proof) -> Result<Found> {
        let scope = format!("{RESOURCE}/.default");
        let mut pairs = vec![
            ("client_id", self.client.as_str()),
            ("grant_type", "client_credentials"),
            ("scope", scope.as_str()),
        ];
        match proof {
            Proof::Assertion(token) => pairs.extend([
                ("client_assertion_type", ASSERTION_TYPE),
                ("client_assertion", token.expose()),
            ]),
            Proof::Password(password) => pairs.push(("client_secret", password.expose())),
        }
        let answer = send(
            job,
            &form(request(Method::POST, self.url.clone(), "Microsoft Entra"), &pairs),
        )
        .await?;
        if !answer.status.is_success() {
            return Err(refusal::about(&answer, &self.tenant, &self.client, proof));
        }
        let origin = match proof {
            Proof::Assertion(_) => format!("the job's identity as the application {} at Azure", self.client),
            Proof::Password(_) => "`AZURE_CLIENT_SECRET`".to_owned(),
        };
        found(&answer, &job.report, origin)
    }
}
