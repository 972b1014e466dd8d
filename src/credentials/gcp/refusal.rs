//! What Google's services say when they say no, and the likely mistake behind it.

use serde::Deserialize;

use crate::credentials::exchange::identity;
use crate::credentials::jwt::Claims;
use crate::credentials::said::Said;
use crate::error::Error;
use crate::http::Answer;
use crate::report::Secret;

#[derive(Deserialize)]
struct Body {
    error: Kind,
    error_description: Option<String>,
}

/// The token service answers as OAuth2 does, the others as Google's APIs do.
#[derive(Deserialize)]
#[serde(untagged)]
enum Kind {
    OAuth(String),
    Api {
        status: Option<String>,
        message: Option<String>,
    },
}

/// As far as an answer says something.
pub(super) fn read(answer: &Answer) -> Said {
    let (code, message) = match serde_json::from_slice::<Body>(&answer.body) {
        Ok(Body {
            error: Kind::OAuth(code),
            error_description,
        }) => (code, error_description.unwrap_or_default()),
        Ok(Body {
            error: Kind::Api { status, message },
            ..
        }) => (status.unwrap_or_default(), message.unwrap_or_default()),
        Err(_) => (String::new(), String::new()),
    };
    Said::new(answer, &code, &message)
}

/// The error of an ID token that was not taken by the provider at `audience`.
pub(super) fn about_federation(said: &Said, audience: &str, token: &Secret) -> Error {
    let provider = audience.trim_start_matches("//iam.googleapis.com/");
    let hint = match said.code.as_str() {
        "invalid_target" => format!("there is no such provider, or it is disabled: check {provider}"),
        "unauthorized_client" => "the attribute condition of the provider must accept the token".to_owned(),
        "invalid_grant" => {
            "the provider's issuer must be the token's iss, and its allowed audiences must hold the token's aud \
             (its default is the provider's own name)"
                .to_owned()
        }
        _ => format!("check {provider}: its issuer, allowed audiences and attribute condition"),
    };
    said.error(format!(
        "Google's token service did not take the ID token: {said}; {}",
        identity(token)
    ))
    .hint(hint)
}

/// The error of an identity that may not act as `account`.
pub(super) fn about_impersonation(said: &Said, account: &str, audience: &str, token: &Secret) -> Error {
    let subject = Claims::read(token.expose()).map_or("SUBJECT".to_owned(), |claims| claims.subject);
    let pool = audience.split("/providers/").next().unwrap_or_default();
    let hint = if said.message.contains("has not been used") || said.message.contains("is disabled") {
        "enable the IAM Service Account Credentials API in the project of the service account".to_owned()
    } else if said.status == 404 {
        "there is no such service account: check `gcp-service-account`".to_owned()
    } else {
        format!(
            "grant roles/iam.workloadIdentityUser on the service account to principal:{pool}/subject/{subject}, \
             or to a principalSet that holds it; it gives iam.serviceAccounts.getAccessToken"
        )
    };
    said.error(format!(
        "the job's identity may not act as {account} (unable to acquire impersonated credentials): {said}; {}",
        identity(token)
    ))
    .hint(hint)
}
