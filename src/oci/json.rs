//! JSON as Go's `encoding/json` writes it: compact, `<`, `>`, `&`, U+2028 and U+2029 escaped. ORAS's manifests have
//! that form, and the digest is over the bytes.

use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

use crate::error::{Error, Result};

/// `value` as compact JSON with Go's escapes and no newline at the end. Fields come in the order of the struct.
pub fn to_canonical_json(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, GoFormatter(CompactFormatter));
    value
        .serialize(&mut serializer)
        .map_err(|error| Error::internal(format!("JSON: {error}")))?;
    Ok(bytes)
}

struct GoFormatter(CompactFormatter);

impl Formatter for GoFormatter {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (plain, special) = rest.split_at(at);
            self.0.write_string_fragment(writer, plain)?;
            let mut characters = special.chars();
            if let Some(character) = characters.next() {
                write!(writer, "\\u{:04x}", u32::from(character))?;
            }
            rest = characters.as_str();
        }
        self.0.write_string_fragment(writer, rest)
    }

    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: serde_json::ser::CharEscape,
    ) -> io::Result<()> {
        self.0.write_char_escape(writer, escape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_those_of_go() {
        let bytes = to_canonical_json(&"a<b>&c\u{2028}\u{2029}\"\\\n\u{8}\u{c}\u{1}é").unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            r#""a\u003cb\u003e\u0026c\u2028\u2029\"\\\n\b\f\u0001é""#
        );
    }
}
