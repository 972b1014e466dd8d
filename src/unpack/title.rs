//! Titles: which are usable as a path on every system, and which of them would write one path.

use std::collections::BTreeMap;
use std::ops::Bound;

use icu_normalizer::ComposingNormalizerBorrowed;

use crate::error::{Class, Error, Result};
use crate::ustar::MAX_PATH;

/// Bytes that a name may have in most file systems.
const MAX_COMPONENT: usize = 255;

/// Checks a title before anything is fetched or packed: relative, no `..`, usable on Windows as well (no reserved
/// name, no `\`, `:` or trailing dot), outside of `.git`. The same rule on push, where a breach is a usage error, and
/// in [`super::Output`], where it is one of integrity.
pub fn check_title(title: &str) -> Result<()> {
    check_title_as(title, Class::Usage)
}

/// [`check_title`] with the class of its errors: [`Class::Integrity`] for a manifest that was pulled.
pub fn check_title_as(title: &str, class: Class) -> Result<()> {
    let refuse = |why: &str, hint: &str| {
        let shown: String = title.chars().take(200).collect();
        Error::new(class, format!("title {shown:?}: {why}")).hint(hint)
    };
    if title.is_empty() {
        return Err(refuse("it is empty", "give the file a name"));
    }
    if title.starts_with(['/', '\\']) {
        return Err(refuse("it is an absolute path", "titles are relative to the output"));
    }
    if title.len() > MAX_PATH {
        return Err(refuse("it is longer than 4096 bytes", "shorten it"));
    }
    for component in title.split('/') {
        if matches!(component, "" | "." | "..") {
            let why = match component {
                "" => "it has an empty part",
                "." => "it has a part `.`",
                _ => "it leaves the output by `..`",
            };
            return Err(refuse(why, "write it as plain names with one / between them"));
        }
        let fault = native_fault(component).or_else(|| portable_fault(component));
        if let Some((why, hint)) = fault {
            return Err(refuse(why, hint));
        }
    }
    Ok(())
}

type Fault = (&'static str, &'static str);

/// Why a name is no good on the system at hand: the rule for what lies inside a packed directory, where names that
/// Windows lacks (`Foo::Bar.3pm`) are common on other systems.
pub(super) fn entry_fault(component: &str) -> Option<Fault> {
    native_fault(component).or_else(|| portable_fault(component).filter(|_| cfg!(windows)))
}

fn native_fault(component: &str) -> Option<Fault> {
    if component.contains('\0') {
        return Some(("it contains a NUL character", "rename the file"));
    }
    if component.len() > MAX_COMPONENT {
        return Some(("a part of it is longer than 255 bytes", "shorten it"));
    }
    // A hook or a config written there would run code in the next `git` command (CVE-2014-9390 has the aliases).
    let visible: String = component.chars().filter(|&c| !ignored_by_hfs(c)).collect();
    let visible = visible.to_lowercase();
    if visible == ".git" || visible == "git~1" {
        let hint = "leave .git out of the artifact; what it holds could run code in the repository it lands in";
        return Some(("it has a part `.git`", hint));
    }
    None
}

/// Characters that HFS+ leaves out when it compares names, as git lists them.
fn ignored_by_hfs(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

fn portable_fault(component: &str) -> Option<Fault> {
    if component.chars().any(char::is_control) {
        return Some(("it contains a control character", "rename the file"));
    }
    if component.contains('\\') {
        return Some(("it contains a backslash", "write / between folders"));
    }
    if component.contains(['<', '>', ':', '"', '|', '?', '*']) {
        let why = "it contains one of < > : \" | ? *, which Windows has no file for";
        return Some((why, "give the file another title"));
    }
    if component.ends_with(['.', ' ']) {
        return Some((
            "a part of it ends with a dot or a space, which Windows drops",
            "give the file another title",
        ));
    }
    if reserved(component) {
        return Some((
            "a part of it is a device name on Windows",
            "give the file another title",
        ));
    }
    None
}

/// `CON`, `NUL.txt`, `com¹ .log`: devices whatever follows the first dot.
fn reserved(component: &str) -> bool {
    let stem = component.split('.').next().unwrap_or(component).trim_end();
    let stem = stem.to_ascii_uppercase();
    if ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(&stem.as_str()) {
        return true;
    }
    let mut rest = stem
        .strip_prefix("COM")
        .or_else(|| stem.strip_prefix("LPT"))
        .unwrap_or_default()
        .chars();
    matches!((rest.next(), rest.next()), (Some(c), None) if c.is_ascii_digit() || "¹²³".contains(c))
}

/// A title, and whether it is that of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Titled<'a> {
    /// The title.
    pub title: &'a str,
    /// Whether the layer unpacks to a directory.
    pub directory: bool,
}

impl<'a> From<&'a str> for Titled<'a> {
    /// The title of a file.
    fn from(title: &'a str) -> Self {
        Titled {
            title,
            directory: false,
        }
    }
}

impl<'a> From<(&'a str, bool)> for Titled<'a> {
    fn from((title, directory): (&'a str, bool)) -> Self {
        Titled { title, directory }
    }
}

/// Titles that would write one path, also where case or Unicode form differ only, or where one is a file and another
/// lies below it (`a` and `a/b`; with `a` a directory both are fine); gives the first such pair, in their order.
pub fn colliding<'a, T: Into<Titled<'a>>>(titles: impl IntoIterator<Item = T>) -> Option<(&'a str, &'a str)> {
    let mut seen: BTreeMap<String, Titled<'a>> = BTreeMap::new();
    for titled in titles {
        let titled = titled.into();
        let key = fold(titled.title);
        if let Some(other) = seen.get(&key) {
            return Some((other.title, titled.title));
        }
        let above = key
            .match_indices('/')
            .filter_map(|(end, _)| key.get(..end))
            .find_map(|parent| seen.get(parent).filter(|other| !other.directory));
        if let Some(other) = above {
            return Some((other.title, titled.title));
        }
        if !titled.directory {
            let prefix = format!("{key}/");
            let from = (Bound::Included(prefix.as_str()), Bound::Unbounded);
            let below = seen.range::<str, _>(from).next();
            if let Some((_, other)) = below.filter(|(other, _)| other.starts_with(&prefix)) {
                return Some((other.title, titled.title));
            }
        }
        seen.insert(key, titled);
    }
    None
}

/// What macOS and Windows compare, near enough: composed, each character in lower case. By way of upper case, as APFS
/// takes `ß` for `ss` and `ﬁ` for `fi`.
fn fold(title: &str) -> String {
    const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();
    let composed = NFC.normalize(title);
    let upper = composed.chars().flat_map(char::to_uppercase);
    let lower: String = upper.flat_map(char::to_lowercase).collect();
    NFC.normalize(&lower).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a01_titles_that_are_no_plain_relative_path() {
        let bad = [
            "",
            ".",
            "..",
            "../x",
            "a/../x",
            "a//b",
            "a/",
            "./a",
            "/etc/passwd",
            "C:\\x",
            "C:x",
            "\\\\srv\\x",
            "a\\b",
            "a:b",
            "a\0b",
            "a\nb",
            "a\u{1b}[2J",
            "x.",
            "x ",
            "dir./x",
            "CON",
            "con.txt",
            "a/NUL",
            "aux.tar.gz",
            "COM1",
            "lpt9.log",
            "COM¹",
            "COM³.x",
            "com1 .txt",
            "CONIN$",
            "what?",
            "a*",
            "\"q\"",
            "a|b",
            "<a",
            "a>",
        ];
        for title in bad {
            let error = check_title(title).expect_err(title);
            assert_eq!(error.class(), Class::Usage, "{title:?}");
            assert!(error.way_out().is_some(), "{title:?}");
        }
        assert!(check_title(&"x".repeat(256)).is_err());
        assert!(check_title(&"x/".repeat(2048).repeat(2)).is_err());
        assert_eq!(
            check_title_as("../x", Class::Integrity).unwrap_err().class(),
            Class::Integrity
        );
    }

    #[test]
    fn ordinary_titles() {
        let good = [
            "readme.md",
            "a/b/c.txt",
            ".hidden",
            "..x",
            "a..b",
            "COM",
            "COM10",
            "console",
            "nul1",
            "LPT",
            "ünï",
            "a b",
            ".github/workflows/x.yml",
            ".gitignore",
            ".gitattributes",
            "x.git",
            "common.txt",
            "a~1",
            "-x",
            "日本.txt",
        ];
        for title in good {
            check_title(title).unwrap_or_else(|error| panic!("{title}: {error}"));
        }
        check_title(&"x".repeat(255)).unwrap();
    }

    #[test]
    fn a17_titles_in_git() {
        for title in [
            ".git/hooks/pre-commit",
            "sub/.GIT/config",
            ".git",
            "git~1/x",
            ".g\u{200c}it/config",
        ] {
            assert!(check_title(title).unwrap_err().message().contains(".git"), "{title:?}");
        }
    }

    #[test]
    fn a02_titles_that_write_one_path() {
        fn files<'a>(titles: &[&'a str]) -> Option<(&'a str, &'a str)> {
            colliding(titles.iter().copied())
        }
        assert_eq!(files(&["a", "b", "a"]), Some(("a", "a")));
        assert_eq!(
            files(&["Readme.md", "b", "README.md"]),
            Some(("Readme.md", "README.md"))
        );
        assert_eq!(files(&["caf\u{e9}", "cafe\u{301}"]), Some(("caf\u{e9}", "cafe\u{301}")));
        assert_eq!(files(&["CAFE\u{301}", "caf\u{e9}"]), Some(("CAFE\u{301}", "caf\u{e9}")));
        assert_eq!(files(&["stra\u{df}e", "STRASSE"]), Some(("stra\u{df}e", "STRASSE")));
        assert_eq!(files(&["\u{fb01}le", "file"]), Some(("\u{fb01}le", "file")));
        assert_eq!(files(&["a", "a-b", "a/b"]), Some(("a", "a/b")));
        assert_eq!(files(&["A/x/b", "a"]), Some(("A/x/b", "a")));
        assert_eq!(files(&["a", "ab", "b/a", "b/c"]), None);
        assert_eq!(colliding([("a", true), ("a/b", false)]), None);
        assert_eq!(colliding([("a/b", false), ("a", true)]), None);
        assert_eq!(colliding([("a", true), ("A", false)]), Some(("a", "A")));
    }

    proptest! {
        #[test]
        fn any_accepted_title_joins_inside(title in "[a.\\-/\\\\: C\u{0}\u{e9}]{0,12}|\\PC{0,40}") {
            if check_title(&title).is_ok() {
                let joined = camino::Utf8Path::new("/out").join(&title);
                prop_assert!(joined.starts_with("/out") && joined != "/out");
                prop_assert!(joined.components().all(|part| part != camino::Utf8Component::ParentDir));
                prop_assert_eq!(joined.as_str(), format!("/out{}{title}", std::path::MAIN_SEPARATOR));
            }
            let _ = colliding([title.as_str(), "a"]);
        }
    }
}
