//! ID tokens of the job, one file a CI system. What comes back is not trusted: it may be a proxy's page, or far too
//! much. Here is what the systems share.

mod azure;
mod circle;
mod github;
mod gitlab;
mod program;
mod step;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::System;
use crate::credentials::{Claims, IdTokens};
use crate::env::Env;
use crate::error::{Class, Error, Result};
use crate::http::header::HeaderValue;
use crate::http::{Client, Follow, Refusal, Request, Want, redacted};
use crate::report::Secret;

/// Answers and tokens above this are refused; real ones have a few KiB.
const LIMIT: usize = 64 * 1024;

/// Where the ID tokens of `system`'s jobs come from; `None` if it has none. Reads a file: not for an async thread.
pub fn source(system: System, env: &Env) -> Option<Arc<dyn IdTokens>> {
    Some(match system {
        System::GitHub | System::Forgejo | System::Gitea => Arc::new(github::GitHub::new(system, env)),
        System::GitLab => Arc::new(gitlab::GitLab::new(env)),
        System::Azure => Arc::new(azure::Azure::new(env)),
        System::Buildkite => Arc::new(step::Buildkite::new(env)),
        System::Circle => Arc::new(circle::Circle::new(env)),
        System::Bitbucket => Arc::new(step::Given::bitbucket(env)),
        System::Drone => Arc::new(step::Given::harness(env)),
        _ => return None,
    })
}

/// The JSON that `request` is answered with. A refusal is class `Denied`, and never "not found": whoever asked for a
/// manifest must not take this for a missing one.
async fn ask<T: DeserializeOwned>(client: &Client, mut request: Request, way_out: &str) -> Result<T> {
    request.follow = Follow::SameOrigin;
    request.want = Want::Bytes(LIMIT);
    let sent = client.send(&request, &mut client.budget()).await;
    let answer = sent.map_err(|failure| Error::from(failure).context(&request.what))?;
    if !answer.status.is_success() {
        let class = match answer.status.as_u16() {
            500.. => Class::Network,
            _ => Class::Denied,
        };
        return Err(Error::new(class, format!("{}: {}", request.what, Refusal::of(&answer))).hint(way_out));
    }
    // The text of the JSON error isn't shown: it may quote the token.
    serde_json::from_slice(&answer.body).map_err(|_| {
        let place = redacted(&answer.url);
        Error::new(
            Class::Network,
            format!("{}: {place}: its answer is not the JSON of a token", request.what),
        )
        .hint("check whether a proxy of the job's network answers in its place")
    })
}

/// `text` from `origin` as a token. One with anything but visible ASCII would add headers of its own.
fn token(text: &str, origin: &str, client: &Client) -> Result<Secret> {
    let why = match text {
        "" => "it gave an empty token",
        text if text.len() > LIMIT => "its token is too large",
        text if !text.bytes().all(|byte| byte.is_ascii_graphic()) => "its token has characters that no token may have",
        text => return Ok(Secret::new(text, client.report())),
    };
    Err(Error::new(Class::Denied, format!("{origin}: {why}")).hint("an ID token is one line of visible characters"))
}

/// The header that proves by `text` from `origin`, a token itself, who asks.
fn bearer(text: &str, origin: &str, client: &Client) -> Result<HeaderValue> {
    let token = token(text, origin, client)?;
    HeaderValue::try_from(format!("Bearer {}", token.expose()))
        .map_err(|_| Error::internal("a checked token is no header value"))
}

/// Whether `text` is a JWT for `audience`.
fn fits(text: &str, audience: &str) -> bool {
    Claims::read(text).is_some_and(|claims| claims.is_for(audience))
}
