//! Settings of plugins: what Woodpecker, Drone and Buildkite make of the maps and lists of their YAML.
//!
//! Woodpecker and Drone pass text as it is, a list of scalars joined by commas (nothing is quoted), and as JSON what
//! has a map in it (woodpecker, pipeline/frontend/yaml/compiler/settings; drone/runner-go, environ/provider).
//! Buildkite passes the whole configuration as JSON.

use serde_json::Value;

use super::layers::{Given, Layer};
use super::table::{self, INPUTS, Input, Kind};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::suggest::nearest;

/// Our plugin's name, as the agent makes it of the repository's.
const NAME: &str = "OCI_ARTIFACT";

const CONFIGURATION: &str = "BUILDKITE_PLUGIN_CONFIGURATION";

/// The text of `input` that a variable `PLUGIN_*` holds as `text`.
pub fn setting(input: &Input, text: &str) -> String {
    if input.kind != Kind::Lines || text.contains('\n') {
        return text.to_owned();
    }
    match serde_json::from_str(text) {
        Ok(value @ (Value::Array(_) | Value::Object(_))) => written(input, &value),
        _ => joined(input, text),
    }
}

/// What Buildkite's plugin configuration gives, and warnings on keys that are no inputs. Nothing if the plugin is not
/// ours.
pub fn buildkite(env: &Env) -> Result<(Layer, Vec<String>)> {
    let text = env
        .get(CONFIGURATION)
        .filter(|_| env.get("BUILDKITE_PLUGIN_NAME") == Some(NAME));
    let value: Value = match text.map(serde_json::from_str) {
        None => Value::Null,
        Some(Ok(value)) => value,
        // Without the text, which serde's message may quote.
        Some(Err(_)) => return Err(Error::usage(format!("{CONFIGURATION} is not JSON"))),
    };
    let mut layer = Layer::new();
    let mut warnings = Vec::new();
    let keys = match value {
        Value::Null => return Ok((layer, warnings)),
        Value::Object(keys) => keys,
        _ => {
            return Err(Error::usage(format!("{CONFIGURATION} is no map of inputs"))
                .hint("write the inputs below the plugin's name, each as KEY: VALUE"));
        }
    };
    for (key, value) in keys {
        let Some(input) = table::find(&key).filter(|input| input.has_variable()) else {
            warnings.push(unknown(&key));
            continue;
        };
        if input.secret {
            return Err(Error::usage(format!(
                "the plugin's configuration holds {key}, and whoever sees the pipeline \
                                             sees it"
            ))
            .hint(format!(
                "set the variable OCI_ARTIFACT_{} by a secret or a hook",
                input.variable()
            )));
        }
        let text = written(input, &value);
        if !text.trim().is_empty() {
            layer.insert(input.name, Given::new(text, format!("plugin: {key}")));
        }
    }
    Ok((layer, warnings))
}

fn unknown(key: &str) -> String {
    let names = INPUTS
        .iter()
        .filter(|input| input.has_variable())
        .map(|input| input.name);
    match nearest(key, names) {
        Some(meant) => format!("the plugin's {key} is not an input; did you mean {meant}?"),
        None => format!("the plugin's {key} is not an input of this version"),
    }
}

/// `value` as the text of `input`.
fn written(input: &Input, value: &Value) -> String {
    match value {
        Value::Array(entries) if input.kind == Kind::Lines => entries.iter().map(scalar).collect::<Vec<_>>().join("\n"),
        Value::Object(entries) if is_pairs(input) => {
            let pairs = entries.iter().map(|(key, value)| format!("{key}={}", scalar(value)));
            pairs.collect::<Vec<_>>().join("\n")
        }
        other => scalar(other),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether each line is `KEY=VALUE`.
fn is_pairs(input: &Input) -> bool {
    input.value == "KEY=VALUE"
}

/// The entries of a list that was joined by commas, one a line. A comma within braces is a pattern's; one before a text
/// that is no `KEY=VALUE` is the value's, where pairs are asked for.
fn joined(input: &Input, text: &str) -> String {
    let mut entries: Vec<String> = Vec::new();
    let mut depth = 0usize;
    for part in text.split_inclusive(',') {
        let bare = part.strip_suffix(',').unwrap_or(part);
        let goes_on = depth > 0 || (is_pairs(input) && !bare.contains('='));
        match entries.last_mut().filter(|_| goes_on) {
            Some(last) => {
                last.push(',');
                last.push_str(bare);
            }
            None => entries.push(bare.to_owned()),
        }
        let (opened, closed) = (bare.matches('{').count(), bare.matches('}').count());
        depth = (depth + opened).saturating_sub(closed);
    }
    entries.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry without commas and braces.
    const ENTRY: &str = "[a-z0-9./:*=-]{1,8}";

    fn of(name: &str, text: &str) -> String {
        setting(table::find(name).unwrap(), text)
    }

    #[test]
    fn lists_of_scalars_come_joined_by_commas() {
        for (name, text, expected) in [
            ("files", "dist/app,dist/app.sha256", "dist/app\ndist/app.sha256"),
            (
                "files",
                "dist/*.{whl,tar.gz},readme.md:text/markdown",
                "dist/*.{whl,tar.gz}\nreadme.md:text/markdown",
            ),
            ("files", "a,b\n", "a,b\n"),
            ("files", r#"["a,b", "c"]"#, "a,b\nc"),
            ("files", "[ab].txt,c", "[ab].txt\nc"),
            ("tags", "1,2.10,latest", "1\n2.10\nlatest"),
            ("annotations", "a=1,b=two, and three,c=", "a=1\nb=two, and three\nc="),
            (
                "annotations",
                r#"{"a": "x, y", "b": 1.10, "c": null}"#,
                "a=x, y\nb=1.1\nc=",
            ),
            ("vars", "a={x,b=y", "a={x,b=y"),
            ("reference", "a,b", "a,b"),
            ("spec", r#"{"artifacts": []}"#, r#"{"artifacts": []}"#),
        ] {
            assert_eq!(of(name, text), expected, "{name} {text}");
        }
    }

    fn configured(json: &str) -> Result<(Layer, Vec<String>)> {
        let env = [("BUILDKITE_PLUGIN_NAME", NAME), (CONFIGURATION, json)];
        buildkite(&env.into_iter().collect())
    }

    #[test]
    fn buildkite_passes_json() {
        let json = r#"{"command": "push", "reference": "h.example/a:v1", "files": ["dist/*.{a,b}", "c"], "retries": 3,
            "dry-run": true, "annotations": {"k": "v, w"}, "spec": {"artifacts": [{"files": ["a"]}]}, "tags": null,
            "fils": "x", "zzz": 1}"#;
        let (layer, warnings) = configured(json).unwrap();
        let texts: Vec<_> = layer
            .iter()
            .map(|(name, given)| format!("{name} = {:?}", given.text))
            .collect();
        insta::assert_snapshot!(texts.join("\n"), @r#"
        annotations = "k=v, w"
        command = "push"
        dry-run = "true"
        files = "dist/*.{a,b}\nc"
        reference = "h.example/a:v1"
        retries = "3"
        spec = "{\"artifacts\":[{\"files\":[\"a\"]}]}"
        "#);
        assert_eq!(layer["files"].origin, "plugin: files");
        insta::assert_snapshot!(warnings.join("\n"), @"
        the plugin's fils is not an input; did you mean files?
        the plugin's zzz is not an input of this version
        ");
    }

    #[test]
    fn a_secret_in_the_pipeline_is_refused() {
        let error = configured(r#"{"password": "hunter2"}"#).unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
        assert!(error.way_out().unwrap().contains("OCI_ARTIFACT_PASSWORD"));
    }

    #[test]
    fn another_plugin_s_configuration_is_not_ours() {
        let env = [
            ("BUILDKITE_PLUGIN_NAME", "DOCKER"),
            (CONFIGURATION, "{\"files\": \"a\"}"),
        ];
        assert!(buildkite(&env.into_iter().collect()).unwrap().0.is_empty());
        assert!(configured("null").unwrap().0.is_empty());
        assert!(configured("{").is_err() && configured("[1]").is_err());
    }

    proptest::proptest! {
        #[test]
        fn a_list_without_braces_and_commas_comes_back(entries in proptest::collection::vec(ENTRY, 1..6)) {
            proptest::prop_assert_eq!(of("files", &entries.join(",")), entries.join("\n"));
        }

        #[test]
        fn any_text_is_read(text in "(?s).{0,40}") {
            for name in ["files", "annotations", "spec"] {
                of(name, &text);
            }
            let _ = configured(&text);
        }
    }
}
