//! AWS Signature Version 4, for a request with a body and without a query: all that this program sends.
//!
//! Own code: the signers on offer bring twenty crates and their own HTTP types (aws-sigv4, reqsign), or presign S3's
//! URLs alone (rusty-s3). The test suite that AWS published holds it.

use std::fmt::Write as _;
use std::time::SystemTime;

use ring::hmac;
use sha2::{Digest as _, Sha256};

use super::keys::Keys;
use crate::credentials::clock;
use crate::error::{Error, Result};
use crate::http::Request;
use crate::http::header::{HeaderName, HeaderValue};

/// What a signature is good for.
pub(super) struct Scope<'a> {
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) time: SystemTime,
}

/// Signs `request` with all the headers it has. `body` is its body.
pub(super) fn sign(mut request: Request, body: &[u8], keys: &Keys, scope: &Scope<'_>) -> Result<Request> {
    let not_text = || Error::internal("a header for AWS is not text");
    let time = clock::basic(scope.time);
    let mut set = |name: &'static str, value: &str| -> Result<()> {
        let mut value = HeaderValue::from_str(value).map_err(|_| not_text())?;
        value.set_sensitive(true);
        request.headers.insert(HeaderName::from_static(name), value);
        Ok(())
    };
    set("x-amz-date", &time)?;
    if let Some(session) = &keys.session {
        set("x-amz-security-token", session.expose())?;
    }
    let mut headers = vec![("host".to_owned(), authority(&request))];
    for (name, value) in &request.headers {
        let value = value.to_str().map_err(|_| not_text())?;
        let value = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        headers.push((name.as_str().to_owned(), value));
    }
    headers.sort();
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();

    let canonical = format!(
        "{}\n{}\n\n{headers}\n{names}\n{}",
        request.method,
        path(request.url.path()),
        hex(&Sha256::digest(body))
    );
    let date = time.get(..8).unwrap_or_default();
    let Scope { region, service, .. } = scope;
    let granted = format!("{date}/{region}/{service}/aws4_request");
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{time}\n{granted}\n{}",
        hex(&Sha256::digest(canonical))
    );
    let secret = format!("AWS4{}", keys.secret.expose());
    let key = [date, region, service, "aws4_request"]
        .into_iter()
        .fold(secret.into_bytes(), |key, part| mac(&key, part));
    let value = format!(
        "AWS4-HMAC-SHA256 Credential={}/{granted}, SignedHeaders={names}, Signature={}",
        keys.id,
        hex(&mac(&key, &to_sign))
    );
    Ok(request.authorized(Some(HeaderValue::from_str(&value).map_err(|_| not_text())?)))
}

/// The `Host` header that goes out.
fn authority(request: &Request) -> String {
    let host = request.url.host_str().unwrap_or_default();
    match request.url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// A path that is percent-encoded is so once more (every service but S3).
fn path(path: &str) -> String {
    let mut encoded = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use url::Url;

    use super::*;
    use crate::http::Method;
    use crate::report::{Report, Secret};

    const SESSION: &str = concat!(
        "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeo",
        "IYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5V",
        "SXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yj",
        "c8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==",
    );

    /// The header of a request of the suite, all of which have the same keys and time.
    fn authorization(method: Method, headers: &[(&'static str, &str)], body: &str, session: bool) -> String {
        let secret = |text: &str| Secret::new(text, &Report::silent());
        let keys = Keys {
            id: "AKIDEXAMPLE".to_owned(),
            secret: secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session: session.then(|| secret(SESSION)),
            origin: String::new(),
        };
        let scope = Scope {
            region: "us-east-1",
            service: "service",
            time: SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160),
        };
        let url = Url::parse("https://example.amazonaws.com/").unwrap();
        let request = headers
            .iter()
            .fold(Request::new(method, url, "test"), |request, (name, value)| {
                request.header(HeaderName::from_static(name), value)
            });
        let signed = sign(request, body.as_bytes(), &keys, &scope).unwrap();
        signed.headers["authorization"].to_str().unwrap().to_owned()
    }

    #[test]
    fn the_test_suite_of_aws() {
        let post = Method::POST;
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let trim = [("my-header1", " value1"), ("my-header2", " \"a   b   c\"")];
        for (name, signed, names, signature) in [
            (
                "get-vanilla",
                authorization(Method::GET, &[], "", false),
                "host;x-amz-date",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "post-vanilla",
                authorization(post.clone(), &[], "", false),
                "host;x-amz-date",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                "post-header-value-case",
                authorization(post.clone(), &[("my-header1", "VALUE1")], "", false),
                "host;my-header1;x-amz-date",
                "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
            ),
            (
                "get-header-value-trim",
                authorization(Method::GET, &trim, "", false),
                "host;my-header1;my-header2;x-amz-date",
                "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
            ),
            (
                "post-x-www-form-urlencoded",
                authorization(post.clone(), &form, "Param1=value1", false),
                "content-type;host;x-amz-date",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
            (
                "post-sts-header-before",
                authorization(post, &[], "", true),
                "host;x-amz-date;x-amz-security-token",
                "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
            ),
        ] {
            let credential = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
            let expected =
                format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}");
            assert_eq!(signed, expected, "{name}");
        }
    }

    #[test]
    fn an_encoded_path_is_encoded_once_more() {
        assert_eq!(path("/a%20b/ecr~1"), "/a%2520b/ecr~1");
    }
}
