//! The table as the files of other CI systems show it: each block stands in its file between two marks, and a test
//! holds it there. Secrets are in none but Woodpecker's, which takes them from its own store.

use super::{LINE, cell, line, quoted, with_default, wrap};
use crate::inputs::Command;
use crate::inputs::outputs::OUTPUTS;
use crate::inputs::table::{INPUTS, Input, Kind};

/// Inputs with `${…}` of our own in them, which no system may expand.
const OWN_VARIABLES: &[&str] = &["spec"];

/// The inputs that may stand in the clear.
fn open() -> impl Iterator<Item = &'static Input> {
    INPUTS.iter().filter(|input| input.has_variable() && !input.secret)
}

/// Below `spec: inputs:` of the GitLab component that runs `command`.
pub fn gitlab_inputs(command: Command) -> String {
    let entries = open_to(command).map(|input| {
        let description = field(6, "description", &summary(input));
        format!("    {}:\n{description}      default: \"\"\n", input.name)
    });
    entries.collect()
}

/// Below `variables:` of its job.
pub fn gitlab_variables(command: Command) -> String {
    let entries = open_to(command).map(|input| {
        let (variable, value) = (variable(input), format!("$[[ inputs.{} ]]", input.name));
        match OWN_VARIABLES.contains(&input.name) {
            true => format!("    {variable}: {{value: \"{value}\", expand: false}}\n"),
            false => format!("    {variable}: {value}\n"),
        }
    });
    entries.collect()
}

/// Those of `command`, which is settled.
fn open_to(command: Command) -> impl Iterator<Item = &'static Input> {
    open().filter(move |input| input.name != "command" && input.is_of(command))
}

/// Below `parameters:` of the template for Azure Pipelines.
pub fn azure_parameters() -> String {
    let entries = open().map(|input| {
        let display = field(4, "displayName", &summary(input));
        let (name, default) = (camel(input.name), default(input));
        format!("  - name: {name}\n{display}    type: string\n    default: {default}\n")
    });
    entries.collect()
}

/// Below `env:` of its step.
pub fn azure_env() -> String {
    let entries = open().map(|input| {
        format!(
            "      {}: ${{{{ parameters.{} }}}}\n",
            variable(input),
            camel(input.name)
        )
    });
    entries.collect()
}

/// Below `parameters:` of the orb's command that runs `command`, or any.
pub fn circle_parameters(command: Option<Command>) -> String {
    let entries = circle(command).map(|input| {
        let (description, default) = (field(4, "description", &summary(input)), default(input));
        format!(
            "  {}:\n    type: string\n{description}    default: {default}\n",
            input.name
        )
    });
    entries.collect()
}

/// Below `environment:` of its step.
pub fn circle_environment(command: Option<Command>) -> String {
    let entries =
        circle(command).map(|input| format!("        {}: << parameters.{} >>\n", variable(input), input.name));
    entries.collect()
}

fn circle(command: Option<Command>) -> Box<dyn Iterator<Item = &'static Input>> {
    match command {
        Some(command) => Box::new(open_to(command)),
        None => Box::new(open()),
    }
}

/// Below `params:` of Tekton's Task.
pub fn tekton_params() -> String {
    let entries = open().map(|input| {
        let (description, default) = (field(6, "description", &summary(input)), default(input));
        format!(
            "    - name: {}\n      type: string\n{description}      default: {default}\n",
            input.name
        )
    });
    entries.collect()
}

/// Below `env:` of its step. The command is an argument: Tekton announces itself by no variable.
pub fn tekton_env() -> String {
    let inputs = open().filter(|input| input.name != "command");
    let entries = inputs.map(|input| {
        format!(
            "        - name: {}\n          value: $(params.{})\n",
            variable(input),
            input.name
        )
    });
    entries.collect()
}

/// Secrets among them, from a Secret of the cluster.
pub fn tekton_secrets() -> String {
    let secrets = INPUTS.iter().filter(|input| input.secret);
    let entries = secrets.map(|input| {
        format!(
            "        - name: {}\n          valueFrom:\n            \
             secretKeyRef: {{name: $(params.secret), key: {}, optional: true}}\n",
            variable(input),
            input.name
        )
    });
    entries.collect()
}

/// Below `results:` of the Task.
pub fn tekton_results() -> String {
    let entries = OUTPUTS
        .iter()
        .map(|(name, help)| format!("    - name: {name}\n{}", field(6, "description", help)));
    entries.collect()
}

/// Below `configuration: properties:` of Buildkite's plugin. YAML makes numbers and booleans of plain words.
pub fn buildkite_properties() -> String {
    let entries = open().map(|input| {
        let types = match input.kind {
            Kind::Text | Kind::Duration | Kind::Bytes | Kind::Number => "[string, number]",
            Kind::Bool => "[boolean, string]",
            Kind::Lines if input.value == "KEY=VALUE" => "[string, array, object]",
            Kind::Lines => "[string, number, array]",
            Kind::Yaml => "[string, array, object]",
        };
        let description = field(6, "description", &summary(input));
        format!("    {}:\n      type: {types}\n{description}", input.name)
    });
    entries.collect()
}

/// The settings of the Woodpecker plugin, as a table.
pub fn woodpecker_settings() -> String {
    let inputs = INPUTS.iter().filter(|input| input.has_variable());
    let rows = inputs.map(|input| {
        // What the action does is none of Woodpecker's.
        let default = if input.default.contains("${{") {
            ""
        } else {
            input.default
        };
        format!("| `{}` | {} | {} |\n", input.name, cell(default), cell(&line(input)))
    });
    format!(
        "| Setting | Default | Description |\n| --- | --- | --- |\n{}",
        rows.collect::<String>()
    )
}

/// What a file's parameter has where nothing is given; blank is unset.
fn default(input: &Input) -> &'static str {
    if input.name == "command" { "push" } else { "\"\"" }
}

/// The line of an input, with its default.
fn summary(input: &Input) -> String {
    with_default(line(input), input)
}

fn variable(input: &Input) -> String {
    format!("OCI_ARTIFACT_{}", input.variable())
}

/// `artifact-type` as `artifactType`: Azure's expressions take no hyphen in a name.
fn camel(name: &str) -> String {
    let mut parts = name.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (initial, rest) = part.split_at(1);
        text + &initial.to_ascii_uppercase() + rest
    })
}

/// `key: text` after `indent` spaces, folded where it is too long for a line.
fn field(indent: usize, key: &str, text: &str) -> String {
    let margin = " ".repeat(indent);
    let whole = format!("{margin}{key}: {}\n", quoted(text));
    if whole.chars().count() <= LINE {
        return whole;
    }
    let inner = format!("{margin}  ");
    format!("{margin}{key}: >-\n{inner}{}\n", wrap(text, inner.len(), &inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_stands_where_a_pipeline_shows_it() {
        let blocks = [
            gitlab_inputs(Command::Push),
            gitlab_variables(Command::Pull),
            azure_parameters(),
            azure_env(),
            circle_parameters(None),
            tekton_params(),
            buildkite_properties(),
        ]
        .concat();
        for secret in INPUTS.iter().filter(|input| input.secret) {
            for name in [
                format!(" {}:", secret.name),
                format!(" {}\n", secret.name),
                variable(secret) + ":",
            ] {
                assert!(!blocks.contains(&name), "{name}");
            }
        }
    }

    #[test]
    fn a_name_in_camel_case() {
        assert_eq!(camel("gcp-workload-identity-provider"), "gcpWorkloadIdentityProvider");
        assert_eq!(camel("spec"), "spec");
    }

    #[test]
    fn a_long_text_is_folded() {
        let text = "word ".repeat(30);
        let field = field(4, "description", text.trim());
        assert!(field.lines().all(|line| line.len() <= LINE), "{field}");
        let read: serde_json::Value = serde_yaml::from_str(&field).unwrap();
        assert_eq!(read["description"], text.trim());
    }
}
