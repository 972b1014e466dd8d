//! What GitHub Actions gets: outputs, summary, masks, groups, annotations at the spec's line.

use std::collections::BTreeMap;

use crate::support::registry::{Auth, Bearer, Options, Registry};
use crate::support::runner::{Run, Workspace};

/// A run as the runner starts it.
fn job(workspace: &Workspace) -> Run<'_> {
    workspace.write("github/output", "");
    workspace.write("github/summary", "");
    workspace
        .run()
        .env("CI", "true")
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_OUTPUT", workspace.path().join("github/output").as_str())
        .env("GITHUB_STEP_SUMMARY", workspace.path().join("github/summary").as_str())
        .env("GITHUB_WORKSPACE", workspace.path().as_str())
        .env("GITHUB_REPOSITORY", "Me/App")
        .env("GITHUB_SERVER_URL", "https://github.com")
        .env("GITHUB_SHA", "0123456789abcdef0123456789abcdef01234567")
        .env("GITHUB_REF", "refs/heads/feature/x")
        .env("GITHUB_REF_NAME", "feature/x")
        .env("GITHUB_REF_TYPE", "branch")
}

/// The outputs, read as the runner reads them.
fn outputs(workspace: &Workspace) -> BTreeMap<String, String> {
    let text = workspace.read("github/output");
    let mut lines = text.lines();
    let mut outputs = BTreeMap::new();
    while let Some(line) = lines.next() {
        let (name, delimiter) = line.split_once("<<").unwrap();
        let value: Vec<&str> = lines.by_ref().take_while(|line| *line != delimiter).collect();
        outputs.insert(name.to_owned(), value.join("\n"));
    }
    outputs
}

#[test]
fn outputs_and_summary_of_a_push() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    let spec = "artifacts: [{name: x, reference: 'oci:layout:${ci.ref-slug}', tags: [t], files: [a.txt]}]";
    let outcome = job(&workspace)
        .env("OCI_ARTIFACT_ACTION", "1")
        .env("OCI_ARTIFACT_SPEC", spec)
        .env("OCI_ARTIFACT_CONCURRENCY", "1")
        .call();
    outcome.success();
    let outputs = outputs(&workspace);
    let json: serde_json::Value = serde_json::from_str(&outputs["json"]).unwrap();
    assert_eq!(json["artifacts"]["x"]["digest"], outputs["digest"].as_str());
    assert_eq!(outputs["tags"], "feature-x\nt");
    assert_eq!(outputs["changed"], "true");
    assert_eq!(outputs["exit-code"], "0");
    assert_eq!(outputs["subject-digest"], outputs["digest"]);
    assert_eq!(
        outputs["reference"],
        format!("{}@{}", outputs["repository"], outputs["digest"])
    );
    let summary = workspace
        .read("github/summary")
        .replace(workspace.path().as_str(), "[WORK]");
    insta::assert_snapshot!(summary, @"
    ### oci-artifact push

    | artifact | state | digest | size | tags |
    | --- | --- | --- | ---: | --- |
    | x | pushed | `sha256:c63a72df14e231820e7b7e9f3fe50aeb9783fe2f997be5815537b672531e6a2f` | 1 B | `feature-x` `t` |

    ```sh
    oci-artifact pull oci:[WORK]/layout@sha256:c63a72df14e231820e7b7e9f3fe50aeb9783fe2f997be5815537b672531e6a2f
    ```
    ");
    // The blobs go at once, so their lines come in any order.
    let stderr = outcome.stderr();
    let mut lines: Vec<&str> = stderr.lines().collect();
    assert_eq!(
        (lines[0], lines[lines.len() - 1]),
        ("::group::pushing 1 artifact", "::endgroup::")
    );
    lines.sort_unstable();
    insta::assert_snapshot!(lines.join("\n"), @"
      pushed           1 B  a.txt
      pushed           2 B  empty config
    ::endgroup::
    ::group::pushing 1 artifact
    ");
    let again = job(&workspace);
    again
        .env("OCI_ARTIFACT_ACTION", "1")
        .env("OCI_ARTIFACT_SPEC", spec)
        .call()
        .success();
    assert_eq!(self::outputs(&workspace)["changed"], "false");
}

/// orgs/community discussions 26680, 68471: of an eleventh annotation nobody would know.
#[test]
fn of_more_than_ten_mistakes_the_last_annotation_tells_the_rest() {
    let workspace = Workspace::new();
    let wrong: String = (0..15).map(|n| format!("  wrong-{n}: x\n")).collect();
    workspace.write("spec.yaml", format!("artifacts:\n- reference: oci:layout:v1\n{wrong}"));
    let outcome = job(&workspace).args(["push", "-f", "spec.yaml"]).call();
    outcome.exit(2);
    let annotations: Vec<&str> = outcome
        .stderr
        .lines()
        .filter(|line| line.starts_with("::error "))
        .collect();
    assert_eq!(annotations.len(), 10, "{}", outcome.snapshot());
    let told = |n: usize| {
        annotations
            .iter()
            .any(|line| line.contains(&format!("wrong-{n}\"")) || line.contains(&format!("wrong-{n}`")))
    };
    assert!((0..15).all(told), "{}", outcome.snapshot());
    let plain = outcome
        .stderr
        .lines()
        .filter(|line| line.starts_with("error: spec.yaml:"));
    assert_eq!(plain.count(), 15 - 9, "each that waits is in the log at once");
}

#[test]
fn a_mistake_is_an_annotation_at_its_line_and_the_outputs_say_so() {
    let workspace = Workspace::new();
    workspace.write(
        "ci/spec.yaml",
        "artifacts:\n- reference: oci:layout:v1\n  file: a.txt\n",
    );
    let outcome = job(&workspace).args(["push", "-f", "ci/spec.yaml"]).call();
    outcome.exit(2);
    assert!(
        outcome.stderr.contains("::error file=ci/spec.yaml,line=3,col=3"),
        "{}",
        outcome.snapshot()
    );
    assert_eq!(outputs(&workspace)["exit-code"], "2");
    assert!(workspace.read("github/summary").contains("**failed**"));
    let arguments = ["push", "-f", "spec.yaml", "--working-directory", "ci"];
    let outcome = job(&workspace).args(arguments).call();
    assert!(
        outcome.stderr.contains("::error file=ci/spec.yaml,line=3"),
        "{}",
        outcome.snapshot()
    );
}

#[test]
fn inputs_that_are_wrong_still_give_outputs() {
    let workspace = Workspace::new();
    job(&workspace)
        .env("INPUT_RETRIES", "many")
        .env("INPUT_REFERENCE", "oci:layout:v1")
        .call()
        .exit(2);
    assert_eq!(outputs(&workspace)["exit-code"], "2");
}

#[test]
fn secrets_are_masked_before_anything_else_is_printed_and_shown_nowhere() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    let bearer = Bearer {
        username: "user",
        password: "hunter2-hunter2",
        ..Bearer::default()
    };
    let registry = Registry::with(Options {
        auth: Auth::Bearer(bearer),
        ..Options::default()
    });
    let outcome = job(&workspace)
        .args(["push", &registry.reference("a:v1"), "a.txt", "--log-level", "debug"])
        .env("OCI_ARTIFACT_USERNAME", "user")
        .env("OCI_ARTIFACT_PASSWORD", "hunter2-hunter2")
        .call();
    outcome.success();
    assert!(
        outcome.stderr.starts_with("::add-mask::hunter2-hunter2\n"),
        "{}",
        outcome.snapshot()
    );
    // Whatever was sent as a credential was masked before, and stands in no other line.
    let sent: Vec<String> = registry
        .requests()
        .iter()
        .filter_map(|request| request.header("authorization").map(str::to_owned))
        .collect();
    assert!(sent.len() > 2, "{sent:?}");
    let lines: Vec<&str> = outcome
        .stderr
        .lines()
        .filter(|line| !line.starts_with("::add-mask::"))
        .collect();
    for credential in sent {
        let secret = credential.split_once(' ').unwrap().1;
        assert!(
            outcome.stderr.contains(&format!("::add-mask::{secret}\n")),
            "{secret} {}",
            outcome.snapshot()
        );
        assert!(lines.iter().all(|line| !line.contains(secret)));
    }
    assert!(lines.iter().all(|line| !line.contains("hunter2")));
}

#[test]
fn text_of_a_registry_cannot_give_commands() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    let registry = Registry::start();
    let evil = "x\\n::set-output name=digest::evil\\n##[set-output name=digest]evil\\u001b[31m";
    let body = format!(r#"{{"errors":[{{"code":"DENIED","message":"{evil}"}}]}}"#);
    registry.fault(
        crate::support::faults::Fault::on("POST", "/blobs/uploads/")
            .always()
            .answer(403)
            .body(&body),
    );
    let outcome = job(&workspace)
        .args(["push", &registry.reference("a:v1"), "a.txt"])
        .call();
    outcome.exit(3);
    for text in [&outcome.stdout, &outcome.stderr] {
        assert!(
            !text.contains("##[") && !text.contains('\u{1b}'),
            "{}",
            outcome.snapshot()
        );
        assert!(
            text.lines().all(|line| !line.trim_start().starts_with("::set-output")),
            "{}",
            outcome.snapshot()
        );
    }
    assert!(
        outputs(&workspace)
            .get("digest")
            .is_none_or(|digest| !digest.contains("evil"))
    );
}

/// The lines of `GITHUB_ARTIFACTS`.
fn listed(workspace: &Workspace) -> Vec<String> {
    workspace.read("github/artifacts").lines().map(str::to_owned).collect()
}

#[test]
fn a_push_lists_its_artifacts_for_provenance() {
    let workspace = Workspace::new();
    let registry = Registry::start();
    workspace.write("a.txt", "a");
    workspace.write("github/artifacts", "");
    workspace.write("github/list", r#"{"version":1,"subjects":[]}"#);
    let host = registry.host();
    let spec = format!(
        "artifacts:\n\
         - {{reference: '{host}/me/a:v1', files: [a.txt]}}\n\
         - {{reference: '{host}/me/a:v2', files: ['a.txt:text/x'], tags: [latest]}}\n\
         - {{reference: 'oci:layout:v1', files: [a.txt]}}\n"
    );
    let run = |command: &str| {
        let run = job(&workspace)
            .args([command, "--format", "json"])
            .env("OCI_ARTIFACT_SPEC", &spec);
        let paths = ["artifacts", "list"].map(|name| workspace.path().join("github").join(name).into_string());
        let [file, list] = paths;
        run.env("GITHUB_ARTIFACTS", file).env("GITHUB_ARTIFACTS_LIST", list)
    };
    run("push").arg("--dry-run").call().success();
    assert_eq!(listed(&workspace), [""; 0]);
    let pushed = run("push").call();
    let digest = |name: &str| pushed.json()["artifacts"][name]["digest"].as_str().unwrap().to_owned();
    let lines = [
        format!("oci://{host}/me/a@{}", digest("a-v1")),
        format!("oci://{host}/me/a:v2@{}", digest("a-v2")),
    ];
    assert_eq!(listed(&workspace), lines);
    // A second run in the same step, and one in a later step of the job.
    run("push").call().success();
    assert_eq!(listed(&workspace), lines);
    let subjects = [
        serde_json::json!({"name": format!("{host}/me/a"), "digest": digest("a-v1"), "kind": "oci"}),
        serde_json::json!({"name": format!("{host}/me/a:v2"), "digest": digest("a-v1"), "kind": "oci"}),
    ];
    let list = serde_json::json!({"version": 1, "subjects": subjects}).to_string();
    workspace.write("github/list", list);
    workspace.write("github/artifacts", "");
    let later = run("push").call();
    later.success();
    assert_eq!(listed(&workspace), [""; 0]);
    assert!(
        later.stderr.contains("::notice title=oci-artifact::") && later.stderr.contains("not listed for provenance"),
        "{}",
        later.snapshot()
    );
}

#[test]
fn an_index_is_listed_and_an_attachment_is_not() {
    let (workspace, registry) = (Workspace::new(), Registry::start());
    workspace.write("a.txt", "a");
    workspace.write("github/artifacts", "");
    let reference = registry.reference("me/a:v1");
    let run = |arguments: &[&str]| {
        let run = job(&workspace).args(arguments.to_vec()).args(["--format", "json"]);
        let outcome = run
            .env("GITHUB_ARTIFACTS", workspace.path().join("github/artifacts").as_str())
            .call();
        outcome.success();
        let json = outcome.json();
        json["artifacts"]["a"]["digest"].as_str().unwrap().to_owned()
    };
    let pushed = run(&["push", &reference, "a.txt"]);
    run(&["attach", &reference, "a.txt", "--artifact-type", "text/x"]);
    run(&["pull", &reference, "-o", "out"]);
    run(&["tag", &reference, "latest"]);
    let index = run(&["index", &registry.reference("me/a:all"), "v1 linux/amd64"]);
    let host = registry.host();
    assert_eq!(
        listed(&workspace),
        [
            format!("oci://{host}/me/a@{pushed}"),
            format!("oci://{host}/me/a:all@{index}")
        ]
    );
}
