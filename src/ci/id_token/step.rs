//! Buildkite, whose agent asks for a token; Bitbucket Pipelines and Harness, which give each step one.

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

/// A token that each step gets in a variable. Its audience is the system's to choose, so that the cloud must be told to
/// take that.
pub(super) struct Given {
    text: Option<String>,
    variable: &'static str,
    /// Why there is none, and what to do.
    without: [&'static str; 2],
}

impl std::fmt::Debug for Given {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Given")
            .field("variable", &self.variable)
            .finish_non_exhaustive()
    }
}

impl Given {
    /// Bitbucket Pipelines: the audience is the workspace's.
    pub(super) fn bitbucket(env: &Env) -> Self {
        let without = [
            "the step has no `oidc: true`",
            "add `oidc: true` to the step in bitbucket-pipelines.yml",
        ];
        Given::new("BITBUCKET_STEP_OIDC_TOKEN", without, env)
    }

    /// Harness, which is Drone's heir; Drone itself has none.
    pub(super) fn harness(env: &Env) -> Self {
        let without = [
            "the step has no variable PLUGIN_OIDC_TOKEN_ID",
            "Harness sets it for a plugin step with OIDC; Drone has no ID tokens: use the input password or token",
        ];
        Given::new("PLUGIN_OIDC_TOKEN_ID", without, env)
    }

    fn new(variable: &'static str, without: [&'static str; 2], env: &Env) -> Self {
        Given {
            text: env.text(variable),
            variable,
            without,
        }
    }
}

impl IdTokens for Given {
    fn available(&self) -> Result<(), String> {
        self.text.as_ref().map(|_| ()).ok_or_else(|| self.without[0].to_owned())
    }

    fn token<'a>(&'a self, client: &'a Client, _audience: &'a str) -> BoxFuture<'a, Result<Secret>> {
        let [why, way_out] = self.without;
        let outcome = match &self.text {
            Some(text) => token(text, self.variable, client),
            None => Err(Error::new(Class::Denied, format!("no ID token: {why}")).hint(way_out)),
        };
        async move { outcome }.boxed()
    }
}
