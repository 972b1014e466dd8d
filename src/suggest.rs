//! "Did you mean": the known name that a word was probably meant to be.

/// Words longer than this, in bytes, are no typing mistakes.
const LONGEST: usize = 40;

/// The name that `word` was probably meant to be: at most a third of the letters differ, but for case and for `_` in
/// place of `-`. A swap of two neighbours is one mistake.
pub fn nearest<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    if word.len() > LONGEST {
        return None;
    }
    let folded = |text: &str| text.to_lowercase().replace('_', "-");
    let word = folded(word);
    names
        .map(|name| (strsim::osa_distance(&word, &folded(name)), name))
        .filter(|(distance, name)| *distance <= (name.len().max(word.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_of_the_letters_may_differ() {
        for (word, name, is_near) in [
            ("psuh", "push", true),
            ("pul", "pull", true),
            ("retrys", "retries", true),
            ("if_exists", "if-exists", true),
            ("artifactType", "artifact-type", true),
            ("version", "VERSION", true),
            ("frobnicate", "inspect", false),
            ("", "push", false),
            ("x", "tag", false),
        ] {
            assert_eq!(nearest(word, [name].into_iter()).is_some(), is_near, "{word} {name}");
        }
        assert_eq!(nearest("tag", ["tags", "tag"].into_iter()), Some("tag"));
        assert_eq!(nearest(&"x".repeat(1000), ["x"].into_iter()), None);
    }
}
