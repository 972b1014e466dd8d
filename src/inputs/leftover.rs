//! Variables that a CI system knows nothing of, and leaves in the text as they were written: a password that is
//! `$(PASSWORD)` would be refused by a registry, and nobody would see why.

use super::layers::Layer;
use super::table;
use crate::ci::System;
use crate::error::{Error, Result};

/// Refuses inputs whose whole text is a variable that `system` would have replaced.
pub fn refuse(sources: &[Layer], system: System) -> Result<()> {
    // A password may well begin with `$`, and hardly be `$(NAME)`.
    let may_be = |name: &str| system == System::GitLab && table::find(name).is_some_and(|input| input.secret);
    let given = sources.iter().flat_map(Layer::iter);
    for (name, given) in given.filter(|(name, _)| !may_be(name)) {
        if let Some(variable) = left_over(given.text.trim(), system) {
            return Err(Error::usage(format!(
                "input {name} ({}): the variable {variable} is not set",
                given.origin
            ))
            .hint(format!(
                "{} leaves {} as it is where there is no such variable: see whether it is spelt as it is set, and \
                     handed on by an earlier job, or blank it out",
                system.name(),
                given.text.trim()
            )));
        }
    }
    Ok(())
}

/// The variable that `text` is: `$(NAME)` on Azure Pipelines ("Define variables", "Macro syntax variables"), `$NAME`
/// and `${NAME}` on GitLab ("Where variables can be used").
fn left_over(text: &str, system: System) -> Option<&str> {
    let name = match system {
        System::Azure => text.strip_prefix("$(")?.strip_suffix(')')?,
        System::GitLab => {
            let rest = text.strip_prefix('$')?;
            rest.strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'))
                .unwrap_or(rest)
        }
        _ => return None,
    };
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.');
    (is_name && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_system_leaves() {
        for (text, system, name) in [
            ("$(ACR_PASSWORD)", System::Azure, Some("ACR_PASSWORD")),
            ("$(build.digest)", System::Azure, Some("build.digest")),
            ("$(a b)", System::Azure, None),
            ("x$(A)", System::Azure, None),
            ("$ARTIFACT_REFERENCE", System::GitLab, Some("ARTIFACT_REFERENCE")),
            ("${ARTIFACT_REFERENCE}", System::GitLab, Some("ARTIFACT_REFERENCE")),
            ("$", System::GitLab, None),
            ("$pa$$word", System::GitLab, None),
            ("pa$word", System::GitLab, None),
            ("$(A)", System::GitLab, None),
            ("$NAME", System::GitHub, None),
            ("$(NAME)", System::Jenkins, None),
        ] {
            assert_eq!(left_over(text, system), name, "{text} on {system:?}");
        }
    }
}
