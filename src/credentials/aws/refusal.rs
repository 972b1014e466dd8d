//! What AWS's services say when they say no, and the likely mistake behind it.

use serde::Deserialize;

use super::registry::{Kind, Registry};
use super::xml;
use crate::credentials::exchange::{identity, send_within};
use crate::credentials::jwt::Claims;
use crate::credentials::keyless::Job;
use crate::credentials::said::Said;
use crate::error::{Class, Error, Result};
use crate::http::retry::Verdict;
use crate::http::{Answer, Failure, Request};
use crate::report::Secret;

/// Codes of refusals that may pass although their status is 400.
const PASSING: [&str; 4] = [
    "IDPCommunicationError",
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
];

/// Sends `request`, again where the code of a refusal says that it may pass; else the answer, whatever it is.
pub(super) async fn ask(job: &Job, request: &Request) -> Result<Answer> {
    let mut budget = job.client.budget();
    loop {
        let answer = send_within(job, request, &mut budget).await?;
        let said = read(&answer);
        if answer.status.is_success() || !PASSING.contains(&said.code.as_str()) {
            return Ok(answer);
        }
        let mut failure = Failure::from(Error::new(Class::Network, format!("{}: {said}", request.what)));
        failure.verdict = Verdict::Again;
        if failure.pause(&mut budget, &job.report, &request.what).await.is_err() {
            return Ok(answer);
        }
    }
}

#[derive(Deserialize)]
struct Json {
    #[serde(rename = "__type", alias = "code")]
    kind: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
}

/// STS answers in XML, ECR in JSON, and a proxy in neither.
pub(super) fn read(answer: &Answer) -> Said {
    let text = String::from_utf8_lossy(&answer.body);
    let part = |name| xml::text(&text, &["ErrorResponse", "Error", name]);
    let json = || serde_json::from_str::<Json>(&text).ok();
    let (code, message) = match (part("Code"), json()) {
        (Some(code), _) => (code, part("Message").unwrap_or_default()),
        (None, Some(json)) => (json.kind.unwrap_or_default(), json.message.unwrap_or_default()),
        (None, None) => (String::new(), String::new()),
    };
    // What AWS would have signed holds the token of the session.
    let message = message.split("The Canonical String").next().unwrap_or_default();
    // `com.amazonaws.ecr#AccessDeniedException`
    Said::new(answer, code.rsplit('#').next().unwrap_or_default(), message)
}

/// The error of a role that was not given.
pub(super) fn about_role(said: &Said, arn: &str, token: &Secret) -> Error {
    let claims = Claims::read(token.expose());
    let issuer = claims.as_ref().map_or("ISSUER", |claims| claims.issuer.as_str());
    let provider = issuer.trim_start_matches("https://");
    let hint = match said.code.as_str() {
        "AccessDenied" => format!(
            "the trust policy of the role must allow sts:AssumeRoleWithWebIdentity to the OIDC provider {provider}, \
             with {provider}:aud and {provider}:sub as the token has them; and the role must exist"
        ),
        "InvalidIdentityToken" if said.message.to_lowercase().contains("audience") => {
            format!("add the token's aud to the audiences of the OIDC provider {provider} in IAM")
        }
        "InvalidIdentityToken" if said.message.contains("provider") => {
            format!("add {issuer} as an OIDC provider in IAM, in the account of the role")
        }
        "InvalidIdentityToken" => format!("check the OIDC provider {provider} in IAM, and that AWS can read its keys"),
        "ExpiredTokenException" => "the token ended before it was used: let the job get a new one".to_owned(),
        "IDPCommunicationError" => format!("AWS can't reach {issuer}: its discovery document must be public"),
        "RegionDisabledException" => "activate STS for this region in IAM, or set another `aws-region`".to_owned(),
        "ValidationError" => "check `aws-role-arn`, and AWS_ROLE_SESSION_NAME if it is set".to_owned(),
        _ => "check the role, its trust policy, and the endpoint".to_owned(),
    };
    let message = format!("AWS STS gave no keys for {arn}: {said}; {}", identity(token));
    said.error(message).hint(hint)
}

/// The error of a password that was not given, for keys from `origin`.
pub(super) fn about_registry(said: &Said, registry: &Registry, origin: &str) -> Error {
    let action = match registry.kind {
        Kind::Private => "ecr:GetAuthorizationToken",
        Kind::Public => "ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken",
    };
    let hint = match said.code.as_str() {
        "AccessDeniedException" | "AccessDenied" => format!("allow {action} on all resources (\"*\") to that identity"),
        "UnrecognizedClientException" | "InvalidClientTokenId" => {
            "AWS does not know the key: check it, its region's partition, and AWS_SESSION_TOKEN for a temporary one"
                .to_owned()
        }
        "ExpiredTokenException" | "ExpiredToken" => "the keys have ended: let the job get new ones".to_owned(),
        "InvalidSignatureException" => "check AWS_SECRET_ACCESS_KEY, and the clock of this machine".to_owned(),
        _ => "check the keys, the region, and the endpoint".to_owned(),
    };
    said.error(format!(
        "Amazon ECR gave no password for the keys from {origin}: {said}"
    ))
    .hint(hint)
}
