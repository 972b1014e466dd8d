//! GitLab CI ("ID token authentication"): `id_tokens:` of a job are variables, each with an audience of its own.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::{fits, token};
use crate::credentials::{Claims, IdTokens};
use crate::env::Env;
use crate::error::{Class, Error, Result};
use crate::http::Client;
use crate::report::Secret;

/// The name that we propose; any other does as well.
const NAME: &str = "OCI_ARTIFACT_ID_TOKEN";

/// Tokens in variables.
pub(super) struct GitLab {
    /// Names and values of those that this server issued.
    found: Vec<(String, String)>,
}

impl std::fmt::Debug for GitLab {
    /// Without the tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GitLab").finish_non_exhaustive()
    }
}

impl GitLab {
    pub(super) fn new(env: &Env) -> Self {
        let server = env.get("CI_SERVER_URL").map(|url| url.trim_end_matches('/'));
        let own = |name: &str, value: &str| {
            // CI_JOB_TOKEN may be a JWT as well.
            let claims = Claims::read(value).filter(|_| name != "CI_JOB_TOKEN");
            claims.is_some_and(|claims| {
                let issuer = claims.issuer.trim_end_matches('/');
                !claims.audience.is_empty() && (name == NAME || server.is_none_or(|server| server == issuer))
            })
        };
        let mut found: Vec<_> = env
            .iter()
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .filter(|(name, value)| own(name, value))
            .collect();
        found.sort_by_key(|(name, _)| name != NAME);
        GitLab { found }
    }
}

impl IdTokens for GitLab {
    fn available(&self) -> Result<(), String> {
        match self.found.is_empty() {
            true => Err("the job has no `id_tokens:`".to_owned()),
            false => Ok(()),
        }
    }

    fn token<'a>(&'a self, client: &'a Client, audience: &'a str) -> BoxFuture<'a, Result<Secret>> {
        let outcome = match self.found.iter().find(|(_, value)| fits(value, audience)) {
            Some((name, value)) => token(value, name, client),
            None => {
                let others: Vec<_> = self.found.iter().map(|(name, _)| format!("`{name}`")).collect();
                let others = match others.is_empty() {
                    true => "it has none".to_owned(),
                    false => format!("its own are for others: {}", others.join(", ")),
                };
                Err(Error::new(
                    Class::Denied,
                    format!("no ID token of this job has the audience {audience:?}: {others}"),
                )
                .hint(format!("add to the job: id_tokens: {{{NAME}: {{aud: {audience:?}}}}}")))
            }
        };
        async move { outcome }.boxed()
    }
}
