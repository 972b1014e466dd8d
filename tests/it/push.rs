//! `push` as a user sees it: against a layout and against a registry that counts requests.

use crate::support::faults::Fault;
use crate::support::registry::Registry;
use crate::support::runner::{Outcome, Workspace};

/// A file, an executable and a directory, as the article has them.
fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("readme.md", "Readme Content\n");
    workspace.write("details/readme-details.md", "Detailed Content\n");
    workspace.write("details/readme-more-details.md", "More detailed Content\n");
    workspace
}

fn push(workspace: &Workspace, reference: &str) -> Outcome {
    let arguments = [
        "push",
        reference,
        "readme.md:application/markdown",
        "details",
        "--format",
        "json",
    ];
    workspace.run().args(arguments).call()
}

#[test]
fn a_first_push_sends_all_and_a_second_one_asks_once() {
    let (workspace, registry) = (workspace(), Registry::start());
    let reference = registry.reference("samples/artifact:v1");
    let first = push(&workspace, &reference);
    first.success();
    let artifact = first.json()["artifacts"]["artifact"].clone();
    assert_eq!(artifact["state"], "pushed");
    assert_eq!(artifact["tags"], serde_json::json!(["v1"]));
    assert_eq!(registry.blobs("samples/artifact").len(), 3);
    assert_eq!(
        registry.tags("samples/artifact")[0].1,
        artifact["digest"].as_str().unwrap()
    );

    registry.clear_requests();
    let second = push(&workspace, &reference);
    second.success();
    assert_eq!(second.json()["artifacts"]["artifact"]["state"], "unchanged");
    assert_eq!(registry.lines(), ["HEAD /v2/samples/artifact/manifests/v1"]);
}

#[test]
fn an_unchanged_push_by_digest_asks_once() {
    let (workspace, registry) = (workspace(), Registry::start());
    let reference = registry.reference("samples/artifact");
    push(&workspace, &reference).success();
    registry.clear_requests();
    assert_eq!(
        push(&workspace, &reference).json()["artifacts"]["artifact"]["state"],
        "unchanged"
    );
    assert_eq!(registry.lines().len(), 1);
}

#[test]
fn tags_are_looked_at_while_files_are_hashed_and_the_files_failure_is_told_first() {
    let (workspace, registry) = (workspace(), Registry::start());
    let other = format!("a:v1@sha256:{}", "0".repeat(64));
    let wrong = |reference: &str| {
        let call = workspace
            .run()
            .args(["push", reference, "readme.md", "--retries", "0"])
            .call();
        assert!(call.stderr.contains("the artifact has the digest"), "{}", call.stderr);
        assert!(!call.stderr.contains("127.0.0.1:1/v2"), "{}", call.stderr);
    };
    wrong(&registry.reference(&other));
    assert_eq!(registry.lines(), ["HEAD /v2/a/manifests/v1"]);
    // Nobody listens there: what the tag's look failed with is not what is told.
    wrong(&format!("127.0.0.1:1/{other}"));
}

#[test]
fn tags_come_after_the_manifest_is_whole() {
    let (workspace, registry) = (workspace(), Registry::start());
    let reference = registry.reference("a:v1");
    let call = workspace
        .run()
        .args(["push", &reference, "readme.md", "--tags", "v1.0\nlatest"])
        .call();
    call.success();
    let puts: Vec<String> = registry
        .lines()
        .into_iter()
        .filter(|line| line.starts_with("PUT /v2/a/manifests/"))
        .collect();
    assert_eq!(puts.len(), 4, "{puts:?}");
    assert!(puts[0].contains("/manifests/sha256:"), "{puts:?}");
    assert_eq!(registry.tags("a").len(), 3);
}

#[test]
fn a_failure_leaves_no_tag_and_still_tells_the_result() {
    let (workspace, registry) = (workspace(), Registry::start());
    registry.fault(Fault::on("PUT", "/blobs/uploads/").always().answer(403));
    let outcome = push(&workspace, &registry.reference("a:v1"));
    outcome.exit(3);
    let json = outcome.json();
    assert_eq!(json["artifacts"]["a"]["state"], "failed");
    assert_eq!(json["errors"][0]["class"], "denied");
    assert_eq!(json["exit-code"], 3);
    assert!(registry.tags("a").is_empty());
}

#[test]
fn a_dry_run_writes_nothing_and_gives_the_digest_of_the_real_run() {
    let (workspace, registry) = (workspace(), Registry::start());
    let reference = registry.reference("a:v1");
    let arguments = ["push", &reference, "readme.md", "details", "--format", "json"];
    let dry = workspace.run().args(arguments).arg("--dry-run").call();
    dry.success();
    assert_eq!(dry.json()["dry-run"], true);
    assert!(
        registry
            .lines()
            .iter()
            .all(|line| line.starts_with("HEAD ") || line.starts_with("GET "))
    );
    let real = workspace.run().args(arguments).call();
    assert_eq!(
        dry.json()["artifacts"]["a"]["digest"],
        real.json()["artifacts"]["a"]["digest"]
    );
}

#[test]
fn if_exists_replaces_skips_or_fails() {
    let (workspace, registry) = (workspace(), Registry::start());
    let reference = registry.reference("a:v1");
    let run = |policy: &str| {
        let arguments = [
            "push",
            &reference,
            "readme.md",
            "--format",
            "json",
            "--if-exists",
            policy,
        ];
        workspace.run().args(arguments).call()
    };
    let first = run("fail");
    first.success();
    run("fail").success();
    workspace.write("readme.md", "other\n");
    let kept = run("skip");
    kept.success();
    assert_eq!(kept.json()["artifacts"]["a"]["state"], "skipped");
    assert_eq!(
        kept.json()["artifacts"]["a"]["digest"],
        first.json()["artifacts"]["a"]["digest"]
    );
    let failed = run("fail");
    failed.exit(5);
    assert!(
        failed.stderr.contains("exists with the digest"),
        "{}",
        failed.snapshot()
    );
    let replaced = run("replace");
    assert_eq!(replaced.json()["artifacts"]["a"]["state"], "pushed");
    assert_ne!(
        replaced.json()["artifacts"]["a"]["digest"],
        first.json()["artifacts"]["a"]["digest"]
    );
}

#[test]
fn a_tag_that_a_policy_leaves_alone_is_not_told_as_ours() {
    let (workspace, registry) = (workspace(), Registry::start());
    let spec = format!(
        "artifacts: [{{reference: '{}', files: [readme.md], tags: [moves, {{tag: stays, if-exists: skip}}]}}]",
        registry.reference("a:v1")
    );
    workspace.write("oci-artifact.yaml", spec);
    workspace.run().arg("push").call().success();
    workspace.write("readme.md", "other\n");
    let second = workspace.run().args(["push", "--format", "json"]).call();
    let artifact = &second.json()["artifacts"]["a"];
    assert_eq!(artifact["state"], "pushed");
    assert_eq!(artifact["tags"], serde_json::json!(["v1", "moves"]));
}

#[test]
fn force_finds_a_lost_blob() {
    let (workspace, registry) = (workspace(), Registry::start());
    let reference = registry.reference("a:v1");
    let first = push(&workspace, &reference);
    let layer = first.json()["artifacts"]["a"]["layers"][0]["digest"]
        .as_str()
        .unwrap()
        .to_owned();
    registry.remove_blob("a", &layer);
    assert_eq!(
        push(&workspace, &reference).json()["artifacts"]["a"]["state"],
        "unchanged"
    );
    let forced = workspace.run().args([
        "push",
        &reference,
        "readme.md:application/markdown",
        "details",
        "--force",
    ]);
    forced.call().success();
    assert!(registry.blob("a", &layer).is_some());
}

#[test]
fn a_digest_on_push_must_come_out() {
    let workspace = workspace();
    let digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let outcome = workspace
        .run()
        .args(["push", &format!("oci:layout:v1@{digest}"), "readme.md"])
        .call();
    outcome.exit(7);
    assert!(!workspace.exists("layout"), "{}", outcome.snapshot());
}

#[test]
fn several_artifacts_of_one_spec() {
    let workspace = workspace();
    workspace.write(
        "oci-artifact.yaml",
        "artifacts:\n\
         - {name: docs, reference: 'oci:layout:docs', files: [readme.md, details], annotations: {a: b}}\n\
         - {name: more, reference: 'oci:layout:more', base: details, files: ['*.md', '!*more*']}\n\
         - {name: none, reference: 'oci:layout:none', artifact-type: test/empty}\n",
    );
    let outcome = workspace.run().args(["push"]).call();
    outcome.success();
    insta::assert_snapshot!(outcome.stdout(), @"
    docs: pushed (2 files, 189 B)
      oci:[WORK]/layout@sha256:165f53deb00898987a85c990bbdc79325beef3c3642171adad7328195edc3300
      tags: docs
    more: pushed (1 file, 17 B)
      oci:[WORK]/layout@sha256:63a23ed6bb0cdc21ab889aa9146c02b447d1a302e21cee205c3e433e0aab115e
      tags: more
    none: pushed
      oci:[WORK]/layout@sha256:d04021be41b1863e2f137f60910f23432e6bc3d5a1badba76dd7ba00baaafbd0
      tags: none
    ");
    let only = workspace
        .run()
        .args(["push", "--only", "more", "--format", "json"])
        .call();
    assert_eq!(only.json()["artifacts"].as_object().unwrap().len(), 1);
    let wrong = workspace.run().args(["push", "--only", "mor"]).call();
    wrong.exit(2);
}

/// A registry that says 404 to a HEAD, takes the blobs and then misses one (oras-go#1212): all are sent once more.
#[test]
fn oras_go_1212_a_blob_missing_at_the_last_moment_is_sent_again() {
    let (workspace, registry) = (workspace(), Registry::start());
    let body = r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}"#;
    registry.fault(Fault::on("PUT", "/manifests/").times(1).answer(404).body(body));
    push(&workspace, &registry.reference("a:v1")).success();
    assert_eq!(registry.tags("a").len(), 1);
}

/// Runs a push to a registry that lets us read alone, as a pull request whose head is `head`.
fn push_of_pull_request(head: &str, if_denied: &str) -> Outcome {
    let (workspace, registry) = (workspace(), Registry::start());
    registry.fault(Fault::on("POST", "/blobs/uploads/").answer(403).always());
    let repo = |name: &str| format!(r#"{{"repo":{{"full_name":"{name}"}}}}"#);
    let event = format!(
        r#"{{"pull_request":{{"head":{},"base":{}}}}}"#,
        repo(head),
        repo("us/app")
    );
    let event = workspace.write("event.json", event);
    workspace
        .run()
        .args(["push", &registry.reference("a:v1"), "readme.md", "--format", "json"])
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_EVENT_NAME", "pull_request")
        .env("GITHUB_EVENT_PATH", event.as_str())
        .env("OCI_ARTIFACT_IF_DENIED", if_denied)
        .call()
}

#[test]
fn a_fork_that_may_not_push_skips_if_told_so_and_else_fails_with_the_reason() {
    let skipped = push_of_pull_request("you/app", "skip");
    skipped.success();
    assert_eq!(skipped.json()["artifacts"]["a"]["state"], "skipped");
    let notices = skipped
        .stderr()
        .matches("a pull request from a fork gets neither")
        .count();
    assert_eq!(notices, 1, "{}", skipped.stderr());
    let failed = push_of_pull_request("you/app", "fail");
    failed.exit(3);
    assert!(
        failed
            .stderr()
            .contains("push after the merge, or set `if-denied: skip`")
    );
    // Where the job has the right to write, being refused is a failure whatever was told.
    let own = push_of_pull_request("us/app", "skip");
    own.exit(3);
    assert!(!own.stderr().contains("fork"));
}
