//! How a CI system wants its log lines: the one trait that `ci` implements for the terminal.

use super::Level;
use crate::error::Place;

/// The line formats of a CI system. Every text it is given may come from a registry or an artifact.
pub trait Dialect: Send + Sync {
    /// Lines that make the CI hide `secret` from now on; `None` where there is no such command.
    fn mask(&self, secret: &str) -> Option<String>;

    /// The line that opens a group.
    fn group_start(&self, title: &str) -> Option<String>;

    /// The line that closes it.
    fn group_end(&self) -> Option<String>;

    /// A line that the CI sets off; `None` writes a plain line instead.
    fn annotation(&self, level: Level, message: &str, place: Option<&Place>) -> Option<String>;

    /// `line` such that the CI takes it as text, whatever stands in it.
    fn escape(&self, line: &str) -> String;
}

/// A terminal or an unknown CI system: text only.
pub struct Plain;

impl Dialect for Plain {
    fn mask(&self, _: &str) -> Option<String> {
        None
    }

    fn group_start(&self, _: &str) -> Option<String> {
        None
    }

    fn group_end(&self) -> Option<String> {
        None
    }

    fn annotation(&self, _: Level, _: &str, _: Option<&Place>) -> Option<String> {
        None
    }

    fn escape(&self, line: &str) -> String {
        sanitize(line)
    }
}

/// `line` without characters that move a cursor, colour text or reorder it: each becomes `\u{…}`. Newlines stay.
pub fn sanitize(line: &str) -> String {
    let reorders = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    line.chars()
        .fold(String::with_capacity(line.len()), |mut text, character| {
            if (character.is_control() && character != '\n') || reorders(character) {
                text.extend(character.escape_unicode());
            } else {
                text.push(character);
            }
            text
        })
}
