//! Text in a GitHub log: what may stand in a command, and how text is kept from becoming one.
//!
//! The runner reads stdout and stderr. `::name …::data` is a command at the beginning of a line, after white space;
//! the older `##[name …]data` anywhere in it. `::set-output` and `##[set-output …]` still work, so a file name or a
//! registry's error body that reaches the log as it is could set the outputs of our step.

use std::collections::BTreeSet;

use super::characters::Characters;
use crate::report::{is_invisible, sanitize};

/// `text` such that no line of it is a command. What is changed stays readable: `##[` becomes `## [`, `::` at the
/// beginning of a line `: :`.
pub fn text(text: &str) -> String {
    let visible = escape_invisible(&sanitize(text)).replace("##[", "## [");
    let lines = visible
        .split('\n')
        .map(|line| match line.trim_start().strip_prefix("::") {
            Some(rest) => format!("{}: :{rest}", indent(line)),
            None => line.to_owned(),
        });
    lines.collect::<Vec<_>>().join("\n")
}

/// `text` as the data of a command.
pub fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// `text` as the value of a command's property.
pub fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// What a system is told to hide for `secret`: the whole, and each line, as some hide a value only as it was given. A
/// mask of one or two characters would blot out the whole log.
pub fn parts_to_mask(secret: &str) -> BTreeSet<&str> {
    let lines = secret.lines().filter(|line| line.trim().chars().count() > 2);
    let whole = (!secret.trim().is_empty()).then_some(secret);
    whole.into_iter().chain(lines).collect()
}

fn indent(line: &str) -> &str {
    line.split_at(line.len() - line.trim_start().len()).0
}

/// Finds a line that the runner would take for a command, in bytes that come in pieces; what it may ignore in comparing
/// is left out.
#[derive(Debug, Default)]
pub struct Scanner {
    characters: Characters,
    line: Line,
}

/// What was seen of a line, and of those before it.
#[derive(Debug, Default)]
struct Line {
    /// Whether something other than blanks stood in it.
    begun: bool,
    /// Colons at its beginning, up to 2.
    colons: u8,
    /// `#` that stand right here, up to 2.
    hashes: u8,
    /// Whether there was a command.
    found: bool,
}

impl Scanner {
    /// Takes the next piece; true once there was a command.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        let line = &mut self.line;
        self.characters.push(bytes, |character| line.take(character));
        line.found
    }
}

impl Line {
    fn take(&mut self, character: char) {
        match character {
            '\n' | '\r' => {
                *self = Line {
                    found: self.found,
                    ..Line::default()
                }
            }
            _ if character.is_control() || is_invisible(character) => {}
            ' ' if !self.begun => {}
            _ => {
                let first = !self.begun;
                self.begun = true;
                self.colons = match character {
                    ':' if first => 1,
                    ':' if self.colons == 1 => 2,
                    _ => 0,
                };
                self.found |= self.colons == 2 || (character == '[' && self.hashes == 2);
                self.hashes = if character == '#' { (self.hashes + 1).min(2) } else { 0 };
            }
        }
    }
}

/// The runner compares strings by culture, where characters without width count for nothing: `#`, U+200B, `#[` equals
/// `##[`. They are shown as `\u{…}`, and so are other spaces than the plain one, which the runner trims.
pub fn escape_invisible(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        if is_invisible(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
        shown
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the runner takes for a command (actions/runner, ActionCommand.TryParseV2 and TryParse), with all that
    /// might be ignored in comparing left out.
    fn is_command(line: &str) -> bool {
        let bare: String = line
            .chars()
            .filter(|c| !c.is_control() && !matches!(c, '\u{200b}' | '\u{ad}' | '\u{feff}'))
            .collect();
        bare.trim_start().starts_with("::") || bare.contains("##[")
    }

    #[test]
    fn commands_become_text() {
        for (from, to) in [
            ("plain: text", "plain: text"),
            ("a::b", "a::b"),
            ("::set-output name=digest::x", ": :set-output name=digest::x"),
            ("  ::add-mask::x", "  : :add-mask::x"),
            ("x ##[set-output name=digest]x", "x ## [set-output name=digest]x"),
            ("###[x]", "### [x]"),
            ("##[##[", "## [## ["),
            ("one\n::two", "one\n: :two"),
            ("one\r::two", "one\\u{d}::two"),
            ("\t::x", "\\u{9}::x"),
            ("\u{a0}::x", "\\u{a0}::x"),
            ("\u{feff}::x", "\\u{feff}::x"),
            ("#\u{200b}#[x]", "#\\u{200b}#[x]"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            (":::x", ": ::x"),
        ] {
            assert_eq!(text(from), to, "{from:?}");
        }
    }

    fn has_command(bytes: &[u8]) -> bool {
        Scanner::default().push(bytes)
    }

    #[test]
    fn bytes_with_commands_are_found() {
        for bytes in [
            "::set-output name=x::y",
            "a\r ::x",
            "{\n\t::x",
            "\u{200b}::x",
            "a ##[x]",
            "#\u{200b}#[x]",
        ] {
            assert!(has_command(bytes.as_bytes()), "{bytes:?}");
        }
        for bytes in ["", "{\"a\": \"::x\"}", "a::b", "# [x]", "\u{1b}[31m"] {
            assert!(!has_command(bytes.as_bytes()), "{bytes:?}");
        }
        assert!(has_command(b"\xff\n::x"));
        assert!(!has_command(b"\xff::x") && !has_command(b":\xc3:x"));
    }

    #[test]
    fn data_and_properties_of_commands() {
        assert_eq!(data("50%\r\nof a:b,c"), "50%25%0D%0Aof a:b,c");
        assert_eq!(property("50%\nof a:b,c"), "50%25%0Aof a%3Ab%2Cc");
        assert_eq!(data("%0A"), "%250A", "text that looks escaped stays what it is");
    }

    proptest::proptest! {
        #[test]
        fn no_escaped_text_starts_a_command(
            input in "[ \t\r\n:#\\[\\]a\u{ad}\u{a0}\u{200b}\u{2003}\u{2028}\u{3000}\u{feff}\u{1b}\u{85}]{0,24}",
        ) {
            for line in text(&input).lines() {
                proptest::prop_assert!(!is_command(line), "{:?} of {:?}", line, input);
            }
        }

        #[test]
        fn a_command_is_found_wherever_the_bytes_are_cut(
            text in "([ :#\\[\\]a\n\r\u{ad}\u{e9}\u{200b}\u{1f600}]|::|##\\[|\n::){0,12}",
            junk in proptest::option::of((any::<u8>(), any::<prop::sample::Index>())),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut bytes = text.into_bytes();
            if let Some((byte, at)) = junk {
                bytes.insert(at.index(bytes.len() + 1), byte);
            }
            let whole = String::from_utf8_lossy(&bytes).replace('\r', "\n").split('\n').any(is_command);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let mut scanner = Scanner::default();
            let found = cuts.windows(2).fold(false, |_, ends| scanner.push(&bytes[ends[0]..ends[1]]));
            prop_assert_eq!(found, whole, "{:?} cut at {:?}", bytes, cuts);
        }

        #[test]
        fn no_text_of_any_kind_starts_a_command(before in "\\PC{0,8}", after in "(?s).{0,16}") {
            for command in ["::set-output name=x::", "##[set-output name=x]"] {
                let input = format!("{before}{command}{after}");
                for line in text(&input).lines() {
                    proptest::prop_assert!(!is_command(line), "{:?} of {:?}", line, input);
                }
            }
        }

        #[test]
        fn a_command_stays_on_one_line(input in "(?s).{0,40}") {
            proptest::prop_assert!(!property(&input).contains(['\n', '\r', ':', ',']));
            proptest::prop_assert!(!data(&input).contains(['\n', '\r']));
        }
    }
}
