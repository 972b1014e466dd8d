//! Credentials that other tools left: docker's and containers' configuration.
//!
//! Our own reader: the crate for it reads the environment itself, and waits for helpers without a limit. Inside a
//! configuration the order is docker's: `credHelpers` of the host, else `credsStore`, then `auths`. A helper that fails
//! hides no entry of `auths` (docker/cli#1989 fails without a word), and a `credsStore` that was left in an image
//! (`desktop`) stops nobody from pulling without a credential.

pub(crate) mod config;

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use camino::{Utf8Path, Utf8PathBuf};

use super::helper::{Failure, Helpers};
use super::{Credential, canonical, locked};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::reference::Repository;
use crate::report::Report;

use config::{Config, Helper};

pub(super) use config::{HUB_KEY, host_of};

/// Larger files are no configuration of registries.
const LIMIT: u64 = 4 * 1024 * 1024;

/// What a helper said.
type Answer = Result<Option<Credential>, Failure>;

/// All configurations that there are, the first that knows a host wins.
#[derive(Default)]
pub(super) struct Configs {
    configs: Vec<Config>,
    /// `None` if there is no configuration.
    helpers: Option<Helpers>,
    /// What helpers said, by name and key: each is asked once.
    asked: Mutex<HashMap<(String, String), Answer>>,
    /// What the user was told.
    warned: Mutex<HashSet<String>>,
    report: Option<Report>,
}

/// What the configurations hold for a repository.
pub(super) struct Lookup {
    /// The credential, and where it was.
    pub(super) found: Option<(Credential, String)>,
    /// Where it wasn't, each with the reason.
    pub(super) passed: Vec<String>,
}

/// A place where a configuration may lie.
struct Place {
    path: Utf8PathBuf,
    /// Whether the user named it.
    named: bool,
    /// Whether it is `~/.dockercfg`.
    legacy: bool,
}

impl Configs {
    /// Reads what is there. What the user named must be sound; what lies in a default place is passed over with a
    /// warning if it isn't.
    pub(super) fn read(env: &Env, report: &Report) -> Result<Self> {
        let mut configs = Vec::new();
        if let Some(json) = env.get("DOCKER_AUTH_CONFIG") {
            configs.push(Config::parse("DOCKER_AUTH_CONFIG".to_owned(), json.as_bytes(), report)?);
        }
        for place in places(env) {
            // docker looks at the old file only where the new one isn't.
            let replaced = place.path.with_file_name(".docker").join("config.json");
            if place.legacy && configs.iter().any(|config: &Config| config.origin == replaced.as_str()) {
                continue;
            }
            let parse = if place.legacy {
                Config::parse_legacy
            } else {
                Config::parse
            };
            match read_file(&place.path).and_then(|bytes| match bytes {
                Some(bytes) => parse(place.path.to_string(), &bytes, report).map(Some),
                None => Ok(None),
            }) {
                Ok(config) => configs.extend(config),
                Err(error) if place.named => return Err(error),
                Err(error) => report.warning(format!("{}; going on without it", error.message())),
            }
        }
        Ok(Configs {
            configs,
            helpers: Some(Helpers::new(env, report)),
            report: Some(report.clone()),
            ..Configs::default()
        })
    }

    /// The credential for `repository`: of containers' namespaced entries the longest that fits.
    pub(super) async fn find(&self, repository: &Repository) -> Result<Lookup> {
        let host = canonical(repository.host.as_str());
        let mut passed = Vec::new();
        for config in &self.configs {
            let mut failed = None;
            if let Some(helper) = config.helper(host) {
                match self.ask(&helper).await {
                    Ok(Some(credential)) => {
                        let origin = format!("docker-credential-{}, which {} names", helper.name, config.origin);
                        return Ok(Lookup {
                            found: Some((credential, origin)),
                            passed,
                        });
                    }
                    Ok(None) => passed.push(format!("docker-credential-{} (it knows no such host)", helper.name)),
                    Err(failure) => failed = Some((helper, failure)),
                }
            }
            let entry = entry(config, host, &repository.name)?;
            if let Some((helper, failure)) = &failed {
                if entry.is_none() && helper.exact {
                    return Err(failure.error(helper.name, &config.origin).hint(format!(
                        "`credHelpers` names it for {host}: install or repair it, take it out of that file, or give \
                         `username` and `password`"
                    )));
                }
                self.warn(&config.origin, helper, failure);
                passed.push(failure.text(helper.name));
            }
            if let Some(credential) = entry {
                return Ok(Lookup {
                    found: Some((credential, config.origin.clone())),
                    passed,
                });
            }
            passed.push(format!("{} (no entry for it)", config.origin));
        }
        if self.configs.is_empty() {
            passed.push("docker's configuration (there is none)".to_owned());
        }
        Ok(Lookup { found: None, passed })
    }

    /// Forgets `credential` if a helper gave it: those of clouds give short-lived ones. Returns whether one did.
    pub(super) fn forget(&self, credential: &Credential) -> bool {
        let mut asked = locked(&self.asked);
        let before = asked.len();
        asked.retain(|_, answer| !matches!(answer, Ok(Some(given)) if given == credential));
        asked.len() < before
    }

    async fn ask(&self, helper: &Helper<'_>) -> Answer {
        let Some(helpers) = &self.helpers else { return Ok(None) };
        let key = (helper.name.to_owned(), helper.key.clone());
        if let Some(answer) = locked(&self.asked).get(&key) {
            return answer.clone();
        }
        let answer = helpers.get(helper.name, &helper.key).await;
        locked(&self.asked).insert(key, answer.clone());
        answer
    }

    /// Once for each reason, however many registries a run has.
    fn warn(&self, origin: &str, helper: &Helper<'_>, failure: &Failure) {
        let text = format!("{origin}: {}; going on without it", failure.text(helper.name));
        if locked(&self.warned).insert(text.clone())
            && let Some(report) = &self.report
        {
            report.warning(text);
        }
    }
}

/// The entry of `auths` for repository `name` at `host`.
fn entry(config: &Config, host: &str, name: &str) -> Result<Option<Credential>> {
    let whole = format!("{host}/{name}");
    let ends = whole.match_indices('/').map(|(at, _)| at).chain([whole.len()]);
    let keys: Vec<&str> = ends.filter_map(|end| whole.get(..end)).collect();
    for key in keys.iter().rev() {
        match config.entries.get(*key) {
            Some(Ok(credential)) => return Ok(Some(credential.clone())),
            Some(Err(why)) => {
                return Err(Error::usage(format!("{}: the entry for {key}: {why}", config.origin))
                    .hint(format!("log in to {host} again, or give `username` and `password`")));
            }
            None => {}
        }
    }
    Ok(None)
}

/// Where docker keeps its own: what `docker login` writes to.
pub(super) fn own_file(env: &Env) -> Option<Utf8PathBuf> {
    let named = env
        .get("DOCKER_CONFIG")
        .map(|directory| env.directory().join(directory));
    let directory = named.or_else(|| Some(env.directory().join(env.home()?).join(".docker")))?;
    Some(directory.join("config.json"))
}

/// Where configurations lie.
fn places(env: &Env) -> Vec<Place> {
    let mut places = Vec::new();
    let mut add = |path: Option<Utf8PathBuf>, named, legacy| {
        places.extend(path.map(|path| Place { path, named, legacy }));
    };
    // DOCKER_CONFIG is a directory that may well be empty; REGISTRY_AUTH_FILE is the file itself.
    let named = env.get("DOCKER_CONFIG").is_some();
    let containers = env.get("REGISTRY_AUTH_FILE").map(|file| env.directory().join(file));
    if named {
        add(own_file(env), true, false);
    }
    add(containers, true, false);
    if !named {
        add(own_file(env), false, false);
    }
    let run = env.get("XDG_RUNTIME_DIR").map(Utf8PathBuf::from);
    let home = || Some(env.home()?.join(".config"));
    let config = env.get("XDG_CONFIG_HOME").map(Utf8PathBuf::from).or_else(home);
    for directory in [run, config] {
        add(
            directory.map(|directory| directory.join("containers/auth.json")),
            false,
            false,
        );
    }
    if !named {
        add(
            env.home().map(|home| env.directory().join(home).join(".dockercfg")),
            false,
            true,
        );
    }
    places
}

/// The bytes of `path`; `None` if it isn't there.
pub(super) fn read_file(path: &Utf8Path) -> Result<Option<Vec<u8>>> {
    match fs_err::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Ok(metadata) if metadata.len() > LIMIT => {
            return Err(Error::usage(format!(
                "{path}: it is too large for a registry configuration"
            )));
        }
        _ => {}
    }
    fs_err::read(path)
        .map(Some)
        .map_err(|error| Error::usage(error.to_string()).caused_by(error))
}

#[cfg(test)]
mod tests;
