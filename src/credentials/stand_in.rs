//! For tests: a job with an identity, beside the server that stands in for a cloud.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::BoxFuture;

use super::keyless::{Cloud, Job};
use super::{Credential, Found, IdTokens};
use crate::error::Result;
use crate::http::server::Server;
use crate::http::{Client, Options};
use crate::reference::Repository;
use crate::report::{Report, Secret};

/// A CI system whose tokens say for whom they are; or that gives none, and why.
#[derive(Debug)]
struct Ci(Option<&'static str>);

impl IdTokens for Ci {
    fn available(&self) -> Result<(), String> {
        self.0.map_or(Ok(()), |reason| Err(reason.to_owned()))
    }

    fn token<'a>(&'a self, _: &'a Client, audience: &'a str) -> BoxFuture<'a, Result<Secret>> {
        Box::pin(async move { Ok(Secret::new(id_token(audience), &Report::silent())) })
    }
}

/// The token that a job has for `audience`.
pub(super) fn id_token(audience: &str) -> String {
    let claims = format!(r#"{{"iss":"https://ci.example","aud":"{audience}","sub":"repo:o/r:pull_request"}}"#);
    format!("e30.{}.signature", URL_SAFE_NO_PAD.encode(claims))
}

/// A job with ID tokens, in an environment where `HOST` stands for the server's; its input `registry` names the server,
/// unless `cloud` has another host.
pub(super) fn job(server: &Server, env: &[(&str, &str)], cloud: Cloud) -> Job {
    let env = env
        .iter()
        .map(|(name, value)| (*name, value.replace("HOST", server.host.as_str())));
    let host = cloud.host.or_else(|| Some(server.host.clone()));
    Job {
        cloud: Cloud { host, ..cloud },
        env: env.collect(),
        ..plain_job(&[])
    }
}

/// A job that no server is for. `plain.example` is named by `plain-http`.
pub(super) fn plain_job(env: &[(&str, &str)]) -> Job {
    let report = Report::silent();
    let options = Options {
        retries: 2,
        backoff: std::time::Duration::from_millis(1),
        plain_http: vec!["plain.example:4566".parse().unwrap()],
        ..Options::default()
    };
    Job {
        cloud: Cloud::default(),
        id_tokens: Some(Arc::new(Ci(None))),
        env: env.iter().copied().collect(),
        client: Client::new(&options, &report).unwrap(),
        reasons: Mutex::default(),
        report,
    }
}

/// A job that can have no ID token.
pub(super) fn without_id_tokens(mut job: Job) -> Job {
    job.id_tokens = Some(Arc::new(Ci(Some("the job has no `permissions: id-token: write`"))));
    job
}

/// `HOST/NAME`.
pub(super) fn repository(text: &str) -> Repository {
    let (host, name) = text.split_once('/').unwrap();
    Repository {
        host: host.parse().unwrap(),
        name: name.to_owned(),
    }
}

/// `USER:PASSWORD` of what was found.
pub(super) fn pair(found: &Found) -> String {
    match &found.credential {
        Credential::Basic { username, password } => format!("{username}:{}", password.expose()),
        other => format!("{other:?}"),
    }
}

/// Seconds until it is looked for anew.
pub(super) fn life(found: &Found) -> u64 {
    let end = found.expires.unwrap();
    end.duration_since(std::time::Instant::now()).as_secs()
}

/// What a person reads: the message and the way out, broken into lines.
pub(super) fn told<T: std::fmt::Debug>(outcome: Result<T>, server: &Server) -> String {
    let error = outcome.unwrap_err();
    let mut text = String::new();
    for part in [error.to_string(), format!("= {}", error.way_out().unwrap_or("-"))] {
        let mut length = 0;
        for word in part.replace(server.host.as_str(), "HOST").split(' ') {
            let separator = match length {
                0 => "",
                _ if length + word.len() > 100 => "\n  ",
                _ => " ",
            };
            length = if separator.starts_with('\n') {
                2
            } else {
                length + separator.len()
            } + word.len();
            text.push_str(separator);
            text.push_str(word);
        }
        text.push('\n');
    }
    text
}
