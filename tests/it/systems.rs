//! What each CI system gets, as its documentation says it takes it. `tests/it/github.rs` is GitHub's.

use serde_json::Value;

use crate::support::runner::{Outcome, Run, Workspace};

/// A push that comes to a digest, in a job that `variables` announce.
fn push<'a>(workspace: &'a Workspace, variables: &[(&str, &str)]) -> Run<'a> {
    workspace.write("a.txt", "a");
    let run = workspace.run().args(["push", "oci:layout:v1", "a.txt"]);
    variables.iter().fold(run, |run, (name, value)| run.env(*name, *value))
}

fn digest(outcome: &Outcome) -> String {
    outcome.success();
    let (_, rest) = outcome.stdout.rsplit_once('@').unwrap();
    rest.lines().next().unwrap().to_owned()
}

/// What POSIX sh makes of `script`.
fn sh(workspace: &Workspace, script: &str) -> String {
    let output = std::process::Command::new("sh")
        .args(["-eu", "-c", script])
        .current_dir(workspace.path())
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{script}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// GitLab's reader (gitlab, app/services/ci/parse_dotenv_artifact_service.rb): the file is smaller than 5 KiB, and each
/// line is split at its first `=`.
fn dotenv(text: &str) -> std::collections::BTreeMap<String, String> {
    assert!(text.len() < 5 * 1024);
    let line = |line: &str| {
        line.split_once('=')
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    text.lines().map(|text| line(text).unwrap()).collect()
}

#[test]
fn gitlab_gets_a_dotenv_report_and_sections() {
    let workspace = Workspace::new();
    let project = workspace.path();
    let gitlab = [("GITLAB_CI", "true"), ("CI_PROJECT_DIR", project.as_str())];
    let outcome = push(&workspace, &gitlab).call();
    let digest = digest(&outcome);
    let variables = dotenv(&workspace.read("oci-artifact.env"));
    assert_eq!(variables["ARTIFACT_DIGEST"], digest);
    assert_eq!(variables["ARTIFACT_TAGS"], "v1");
    let json: Value = serde_json::from_str(&variables["ARTIFACT_JSON"]).unwrap();
    assert_eq!(json["artifacts"]["layout"]["digest"], digest.as_str());
    assert!(outcome.stderr.contains("section_start:") && outcome.stderr.contains("section_end:"));
    // A second run under another prefix adds to it.
    push(&workspace, &gitlab)
        .args(["--variable-prefix", "SECOND_"])
        .call()
        .success();
    let variables = dotenv(&workspace.read("oci-artifact.env"));
    assert_eq!(variables["SECOND_DIGEST"], variables["ARTIFACT_DIGEST"]);
}

#[test]
fn gitlab_s_dotenv_report_stays_below_its_limit() {
    let workspace = Workspace::new();
    let project = workspace.path();
    let gitlab = [("GITLAB_CI", "true"), ("CI_PROJECT_DIR", project.as_str())];
    let tags = (0..300)
        .map(|n| format!("a-long-name-of-a-tag-{n}\n"))
        .collect::<String>();
    let outcome = push(&workspace, &gitlab).env("OCI_ARTIFACT_TAGS", &tags).call();
    let digest = digest(&outcome);
    let variables = dotenv(&workspace.read("oci-artifact.env"));
    assert_eq!(variables["ARTIFACT_DIGEST"], digest);
    assert!(!variables.contains_key("ARTIFACT_TAGS"));
    assert!(
        outcome.stderr.contains("lacks ARTIFACT_TAGS, ARTIFACT_JSON"),
        "{}",
        outcome.snapshot()
    );
}

/// <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>
#[test]
fn gitlab_gets_mistakes_in_a_spec_as_code_quality() {
    let workspace = Workspace::new();
    workspace.write(
        "ci/spec.yaml",
        "artifacts:\n- reference: oci:layout:v1\n  file: a.txt\n  tagz: [a]\n",
    );
    let project = workspace.path();
    let run = workspace
        .run()
        .args(["push", "-f", "ci/spec.yaml"])
        .env("GITLAB_CI", "true");
    run.env("CI_PROJECT_DIR", project.as_str()).call().exit(2);
    let report: Value = serde_json::from_str(&workspace.read("oci-artifact-code-quality.json")).unwrap();
    let entries = report.as_array().unwrap();
    assert_eq!(entries.len(), 2);
    let mut fingerprints = std::collections::BTreeSet::new();
    for (entry, line) in entries.iter().zip([3, 4]) {
        assert_eq!(entry["location"]["path"], "ci/spec.yaml");
        assert_eq!(entry["location"]["lines"]["begin"], line);
        assert_eq!(entry["severity"], "major");
        assert!(entry["description"].as_str().unwrap().contains("tagz") == (line == 4));
        assert!(entry["check_name"].is_string());
        fingerprints.insert(entry["fingerprint"].as_str().unwrap().to_owned());
    }
    assert_eq!(fingerprints.len(), 2);
    // A failure without a place in a file makes no report.
    let workspace = Workspace::new();
    let run = workspace
        .run()
        .args(["push", "oci:layout:v1", "missing"])
        .env("GITLAB_CI", "true");
    run.env("CI_PROJECT_DIR", workspace.path().as_str()).call().exit(8);
    assert!(!workspace.exists("oci-artifact-code-quality.json"));
}

/// Who writes a pull request has the checkout, too: a link in it leads to whatever file of the runner's.
#[cfg(unix)]
#[test]
fn no_result_is_written_through_a_link_of_the_checkout() {
    let files = ["oci-artifact-code-quality.json", "oci-artifact.env", "result.json"];
    for file in files {
        let workspace = Workspace::new();
        workspace.write("spec.yaml", "artifacts:\n- reference: oci:layout:v1\n  file: a.txt\n");
        let profile = workspace.home().join("profile");
        fs_err::write(&profile, "PATH=/bin\n").unwrap();
        fs_err::os::unix::fs::symlink(&profile, workspace.path().join(file)).unwrap();
        let run = workspace
            .run()
            .args(["push", "-f", "spec.yaml", "--output-file", "result.json"])
            .env("GITLAB_CI", "true");
        let outcome = run.env("CI_PROJECT_DIR", workspace.path().as_str()).call();
        outcome.exit(2);
        assert!(outcome.stderr.contains("is a link"), "{}", outcome.snapshot());
        assert_eq!(fs_err::read_to_string(&profile).unwrap(), "PATH=/bin\n", "{file}");
    }
}

type Pairs = Vec<(String, String)>;

/// What the agent makes of a line (azure-pipelines-agent, src/Microsoft.VisualStudio.Services.Agent/Command.cs): name,
/// properties and data of the command that stands anywhere in it.
fn vso(line: &str) -> Option<(String, Pairs, String)> {
    let unescape = |text: &str| {
        let text = text.replace("%3B", ";").replace("%5D", "]");
        text.replace("%0D", "\r").replace("%0A", "\n").replace("%AZP25", "%")
    };
    let (_, rest) = line.split_once("##vso[")?;
    let (head, data) = rest.split_once(']')?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    let properties = properties.split(';').filter_map(|pair| pair.split_once('='));
    let properties = properties
        .map(|(name, value)| (name.to_owned(), unescape(value)))
        .collect();
    Some((name.to_owned(), properties, unescape(data)))
}

#[test]
fn azure_gets_output_variables_and_a_summary() {
    let workspace = Workspace::new();
    let temporary = workspace.temporary();
    let azure = [("TF_BUILD", "True"), ("AGENT_TEMPDIRECTORY", temporary.as_str())];
    let outcome = push(&workspace, &azure).args(["--tags", "latest"]).call();
    let digest = digest(&outcome);
    let commands: Vec<_> = outcome.stderr.lines().filter_map(vso).collect();
    let output = |name: &str| {
        let is_it = |pairs: &[(String, String)]| {
            let has = |key: &str, value: &str| pairs.contains(&(key.to_owned(), value.to_owned()));
            has("variable", name) && has("isOutput", "true")
        };
        let found = commands
            .iter()
            .find(|(command, pairs, _)| command == "task.setvariable" && is_it(pairs));
        found.map(|(_, _, data)| data.clone()).unwrap()
    };
    assert_eq!(output("digest"), digest);
    assert_eq!(output("subject_digest"), digest);
    assert_eq!(output("tags"), "v1\nlatest");
    let json: Value = serde_json::from_str(&output("json")).unwrap();
    assert_eq!(json["artifacts"]["layout"]["digest"], digest.as_str());
    let (_, _, summary) = commands
        .iter()
        .find(|(name, _, _)| name == "task.uploadsummary")
        .unwrap();
    assert!(fs_err::read_to_string(summary).unwrap().contains(&digest));
    assert!(outcome.stderr.contains("##[group]pushing 1 artifact\n") && outcome.stderr.contains("##[endgroup]\n"));
    assert!(!outcome.stdout.contains("##"), "{}", outcome.snapshot());
}

#[test]
fn azure_gets_issues_at_their_lines_and_no_command_of_anyone_else() {
    let workspace = Workspace::new();
    let spec = "artifacts:\n- reference: oci:layout:v1\n  '##vso[task.complete result=Failed;]x': 1\n";
    workspace.write("spec.yaml", spec);
    let run = workspace
        .run()
        .args(["push", "-f", "spec.yaml"])
        .env("TF_BUILD", "True");
    let outcome = run
        .env("OCI_ARTIFACT_REGISTRY_TOKEN", "hunter2hunter2")
        .env("OCI_ARTIFACT_REGISTRY", "registry.example")
        .call();
    outcome.exit(2);
    let commands: Vec<_> = outcome.stderr.lines().filter_map(vso).collect();
    let (_, properties, message) = commands.iter().find(|(name, _, _)| name == "task.logissue").unwrap();
    let value = |name: &str| properties.iter().find(|(key, _)| key == name).unwrap().1.clone();
    assert_eq!(value("type"), "error");
    assert_eq!(value("sourcepath"), workspace.path().join("spec.yaml").as_str());
    assert_eq!(value("linenumber"), "3");
    assert!(message.contains("## vso[task.complete"), "{message}");
    let (_, _, masked) = commands.iter().find(|(name, _, _)| name == "task.setsecret").unwrap();
    assert_eq!(masked, "hunter2hunter2");
    assert!(!commands.iter().any(|(name, _, _)| name == "task.complete"));
}

/// <https://circleci.com/docs/set-environment-variable/>: bash reads the file in before each step.
#[test]
fn circle_gets_lines_of_bash_env() {
    let workspace = Workspace::new();
    workspace.write("bash_env", "export BEFORE=1\n");
    let file = workspace.path().join("bash_env");
    let circle = [("CIRCLECI", "true"), ("BASH_ENV", file.as_str())];
    let annotation = "com.example.note=it's $(touch pwned) `touch pwned` \"x\"";
    let outcome = push(&workspace, &circle).args(["--annotations", annotation]).call();
    let digest = digest(&outcome);
    let script = ". ./bash_env; printf '%s\\n' \"$BEFORE\" \"$ARTIFACT_DIGEST\"; printf '%s' \"$ARTIFACT_JSON\"";
    let said = sh(&workspace, script);
    let (head, json) = said.split_once('{').unwrap();
    assert_eq!(head, format!("1\n{digest}\n"));
    serde_json::from_str::<Value>(&format!("{{{json}")).unwrap();
    assert!(!workspace.exists("pwned"));
}

/// <https://developer.harness.io/docs/continuous-integration/use-ci/run-step-settings/#output-variables>, and
/// Bitbucket's "Share variables between steps": both append lines `NAME=value` to a file.
#[test]
fn harness_and_bitbucket_get_lines_of_a_file() {
    for (announced, channel) in [
        (("DRONE", "true"), "DRONE_OUTPUT"),
        (("BITBUCKET_BUILD_NUMBER", "1"), "BITBUCKET_PIPELINES_VARIABLES_PATH"),
    ] {
        let workspace = Workspace::new();
        workspace.write("file", "BEFORE=1\n");
        let file = workspace.path().join("file");
        let outcome = push(&workspace, &[announced, (channel, file.as_str())]).call();
        let digest = digest(&outcome);
        let text = workspace.read("file");
        assert!(
            text.starts_with("BEFORE=1\n") && text.contains(&format!("\nARTIFACT_DIGEST={digest}\n")),
            "{text}"
        );
    }
}

/// `readProperties` reads with `java.util.Properties`:
/// <https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/Properties.html>
#[test]
fn jenkins_gets_properties_and_a_clean_stdout() {
    let workspace = Workspace::new();
    let jenkins = [("JENKINS_URL", "https://ci.example.com/")];
    let run = push(&workspace, &jenkins).args(["--variables-file", "app.properties"]);
    let outcome = run.args(["--annotations", "com.example.note=é\\n"]).call();
    let digest = digest(&outcome);
    assert!(
        !outcome.stdout.contains("empty config"),
        "the log is on stderr: {}",
        outcome.snapshot()
    );
    let text = workspace.read("app.properties");
    assert!(text.is_ascii(), "{text}");
    assert!(text.contains(&format!("ARTIFACT_DIGEST={digest}\n")), "{text}");
}

#[test]
fn any_system_gets_a_file_for_a_shell_where_it_is_asked_for() {
    let workspace = Workspace::new();
    let outcome = push(&workspace, &[("CI", "woodpecker")])
        .args(["--variables-file", "vars.sh"])
        .call();
    let digest = digest(&outcome);
    assert_eq!(sh(&workspace, ". ./vars.sh; printf %s \"$ARTIFACT_DIGEST\""), digest);
    let refused = push(&workspace, &[])
        .args(["--variable-prefix", "OCI_ARTIFACT_"])
        .call();
    refused.exit(2);
    assert!(refused.stderr.contains("would be inputs"), "{}", refused.snapshot());
}

/// <https://tekton.dev/docs/pipelines/tasks/#emitting-results>: raw text in a file a result, 4096 bytes for all.
#[test]
fn tekton_gets_a_file_a_result() {
    let workspace = Workspace::new();
    workspace.write("results/keep", "");
    let results = workspace.path().join("results");
    let tekton = [("OCI_ARTIFACT_TEKTON_RESULTS", results.as_str())];
    let outcome = push(&workspace, &tekton).call();
    let digest = digest(&outcome);
    assert_eq!(workspace.read("results/digest"), digest);
    assert_eq!(workspace.read("results/path"), "");
    let json: Value = serde_json::from_str(&workspace.read("results/json")).unwrap();
    assert_eq!(json["artifacts"]["layout"]["digest"], digest.as_str());
    let tags = (0..200)
        .map(|n| format!("a-long-name-of-a-tag-{n}\n"))
        .collect::<String>();
    let outcome = push(&workspace, &tekton).env("OCI_ARTIFACT_TAGS", &tags).call();
    outcome.success();
    assert!(
        outcome.stderr.contains("the result tags is left blank"),
        "{}",
        outcome.snapshot()
    );
    let whole = workspace.tree("results").values().map(Vec::len).sum::<usize>();
    assert!(
        whole < 4096 && workspace.read("results/digest").starts_with("sha256:"),
        "{whole}"
    );
}

/// The settings as Woodpecker 3 and Drone pass them (facts of their compilers: `src/inputs/plugin.rs`).
#[test]
fn plugins_take_lists_and_maps_as_their_systems_pass_them() {
    let workspace = Workspace::new();
    workspace.write("dist/app", "app");
    workspace.write("dist/app.sha256", "0");
    for (variables, system) in [
        (
            &[
                ("PLUGIN_FILES", "dist/app,dist/app.sha256"),
                ("PLUGIN_ARTIFACT_TYPE", "application/vnd.example"),
                ("PLUGIN_ANNOTATIONS", r#"{"a":"1, 2"}"#),
                ("PLUGIN_DRY_RUN", "true"),
            ][..],
            ("CI", "woodpecker"),
        ),
        (
            &[
                ("PLUGIN_FILES", "dist/app,dist/app.sha256"),
                ("PLUGIN_ARTIFACT-TYPE", "application/vnd.example"),
                ("PLUGIN_ANNOTATIONS", r#"{"a":"1, 2"}"#),
                ("PLUGIN_DRY-RUN", "true"),
            ],
            ("DRONE", "true"),
        ),
    ] {
        let run = workspace
            .run()
            .env(system.0, system.1)
            .env("PLUGIN_REFERENCE", "oci:layout:v1");
        let run = run.env("PLUGIN_FORMAT", "json").env("PLUGIN_TAGS", "1,latest");
        let outcome = variables
            .iter()
            .fold(run, |run, (name, value)| run.env(*name, *value))
            .call();
        outcome.success();
        let json: Value = serde_json::from_str(&outcome.stdout).unwrap();
        let artifact = &json["artifacts"]["layout"];
        assert_eq!(
            artifact["artifact-type"],
            "application/vnd.example",
            "{}",
            outcome.snapshot()
        );
        assert_eq!(artifact["layers"].as_array().unwrap().len(), 2);
        assert_eq!(artifact["tags"], serde_json::json!(["v1", "1", "latest"]));
        assert!(!workspace.exists("layout"));
    }
}

#[test]
fn buildkite_takes_its_plugin_s_configuration_and_calls_its_agent() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    let agent = "#!/bin/sh\n{ echo \"$@\"; cat; echo; } >>\"$CALLS/$$\"\n";
    let program = workspace.write("bin/buildkite-agent", agent);
    #[cfg(unix)]
    fs_err::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    fs_err::create_dir(workspace.path().join("calls")).unwrap();
    let configuration = r#"{"reference": "oci:layout:v1", "files": ["a.txt"], "annotations": {"a": "b, c"}}"#;
    let job = || {
        let path = format!("{}:/usr/bin:/bin", program.parent().unwrap());
        let run = workspace.run().env("BUILDKITE", "true").env("PATH", &path);
        let run = run.env("CALLS", workspace.path().join("calls").as_str());
        let run = run
            .env("BUILDKITE_AGENT_JOB_API_SOCKET", "/nowhere")
            .env("BUILDKITE_STEP_KEY", "publish");
        run.env("BUILDKITE_PLUGIN_NAME", "OCI_ARTIFACT")
            .env("BUILDKITE_JOB_ID", "j1")
    };
    let calls = || {
        let tree = workspace.tree("calls");
        tree.into_values()
            .map(|call| String::from_utf8(call).unwrap())
            .collect::<Vec<_>>()
            .join("\n")
    };
    let outcome = job()
        .env("BUILDKITE_PLUGIN_CONFIGURATION", configuration)
        .env("OCI_ARTIFACT_USERNAME", "robot")
        .env("OCI_ARTIFACT_PASSWORD", "hunter2hunter2")
        .env("OCI_ARTIFACT_REGISTRY", "registry.example.com")
        .call();
    let digest = digest(&outcome);
    let said = calls();
    assert!(
        said.contains(&format!("meta-data set oci-artifact:publish:digest\n{digest}\n")),
        "{said}"
    );
    assert!(said.contains("redactor add\nhunter2hunter2\n"), "{said}");
    assert!(
        said.contains("annotate --style info --context oci-artifact-info-j1 --append\n"),
        "{said}"
    );
    assert!(
        outcome.stderr.contains("--- pushing 1 artifact\n"),
        "{}",
        outcome.snapshot()
    );

    let outcome = job()
        .env(
            "BUILDKITE_PLUGIN_CONFIGURATION",
            r#"{"files": ["<missing>"], "fils": 1}"#,
        )
        .call();
    outcome.exit(2);
    assert!(
        outcome.stderr.contains("the plugin's fils is not an input"),
        "{}",
        outcome.snapshot()
    );
    assert!(outcome.stderr.contains("^^^ +++\nerror: "), "{}", outcome.snapshot());
    assert!(calls().contains("annotate --style error"), "{}", calls());

    // Without an agent nothing is lost but what it would have told.
    let lonely = push(&workspace, &[("BUILDKITE", "true")]).call();
    lonely.success();
    assert!(
        lonely.stderr.contains("there is no `buildkite-agent` on PATH"),
        "{}",
        lonely.snapshot()
    );
}

#[test]
fn a_variable_that_the_system_left_as_it_was_is_told() {
    let workspace = Workspace::new();
    let run = workspace
        .run()
        .args(["list", "registry.example/a"])
        .env("TF_BUILD", "True");
    let outcome = run.env("OCI_ARTIFACT_TOKEN", "$(ACR_TOKEN)").call();
    outcome.exit(2);
    assert!(
        outcome.stderr.contains("the variable ACR_TOKEN is not set"),
        "{}",
        outcome.snapshot()
    );
    let run = workspace
        .run()
        .args(["pull", "$ARTIFACT_REFERENCE"])
        .env("GITLAB_CI", "true");
    run.call().exit(2);
    let run = workspace
        .run()
        .arg("pull")
        .env("GITLAB_CI", "true")
        .env("OCI_ARTIFACT_REFERENCE", "$ARTIFACT_REFERENCE");
    let outcome = run.call();
    outcome.exit(2);
    assert!(
        outcome.stderr.contains("handed on by an earlier job"),
        "{}",
        outcome.snapshot()
    );
}
