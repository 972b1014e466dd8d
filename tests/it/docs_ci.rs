//! README's recipes for CI systems beside GitHub: each is YAML, its command is one, and what it gives to the job is
//! what the program misses where it isn't given.

use serde_json::Value;

use crate::support::runner::{Outcome, Workspace};

/// README's block for `system`.
fn recipe(system: &str) -> String {
    let readme = fs_err::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let rest = readme.split(&format!("\n**{system}**:")).nth(1).unwrap();
    let block = rest.split("```yaml\n").nth(1).unwrap();
    block.split("```").next().unwrap().to_owned()
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
        ("GitLab", &[("GITLAB_CI", "true")][..], "id_tokens:", "`id_tokens:`"),
        ("Azure Pipelines", &azure, "task: AzureCLI@2", "SERVICE_CONNECTION_ID"),
        (
            "Bitbucket",
            &[("BITBUCKET_BUILD_NUMBER", "1")],
            "oidc: true",
            "`oidc: true`",
        ),
        ("CircleCI", &[("CIRCLECI", "true")], "context: ", "use a context"),
        ("Buildkite", &[("BUILDKITE", "true")], "command: ", "`buildkite-agent`"),
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
    let gitlab = recipe("GitLab");
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
