//! What to say to a key that isn't known, or that belongs into another map.

use super::keys::{KEYS, Scope, find, in_scope};
use crate::suggest::nearest;

/// Inputs that a spec, which may come from a stranger's pull request, has no say in.
const INPUTS_ALONE: &[&str] = &[
    "username",
    "password",
    "token",
    "registry-token",
    "github-token",
    "auth",
    "trusted-realms",
    "plain-http",
    "insecure",
    "ca-file",
    "client-cert",
    "client-key",
    "timeout",
    "idle-timeout",
    "retries",
    "working-directory",
    "output-file",
    "allow-outside",
];

/// What to do about a key that doesn't stand in this map.
pub fn hint(scope: Scope, unknown: &str) -> String {
    if INPUTS_ALONE.contains(&unknown) {
        return format!("a spec can't set it; give it as the input `{unknown}`");
    }
    if let Some(hint) = elsewhere(scope, unknown) {
        return hint;
    }
    let names: Vec<&str> = in_scope(scope).map(|key| key.name).collect();
    let everywhere = || nearest(unknown, KEYS.iter().map(|key| key.name));
    match nearest(unknown, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => everywhere()
            .and_then(|name| elsewhere(scope, name))
            .unwrap_or_else(|| format!("{} has {}", scope.name(), names.join(", "))),
    }
}

/// For a key that belongs into other maps: into which.
fn elsewhere(scope: Scope, name: &str) -> Option<String> {
    let others: Vec<&str> = Scope::ALL
        .into_iter()
        .filter(|other| *other != scope && find(*other, name).is_some())
        .map(Scope::name)
        .collect();
    (!others.is_empty()).then(|| format!("`{name}` is a key of {}", others.join(" and of ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_fit_the_mistake() {
        insta::assert_snapshot!(hint(Scope::Spec, "artefacts"), @"did you mean `artifacts`?");
        insta::assert_snapshot!(hint(Scope::Artifact, "mediaType"), @"`media-type` is a key of a file and of a config");
        insta::assert_snapshot!(hint(Scope::Artifact, "artifactType"), @"did you mean `artifact-type`?");
        insta::assert_snapshot!(hint(Scope::Artifact, "if_exists"), @"did you mean `if-exists`?");
        insta::assert_snapshot!(hint(Scope::Spec, "files"), @"`files` is a key of an artifact and of an attachment");
        insta::assert_snapshot!(hint(Scope::Spec, "password"), @"a spec can't set it; give it as the input `password`");
        insta::assert_snapshot!(hint(Scope::Tag, "zzz"), @"a tag has tag, if-exists");
    }
}
