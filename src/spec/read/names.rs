//! The names of the artifacts: given, or made from their references.

use std::collections::HashMap;

use super::Reader;
use super::artifact::Draft;
use crate::error::Error;
use crate::spec::ArtifactSpec;
use crate::spec::problems::{At, shown};

impl Reader<'_, '_> {
    /// Names every artifact; a name that stands for two is a problem.
    pub(super) fn named(&mut self, drafts: Vec<Option<Draft>>) -> Vec<ArtifactSpec> {
        let drafts: Vec<Draft> = drafts.into_iter().flatten().collect();
        let mut shared: HashMap<String, usize> = HashMap::new();
        for draft in &drafts {
            *shared.entry(plain_name(draft).to_owned()).or_default() += 1;
        }
        let mut first: HashMap<String, At> = HashMap::new();
        let mut artifacts = Vec::new();
        for draft in drafts {
            let plain = plain_name(&draft);
            let (name, at, given) = match (&draft.name, &draft.artifact.reference.tag) {
                (Some((name, at)), _) => (name.clone(), *at, true),
                (None, Some(tag)) if shared.get(plain).is_some_and(|count| *count > 1) => {
                    (format!("{plain}-{tag}"), draft.at, false)
                }
                (None, _) => (plain.to_owned(), draft.at, false),
            };
            match first.get(&name) {
                Some(other) if given => self.duplicate(&name, at, *other),
                Some(other) => {
                    let error = Error::usage(format!(
                        "this artifact and the one in line {} are both named {} by default",
                        other.line,
                        shown(&name)
                    ));
                    self.problem(at, error.hint("give one of them a `name`"));
                }
                None => {
                    first.insert(name.clone(), at);
                }
            }
            artifacts.push(ArtifactSpec { name, ..draft.artifact });
        }
        artifacts
    }
}

/// The name given, else the default before anything is shared.
fn plain_name(draft: &Draft) -> &str {
    match &draft.name {
        Some((name, _)) => name,
        None => draft.artifact.reference.location.last_part(),
    }
}
