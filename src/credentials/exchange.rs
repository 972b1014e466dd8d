//! Asking a cloud for a credential: how a request is sent, an answer read and a secret taken out of it. Nothing that
//! comes back is trusted: it may be a proxy's page, a redirect, nothing at all, or far too much.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use url::Url;
use url::form_urlencoded::Serializer;

use super::IdTokens;
use super::jwt::Claims;
use super::keyless::Job;
use super::said::Said;
use crate::error::{Class, Error, Result};
use crate::http::header::{CONTENT_TYPE, HeaderValue};
use crate::http::{Answer, Body, Budget, Client, Follow, Method, Request, Want, redacted};
use crate::reference::Host;
use crate::report::{Report, Secret};

/// Answers above this are refused; real ones have a few KiB.
const ANSWER_LIMIT: usize = 128 * 1024;

/// Files with a token or a key above this are refused.
const FILE_LIMIT: u64 = 64 * 1024;

/// Of a server's own words, this much is shown.
const SHOWN: usize = 500;

/// A request for a credential from the service of `name`. It never leaves the server that it was meant for.
pub(super) fn request(method: Method, url: Url, name: &str) -> Request {
    let mut request = Request::new(method, url, format!("credential from {name}")).want(Want::Bytes(ANSWER_LIMIT));
    request.follow = Follow::SameOrigin;
    request
}

/// With a form as body.
pub(super) fn form(request: Request, pairs: &[(&str, &str)]) -> Request {
    let form = Serializer::new(String::new()).extend_pairs(pairs).finish();
    request
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::Bytes(form.into()))
}

/// Sends it, again where that may help.
///
/// # Errors
/// No answer, an answer that is too large, a redirect that is not followed.
pub(super) async fn send(job: &Job, request: &Request) -> Result<Answer> {
    send_within(job, request, &mut job.client.budget()).await
}

/// Sends it with another number of tries.
pub(super) async fn send_within(job: &Job, request: &Request, budget: &mut Budget) -> Result<Answer> {
    let answer = job.client.send(request, budget).await;
    answer.map_err(|failure| Error::from(failure).context(&request.what))
}

/// The JSON of a success. The text of the JSON error isn't shown: it may quote a token.
pub(super) fn json<T: DeserializeOwned>(answer: &Answer) -> Result<T> {
    serde_json::from_slice(&answer.body).map_err(|_| {
        let page = answer.body.trim_ascii_start().starts_with(b"<");
        let what = if page {
            "a page of HTML or XML"
        } else {
            "something else"
        };
        useless(
            answer,
            &format!("its answer should be the JSON of a credential, but is {what}"),
        )
    })
}

/// A server that says yes without giving what it was asked for.
pub(super) fn useless(answer: &Answer, why: &str) -> Error {
    let place = format!("{} {}", answer.method, redacted(&answer.url));
    Error::new(Class::Network, format!("{place}: {why}"))
        .hint("check the address, and whether a proxy of the job's network answers in its place")
}

/// The error of an answer that says no. It does not carry the answer along, and is never "not found": whoever asked
/// for a manifest must not take the missing page of a cloud for a missing manifest.
pub(super) fn refused(answer: &Answer) -> Error {
    let said = Said::new(answer, "", "");
    said.error(said.to_string())
}

/// The secret in `answer`. One with anything but visible ASCII would add headers of its own.
pub(super) fn secret(text: Option<String>, answer: &Answer, report: &Report) -> Result<Secret> {
    let text = text.unwrap_or_default();
    if text.is_empty() {
        return Err(useless(answer, "it answered without a token"));
    }
    if !is_token(&text) {
        return Err(useless(answer, "its token has characters that no token may have"));
    }
    Ok(Secret::new(text, report))
}

/// Whether it can be sent in a header, and is none of several lines.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `Basic`. The pair is a secret too: in a log it gives the password away.
pub(super) fn basic(username: &str, password: &Secret, report: &Report) -> Result<HeaderValue> {
    let pair = Secret::new(STANDARD.encode(format!("{username}:{}", password.expose())), report);
    HeaderValue::try_from(format!("Basic {}", pair.expose()))
        .map_err(|_| Error::internal("base64 is not a header value"))
}

/// Whether a credential of a cloud may go to `host`: it is one of the cloud's (`known`), or the user says so, naming
/// both the provider and the host. A named provider alone is no leave to hand its passwords to every host of a run.
pub(super) fn may_have(job: &Job, host: &Host, known: bool) -> bool {
    let theirs = known || job.cloud.host.as_ref() == Some(host);
    if !theirs {
        job.pass(
            host,
            "`auth-provider` is not for it: it is no host of that cloud, nor that of `registry`",
        );
    }
    theirs
}

/// Where the job's ID tokens come from; else why it has none.
pub(super) fn id_tokens(job: &Job) -> Result<&dyn IdTokens, String> {
    let source = job
        .id_tokens
        .as_deref()
        .ok_or("no CI system that gives ID tokens was found")?;
    source.available().map(|()| source)
}

/// The error for a job that was told to use its ID token, and has none.
pub(super) fn no_id_token(for_what: &str, reason: &str) -> Error {
    Error::new(
        Class::Denied,
        format!("{for_what} needs an ID token of the job: {reason}"),
    )
    .hint("let the job have ID tokens, or give another credential: `username` and `password`, or `token`")
}

/// Who the job says it is, for the message of a refusal; never the token.
pub(super) fn identity(token: &Secret) -> String {
    match Claims::read(token.expose()) {
        Some(claims) => format!("the ID token has {claims}"),
        None => "the ID token is not a JWT".to_owned(),
    }
}

/// The words of a server in one line, cut to what a person reads.
pub(super) fn words(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// The text of a file that holds a credential, without white space around it.
///
/// # Errors
/// It can't be read, is empty, too large or no text; names it and `variable`, which named it.
pub(super) async fn read_file(job: &Job, path: &str, variable: &str) -> Result<String> {
    let path = job.env.directory().join(path);
    let shown = path.clone();
    let read = move || -> std::io::Result<String> {
        let mut text = String::new();
        fs_err::File::open(path)?
            .take(FILE_LIMIT + 1)
            .read_to_string(&mut text)?;
        Ok(text)
    };
    let refuse = |why: &str| {
        Error::new(Class::Local, format!("{shown}: {why}")).hint(format!("`{variable}` names this file: check it"))
    };
    let text = tokio::task::spawn_blocking(read)
        .await
        .map_err(|_| Error::internal("reading a file panicked"))?
        .map_err(|error| match error.kind() {
            // Only errors of opening and reading name the file already.
            std::io::ErrorKind::InvalidData => refuse("it is not text"),
            _ => Error::local(error).hint(format!("`{variable}` names this file: check it")),
        })?;
    match text.trim() {
        "" => Err(refuse("it is empty")),
        _ if text.len() as u64 > FILE_LIMIT => Err(refuse("it is too large for a credential")),
        text => Ok(text.to_owned()),
    }
}

/// A URL of the job's own settings that a secret is sent to: https, this machine, or a host that `plain-http` names.
pub(super) fn trusted_url(job: &Job, text: &str, from: &str) -> Result<Url> {
    let refuse = |why: &str| {
        Error::usage(format!("{from}: {why}"))
            .hint("write https://HOST[/PATH]; http is for this machine, and for hosts that `plain-http` names")
    };
    let url = Url::parse(text.trim()).map_err(|error| refuse(&error.to_string()))?;
    if !url.has_host() {
        return Err(refuse("it has no host"));
    }
    let plain = || {
        job.client
            .options()
            .plain_http
            .iter()
            .any(|host| Client::names(host, &url))
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_local(&url) || plain() => Ok(url),
        _ => Err(refuse("it is neither https nor an address of this machine")),
    }
}

/// Whether it is on this machine.
pub(super) fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
