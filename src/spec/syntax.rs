//! What is wrong with a text that is no YAML, in words for someone who writes a spec, not a parser.

use serde_yaml::granit_parser::{ErrorKind, ScanError};

use super::node;
use super::problems::{At, shown};
use crate::error::Error;

/// Characters that mean something else to YAML where a value begins.
const INDICATORS: &[char] = &['*', '&', '!', '{', '[', '%', '@', '`'];

/// What the parser stumbled over, with the way out that fits the line.
pub fn explain(error: &ScanError, text: &str) -> Error {
    let line = text.lines().nth(error.marker().line().saturating_sub(1)).unwrap_or("");
    let (message, hint) = match error.kind() {
        ErrorKind::RecursionLimitExceeded => return node::too_deep(),
        ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabInPlainScalar
        | ErrorKind::TabAtBlockScalarStart => (
            "a tab stands where YAML takes spaces only".to_owned(),
            Some("indent with spaces".to_owned()),
        ),
        ErrorKind::UnclosedQuotedScalar => ("a quote is opened and never closed".to_owned(), quote_hint(line)),
        ErrorKind::UnclosedFlowCollection { open } => {
            (format!("'{open}' is opened and never closed"), quote_hint(line))
        }
        ErrorKind::UnknownQuotedScalarEscape => (
            "an escape in double quotes that YAML doesn't know".to_owned(),
            Some("write \\\\ for a backslash, or use single quotes".to_owned()),
        ),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidMappingValueWhitespace => (
            "a ':' stands where no key can be".to_owned(),
            quote_hint(line)
                .or_else(|| Some("quote a value that has ': ' in it, and check the indentation".to_owned())),
        ),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => (
            "a key without a ':'".to_owned(),
            quote_hint(line).or_else(|| Some("write KEY: VALUE, and check the indentation".to_owned())),
        ),
        kind => (
            format!("this is not YAML: {kind}"),
            quote_hint(line).or_else(|| Some("check the indentation and the quotes of this line".to_owned())),
        ),
    };
    let error = Error::usage(message);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// If the line's value starts with a character that means something to YAML: how to write it.
fn quote_hint(line: &str) -> Option<String> {
    let mut value = line.trim();
    while let Some(rest) = value.strip_prefix("- ") {
        value = rest.trim_start();
    }
    if let Some((key, rest)) = value.split_once(": ")
        && !key.contains(INDICATORS)
    {
        value = rest.trim_start();
    }
    let first = value.chars().next()?;
    if first == '[' && value.contains(['{', '*', '!']) {
        return Some(
            "in a list in brackets, quote every entry that has one of * ! { } [ ] or a comma in it, such as \
             \"dist/*.{whl,zip}\""
                .to_owned(),
        );
    }
    INDICATORS.contains(&first).then(|| {
        format!(
            "a value that starts with '{first}' must be quoted, such as {}",
            shown(value)
        )
    })
}

/// Where the first NUL stands, which the parser takes for the end of the text.
pub fn first_forbidden(text: &str) -> Option<At> {
    text.find('\0').map(|byte| at_byte(text, byte))
}

/// The place of a byte offset; a start of a character.
pub fn at_byte(text: &str, offset: usize) -> At {
    at_end(text.get(..offset).unwrap_or(text))
}

/// The place behind `before`.
pub fn at_end(before: &str) -> At {
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let number = |from: usize| u32::try_from(from).unwrap_or(u32::MAX);
    At {
        line: number(before.matches('\n').count() + 1),
        column: number(
            before
                .get(start..)
                .unwrap_or("")
                .chars()
                .filter(|c| *c != '\u{feff}')
                .count()
                + 1,
        ),
    }
}
