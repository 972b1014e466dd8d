//! Secrets, looked for in every form in which they could stand somewhere.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// `secret` as it is, percent-encoded, and inside base64 of any text around it, in both alphabets.
pub fn forms(secret: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([secret.to_owned()]);
    forms.insert(url::form_urlencoded::byte_serialize(secret.as_bytes()).collect());
    for lower in [false, true] {
        forms.insert(percent_encoded(secret, lower));
    }
    for before in 0..3 {
        let text = ["\0".repeat(before).as_str(), secret].concat();
        // The characters that depend on nothing but the secret: without those that share bits with its neighbours.
        let (first, end) = ((before * 8).div_ceil(6), text.len() * 8 / 6);
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            forms.insert(engine.encode(&text)[first..end].to_owned());
        }
    }
    forms
}

fn percent_encoded(text: &str, lower: bool) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            _ if lower => write!(encoded, "%{byte:02x}").unwrap(),
            _ => write!(encoded, "%{byte:02X}").unwrap(),
        }
        encoded
    })
}

/// The line of `text` in which one of `secrets` stands, in some form.
pub fn find(text: &[u8], secrets: &[&str]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let forms: Vec<String> = secrets.iter().flat_map(|secret| forms(secret)).collect();
    // What is in one line may be told apart; what is in several, as base64 broken into lines, may not.
    let joined: String = text.split_whitespace().collect();
    let found = |text: &str| forms.iter().any(|form| text.contains(form.as_str()));
    let line = text.lines().find(|line| found(line)).map(str::to_owned);
    line.or_else(|| found(&joined).then(|| "over several lines".to_owned()))
}

/// `log` without the lines that tell a CI system what to mask, where it knows such: they must hold the secret.
pub fn without_masks(log: &str, system: &str) -> String {
    let mask = match system {
        "github" => "::add-mask::",
        "azure" => "##vso[task.setsecret]",
        _ => return log.to_owned(),
    };
    let lines = log.split_inclusive('\n').filter(|line| !line.starts_with(mask));
    lines.collect()
}

#[test]
fn every_form_is_found_and_nothing_else() {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    let secret = "planted/pass+word=~9?";
    for text in [
        secret.to_owned(),
        "a=planted%2Fpass%2Bword%3D%7E9%3F&b".to_owned(),
        "planted%2fpass%2bword%3d~9%3f".to_owned(),
        STANDARD.encode(format!("user:{secret}")),
        STANDARD.encode(format!("user1:{secret}x")),
        URL_SAFE.encode(format!("{{\"jti\":\"{secret}\"}}")),
        URL_SAFE.encode(format!("{{\"jti\": \"{secret}\"}}")),
        STANDARD.encode(format!("u{secret}"))[..20].to_owned() + "\n  " + &STANDARD.encode(format!("u{secret}"))[20..],
    ] {
        assert!(find(format!("x\n{text}\ny").as_bytes(), &[secret]).is_some(), "{text}");
    }
    assert_eq!(find(b"planted/pass+word", &[secret]), None);
    assert_eq!(find(STANDARD.encode("user:planted/pass").as_bytes(), &[secret]), None);
}

#[test]
fn only_the_lines_that_mask_may_hold_a_secret() {
    let log = "::add-mask::x\n ::add-mask::x\n##vso[task.setsecret]x\n";
    assert_eq!(without_masks(log, "github"), " ::add-mask::x\n##vso[task.setsecret]x\n");
    assert_eq!(without_masks(log, "azure"), "::add-mask::x\n ::add-mask::x\n");
    assert_eq!(without_masks(log, "gitlab"), log);
}
