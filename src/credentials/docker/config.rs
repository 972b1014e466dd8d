//! One configuration: `auths`, `credHelpers`, `credsStore`; or the form before them, `~/.dockercfg`.

use std::collections::HashMap;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use crate::credentials::{Credential, canonical};
use crate::error::{Error, Result};
use crate::report::{Report, Secret};

/// `auth` is found with and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What Docker Hub is called by docker and by helpers.
pub(in crate::credentials) const HUB_KEY: &str = "https://index.docker.io/v1/";

/// A configuration as read.
pub(crate) struct Config {
    /// The file, or the variable that holds it.
    pub(crate) origin: String,
    /// Credentials, or why there is none, by host or `HOST/NAMESPACE`.
    pub(crate) entries: HashMap<String, Result<Credential, String>>,
    /// Keys of entries as they are written, by host: what a helper may know the host by.
    keys: HashMap<String, String>,
    /// `credHelpers`: key as it is written, and helper, by host.
    helpers: HashMap<String, (String, String)>,
    /// `credsStore`.
    store: Option<String>,
}

/// The helper that a configuration names for a host.
pub(crate) struct Helper<'a> {
    pub(crate) name: &'a str,
    /// What it knows the host by.
    pub(crate) key: String,
    /// Whether it is for that host alone.
    pub(crate) exact: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Json {
    #[serde(default)]
    auths: Option<HashMap<String, Entry>>,
    #[serde(default)]
    cred_helpers: Option<HashMap<String, String>>,
    #[serde(default)]
    creds_store: Option<String>,
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
    /// `config.json` or `auth.json`.
    pub(crate) fn parse(origin: String, json: &[u8], report: &Report) -> Result<Self> {
        let json: Json = serde_json::from_slice(json).map_err(|error| malformed(&origin, &error))?;
        Ok(Config::of(origin, json, report))
    }

    /// `~/.dockercfg`: the `auths` alone.
    pub(crate) fn parse_legacy(origin: String, json: &[u8], report: &Report) -> Result<Self> {
        let auths = serde_json::from_slice(json).map_err(|error| malformed(&origin, &error))?;
        let json = Json {
            auths: Some(auths),
            cred_helpers: None,
            creds_store: None,
        };
        Ok(Config::of(origin, json, report))
    }

    fn of(origin: String, json: Json, report: &Report) -> Self {
        let (mut entries, mut keys) = (HashMap::new(), HashMap::new());
        let mut auths: Vec<(String, Entry)> = json.auths.unwrap_or_default().into_iter().collect();
        // Of several names of one host the plain one counts, which is later; for Docker Hub, docker's own.
        auths.sort_by_key(|(key, _)| (key == HUB_KEY || *key == host_of(key), key.clone()));
        for (key, entry) in auths {
            let host = host_of(&key);
            if let Some(credential) = entry.credential(report) {
                entries.insert(host.clone(), credential);
            }
            keys.insert(host, key);
        }
        let helpers = json.cred_helpers.unwrap_or_default().into_iter();
        let store = json.creds_store.filter(|store| !store.trim().is_empty());
        Config {
            origin,
            entries,
            keys,
            helpers: helpers.map(|(key, name)| (host_of(&key), (key, name))).collect(),
            store,
        }
    }

    /// The helper to ask for `host`; one of an empty name means none, as docker has it.
    pub(crate) fn helper(&self, host: &str) -> Option<Helper<'_>> {
        if let Some((key, name)) = self.helpers.get(host) {
            return (!name.trim().is_empty()).then(|| Helper {
                name,
                key: if host == "docker.io" {
                    HUB_KEY.to_owned()
                } else {
                    key.clone()
                },
                exact: true,
            });
        }
        let own = if host == "docker.io" { HUB_KEY } else { host };
        self.store.as_ref().map(|name| Helper {
            name,
            key: self.keys.get(host).map_or(own, String::as_str).to_owned(),
            exact: false,
        })
    }
}

fn malformed(origin: &str, error: &serde_json::Error) -> Error {
    // Where, not what: the text of the error may quote a password.
    let (line, column) = (error.line(), error.column());
    Error::usage(format!(
        "{origin}: it is not a docker configuration: line {line}, column {column}"
    ))
    .hint("it is JSON of the form {\"auths\": {\"HOST\": {\"auth\": \"BASE64\"}}}")
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
pub(crate) fn host_of(key: &str) -> String {
    let (rest, url) = match key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")) {
        Some(rest) => (rest, true),
        None => (key, false),
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.to_ascii_lowercase();
    let host = canonical(&host);
    match path.trim_end_matches('/') {
        "" | "v1" | "v2" => host.to_owned(),
        _ if url => host.to_owned(),
        namespace => format!("{host}/{namespace}"),
    }
}
