//! Managed identities: the platform knows the machine, or the container, and gives it tokens. As Azure's libraries find
//! them: App Service and Container Apps (`IDENTITY_ENDPOINT`), older ones (`MSI_ENDPOINT`), virtual machines (IMDS).

use std::time::Duration;

use url::Url;

use super::{RESOURCE, found};
use crate::credentials::Found;
use crate::credentials::exchange::{request, send_within};
use crate::credentials::keyless::Job;
use crate::credentials::said::Said;
use crate::error::{Class, Error, Result};
use crate::http::header::HeaderName;
use crate::http::{Budget, Method};
use crate::report::Secret;

/// The metadata service of virtual machines, unless `AZURE_POD_IDENTITY_AUTHORITY_HOST` names another.
const IMDS: &str = "http://169.254.169.254";

/// How long it may take: where there is none, nobody answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tries after the first; the service is on this machine.
const RETRIES: u32 = 2;

/// A service that gives tokens.
pub(super) struct Service {
    url: Url,
    version: &'static str,
    header: &'static str,
    key: Secret,
    /// The name of the parameter with the id of an identity that isn't the machine's own.
    client: &'static str,
}

impl Service {
    /// The one that the platform announced.
    pub(super) fn announced(job: &Job) -> Result<Option<Self>> {
        let get = |name: &str| job.env.get(name).map(str::trim);
        let service = |variable, version, header, key: &str, client| {
            let text = get(variable).unwrap_or_default();
            Ok(Some(Service {
                url: parse(variable, text)?,
                version,
                header,
                key: Secret::new(key, &job.report),
                client,
            }))
        };
        if let (Some(_), Some(key)) = (get("IDENTITY_ENDPOINT"), get("IDENTITY_HEADER")) {
            return service("IDENTITY_ENDPOINT", "2019-08-01", "x-identity-header", key, "client_id");
        }
        if let (Some(_), Some(key)) = (get("MSI_ENDPOINT"), get("MSI_SECRET")) {
            return service("MSI_ENDPOINT", "2017-09-01", "secret", key, "clientid");
        }
        Ok(None)
    }

    /// The one announced, else that of a virtual machine: the user named it.
    pub(super) fn named(job: &Job) -> Result<Self> {
        if let Some(service) = Service::announced(job)? {
            return Ok(service);
        }
        const VARIABLE: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
        let base = job.env.get(VARIABLE).unwrap_or(IMDS).trim().trim_end_matches('/');
        Ok(Service {
            url: parse(VARIABLE, &format!("{base}/metadata/identity/oauth2/token"))?,
            version: "2018-02-01",
            header: "metadata",
            // Not secret, and as short as not to be masked in a log by mistake: it is not announced to the report.
            key: Secret::new("true", &crate::report::Report::silent()),
            client: "client_id",
        })
    }
}

fn parse(variable: &str, text: &str) -> Result<Url> {
    let refuse = |why: &str| Error::usage(format!("{variable}: {why}")).hint("the platform sets it: leave it alone");
    let url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(refuse("it is neither http nor https")),
    }
}

/// The token of a managed identity; `client` is the id of one that isn't the machine's own.
pub(super) async fn login(job: &Job, service: &Service, client: Option<&str>) -> Result<Found> {
    let mut url = service.url.clone();
    url.query_pairs_mut()
        .append_pair("api-version", service.version)
        .append_pair("resource", RESOURCE)
        .extend_pairs(client.map(|id| (service.client, id)));
    let name = HeaderName::from_static(service.header);
    let mut request = request(Method::GET, url, "the managed identity").header(name, service.key.expose());
    request.metadata = true;
    let way_out = "give the machine a managed identity, or set `azure-client-id` to one that it has";
    let mut budget = Budget::new(RETRIES, Duration::from_millis(200));
    let answer = tokio::time::timeout(PATIENCE, send_within(job, &request, &mut budget))
        .await
        .map_err(|_| {
            let message = format!("the service of managed identities did not answer in {PATIENCE:?}");
            Error::new(Class::Denied, message).hint("this machine seems not to be Azure's: let the job have ID tokens")
        })??;
    if !answer.status.is_success() {
        let said = Said::new(&answer, "", "");
        return Err(said
            .error(format!("the managed identity gave no token: {said}"))
            .hint(way_out));
    }
    let origin = match client {
        Some(client) => format!("the managed identity {client} at Azure"),
        None => "the machine's managed identity at Azure".to_owned(),
    };
    found(&answer, &job.report, origin)
}
