//! The file that `GOOGLE_APPLICATION_CREDENTIALS` names: a service account's key, which the registries take as it is,
//! or the description of a federation ("AIP-4117"), as `google-github-actions/auth` writes.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use super::federation::{Federation, Subject};
use super::{endpoint, found};
use crate::credentials::exchange::{read_file, trusted_url};
use crate::credentials::keyless::Job;
use crate::credentials::{Credential, Found};
use crate::error::{Error, Result};
use crate::http::header::{HeaderMap, HeaderName, HeaderValue};
use crate::report::Secret;

pub(super) const VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// The metadata service of a machine, in the clouds that have one.
pub(super) const MACHINE: &str = "169.254.169.254";

/// The user that a key is the password of.
const KEY_USER: &str = "_json_key";

#[derive(Deserialize)]
struct File {
    #[serde(rename = "type")]
    kind: String,
    // Of a service account.
    client_email: Option<String>,
    private_key: Option<String>,
    // Of a federation.
    audience: Option<String>,
    subject_token_type: Option<String>,
    token_url: Option<String>,
    service_account_impersonation_url: Option<String>,
    #[serde(default)]
    service_account_impersonation: Impersonation,
    credential_source: Option<Source>,
}

#[derive(Default, Deserialize)]
struct Impersonation {
    token_lifetime_seconds: Option<u64>,
}

#[derive(Deserialize)]
struct Source {
    file: Option<String>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    format: Format,
}

#[derive(Default, Deserialize)]
struct Format {
    #[serde(rename = "type", default)]
    kind: String,
    subject_token_field_name: Option<String>,
}

/// The credential that the file at `path` is, or leads to.
///
/// # Errors
/// It can't be read, is of another type, or leads to a refusal.
pub(super) async fn login(job: &Job, path: &str) -> Result<Found> {
    let text = read_file(job, path, VARIABLE).await?;
    let junk = |why: &str| Error::usage(format!("{path}: {why}")).hint(format!("{VARIABLE} names this file: check it"));
    // The text of the JSON error isn't shown: it may quote a key.
    let file: File = serde_json::from_str(&text).map_err(|_| junk("it is not the JSON of a credential of Google"))?;
    match file.kind.as_str() {
        "service_account" => {
            let (Some(email), Some(_)) = (&file.client_email, &file.private_key) else {
                return Err(junk("it is a service account without `client_email` or `private_key`"));
            };
            Ok(Found {
                origin: format!("{path}, the key of {email}"),
                credential: Credential::Basic {
                    username: KEY_USER.to_owned(),
                    password: Secret::new(text, &job.report),
                },
                expires: None,
            })
        }
        "external_account" => {
            let federation = file.federation(job).map_err(|error| error.context(path))?;
            let token = federation.token(job).await.map_err(|error| error.context(path))?;
            Ok(found(token, format!("the federation in {path}")))
        }
        kind => Err(junk(&format!(
            "its type is {kind:?}, and only service_account and external_account are used"
        ))),
    }
}

impl File {
    fn federation(self, job: &Job) -> Result<Federation> {
        let lacks = |what: &str| Error::usage(format!("it has no `{what}`")).hint("create the file anew with gcloud");
        let source = self.credential_source.ok_or_else(|| lacks("credential_source"))?;
        Ok(Federation {
            audience: self.audience.ok_or_else(|| lacks("audience"))?,
            subject_type: self.subject_token_type.ok_or_else(|| lacks("subject_token_type"))?,
            subject: source.subject(job)?,
            token_url: match self.token_url {
                Some(text) => trusted_url(job, &text, "`token_url`")?,
                None => endpoint::sts(job)?,
            },
            impersonation: self
                .service_account_impersonation_url
                .map(|text| trusted_url(job, &text, "`service_account_impersonation_url`"))
                .transpose()?,
            lifetime: self.service_account_impersonation.token_lifetime_seconds,
        })
    }
}

impl Source {
    fn subject(self, job: &Job) -> Result<Subject> {
        let field = match self.format.kind.as_str() {
            "json" => Some(self.format.subject_token_field_name.unwrap_or_default()),
            _ => None,
        };
        match (self.file, self.url) {
            (Some(file), _) => Ok(Subject::File(file, field)),
            (None, Some(url)) => Ok(Subject::Url(source_url(job, &url)?, headers(&self.headers)?, field)),
            // Programs are not run because a file says so, and keys of AWS are not signed with.
            (None, None) => Err(Error::usage("its `credential_source` is neither a file nor a URL")
                .hint("give `gcp-workload-identity-provider` instead of the file")),
        }
    }
}

/// A URL of https, of this machine, or of the metadata service that Azure's machines have, from which Google's
/// libraries read as well.
fn source_url(job: &Job, text: &str) -> Result<Url> {
    match Url::parse(text) {
        Ok(url) if url.scheme() == "http" && url.host_str() == Some(MACHINE) => Ok(url),
        _ => trusted_url(job, text, "`credential_source.url`"),
    }
}

fn headers(all: &BTreeMap<String, String>) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in all {
        let pair = HeaderName::try_from(name.as_str())
            .ok()
            .zip(HeaderValue::try_from(value.as_str()).ok());
        let (name, mut value) = pair.ok_or_else(|| {
            Error::usage("its `credential_source.headers` can't be sent").hint("create the file anew")
        })?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}
