//! Tokens of a front's own: JWTs with an HMAC (HS256), whose expiry counts to the millisecond.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::Bearer;

/// Where they are given out.
pub const PATH: &str = "/token";

#[derive(Debug, PartialEq)]
pub enum Verdict {
    Good,
    Expired,
    Missing,
}

/// The body of the endpoint's answer; `planted` stands in the token, and beside it.
pub fn issue(key: &[u8; 32], bearer: Bearer, planted: Option<&str>) -> String {
    let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({ "iss": "front", "exp": (now() + bearer.lifetime).as_secs_f64(), "jti": planted });
    let text = format!("{}.{}", encode(json!({ "alg": "HS256", "typ": "JWT" })), encode(claims));
    let token = format!("{text}.{}", URL_SAFE_NO_PAD.encode(hmac(key, text.as_bytes())));
    let mut answer = json!({ "token": token });
    if bearer.stated {
        answer["expires_in"] = bearer.lifetime.as_secs().into();
    }
    if let Some(planted) = planted {
        answer["refresh_token"] = planted.into();
    }
    answer.to_string()
}

/// What an Authorization header is worth.
pub fn verify(key: &[u8; 32], header: Option<&str>) -> Verdict {
    let expiry = || {
        let (text, mac) = header?.strip_prefix("Bearer ")?.rsplit_once('.')?;
        if URL_SAFE_NO_PAD.decode(mac).ok()? != hmac(key, text.as_bytes()) {
            return None;
        }
        let claims = URL_SAFE_NO_PAD.decode(text.split_once('.')?.1).ok()?;
        serde_json::from_slice::<serde_json::Value>(&claims).ok()?["exp"].as_f64()
    };
    match expiry() {
        None => Verdict::Missing,
        Some(expiry) if now().as_secs_f64() >= expiry => Verdict::Expired,
        Some(_) => Verdict::Good,
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

/// RFC 2104, for keys of at most a block.
fn hmac(key: &[u8; 32], text: &[u8]) -> Vec<u8> {
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        for (place, part) in block.iter_mut().zip(key) {
            *place ^= part;
        }
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha256::new()
        .chain_update(pad(0x5c))
        .chain_update(inner)
        .finalize()
        .to_vec()
}

#[test]
fn a_token_is_good_until_its_time_is_over_and_only_as_it_was_signed() {
    let key = [7; 32];
    let header = |lifetime| {
        let answer = issue(&key, Bearer { lifetime, stated: true }, None);
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        format!("Bearer {}", answer["token"].as_str().unwrap())
    };
    let good = header(Duration::from_secs(60));
    assert_eq!(verify(&key, Some(&good)), Verdict::Good);
    assert_eq!(verify(&[8; 32], Some(&good)), Verdict::Missing);
    assert_eq!(verify(&key, Some(&header(Duration::ZERO))), Verdict::Expired);
    assert_eq!(verify(&key, None), Verdict::Missing);
}
