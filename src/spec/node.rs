//! YAML, or JSON, to a tree that knows the line and column of every key and value.
//!
//! Scalars stay text as it was written (`1.10` is no number here, `no` no boolean); what they mean is for the reader.
//! Duplicate keys are passed through, so that the reader can name both places. What could surprise is refused: merge
//! keys, tags, several documents. The events come from the parser below serde-saphyr: through serde, a value that is
//! text in one form and a map in another can't be had together with its place and its source text.

mod build;

use serde_yaml::granit_parser::{Parser, options};

use self::build::Builder;
pub(super) use self::build::too_deep;
use super::problems::{At, Problems};
use super::syntax;
use crate::error::Error;

/// Lists and maps may lie in each other this deep; a spec needs six.
const DEEPEST: usize = 64;

/// A value.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it begins.
    pub at: At,
    /// What it is.
    pub value: Value,
}

/// The kinds of values.
#[derive(Clone, Debug)]
pub enum Value {
    /// One text.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A map in the order of the text, duplicates and all.
    Map(Vec<Entry>),
    /// Something whose problem has been told already.
    Broken,
}

/// One text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// As it was written; for quoted text without quotes and escapes.
    pub text: String,
    /// How it was written.
    pub style: Style,
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In single or double quotes, or folded (`>`).
    Quoted,
    /// A literal block (`|`): its lines are lines of the file.
    Literal,
}

/// One key of a map and its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key begins.
    pub at: At,
    /// The value.
    pub value: Node,
}

impl Scalar {
    /// Whether YAML reads it as null.
    pub fn is_null(&self) -> bool {
        self.style == Style::Plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }
}

/// The tree of `text`. `None` if there is none to read; `problems` then says why.
pub fn parse(text: &str, problems: &mut Problems<'_>) -> Option<Node> {
    debug_assert!(text.len() <= super::SPEC_LIMIT);
    if let Some(at) = syntax::first_forbidden(text) {
        problems.add(
            at,
            Error::usage("the spec has a NUL character").hint("save it as UTF-8 text, not as UTF-16"),
        );
        return None;
    }
    let mut builder = Builder::new(text, problems);
    let options = options! {
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
        emit_unresolved_aliases: true,
        emit_comments: false,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        let step = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => Err((build::place(*error.marker()), syntax::explain(&error, text))),
        };
        if let Err((at, error)) = step {
            builder.give_up(at, error);
            return None;
        }
    }
    builder.finish()
}

#[cfg(test)]
mod tests;
