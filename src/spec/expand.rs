//! `${ci.NAME}` and `${vars.NAME}` in values, with `:-DEFAULT`; `$${` is a literal `${`.
//!
//! What comes out is not read again, and the environment is never looked at: a spec that comes with a pull request
//! must not read a secret.

use std::collections::BTreeMap;

use super::problems::shown;
use crate::error::{Error, Result};
use crate::suggest::nearest;

/// The names behind `ci.`, the same on every CI system.
pub const CI_NAMES: &[&str] = &[
    "sha",
    "short-sha",
    "ref",
    "branch",
    "tag",
    "ref-slug",
    "pr-number",
    "run-id",
    "run-number",
    "run-attempt",
    "repository",
    "actor",
    "url",
];

/// Where the values come from.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    /// Of `${ci.NAME}`.
    pub facts: &'a BTreeMap<&'static str, String>,
    /// Of `${vars.NAME}`.
    pub vars: &'a BTreeMap<String, String>,
}

/// A text with everything in it replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expanded {
    /// The text.
    pub text: String,
    /// Whether anything was replaced, even by a default.
    pub replaced: bool,
    /// Whether some of it comes from the CI system or from an input, where the author of the spec has no say in
    /// upper case.
    pub outside: bool,
}

/// Replaces every `${…}` of `text`, by values of at most `room` bytes, of which what they take is gone then. The first
/// that can't be is the error.
pub fn expand(text: &str, values: Values<'_>, room: &mut usize) -> Result<Expanded> {
    let mut out = Expanded::default();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            out.text.push_str(before);
            out.text.push_str("${");
            rest = from.get(2..).unwrap_or("");
            continue;
        }
        out.text.push_str(before);
        let inside = from.get(2..).unwrap_or("");
        if inside.starts_with('{') {
            return Err(Error::usage("an expression `${{ … }}` is not evaluated in a spec")
                .hint("use ${ci.NAME}, or pass the value with the input `vars` and use ${vars.NAME}"));
        }
        let Some((inner, after)) = inside.split_once('}') else {
            return Err(Error::usage("a `${` is never closed").hint("close it with '}', or write $${ for a literal ${"));
        };
        let (value, outside) = replace(inner, values)?;
        *room = room.checked_sub(value.len()).ok_or_else(|| {
            Error::usage("the values of ${…} make the spec too large").hint("use fewer of them, or shorter ones")
        })?;
        out.text.push_str(&value);
        out.replaced = true;
        out.outside |= outside;
        rest = after;
    }
    out.text.push_str(rest);
    Ok(out)
}

/// The value of what stands between the braces, and whether it is none of the spec's own text.
fn replace(inner: &str, values: Values<'_>) -> Result<(String, bool)> {
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    if default.is_some_and(|default| default.contains("${")) {
        return Err(
            Error::usage(format!("the default of ${{{name}}} has another ${{ in it")).hint("a default is plain text"),
        );
    }
    let value = match name.split_once('.') {
        Some(("ci", fact)) if CI_NAMES.contains(&fact) => values.facts.get(fact),
        Some(("ci", fact)) => {
            let meant = nearest(fact, CI_NAMES.iter().copied());
            return Err(unknown(name, meant.map(|near| format!("ci.{near}")), || {
                format!("known are ci.{}", CI_NAMES.join(", ci."))
            }));
        }
        Some(("vars", var)) => match values.vars.get(var) {
            None if default.is_none() => return Err(no_such_var(name, var, values.vars)),
            value => value,
        },
        _ => {
            return Err(
                Error::usage(format!("${{{}}} is neither ci.NAME nor vars.NAME", crop(name))).hint(
                    "the environment is never expanded: pass the value with the input `vars` and use ${vars.NAME}; \
                     $${ is a literal ${",
                ),
            );
        }
    };
    match (value.filter(|value| !value.is_empty()), default) {
        (Some(value), _) => Ok((value.clone(), true)),
        (None, Some(default)) => Ok((default.to_owned(), false)),
        (None, None) => Err(Error::usage(format!("${{{name}}} has no value in this run"))
            .hint(format!("give it a default: ${{{name}:-DEFAULT}}"))),
    }
}

fn no_such_var(name: &str, var: &str, vars: &BTreeMap<String, String>) -> Error {
    let meant = nearest(var, vars.keys().map(String::as_str)).map(|near| format!("vars.{near}"));
    unknown(name, meant, || match vars.len() {
        0 => "the input `vars` is empty; set it there".to_owned(),
        1..=20 => {
            let names: Vec<&str> = vars.keys().map(String::as_str).collect();
            format!("the input `vars` has {}", names.join(", "))
        }
        _ => "set it in the input `vars`".to_owned(),
    })
}

fn unknown(name: &str, meant: Option<String>, known: impl FnOnce() -> String) -> Error {
    let hint = meant.map_or_else(known, |meant| format!("did you mean ${{{meant}}}?"));
    Error::usage(format!("${{{}}} is unknown", crop(name))).hint(hint)
}

/// A name as it may stand in a message.
fn crop(name: &str) -> String {
    shown(name).trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expanded(text: &str) -> Result<Expanded> {
        let facts = BTreeMap::from([
            ("sha", "abc".to_owned()),
            ("tag", String::new()),
            ("repository", "Me/App".to_owned()),
        ]);
        let vars = BTreeMap::from([
            ("version".to_owned(), "1.10".to_owned()),
            ("twice".to_owned(), "${ci.sha}".to_owned()),
            ("blank".to_owned(), String::new()),
        ]);
        let values = Values {
            facts: &facts,
            vars: &vars,
        };
        expand(text, values, &mut 100)
    }

    fn text(source: &str) -> String {
        expanded(source).unwrap().text
    }

    fn problem(source: &str) -> String {
        let error = expanded(source).unwrap_err();
        format!("{error}\n{}", error.way_out().unwrap())
    }

    #[test]
    fn values_are_replaced_once() {
        assert_eq!(text("a-${ci.sha}-${vars.version}-b"), "a-abc-1.10-b");
        assert_eq!(text("${vars.twice}"), "${ci.sha}");
        assert_eq!(text("$HOME $ {x} $$ }{"), "$HOME $ {x} $$ }{");
        assert_eq!(text("$${ci.sha} $$${ci.sha}"), "${ci.sha} $${ci.sha}");
    }

    #[test]
    fn defaults_stand_in_for_absent_and_empty() {
        assert_eq!(text("${ci.tag:-dev}"), "dev");
        assert_eq!(text("${ci.branch:-}"), "");
        assert_eq!(text("${vars.nope:-a:-b}"), "a:-b");
        assert_eq!(text("${vars.blank:-x}"), "x");
        assert_eq!(text("${ci.sha:-dev}"), "abc");
    }

    #[test]
    fn it_is_told_what_came_from_outside() {
        assert!(expanded("${ci.repository}").unwrap().outside);
        assert!(expanded("x${vars.version}").unwrap().outside);
        assert!(!expanded("${ci.tag:-Dev}").unwrap().outside);
        assert!(!expanded("plain").unwrap().replaced);
    }

    #[test]
    fn what_cannot_be_replaced_is_an_error() {
        insta::assert_snapshot!(problem("${ci.tag}"), @"
        ${ci.tag} has no value in this run
        give it a default: ${ci.tag:-DEFAULT}
        ");
        insta::assert_snapshot!(problem("${ci.shaa}"), @"
        ${ci.shaa} is unknown
        did you mean ${ci.sha}?
        ");
        insta::assert_snapshot!(problem("${ci.commit}"), @"
        ${ci.commit} is unknown
        known are ci.sha, ci.short-sha, ci.ref, ci.branch, ci.tag, ci.ref-slug, ci.pr-number, ci.run-id, ci.run-number, ci.run-attempt, ci.repository, ci.actor, ci.url
        ");
        insta::assert_snapshot!(problem("${vars.other}"), @"
        ${vars.other} is unknown
        the input `vars` has blank, twice, version
        ");
        insta::assert_snapshot!(problem("${vars.versoin}"), @"
        ${vars.versoin} is unknown
        did you mean ${vars.version}?
        ");
        insta::assert_snapshot!(problem("${HOME}"), @"
        ${HOME} is neither ci.NAME nor vars.NAME
        the environment is never expanded: pass the value with the input `vars` and use ${vars.NAME}; $${ is a literal ${
        ");
        insta::assert_snapshot!(problem("a ${ci.sha"), @"
        a `${` is never closed
        close it with '}', or write $${ for a literal ${
        ");
        insta::assert_snapshot!(problem("${{ github.sha }}"), @"
        an expression `${{ … }}` is not evaluated in a spec
        use ${ci.NAME}, or pass the value with the input `vars` and use ${vars.NAME}
        ");
        insta::assert_snapshot!(problem("${ci.tag:-${ci.sha}}"), @"
        the default of ${ci.tag} has another ${ in it
        a default is plain text
        ");
        assert!(expanded("${}").is_err());
        assert!(expanded("${ci.sha:0:7}").is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[${}:.a-z -]{0,40}") {
            let _ = expanded(&text);
        }

        #[test]
        fn text_without_a_dollar_stays(text in "[^$]{0,60}") {
            prop_assert_eq!(expanded(&text).unwrap().text, text);
        }
    }
}
