//! The input `token`, used as the registry at hand takes it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Claims, Credential, aws, azure, gcp, quay};
use crate::reference::Host;
use crate::report::{Report, Secret};

/// Issuers of Microsoft Entra's tokens, in all its clouds.
const ENTRA: [&str; 5] = [
    "https://sts.windows.net/",
    "https://login.microsoftonline.com/",
    "https://login.microsoftonline.us/",
    "https://login.partner.microsoftonline.cn/",
    "https://sts.chinacloudapi.cn/",
];

/// The credential that `token` is at `host`; `username` is the input, if it was given.
pub(super) fn for_registry(host: &Host, username: Option<String>, token: Secret, report: &Report) -> Credential {
    if azure::serves(host) && username.is_none() {
        return if is_entra(token.expose()) {
            Credential::EntraToken(token)
        } else {
            Credential::RefreshToken(token)
        };
    }
    match (username, user(host)) {
        (Some(username), _) => Credential::Basic {
            username,
            password: token,
        },
        (None, Some(user)) => Credential::Basic {
            username: user.to_owned(),
            password: if aws::serves(host) {
                ecr_password(token, report)
            } else {
                token
            },
        },
        (None, None) => Credential::RefreshToken(token),
    }
}

/// The user that a token is the password of, at registries that take one so.
fn user(host: &Host) -> Option<&'static str> {
    match host.name() {
        // Any name does.
        "ghcr.io" => Some("github-token"),
        _ if aws::serves(host) => Some("AWS"),
        _ if gcp::serves(host) => Some(gcp::USER),
        _ if quay::serves(host) => Some("$oauthtoken"),
        _ => None,
    }
}

/// Whether a JWT was issued by Microsoft Entra. Read, not verified: ACR does that.
fn is_entra(token: &str) -> bool {
    Claims::read(token).is_some_and(|claims| ENTRA.iter().any(|entra| claims.issuer.starts_with(entra)))
}

/// For how long `credential` has been over, by the `exp` of its JWT. Servers decide; theirs is a 401 without a reason.
pub(super) fn ended(credential: &Credential, now: SystemTime) -> Option<Duration> {
    let token = match credential {
        Credential::Anonymous => return None,
        Credential::Basic { password, .. } => password,
        Credential::RefreshToken(token) | Credential::EntraToken(token) | Credential::Bearer(token) => token,
    };
    let seconds = Claims::read(token.expose())?.expires?;
    now.duration_since(UNIX_EPOCH)
        .ok()?
        .checked_sub(Duration::from_secs(seconds))
}

/// `aws ecr get-login-password` prints the password; `GetAuthorizationToken` answers base64 of `AWS:PASSWORD`.
fn ecr_password(token: Secret, report: &Report) -> Secret {
    let decoded = STANDARD
        .decode(token.expose())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    match decoded.as_deref().and_then(|pair| pair.strip_prefix("AWS:")) {
        Some(password) => Secret::new(password, report),
        None => token,
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text, &Report::silent())
    }

    fn credential(host: &str, username: Option<&str>, token: &str) -> Credential {
        for_registry(
            &host.parse().unwrap(),
            username.map(str::to_owned),
            secret(token),
            &Report::silent(),
        )
    }

    fn basic(username: &str, password: &str) -> Credential {
        Credential::Basic {
            username: username.to_owned(),
            password: secret(password),
        }
    }

    #[test]
    fn each_registry_takes_a_token_its_own_way() {
        let jwt = |issuer: &str| format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(format!(r#"{{"iss":"{issuer}"}}"#)));
        let entra = jwt("https://sts.windows.net/72f988bf/");
        let acr = jwt("Azure Container Registry");
        assert_eq!(
            credential("my.azurecr.io", None, &entra),
            Credential::EntraToken(secret(&entra))
        );
        assert_eq!(
            credential("my.azurecr.io", None, &acr),
            Credential::RefreshToken(secret(&acr))
        );
        let zero = "00000000-0000-0000-0000-000000000000";
        assert_eq!(credential("my.azurecr.io", Some(zero), &acr), basic(zero, &acr));
        let ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        assert_eq!(credential(ecr, None, "p"), basic("AWS", "p"));
        assert_eq!(credential(ecr, None, &STANDARD.encode("AWS:p:q")), basic("AWS", "p:q"));
        assert_eq!(credential("public.ecr.aws", None, "p"), basic("AWS", "p"));
        assert_eq!(
            credential("europe-docker.pkg.dev", None, "t"),
            basic("oauth2accesstoken", "t")
        );
        assert_eq!(credential("quay.io", None, "t"), basic("$oauthtoken", "t"));
        assert_eq!(credential("ghcr.io", None, "t"), basic("github-token", "t"));
        assert_eq!(credential("r.example", Some("me"), "t"), basic("me", "t"));
        assert_eq!(
            credential("r.example", None, "t"),
            Credential::RefreshToken(secret("t"))
        );
        assert_eq!(
            credential("evilgcr.io", None, "t"),
            Credential::RefreshToken(secret("t"))
        );
    }

    #[test]
    fn a_token_that_is_over_is_known_by_its_own_word() {
        let jwt = |claims: &str| Credential::Bearer(secret(&format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims))));
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        assert_eq!(ended(&jwt(r#"{"exp":940}"#), now), Some(Duration::from_secs(60)));
        for alive in [r#"{"exp":1001}"#, r#"{"exp":"940"}"#, "{}", "junk"] {
            assert_eq!(ended(&jwt(alive), now), None, "{alive}");
        }
        assert_eq!(ended(&basic("me", "a.b.c"), now), None);
        assert_eq!(ended(&Credential::Anonymous, now), None);
    }
}
