//! The other side of AWS Signature Version 4: computes a request's signature again from what arrived.
//!
//! After "Create a signed AWS API request" in AWS's documentation. Requests for services other than S3, without query.

use oci_artifact::oci::Digest;
use sha2::{Digest as _, Sha256};

use crate::support::message::Request;

/// A request's credential scope, and whether the signature is right.
pub(super) struct Verdict {
    pub(super) access_key: String,
    pub(super) region: String,
    pub(super) service: String,
}

/// Checks the signature with the key that belongs to an access key; says what is wrong.
pub(super) fn verify(request: &Request, secret_of: impl Fn(&str) -> Option<String>) -> Result<Verdict, String> {
    let header = request.header("authorization").ok_or("no Authorization")?;
    let rest = header.strip_prefix("AWS4-HMAC-SHA256 ").ok_or("another algorithm")?;
    let part = |name: &str| {
        let found = rest
            .split(',')
            .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        found.ok_or_else(|| format!("no {name}"))
    };
    let (credential, signed, signature) = (part("Credential")?, part("SignedHeaders")?, part("Signature")?);
    let scope: Vec<&str> = credential.split('/').collect();
    let [access_key, day, region, service, "aws4_request"] = scope.as_slice() else {
        return Err(format!("credential scope {credential}"));
    };
    let date = request.header("x-amz-date").ok_or("no X-Amz-Date")?;
    if !date.starts_with(day) {
        return Err("the date isn't the credential scope's".to_owned());
    }
    let names: Vec<&str> = signed.split(';').collect();
    for needed in ["host", "x-amz-date"] {
        if !names.contains(&needed) {
            return Err(format!("{needed} is not signed"));
        }
    }
    for (name, _) in request.headers.iter().filter(|(name, _)| name.starts_with("x-amz-")) {
        if !names.contains(&name.as_str()) {
            return Err(format!("{name} is not signed"));
        }
    }
    if !names.is_sorted() {
        return Err("the signed headers are not in order".to_owned());
    }
    let mut canonical = format!("{}\n{}\n\n", request.method, request.path);
    for name in &names {
        let value = request
            .header(name)
            .ok_or_else(|| format!("{name} is signed and was not sent"))?;
        let value: Vec<&str> = value.split_whitespace().collect();
        canonical += &format!("{name}:{}\n", value.join(" "));
    }
    canonical += &format!("\n{signed}\n{}", hex_of(&request.body));
    let text = format!(
        "AWS4-HMAC-SHA256\n{date}\n{day}/{region}/{service}/aws4_request\n{}",
        hex_of(canonical.as_bytes())
    );
    let secret = secret_of(access_key).ok_or_else(|| format!("unknown access key {access_key}"))?;
    let mut key = hmac(format!("AWS4{secret}").as_bytes(), day.as_bytes());
    for part in [*region, *service, "aws4_request"] {
        key = hmac(&key, part.as_bytes());
    }
    let expected: String = hmac(&key, text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if signature != expected {
        return Err(format!("the canonical request should have been {canonical:?}"));
    }
    Ok(Verdict {
        access_key: (*access_key).to_owned(),
        region: (*region).to_owned(),
        service: (*service).to_owned(),
    })
}

fn hex_of(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string().trim_start_matches("sha256:").to_owned()
}

/// RFC 2104 with SHA-256.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let pass = |pad: u8, message: &[u8]| -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(block.map(|byte| byte ^ pad));
        hasher.update(message);
        hasher.finalize().into()
    };
    pass(0x5c, &pass(0x36, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, case 2.
    #[test]
    fn hmac_of_the_rfc() {
        let hex: String = hmac(b"Jefe", b"what do ya want for nothing?")
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    /// `post-x-www-form-urlencoded` of AWS's test suite for Signature Version 4.
    #[test]
    fn the_signature_of_the_published_test_suite() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut request = Request {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            headers: vec![
                header("content-type", "application/x-www-form-urlencoded"),
                header("host", "example.amazonaws.com"),
                header("x-amz-date", "20150830T123600Z"),
                header(
                    "authorization",
                    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                     SignedHeaders=content-type;host;x-amz-date, \
                     Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
                ),
            ],
            body: "Param1=value1".into(),
            ..Request::default()
        };
        let secret = |_: &str| Some("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned());
        let verdict = verify(&request, secret).unwrap();
        assert_eq!(
            (verdict.region.as_str(), verdict.service.as_str()),
            ("us-east-1", "service")
        );
        request.body = "Param1=value2".into();
        assert!(verify(&request, secret).is_err());
    }
}
