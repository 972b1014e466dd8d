//! Buildkite, whose agent asks for a token, and Bitbucket Pipelines, which gives each step one.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::program::Program;
use super::token;
use crate::credentials::IdTokens;
use crate::env::Env;
use crate::error::{Class, Error, Result};
use crate::http::Client;
use crate::report::Secret;

/// `buildkite-agent oidc request-token`.
#[derive(Debug)]
pub(super) struct Buildkite(Program);

impl Buildkite {
    pub(super) fn new(env: &Env) -> Self {
        Buildkite(Program::new("buildkite-agent", env))
    }
}

impl IdTokens for Buildkite {
    fn available(&self) -> Result<(), String> {
        Ok(())
    }

    fn token<'a>(&'a self, client: &'a Client, audience: &'a str) -> BoxFuture<'a, Result<Secret>> {
        async move {
            let text = self.0.run(&["oidc", "request-token", "--audience", audience]).await?;
            token(&text, "buildkite-agent", client)
        }
        .boxed()
    }
}

/// `BITBUCKET_STEP_OIDC_TOKEN`. Its audience is the workspace's own, so that the cloud must be told to take that.
pub(super) struct Bitbucket(Option<String>);

impl std::fmt::Debug for Bitbucket {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bitbucket").finish_non_exhaustive()
    }
}

const NO_TOKEN: &str = "the step has no `oidc: true`";

impl Bitbucket {
    pub(super) fn new(env: &Env) -> Self {
        Bitbucket(env.get("BITBUCKET_STEP_OIDC_TOKEN").map(|text| text.trim().to_owned()))
    }
}

impl IdTokens for Bitbucket {
    fn available(&self) -> Result<(), String> {
        self.0.as_ref().map(|_| ()).ok_or_else(|| NO_TOKEN.to_owned())
    }

    fn token<'a>(&'a self, client: &'a Client, _audience: &'a str) -> BoxFuture<'a, Result<Secret>> {
        let outcome = match &self.0 {
            Some(text) => token(text, "BITBUCKET_STEP_OIDC_TOKEN", client),
            None => Err(Error::new(Class::Denied, format!("no ID token: {NO_TOKEN}"))
                .hint("add `oidc: true` to the step in bitbucket-pipelines.yml")),
        };
        async move { outcome }.boxed()
    }
}
