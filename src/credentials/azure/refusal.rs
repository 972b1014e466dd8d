//! What Microsoft Entra says when it says no, and the likely mistake behind it ("Microsoft Entra authentication and
//! authorization error codes").

use serde::Deserialize;

use super::entra::Proof;
use crate::credentials::exchange::identity;
use crate::credentials::jwt::Claims;
use crate::credentials::said::Said;
use crate::error::Error;
use crate::http::Answer;

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
    #[serde(default)]
    error_codes: Vec<u64>,
}

/// The error of a login that Entra refused.
pub(super) fn about(answer: &Answer, tenant: &str, client: &str, proof: &Proof) -> Error {
    let body = serde_json::from_slice::<Body>(&answer.body).unwrap_or(Body {
        error: String::new(),
        error_description: String::new(),
        error_codes: Vec::new(),
    });
    // Trace ids and the time follow the first line.
    let line = body.error_description.lines().next().unwrap_or_default();
    let line = line.split(" Trace ID:").next().unwrap_or_default();
    let said = Said::new(answer, &body.error, line);
    let code = body.error_codes.first().copied().or_else(|| code_in(line));
    let (who, claims) = match proof {
        Proof::Assertion(token) => (format!("; {}", identity(token)), Claims::read(token.expose())),
        Proof::Password(_) => (String::new(), None),
    };
    let hint = hint(code, tenant, client, claims.as_ref());
    said.error(format!(
        "Microsoft Entra did not let the application {client} in: {said}{who}"
    ))
    .hint(hint)
}

/// `AADSTS70021: …`.
fn code_in(line: &str) -> Option<u64> {
    line.strip_prefix("AADSTS")?.split(':').next()?.trim().parse().ok()
}

fn hint(code: Option<u64>, tenant: &str, client: &str, claims: Option<&Claims>) -> String {
    match code {
        Some(700_016) => format!("the tenant {tenant} has no application {client}: check `azure-client-id`"),
        Some(90_002 | 900_023) => format!("there is no tenant {tenant} in this cloud: check `azure-tenant-id`"),
        Some(70_021 | 700_213) => subject(claims),
        // Azure/login#517.
        Some(7_002_138) => "a federated credential of the application differs from the token's sub in upper and lower \
                            case alone: write it letter by letter"
            .to_owned(),
        Some(700_211) => "no federated credential of the application has the token's iss: its issuer must be the \
                          same, letter by letter"
            .to_owned(),
        Some(700_212) => {
            "no federated credential of the application has the token's aud: set its audience to that".to_owned()
        }
        Some(700_024) => "the ID token is too old or too new: check the clock of the machine".to_owned(),
        Some(7_000_215) => "AZURE_CLIENT_SECRET is wrong: it is the secret's value, not its id".to_owned(),
        Some(7_000_222) => "AZURE_CLIENT_SECRET has ended: make a new one, or use a federated credential".to_owned(),
        Some(53_003) => "a policy of conditional access forbids it, such as one about the machine's address".to_owned(),
        _ => format!("check the federated credentials of the application {client}, and its tenant {tenant}"),
    }
}

/// No federated credential has the token's subject: which form it has tells what to make.
fn subject(claims: Option<&Claims>) -> String {
    let subject = claims.map_or("", |claims| claims.subject.as_str());
    let kind = if subject.contains(":environment:") {
        "; this job runs in an environment, so that its branch does not count"
    } else if subject.ends_with(":pull_request") {
        "; this is a pull request, for which one of a branch does not count"
    } else if subject.contains(":ref:refs/tags/") {
        "; this job runs for a tag, for which one of a branch does not count"
    } else {
        ""
    };
    let immutable = match subject.strip_prefix("repo:").and_then(|rest| rest.split(':').next()) {
        Some(repository) if repository.contains('@') => {
            "; it has the ids of owner and repository (OWNER@ID/REPOSITORY@ID), which one made by names lacks"
        }
        _ => "",
    };
    format!("no federated credential of the application has the token's sub: make one with just that{kind}{immutable}")
}
