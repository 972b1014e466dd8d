//! Indexes: `manifests:` in a spec, the command `index`, and how matrix jobs come together.

use serde_json::Value;

use crate::support::registry::Registry;
use crate::support::runner::{Outcome, Workspace};

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    for name in ["amd64", "arm64", "riscv64"] {
        workspace.write(&format!("{name}/app"), format!("{name}\n"));
    }
    workspace
}

/// Pushes the program of one platform by digest; the digest.
fn part(workspace: &Workspace, repository: &str, name: &str) -> String {
    let run = workspace.run().args(["push", repository, "app", "--format", "json"]);
    let outcome = run.directory(name).call();
    let json = outcome.success().json();
    let artifact = json["artifacts"].as_object().unwrap().values().next().unwrap().clone();
    artifact["digest"].as_str().unwrap().to_owned()
}

fn index(workspace: &Workspace, args: &[&str]) -> Outcome {
    workspace
        .run()
        .arg("index")
        .args(args.iter().copied())
        .args(["--format", "json"])
        .call()
}

fn only(outcome: &Outcome) -> Value {
    let json = outcome.success().json();
    json["artifacts"].as_object().unwrap().values().next().unwrap().clone()
}

#[test]
fn a_spec_s_index_lists_its_artifacts_with_their_platforms() {
    let (workspace, registry) = (workspace(), Registry::start());
    let host = registry.host();
    let spec = format!(
        "\
registry: {host}
artifacts:
- {{name: app, reference: 'app:v1', tags: [latest], artifact-type: a/index, annotations: {{x: y}},
   manifests: [amd64, {{ref: arm64, platform: linux/arm64/v8, annotations: {{k: v}}}}]}}
- {{name: amd64, reference: app, base: amd64, files: [app], artifact-type: a/b, platform: linux/amd64}}
- {{name: arm64, reference: 'app:arm', base: arm64, files: [app], artifact-type: a/b, platform: linux/arm64}}
"
    );
    workspace.write("oci-artifact.yaml", spec);
    let push = || workspace.run().args(["push", "--format", "json"]).call();
    let dry = workspace.run().args(["push", "--format", "json", "--dry-run"]).call();
    let json = push().success().json();
    assert_eq!(
        dry.success().json()["artifacts"]["app"]["digest"],
        json["artifacts"]["app"]["digest"]
    );
    let (_, bytes) = registry.manifest("app", "latest").unwrap();
    let listed: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(listed["artifactType"], "a/index");
    assert_eq!(listed["annotations"]["x"], "y");
    let entries = listed["manifests"].as_array().unwrap();
    assert_eq!(entries[0]["digest"], json["artifacts"]["amd64"]["digest"]);
    assert_eq!(entries[0]["artifactType"], "a/b");
    assert_eq!(
        entries[0]["platform"],
        serde_json::json!({"architecture": "amd64", "os": "linux"})
    );
    assert_eq!(entries[1]["platform"]["variant"], "v8");
    assert_eq!(entries[1]["annotations"]["k"], "v");
    assert_eq!(json["artifacts"]["app"]["manifests"][1]["platform"], "linux/arm64/v8");
    registry.clear_requests();
    assert_eq!(push().success().json()["artifacts"]["app"]["state"], "unchanged");
    let lines = registry.lines();
    // One by digest, one by tag, two tags of the index.
    assert!(
        lines.len() == 4 && lines.iter().all(|line| line.starts_with("HEAD ")),
        "{lines:?}"
    );
}

#[test]
fn matrix_jobs_hand_on_digests_and_the_last_one_lists_them() {
    let registry = Registry::start();
    let workspace = workspace();
    for repository in ["oci:../layout".to_owned(), registry.reference("team/app")] {
        let target = repository.replace("../", "");
        let amd64 = part(&workspace, &repository, "amd64");
        let arm64 = part(&workspace, &repository, "arm64");
        let reference = format!("{target}:v1");
        let entries = [format!("{amd64} linux/amd64"), format!("{target}@{arm64} linux/arm64")];
        let made = only(&index(&workspace, &[&reference, &entries[0], &entries[1]]));
        assert_eq!(made["manifests"][0]["digest"], amd64);
        assert_eq!(made["manifests"][1]["platform"], "linux/arm64");
        let again = only(&index(&workspace, &[&reference, &entries[0], &entries[1]]));
        assert_eq!(again["state"], "unchanged");
        assert_eq!(again["digest"], made["digest"]);
    }
}

#[test]
fn one_spec_serves_the_jobs_of_a_matrix_and_the_last_one() {
    let (workspace, registry) = (workspace(), Registry::start());
    workspace.write(
        "oci-artifact.yaml",
        format!(
            "registry: {}\nartifacts:\n\
             - {{name: app, reference: 'app:v1', manifests: [amd64, arm64]}}\n\
             - {{name: amd64, reference: 'app:v1-amd64', base: amd64, files: [app], platform: linux/amd64}}\n\
             - {{name: arm64, reference: 'app:v1-arm64', base: arm64, files: [app], platform: linux/arm64}}\n\
             - {{name: loose, reference: app, base: arm64, files: [app]}}\n\
             - {{name: bad, reference: 'app:v2', manifests: [loose]}}\n",
            registry.host()
        ),
    );
    let job = |name: &str| {
        workspace
            .run()
            .args(["push", "--only", name, "--format", "json"])
            .call()
    };
    let early = job("app");
    early.exit(4);
    assert!(
        early.stderr.contains("neither an artifact of this run nor a tag"),
        "{}",
        early.snapshot()
    );
    job("amd64").success();
    job("arm64").success();
    let last = job("app");
    let app = last.success().json()["artifacts"]["app"].clone();
    assert_eq!(app["manifests"][1]["platform"], "linux/arm64");
    let whole = workspace.run().args(["push", "--format", "json"]).call();
    assert_eq!(whole.success().json()["artifacts"]["app"]["digest"], app["digest"]);
    assert!(job("bad").exit(2).stderr.contains("no tag to find it by"));
}

#[test]
fn add_and_remove_change_the_index_that_is_there() {
    let (workspace, registry) = (workspace(), Registry::start());
    let repository = registry.reference("app");
    let [amd64, arm64, riscv64] = ["amd64", "arm64", "riscv64"].map(|name| part(&workspace, &repository, name));
    let reference = format!("{repository}:v1");
    let first = only(&index(
        &workspace,
        &[&reference, "--add", &format!("{amd64} linux/amd64")],
    ));
    assert_eq!(first["state"], "pushed");
    // An entry of somebody else, with what we don't know.
    let (media_type, bytes) = registry.manifest("app", "v1").unwrap();
    let foreign = String::from_utf8(bytes.to_vec())
        .unwrap()
        .replace("\"digest\"", "\"x-foreign\":1.0,\"digest\"");
    registry.seed_manifest("app", "v1", &media_type, foreign);
    let add = format!("{arm64} linux/arm64");
    let second = only(&index(
        &workspace,
        &[&reference, "--add", &add, "--artifact-type", "a/i", "-a", "k=v"],
    ));
    assert_eq!(second["manifests"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&second["artifact-type"], &second["annotations"]["k"]),
        (&"a/i".into(), &"v".into())
    );
    let text = registry.manifest("app", "v1").unwrap().1;
    assert!(String::from_utf8_lossy(&text).contains("\"x-foreign\":1.0"));
    let again = only(&index(&workspace, &[&reference, "--add", &add]));
    assert_eq!(again["state"], "unchanged");
    // A new build for a platform takes the place of the old one.
    let swap = index(
        &workspace,
        &[
            &reference,
            "--add",
            &format!("{riscv64} linux/arm64"),
            "--remove",
            &amd64,
        ],
    );
    assert_eq!(only(&swap)["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(only(&swap)["manifests"][0]["digest"], riscv64);
    assert!(
        swap.stderr.contains("for linux/arm64 the index listed"),
        "{}",
        swap.snapshot()
    );
    let not_there = index(&workspace, &[&reference, "--remove", &amd64]);
    assert!(not_there.exit(4).stderr.contains("does not list"));
    let nothing = index(&workspace, &[&format!("{repository}:new"), "--remove", &amd64]);
    nothing.exit(4);
    let artifact = workspace
        .run()
        .args(["push", &format!("{repository}:file"), "app"])
        .directory("amd64")
        .call();
    artifact.success();
    let no_index = index(&workspace, &[&format!("{repository}:file"), "--add", &amd64]);
    assert!(no_index.exit(2).stderr.contains("is no index"));
}

#[test]
fn what_is_added_takes_no_platform_away() {
    let (workspace, registry) = (workspace(), Registry::start());
    let repository = registry.reference("app");
    let both = part(&workspace, &repository, "amd64");
    let reference = format!("{repository}:v1");
    let platforms = |args: &[&str]| {
        let listed = only(&index(&workspace, &[&[reference.as_str()], args].concat()))["manifests"].clone();
        let platform = |entry: &Value| entry["platform"].as_str().unwrap_or("none").to_owned();
        listed.as_array().unwrap().iter().map(platform).collect::<Vec<_>>()
    };
    let on = |platform: &str| format!("{both} {platform}");
    assert_eq!(platforms(&["--add", &both]), ["none"]);
    assert_eq!(platforms(&["--add", &on("linux/amd64")]), ["linux/amd64"]);
    // One program for two platforms, as `index` lists it too.
    assert_eq!(
        platforms(&["--add", &on("linux/arm64")]),
        ["linux/amd64", "linux/arm64"]
    );
    assert_eq!(platforms(&["--add", &both]), ["linux/amd64", "linux/arm64"]);
}

#[test]
fn a_further_tag_of_an_index_that_did_not_change_is_a_change() {
    let (workspace, registry) = (workspace(), Registry::start());
    let repository = registry.reference("app");
    let amd64 = part(&workspace, &repository, "amd64");
    let reference = format!("{repository}:v1");
    let add = |tags: &str| {
        let args = [reference.as_str(), "--add", &amd64, "--tags", tags];
        only(&index(&workspace, &args))["state"].clone()
    };
    assert_eq!(add("v2"), "pushed");
    assert_eq!(add("v3"), "pushed");
    registry.clear_requests();
    assert_eq!(add("v3"), "unchanged");
    assert!(
        registry.lines().iter().all(|line| !line.starts_with("PUT ")),
        "{:?}",
        registry.lines()
    );
}

#[test]
fn a_policy_for_new_indexes_does_not_go_with_a_change_of_one() {
    let workspace = workspace();
    let outcome = index(&workspace, &["oci:layout:v2", "--add", "v3", "--if-exists", "skip"]);
    outcome.exit(2);
    let text = "--if-exists and --add are both given";
    assert!(outcome.stderr.contains(text), "{}", outcome.snapshot());
}

#[test]
fn jobs_that_add_at_once_lose_nothing() {
    let (workspace, registry) = (workspace(), Registry::start());
    let repository = registry.reference("app");
    let parts: Vec<String> = (0..12)
        .map(|at| {
            workspace.write(&format!("part{at}/app"), format!("{at}\n"));
            part(&workspace, &repository, &format!("part{at}"))
        })
        .collect();
    let reference = format!("{repository}:v1");
    let jobs: Vec<_> = parts
        .iter()
        .map(|digest| workspace.run().args(["index", &reference, "--add", digest]).start())
        .collect();
    for job in jobs {
        job.wait().success();
    }
    let listed: Value = serde_json::from_slice(&registry.manifest("app", "v1").unwrap().1).unwrap();
    assert_eq!(listed["manifests"].as_array().unwrap().len(), parts.len());
}

#[test]
fn what_an_index_can_t_list_is_told() {
    let (workspace, registry) = (workspace(), Registry::start());
    let repository = registry.reference("app");
    let amd64 = part(&workspace, &repository, "amd64");
    let reference = format!("{repository}:v1");
    let run = |args: &[&str]| {
        let run = workspace.run().placeholder(registry.host(), "HOST").arg("index");
        run.args(args.iter().copied()).call()
    };
    insta::assert_snapshot!(run(&[&reference]).exit(2).stderr(), @"
    error: index needs manifests
      hint: oci-artifact index HOST/REPOSITORY:TAG MANIFEST..., or change an index with --add and --remove
    ");
    insta::assert_snapshot!(run(&[&reference, "nothing"]).exit(4).stderr(), @r#"
    pushing 1 artifact
    error: artifact "app": "nothing" is neither an artifact of this run nor a tag of [HOST]/app
      hint: push it first; `oci-artifact list [HOST]/app` shows the tags that are there
    "#);
    insta::assert_snapshot!(run(&[&reference, &amd64, &amd64]).exit(2).stderr(), @r#"
    pushing 1 artifact
    error: artifact "app": the index would list sha256:a28369b2dc6864d8a0f0cebd074aa8375294443579e09317a6656275e18f1793 twice
      hint: take one of the entries out, or give them different platforms
    "#);
    insta::assert_snapshot!(run(&[&reference, "ghcr.io/other/app:v1"]).exit(2).stderr(), @r#"
    error: manifest "ghcr.io/other/app:v1": "ghcr.io/other/app:v1" lies in ghcr.io/other/app, and an index lists what lies beside it, in [HOST]/app
      hint: push it to [HOST]/app, or copy it there first
    "#);
    insta::assert_snapshot!(run(&[&reference, "v1 linux"]).exit(2).stderr(), @r#"
    error: manifest "v1 linux": "linux" is not a platform
      hint: write OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT in lower case, such as linux/arm64/v8
    "#);
    insta::assert_snapshot!(run(&[&reference, &amd64, "--add", &amd64]).exit(2).stderr(), @"
    error: argument MANIFEST and --add are both given
      hint: the first makes a new index, the second changes the one that is there: leave one out
    ");
    insta::assert_snapshot!(run(&[&repository, "--add", &amd64]).exit(2).stderr(), @"
    error: [HOST]/app names no tag, and a changed index needs one
      hint: add :TAG; an index by digest can't change
    ");
}

/// What an index lists is pushed before it, and its tag is the one that must not be moved.
#[test]
fn a_tag_of_an_index_that_must_not_be_moved_is_looked_at_before_any_upload() {
    let (workspace, registry) = (workspace(), Registry::start());
    workspace.write(
        "oci-artifact.yaml",
        format!(
            "\
registry: {}
artifacts:
- {{name: app, reference: 'app:v1', if-exists: fail, tags: [latest], manifests: [both]}}
- {{name: both, reference: 'app:both', manifests: [amd64, arm64]}}
- {{name: amd64, reference: app, base: amd64, files: [app], platform: linux/amd64}}
- {{name: arm64, reference: app, base: arm64, files: [app], platform: linux/arm64}}
",
            registry.host()
        ),
    );
    let push = || workspace.run().args(["push", "--format", "json"]).call();
    push().success();
    registry.clear_requests();
    push().success();
    let mut lines = registry.lines();
    lines.sort();
    assert_eq!(lines.len(), 5, "a HEAD a tag, and one by digest: {lines:?}");
    assert!(lines.iter().all(|line| line.starts_with("HEAD ")), "{lines:?}");

    workspace.write("arm64/app", "changed\n");
    registry.clear_requests();
    let outcome = push();
    let json = outcome.exit(5).json();
    assert_eq!(json["artifacts"]["app"]["state"], "failed");
    for name in ["both", "amd64", "arm64"] {
        assert_eq!(json["artifacts"][name]["state"], "not-started", "{name}");
    }
    assert!(
        outcome.stderr().contains("app:v1 exists with the digest sha256:"),
        "{}",
        outcome.stderr()
    );
    assert_eq!(registry.lines(), ["HEAD /v2/app/manifests/v1"]);
}
