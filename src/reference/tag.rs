//! Tags.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A tag: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}` (distribution-spec 1.1, "Pulling manifests").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

impl Tag {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let first = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let sound = text.bytes().next().is_some_and(first)
            && text.len() <= 128
            && text.bytes().all(|b| first(b) || b == b'.' || b == b'-');
        if sound {
            return Ok(Tag(text.to_owned()));
        }
        // As ORAS takes several tags.
        let hint = if text.contains(',') {
            "a reference has one tag; the others go into tags"
        } else {
            "a tag has up to 128 letters, digits, '_', '.' and '-', and starts with none of the last two; \
             ${ci.ref-slug} is a branch or tag name made safe"
        };
        Err(Error::usage(format!("{text:?} is not a tag")).hint(hint))
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
