//! One snapshot of the environment, taken in `main` and passed by reference: nothing else reads variables.
//!
//! Tests build one from a list. Names or values that are not UTF-8 are left out: none that we read can be
//! (`envy::from_env` and `std::env::vars` panic on the first such variable of the whole environment).

use std::collections::BTreeMap;
use std::ffi::OsString;

use camino::{Utf8Path, Utf8PathBuf};

/// Names and values of environment variables, and the current directory.
#[derive(Clone, Debug, Default)]
pub struct Env {
    variables: BTreeMap<String, String>,
    directory: Utf8PathBuf,
}

impl Env {
    /// Takes `variables` (as from `std::env::vars_os`) and the directory that relative paths start from.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>, directory: Utf8PathBuf) -> Self {
        let variables = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Env { variables, directory }
    }

    /// The value of `name`; blank is unset, as a CI system passes an input that nobody gave.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.trim().is_empty())
    }

    /// The same, trimmed, as a text of its own.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| value.trim().to_owned())
    }

    /// Whether `name` is set to `true`, in any case: how CI systems announce themselves.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
    }

    /// All variables that are set, blank ones left out, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(_, value)| !value.trim().is_empty())
    }

    /// The current directory, absolute.
    pub fn directory(&self) -> &Utf8Path {
        &self.directory
    }

    /// `$HOME`, where docker's and containers' configuration lie.
    pub fn home(&self) -> Option<&Utf8Path> {
        self.get("HOME").or_else(|| self.get("USERPROFILE")).map(Utf8Path::new)
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Env {
    /// For tests: the current directory is `/`.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Env::new(
            variables.into_iter().map(|(name, value)| (name.into(), value.into())),
            "/".into(),
        )
    }
}
