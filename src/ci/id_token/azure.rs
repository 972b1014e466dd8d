//! Azure Pipelines: a service connection with workload identity federation. AzureCLI@2 and its like hand the task a
//! token, or the connection's id, for which the server gives tokens as it does for `AzurePipelinesCredential`.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use url::Url;

use super::{ask, fits, token};
use crate::credentials::IdTokens;
use crate::env::Env;
use crate::error::{Class, Error, Result};
use crate::http::header::HeaderName;
use crate::http::{Client, Method, Request};
use crate::report::Secret;

const URL: &str = "SYSTEM_OIDCREQUESTURI";
const BEARER: &str = "SYSTEM_ACCESSTOKEN";

/// The first is set by AzureCLI@2 and AzurePowerShell@5, the other is for a step without them.
const CONNECTION: [&str; 2] = ["AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "AZURE_SERVICE_CONNECTION_ID"];

const MAP: &str = "set `env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)` on the step, and allow the pipeline to use the \
                   service connection";

/// Tokens of a service connection.
pub(super) struct Azure {
    env: Env,
}

impl std::fmt::Debug for Azure {
    /// Without the environment.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Azure").finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    oidc_token: Option<String>,
}

impl Azure {
    pub(super) fn new(env: &Env) -> Self {
        Azure { env: env.clone() }
    }

    /// URL, bearer and connection; else what is missing.
    fn place(&self) -> Result<(&str, &str, &str), String> {
        let get = |name: &str| {
            let missing = || format!("the step has no variable {name}");
            self.env.get(name).map(str::trim).ok_or_else(missing)
        };
        let [task, own] = CONNECTION;
        let connection = get(task).or_else(|_| get(own))?;
        Ok((get(URL)?, get(BEARER)?, connection))
    }
}

impl IdTokens for Azure {
    fn available(&self) -> Result<(), String> {
        match self.env.get("idToken") {
            Some(_) => Ok(()),
            None => self.place().map(|_| ()),
        }
    }

    fn token<'a>(&'a self, client: &'a Client, audience: &'a str) -> BoxFuture<'a, Result<Secret>> {
        async move {
            // `addSpnToEnvironment: true` of AzureCLI@2.
            if let Some(given) = self.env.get("idToken").filter(|text| fits(text.trim(), audience)) {
                return token(given.trim(), "idToken", client);
            }
            let (url, bearer, connection) = self
                .place()
                .map_err(|reason| Error::new(Class::Denied, format!("no ID token: {reason}")).hint(MAP))?;
            let mut url = Url::parse(url)
                .map_err(|error| Error::usage(format!("{URL}: {error}")).hint("the agent sets it; leave it alone"))?;
            url.query_pairs_mut()
                .append_pair("api-version", "7.1")
                .append_pair("serviceConnectionId", connection);
            let bearer = super::bearer(bearer, BEARER, client)?;
            // Else a refusal is a redirect to a page for people.
            let request = Request::new(Method::POST, url, "ID token of the service connection")
                .header(HeaderName::from_static("x-tfs-fedauthredirect"), "Suppress")
                .header(crate::http::header::CONTENT_TYPE, "application/json")
                .authorized(Some(bearer));
            let given: Given = ask(client, request, MAP).await?;
            token(&given.oidc_token.unwrap_or_default(), "Azure Pipelines", client)
        }
        .boxed()
    }
}
