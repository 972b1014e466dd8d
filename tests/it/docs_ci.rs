//! The pages of docs/ci: every YAML there is one, the inputs in it are inputs, and what a recipe for a login without a
//! stored secret gives to the job is what the program misses where it isn't given.

use std::collections::BTreeSet;

use oci_artifact::inputs::table::find;
use serde_json::Value;

use crate::support::runner::{Outcome, Workspace};

/// The page `name` of docs/ci.
fn page(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ci");
    fs_err::read_to_string(format!("{folder}/{name}.md")).unwrap()
}

/// The blocks of YAML in a text.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    text.split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
}

/// The page's block for a login without a stored secret.
fn recipe(system: &str) -> String {
    let page = page(system);
    let rest = page.split("**Login without a stored secret**:").nth(1).unwrap();
    blocks(rest).next().unwrap().to_owned()
}

/// Runs the command of a recipe, with values for its variables, as a job that `variables` announce. No request can
/// leave: there is a proxy, which isn't there.
fn run(recipe: &str, variables: &[(&str, &str)]) -> Outcome {
    let _: Value = serde_yaml::from_str(recipe).unwrap();
    let workspace = Workspace::new();
    workspace.write("dist/app", "app");
    let (_, command) = recipe.split_once("oci-artifact ").unwrap();
    let words = command.lines().next().unwrap().split_whitespace();
    let words = words.map(|word| match word {
        "$ROLE" => "arn:aws:iam::123456789012:role/publish",
        word if word.starts_with('$') => "x",
        word => word,
    });
    let run = workspace.run().args(words).args(["--retries", "0"]);
    let run = run.env("HTTPS_PROXY", "http://127.0.0.1:9");
    variables
        .iter()
        .fold(run, |run, (name, value)| run.env(*name, *value))
        .call()
}

#[test]
fn the_recipe_of_each_ci_system_gives_what_the_program_misses_without_it() {
    let azure = [
        ("TF_BUILD", "True"),
        ("OCI_ARTIFACT_AZURE_CLIENT_ID", "x"),
        ("OCI_ARTIFACT_AZURE_TENANT_ID", "x"),
    ];
    for (system, variables, key, missed) in [
        ("gitlab", &[("GITLAB_CI", "true")][..], "id_tokens:", "`id_tokens:`"),
        ("azure", &azure, "task: AzureCLI@2", "SERVICE_CONNECTION_ID"),
        (
            "bitbucket",
            &[("BITBUCKET_BUILD_NUMBER", "1")],
            "oidc: true",
            "`oidc: true`",
        ),
        ("circleci", &[("CIRCLECI", "true")], "context: ", "use a context"),
        ("buildkite", &[("BUILDKITE", "true")], "command: ", "`buildkite-agent`"),
    ] {
        let recipe = recipe(system);
        assert!(recipe.contains(key), "{recipe}");
        let outcome = run(&recipe, variables);
        outcome.exit(3);
        assert!(outcome.stderr().contains(missed), "{}", outcome.snapshot());
    }
}

/// The names and the audience that the program looks for are those of the recipes.
#[test]
fn the_tokens_of_the_recipes_are_found() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let jwt = |audience: &str| {
        let claims = format!(r#"{{"iss":"https://gitlab.com","sub":"project","aud":"{audience}"}}"#);
        format!(
            "{}.{}.c2ln",
            URL_SAFE_NO_PAD.encode("{}"),
            URL_SAFE_NO_PAD.encode(claims)
        )
    };
    let audience = "api://AzureADTokenExchange";
    let gitlab = recipe("gitlab");
    assert!(
        gitlab.contains(&format!("OCI_ARTIFACT_ID_TOKEN: {{aud: \"{audience}\"}}")),
        "{gitlab}"
    );
    let with = |audience: &str| {
        let token = jwt(audience);
        let outcome = run(&gitlab, &[("GITLAB_CI", "true"), ("OCI_ARTIFACT_ID_TOKEN", &token)]);
        outcome.keeps_secret(&[&token]);
        outcome
    };
    let wrong = with("sts.amazonaws.com");
    wrong.exit(3);
    assert!(wrong.stderr().contains(audience), "{}", wrong.snapshot());
    // It is taken to Microsoft Entra, as far as the proxy.
    let right = with(audience);
    right.exit(6);
    assert!(
        right.stderr().contains("login.microsoftonline.com"),
        "{}",
        right.snapshot()
    );
}

/// Keys below which inputs stand, each as a system names them; what the system's own file adds is not among them.
const PLACES: &[(&str, &[&str])] = &[
    ("with", &[]),
    ("settings", &[]),
    (
        "inputs",
        &[
            "job",
            "stage",
            "image",
            "azureSubscription",
            "addSpnToEnvironment",
            "scriptType",
            "scriptLocation",
        ],
    ),
    ("parameters", &["step", "env", "serviceConnection", "ref"]),
    ("oci-artifact/push", &[]),
    ("oci-artifact/pull", &["from-file"]),
];

fn unknown(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let own = PLACES.iter().find(|(place, _)| place == key).map(|(_, own)| *own);
                let own = own.or_else(|| key.contains("OWNER/oci-artifact#").then_some(&[][..]));
                match (own, value.as_object()) {
                    (Some(own), Some(given)) => found.extend(
                        given
                            .keys()
                            .filter(|name| !own.contains(&name.as_str()) && find(&kebab(name)).is_none())
                            .filter(|name| *name != "inlineScript")
                            .cloned(),
                    ),
                    _ => unknown(value, found),
                }
            }
        }
        Value::Array(array) => array.iter().for_each(|value| unknown(value, found)),
        _ => {}
    }
}

/// Azure's `artifactType` as `artifact-type`.
fn kebab(name: &str) -> String {
    let parts = name.chars().map(|c| match c {
        'A'..='Z' => format!("-{}", c.to_ascii_lowercase()),
        _ => c.to_string(),
    });
    parts.collect()
}

#[test]
fn every_yaml_of_the_pages_is_one_and_names_inputs() {
    let mut seen = 0;
    for entry in fs_err::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ci")).unwrap() {
        let text = fs_err::read_to_string(entry.unwrap().path()).unwrap();
        for block in blocks(&text) {
            let value: Value = serde_yaml::from_str(block).unwrap_or_else(|error| panic!("{error}: {block}"));
            let mut found = BTreeSet::new();
            unknown(&value, &mut found);
            assert!(found.is_empty(), "{found:?} in {block}");
            seen += 1;
        }
    }
    assert!(seen >= 14, "{seen}");
    let mut found = BTreeSet::new();
    let wrong = serde_json::json!({"steps": [{"uses": "x", "with": {"referense": "a", "files": "b"}}]});
    unknown(&wrong, &mut found);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["referense"]);
}

/// Flags of the commands in the pages and examples are flags.
#[test]
fn every_flag_of_the_pages_is_an_input() {
    for name in ["gitlab", "azure", "buildkite", "circleci", "jenkins", "bitbucket"] {
        let text = page(name);
        for line in text.lines().filter(|line| line.contains(" --")) {
            let words = line
                .split([' ', '`', ':', ')'])
                .filter_map(|word| word.strip_prefix("--"));
            for flag in words.filter(|flag| flag.starts_with(|c: char| c.is_ascii_lowercase())) {
                assert!(find(flag).is_some_and(|input| input.has_flag()), "{name}: --{flag}");
            }
        }
    }
}
