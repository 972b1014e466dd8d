//! Which credential goes to which registry (design: "Whose credential it is").
//!
//! Sources that were named come first: what was given by input for its host, the list `auth`, a provider named for its
//! host. Then the CI system's own (`gitlab`, `github`), the docker or containers config (`docker`, `helper`),
//! the job's own identity (`keyless`), and anonymous, for reading only. An entry of `auth` for a namespace is more
//! specific than all that is for its host, so it goes before the inputs.
//!
//! A source that was named and fails ends the run: the next one would act as somebody else. Held in memory only, but
//! for `login`, which writes to docker's config (`saved`).

mod auth;
mod aws;
mod azure;
mod chain;
mod clock;
pub(crate) mod docker;
mod exchange;
mod gcp;
mod github;
mod gitlab;
mod given;
mod helper;
mod id_token;
mod jwt;
mod keyless;
mod quay;
mod said;
mod saved;
mod token;

#[cfg(test)]
mod stand_in;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::env::Env;
use crate::error::Result;
use crate::http::Client;
use crate::reference::{Host, Repository};
use crate::report::{Report, Secret};

use chain::Chain;

pub use auth::AuthList;
pub use given::Given;
pub use id_token::IdTokens;
pub use jwt::Claims;
pub use keyless::{Cloud, Provider};
pub use saved::{Saved, erase, store};

/// All that credentials can come from, beside the environment.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Credentials of one host.
    pub given: Given,
    /// The input `auth`.
    pub auth: AuthList,
    /// The identity of the job at a cloud.
    pub cloud: Cloud,
    /// Where ID tokens of the job come from, if its CI system gives some.
    pub id_tokens: Option<Arc<dyn IdTokens>>,
}

impl From<Given> for Sources {
    fn from(given: Given) -> Self {
        Sources {
            given,
            ..Sources::default()
        }
    }
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

/// A credential, and where it came from, for messages.
#[derive(Clone, Debug)]
pub struct Found {
    /// The credential.
    pub credential: Credential,
    /// `` `username` and `password` ``, a file's path, a provider's name.
    pub origin: String,
    /// When it ends, if that is known: it is looked for anew then.
    pub expires: Option<Instant>,
}

/// The credentials of a run.
pub struct Credentials {
    chain: Chain,
    /// What was found, by repository.
    found: Mutex<HashMap<Repository, Found>>,
    /// Holding a host's lock is the right to look for it: many tasks want the same at once.
    looking: Mutex<HashMap<Host, Arc<tokio::sync::Mutex<()>>>>,
    /// Hosts and origins that a debug line has told.
    told: Mutex<HashSet<(Host, String)>>,
    report: Report,
}

impl Credentials {
    /// From the inputs and the configuration files that `env` points to. Reads files: not for an async thread.
    ///
    /// # Errors
    /// A user without a password or the reverse, more than one kind of credential, a configuration file that was named
    /// and can't be read or understood.
    pub fn new(sources: Sources, env: &Env, client: &Client, report: &Report) -> Result<Self> {
        let docker = docker::Configs::read(env, report)?;
        Ok(Credentials::of(
            Chain::new(sources, docker, env, client, report)?,
            report,
        ))
    }

    /// Without what docker's config holds already, and never anonymous: for `login`.
    ///
    /// # Errors
    /// As [`Credentials::new`]; [`Credentials::find`] then fails where nothing is given.
    pub fn to_store(sources: Sources, env: &Env, client: &Client, report: &Report) -> Result<Self> {
        let chain = Chain::new(sources, docker::Configs::default(), env, client, report)?;
        Ok(Credentials::of(chain.never_anonymous(), report))
    }

    fn of(chain: Chain, report: &Report) -> Self {
        Credentials {
            chain,
            found: Mutex::default(),
            looking: Mutex::default(),
            told: Mutex::default(),
            report: report.clone(),
        }
    }

    /// The credential for `repository`. Asks servers and other programs where a source needs that, once.
    ///
    /// # Errors
    /// Of a source that was named, or that has an entry for that host which can't be used.
    pub async fn find(&self, repository: &Repository) -> Result<Found> {
        if let Some(found) = self.known(repository) {
            return Ok(found);
        }
        let looking = Arc::clone(locked(&self.looking).entry(repository.host.clone()).or_default());
        let _looking = looking.lock().await;
        if let Some(found) = self.known(repository) {
            return Ok(found);
        }
        let (found, passed) = Box::pin(self.chain.look(repository)).await?;
        let host = &repository.host;
        if locked(&self.told).insert((host.clone(), found.origin.clone())) {
            self.warn_if_over(host, &found);
            tracing::debug!(
                "{host}: the credential is from {}; not from {}",
                found.origin,
                passed.join(", ")
            );
        }
        locked(&self.found).insert(repository.clone(), found.clone());
        Ok(found)
    }

    /// Said before the registry's 401, which gives no reason.
    fn warn_if_over(&self, host: &Host, found: &Found) {
        if let Some(since) = token::ended(&found.credential, SystemTime::now()) {
            self.report.warning(format!(
                "the credential for {host} from {} ended {} ago, by its own `exp`",
                found.origin,
                span(since)
            ));
        }
    }

    /// What [`Credentials::find`] found for `repository`, unless it has ended since.
    pub fn known(&self, repository: &Repository) -> Option<Found> {
        let found = locked(&self.found).get(repository).cloned();
        found.filter(|found| found.expires.is_none_or(|expires| Instant::now() < expires))
    }

    /// The registry refused `credential`. Forgets it if it was got for this run, so that another can be got; returns
    /// whether that is so.
    pub fn refused(&self, repository: &Repository, credential: &Credential) -> bool {
        if !self.chain.forget(credential) {
            return false;
        }
        let mut found = locked(&self.found);
        if found
            .get(repository)
            .is_some_and(|found| found.credential == *credential)
        {
            found.remove(repository);
        }
        true
    }
}

/// In the largest unit that there are two of.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [("days", 86_400), ("h", 3600), ("min", 60)];
    let fits = units.iter().find(|(_, length)| seconds >= 2 * length);
    let (unit, length) = fits.copied().unwrap_or(("s", 1));
    format!("{} {unit}", seconds / length)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One name for a host with several: Docker Hub, whose API and configuration have names of their own.
fn canonical(host: &str) -> &str {
    match host {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => "docker.io",
        host => host,
    }
}

#[cfg(test)]
mod tests;
