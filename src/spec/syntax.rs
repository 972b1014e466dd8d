//! What is wrong with a text that is no YAML, in words for someone who writes a spec, not a parser.

use serde_yaml::granit_parser::{ErrorKind, ScanError};

use super::node::too_deep;
use super::problems::{At, shown};
use crate::error::Error;

/// Characters that mean something else to YAML where a value begins.
const INDICATORS: &[char] = &['*', '&', '!', '{', '[', '%', '@', '`'];

/// What the parser stumbled over, with the way out that fits the line.
pub fn explain(error: &ScanError, text: &str) -> Error {
    if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
        return too_deep();
    }
    let line = text.lines().nth(error.marker().line().saturating_sub(1)).unwrap_or("");
    if is_tab(error.kind()) {
        return Error::usage("a tab stands where YAML takes spaces only").hint("indent with spaces");
    }
    // What the parser says of a value that is no YAML from its first character on helps nobody.
    if let Some(hint) = quote_hint(line) {
        return Error::usage("YAML can't read this value").hint(hint);
    }
    let (message, hint) = match error.kind() {
        ErrorKind::UnclosedQuotedScalar => ("a quote is opened and never closed", "close it with the same quote"),
        ErrorKind::UnknownQuotedScalarEscape => (
            "an escape in double quotes that YAML doesn't know",
            "write \\\\ for a backslash, or use single quotes",
        ),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidMappingValueWhitespace => (
            "a ':' stands where no key can be",
            "quote a value that has ': ' in it, and check the indentation",
        ),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            ("a key without a ':'", "write KEY: VALUE, and check the indentation")
        }
        ErrorKind::UnexpectedCharacter { character } if character.is_control() => {
            let error = Error::usage(format!("the control character {}", character.escape_unicode()));
            return error.hint("save the spec as UTF-8 text");
        }
        kind => {
            let error = Error::usage(format!("this is not YAML: {kind}"));
            return error.hint("check the brackets, the quotes and the indentation here");
        }
    };
    Error::usage(message).hint(hint)
}

fn is_tab(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabNotAllowed
            | ErrorKind::TabInPlainScalar
            | ErrorKind::TabAtBlockScalarStart
    )
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
    // JSON, or a map in braces: the mistake is another.
    if matches!(first, '{' | '[') && (value.contains('"') || value.contains(": ")) {
        return None;
    }
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
