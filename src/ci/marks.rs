//! Finds marks that a CI system acts on, wherever they stand, in bytes that come in pieces. What a system may ignore in
//! comparing counts for nothing: letters' case, characters without width.

use super::characters::Characters;
use crate::report::is_invisible;

/// Looks for some short marks.
#[derive(Debug)]
pub struct Marks {
    characters: Characters,
    seen: Seen,
}

#[derive(Debug)]
struct Seen {
    marks: &'static [&'static str],
    /// The last visible characters of the line, as many as the longest mark has.
    tail: String,
    longest: usize,
    found: bool,
}

impl Marks {
    /// For `marks`, which are ASCII in lower case.
    pub fn new(marks: &'static [&'static str]) -> Self {
        Marks {
            characters: Characters::default(),
            seen: Seen {
                marks,
                tail: String::new(),
                longest: marks.iter().map(|mark| mark.len()).max().unwrap_or_default(),
                found: false,
            },
        }
    }

    /// Takes the next piece; true once there was a mark.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        let seen = &mut self.seen;
        self.characters.push(bytes, |character| seen.take(character));
        seen.found
    }
}

impl Seen {
    fn take(&mut self, character: char) {
        if character == '\n' || character == '\r' {
            self.tail.clear();
        } else if !character.is_control() && !is_invisible(character) {
            self.tail.push(character.to_ascii_lowercase());
            if self.tail.chars().count() > self.longest {
                self.tail.remove(0);
            }
            self.found |= self.marks.iter().any(|mark| self.tail.ends_with(mark));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_wherever_the_bytes_are_cut() {
        let text = "é x #\u{200b}#VSO[task.complete]".as_bytes();
        for cut in 0..text.len() {
            let mut marks = Marks::new(&["##vso["]);
            let (first, second) = text.split_at(cut);
            assert!(!marks.push(first) || cut > 12);
            assert!(marks.push(second), "{cut}");
        }
        let mut marks = Marks::new(&["##vso["]);
        assert!(!marks.push(b"##vs\no[ ##vso\xff[ ##vs o["));
    }
}
