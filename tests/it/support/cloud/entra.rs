//! Microsoft Entra: the token endpoint of a tenant that trusts one subject of one issuer (a federated credential).

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Mint, field, reply, says};
use crate::support::message::{Reply, Request};
use crate::support::server::Handler;

/// Its host in the public cloud.
pub const HOST: &str = "login.microsoftonline.com";

pub const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
pub const CLIENT: &str = "3f1c4a34-7c4b-4d0c-9d1b-6f8f0f6c2a11";

/// What the ID token is to be for, and the token that comes of it.
pub const ASSERTION_AUDIENCE: &str = "api://AzureADTokenExchange";
pub const REGISTRY_AUDIENCE: &str = "https://containerregistry.azure.net";

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The endpoint.
pub struct Entra {
    /// What the CI systems signed.
    pub believed: Arc<Mint>,
    /// Its own access tokens.
    pub issued: Arc<Mint>,
    /// The federated credentials: issuer and subject.
    pub trusted: Vec<(&'static str, &'static str)>,
}

impl Entra {
    /// A refusal as Entra words it, and the status that goes with it.
    fn refuse(status: u16, error: &str, code: u32, text: &str) -> Reply {
        let description = format!(
            "AADSTS{code}: {text} Trace ID: 6d6a4a5c-0000-4a3f-9d0e-1c1a6a2b0300 Correlation ID: \
             1f1d8a10-0000-4a7b-8a67-02f6f9b9a1c0 Timestamp: 2026-01-01 00:00:00Z"
        );
        let body = json!({"error": error, "error_description": description, "error_codes": [code]});
        reply(status, &body)
    }

    /// What is wrong with a client's assertion, if anything is.
    fn judge(&self, assertion: &str) -> Result<(), Reply> {
        let no_match = |code: u32, what: &str, value: &Value| {
            let text = format!(
                "No matching federated identity record found for presented assertion {what} {value}. Check your \
                 federated identity credential Subject, Audience and Issuer against the presented assertion.",
            );
            Err(Self::refuse(401, "invalid_client", code, &text.replace('"', "'")))
        };
        let Some(claims) = self.believed.claims(assertion) else {
            let text = "The certificate used to sign the client assertion is not valid.";
            return Err(Self::refuse(401, "invalid_client", 700_027, text));
        };
        if !self.trusted.iter().any(|(issuer, _)| says(&claims, "iss", issuer)) {
            return no_match(700_211, "issuer", &claims["iss"]);
        }
        if !says(&claims, "aud", ASSERTION_AUDIENCE) {
            return no_match(700_212, "audience", &claims["aud"]);
        }
        let known = |(issuer, subject): &&(&str, &str)| says(&claims, "iss", issuer) && says(&claims, "sub", subject);
        if self.trusted.iter().find(known).is_none() {
            return no_match(700_213, "subject", &claims["sub"]);
        }
        Ok(())
    }
}

impl Handler for Entra {
    fn answer(&self, request: &Request) -> Reply {
        let Some(tenant) = request
            .path
            .strip_prefix('/')
            .and_then(|path| path.strip_suffix("/oauth2/v2.0/token"))
        else {
            return Reply::new(404).body("text/html", "<html><title>Sign in to your account</title></html>");
        };
        if request.method != "POST" || request.header("authorization").is_some() {
            let text = "The endpoint only accepts POST requests with the client's own credential.";
            return Self::refuse(400, "invalid_request", 900_561, text);
        }
        if tenant != TENANT {
            let text = format!("Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID.");
            return Self::refuse(400, "invalid_request", 90_002, &text);
        }
        if field(request, "grant_type") != "client_credentials"
            || field(request, "client_assertion_type") != ASSERTION_TYPE
        {
            return Self::refuse(
                400,
                "invalid_request",
                900_144,
                "The request body must contain a parameter.",
            );
        }
        let client = field(request, "client_id");
        if client != CLIENT {
            let text = format!("Application with identifier '{client}' was not found in the directory 'Example'.");
            return Self::refuse(400, "unauthorized_client", 700_016, &text);
        }
        if let Err(reply) = self.judge(&field(request, "client_assertion")) {
            return reply;
        }
        let scope = field(request, "scope");
        let Some(audience) = scope.strip_suffix("/.default") else {
            let text =
                format!("The provided request must include a 'scope' input parameter. The scope {scope} is not valid.");
            return Self::refuse(400, "invalid_scope", 70_011, &text);
        };
        let token = self.issued.jwt(json!({
            "aud": audience, "iss": format!("https://sts.windows.net/{TENANT}/"), "appid": CLIENT, "tid": TENANT,
        }));
        reply(
            200,
            &json!({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token}),
        )
    }
}
