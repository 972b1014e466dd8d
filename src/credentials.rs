//! Which credential goes to which registry (design: "Whose credential it is").
//!
//! Order: what was given by input for its host; `github-token` for ghcr.io or the GitHub server's own container host;
//! the docker or containers config for exactly that host; anonymous, for reading only.

use crate::env::Env;
use crate::error::Result;
use crate::reference::{Host, Repository};
use crate::report::{Report, Secret};

/// Credentials given as inputs, for one host.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The host that they belong to; `None` if nothing was given.
    pub host: Option<Host>,
    /// `username`.
    pub username: Option<String>,
    /// `password`.
    pub password: Option<Secret>,
    /// `token`: used as that registry takes it.
    pub token: Option<Secret>,
    /// `registry-token`: a bare bearer.
    pub registry_token: Option<Secret>,
    /// `github-token`: only for ghcr.io, or the container host of `GITHUB_SERVER_URL`.
    pub github_token: Option<Secret>,
}

/// How to prove who we are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// Not at all.
    Anonymous,
    /// User and password: Basic, or Basic at the token endpoint.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: Secret,
    },
    /// An OAuth2 refresh token ("identity token"), for the token endpoint's POST.
    RefreshToken(Secret),
    /// A Microsoft Entra access token, for ACR's `/oauth2/exchange`.
    EntraToken(Secret),
    /// A bearer token for the registry itself, used as it is.
    Bearer(Secret),
}

/// The credentials of a run. Held in memory only.
#[derive(Debug)]
pub struct Credentials {}

impl Credentials {
    /// From the inputs and the configuration files that `env` points to.
    pub fn new(given: Given, env: &Env, report: &Report) -> Result<Self> {
        let _ = (given, env, report);
        Ok(Credentials {})
    }

    /// The credential for `repository`, and where it came from, for messages.
    pub fn find(&self, repository: &Repository) -> Result<(Credential, &str)> {
        let _ = repository;
        Ok((Credential::Anonymous, "anonymous"))
    }
}
