//! Two services of Google's: STS, which gives a federated token for an ID token, and IAM credentials, which gives a
//! service account's for that.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Mint, bearer, field, reply, says};
use crate::support::message::{Reply, Request};
use crate::support::server::Handler;

pub const STS_HOST: &str = "sts.googleapis.com";
pub const IAM_HOST: &str = "iamcredentials.googleapis.com";
pub const PROVIDER: &str = "projects/123456789/locations/global/workloadIdentityPools/ci/providers/github";
pub const ACCOUNT: &str = "publisher@example.iam.gserviceaccount.com";

/// What a principal may do with Artifact Registry.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Token exchange (RFC 8693) for one workload identity provider.
pub struct Sts {
    /// What the CI system signed.
    pub believed: Arc<Mint>,
    /// Google's own access tokens, each with its `principal`.
    pub issued: Arc<Mint>,
    /// What the attribute condition asks for.
    pub subject: &'static str,
}

impl Sts {
    fn refuse(error: &str, text: &str) -> Reply {
        reply(400, &json!({"error": error, "error_description": text}))
    }

    /// A field of the form, or of the JSON that Google's own action sends.
    fn given(request: &Request, name: &str) -> String {
        let json: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let camel: String = name
            .split('_')
            .enumerate()
            .map(|(at, word)| match word.split_at_checked(1) {
                Some((first, rest)) if at > 0 => first.to_uppercase() + rest,
                _ => word.to_owned(),
            })
            .collect();
        json[camel].as_str().map_or_else(|| field(request, name), str::to_owned)
    }
}

impl Handler for Sts {
    fn answer(&self, request: &Request) -> Reply {
        if request.line() != "POST /v1/token" || request.header("authorization").is_some() {
            return Reply::new(404);
        }
        let given = |name: &str| Self::given(request, name);
        if given("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange"
            || given("requested_token_type") != "urn:ietf:params:oauth:token-type:access_token"
            || given("scope") != SCOPE
        {
            return Self::refuse("invalid_request", "Invalid grant type, requested token type or scope.");
        }
        let kinds = ["jwt", "id_token"].map(|kind| format!("urn:ietf:params:oauth:token-type:{kind}"));
        if !kinds.contains(&given("subject_token_type")) {
            return Self::refuse("invalid_request", "Invalid subject token type.");
        }
        if given("audience") != format!("//iam.googleapis.com/{PROVIDER}") {
            return Self::refuse(
                "invalid_target",
                "The target service indicated by the \"audience\" parameters is invalid.",
            );
        }
        let Some(claims) = self.believed.claims(&given("subject_token")) else {
            return Self::refuse("invalid_grant", "Error connecting to the given credential's issuer.");
        };
        let own = ["https:", ""].map(|scheme| format!("{scheme}//iam.googleapis.com/{PROVIDER}"));
        if !own.iter().any(|audience| says(&claims, "aud", audience)) {
            let text = format!(
                "The audience in ID Token [{}] does not match the expected audience.",
                claims["aud"]
            );
            return Self::refuse("invalid_grant", &text.replace('"', ""));
        }
        if !says(&claims, "sub", self.subject) {
            let text = "The given credential is rejected by the attribute condition.";
            return Self::refuse("unauthorized_client", text);
        }
        let token = self.issued.opaque("ya29.d.", json!({"principal": "federated"}));
        reply(
            200,
            &json!({
                "access_token": token,
                "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
                "token_type": "Bearer",
                "expires_in": 3599,
            }),
        )
    }
}

/// generateAccessToken of one service account.
pub struct Iam {
    /// Of [`Sts`].
    pub issued: Arc<Mint>,
    /// Whether the federated principal may be the account (`roles/iam.workloadIdentityUser`).
    pub allowed: bool,
}

impl Handler for Iam {
    fn answer(&self, request: &Request) -> Reply {
        let error = |status: u16, kind: &str, text: &str| {
            reply(
                status,
                &json!({"error": {"code": status, "message": text, "status": kind}}),
            )
        };
        let path = format!("/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken");
        if request.method != "POST" || request.path.replace("%40", "@") != path {
            return error(404, "NOT_FOUND", "Requested entity was not found.");
        }
        let claims = bearer(request).and_then(|token| self.issued.claims(token));
        if claims.is_none_or(|claims| !says(&claims, "principal", "federated")) {
            return error(
                401,
                "UNAUTHENTICATED",
                "Request had invalid authentication credentials.",
            );
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        if body["scope"] != json!([SCOPE]) {
            return error(400, "INVALID_ARGUMENT", "Scope required.");
        }
        if !self.allowed {
            let text = "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).";
            return error(403, "PERMISSION_DENIED", text);
        }
        let token = self.issued.opaque("ya29.c.", json!({"principal": ACCOUNT}));
        reply(
            200,
            &json!({"accessToken": token, "expireTime": "2099-01-01T00:00:00Z"}),
        )
    }
}
