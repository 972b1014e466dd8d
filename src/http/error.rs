//! Answers that say no, in a person's words: `PUT https://…: 403 Forbidden: DENIED: …`.

use std::fmt;

use bytes::Bytes;
use reqwest::StatusCode;
use serde::Deserialize;
use url::Url;

use super::redact::hidden;
use super::{Answer, redacted};
use crate::error::{Class, Error};
use crate::report::Report;

/// Bodies of error answers are read this far, and so are answers that nobody reads.
pub(super) const LIMIT: usize = 64 * 1024;

/// Of one error's text, this much is shown.
const SHOWN: usize = 500;

/// Of a list of errors, this many are shown.
const ERRORS: usize = 5;

/// Headers by which the operator of a registry finds a request: ACR, AWS, GitHub, others.
const REQUEST_IDS: [&str; 5] = [
    "x-ms-correlation-request-id",
    "x-amzn-requestid",
    "x-amz-request-id",
    "x-github-request-id",
    "x-request-id",
];

/// Headers that tell of a limit: Docker Hub's `100;w=21600`, and who is counted.
const LIMITS: [&str; 3] = ["ratelimit-limit", "ratelimit-remaining", "docker-ratelimit-source"];

/// The body of an answer of `url` that says no, which is shown, without secrets of ours and of the URL: some servers
/// repeat what they got, as S3 does a signature that doesn't match. JSON is written anew, so that none hides behind its
/// escapes.
pub(super) fn without_secrets(body: &[u8], url: &Url, report: &Report) -> Bytes {
    let text = match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(json) => json.to_string(),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let own = |text: String, secret: &String| text.replace(secret.as_str(), "***");
    match hidden(url).iter().fold(report.without_secrets(&text), own) {
        hidden if hidden == text => Bytes::copy_from_slice(body),
        hidden => hidden.into(),
    }
}

/// What a server said when it said no. Rides in an [`Error`] as its source, so that callers can look for a code.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Method and redacted URL.
    pub request: String,
    /// The status.
    pub status: StatusCode,
    /// The codes of distribution-spec 1.1 "Error Codes", as far as the answer has some.
    pub codes: Vec<String>,
    /// The text of the answer in one line: `CODE: message`, or what an HTML page or plain text says.
    pub text: String,
}

impl Refusal {
    /// Reads what `answer` says.
    pub fn of(answer: &Answer) -> Self {
        let (codes, mut text) = read(&answer.body);
        if let Some(id) = REQUEST_IDS.iter().find_map(|name| answer.header(*name)) {
            text = format!("{text} (request {})", cut(id, 80)).trim_start().to_owned();
        }
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            let told = LIMITS.iter().filter_map(|name| {
                let value = answer.header(*name)?;
                Some(format!("{name} {}", cut(value, 80)))
            });
            let told: Vec<String> = told.collect();
            if !told.is_empty() {
                text = format!("{text} ({})", told.join(", ")).trim_start().to_owned();
            }
        }
        Refusal {
            request: format!("{} {}", answer.method, redacted(&answer.url)),
            status: answer.status,
            codes,
            text,
        }
    }

    /// Finds what a server said behind `error`.
    pub fn behind(error: &Error) -> Option<&Refusal> {
        std::error::Error::source(error)?.downcast_ref()
    }

    /// Whether one of the codes is `code`.
    pub fn has_code(&self, code: &str) -> bool {
        self.codes.iter().any(|found| found == code)
    }

    /// `503 Service Unavailable`.
    pub fn status_text(&self) -> String {
        let reason = self.status.canonical_reason().unwrap_or_default();
        format!("{} {reason}", self.status.as_u16()).trim_end().to_owned()
    }

    fn class(&self) -> Class {
        match self.status.as_u16() {
            401 | 403 | 407 => Class::Denied,
            404 | 410 => Class::NotFound,
            405 | 409 | 412 => Class::Conflict,
            _ => Class::Network,
        }
    }

    /// The error that tells of it.
    pub fn into_error(self) -> Error {
        let hint = self.speaks_https().then_some(
            "the registry speaks HTTPS: name its authority's certificate in `ca-file`, or its host in `insecure`",
        );
        let error = Error::new(self.class(), self.to_string()).caused_by(self);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// Whether a server for HTTPS was asked over HTTP, the scheme of loopback addresses: what Go's servers say, and
    /// nginx.
    fn speaks_https(&self) -> bool {
        self.status == StatusCode::BAD_REQUEST
            && (self.text.contains("HTTP request to an HTTPS server") || self.text.contains("sent to HTTPS port"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.request, self.status_text())?;
        if self.text.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.text)
        }
    }
}

impl std::error::Error for Refusal {}

impl Answer {
    /// The error that tells of this answer.
    pub fn refused(&self) -> Error {
        Refusal::of(self).into_error()
    }
}

#[derive(Deserialize)]
struct Body {
    /// Distribution-spec 1.1.
    #[serde(default)]
    errors: Vec<Item>,
    /// Docker Hub's and Microsoft Entra's own forms.
    #[serde(default, alias = "details", alias = "error_description")]
    message: Option<String>,
    /// RFC 6749 §5.2.
    #[serde(default)]
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    detail: Option<serde_json::Value>,
}

fn read(body: &[u8]) -> (Vec<String>, String) {
    let Ok(body) = serde_json::from_slice::<Body>(body) else {
        return (Vec::new(), plain(&String::from_utf8_lossy(body)));
    };
    let codes: Vec<String> = body
        .errors
        .iter()
        .filter_map(|item| item.code.clone())
        .take(ERRORS)
        .collect();
    let mut parts: Vec<String> = body.errors.iter().take(ERRORS).map(Item::text).collect();
    parts.extend(
        body.error
            .as_ref()
            .and_then(serde_json::Value::as_str)
            .map(|text| cut(text, SHOWN)),
    );
    parts.extend(body.message.as_deref().map(|text| cut(text, SHOWN)));
    parts.retain(|part| !part.is_empty());
    (codes, parts.join("; "))
}

impl Item {
    fn text(&self) -> String {
        let message = self.message.as_deref().map(one_line).filter(|text| !text.is_empty());
        let detail = match &self.detail {
            Some(serde_json::Value::String(text)) => Some(one_line(text)).filter(|text| !text.is_empty()),
            // Only when there is nothing better: a detail is made for programs.
            Some(value) if message.is_none() && !value.is_null() => Some(value.to_string()),
            _ => None,
        };
        let detail = detail.filter(|detail| {
            message
                .as_ref()
                .is_none_or(|message| !message.contains(detail.as_str()))
        });
        let parts = [self.code.clone(), message, detail];
        cut(&parts.into_iter().flatten().collect::<Vec<_>>().join(": "), SHOWN)
    }
}

/// Plain text as it is; of a page of HTML or XML what stands between its tags.
fn plain(text: &str) -> String {
    let mut shown = String::new();
    let mut depth = 0usize;
    for character in text.chars().take(8 * SHOWN) {
        match character {
            '<' => depth += 1,
            '>' if depth > 0 => {
                depth -= 1;
                shown.push(' ');
            }
            _ if depth == 0 => shown.push(character),
            _ => {}
        }
    }
    cut(&shown, SHOWN)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first `limit` characters on one line.
fn cut(text: &str, limit: usize) -> String {
    let text = one_line(text);
    match text.char_indices().nth(limit) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_a_server_repeats_is_hidden_in_each_form() {
        let report = Report::silent();
        let _ = crate::report::Secret::new("a/secret+password", &report);
        let _ = crate::report::Secret::new("short", &report);
        let url = Url::parse("https://s3.example/b?X-Amz-Signature=0123456789").unwrap();
        let said = |body: &str| String::from_utf8(without_secrets(body.as_bytes(), &url, &report).to_vec()).unwrap();
        for body in [
            r#"{"m":"a/secret+password"}"#,
            r#"{"m":"a\/secret\u002bpassword"}"#,
            r#"{"m":"a%2Fsecret%2Bpassword"}"#,
        ] {
            assert_eq!(said(body), r#"{"m":"***"}"#, "{body}");
        }
        assert_eq!(said("<p>a/secret+password 0123456789</p>"), "<p>*** ***</p>");
        assert_eq!(said("{ \"short\": 1.50 }"), "{ \"short\": 1.50 }");
    }

    #[test]
    fn bodies_in_all_the_forms_that_registries_send() {
        let text = |body: &str| read(body.as_bytes()).1;
        insta::assert_snapshot!(
            text(r#"{"errors":[{"code":"DENIED","message":"requested access is denied","detail":null}]}"#),
            @"DENIED: requested access is denied"
        );
        insta::assert_snapshot!(
            text(r#"{"errors":[{"code":"C","message":"unknown","detail":"sha256:1"},{"code":"X","detail":{"a":1}}]}"#),
            @r#"C: unknown: sha256:1; X: {"a":1}"#
        );
        insta::assert_snapshot!(text(r#"{"details":"incorrect password"}"#), @"incorrect password");
        insta::assert_snapshot!(
            text(r#"{"error":"invalid_grant","error_description":"AADSTS50013"}"#), @"invalid_grant; AADSTS50013");
        insta::assert_snapshot!(
            text("<html><head><title>502 Bad Gateway</title></head>\n<hr>nginx</html>"), @"502 Bad Gateway nginx");
        insta::assert_snapshot!(text("plain\r\n::set-output name=x::y"), @"plain ::set-output name=x::y");
        assert_eq!(text(""), "");
        assert_eq!(text(&"x".repeat(LIMIT)).chars().count(), SHOWN + 1);
        assert_eq!(text(r#"{"errors":null}"#), r#"{"errors":null}"#);
    }
}
