//! Credentials that other tools left: docker's and containers' configuration.
//!
//! Our own reader: the crate for it reads the environment itself, and waits for helpers without a limit. Helpers
//! (`credHelpers`, `credsStore`) are not asked in this version; an entry beside them still counts.

use std::collections::HashMap;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use camino::Utf8PathBuf;
use serde::Deserialize;

use super::Credential;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::report::{Report, Secret};

/// Larger files are no configuration of registries.
const LIMIT: u64 = 4 * 1024 * 1024;

/// `auth` is found with and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// All configurations that there are, the first that knows a host wins.
#[derive(Debug, Default)]
pub(super) struct Configs(Vec<Config>);

#[derive(Debug)]
struct Config {
    /// The file, or the variable that holds it.
    origin: String,
    /// Credentials, or why there is none, by host or `HOST/NAMESPACE`.
    entries: HashMap<String, Result<Credential, String>>,
}

impl Configs {
    /// Reads what is there. What the user named must be sound; what lies in a default place is passed over with a
    /// warning if it isn't.
    pub(super) fn read(env: &Env, report: &Report) -> Result<Self> {
        let mut configs = Vec::new();
        if let Some(json) = env.get("DOCKER_AUTH_CONFIG") {
            configs.push(Config::parse("DOCKER_AUTH_CONFIG".to_owned(), json.as_bytes(), report)?);
        }
        for (path, named) in places(env) {
            match read_file(&path).and_then(|bytes| match bytes {
                Some(bytes) => Config::parse(path.to_string(), &bytes, report).map(Some),
                None => Ok(None),
            }) {
                Ok(config) => configs.extend(config),
                Err(error) if named => return Err(error),
                Err(error) => report.warning(format!("{}; going on without it", error.message())),
            }
        }
        Ok(Configs(configs))
    }

    /// The credential for repository `name` at `host`: of containers' namespaced entries the longest that fits.
    pub(super) fn find(&self, host: &str, name: &str) -> Result<Option<(Credential, &str)>> {
        for config in &self.0 {
            let whole = format!("{host}/{name}");
            let ends = whole.match_indices('/').map(|(at, _)| at).chain([whole.len()]);
            let keys: Vec<&str> = ends.filter_map(|end| whole.get(..end)).collect();
            for key in keys.iter().rev() {
                match config.entries.get(*key) {
                    Some(Ok(credential)) => return Ok(Some((credential.clone(), &config.origin))),
                    Some(Err(why)) => {
                        return Err(Error::usage(format!("{}: the entry for {key}: {why}", config.origin))
                            .hint(format!("log in to {host} again, or give `username` and `password`")));
                    }
                    None => {}
                }
            }
        }
        Ok(None)
    }
}

/// Where configurations lie, and whether the user named the place.
fn places(env: &Env) -> Vec<(Utf8PathBuf, bool)> {
    let mut places = Vec::new();
    let docker = env
        .get("DOCKER_CONFIG")
        .map(|directory| env.directory().join(directory).join("config.json"));
    let containers = env.get("REGISTRY_AUTH_FILE").map(|file| env.directory().join(file));
    // DOCKER_CONFIG is a directory that may well be empty; REGISTRY_AUTH_FILE is the file itself.
    let default = docker.is_none();
    places.extend(docker.map(|path| (path, true)));
    places.extend(containers.map(|path| (path, true)));
    if default {
        places.extend(env.home().map(|home| (home.join(".docker/config.json"), false)));
    }
    places.extend(
        env.get("XDG_RUNTIME_DIR")
            .map(|run| (Utf8PathBuf::from(run).join("containers/auth.json"), false)),
    );
    let config = env
        .get("XDG_CONFIG_HOME")
        .map(Utf8PathBuf::from)
        .or_else(|| Some(env.home()?.join(".config")));
    places.extend(config.map(|config| (config.join("containers/auth.json"), false)));
    places
}

fn read_file(path: &Utf8PathBuf) -> Result<Option<Vec<u8>>> {
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Json {
    #[serde(default)]
    auths: Option<HashMap<String, Entry>>,
    #[serde(default)]
    cred_helpers: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    creds_store: Option<serde::de::IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

impl Config {
    fn parse(origin: String, json: &[u8], report: &Report) -> Result<Self> {
        let json: Json = serde_json::from_slice(json).map_err(|error| {
            // Where, not what: the text of the error may quote a password.
            let (line, column) = (error.line(), error.column());
            Error::usage(format!(
                "{origin}: it is not a docker configuration: line {line}, column {column}"
            ))
            .hint("it is JSON of the form {\"auths\": {\"HOST\": {\"auth\": \"BASE64\"}}}")
        })?;
        let entries = json.auths.unwrap_or_default().into_iter();
        let entries = entries.filter_map(|(key, entry)| Some((host_of(&key), entry.credential(report)?)));
        if json.creds_store.is_some() || json.cred_helpers.is_some() {
            tracing::debug!("{origin}: credential helpers are not asked in this version, only its `auths` are read");
        }
        Ok(Config {
            entries: entries.collect(),
            origin,
        })
    }
}

impl Entry {
    /// `None` for an empty entry, which says that a helper has the credential.
    fn credential(self, report: &Report) -> Option<Result<Credential, String>> {
        let secret = |text: &str| Secret::new(text, report);
        if !self.registrytoken.is_empty() {
            return Some(Ok(Credential::Bearer(secret(&self.registrytoken))));
        }
        if !self.identitytoken.is_empty() {
            return Some(Ok(Credential::RefreshToken(secret(&self.identitytoken))));
        }
        if self.auth.is_empty() {
            return (!self.username.is_empty() && !self.password.is_empty()).then(|| {
                Ok(Credential::Basic {
                    password: secret(&self.password),
                    username: self.username,
                })
            });
        }
        let decoded = BASE64
            .decode(self.auth.trim())
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = decoded.as_deref().and_then(|pair| pair.split_once(':'));
        Some(
            match pair.map(|(user, password)| (user, password.trim_end_matches('\0'))) {
                Some((username, password)) if !username.is_empty() && !password.is_empty() => Ok(Credential::Basic {
                    username: username.to_owned(),
                    password: secret(password),
                }),
                _ => Err("`auth` is not base64 of USER:PASSWORD".to_owned()),
            },
        )
    }
}

/// The host of a key, which may be a URL; a path stays only where it can be a namespace.
fn host_of(key: &str) -> String {
    let (rest, url) = match key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")) {
        Some(rest) => (rest, true),
        None => (key, false),
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.to_ascii_lowercase();
    let host = match host.as_str() {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => "docker.io",
        host => host,
    };
    match path.trim_end_matches('/') {
        "" | "v1" | "v2" => host.to_owned(),
        _ if url => host.to_owned(),
        namespace => format!("{host}/{namespace}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(json: &str, host: &str, name: &str) -> Result<Option<Credential>> {
        let config = Config::parse("test".to_owned(), json.as_bytes(), &Report::silent())?;
        let configs = Configs(vec![config]);
        configs
            .find(host, name)
            .map(|found| found.map(|(credential, _)| credential))
    }

    fn basic(username: &str, password: &str) -> Option<Credential> {
        Some(Credential::Basic {
            username: username.to_owned(),
            password: Secret::new(password, &Report::silent()),
        })
    }

    #[test]
    fn keys_in_all_the_forms_that_docker_wrote() {
        for key in [
            "r.example",
            "https://r.example",
            "http://r.example/",
            "https://r.example/v1/",
            "r.example/v2",
            "R.example",
        ] {
            let json = format!(r#"{{"auths":{{"{key}":{{"auth":"bWU6cDpx"}}}}}}"#);
            assert_eq!(find(&json, "r.example", "a").unwrap(), basic("me", "p:q"), "{key}");
            assert_eq!(find(&json, "other.r.example", "a").unwrap(), None, "{key}");
            assert_eq!(find(&json, "r.example:5000", "a").unwrap(), None, "{key}");
        }
        let hub = r#"{"auths":{"https://index.docker.io/v1/":{"auth":"bWU6cA=="}}}"#;
        assert_eq!(find(hub, "docker.io", "me/a").unwrap(), basic("me", "p"));
    }

    #[test]
    fn of_namespaces_the_longest_wins() {
        let json = r#"{"auths":{
            "q.example":{"username":"a","password":"1"},
            "q.example/org":{"username":"b","password":"2"},
            "q.example/org/app":{"username":"c","password":"3"}}}"#;
        assert_eq!(find(json, "q.example", "org/app").unwrap(), basic("c", "3"));
        assert_eq!(find(json, "q.example", "org/other").unwrap(), basic("b", "2"));
        assert_eq!(find(json, "q.example", "organisation/app").unwrap(), basic("a", "1"));
    }

    #[test]
    fn entries_in_all_their_forms() {
        let entry = |entry: &str| find(&format!(r#"{{"auths":{{"r.example":{entry}}}}}"#), "r.example", "a");
        let secret = |text: &str| Secret::new(text, &Report::silent());
        assert_eq!(entry(r#"{"auth":"bWU6cA"}"#).unwrap(), basic("me", "p"));
        assert_eq!(entry(r#"{"auth":"bWU6cAAA"}"#).unwrap(), basic("me", "p"));
        assert_eq!(
            entry(r#"{"auth":"MDow","identitytoken":"t"}"#).unwrap(),
            Some(Credential::RefreshToken(secret("t")))
        );
        assert_eq!(
            entry(r#"{"registrytoken":"t"}"#).unwrap(),
            Some(Credential::Bearer(secret("t")))
        );
        assert_eq!(entry("{}").unwrap(), None);
        assert!(entry(r#"{"auth":"!"}"#).is_err());
        assert!(entry(r#"{"auth":"bWU="}"#).is_err());
    }

    #[test]
    fn a_broken_file_stops_the_run_only_if_it_was_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = camino::Utf8Path::from_path(directory.path()).unwrap();
        fs_err::create_dir(path.join(".docker")).unwrap();
        for file in ["config.json", ".docker/config.json"] {
            fs_err::write(path.join(file), r#"{"auths":{"r.example":{"auth":"c2VjcmV0"#).unwrap();
        }
        let read = |variable: &str| {
            let env: Env = [(variable, path.as_str())].into_iter().collect();
            Configs::read(&env, &Report::silent())
        };
        assert!(read("HOME").unwrap().0.is_empty());
        let error = read("DOCKER_CONFIG").unwrap_err();
        assert!(error.message().contains(path.join("config.json").as_str()), "{error}");
        assert!(!error.message().contains("c2VjcmV0"));
        let env: Env = [("DOCKER_AUTH_CONFIG", "{")].into_iter().collect();
        assert!(Configs::read(&env, &Report::silent()).is_err());
    }

    #[test]
    fn a_helper_that_is_not_asked_hides_no_entry() {
        let json = r#"{"credsStore":"desktop","credHelpers":{"r.example":"x"},
            "auths":{"r.example":{},"s.example":{"auth":"bWU6cA=="}}}"#;
        assert_eq!(find(json, "r.example", "a").unwrap(), None);
        assert_eq!(find(json, "s.example", "a").unwrap(), basic("me", "p"));
    }
}
