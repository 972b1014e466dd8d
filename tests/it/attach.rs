//! Referrers that are pushed: `attach`, `attachments:` and `subject:`.

use serde_json::Value;

use crate::support::faults::Fault;
use crate::support::registry::{Options, Registry};
use crate::support::runner::{Outcome, Workspace};

const SBOM: &str = "application/spdx+json";

/// Both ways in which a registry keeps referrers.
fn registries() -> [Registry; 2] {
    [true, false].map(|referrers| {
        Registry::with(Options {
            referrers,
            ..Options::default()
        })
    })
}

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("app", "app\n");
    workspace.write("sbom.spdx.json", "{}\n");
    workspace.write("sbom.sig", "signed\n");
    workspace
}

fn spec(reference: &str) -> String {
    format!(
        "\
artifacts:
- name: app
  reference: {reference}
  tags: [latest]
  files: [app]
  attachments:
  - artifact-type: {SBOM}
    files: [sbom.spdx.json]
    annotations: {{com.example.tool: syft}}
    attachments:
    - artifact-type: application/vnd.example.signature
      files: [sbom.sig]
"
    )
}

fn push(workspace: &Workspace, reference: &str, more: &[&str]) -> Outcome {
    workspace.write("oci-artifact.yaml", spec(reference));
    let run = workspace.run().args(["push", "--format", "json"]);
    run.args(more.iter().copied()).call()
}

/// The digests that the registry lists for `subject`.
fn listed(registry: &Registry, repository: &str, subject: &str) -> Vec<Value> {
    let request = format!("http://{}/v2/{repository}/referrers/{subject}", registry.host());
    let api = get(&request);
    if let Some(index) = api {
        return index["manifests"].as_array().unwrap().clone();
    }
    let tag = subject.replace(':', "-");
    registry.manifest(repository, &tag).map_or_else(Vec::new, |(_, bytes)| {
        let index: Value = serde_json::from_slice(&bytes).unwrap();
        index["manifests"].as_array().unwrap().clone()
    })
}

/// The JSON at `url`, unless the answer is no success.
fn get(url: &str) -> Option<Value> {
    use std::io::{Read as _, Write as _};
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    head.starts_with("HTTP/1.1 200")
        .then(|| serde_json::from_str(body).unwrap())
}

#[test]
fn attachments_come_before_the_tags_and_are_listed() {
    for registry in registries() {
        let workspace = workspace();
        let outcome = push(&workspace, &registry.reference("team/app:v1"), &[]);
        let app = outcome.success().json()["artifacts"]["app"].clone();
        let (digest, sbom) = (app["digest"].as_str().unwrap(), &app["attachments"][0]);
        assert_eq!(sbom["artifact-type"], SBOM);
        assert_eq!(sbom["layers"][0]["title"], "sbom.spdx.json");
        let entries = listed(&registry, "team/app", digest);
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0]["digest"], sbom["digest"]);
        assert_eq!(entries[0]["artifactType"], SBOM);
        assert_eq!(entries[0]["annotations"]["com.example.tool"], "syft");
        let signature = &sbom["attachments"][0];
        let entries = listed(&registry, "team/app", sbom["digest"].as_str().unwrap());
        assert_eq!(entries[0]["digest"], signature["digest"]);
        let puts = registry.lines();
        let puts: Vec<&String> = puts
            .iter()
            .filter(|line| line.starts_with("PUT /v2/team/app/manifests/"))
            .collect();
        let last_two = &puts[puts.len() - 2..];
        assert!(
            last_two[0].ends_with("/v1") && last_two[1].ends_with("/latest"),
            "{puts:?}"
        );
        assert!(puts[0].ends_with(digest), "{puts:?}");
    }
}

#[test]
fn what_is_unchanged_costs_a_head_a_tag_and_a_read_a_subject() {
    for registry in registries() {
        let workspace = workspace();
        let reference = registry.reference("team/app:v1");
        let first = push(&workspace, &reference, &[]);
        let app = first.success().json()["artifacts"]["app"].clone();
        registry.clear_requests();
        let again = push(&workspace, &reference, &[]);
        assert_eq!(again.success().json()["artifacts"]["app"]["state"], "unchanged");
        assert_eq!(again.json()["artifacts"]["app"]["attachments"], app["attachments"]);
        let lines = registry.lines();
        let heads = lines.iter().filter(|line| line.starts_with("HEAD ")).count();
        let reads: Vec<_> = lines.iter().filter(|line| line.contains("/referrers/")).collect();
        assert_eq!(
            (heads, lines.iter().any(|line| line.contains("/blobs/"))),
            (2, false),
            "{lines:?}"
        );
        // Without the API it is asked for once a run, and each list is a tag.
        let lists = lines.iter().filter(|line| line.contains("/manifests/sha256-")).count();
        assert!(
            reads.len() == 2 && lists == 0 || reads.len() <= 2 && lists == 2,
            "{lines:?}"
        );
        assert_eq!(lines.len(), 2 + reads.len() + lists, "{lines:?}");
    }
}

#[test]
fn a_lost_attachment_is_pushed_again() {
    for registry in registries() {
        let workspace = workspace();
        let reference = registry.reference("team/app:v1");
        let app = push(&workspace, &reference, &[]).success().json()["artifacts"]["app"].clone();
        let subject = app["digest"].as_str().unwrap();
        let sbom = app["attachments"][0]["digest"].as_str().unwrap();
        for target in [
            format!("team/app@{sbom}"),
            format!("team/app:{}", subject.replace(':', "-")),
        ] {
            let delete = ["delete", &registry.reference(&target), "--yes", "--force"];
            let _ = workspace.run().args(delete).call();
        }
        assert!(listed(&registry, "team/app", subject).is_empty());
        let again = push(&workspace, &reference, &[]);
        assert_eq!(again.success().json()["artifacts"]["app"]["state"], "pushed");
        assert_eq!(listed(&registry, "team/app", subject)[0]["digest"], sbom);
    }
}

#[test]
fn attach_names_what_it_attached_and_to_what() {
    for registry in registries() {
        let workspace = workspace();
        let reference = registry.reference("team/app:v1");
        let pushed = workspace
            .run()
            .args(["push", &reference, "app", "--format", "json"])
            .call();
        let subject = pushed.success().json()["artifacts"]["app"]["digest"].clone();
        let attach = [
            "attach",
            &reference,
            "sbom.spdx.json",
            "--artifact-type",
            SBOM,
            "--format",
            "json",
        ];
        let outcome = workspace.run().args(attach).args(["-a", "a=b"]).call();
        let attached = outcome.success().json()["artifacts"]["app"].clone();
        assert_eq!(attached["state"], "pushed");
        assert_eq!(attached["subject"], subject);
        assert_eq!(attached["annotations"]["a"], "b");
        let entries = listed(&registry, "team/app", subject.as_str().unwrap());
        assert_eq!(entries[0]["digest"], attached["digest"]);
        let again = workspace.run().args(attach).args(["-a", "a=b"]).call();
        assert_eq!(again.success().json()["artifacts"]["app"]["state"], "unchanged");
        let dry = workspace.run().args(attach).args(["-a", "a=c", "--dry-run"]).call();
        let dry = dry.success().json()["artifacts"]["app"].clone();
        assert_eq!(listed(&registry, "team/app", subject.as_str().unwrap()).len(), 1);
        let real = workspace.run().args(attach).args(["-a", "a=c"]).call();
        assert_eq!(real.success().json()["artifacts"]["app"]["digest"], dry["digest"]);
        assert_eq!(listed(&registry, "team/app", subject.as_str().unwrap()).len(), 2);
    }
}

#[test]
fn a_subject_that_is_missing_or_moves_is_told_and_nothing_is_attached() {
    let (workspace, registry) = (workspace(), Registry::start());
    let reference = registry.reference("team/app:v1");
    let attach = ["attach", &reference, "sbom.spdx.json", "--artifact-type", SBOM];
    let missing = workspace.run().placeholder(registry.host(), "HOST").args(attach).call();
    insta::assert_snapshot!(missing.exit(4).stderr(), @r#"
    pushing 1 artifact
    error: artifact "app": subject: [HOST]/team/app:v1: not found
      hint: push it first: a referrer of nothing would never be found
    "#);
    let earlier = workspace
        .run()
        .args(["push", &reference, "app", "--format", "json"])
        .call();
    let earlier = earlier.success().json()["artifacts"]["app"]["digest"].clone();
    // Another job takes the tag away while the SBOM is uploaded.
    registry.fault(Fault::on("HEAD", "/manifests/v1").answer(404));
    let moved = workspace.run().args(attach).call();
    moved.exit(5);
    assert!(moved.stderr.contains("nothing was attached"), "{}", moved.snapshot());
    assert!(listed(&registry, "team/app", earlier.as_str().unwrap()).is_empty());
}

#[test]
fn what_attach_can_t_be_called_with() {
    let workspace = workspace();
    let run = |args: &[&str]| workspace.run().args(args.iter().copied()).call();
    insta::assert_snapshot!(run(&["attach"]).exit(2).stderr(), @"
    error: attach needs subject
      hint: oci-artifact attach HOST/REPOSITORY:TAG FILE...
    error: attach needs artifact-type
      hint: oci-artifact attach SUBJECT FILE... --artifact-type TYPE/SUBTYPE
    error: attach needs files, or annotations
      hint: oci-artifact attach SUBJECT FILE...
    ");
    insta::assert_snapshot!(run(&["attach", "oci:layout", "app", "--artifact-type", "a/b"]).exit(2).stderr(), @"
    error: subject oci:layout has neither a tag nor a digest
      hint: add :TAG or @DIGEST
    ");
    insta::assert_snapshot!(run(&["attach", "oci:layout:v1", "nothing", "--artifact-type", "a/b"]).exit(8).stderr(), @"
    error: nothing: no such file or directory
      hint: it was looked for at [WORK]/nothing; `if-no-files-found: warn` lets the run go on
    ");
}

#[test]
fn a_subject_of_the_same_spec_is_pushed_first() {
    let workspace = workspace();
    workspace.write(
        "oci-artifact.yaml",
        format!(
            "artifacts:\n- {{name: sbom, subject: 'oci:layout:v1', artifact-type: {SBOM}, files: [sbom.spdx.json]}}\n\
             - {{name: app, reference: 'oci:layout:v1', files: [app]}}\n"
        ),
    );
    for dry in [true, false] {
        let run = workspace.run().args(["push", "--format", "json"]);
        let run = if dry { run.arg("--dry-run") } else { run };
        let json = run.call().success().json();
        assert_eq!(json["artifacts"]["sbom"]["subject"], json["artifacts"]["app"]["digest"]);
        assert_eq!(workspace.exists("layout"), !dry);
    }
}
