//! Azure Container Registry without a stored secret: Microsoft Entra takes the job's ID token for a login, and gives an
//! access token, which each registry of that cloud exchanges for its own.
//!
//! Variables are those of Azure's own libraries: `AZURE_AUTHORITY_HOST`, `AZURE_CLIENT_ID`, `AZURE_TENANT_ID`,
//! `AZURE_FEDERATED_TOKEN_FILE`, `AZURE_CLIENT_SECRET`; for a managed identity see `managed`.

mod entra;
mod managed;
mod refusal;

#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::exchange::{id_tokens, is_token, json, may_have, no_id_token, read_file, secret};
use super::jwt::Claims;
use super::keyless::{Job, Provider};
use super::{Credential, Found, clock};
use crate::error::{Class, Error, Result};
use crate::http::Answer;
use crate::reference::{Host, Repository};
use crate::report::{Report, Secret};

use entra::{Entra, Proof};

/// What the access token is for; the audience of Azure's resource manager is refused by registries that turned it off.
const RESOURCE: &str = "https://containerregistry.azure.net";

/// What it lives for, where the answer doesn't say.
const USUAL_LIFE: Duration = Duration::from_secs(3600);

/// One of Azure's clouds.
#[derive(Debug)]
struct Cloud {
    /// The end of its registries' hosts.
    end: &'static str,
    /// Where Entra is.
    authority: &'static str,
    /// The audience of ID tokens for it.
    audience: &'static str,
}

const CLOUDS: [Cloud; 3] = [
    Cloud {
        end: ".azurecr.io",
        authority: "https://login.microsoftonline.com",
        audience: "api://AzureADTokenExchange",
    },
    Cloud {
        end: ".azurecr.us",
        authority: "https://login.microsoftonline.us",
        audience: "api://AzureADTokenExchangeUSGov",
    },
    Cloud {
        end: ".azurecr.cn",
        authority: "https://login.chinacloudapi.cn",
        audience: "api://AzureADTokenExchangeChina",
    },
];

fn cloud_of(host: &Host) -> Option<&'static Cloud> {
    CLOUDS.iter().find(|cloud| host.name().ends_with(cloud.end))
}

/// Whether `host` is one of its registries.
pub(super) fn serves(host: &Host) -> bool {
    cloud_of(host).is_some()
}

/// What shares one login with `host`: all registries of its cloud.
pub(super) fn realm(host: &Host) -> &str {
    cloud_of(host).map_or(host.as_str(), |cloud| cloud.end)
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
    let provider = job.cloud.provider == Some(Provider::Azure);
    let named = provider || job.cloud.azure_client_id.is_some() || job.cloud.azure_tenant_id.is_some();
    let [public, ..] = &CLOUDS;
    match attempt(job, cloud_of(host).unwrap_or(public)).await {
        Ok(None) if provider => Err(nothing(host)),
        Ok(None) => {
            job.pass(host, "no identity at Azure: no `azure-client-id`, no AZURE_CLIENT_ID");
            Ok(None)
        }
        Err(error) if !named => {
            job.pass(host, &format!("no credential from Azure: {error}"));
            Ok(None)
        }
        outcome => outcome,
    }
}

/// The first source that is set up.
async fn attempt(job: &Job, cloud: &Cloud) -> Result<Option<Found>> {
    let ids = Ids::of(job);
    let provider = job.cloud.provider == Some(Provider::Azure);
    // Azure's libraries take a client id alone for that of a managed identity.
    let service = match provider && ids.tenant.is_none() && id_tokens(job).is_err() {
        true => Some(managed::Service::named(job)?),
        false => managed::Service::announced(job)?,
    };
    let federated = job.cloud.azure_client_id.is_some() || job.cloud.azure_tenant_id.is_some() || ids.tenant.is_some();
    match (&ids.client, &ids.tenant, service) {
        (client, None, Some(service)) if job.cloud.azure_tenant_id.is_none() => {
            managed::login(job, &service, client.as_deref()).await.map(Some)
        }
        (Some(client), Some(tenant), service) => {
            let entra = Entra::new(job, cloud, tenant, client)?;
            match proof(job, cloud).await {
                Ok(proof) => entra.login(job, &proof).await.map(Some),
                Err(error) => match service {
                    Some(service) => managed::login(job, &service, Some(client)).await.map(Some),
                    None => Err(error),
                },
            }
        }
        (None, _, _) if federated || provider => Err(missing("azure-client-id", "AZURE_CLIENT_ID")),
        (Some(_), None, _) if federated || provider => Err(missing("azure-tenant-id", "AZURE_TENANT_ID")),
        _ => Ok(None),
    }
}

/// What Entra is shown. The job's own identity is first where the ids come from inputs; else what the platform set
/// beside the ids.
async fn proof(job: &Job, cloud: &Cloud) -> Result<Proof> {
    let tokens = id_tokens(job);
    if job.cloud.azure_client_id.is_none() || tokens.is_err() {
        let same = job
            .cloud
            .azure_client_id
            .as_deref()
            .is_none_or(|id| job.env.get("AZURE_CLIENT_ID") == Some(id));
        if let Some(password) = job.env.get("AZURE_CLIENT_SECRET").filter(|_| same) {
            return Ok(Proof::Password(Secret::new(password.trim(), &job.report)));
        }
        if let Some(path) = job.env.get("AZURE_FEDERATED_TOKEN_FILE") {
            let text = read_file(job, path.trim(), "AZURE_FEDERATED_TOKEN_FILE").await?;
            if !is_token(&text) {
                let error = Error::new(Class::Denied, format!("{path}: it is no token"));
                return Err(error.hint("`AZURE_FEDERATED_TOKEN_FILE` names this file: check it"));
            }
            return Ok(Proof::Assertion(Secret::new(text, &job.report)));
        }
    }
    let source = tokens.map_err(|reason| no_id_token("the login at Azure", &reason))?;
    source.token(&job.client, cloud.audience).await.map(Proof::Assertion)
}

/// The application that the job acts as: from inputs, Azure's own variables, or those of AzureCLI@2.
struct Ids {
    client: Option<String>,
    tenant: Option<String>,
}

impl Ids {
    fn of(job: &Job) -> Self {
        let pick = |input: &Option<String>, names: [&str; 3]| {
            let variable = || names.iter().find_map(|name| job.env.get(name)).map(str::to_owned);
            input.clone().or_else(variable).map(|id| id.trim().to_owned())
        };
        let cloud = &job.cloud;
        Ids {
            client: pick(
                &cloud.azure_client_id,
                ["AZURE_CLIENT_ID", "AZURESUBSCRIPTION_CLIENT_ID", "servicePrincipalId"],
            ),
            tenant: pick(
                &cloud.azure_tenant_id,
                ["AZURE_TENANT_ID", "AZURESUBSCRIPTION_TENANT_ID", "tenantId"],
            ),
        }
    }
}

fn missing(input: &str, variable: &str) -> Error {
    Error::usage(format!("the login at Azure lacks `{input}`")).hint(format!(
        "set `{input}`, or the variable {variable}; it stands on the overview page of the application"
    ))
}

fn nothing(host: &Host) -> Error {
    Error::new(
        Class::Denied,
        format!("`auth-provider: azure` found no identity at Azure for {host}"),
    )
    .hint("set `azure-client-id` and `azure-tenant-id`, and let the job have ID tokens")
}

/// What Entra and the services of managed identities answer with.
#[derive(Deserialize)]
struct Granted {
    access_token: Option<String>,
    expires_in: Option<Seconds>,
}

/// Managed identities write numbers as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

fn found(answer: &Answer, report: &Report, origin: String) -> Result<Found> {
    let granted: Granted = json(answer)?;
    let life = match granted.expires_in {
        Some(Seconds::Number(seconds)) => Some(seconds),
        Some(Seconds::Text(text)) => text.trim().parse().ok(),
        None => None,
    };
    let token = secret(granted.access_token, answer, report)?;
    // App Service gives tokens that it got earlier, without their life ("Managed identities for App Service").
    let end = || {
        let seconds = Claims::read(token.expose())?.expires?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
    };
    let expires = match life {
        Some(seconds) => clock::for_life(Duration::from_secs(seconds)),
        None => end().map_or_else(|| clock::for_life(USUAL_LIFE), |end| clock::until(end, answer)),
    };
    Ok(Found {
        credential: Credential::EntraToken(token),
        origin,
        expires: Some(expires),
    })
}
