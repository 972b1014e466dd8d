//! The names of the artifacts: given, or made from their references.

use std::collections::HashMap;

use super::Reader;
use super::artifact::Draft;
use crate::error::Error;
use crate::spec::ArtifactSpec;
use crate::spec::problems::{At, shown};

impl Reader<'_, '_> {
    /// Names every artifact; a name that stands for two is a problem.
    pub(super) fn named(&mut self, drafts: Vec<Draft>) -> Vec<ArtifactSpec> {
        let mut shared: HashMap<String, usize> = HashMap::new();
        for draft in &drafts {
            *shared.entry(plain_name(draft).to_owned()).or_default() += 1;
        }
        let mut first = self.given_names.clone();
        let mut artifacts = Vec::new();
        for draft in drafts {
            let plain = plain_name(&draft);
            let is_shared = shared.get(plain).is_some_and(|count| *count > 1);
            let name = match (&draft.name, &draft.artifact.reference.tag) {
                (None, Some(tag)) if is_shared => format!("{plain}-{tag}"),
                _ => plain.to_owned(),
            };
            if draft.name.is_none() {
                self.claim(&mut first, &name, draft.at);
            }
            artifacts.push(ArtifactSpec { name, ..draft.artifact });
        }
        artifacts
    }

    /// Takes a default name, unless another artifact has it.
    fn claim(&mut self, taken: &mut HashMap<String, At>, name: &str, at: At) {
        let Some(other) = taken.get(name) else {
            taken.insert(name.to_owned(), at);
            return;
        };
        let error = Error::usage(format!(
            "this artifact and the one in line {} would both be named {}",
            other.line,
            shown(name)
        ));
        self.problem(at, error.hint("give one of them a `name`"));
    }
}

/// The name given, else the default before anything is shared.
fn plain_name(draft: &Draft) -> &str {
    match &draft.name {
        Some(name) => name,
        None => draft.artifact.reference.location.last_part(),
    }
}
