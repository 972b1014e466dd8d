//! Credentials given as inputs, for one host.

use super::chain::Bound;
use super::{Credential, token};
use crate::error::{Error, Result};
use crate::reference::Host;
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

/// The credential of the inputs, bound to `host`.
///
/// # Errors
/// Half of a credential, or two of them.
pub(super) fn bind(given: Given, host: &Host, report: &Report) -> Result<Option<Bound>> {
    let Given {
        username,
        password,
        token,
        registry_token,
        ..
    } = given;
    let kinds: Vec<&str> = [
        ("password", password.is_some()),
        ("token", token.is_some()),
        ("registry-token", registry_token.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, set)| set.then_some(name))
    .collect();
    if let [first, second, ..] = kinds.as_slice() {
        return Err(Error::usage(format!(
            "`{first}` and `{second}` are given for {host}, and only one can be used"
        ))
        .hint(format!("leave out `{first}` or `{second}`")));
    }
    let missing = |name: &str, other: &str| {
        Err(
            Error::usage(format!("`{other}` is given for {host}, but `{name}` is missing"))
                .hint(format!("set `{name}`; a secret that this job may not read is blank")),
        )
    };
    let bind = |credential, origin: &str| Ok(Some(Bound::fixed(host.clone(), credential, origin)));
    match (username, password, token, registry_token) {
        (_, _, _, Some(bearer)) => bind(Credential::Bearer(bearer), "`registry-token`"),
        (username, _, Some(token), _) => bind(token::for_registry(host, username, token, report), "`token`"),
        (Some(username), Some(password), ..) => {
            bind(Credential::Basic { username, password }, "`username` and `password`")
        }
        (Some(_), None, None, None) => missing("password", "username"),
        (None, Some(_), None, None) => missing("username", "password"),
        (None, None, None, None) => Ok(None),
    }
}
