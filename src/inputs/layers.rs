//! The sources of inputs, each a map from name to text, laid over each other.

use std::collections::BTreeMap;

use super::plugin;
use super::table::{INPUTS, Input};
use crate::ci::System;
use crate::env::Env;
use crate::suggest::nearest;

/// Our own prefix, read everywhere.
const OWN: &str = "OCI_ARTIFACT_";

/// Variables with our prefix that are no inputs: the mark of the action, the binary that it takes, where it downloads
/// from, the folder of the test suites, and what tells of Tekton.
const OURS: &[&str] = &[
    "OCI_ARTIFACT_ACTION",
    "OCI_ARTIFACT_BIN",
    "OCI_ARTIFACT_MIRROR",
    "OCI_ARTIFACT_PEERS",
    "OCI_ARTIFACT_TEKTON_RESULTS",
];

/// The text of an input and the source that gave it. No `Debug`: it may be a secret.
#[derive(Clone)]
pub struct Given {
    /// The text, not blank.
    pub text: String,
    /// Such as `--retries`, `INPUT_RETRIES` or `with: retries`.
    pub origin: String,
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "from {}", self.origin)
    }
}

impl Given {
    /// `text` from `origin`.
    pub fn new(text: impl Into<String>, origin: impl Into<String>) -> Self {
        Given {
            text: text.into(),
            origin: origin.into(),
        }
    }
}

/// What one source gives, by the input's name.
pub type Layer = BTreeMap<&'static str, Given>;

/// Whether our action started this run: it passes every input as `OCI_ARTIFACT_*`, so that `INPUT_*` can only be
/// those of an action around it (nektos/act passes them on into composite actions, nektos/act#2874).
pub fn is_action(env: &Env) -> bool {
    env.get("OCI_ARTIFACT_ACTION") == Some("1")
}

/// The variables of the CI system.
pub fn system_layer(env: &Env, system: System) -> Layer {
    let prefix = match system {
        System::GitHub | System::Gitea | System::Forgejo | System::Azure if !is_action(env) => "INPUT_",
        System::Woodpecker | System::Drone | System::Unknown | System::None => "PLUGIN_",
        _ => return Layer::new(),
    };
    layer(|input| {
        // GitHub and Drone keep hyphens; Woodpecker, and shells that drop such names, leave underscores.
        let hyphens = format!("{prefix}{}", input.name.to_ascii_uppercase());
        let underscores = format!("{prefix}{}", input.variable());
        let mut names = [hyphens, underscores].into_iter();
        let found = names.find_map(|name| env.get(&name).map(|text| (name, text)));
        found.map(|(name, text)| match prefix {
            "PLUGIN_" => Given::new(plugin::setting(input, text), name),
            _ => Given::new(text, name),
        })
    })
}

/// The variables `OCI_ARTIFACT_*`.
pub fn own_layer(env: &Env) -> Layer {
    let action = is_action(env);
    layer(|input| {
        let name = format!("{OWN}{}", input.variable());
        let text = env.get(&name)?;
        Some(Given::new(
            text,
            if action { format!("with: {}", input.name) } else { name },
        ))
    })
}

fn layer(find: impl Fn(&Input) -> Option<Given>) -> Layer {
    INPUTS
        .iter()
        .filter(|input| input.has_variable())
        .filter_map(|input| Some((input.name, find(input)?)))
        .collect()
}

/// Warnings on variables with our prefix that name no input.
pub fn unknown_variables(env: &Env) -> Vec<String> {
    let known: Vec<String> = INPUTS
        .iter()
        .filter(|input| input.has_variable())
        .map(Input::variable)
        .collect();
    env.iter()
        .filter_map(|(name, _)| Some((name, name.strip_prefix(OWN)?)))
        .filter(|(name, own)| !OURS.contains(name) && !known.iter().any(|known| known == own))
        .map(|(name, own)| {
            let flag = INPUTS.iter().find(|input| input.variable() == own);
            match (flag, nearest(own, known.iter().map(String::as_str))) {
                (Some(input), _) => format!("the variable {name} is not read: --{} is a flag only", input.name),
                (_, Some(meant)) => format!("the variable {name} is not an input; did you mean {OWN}{meant}?"),
                _ => format!("the variable {name} is not an input of this version"),
            }
        })
        .collect()
}

/// Lays `layers` over each other; the first that gives an input wins.
pub fn lay(layers: Vec<Layer>) -> Layer {
    layers.into_iter().rev().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&str, &str)]) -> Env {
        variables.iter().copied().collect()
    }

    fn origin(layer: &Layer, name: &str) -> Option<String> {
        layer.get(name).map(|given| format!("{}={}", given.origin, given.text))
    }

    #[test]
    fn github_reads_the_hyphen_form_then_the_underscore_form() {
        let both = env(&[("INPUT_ARTIFACT-TYPE", "a/b"), ("INPUT_ARTIFACT_TYPE", "c/d")]);
        let layer = system_layer(&both, System::GitHub);
        assert_eq!(origin(&layer, "artifact-type").unwrap(), "INPUT_ARTIFACT-TYPE=a/b");
        let blank = env(&[("INPUT_ARTIFACT-TYPE", "  "), ("INPUT_ARTIFACT_TYPE", "c/d")]);
        let layer = system_layer(&blank, System::GitHub);
        assert_eq!(origin(&layer, "artifact-type").unwrap(), "INPUT_ARTIFACT_TYPE=c/d");
    }

    #[test]
    fn a_prefix_is_read_on_its_own_system_alone() {
        let both = env(&[("INPUT_OUTPUT", "a"), ("PLUGIN_OUTPUT", "b")]);
        for (system, expected) in [
            (System::GitHub, Some("INPUT_OUTPUT=a")),
            (System::Gitea, Some("INPUT_OUTPUT=a")),
            (System::Forgejo, Some("INPUT_OUTPUT=a")),
            (System::Azure, Some("INPUT_OUTPUT=a")),
            (System::Woodpecker, Some("PLUGIN_OUTPUT=b")),
            (System::Drone, Some("PLUGIN_OUTPUT=b")),
            (System::Unknown, Some("PLUGIN_OUTPUT=b")),
            (System::None, Some("PLUGIN_OUTPUT=b")),
            (System::GitLab, None),
            (System::Buildkite, None),
        ] {
            assert_eq!(
                origin(&system_layer(&both, system), "output").as_deref(),
                expected,
                "{system:?}"
            );
        }
    }

    #[test]
    fn act_2874_inputs_of_an_outer_action_are_not_ours() {
        let outer = env(&[
            ("OCI_ARTIFACT_ACTION", "1"),
            ("INPUT_FILES", "outer"),
            ("OCI_ARTIFACT_TAGS", "v1"),
        ]);
        assert!(system_layer(&outer, System::GitHub).is_empty());
        assert_eq!(origin(&own_layer(&outer), "tags").unwrap(), "with: tags=v1");
    }

    #[test]
    fn drone_keeps_hyphens() {
        let layer = system_layer(&env(&[("PLUGIN_DRY-RUN", "true")]), System::Drone);
        assert_eq!(origin(&layer, "dry-run").unwrap(), "PLUGIN_DRY-RUN=true");
    }

    #[test]
    fn the_first_layer_wins() {
        let one = |text: &str| Layer::from([("retries", Given::new(text, text))]);
        let laid = lay(vec![
            one("first"),
            Layer::from([("tags", Given::new("t", "t"))]),
            one("last"),
        ]);
        assert_eq!(origin(&laid, "retries").unwrap(), "first=first");
        assert_eq!(origin(&laid, "tags").unwrap(), "t=t");
    }

    #[test]
    fn an_unknown_variable_of_ours_is_warned_of() {
        let variables = env(&[
            ("OCI_ARTIFACT_RETRYS", "3"),
            ("OCI_ARTIFACT_RAW", "true"),
            ("OCI_ARTIFACT_SOMETHING_ELSE", "1"),
            ("OCI_ARTIFACT_BIN", "/x"),
            ("OCI_ARTIFACT_PEERS", "/x"),
            ("OCI_ARTIFACT_RETRIES", "3"),
            ("OCI_ARTIFACT_BLANK", ""),
        ]);
        insta::assert_snapshot!(unknown_variables(&variables).join("\n"), @"
        the variable OCI_ARTIFACT_RAW is not read: --raw is a flag only
        the variable OCI_ARTIFACT_RETRYS is not an input; did you mean OCI_ARTIFACT_RETRIES?
        the variable OCI_ARTIFACT_SOMETHING_ELSE is not an input of this version
        ");
    }
}
