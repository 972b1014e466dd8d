//! Patterns that select files: `*`, `**`, `?`, `[…]` and `{a,b}`.
//!
//! Braces are expanded here; each alternative is then a pattern of the crate `glob`, used for matching alone: its own
//! walk follows links and finds no file whose name has a bracket. A wildcard matches neither `/` nor a leading dot.

mod braces;
mod expand;

use camino::{Utf8Path, Utf8PathBuf};
use glob::MatchOptions;

pub use expand::expand;

use crate::error::{Error, Result};

const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// A pattern for paths with `/`, relative to some directory.
#[derive(Clone, Debug)]
pub struct Pattern {
    alternatives: Vec<Alternative>,
}

/// What one choice of braces gives.
#[derive(Clone, Debug)]
struct Alternative {
    /// The leading directories without a wildcard.
    prefix: Utf8PathBuf,
    /// Directories and name below `prefix`, as written; empty for a path without any wildcard in its name.
    rest: Vec<String>,
    whole: glob::Pattern,
}

/// Whether `text` has a character that means something in a pattern. A path that exists is never read as one.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

impl Pattern {
    /// Reads a pattern. Fails with [`crate::error::Class::Usage`] if it is malformed, ends in `/`, has `..` behind a
    /// wildcard, or stands for more alternatives than anyone writes.
    pub fn parse(text: &str) -> Result<Self> {
        let alternatives = braces::expand(text)
            .and_then(|texts| texts.iter().map(|text| Alternative::parse(text)).collect())
            .map_err(|why| {
                Error::usage(format!("{text:?} is not a pattern: {why}"))
                    .hint("put a character into brackets to mean the character itself: [*], [{]")
            })?;
        Ok(Pattern { alternatives })
    }

    /// Whether it matches the whole of `path`, written with `/` and relative to where the pattern starts.
    pub fn matches(&self, path: &Utf8Path) -> bool {
        self.matches_with(path, OPTIONS)
    }

    /// As [`Pattern::matches`], where wildcards match names with a leading dot as well: for what is left out.
    pub fn matches_hidden(&self, path: &Utf8Path) -> bool {
        let options = MatchOptions {
            require_literal_leading_dot: false,
            ..OPTIONS
        };
        self.matches_with(path, options)
    }

    fn matches_with(&self, path: &Utf8Path, options: MatchOptions) -> bool {
        self.alternatives
            .iter()
            .any(|alternative| alternative.whole.matches_with(path.as_str(), options))
    }
}

impl Alternative {
    fn parse(text: &str) -> Result<Self, String> {
        let absolute = text.starts_with('/');
        let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        if parts.is_empty() {
            return Err("it is empty".to_owned());
        }
        if text.ends_with('/') {
            return Err("it ends in /, but patterns match files".to_owned());
        }
        // The last part is a name, never a directory to start from.
        let literal = parts
            .iter()
            .take(parts.len() - 1)
            .take_while(|part| !is_pattern(part))
            .count();
        let (prefix, rest) = parts.split_at(literal);
        if rest.contains(&"..") {
            return Err("`..` stands behind a wildcard, or names no file".to_owned());
        }
        let root = if absolute { "/" } else { "" };
        let whole = glob::Pattern::new(&format!("{root}{}", parts.join("/"))).map_err(|error| plain(&error))?;
        Ok(Alternative {
            prefix: Utf8PathBuf::from(format!("{root}{}", prefix.join("/"))),
            rest: rest.iter().map(|part| (*part).to_owned()).collect(),
            whole,
        })
    }
}

/// What is wrong with a pattern, in our words where `glob`'s are not clear.
fn plain(error: &glob::PatternError) -> String {
    match error.msg {
        "invalid range pattern" => "a [ has no ] that ends it, or nothing between them".to_owned(),
        other if other.contains("recursive") => "** must stand alone between slashes".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(path.into())
    }

    #[test]
    fn wildcards_stay_inside_a_name() {
        for (pattern, path, expected) in [
            ("*.txt", "a.txt", true),
            ("*.txt", "d/a.txt", false),
            ("d/*", "d/a.txt", true),
            ("?.txt", "ab.txt", false),
            ("[a-c].txt", "b.txt", true),
            ("[!a-c].txt", "b.txt", false),
            ("**/*.txt", "a.txt", true),
            ("**/*.txt", "d/e/a.txt", true),
            ("d/**", "d/e/a.txt", true),
            ("d/**", "d", false),
            ("**/e/*", "d/e/a.txt", true),
            ("./d//*", "d/a.txt", true),
            ("a.txt", "a.txt", true),
            ("A.txt", "a.txt", false),
            ("ä?.txt", "äö.txt", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_leading_dot_is_matched_only_where_it_is_written() {
        for (pattern, path, expected) in [
            ("*", ".env", false),
            ("?env", ".env", false),
            ("[.]env", ".env", false),
            (".*", ".env", true),
            ("**/x", ".d/x", false),
            ("d/**", "d/.e/x", false),
            (".d/**/x", ".d/x", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
            assert!(
                Pattern::parse(pattern).unwrap().matches_hidden(path.into()),
                "{pattern} {path}"
            );
        }
    }

    #[test]
    fn braces_give_alternatives() {
        let pattern = Pattern::parse("dist/*.{whl,tar.{gz,xz}}").unwrap();
        for (path, expected) in [
            ("dist/a.whl", true),
            ("dist/a.tar.gz", true),
            ("dist/a.tar.xz", true),
            ("dist/a.tar", false),
            ("a.whl", false),
        ] {
            assert_eq!(pattern.matches(path.into()), expected, "{path}");
        }
        assert!(matches("{a,}.txt", ".txt"));
        assert!(matches("[{]a[}]", "{a}"));
    }

    #[test]
    fn malformed_patterns_say_what_is_wrong() {
        let shown: Vec<String> = ["", "a[", "a{b", "a}", "a**", "d/*/", "*/../x", "{{{{{{{{{{{{{{{{{{a"]
            .iter()
            .map(|text| Pattern::parse(text).unwrap_err().to_string())
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        "" is not a pattern: it is empty
        "a[" is not a pattern: a [ has no ] that ends it, or nothing between them
        "a{b" is not a pattern: a { is not closed
        "a}" is not a pattern: a } has no {
        "a**" is not a pattern: ** must stand alone between slashes
        "d/*/" is not a pattern: it ends in /, but patterns match files
        "*/../x" is not a pattern: `..` stands behind a wildcard, or names no file
        "{{{{{{{{{{{{{{{{{{a" is not a pattern: braces are nested deeper than 16
        "#);
        let bomb = "{a,b}".repeat(20);
        assert!(Pattern::parse(&bomb).unwrap_err().message().contains("more than 1024"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in r"[a-c*?\[\]{},!./\-ä]{0,40}", path in "[a-c./ä]{0,12}") {
            if let Ok(pattern) = Pattern::parse(&text) {
                pattern.matches(Utf8Path::new(&path));
                pattern.matches_hidden(Utf8Path::new(&path));
            }
        }

        #[test]
        fn what_is_in_brackets_matches_itself(text in r"[a-c*?\[\]{},!\-ä]{1,20}") {
            let bracket = |c: char| if "*?[]{}".contains(c) { format!("[{c}]") } else { c.to_string() };
            let pattern = Pattern::parse(&text.chars().map(bracket).collect::<String>()).unwrap();
            prop_assert!(pattern.matches(Utf8Path::new(&text)));
            let longer = format!("{text}x");
            prop_assert!(!pattern.matches(Utf8Path::new(&longer)));
        }
    }
}
