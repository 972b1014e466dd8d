//! Maps: their keys held against the table, and maps of annotations.

use std::collections::HashMap;

use super::{AN_ARTIFACT, Reader};
use crate::error::Error;
use crate::oci::Annotations;
use crate::spec::keys::{self, Scope};
use crate::spec::node::{Node, Value};
use crate::spec::problems::{At, shown};
use crate::spec::suggest::hint;
use crate::suggest::nearest;

/// The known keys of a map, each at most once.
pub(super) struct Fields<'n> {
    found: HashMap<&'static str, &'n Node>,
    /// Keys that unknown ones were probably meant to be, which has been told.
    meant: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// The value of a key.
    pub(super) fn get(&self, name: &'static str) -> Option<&'n Node> {
        self.found.get(name).copied()
    }

    /// Whether it is there under another name.
    pub(super) fn is_meant(&self, name: &str) -> bool {
        self.meant.contains(&name)
    }
}

impl Reader<'_, '_> {
    /// The keys of a map; those that don't belong there are told and left out.
    pub(super) fn fields<'n>(&mut self, node: &'n Node, scope: Scope) -> Option<Fields<'n>> {
        let Value::Map(entries) = &node.value else {
            if !matches!(node.value, Value::Broken) {
                let error = Error::usage(format!("{} is a map of keys, and this is none", scope.name()));
                let names: Vec<&str> = keys::in_scope(scope).map(|key| key.name).collect();
                self.problem(node.at, error.hint(format!("its keys are {}", names.join(", "))));
            }
            return None;
        };
        let mut found = HashMap::new();
        let mut meant = Vec::new();
        let mut first: HashMap<&str, At> = HashMap::new();
        for entry in entries {
            let name = entry.key.as_str();
            if let Some(known) = keys::find(scope, name) {
                match first.get(name) {
                    Some(first) => self.duplicate("key", name, entry.at, *first),
                    None => {
                        first.insert(name, entry.at);
                        found.insert(known.name, &entry.value);
                    }
                }
            } else {
                meant.extend(nearest(name, keys::in_scope(scope).map(|key| key.name)));
                let error = Error::usage(format!("unknown key {} in {}", shown(name), scope.name()));
                self.problem(entry.at, error.hint(hint(scope, name)));
            }
        }
        for key in keys::in_scope(scope) {
            // One that is there under another name has been told.
            if key.required && !found.contains_key(key.name) && !meant.contains(&key.name) {
                self.missing(node.at, key.name, scope);
            }
        }
        Some(Fields { found, meant })
    }

    pub(super) fn missing(&mut self, at: At, key: &str, scope: Scope) {
        let hint = match key {
            "artifacts" => AN_ARTIFACT,
            "reference" | "subject" => "write HOST/REPOSITORY:TAG, or oci:DIRECTORY:TAG for a layout on disk",
            "tag" => "write {tag: NAME, if-exists: POLICY}, or the name alone",
            "ref" => "write {ref: NAME, platform: OS/ARCHITECTURE}, or the name alone",
            "artifact-type" => "say what it is, such as `artifact-type: application/spdx+json`",
            _ => "name the file, directory or pattern",
        };
        self.problem(at, Error::usage(format!("{} has no `{key}`", scope.name())).hint(hint));
    }

    /// `what` is the thing and its name, such as `tag "v1"`.
    pub(super) fn duplicate(&mut self, what: &str, name: &str, at: At, first: At) {
        let error = Error::usage(format!(
            "{what} {} stands twice, first in line {} column {}",
            shown(name),
            first.line,
            first.column
        ));
        self.problem(at, error.hint("keep one of them"));
    }

    /// A map from text to text. `reserved` are keys that have a key of the spec, or none, instead.
    pub(super) fn annotations(&mut self, key: &str, node: Option<&Node>, reserved: &[(&str, &str)]) -> Annotations {
        let mut annotations = Annotations::new();
        let Some(node) = node else { return annotations };
        let entries = match &node.value {
            Value::Map(entries) => entries,
            Value::Broken => return annotations,
            other => {
                self.wrong_kind(node.at, key, "a map of annotations", other);
                return annotations;
            }
        };
        let mut first: HashMap<&str, At> = HashMap::new();
        for entry in entries {
            let name = entry.key.as_str();
            if let Some(first) = first.get(name) {
                self.duplicate("annotation", name, entry.at, *first);
                continue;
            }
            first.insert(name, entry.at);
            let error = if name.trim().is_empty() || name.chars().any(char::is_control) {
                Some(Error::usage(format!(
                    "{} can't be the key of an annotation",
                    shown(name)
                )))
            } else if name.contains("${") {
                let error = Error::usage(format!("annotation {}: keys are not expanded", shown(name)));
                Some(error.hint("write the key out; ${…} is for values only"))
            } else {
                reserved.iter().find(|(taken, _)| *taken == name).map(|(_, hint)| {
                    Error::usage(format!("annotation {} is written by this program", shown(name))).hint(*hint)
                })
            };
            if let Some(error) = error {
                self.problem(entry.at, error);
            }
            if let Some(text) = self.any_text(name, &entry.value) {
                annotations.insert(name.to_owned(), text.text);
            }
        }
        annotations
    }
}
