//! What YAML reads as tags, anchors and aliases, and what was meant as text.

use serde_yaml::granit_parser::{Marker, Span, Tag};

use super::{Builder, place};
use crate::error::Error;
use crate::spec::problems::shown;
use crate::spec::syntax;

impl Builder<'_, '_, '_> {
    /// `*.txt`: meant as text.
    pub(super) fn refuse_alias(&mut self, name: &str, span: &Span) {
        let name = shown(&format!("*{name}{}", self.glued(span)));
        self.problems.add(
            place(span.start),
            Error::usage(format!("{name} is an alias of YAML, and there is no such anchor"))
                .hint(format!("a value that starts with '*' must be quoted, such as {name}")),
        );
    }

    /// Whether the tag is one that would change or break the value. `!!str` on text changes nothing.
    pub(super) fn refuse_tag(&mut self, tag: Option<&Tag>, span: &Span, harmless: &str) -> bool {
        let Some(tag) = tag else { return false };
        if tag.is_yaml_core_schema_tag(harmless) {
            return false;
        }
        let written = span.tag_span().and_then(|tag| tag.slice(self.text)).unwrap_or("!");
        let hint = if written.starts_with("!!") || !matches!(harmless, "str") {
            "leave it out".to_owned()
        } else {
            format!(
                "a value that starts with '!' must be quoted, such as {}",
                shown(written)
            )
        };
        let written = shown(written);
        self.problems.add(
            place(span.tag_start.unwrap_or(span.start)),
            Error::usage(format!("{written} is a tag of YAML, which a spec can't have")).hint(hint),
        );
        true
    }

    /// What stands right behind an alias in brackets, as in `*.{a,b}`: it was meant as one pattern.
    fn glued(&self, alias: &Span) -> &str {
        let behind = alias
            .end
            .byte_offset()
            .and_then(|end| self.text.get(end..))
            .unwrap_or("");
        if !behind.starts_with(['{', '[']) {
            return "";
        }
        behind.split_whitespace().next().unwrap_or("")
    }

    /// `- &name` and nothing behind it: meant as text.
    pub(super) fn refuse_lone_anchor(&mut self, behind: Marker) {
        if self.problems.are_many() {
            return;
        }
        let before = behind.byte_offset().and_then(|end| self.text.get(..end)).unwrap_or("");
        let written = before
            .rfind('&')
            .and_then(|start| before.get(start..))
            .unwrap_or("&")
            .trim_end();
        let at = syntax::at_byte(self.text, before.rfind('&').unwrap_or(before.len()));
        let written = shown(written);
        self.problems.add(
            at,
            Error::usage(format!("{written} is an anchor of YAML without a value")).hint(format!(
                "a value that starts with '&' must be quoted, such as {written}"
            )),
        );
    }
}
