//! GitHub Actions and Forgejo Actions ("OpenID Connect reference"): a server of the runner's own gives tokens.

use camino::Utf8Path;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use url::Url;

use super::{ask, token};
use crate::ci::System;
use crate::ci::github::is_fork;
use crate::credentials::IdTokens;
use crate::env::Env;
use crate::error::{Class, Error, Result};
use crate::http::{Client, Method, Request};
use crate::report::Secret;

const URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

/// Tokens from the runner's server.
pub(super) struct GitHub {
    /// URL and bearer, or why there are none.
    place: Result<(String, String), &'static str>,
    way_out: &'static str,
}

impl std::fmt::Debug for GitHub {
    /// Without the bearer.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GitHub").finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Given {
    value: Option<String>,
}

impl GitHub {
    pub(super) fn new(system: System, env: &Env) -> Self {
        let place = env.get(URL).zip(env.get(TOKEN));
        GitHub {
            place: match place {
                Some((url, bearer)) => Ok((url.trim().to_owned(), bearer.trim().to_owned())),
                None => Err(reason(system, env)),
            },
            way_out: match system {
                System::Forgejo => "set `enable-openid-connect: true` in the workflow",
                _ => "give the job `permissions: id-token: write`",
            },
        }
    }
}

fn reason(system: System, env: &Env) -> &'static str {
    match system {
        System::Gitea => return "Gitea Actions gives jobs no ID tokens",
        System::Forgejo => return "the workflow has no `enable-openid-connect: true`",
        _ => {}
    }
    let event = env.get("GITHUB_EVENT_NAME");
    if env.get("GITHUB_ACTOR") == Some("dependabot[bot]") {
        "GitHub gives none to a job that Dependabot started"
    } else if event == Some("pull_request") && env.get("GITHUB_EVENT_PATH").map(Utf8Path::new).is_some_and(is_fork) {
        "GitHub gives none to a pull request from a fork"
    } else {
        "the job has no `permissions: id-token: write` (a reusable workflow needs it in its caller, too)"
    }
}

impl IdTokens for GitHub {
    fn available(&self) -> Result<(), String> {
        self.place.as_ref().map(|_| ()).map_err(|&reason| reason.to_owned())
    }

    fn token<'a>(&'a self, client: &'a Client, audience: &'a str) -> BoxFuture<'a, Result<Secret>> {
        async move {
            let (url, bearer) = self
                .place
                .as_ref()
                .map_err(|&reason| Error::new(Class::Denied, format!("no ID token: {reason}")).hint(self.way_out))?;
            let mut url = Url::parse(url)
                .map_err(|error| Error::usage(format!("{URL}: {error}")).hint("the runner sets it; leave it alone"))?;
            url.query_pairs_mut().append_pair("audience", audience);
            let bearer = super::bearer(bearer, TOKEN, client)?;
            let request = Request::new(Method::GET, url, "ID token of the job").authorized(Some(bearer));
            let given: Given = ask(client, request, self.way_out).await?;
            token(&given.value.unwrap_or_default(), "the runner's token server", client)
        }
        .boxed()
    }
}
