//! Media and artifact types: `type/subtype` of RFC 6838, checked before anything is hashed
//! (ORAS checks the artifact type after hashing, and layer types not at all).

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// A media type without parameters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaType(String);

impl MediaType {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MediaType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if is_media_type(text) {
            return Ok(MediaType(text.to_owned()));
        }
        Err(Error::usage(format!("{text:?} is not a media type"))
            .hint("write TYPE/SUBTYPE without parameters, such as application/json (RFC 6838)"))
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// RFC 6838 §4.2: each name starts with a letter or digit and has at most 127 characters.
fn is_media_type(text: &str) -> bool {
    let name = |name: &str| {
        name.len() <= 127
            && name.starts_with(|first: char| first.is_ascii_alphanumeric())
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c))
    };
    text.split_once('/')
        .is_some_and(|(kind, subtype)| name(kind) && name(subtype))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_with_and_without_structure() {
        for good in [
            "text/plain",
            "application/vnd.oci.image.layer.v1.tar+gzip",
            "readme/example",
        ] {
            assert!(is_media_type(good), "{good}");
        }
        for bad in [
            "",
            "exe",
            "/",
            "a/",
            "/b",
            "a/b/c",
            "text/plain; charset=utf-8",
            "te xt/plain",
            "+a/b",
        ] {
            assert!(!is_media_type(bad), "{bad}");
        }
    }
}
