//! What `login` leaves for other tools, and `logout` takes away: an entry of docker's own configuration, or of the
//! helper that it names for the host.

mod file;

use camino::Utf8PathBuf;

use super::docker::{self, HUB_KEY};
use super::helper::Helpers;
use super::{Credential, canonical};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::reference::Host;
use crate::report::Report;

use file::File;

/// Where a credential was put, or was taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Docker's configuration.
    pub path: Utf8PathBuf,
    /// The helper that has the secret; without one it stands in the file, readable to the job's user.
    pub helper: Option<String>,
    /// Whether there was anything: `logout` where nobody logged in is no error.
    pub any: bool,
}

/// Puts `credential` for `host` where docker looks for it.
///
/// # Errors
/// The configuration can't be read, understood or written; the helper can't be used; the credential has no form there.
pub async fn store(host: &Host, credential: &Credential, env: &Env, report: &Report) -> Result<Saved> {
    let entry = file::Entry::of(host, credential)?;
    let key = key(host);
    let (path, file) = open(env).await?;
    let helper = file.helper(canonical(host.as_str()))?;
    if let Some(name) = &helper {
        let helpers = Helpers::new(env, report);
        let kept = match credential {
            Credential::Basic { username, password } => helpers.store(name, &key, Some(username), password).await,
            Credential::RefreshToken(token) => helpers.store(name, &key, None, token).await,
            _ => return Err(no_form(host)),
        };
        kept.map_err(|failure| unusable(failure.error(name, path.as_str())))?;
    }
    // With a helper, an empty entry says that it has one, as docker writes it.
    let entry = if helper.is_some() {
        file::Entry::default()
    } else {
        entry
    };
    // Read again: a helper may have taken its time, and other logins their turn.
    let there = path.clone();
    blocking(move || {
        let mut file = File::read(there)?;
        file.set(&key, &entry)?;
        file.write()
    })
    .await?;
    Ok(Saved {
        path,
        helper,
        any: true,
    })
}

/// Takes away what docker has for `host`.
///
/// # Errors
/// The configuration can't be read, understood or written; the helper can't be used.
pub async fn erase(host: &Host, env: &Env, report: &Report) -> Result<Saved> {
    let (path, file) = open(env).await?;
    let helper = file.helper(canonical(host.as_str()))?;
    let mut keys = file.keys(canonical(host.as_str()))?;
    let any = !keys.is_empty();
    // First: a helper that fails must not keep a password in the file.
    if any {
        let (mut file, keys) = (file, keys.clone());
        blocking(move || {
            file.remove(&keys)?;
            file.write()
        })
        .await?;
    }
    if let Some(name) = &helper {
        let helpers = Helpers::new(env, report);
        let own = key(host);
        if !keys.contains(&own) {
            keys.push(own);
        }
        for key in &keys {
            let erased = helpers.erase(name, key).await;
            erased.map_err(|failure| unusable(failure.error(name, path.as_str())))?;
        }
    }
    Ok(Saved { path, helper, any })
}

/// What docker calls `host`.
fn key(host: &Host) -> String {
    match canonical(host.as_str()) {
        "docker.io" => HUB_KEY.to_owned(),
        host => host.to_owned(),
    }
}

async fn open(env: &Env) -> Result<(Utf8PathBuf, File)> {
    let path = docker::own_file(env).ok_or_else(|| {
        Error::usage("there is no place for docker's configuration").hint("set DOCKER_CONFIG to a folder, or HOME")
    })?;
    let there = path.clone();
    let file = blocking(move || File::read(there)).await?;
    Ok((path, file))
}

fn unusable(error: Error) -> Error {
    error.hint("repair the helper, or take `credsStore` or `credHelpers` out of that file")
}

fn no_form(host: &Host) -> Error {
    Error::usage(format!(
        "the credential for {host} has no form that a helper or docker's configuration can hold"
    ))
    .hint("log in with `username` and `password`, or with a refresh token")
}

/// Files are read and written on a thread of their own.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(Error::internal(format!("docker's configuration: {error}"))),
    }
}

#[cfg(test)]
mod tests;
