//! What an ID token says about the job. Read, not verified: that is the cloud's part, and ours is to tell a person what
//! its trust policy was held against.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// Claims that trust policies are written about. Absent ones are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claims {
    /// `iss`.
    pub(super) issuer: String,
    /// `aud`; several are joined by commas.
    pub(super) audience: String,
    /// `sub`.
    pub(super) subject: String,
    /// `exp`, in seconds since 1970.
    pub(super) expires: Option<u64>,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(default)]
    iss: String,
    #[serde(default)]
    aud: Audience,
    #[serde(default)]
    sub: String,
    exp: Option<u64>,
}

/// RFC 7519 §4.1.3 has both forms.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Default for Audience {
    fn default() -> Self {
        Audience::Many(Vec::new())
    }
}

impl Claims {
    /// The claims of `token`; `None` if it is no JWT.
    pub(super) fn read(token: &str) -> Option<Self> {
        let payload = token.split('.').nth(1)?.trim_end_matches('=');
        let payload: Payload = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        Some(Claims {
            issuer: payload.iss,
            audience: match payload.aud {
                Audience::One(audience) => audience,
                Audience::Many(all) => all.join(","),
            },
            subject: payload.sub,
            expires: payload.exp,
        })
    }
}

impl fmt::Display for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Claims {
            issuer,
            audience,
            subject,
            ..
        } = self;
        // One line, whatever they hold.
        let [issuer, audience, subject] = [issuer, audience, subject].map(|text| text.escape_debug());
        write!(f, "iss \"{issuer}\", aud \"{audience}\", sub \"{subject}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payload: &str) -> Option<Claims> {
        Claims::read(&format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(payload)))
    }

    #[test]
    fn the_three_that_a_trust_policy_names_are_shown_and_nothing_else() {
        let claims = read(r#"{"iss":"https://i.example","aud":["a","b"],"sub":"repo:o/r\n::x","exp":5,"jti":"j"}"#);
        let claims = claims.unwrap();
        assert_eq!(claims.expires, Some(5));
        insta::assert_snapshot!(claims, @r#"iss "https://i.example", aud "a,b", sub "repo:o/r\n::x""#);
        assert_eq!(read("{}").unwrap().audience, "");
    }

    #[test]
    fn what_is_no_jwt_has_no_claims() {
        for token in ["", "opaque", "a.b", "a.!.c", "e30.e30=.", "e30.W10.x"] {
            let claims = Claims::read(token);
            assert!(claims.is_none_or(|claims| claims.issuer.is_empty()), "{token}");
        }
        assert_eq!(read(r#"{"iss":5}"#), None);
    }
}
