//! Two services of AWS: STS, which gives temporary keys for an ID token, and ECR's own API, which gives the registry's
//! password for a request signed with them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::sigv4::verify;
use super::{Mint, field, now, says};
use crate::support::message::{Reply, Request};
use crate::support::server::Handler;

pub const REGION: &str = "eu-west-1";
pub const STS_HOST: &str = "sts.eu-west-1.amazonaws.com";
pub const ECR_API_HOST: &str = "api.ecr.eu-west-1.amazonaws.com";
pub const ECR_PUBLIC_API_HOST: &str = "api.ecr-public.us-east-1.amazonaws.com";
pub const STS_HOST_OF_PUBLIC: &str = "sts.us-east-1.amazonaws.com";
pub const ROLE: &str = "arn:aws:iam::123456789012:role/publisher";
pub const AUDIENCE: &str = "sts.amazonaws.com";

/// Twelve hours, in seconds.
const LIFE: u64 = 12 * 3600;

/// AssumeRoleWithWebIdentity for one role, whose trust policy names one subject.
pub struct Sts {
    /// What the CI system signed.
    pub believed: Arc<Mint>,
    /// Access keys, each with its `secret` and its `session`.
    pub keys: Arc<Mint>,
    pub subject: &'static str,
}

impl Sts {
    fn refuse(status: u16, code: &str, text: &str) -> Reply {
        let body = format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    \
             <Type>Sender</Type>\n    <Code>{code}</Code>\n    <Message>{text}</Message>\n  </Error>\n  \
             <RequestId>cf4a2ab2-0000-4d5a-9a6e-0d2d5ab0b3c1</RequestId>\n</ErrorResponse>\n"
        );
        Reply::new(status).body("text/xml", body)
    }
}

impl Handler for Sts {
    fn answer(&self, request: &Request) -> Reply {
        if request.method != "POST"
            || field(request, "Version") != "2011-06-15"
            || request.header("authorization").is_some()
        {
            return Self::refuse(400, "InvalidAction", "an unsigned POST of version 2011-06-15 is wanted");
        }
        let session = field(request, "RoleSessionName");
        let named = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        if field(request, "Action") != "AssumeRoleWithWebIdentity"
            || !(2..=64).contains(&session.len())
            || !session.chars().all(named)
        {
            return Self::refuse(
                400,
                "ValidationError",
                "1 validation error detected: Value at 'roleSessionName'",
            );
        }
        let Some(claims) = self.believed.claims(&field(request, "WebIdentityToken")) else {
            let text = "Couldn't retrieve verification key from your identity provider, please reference \
                        AssumeRoleWithWebIdentity documentation for requirements";
            return Self::refuse(400, "InvalidIdentityToken", text);
        };
        if !says(&claims, "aud", AUDIENCE) {
            return Self::refuse(400, "InvalidIdentityToken", "Incorrect token audience");
        }
        if field(request, "RoleArn") != ROLE || !says(&claims, "sub", self.subject) {
            return Self::refuse(
                403,
                "AccessDenied",
                "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            );
        }
        let secret = self.keys.opaque("wJalr/+", Value::Null);
        let session = self.keys.opaque("FwoGZXIvYXdzE//////////", Value::Null);
        let access = self.keys.opaque("ASIA", json!({"secret": secret, "session": session}));
        let body = format!(
            "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
             <AssumeRoleWithWebIdentityResult>\n    <Audience>{AUDIENCE}</Audience>\n    \
             <AssumedRoleUser>\n      <AssumedRoleId>AROA3XFRBF535PLBIFPI4:run</AssumedRoleId>\n      \
             <Arn>arn:aws:sts::123456789012:assumed-role/publisher/run</Arn>\n    </AssumedRoleUser>\n    \
             <Credentials>\n      <AccessKeyId>{access}</AccessKeyId>\n      \
             <SecretAccessKey>{secret}</SecretAccessKey>\n      <SessionToken>{session}</SessionToken>\n      \
             <Expiration>2099-01-01T00:00:00Z</Expiration>\n    </Credentials>\n  \
             </AssumeRoleWithWebIdentityResult>\n</AssumeRoleWithWebIdentityResponse>\n"
        );
        Reply::new(200).body("text/xml", body)
    }
}

/// Private registries, each in its region, or the one public registry.
#[derive(Clone, Copy, PartialEq)]
pub enum Ecr {
    Private,
    Public,
}

impl Ecr {
    /// Region, service and operation, as they are signed and called.
    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Ecr::Private => (
                REGION,
                "ecr",
                "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
            ),
            Ecr::Public => (
                "us-east-1",
                "ecr-public",
                "SpencerFrontendService.GetAuthorizationToken",
            ),
        }
    }
}

/// GetAuthorizationToken of a kind of ECR.
pub struct EcrApi {
    pub kind: Ecr,
    /// Of [`Sts`]; and of users, whose keys have no `session`.
    pub keys: Arc<Mint>,
    /// Passwords for the registry.
    pub passwords: Arc<Mint>,
    /// Whether the role's policy allows it.
    pub allowed: bool,
    /// So many of its next passwords end before they are used.
    pub ending: AtomicUsize,
}

impl EcrApi {
    fn refuse(kind: &str, text: &str) -> Reply {
        Reply::new(400).body(
            "application/x-amz-json-1.1",
            json!({"__type": kind, "message": text}).to_string(),
        )
    }
}

impl Handler for EcrApi {
    fn answer(&self, request: &Request) -> Reply {
        let (region, service, target) = self.kind.names();
        if request.line() != "POST /" || request.header("x-amz-target") != Some(target) {
            return Self::refuse("UnknownOperationException", "");
        }
        if request.header("content-type") != Some("application/x-amz-json-1.1") {
            return Self::refuse("SerializationException", "");
        }
        let secret = |key: &str| self.keys.claims(key)?["secret"].as_str().map(str::to_owned);
        let signed = match verify(request, secret) {
            Ok(signed) => signed,
            Err(why) => {
                let text =
                    format!("The request signature we calculated does not match the signature you provided. {why}");
                return Self::refuse("InvalidSignatureException", &text);
            }
        };
        if (signed.region.as_str(), signed.service.as_str()) != (region, service) {
            return Self::refuse(
                "InvalidSignatureException",
                "Credential should be scoped to a valid region.",
            );
        }
        let keys = self.keys.claims(&signed.access_key).unwrap_or_default();
        if keys["session"].as_str() != request.header("x-amz-security-token") {
            return Self::refuse(
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            );
        }
        if !self.allowed {
            let text = "User: arn:aws:sts::123456789012:assumed-role/publisher/run is not authorized to perform: \
                        ecr:GetAuthorizationToken on resource: * because no identity-based policy allows the \
                        ecr:GetAuthorizationToken action";
            return Self::refuse("AccessDeniedException", text);
        }
        let fewer = |ending: usize| ending.checked_sub(1);
        let ending = self.ending.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer);
        let claims = json!({"expired": ending.is_ok()});
        let password = self.passwords.opaque("eyJwYXlsb2FkIjoi", claims);
        let mut data = json!({
            "authorizationToken": STANDARD.encode(format!("AWS:{password}")),
            "expiresAt": now() + LIFE,
        });
        let body = match self.kind {
            Ecr::Public => json!({"authorizationData": data}),
            Ecr::Private => {
                data["proxyEndpoint"] = "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com".into();
                json!({"authorizationData": [data]})
            }
        };
        Reply::new(200).body("application/x-amz-json-1.1", body.to_string())
    }
}
