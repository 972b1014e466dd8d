//! Collects everything that is wrong with a spec, so that one run tells it all.

use camino::Utf8Path;

use crate::error::{Error, Errors, Place};

/// More problems than this help nobody, and a CI log has to stay readable.
const MOST: usize = 100;

/// Where something begins in the text, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

/// The problems of one spec.
#[derive(Debug)]
pub struct Problems<'a> {
    file: Option<&'a Utf8Path>,
    found: Vec<Error>,
    more: usize,
}

impl<'a> Problems<'a> {
    /// None yet; `file` is the spec's, `None` for an inline one.
    pub fn new(file: Option<&'a Utf8Path>) -> Self {
        Problems {
            file,
            found: Vec::new(),
            more: 0,
        }
    }

    /// Adds one that arose at `at`.
    pub fn add(&mut self, at: At, error: Error) {
        if self.found.len() < MOST {
            let place = self.place(at);
            self.found.push(error.at(place));
        } else {
            self.more += 1;
        }
    }

    /// Adds one of the spec as a whole.
    pub fn add_whole(&mut self, error: Error) {
        self.add(At { line: 1, column: 1 }, error);
    }

    /// Whether further ones would be counted only.
    pub fn are_many(&self) -> bool {
        self.found.len() >= MOST
    }

    /// Whether one was found in this line.
    pub fn has_line(&self, line: u32) -> bool {
        let mut places = self.found.iter().filter_map(Error::place);
        places.any(|place| place.line == line)
    }

    /// A place in this spec.
    pub fn place(&self, at: At) -> Place {
        Place {
            file: self.file.map(Utf8Path::to_owned),
            line: at.line,
            column: at.column,
        }
    }

    /// `Ok` if there are none; else all of them, in the order of the text.
    pub fn check(mut self) -> Result<(), Errors> {
        self.found
            .sort_by_key(|error| error.place().map(|place| (place.line, place.column)));
        if self.more > 0 {
            self.found.push(
                Error::usage(format!("the spec has {} more problems", self.more))
                    .hint(format!("mend the first {MOST} and run `check` again")),
            );
        }
        Errors::check(self.found)
    }
}

/// `text` as it may stand in a message: not endless.
pub fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}", format!("{}…", &text[..end])),
        None => format!("{text:?}"),
    }
}
