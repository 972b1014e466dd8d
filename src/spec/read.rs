//! From the tree to the typed spec, collecting every problem on the way.
//!
//! This file holds what all parts share: maps with their keys checked, texts with `${…}` replaced, lists. The parts
//! are [`fields`] (maps), [`artifact`], [`package`], [`file`](mod@file), [`manifests`] and [`names`].

mod artifact;
mod fields;
mod file;
mod manifests;
mod names;
mod package;

use std::borrow::Cow;
use std::collections::HashMap;
use std::str::FromStr;

use super::expand::{Values, expand};
use super::keys::Scope;
use super::node::{Node, Scalar, Style, Value};
use super::problems::{At, Problems, shown};
use super::{Context, SPEC_LIMIT, Spec};
use crate::error::{Error, Errors, Result};
use crate::reference::Host;
use crate::suggest::nearest;

pub(super) use file::parse as parse_file;
pub(super) use manifests::pointer as manifest_pointer;

/// What a spec can't be without.
const AN_ARTIFACT: &str = "list at least one: `artifacts:`, then `- reference: HOST/REPOSITORY:TAG`";

/// What `${…}` may add, in bytes: ten thousand of one long value would be gigabytes.
const MOST_BY_VALUES: usize = SPEC_LIMIT;

/// Longest value that isn't an annotation's, in bytes: the longest path of Linux.
const LONGEST: usize = 4096;

/// The typed spec in `root`; `problems` holds what was found before.
pub(super) fn spec(root: &Node, context: &Context<'_>, problems: Problems<'_>) -> std::result::Result<Spec, Errors> {
    let mut reader = Reader {
        context,
        problems,
        notices: Vec::new(),
        given_names: HashMap::new(),
        room: MOST_BY_VALUES,
    };
    let spec = reader.spec(root);
    reader.problems.check()?;
    let mut spec = spec.ok_or_else(|| Error::internal("a spec failed without a problem"))?;
    spec.notices = reader.notices;
    Ok(spec)
}

struct Reader<'c, 'p> {
    context: &'c Context<'c>,
    problems: Problems<'p>,
    notices: Vec<String>,
    /// Each `name` with its first place.
    given_names: HashMap<String, At>,
    /// What `${…}` may still add.
    room: usize,
}

/// A text of the spec, everything replaced. Empty only if a default made it so, which counts as not given.
struct Text {
    text: String,
    at: At,
    replaced: bool,
    outside: bool,
}

impl Reader<'_, '_> {
    fn spec(&mut self, root: &Node) -> Option<Spec> {
        let fields = self.fields(root, Scope::Spec)?;
        if let Some(node) = fields.get("version") {
            self.version(node);
        }
        let own = fields.get("registry").map(|node| self.registry(node));
        // A reference without a host is no second problem when the registry is the first.
        let stand_in = || "registry.invalid".parse().ok();
        let registry = match (self.context.registry, own) {
            (Some(input), _) => Some(input.clone()),
            (None, Some(Ok(own))) => own,
            (None, Some(Err(()))) => stand_in(),
            (None, None) => None,
        };
        let annotations = self.annotations("annotations", fields.get("annotations"), &[]);
        let node = fields.get("artifacts")?;
        let items = match &node.value {
            Value::List(items) if items.is_empty() => {
                self.problem(node.at, Error::usage("`artifacts` is empty").hint(AN_ARTIFACT));
                return None;
            }
            Value::List(items) => items,
            Value::Broken => return None,
            other => {
                self.wrong_kind(node.at, "artifacts", "a list of maps", other);
                return None;
            }
        };
        let mut drafts: Vec<_> = items
            .iter()
            .filter_map(|item| self.artifact(item, registry.as_ref()))
            .collect();
        let manifests = manifests::take(&mut drafts);
        let mut artifacts = self.named(drafts);
        self.linked(&mut artifacts, manifests, registry.as_ref());
        Some(Spec {
            annotations,
            created: self.created(fields.get("created")),
            form: self.form(fields.get("manifest")),
            include_referrers: self.referrer_types(fields.get("include-referrers")),
            artifacts,
            notices: Vec::new(),
        })
    }

    fn version(&mut self, node: &Node) {
        if let Some(text) = self.given("version", node)
            && text.text != "1"
        {
            let error = Error::usage(format!("`version` {} is not in this version", shown(&text.text)));
            self.problem(text.at, error.hint("write `version: 1`, or leave it out"));
        }
    }

    /// `Err` if it is wrong, which has been told.
    fn registry(&mut self, node: &Node) -> std::result::Result<Option<Host>, ()> {
        let Some(text) = self.text("registry", node) else {
            return Err(());
        };
        if text.text.is_empty() {
            return Ok(None);
        }
        let folded = if text.outside || self.context.file.is_none() {
            text.text.to_ascii_lowercase()
        } else {
            text.text.clone()
        };
        match folded.parse::<Host>() {
            Ok(host) => {
                if folded != text.text {
                    self.notice_lower_case(text.at, "registry", &text.text);
                }
                Ok(Some(host))
            }
            Err(error) => {
                self.problem(text.at, error);
                Err(())
            }
        }
    }

    fn problem(&mut self, at: At, error: Error) {
        self.problems.add(at, error);
    }

    fn notice_lower_case(&mut self, at: At, what: &str, text: &str) {
        let place = self.problems.place(at);
        self.notices.push(format!(
            "{place}: {what} {} was lower-cased, as registries take no upper case",
            shown(text)
        ));
    }

    /// `wanted` begins with "a list", "a map", or else with "a text".
    fn wrong_kind(&mut self, at: At, key: &str, wanted: &str, found: &Value) {
        let (list, map) = (wanted.starts_with("a list"), wanted.starts_with("a map"));
        let (found, hint) = match found {
            Value::List(_) if map => ("a list", "write KEY: VALUE without '- '"),
            Value::List(_) => ("a list", "a value that starts with '[' must be quoted"),
            Value::Map(_) if list => ("a map", "begin each entry with '- '"),
            Value::Map(_) => ("a map", "quote a value that starts with '{' or has ': ' in it"),
            Value::Scalar(scalar) if scalar.is_null() => ("nothing", "give it a value, or leave the key out"),
            _ if list => ("a text", "begin each entry with '- '"),
            _ => ("a text", "write KEY: VALUE"),
        };
        let error = Error::usage(format!("`{key}` takes {wanted}, and this is {found}"));
        self.problem(at, error.hint(hint));
    }

    /// The text of a scalar, `${…}` replaced. `None` if there is a problem.
    fn text(&mut self, key: &str, node: &Node) -> Option<Text> {
        let text = self.any_text(key, node)?;
        let error = if text.text.trim().is_empty() && !text.replaced {
            Error::usage(format!("`{key}` is empty")).hint("give it a value, or leave the key out")
        } else if let Some(control) = text.text.chars().find(|c| c.is_control()) {
            Error::usage(format!(
                "`{key}` has the control character {}",
                control.escape_unicode()
            ))
            .hint("write it on one line, without line breaks and tabs")
        } else if text.text.len() > LONGEST {
            Error::usage(format!("`{key}` is longer than {LONGEST} bytes"))
        } else {
            return Some(text);
        };
        self.problem(text.at, error);
        None
    }

    /// The same for a key that may as well be absent: blank is unset.
    fn given(&mut self, key: &str, node: &Node) -> Option<Text> {
        self.text(key, node).filter(|text| !text.text.trim().is_empty())
    }

    /// A text that may have anything in it.
    fn any_text(&mut self, key: &str, node: &Node) -> Option<Text> {
        let scalar = match &node.value {
            Value::Scalar(scalar) => scalar,
            Value::Broken => return None,
            other => {
                self.wrong_kind(node.at, key, "a text", other);
                return None;
            }
        };
        if scalar.is_null() {
            let error = Error::usage(format!("`{key}` has no value"));
            let hint = match scalar.text.as_str() {
                "" | "~" => "give it one, or leave the key out".to_owned(),
                null => format!("quote {null:?} if the word is meant, or leave the key out"),
            };
            self.problem(node.at, error.hint(hint));
            return None;
        }
        let values = Values {
            facts: self.context.facts,
            vars: self.context.vars,
        };
        match expand(&scalar.text, values, &mut self.room) {
            Ok(expanded) => Some(Text {
                text: expanded.text,
                at: node.at,
                replaced: expanded.replaced,
                outside: expanded.outside,
            }),
            Err(error) => {
                self.problem(node.at, error.context(format!("`{key}`")));
                None
            }
        }
    }

    /// A value that knows how to read itself, and its place.
    fn parsed<T: FromStr<Err = Error>>(&mut self, key: &str, node: Option<&Node>) -> Option<(T, At)> {
        let text = self.given(key, node?)?;
        self.checked(key, text.at, text.text.parse())
            .map(|value| (value, text.at))
    }

    fn checked<T>(&mut self, key: &str, at: At, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(at, error.context(format!("`{key}`")));
                None
            }
        }
    }

    /// One of a few words.
    fn choice<T: Copy>(&mut self, key: &str, node: &Node, words: &[(&str, T)]) -> Option<T> {
        let text = self.given(key, node)?;
        let word = text.text.as_str();
        if let Some((_, value)) = words.iter().find(|(known, _)| *known == word) {
            return Some(*value);
        }
        let names: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
        let hint = match nearest(word, names.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("it takes {}", names.join(", ")),
        };
        let error = Error::usage(format!("`{key}` can't be {}", shown(word))).hint(hint);
        self.problem(text.at, error);
        None
    }

    /// The entries of a list. One text stands for a list of its lines, blank ones dropped, as in the inputs.
    fn items<'n>(&mut self, key: &str, node: Option<&'n Node>) -> Vec<Cow<'n, Node>> {
        let Some(node) = node else { return Vec::new() };
        match &node.value {
            Value::List(items) => items.iter().map(Cow::Borrowed).collect(),
            Value::Scalar(scalar) if scalar.is_null() || !scalar.text.contains('\n') => vec![Cow::Borrowed(node)],
            Value::Scalar(scalar) => lines(node.at, scalar).into_iter().map(Cow::Owned).collect(),
            Value::Broken => Vec::new(),
            other @ Value::Map(_) => {
                self.wrong_kind(node.at, key, "a list or a text", other);
                Vec::new()
            }
        }
    }
}

/// Each line of a text as a node of its own. A literal block begins with its first line that isn't blank.
fn lines(at: At, scalar: &Scalar) -> Vec<Node> {
    let step = u32::from(scalar.style == Style::Literal);
    let text = scalar.text.trim_start_matches('\n');
    let lines = (0..).zip(text.lines());
    let node = |(number, line): (u32, &str)| Node {
        at: At {
            line: at.line.saturating_add(number.saturating_mul(step)),
            ..at
        },
        value: Value::Scalar(Scalar {
            text: line.trim().to_owned(),
            style: Style::Quoted,
        }),
    };
    lines.filter(|(_, line)| !line.trim().is_empty()).map(node).collect()
}
