//! CircleCI ("Using OpenID Connect tokens in jobs"): a token with the organisation as audience is in each job; one with
//! another audience comes from `circleci run oidc get`.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::program::Program;
use super::{fits, token};
use crate::credentials::IdTokens;
use crate::env::Env;
use crate::error::Result;
use crate::http::Client;
use crate::report::Secret;

const VARIABLE: &str = "CIRCLE_OIDC_TOKEN_V2";

/// Tokens of a job.
pub(super) struct Circle {
    given: Option<String>,
    program: Program,
}

impl std::fmt::Debug for Circle {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Circle").finish_non_exhaustive()
    }
}

impl Circle {
    pub(super) fn new(env: &Env) -> Self {
        Circle {
            given: env.get(VARIABLE).map(|text| text.trim().to_owned()),
            program: Program::new("circleci", env),
        }
    }
}

impl IdTokens for Circle {
    fn available(&self) -> Result<(), String> {
        match self.given {
            Some(_) => Ok(()),
            None => Err(format!(
                "the job has no {VARIABLE}: it is set in jobs that use a context"
            )),
        }
    }

    fn token<'a>(&'a self, client: &'a Client, audience: &'a str) -> BoxFuture<'a, Result<Secret>> {
        async move {
            if let Some(given) = self.given.as_deref().filter(|text| fits(text, audience)) {
                return token(given, VARIABLE, client);
            }
            let claims = serde_json::json!({ "aud": audience }).to_string();
            let text = self.program.run(&["run", "oidc", "get", "--claims", &claims]).await?;
            token(&text, "circleci", client)
        }
        .boxed()
    }
}
