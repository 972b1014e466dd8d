//! A YAML list of flat maps, with the line of each value. All values are text, as they were written.
//!
//! From the parser's events: serde's errors quote what they stumble over, and here that may be a password.

use serde_yaml::granit_parser::{Event, Parser, ScalarStyle, options};

use crate::error::{Error, Result};

/// Larger texts are no list of credentials.
const LIMIT: usize = 256 * 1024;

/// A value and its line, from 1.
pub(super) struct Pair {
    pub(super) value: String,
    pub(super) line: usize,
}

/// An entry: its keys in the order of the text, twice where they stand twice.
pub(super) struct Map {
    pub(super) line: usize,
    pub(super) pairs: Vec<(String, Pair)>,
}

/// Reads `text`, which came from `origin`.
pub(super) fn read(text: &str, origin: &str) -> Result<Vec<Map>> {
    let wrong = |line: usize, why: &str| {
        Error::usage(format!("{origin}: line {line}: {why}"))
            .hint("`auth` is a list in YAML or JSON, such as `[{registry: ghcr.io, token-variable: MY_TOKEN}]`")
    };
    if text.len() > LIMIT {
        return Err(wrong(1, "it has more than 256 KiB"));
    }
    let options = options! {
        flow_nesting_limit: 8,
        block_nesting_limit: 8,
        emit_comments: false,
    };
    let mut maps: Vec<Map> = Vec::new();
    let mut key: Option<String> = None;
    let (mut documents, mut depth) = (0, 0);
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| wrong(error.marker().line(), "this is not YAML"))?;
        let line = span.start.line();
        match (event, depth) {
            (Event::DocumentStart(..), _) if documents > 0 => return Err(wrong(line, "a second document begins")),
            (Event::DocumentStart(..), _) => documents += 1,
            (Event::Alias(_) | Event::UnresolvedAlias(_), _) => {
                return Err(wrong(line, "an alias of YAML; write the value out, or quote it"));
            }
            (Event::Scalar(_, _, _, Some(_)), _) => {
                return Err(wrong(
                    line,
                    "a tag of YAML; a value that starts with '!' must be quoted",
                ));
            }
            (Event::SequenceStart(..), 0) => depth = 1,
            (Event::SequenceEnd, 1) => depth = 0,
            (Event::MappingStart(..), 1) => {
                maps.push(Map {
                    line,
                    pairs: Vec::new(),
                });
                depth = 2;
            }
            (Event::MappingEnd, 2) => depth = 1,
            (Event::Scalar(scalar, style, ..), 2) => {
                // The parser gives "~" for a value that isn't there.
                let empty = style == ScalarStyle::Plain && span.start.index() == span.end.index();
                let null = style == ScalarStyle::Plain && matches!(&*scalar, "~" | "null");
                let value = if empty || null {
                    String::new()
                } else {
                    scalar.into_owned()
                };
                match (key.take(), maps.last_mut()) {
                    (Some(key), Some(map)) => map.pairs.push((key, Pair { value, line })),
                    _ => key = Some(value),
                }
            }
            (Event::Scalar(..), 1) => return Err(wrong(line, "an entry is not a map of keys and values")),
            (Event::MappingStart(..), 0) => return Err(wrong(line, "this is one map; put `- ` before it")),
            (Event::Scalar(..), 0) => return Err(wrong(line, "this is not a list")),
            (Event::MappingStart(..) | Event::SequenceStart(..), _) => {
                return Err(wrong(
                    line,
                    "a value is not text; quote one that starts with '{' or '['",
                ));
            }
            _ => {}
        }
    }
    Ok(maps)
}
