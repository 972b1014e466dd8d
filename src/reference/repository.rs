//! Repositories and their names.

use std::fmt;

use super::Host;
use crate::error::{Error, Result};

/// Host and repository name together are at most this long in most clients and registries.
const NAME_LIMIT: usize = 255;

/// A repository of a registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    /// The registry.
    pub host: Host,
    /// The repository's name, without the host.
    pub name: String,
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.name)
    }
}

impl Repository {
    /// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` joined by `/` (distribution-spec 1.1, "Pulling manifests").
    pub(super) fn check(&self, text: &str) -> Result<()> {
        let component = |part: &str| {
            let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            let separators = part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
            edge(part.bytes().next())
                && edge(part.bytes().last())
                && separators
                    .into_iter()
                    .all(|s| matches!(s, "" | "." | "_" | "__") || s.bytes().all(|b| b == b'-'))
        };
        let refuse = |why: &str| {
            Error::usage(format!("reference {text:?}: {why}"))
                .hint("a repository is parts of a-z and 0-9 joined by '/', inside them also '.', '_', '__' and '-'")
        };
        if self.name.is_empty() {
            return Err(refuse("it names no repository"));
        }
        if let Some(part) = self.name.split('/').find(|part| !component(part)) {
            return Err(refuse(&format!("{part:?} is not part of a repository name")));
        }
        if self.to_string().len() > NAME_LIMIT {
            return Err(refuse(&format!(
                "host and repository are longer than {NAME_LIMIT} characters"
            )));
        }
        Ok(())
    }
}
