//! Which credential goes to which registry (design: "Whose credential it is").
//!
//! Order: what was given by input for its host; `github-token` for ghcr.io or the GitHub server's own container host;
//! the docker or containers config for exactly that host; the job's own identity ([`keyless`]); anonymous, for reading
//! only. Held in memory only.

mod aws;
mod azure;
mod clock;
mod docker;
mod exchange;
mod gcp;
mod github;
mod id_token;
mod jwt;
mod keyless;
mod quay;
mod said;
mod token;

// The same server that stands in for registries; what it can do beyond answering is not used here.
#[cfg(test)]
#[allow(dead_code, clippy::duplicate_mod)]
#[path = "store/registry/tests/server.rs"]
mod server;
#[cfg(test)]
mod stand_in;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::env::Env;
use crate::error::{Error, Result};
use crate::http::Client;
use crate::reference::{Host, Repository};
use crate::report::{Report, Secret};

use keyless::Keyless;

pub use id_token::IdTokens;
pub use jwt::Claims;
pub use keyless::{Cloud, Provider};

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

/// All that credentials can come from, beside the environment.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Credentials of one host.
    pub given: Given,
    /// The text of the input `auth`, and where it came from.
    pub auth: Option<(String, String)>,
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

/// A credential for one host, and where it came from.
#[derive(Debug)]
struct Bound {
    host: Host,
    credential: Credential,
    origin: String,
}

/// The credentials of a run.
pub struct Credentials {
    /// From inputs, the first that fits first.
    bound: Vec<Bound>,
    docker: docker::Configs,
    keyless: Keyless,
    /// What was found, by repository.
    found: Mutex<HashMap<Repository, Found>>,
    /// Holding it is the right to look: many tasks want the same at once.
    looking: tokio::sync::Mutex<()>,
}

impl Credentials {
    /// From the inputs and the configuration files that `env` points to. Reads files: not for an async thread.
    ///
    /// # Errors
    /// A user without a password or the reverse, more than one kind of credential, a configuration file that was named
    /// and can't be read or understood.
    pub fn new(sources: Sources, env: &Env, client: &Client, report: &Report) -> Result<Self> {
        let Sources {
            given,
            cloud,
            id_tokens,
            ..
        } = sources;
        let mut bound = Vec::new();
        let github_token = given.github_token.clone();
        if let Some(host) = given.host.clone() {
            bound.extend(from_inputs(given, &host, report)?);
        }
        bound.extend(github_token.and_then(|token| github::bind(token, env)));
        Ok(Credentials {
            bound,
            docker: docker::Configs::read(env, report)?,
            keyless: Keyless::new(cloud, id_tokens, env, client, report),
            found: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
        })
    }

    /// The credential for `repository`. Asks servers and other programs where a source needs that, once.
    ///
    /// # Errors
    /// Of a source that was named, or that has an entry for that host which can't be used.
    pub async fn find(&self, repository: &Repository) -> Result<Found> {
        if let Some(found) = self.known(repository) {
            return Ok(found);
        }
        let _looking = self.looking.lock().await;
        if let Some(found) = self.known(repository) {
            return Ok(found);
        }
        let found = self.look(repository).await?;
        self.lock().insert(repository.clone(), found.clone());
        Ok(found)
    }

    /// What [`Credentials::find`] found for `repository`, unless it has ended since.
    pub fn known(&self, repository: &Repository) -> Option<Found> {
        let found = self.lock().get(repository).cloned();
        found.filter(|found| found.expires.is_none_or(|expires| Instant::now() < expires))
    }

    /// The registry refused `credential`. Forgets it if it was got for this run, so that another can be got; returns
    /// whether that is so.
    pub fn refused(&self, repository: &Repository, credential: &Credential) -> bool {
        if !self.keyless.forget(credential) {
            return false;
        }
        let mut found = self.lock();
        if found
            .get(repository)
            .is_some_and(|found| found.credential == *credential)
        {
            found.remove(repository);
        }
        true
    }

    async fn look(&self, repository: &Repository) -> Result<Found> {
        let host = canonical(&repository.host);
        let fixed = |credential, origin: &str| Found {
            credential,
            origin: origin.to_owned(),
            expires: None,
        };
        if let Some(bound) = self.bound.iter().find(|bound| canonical(&bound.host) == host) {
            return Ok(fixed(bound.credential.clone(), &bound.origin));
        }
        if let Some((credential, origin)) = self.docker.find(host, &repository.name)? {
            return Ok(fixed(credential, origin));
        }
        let anonymous = || fixed(Credential::Anonymous, "nowhere: it is anonymous");
        Ok(self.keyless.find(repository).await?.unwrap_or_else(anonymous))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Repository, Found>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The credential of the inputs, bound to `host`.
fn from_inputs(given: Given, host: &Host, report: &Report) -> Result<Option<Bound>> {
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
    let bind = |credential, origin: &str| {
        Ok(Some(Bound {
            host: host.clone(),
            credential,
            origin: origin.to_owned(),
        }))
    };
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

/// One name for a host with several: Docker Hub, whose API and configuration have names of their own.
fn canonical(host: &Host) -> &str {
    match host.as_str() {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => "docker.io",
        host => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text, &Report::silent())
    }

    fn given(host: &str) -> Given {
        Given {
            host: Some(host.parse().unwrap()),
            ..Given::default()
        }
    }

    fn find(given: Given, env: &[(&str, &str)], repository: &str) -> Result<(Credential, String)> {
        let env: Env = env.iter().copied().collect();
        let report = Report::silent();
        let client = Client::new(&crate::http::Options::default(), &report)?;
        let credentials = Credentials::new(given.into(), &env, &client, &report)?;
        let (host, name) = repository.split_once('/').unwrap();
        let repository = Repository {
            host: host.parse().unwrap(),
            name: name.to_owned(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(credentials.find(&repository))?;
        Ok((found.credential, found.origin))
    }

    fn basic(username: &str, password: &str) -> Credential {
        Credential::Basic {
            username: username.to_owned(),
            password: secret(password),
        }
    }

    #[test]
    fn what_was_given_goes_to_its_host_alone() {
        let given = Given {
            username: Some("me".to_owned()),
            password: Some(secret("p")),
            ..given("r.example:5000")
        };
        let found = |repository: &str| find(given.clone(), &[], repository).unwrap().0;
        assert_eq!(found("r.example:5000/a"), basic("me", "p"));
        for other in ["r.example/a", "evil.r.example:5000/a", "r.example.evil:5000/a"] {
            assert_eq!(found(other), Credential::Anonymous, "{other}");
        }
    }

    #[test]
    fn docker_hub_is_one_host_under_all_its_names() {
        let given = Given {
            username: Some("me".to_owned()),
            password: Some(secret("p")),
            ..given("docker.io")
        };
        assert_eq!(find(given, &[], "index.docker.io/me/a").unwrap().0, basic("me", "p"));
    }

    #[test]
    fn half_a_credential_names_the_missing_input() {
        let half = Given {
            username: Some("me".to_owned()),
            ..given("r.example")
        };
        insta::assert_snapshot!(
            find(half, &[], "r.example/a").unwrap_err(),
            @"`username` is given for r.example, but `password` is missing"
        );
        let half = Given {
            password: Some(secret("p")),
            ..given("r.example")
        };
        insta::assert_snapshot!(
            find(half, &[], "r.example/a").unwrap_err(),
            @"`password` is given for r.example, but `username` is missing"
        );
        let both = Given {
            password: Some(secret("p")),
            token: Some(secret("t")),
            ..given("r.example")
        };
        insta::assert_snapshot!(
            find(both, &[], "r.example/a").unwrap_err(),
            @"`password` and `token` are given for r.example, and only one can be used"
        );
    }

    #[test]
    fn inputs_win_over_github_token_over_docker_config() {
        let config = r#"{"auths":{"ghcr.io":{"username":"docker","password":"d"}}}"#;
        let env = [("DOCKER_AUTH_CONFIG", config), ("GITHUB_ACTOR", "octocat")];
        let token = Given {
            github_token: Some(secret("g")),
            ..Given::default()
        };
        assert_eq!(
            find(Given::default(), &env, "ghcr.io/a").unwrap().0,
            basic("docker", "d")
        );
        assert_eq!(find(token.clone(), &env, "ghcr.io/a").unwrap().0, basic("octocat", "g"));
        let all = Given {
            registry_token: Some(secret("b")),
            host: Some("ghcr.io".parse().unwrap()),
            ..token
        };
        assert_eq!(find(all, &env, "ghcr.io/a").unwrap().0, Credential::Bearer(secret("b")));
    }
}
