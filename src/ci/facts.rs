//! What is the same on every CI system once its own variables are read: names made safe, hashes made short.

/// The longest tag (distribution-spec 1.1, "Pulling manifests").
const TAG_LIMIT: usize = 128;

/// `name` of a branch or tag, safe as a tag and as a part of a repository's name: lower case, everything but letters,
/// digits, `.` and `_` as one `-`, without such characters at its ends. `None` if nothing is left.
pub fn slug(name: &str) -> Option<String> {
    let mut slug = String::new();
    for character in name.chars() {
        match character.to_ascii_lowercase() {
            kept @ ('a'..='z' | '0'..='9' | '.' | '_') => slug.push(kept),
            _ if slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    let start = slug.trim_start_matches(['.', '-', '_']);
    let cut = start.get(..TAG_LIMIT).unwrap_or(start);
    let slug = cut.trim_end_matches(['.', '-', '_']);
    (!slug.is_empty()).then(|| slug.to_owned())
}

/// The first seven characters of a commit hash.
pub fn short(sha: &str) -> String {
    sha.chars().take(7).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs() {
        for (name, expected) in [
            ("main", Some("main")),
            ("feature/x", Some("feature-x")),
            ("v1.2.3", Some("v1.2.3")),
            ("v1.0.0-RC.1+build", Some("v1.0.0-rc.1-build")),
            ("a//b  c", Some("a-b-c")),
            (".hidden", Some("hidden")),
            ("-x-", Some("x")),
            ("über/ß", Some("ber")),
            ("日本", None),
            ("", None),
        ] {
            assert_eq!(slug(name).as_deref(), expected, "{name}");
        }
        assert_eq!(slug(&"a".repeat(300)).unwrap().len(), TAG_LIMIT);
        let cut = format!("{}-b", "a".repeat(TAG_LIMIT - 1));
        assert_eq!(slug(&cut).unwrap(), "a".repeat(TAG_LIMIT - 1));
    }

    proptest::proptest! {
        #[test]
        fn a_slug_is_a_tag(name in "\\PC{0,200}") {
            if let Some(slug) = slug(&name) {
                proptest::prop_assert!(slug.parse::<crate::reference::Tag>().is_ok(), "{}", slug);
            }
        }
    }
}
