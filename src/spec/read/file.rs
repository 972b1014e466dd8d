//! One entry of `files`, and `config`.

use super::Reader;
use crate::error::{Error, Result};
use crate::oci::{MediaType, names};
use crate::spec::keys::{Scope, find};
use crate::spec::node::{Entry, Node, Value};
use crate::spec::problems::{At, shown};
use crate::spec::{Compression, FileSpec};

const COMPRESSIONS: &[(&str, Compression)] = &[
    ("gzip", Compression::Gzip),
    ("zstd", Compression::Zstd),
    ("none", Compression::None),
];

/// Annotations of a layer that mean something to a reader, and what to set instead.
const RESERVED: &[(&str, &str)] = &[
    (names::TITLE, "set `title` of the file instead"),
    (names::UNPACK, "leave it out; name a directory to have it packed"),
    (
        names::UNPACKED_DIGEST,
        "leave it out; name a directory to have it packed",
    ),
    (names::EXECUTABLE, "leave it out; it follows the file's execute bit"),
];

impl Reader<'_, '_> {
    pub(super) fn file(&mut self, node: &Node) -> Option<FileSpec> {
        let Value::Map(entries) = &node.value else {
            return self.short_form("files", node);
        };
        if let Some(error) = mistaken(entries) {
            self.problem(node.at, error);
            return None;
        }
        let fields = self.fields(node, Scope::File)?;
        let path = fields.get("path").and_then(|node| self.path(node));
        let title = fields.get("title").and_then(|node| self.given("title", node));
        let exclude = fields.get("exclude");
        let file = FileSpec {
            media_type: self
                .parsed("media-type", fields.get("media-type"))
                .map(|(value, _)| value),
            title_place: title.as_ref().map(|text| self.problems.place(text.at)),
            title: title.map(|text| text.text),
            annotations: self.annotations("annotations", fields.get("annotations"), RESERVED),
            exclude_place: exclude.map(|node| self.problems.place(node.at)),
            exclude: self.patterns("exclude", exclude),
            compression: fields
                .get("compression")
                .and_then(|node| self.choice("compression", node, COMPRESSIONS)),
            hidden: fields.get("hidden").and_then(|node| self.truth("hidden", node)),
            ..FileSpec::default()
        };
        let (path, at) = path?;
        Some(FileSpec {
            place: Some(self.problems.place(at)),
            path,
            ..file
        })
    }

    pub(super) fn config(&mut self, node: &Node) -> Option<FileSpec> {
        let Value::Map(entries) = &node.value else {
            let file = self.short_form("config", node)?;
            if file.excluded {
                let error = Error::usage("`config` names one file, and '!' excludes");
                self.problem(
                    node.at,
                    error.hint("write {path: \"!NAME\"} for a file whose name starts with '!'"),
                );
                return None;
            }
            return Some(file);
        };
        if let Some(error) = mistaken(entries) {
            self.problem(node.at, error);
            return None;
        }
        let fields = self.fields(node, Scope::Config)?;
        let path = fields.get("path").and_then(|node| self.path(node));
        let media_type = self.parsed("media-type", fields.get("media-type"));
        let annotations = self.annotations("annotations", fields.get("annotations"), RESERVED);
        let (path, at) = path?;
        Some(FileSpec {
            place: Some(self.problems.place(at)),
            path,
            media_type: media_type.map(|(value, _)| value),
            annotations,
            ..FileSpec::default()
        })
    }

    /// `PATH[:TYPE]`; blank by a default is no file.
    fn short_form(&mut self, key: &str, node: &Node) -> Option<FileSpec> {
        let text = self.given(key, node)?;
        let file = self.checked(key, text.at, parse(&text.text))?;
        Some(FileSpec {
            place: Some(self.problems.place(text.at)),
            ..file
        })
    }

    fn path(&mut self, node: &Node) -> Option<(String, At)> {
        let text = self.text("path", node)?;
        if text.text.trim().is_empty() {
            self.problem(
                text.at,
                Error::usage("`path` came out empty").hint("give ${…} a default that is a path"),
            );
            return None;
        }
        Some((text.text, text.at))
    }

    fn patterns(&mut self, key: &str, node: Option<&Node>) -> Vec<String> {
        let items = self.items(key, node);
        items
            .iter()
            .filter_map(|node| Some(self.given(key, node)?.text))
            .collect()
    }

    fn truth(&mut self, key: &str, node: &Node) -> Option<bool> {
        let text = self.given(key, node)?;
        match text.text.as_str() {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            other => {
                let hint = match other.to_lowercase().as_str() {
                    "yes" | "on" | "y" => "write true",
                    "no" | "off" | "n" => "write false",
                    _ => "write true or false",
                };
                let error = Error::usage(format!("`{key}` takes true or false, and this is {other:?}"));
                self.problem(text.at, error.hint(hint));
                None
            }
        }
    }
}

/// See [`FileSpec::parse`].
pub(in crate::spec) fn parse(text: &str) -> Result<FileSpec> {
    let (excluded, rest) = match text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let typed = rest
        .rsplit_once(':')
        .and_then(|(path, kind)| Some((path, kind.parse::<MediaType>().ok()?)));
    let (path, media_type) = match typed {
        Some((path, media_type)) => (path, Some(media_type)),
        None => (rest, None),
    };
    if path.trim().is_empty() {
        return Err(Error::usage(format!("{text:?} names no file")).hint("write PATH or PATH:TYPE/SUBTYPE"));
    }
    if path.chars().any(char::is_control) {
        return Err(Error::usage(format!("{text:?} has a control character")).hint("rename the file"));
    }
    if excluded && media_type.is_some() {
        return Err(Error::usage(format!("{text:?} excludes, and gives a media type"))
            .hint(format!("write {:?}", format!("!{path}"))));
    }
    Ok(FileSpec {
        path: path.to_owned(),
        excluded,
        media_type,
        ..FileSpec::default()
    })
}

/// A map that was meant as text: `- readme.md: application/json`, or the pattern `- {a,b}`.
fn mistaken(entries: &[Entry]) -> Option<Error> {
    let first = entries
        .first()
        .filter(|entry| find(Scope::File, &entry.key).is_none())?;
    let Value::Scalar(scalar) = &first.value.value else {
        return None;
    };
    let hint = if scalar.text.parse::<MediaType>().is_ok() {
        let short = format!("{}:{}", first.key, scalar.text);
        format!("write {} without a blank for a path and its media type", shown(&short))
    } else if scalar.is_null() {
        let keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
        let pattern = shown(&format!("{{{}}}", keys.join(",")));
        format!("a pattern that starts with '{{' must be quoted, such as {pattern}")
    } else {
        return None;
    };
    Some(Error::usage("a file is a text or a map of keys, and this is another map").hint(hint))
}
