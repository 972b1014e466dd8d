//! Docker's `config.json`, changed in one place: what other tools wrote keeps its order and its bytes.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use super::no_form;
use crate::credentials::Credential;
use crate::credentials::docker::{host_of, read_file};
use crate::error::{Error, Result};
use crate::oci::Fields;
use crate::reference::Host;
use crate::temporary;

/// The file as read, to be changed and written.
pub(super) struct File {
    path: Utf8PathBuf,
    fields: Fields,
}

/// An entry of `auths`.
#[derive(Default, Serialize)]
pub(super) struct Entry {
    #[serde(skip_serializing_if = "String::is_empty")]
    auth: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    identitytoken: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    registrytoken: String,
}

impl Entry {
    /// `credential` as docker writes it.
    pub(super) fn of(host: &Host, credential: &Credential) -> Result<Self> {
        let mut entry = Entry::default();
        match credential {
            Credential::Basic { username, password } => {
                if username.contains(':') {
                    return Err(Error::usage(format!("the user name for {host} has a ':'"))
                        .hint("docker's configuration cannot hold such a name"));
                }
                entry.auth = STANDARD.encode(format!("{username}:{}", password.expose()));
            }
            Credential::RefreshToken(token) => token.expose().clone_into(&mut entry.identitytoken),
            Credential::Bearer(token) => token.expose().clone_into(&mut entry.registrytoken),
            Credential::EntraToken(_) | Credential::Anonymous => return Err(no_form(host)),
        }
        Ok(entry)
    }
}

impl File {
    /// Reads `path`; a file that isn't there, or is empty, has no fields.
    pub(super) fn read(path: Utf8PathBuf) -> Result<Self> {
        let bytes = read_file(&path)?.filter(|bytes| !bytes.trim_ascii().is_empty());
        let fields = match bytes {
            None => Fields::default(),
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| malformed(&path, &error))?,
        };
        Ok(File { path, fields })
    }

    /// The helper for `host`.
    pub(super) fn helper(&self, host: &str) -> Result<Option<String>> {
        let text = |value: &serde_json::value::RawValue| {
            serde_json::from_str::<String>(value.get()).map_err(|error| malformed(&self.path, &error))
        };
        let helpers = self.map("credHelpers")?;
        for key in helpers.keys().filter(|key| host_of(key) == host) {
            if let Some(name) = helpers.get(key) {
                return Ok(Some(text(name)?).filter(|name| !name.trim().is_empty()));
            }
        }
        let store = self.fields.get("credsStore").map(text).transpose()?;
        Ok(store.filter(|name| !name.trim().is_empty()))
    }

    /// The keys of `auths` that mean the whole of `host`.
    pub(super) fn keys(&self, host: &str) -> Result<Vec<String>> {
        let auths = self.map("auths")?;
        Ok(auths
            .keys()
            .filter(|key| host_of(key) == host)
            .map(str::to_owned)
            .collect())
    }

    /// Sets the entry `key`; other names of its host go, so that there is one.
    pub(super) fn set(&mut self, key: &str, entry: &Entry) -> Result<()> {
        let others = self.keys(&host_of(key))?;
        let mut auths = self.map("auths")?;
        for other in others.iter().filter(|other| *other != key) {
            auths.remove(other);
        }
        auths.set(key, &indented(entry)?)?;
        self.set_auths(&auths)
    }

    /// Takes the entries `keys` away.
    pub(super) fn remove(&mut self, keys: &[String]) -> Result<()> {
        let mut auths = self.map("auths")?;
        for key in keys {
            auths.remove(key);
        }
        self.set_auths(&auths)
    }

    /// Replaces the file in one step, for its owner's eyes only.
    pub(super) fn write(&self) -> Result<()> {
        // A link stays one: the file may lie with others that are kept under version control.
        let path = fs_err::canonicalize(&self.path).ok();
        let path = path.and_then(|path| Utf8PathBuf::from_path_buf(path).ok());
        let path = path.unwrap_or_else(|| self.path.clone());
        let directory = path.parent().unwrap_or(Utf8Path::new("."));
        make_directory(directory)?;
        let mut bytes = pretty(&self.fields)?;
        bytes.push(b'\n');
        // One that was killed left a copy of what is secret.
        temporary::sweep_folder(directory);
        let mut file = temporary::file_in(directory, 0o600)
            .map_err(|error| Error::local(std::io::Error::new(error.kind(), format!("{directory}: {error}"))))?;
        file.write_all(&bytes)?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| {
            Error::local(std::io::Error::new(
                error.error.kind(),
                format!("{path}: {}", error.error),
            ))
        })?;
        Ok(())
    }

    fn map(&self, name: &str) -> Result<Fields> {
        let Some(value) = self.fields.get(name) else {
            return Ok(Fields::default());
        };
        let map = serde_json::from_str::<Option<Fields>>(value.get()).map_err(|error| malformed(&self.path, &error))?;
        Ok(map.unwrap_or_default())
    }

    /// Entries of others stay as they were written.
    fn set_auths(&mut self, auths: &Fields) -> Result<()> {
        let mut text = String::from("{");
        for (at, key) in auths.keys().enumerate() {
            let name = serde_json::to_string(key).map_err(|error| json(&error))?;
            let value = auths.get(key).map_or("null", serde_json::value::RawValue::get);
            let comma = if at == 0 { "" } else { "," };
            text += &format!("{comma}\n\t\t{name}: {value}");
        }
        text += if text.len() > 1 { "\n\t}" } else { "}" };
        let value = serde_json::value::RawValue::from_string(text).map_err(|error| json(&error))?;
        self.fields.set("auths", &value)
    }
}

/// With tabs, as docker writes it.
fn pretty(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    let mut writer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    value.serialize(&mut writer).map_err(|error| json(&error))?;
    Ok(bytes)
}

/// `entry` as it stands inside of `auths`.
fn indented(entry: &Entry) -> Result<Box<serde_json::value::RawValue>> {
    let text = String::from_utf8(pretty(entry)?).map_err(|_| Error::internal("JSON is not UTF-8"))?;
    serde_json::value::RawValue::from_string(text.replace('\n', "\n\t\t")).map_err(|error| json(&error))
}

fn json(error: &serde_json::Error) -> Error {
    Error::internal(format!("JSON: {error}"))
}

fn make_directory(directory: &Utf8Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(directory)
        .map_err(|error| Error::local(std::io::Error::new(error.kind(), format!("{directory}: {error}"))))
}

fn malformed(path: &Utf8Path, error: &serde_json::Error) -> Error {
    // Where, not what: the text of the error may quote a password.
    let (line, column) = (error.line(), error.column());
    Error::usage(format!(
        "{path}: it is not a docker configuration: line {line}, column {column}"
    ))
    .hint("repair or remove the file; nothing was changed")
}
