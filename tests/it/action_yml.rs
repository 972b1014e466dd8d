//! `action.yml` says what the table of inputs and the list of outputs say, word for word.
//!
//! After a change of the table: `cargo test --test it regenerate -- --ignored`.

use std::collections::{BTreeMap, BTreeSet};

use oci_artifact::inputs::document;
use oci_artifact::inputs::outputs::OUTPUTS;
use oci_artifact::inputs::table::find;
use serde_json::Value;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/action.yml");

/// The ids of the steps that run the program, one elsewhere and one on Windows.
const STEPS: &[&str] = &["run", "run-windows"];

fn text() -> String {
    fs_err::read_to_string(FILE).unwrap()
}

fn action() -> Value {
    serde_yaml::from_str(&text()).unwrap()
}

fn names(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The variables of the step `id`.
fn variables(action: &Value, id: &str) -> BTreeMap<String, String> {
    let steps = action["runs"]["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["id"] == id).unwrap();
    let variables = step["env"].as_object().unwrap().iter();
    variables
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect()
}

#[test]
fn the_inputs_are_those_of_the_table() {
    let action = action();
    assert_eq!(
        names(&action["inputs"]),
        document::action_inputs().map(|input| input.name).collect()
    );
    for input in document::action_inputs() {
        let declared = &action["inputs"][input.name];
        assert_eq!(
            declared["description"],
            document::action_description(input),
            "{}",
            input.name
        );
        assert_ne!(declared["required"], true, "{}", input.name);
    }
}

#[test]
fn no_input_but_the_github_token_has_a_default() {
    let action = action();
    for (name, declared) in action["inputs"].as_object().unwrap() {
        match name.as_str() {
            "github-token" => assert_eq!(declared["default"], "${{ github.token }}"),
            _ => assert_eq!(
                declared.get("default"),
                None,
                "{name}: a default would overrule the spec for ever"
            ),
        }
    }
}

#[test]
fn every_input_reaches_the_program() {
    let action = action();
    for variables in STEPS.iter().map(|id| variables(&action, id)) {
        assert_eq!(variables.get("OCI_ARTIFACT_ACTION").map(String::as_str), Some("1"));
        for input in document::action_inputs() {
            let passed = variables.get(&format!("OCI_ARTIFACT_{}", input.variable()));
            assert_eq!(
                passed,
                Some(&format!("${{{{ inputs.{} }}}}", input.name)),
                "{}",
                input.name
            );
        }
        for (variable, value) in &variables {
            if let Some(name) = value
                .strip_prefix("${{ inputs.")
                .and_then(|rest| rest.strip_suffix(" }}"))
            {
                assert!(find(name).is_some(), "{variable} passes on {name}, which is no input");
            }
        }
    }
}

#[test]
fn a_secret_goes_nowhere_but_into_its_own_variable() {
    let text = text();
    for input in document::action_inputs().filter(|input| input.secret) {
        let uses = text.matches(&format!("inputs.{} ", input.name)).count();
        assert_eq!(uses, STEPS.len(), "{}", input.name);
    }
}

#[test]
fn no_script_of_the_action_holds_an_expression() {
    for step in action()["runs"]["steps"].as_array().unwrap() {
        let script = step["run"].as_str().unwrap_or_default();
        assert!(!script.contains("${{"), "template injection: {script}");
    }
}

#[test]
fn each_step_has_a_twin_on_windows() {
    let action = action();
    let steps = action["runs"]["steps"].as_array().unwrap();
    let mut shells = BTreeMap::<&str, usize>::new();
    for step in steps {
        let (shell, condition) = (step["shell"].as_str().unwrap(), step["if"].as_str().unwrap());
        assert_eq!(
            shell == "pwsh",
            condition.contains("indows") && !condition.contains("!= 'Windows'"),
            "{step}"
        );
        *shells.entry(shell).or_default() += 1;
    }
    assert_eq!(shells.keys().copied().collect::<Vec<_>>(), ["pwsh", "sh"]);
    assert_eq!(shells["pwsh"], shells["sh"]);
}

#[test]
fn the_outputs_are_those_of_the_program() {
    let action = action();
    assert_eq!(
        names(&action["outputs"]),
        OUTPUTS.iter().map(|(name, _)| *name).collect()
    );
    for (name, help) in OUTPUTS {
        assert_eq!(action["outputs"][name]["description"], *help);
        assert_eq!(action["outputs"][name]["value"], document::action_output(name, STEPS));
    }
}

#[test]
#[ignore = "writes action.yml"]
fn regenerate_action_yml() {
    let text = text();
    let between = |text: &str, from: &str, to: &str, block: &str| {
        let (before, rest) = text.split_once(from).unwrap();
        let end = rest.find(to).unwrap();
        format!("{before}{from}{block}{}", &rest[end..])
    };
    let text = between(&text, "\ninputs:\n", "outputs:\n", &document::action_inputs_block());
    let text = between(&text, "\noutputs:\n", "runs:\n", &document::action_outputs_block(STEPS));
    let mut parts = text.split("        OCI_ARTIFACT_COMMAND:");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        text.push_str(&document::action_env_block(8));
        let after = part
            .lines()
            .skip(1)
            .skip_while(|line| line.starts_with("        OCI_ARTIFACT_"));
        text.extend(after.map(|line| format!("{line}\n")));
    }
    fs_err::write(FILE, text).unwrap();
}
