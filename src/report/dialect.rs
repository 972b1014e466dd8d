//! How a CI system wants its log lines: the one trait that `ci` implements for the terminal.

use super::Level;
use crate::error::Place;

/// Takes a piece of bytes after the other; true as soon as one of them gives a command.
pub type Scan = Box<dyn FnMut(&[u8]) -> bool + Send>;

/// The line formats of a CI system. Every text it is given may come from a registry or an artifact.
pub trait Dialect: Send + Sync {
    /// Lines that make the CI hide `secret` from now on; `None` where there is no such command, or where it goes
    /// another way than by the log, which this call then begins.
    fn mask(&self, secret: &str) -> Option<String>;

    /// The line that opens a group.
    fn group_start(&self, title: &str) -> Option<String>;

    /// The line that closes it.
    fn group_end(&self) -> Option<String>;

    /// A line that the CI sets off; `None` writes a plain line instead.
    fn annotation(&self, level: Level, message: &str, place: Option<&Place>) -> Option<String>;

    /// `line` such that the CI takes it as text, whatever stands in it.
    fn escape(&self, line: &str) -> String;

    /// Waits until the CI hides all that [`Dialect::mask`] was called for. Called before each line.
    fn settle(&self) {}

    /// Looks through bytes, given in pieces, that are to be printed as they are; true once the CI would act on a line
    /// of them. `None` where there is nothing to look for.
    fn command_scan(&self) -> Option<Scan> {
        None
    }

    /// How many annotations of each level the CI shows; `None` where it shows all. The last one tells of those that
    /// would be over it.
    fn annotation_budget(&self) -> Option<usize> {
        None
    }
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

fn reorders(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether `character` takes no room, or is white space other than the plain space and the newline.
pub fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
        || (character.is_whitespace() && character != ' ' && character != '\n')
}

/// `json` with the same values, written such that no dialect has to change it: what [`Dialect::escape`] would show
/// differently stands as `\uXXXX` in its strings.
pub fn plain_json(json: &str) -> String {
    let mut plain = String::with_capacity(json.len());
    let mut units = [0; 2];
    for character in json.chars() {
        let escaped = character.is_control() || reorders(character) || is_invisible(character);
        // Between its strings JSON has no `#`, and no control character but the newline.
        if (escaped && character != '\n') || (character == '#' && plain.ends_with('#')) {
            for unit in character.encode_utf16(&mut units) {
                plain.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            plain.push(character);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn plain_json_keeps_its_values(
            text in "(\\PC|##\\[|\n::|[\u{85}\u{ad}\u{200b}\u{2028}\u{e0041}\u{1b}]){0,12}",
        ) {
            let value = serde_json::json!({ &text: [&text] });
            for json in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                let plain = plain_json(&json);
                proptest::prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&plain).unwrap(), value.clone());
                proptest::prop_assert_eq!(&sanitize(&plain), &plain);
                proptest::prop_assert!(!plain.contains("##["));
            }
        }
    }
}
