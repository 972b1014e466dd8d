//! The input `auth`: credentials of several registries, as a YAML list.
//!
//! ```yaml
//! - registry: ghcr.io/one            # a host, or HOST/NAMESPACE: the longest that fits wins
//!   username: robot
//!   password-variable: ONE_PASSWORD  # or password, token, token-variable
//! - registry: example.azurecr.io
//!   provider: azure
//! ```
//! Strict: what is half, twice or unknown ends the run, by the number and the line of its entry. A value is never
//! shown: it may be a secret in the wrong place.

mod list;

use std::collections::BTreeMap;

use super::{Cloud, Credential, Provider, canonical, token};
use crate::env::Env;
use crate::error::{Error, Errors, Result};
use crate::reference::{Case, Host, Reference};
use crate::report::{Report, Secret};
use crate::suggest;

use list::Map;

/// All keys of an entry.
const KEYS: [&str; 14] = [
    "registry",
    "username",
    "password",
    "password-variable",
    "token",
    "token-variable",
    "provider",
    "azure-client-id",
    "azure-tenant-id",
    "aws-role-arn",
    "aws-region",
    "gcp-workload-identity-provider",
    "gcp-service-account",
    "quay-robot",
];

/// The keys of [`KEYS`] that a cloud has; from here on.
const IDS: usize = 7;

const PROVIDERS: [(&str, Provider); 5] = [
    ("azure", Provider::Azure),
    ("aws", Provider::Aws),
    ("gcp", Provider::Gcp),
    ("quay", Provider::Quay),
    ("none", Provider::None),
];

/// The entries of `auth`.
#[derive(Clone, Debug, Default)]
pub struct AuthList {
    pub(super) entries: Vec<Entry>,
}

/// A credential, or a provider, for one registry.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) host: Host,
    /// First parts of the repositories' names.
    pub(super) namespace: Option<String>,
    pub(super) source: Source,
    /// For messages: `` `auth` entry 2``.
    pub(super) origin: String,
}

/// Where an entry's credential comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// The entry itself.
    Fixed(Credential),
    /// A cloud.
    Cloud(Box<Cloud>),
}

impl AuthList {
    /// Reads `text`, which came from `origin`, and masks every secret in it and in the variables that it names.
    ///
    /// # Errors
    /// All that is wrong with it, by entry and line.
    pub fn read(text: &str, origin: &str, env: &Env, report: &Report) -> Result<Self, Errors> {
        let maps = list::read(text, origin)?;
        // Before anything is said about any of them.
        for (_, pair) in maps.iter().flat_map(|map| &map.pairs).filter(|(key, _)| is_secret(key)) {
            Secret::new(pair.value.trim_matches(['\r', '\n']), report);
        }
        let (mut entries, mut problems) = (Vec::new(), Vec::new());
        let mut seen = BTreeMap::new();
        for (index, map) in maps.into_iter().enumerate() {
            let reader = Reader {
                origin,
                number: index + 1,
                map: &map,
                env,
                report,
            };
            match reader.entry() {
                Ok(entry) => {
                    let key = (canonical(entry.host.as_str()).to_owned(), entry.namespace.clone());
                    if let Some(first) = seen.insert(key, reader.number) {
                        let why = format!("`registry` is that of entry {first} too");
                        problems.push(
                            reader
                                .wrong(map.line, &why)
                                .hint("leave one of them, or add the namespace"),
                        );
                    }
                    entries.push(entry);
                }
                Err(error) => problems.push(error),
            }
        }
        Errors::check(problems)?;
        Ok(AuthList { entries })
    }
}

fn is_secret(key: &str) -> bool {
    matches!(key, "password" | "token")
}

struct Reader<'a> {
    origin: &'a str,
    number: usize,
    map: &'a Map,
    env: &'a Env,
    report: &'a Report,
}

impl Reader<'_> {
    fn entry(&self) -> Result<Entry> {
        self.check_keys()?;
        let (host, namespace) = self.registry()?;
        let source = match self.provider()? {
            Some(source) => source,
            None => Source::Fixed(self.credential(&host)?),
        };
        let source = match source {
            Source::Cloud(mut cloud) => {
                cloud.host = Some(host.clone());
                Source::Cloud(cloud)
            }
            fixed => fixed,
        };
        Ok(Entry {
            host,
            namespace,
            source,
            origin: format!("`auth` entry {}", self.number),
        })
    }

    fn check_keys(&self) -> Result<()> {
        for (at, (key, pair)) in self.map.pairs.iter().enumerate() {
            if !KEYS.contains(&key.as_str()) {
                let hint = match suggest::nearest(key, KEYS.into_iter()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the keys are {}", KEYS.join(", ")),
                };
                return Err(self.wrong(pair.line, "a key is unknown").hint(hint));
            }
            if self.map.pairs.iter().take(at).any(|(other, _)| other == key) {
                return Err(self
                    .wrong(pair.line, &format!("`{key}` stands twice"))
                    .hint("leave one of them"));
            }
            if pair.value.trim().is_empty() {
                return Err(self.wrong(pair.line, &format!("`{key}` is blank")).hint(
                    "leave it out, or give it a value; a secret that this job may not read is blank, as in a pull \
                     request from a fork",
                ));
            }
        }
        Ok(())
    }

    fn registry(&self) -> Result<(Host, Option<String>)> {
        let Some(text) = self.get("registry") else {
            return Err(self
                .wrong(self.map.line, "`registry` is missing")
                .hint("name the host that the credential is for, such as `registry: ghcr.io`"));
        };
        let line = self.line("registry");
        let (host, namespace) = match text.trim_end_matches('/').split_once('/') {
            Some((host, namespace)) => (host, Some(namespace)),
            None => (text.trim_end_matches('/'), None),
        };
        let wrong = || {
            self.wrong(line, "`registry` is neither a host nor HOST/NAMESPACE")
                .hint("write it without https:// and without a tag, such as ghcr.io or ghcr.io/octo-org")
        };
        let host: Host = host.to_ascii_lowercase().parse().map_err(|_| wrong())?;
        if let Some(name) = namespace {
            let parsed = Reference::parse(&format!("{host}/{name}"), None, Case::Strict);
            if !parsed.is_ok_and(|(reference, _)| reference.pointer().is_none()) {
                return Err(wrong());
            }
        }
        Ok((host, namespace.map(str::to_owned)))
    }

    fn provider(&self) -> Result<Option<Source>> {
        let id = |name: &str| self.get(name).map(str::to_owned);
        let Some(name) = self.get("provider") else {
            let ids = KEYS.iter().skip(IDS).find(|key| self.get(key).is_some());
            return match ids {
                None => Ok(None),
                Some(key) => Err(self
                    .wrong(self.line(key), &format!("`{key}` is given without `provider`"))
                    .hint("add `provider`: azure, aws, gcp or quay")),
            };
        };
        let line = self.line("provider");
        let found = PROVIDERS.iter().find(|(known, _)| *known == name);
        let Some((_, provider)) = found else {
            return Err(self
                .wrong(line, "`provider` is unknown")
                .hint("write azure, aws, gcp, quay, or none for anonymous"));
        };
        if let Some(key) = KEYS.iter().take(IDS - 1).skip(1).find(|key| self.get(key).is_some()) {
            return Err(self
                .wrong(line, &format!("`provider` is given beside `{key}`"))
                .hint("an entry has one way to log in: leave one of them"));
        }
        if *provider == Provider::None {
            return Ok(Some(Source::Fixed(Credential::Anonymous)));
        }
        Ok(Some(Source::Cloud(Box::new(Cloud {
            provider: Some(*provider),
            host: None,
            azure_client_id: id("azure-client-id"),
            azure_tenant_id: id("azure-tenant-id"),
            aws_role_arn: id("aws-role-arn"),
            aws_region: id("aws-region"),
            gcp_workload_identity_provider: id("gcp-workload-identity-provider"),
            gcp_service_account: id("gcp-service-account"),
            quay_robot: id("quay-robot"),
        }))))
    }

    fn credential(&self, host: &Host) -> Result<Credential> {
        let ways = ["password", "password-variable", "token", "token-variable"];
        let given: Vec<&str> = ways.into_iter().filter(|key| self.get(key).is_some()).collect();
        if let [first, second, ..] = given.as_slice() {
            return Err(self
                .wrong(self.line(second), &format!("`{first}` and `{second}` are both given"))
                .hint("an entry has one of them"));
        }
        let username = self.get("username").map(str::to_owned);
        match (username, given.first()) {
            (None, Some(key)) if key.starts_with("password") => Err(self
                .wrong(self.line(key), &format!("`{key}` is given without `username`"))
                .hint("add `username`; a token that needs no user goes into `token`")),
            (username, Some(key)) => {
                let secret = self.secret(key)?;
                Ok(match username {
                    Some(username) => Credential::Basic {
                        username,
                        password: secret,
                    },
                    None => token::for_registry(host, None, secret, self.report),
                })
            }
            (Some(_), None) => Err(self
                .wrong(self.line("username"), "`username` is given without a password")
                .hint("add `password-variable` with the name of the variable that holds it")),
            (None, None) => Err(self.wrong(self.map.line, "it has no credential").hint(
                "add `username` and `password-variable`, or `token-variable`, or `provider`; `provider: none` is \
                 anonymous",
            )),
        }
    }

    /// The value of `key`, or of the variable that it names.
    fn secret(&self, key: &str) -> Result<Secret> {
        let value = self.get(key).unwrap_or_default();
        if is_secret(key) {
            return Ok(Secret::new(value.trim_matches(['\r', '\n']), self.report));
        }
        let name = value.trim();
        // A password in the place of a name must not be shown.
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let Some(found) = self.env.get(name).filter(|_| is_name) else {
            let why = match is_name {
                true => format!("`{key}` names a variable that is not set, or is blank"),
                false => format!("`{key}` is not the name of a variable"),
            };
            return Err(self.wrong(self.line(key), &why).hint(
                "pass the secret to this step under that name, as in `env: {REGISTRY_PASSWORD: …}` and \
                 `password-variable: REGISTRY_PASSWORD`",
            ));
        };
        Ok(Secret::new(found.trim_matches(['\r', '\n']), self.report))
    }

    fn get(&self, key: &str) -> Option<&str> {
        let found = self.map.pairs.iter().find(|(name, _)| name == key);
        found.map(|(_, pair)| pair.value.as_str())
    }

    fn line(&self, key: &str) -> usize {
        let found = self.map.pairs.iter().find(|(name, _)| name == key);
        found.map_or(self.map.line, |(_, pair)| pair.line)
    }

    fn wrong(&self, line: usize, why: &str) -> Error {
        Error::usage(format!("{}: entry {} (line {line}): {why}", self.origin, self.number))
    }
}

#[cfg(test)]
mod tests;
