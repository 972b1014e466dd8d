//! The table as README and `action.yml` show it. Tests hold both files to these texts.

pub mod systems;

use super::outputs::OUTPUTS;
use super::table::{INPUTS, Input, Kind};

/// Characters in a line of README.
const LINE: usize = 120;

/// The table of inputs in README, as Markdown, and what doesn't fit into its rows.
pub fn readme_table() -> String {
    let rows = INPUTS.iter().map(|input| {
        let name = if input.has_variable() {
            input.name.to_owned()
        } else {
            format!("--{}", input.name)
        };
        // A switch says by its name what it does; that it is off until then is no news.
        let default = if input.has_variable() { input.default } else { "" };
        let default = default.replace("${{", "`${{").replace("}}", "}}`");
        format!("| `{name}` | {} | {} |\n", cell(&line(input)), cell(&default))
    });
    let notes = INPUTS.iter().filter(|input| !input.more.is_empty());
    let notes = notes.map(|input| wrap(&format!("- `{}`: {}\n", input.name, input.more), 0, "  "));
    format!(
        "| Input | What it is | Default |\n| --- | --- | --- |\n{}\n{}",
        rows.collect::<String>(),
        notes.collect::<String>()
    )
}

/// The table of outputs in README, as Markdown.
pub fn readme_outputs() -> String {
    let rows = OUTPUTS
        .iter()
        .map(|(name, help)| format!("| `{name}` | {} |\n", cell(help)));
    format!("| Output | What it is |\n| --- | --- |\n{}", rows.collect::<String>())
}

/// The inputs that `action.yml` declares: all that a variable can give.
pub fn action_inputs() -> impl Iterator<Item = &'static Input> {
    INPUTS.iter().filter(|input| input.has_variable())
}

/// What `action.yml` says of an input.
pub fn action_description(input: &Input) -> String {
    match input.default.contains("${{") {
        true => help(input),
        false => with_default(help(input), input),
    }
}

/// `text`, and what holds where the input isn't given.
pub fn with_default(text: String, input: &Input) -> String {
    match input.default {
        "" | "false" => text,
        default => format!("{text} Default: {default}."),
    }
}

/// What stands below `inputs:` in `action.yml`. Only `github-token` has a default there: another would overrule the
/// spec for ever.
pub fn action_inputs_block() -> String {
    let entries = action_inputs().map(|input| {
        let default = match input.name {
            "github-token" => "    default: ${{ github.token }}\n",
            _ => "",
        };
        format!(
            "  {}:\n    description: {}\n    required: false\n{default}",
            input.name,
            quoted(&action_description(input))
        )
    });
    entries.collect()
}

/// What stands below `outputs:` in `action.yml`; `steps` are the ids of those that run the program, one of which does.
pub fn action_outputs_block(steps: &[&str]) -> String {
    let entries = OUTPUTS.iter().map(|(name, help)| {
        format!(
            "  {name}:\n    description: {}\n    value: {}\n",
            quoted(help),
            action_output(name, steps)
        )
    });
    entries.collect()
}

/// The expression for the output `name`: that of the one of `steps` which ran.
pub fn action_output(name: &str, steps: &[&str]) -> String {
    let values: Vec<_> = steps
        .iter()
        .map(|step| format!("steps.{step}.outputs.{name}"))
        .collect();
    format!("${{{{ {} }}}}", values.join(" || "))
}

/// The variables that `action.yml` passes to the program, each line after `indent` spaces.
pub fn action_env_block(indent: usize) -> String {
    let entries = action_inputs().map(|input| {
        let (indent, variable, name) = (" ".repeat(indent), input.variable(), input.name);
        format!("{indent}OCI_ARTIFACT_{variable}: ${{{{ inputs.{name} }}}}\n")
    });
    entries.collect()
}

/// The one line of an input.
fn line(input: &Input) -> String {
    let mut text = format!("{}.", input.help);
    if input.kind == Kind::Lines && !input.help.contains("one a line") {
        text.push_str(" One a line.");
    }
    text
}

/// All that is to be said of an input.
pub fn help(input: &Input) -> String {
    let mut text = line(input);
    if !input.more.is_empty() {
        text.push(' ');
        text.push_str(input.more);
    }
    text
}

/// `text` in lines of at most [`LINE`] characters: the first begins at `column`, the others behind `margin`.
fn wrap(text: &str, mut column: usize, margin: &str) -> String {
    let mut lines = String::new();
    for (at, word) in text.split(' ').enumerate() {
        let width = word.chars().count();
        if at > 0 && column + 1 + width > LINE {
            lines.push('\n');
            lines.push_str(margin);
            column = margin.len();
        } else if at > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += width;
    }
    lines
}

/// A double-quoted YAML scalar: JSON's strings are a part of it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blocks_of_the_action_are_yaml_with_every_input() {
        let text = format!(
            "inputs:\n{}outputs:\n{}env:\n{}",
            action_inputs_block(),
            action_outputs_block(&["run", "run-windows"]),
            action_env_block(2)
        );
        let action: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        let inputs = action["inputs"].as_object().unwrap();
        assert_eq!(inputs.len(), action_inputs().count());
        assert_eq!(action["env"].as_object().unwrap().len(), inputs.len());
        let defaults: Vec<_> = inputs
            .iter()
            .filter(|(_, input)| input.get("default").is_some())
            .collect();
        assert_eq!(defaults.len(), 1);
        assert_eq!(inputs["github-token"]["default"], "${{ github.token }}");
        assert_eq!(
            action["env"]["OCI_ARTIFACT_ARTIFACT_TYPE"],
            "${{ inputs.artifact-type }}"
        );
        assert_eq!(
            action["outputs"]["subject-digest"]["value"],
            "${{ steps.run.outputs.subject-digest || steps.run-windows.outputs.subject-digest }}"
        );
        assert!(!inputs.contains_key("password-stdin"), "a flag alone");
    }

    #[test]
    fn every_row_of_the_readme_has_its_columns() {
        let longest = readme_table().lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(LINE), "{longest:?}");
        let text = readme_table();
        let (table, notes) = text.split_once("\n\n").unwrap();
        for line in table.lines() {
            assert_eq!(line.replace("\\|", "").matches('|').count(), 4, "{line}");
        }
        assert!(notes.lines().all(|line| line.starts_with(['-', ' '])), "{notes}");
        for line in readme_outputs().lines() {
            assert_eq!(line.matches('|').count(), 3, "{line}");
        }
    }
}
