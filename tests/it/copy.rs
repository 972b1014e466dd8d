//! `copy` as a user sees it: between registries that count requests, layouts and archives.

mod archives;
mod peers;
mod places;
mod platforms;
mod referrers;

use oci_artifact::oci::{Digest, names};
use serde_json::{Value, json};

use crate::support::faults::{Action, Fault};
use crate::support::message::Reply;
use crate::support::registry::{Options, Registry};
use crate::support::runner::{Outcome, Workspace};

/// Copies with these arguments, the result as JSON.
fn copy(workspace: &Workspace, args: &[&str]) -> Outcome {
    let args = ["copy"].iter().chain(args).chain(&["--format", "json"]);
    workspace.run().args(args.copied()).call()
}

/// The one artifact of a result.
fn artifact(outcome: &Outcome) -> Value {
    outcome.success();
    let json = outcome.json();
    json["artifacts"].as_object().unwrap().values().next().unwrap().clone()
}

/// An image of one layer, without a request; its entry in an index.
fn image(registry: &Registry, repository: &str, tag: &str, text: &str, platform: &str) -> Value {
    let (os, architecture) = platform.split_once('/').unwrap();
    let config = json!({"os": os, "architecture": architecture}).to_string();
    let config = blob(registry, repository, names::IMAGE_CONFIG, &config);
    let layer = blob(registry, repository, names::LAYER_TAR, text);
    let manifest = json!({"schemaVersion": 2, "mediaType": names::IMAGE_MANIFEST, "config": config, "layers": [layer]});
    let mut entry = manifest_at(registry, repository, tag, &manifest);
    entry["platform"] = json!({"os": os, "architecture": architecture});
    entry
}

fn blob(registry: &Registry, repository: &str, media_type: &str, text: &str) -> Value {
    let digest = registry.seed_blob(repository, text.to_owned());
    json!({"mediaType": media_type, "digest": digest.to_string(), "size": text.len()})
}

/// Any manifest; its descriptor. Pretty, with a field that we don't know: no byte of it may change.
fn manifest_at(registry: &Registry, repository: &str, tag: &str, manifest: &Value) -> Value {
    let mut manifest = manifest.clone();
    manifest["x-other"] = json!(1);
    let text = serde_json::to_string_pretty(&manifest).unwrap();
    let (media_type, size) = (manifest["mediaType"].as_str().unwrap(), text.len());
    let digest = registry.seed_manifest(repository, tag, media_type, text);
    json!({"mediaType": media_type, "digest": digest.to_string(), "size": size})
}

fn index(registry: &Registry, repository: &str, tag: &str, entries: &[Value]) -> Value {
    let index = json!({"schemaVersion": 2, "mediaType": names::IMAGE_INDEX, "manifests": entries});
    manifest_at(registry, repository, tag, &index)
}

/// An index of two platforms under `v1`; the entries.
fn two_platforms(registry: &Registry, repository: &str) -> (Value, Vec<Value>) {
    let entries = vec![
        image(registry, repository, "", "for amd64", "linux/amd64"),
        image(registry, repository, "", "for arm64", "linux/arm64"),
    ];
    (index(registry, repository, "v1", &entries), entries)
}

fn digest(descriptor: &Value) -> &str {
    descriptor["digest"].as_str().unwrap()
}

/// The writes among the requests, without what makes each unlike any other.
fn writes(registry: &Registry) -> Vec<String> {
    let lines = registry.lines().into_iter();
    lines
        .filter(|line| !line.starts_with("GET ") && !line.starts_with("HEAD "))
        .collect()
}

fn asks_for_blobs(registry: &Registry) -> Vec<String> {
    let lines = registry.lines().into_iter();
    lines.filter(|line| line.contains("/blobs/")).collect()
}

#[test]
fn an_index_comes_over_byte_for_byte_children_first_the_tag_last() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let (whole, entries) = two_platforms(&from, "team/app");
    let outcome = copy(
        &workspace,
        &[&from.reference("team/app:v1"), &to.reference("mirror/app")],
    );
    let result = artifact(&outcome);
    assert_eq!(result["state"], "copied");
    assert_eq!(result["digest"], whole["digest"]);
    assert_eq!(
        result["tags"],
        json!(["v1"]),
        "the source's tag, as the target names none"
    );
    assert_eq!(result["manifests"].as_array().unwrap().len(), 2);
    assert_eq!(result["manifests"][1]["platform"], "linux/arm64");
    for descriptor in entries.iter().chain([&whole]) {
        let digest = digest(descriptor);
        assert_eq!(to.manifest("mirror/app", digest), from.manifest("team/app", digest));
    }
    assert_eq!(to.blobs("mirror/app"), from.blobs("team/app"));
    let puts: Vec<String> = writes(&to)
        .into_iter()
        .filter(|line| line.contains("/manifests/"))
        .collect();
    assert_eq!(puts.len(), 3, "{puts:?}");
    assert_eq!(puts[2], "PUT /v2/mirror/app/manifests/v1");
    assert!(writes(&from).is_empty());
}

#[test]
fn what_is_there_costs_a_look_at_the_source_and_one_a_tag() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    two_platforms(&from, "app");
    let (source, target) = (from.reference("app:v1"), to.reference("app:v1"));
    let args = [source.as_str(), &target, "--tags", "v2"];
    assert_eq!(artifact(&copy(&workspace, &args))["tags"], json!(["v1", "v2"]));
    from.clear_requests();
    to.clear_requests();
    let again = artifact(&copy(&workspace, &args));
    assert_eq!(
        (again["state"].as_str(), again["tags"].clone()),
        (Some("unchanged"), json!(["v1", "v2"]))
    );
    assert_eq!(from.lines(), ["HEAD /v2/app/manifests/v1"]);
    // The tags are looked at together, in any order.
    let mut looks = to.lines();
    looks.sort();
    assert_eq!(looks, ["HEAD /v2/app/manifests/v1", "HEAD /v2/app/manifests/v2"]);
}

#[test]
fn within_a_registry_blobs_are_mounted() {
    let (workspace, registry) = (Workspace::new(), Registry::start());
    two_platforms(&registry, "dev/app");
    let args = [registry.reference("dev/app:v1"), registry.reference("prod/app:v1")];
    artifact(&copy(&workspace, &[&args[0], &args[1]]));
    let blobs = asks_for_blobs(&registry);
    assert_eq!(blobs.len(), 4, "{blobs:?}");
    assert!(
        blobs
            .iter()
            .all(|line| line.contains("?mount=") && line.contains("from=dev%2Fapp")),
        "{blobs:?}"
    );
    assert_eq!(registry.blobs("prod/app"), registry.blobs("dev/app"));
}

#[test]
fn where_nothing_is_mounted_the_blobs_go_through_here() {
    let workspace = Workspace::new();
    let registry = Registry::with(Options {
        mount: false,
        ..Options::default()
    });
    two_platforms(&registry, "dev/app");
    let args = [registry.reference("dev/app:v1"), registry.reference("prod/app:v1")];
    artifact(&copy(&workspace, &[&args[0], &args[1]]));
    assert_eq!(registry.blobs("prod/app"), registry.blobs("dev/app"));
}

#[test]
fn oras_1892_1924_where_a_mount_is_denied_the_blob_is_sent() {
    let (workspace, registry) = (Workspace::new(), Registry::start());
    two_platforms(&registry, "dev/app");
    registry.fault(Fault::on("POST", "mount=").always().answer(403));
    let args = [registry.reference("dev/app:v1"), registry.reference("prod/app:v1")];
    artifact(&copy(&workspace, &[&args[0], &args[1]]));
    assert_eq!(registry.blobs("prod/app"), registry.blobs("dev/app"));
}

#[test]
fn oras_go_1212_1213_what_was_said_to_be_there_and_is_not_is_copied() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let (_, entries) = two_platforms(&from, "app");
    // A small blob is asked for by mounting it.
    to.fault(Fault::on("POST", "mount=").times(1).answer(201));
    let there = Reply::new(200)
        .header("docker-content-digest", digest(&entries[1]))
        .header("content-length", "1")
        .header("content-type", names::IMAGE_MANIFEST);
    to.fault(Fault::on("HEAD", digest(&entries[1])).act(Action::Answer(there)));
    artifact(&copy(&workspace, &[&from.reference("app:v1"), &to.reference("app")]));
    assert_eq!(to.blobs("app"), from.blobs("app"));
    assert_eq!(
        to.manifest("app", digest(&entries[1])),
        from.manifest("app", digest(&entries[1]))
    );
    assert!(to.manifest("app", "v1").is_some());
}

#[test]
fn a_blob_that_two_manifests_share_goes_once() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let entries = [
        image(&from, "app", "", "shared", "linux/amd64"),
        image(&from, "app", "", "shared", "linux/arm64"),
    ];
    index(&from, "app", "v1", &entries);
    artifact(&copy(&workspace, &[&from.reference("app:v1"), &to.reference("app")]));
    let puts = writes(&to)
        .into_iter()
        .filter(|line| line.starts_with("PUT /v2/app/blobs/"));
    assert_eq!(puts.count(), 3);
}

#[test]
fn what_the_target_has_is_not_asked_for_again() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let (_, entries) = two_platforms(&from, "app");
    let first = from.reference(&format!("app@{}", digest(&entries[0])));
    artifact(&copy(&workspace, &[&first, &to.reference("app")]));
    let there = to.blobs("app");
    assert_eq!(there.len(), 2);
    from.clear_requests();
    to.clear_requests();
    artifact(&copy(&workspace, &[&from.reference("app:v1"), &to.reference("app")]));
    let blobs = [asks_for_blobs(&from), asks_for_blobs(&to)].concat();
    for digest in &there {
        // The colon of a mount is escaped.
        let hex = digest.trim_start_matches("sha256:");
        assert!(!blobs.iter().any(|line| line.contains(hex)), "{blobs:?}");
    }
    assert!(to.manifest("app", "v1").is_some());
}

#[test]
fn a_copy_that_was_cut_sends_no_blob_twice() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let layers: Vec<Value> = (0..6)
        .map(|n| blob(&from, "app", names::LAYER_TAR, &format!("layer {n}")))
        .collect();
    let config = blob(&from, "app", names::EMPTY, "{}");
    let manifest = json!({"mediaType": names::IMAGE_MANIFEST, "config": config, "layers": layers});
    manifest_at(&from, "app", "v1", &manifest);
    to.fault(Fault::on("PUT", "/blobs/uploads/").skip(3).always().answer(403));
    let args = [from.reference("app:v1"), to.reference("app")];
    let args = [args[0].as_str(), &args[1], "--concurrency", "1"];
    let cut = copy(&workspace, &args);
    cut.exit(3);
    assert_eq!(cut.json()["artifacts"]["app"]["state"], "failed");
    assert!(to.tags("app").is_empty());
    let sent = to.blobs("app");
    assert_eq!(sent.len(), 3);
    to.clear_faults();
    from.clear_requests();
    to.clear_requests();
    artifact(&copy(&workspace, &args));
    let puts = writes(&to)
        .into_iter()
        .filter(|line| line.starts_with("PUT /v2/app/blobs/"));
    assert_eq!(puts.count(), 4);
    let reads = asks_for_blobs(&from);
    assert!(
        !reads.iter().any(|line| sent.iter().any(|digest| line.contains(digest))),
        "{reads:?}"
    );
}

#[test]
fn a_connection_that_breaks_on_either_side_is_taken_up() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let layer = blob(&from, "app", names::LAYER_TAR, &"x".repeat(3_000_000));
    let config = blob(&from, "app", names::EMPTY, "{}");
    let manifest = json!({"mediaType": names::IMAGE_MANIFEST, "config": config, "layers": [layer]});
    let manifest = manifest_at(&from, "app", "v1", &manifest);
    from.fault(Fault::on("GET", digest(&layer)).act(Action::CutAnswer(1_500_000)));
    to.fault(Fault::on("PUT", "/blobs/uploads/").times(2).act(Action::CutRequest(1)));
    artifact(&copy(&workspace, &[&from.reference("app:v1"), &to.reference("app")]));
    assert_eq!(to.manifest("app", "v1"), from.manifest("app", digest(&manifest)));
    assert_eq!(to.blobs("app"), from.blobs("app"));
}

#[test]
fn oras_2061_force_finds_a_blob_that_was_lost() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    two_platforms(&from, "app");
    let args = [from.reference("app:v1"), to.reference("app")];
    artifact(&copy(&workspace, &[&args[0], &args[1]]));
    to.remove_blob("app", &Digest::of(b"for arm64").to_string());
    assert_eq!(artifact(&copy(&workspace, &[&args[0], &args[1]]))["state"], "unchanged");
    let forced = copy(&workspace, &[&args[0], &args[1], "--force"]);
    assert_eq!(artifact(&forced)["state"], "copied");
    assert_eq!(to.blobs("app"), from.blobs("app"));
    let forced = copy(&workspace, &[&args[0], &args[1], "--force"]);
    assert_eq!(artifact(&forced)["state"], "unchanged");
}

#[test]
fn if_exists_is_asked_before_anything_moves() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let (whole, _) = two_platforms(&from, "app");
    let old = image(&to, "app", "v1", "old", "linux/amd64");
    let args = [from.reference("app:v1"), to.reference("app")];
    let run = |policy: &str| copy(&workspace, &[&args[0], &args[1], "--if-exists", policy]);
    let failed = run("fail");
    failed.exit(5);
    assert!(
        failed.stderr.contains("exists with the digest"),
        "{}",
        failed.snapshot()
    );
    let skipped = artifact(&run("skip"));
    assert_eq!(
        (skipped["state"].as_str(), &skipped["digest"]),
        (Some("skipped"), &old["digest"])
    );
    assert!(writes(&to).is_empty());
    let replaced = artifact(&run("replace"));
    assert_eq!(
        (replaced["state"].as_str(), &replaced["digest"]),
        (Some("copied"), &whole["digest"])
    );
    assert_eq!(artifact(&run("fail"))["state"], "unchanged");
}

#[test]
fn a_tag_that_another_job_makes_meanwhile_is_not_moved() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    two_platforms(&from, "app");
    let old = image(&to, "app", "v1", "old", "linux/amd64");
    for policy in ["fail", "skip"] {
        // As if it had not been there at first.
        to.fault(Fault::on("HEAD", "/manifests/v1").answer(404));
        let args = [from.reference("app:v1"), to.reference("app")];
        let outcome = copy(&workspace, &[&args[0], &args[1], "--if-exists", policy]);
        outcome.exit(5);
        assert!(outcome.stderr.contains("meanwhile"), "{}", outcome.snapshot());
        assert_eq!(to.tags("app"), [("v1".to_owned(), digest(&old).to_owned())]);
    }
}

#[test]
fn a_failure_of_the_source_is_told_as_the_sources() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    two_platforms(&from, "app");
    let args = [from.reference("app:v1"), to.reference("app")];
    for (status, code) in [(403, 3), (404, 4)] {
        from.clear_faults();
        from.fault(Fault::on("GET", "/blobs/").always().answer(status));
        to.clear_requests();
        let outcome = copy(&workspace, &[&args[0], &args[1], "--concurrency", "1"]);
        outcome.exit(code);
        assert!(outcome.stderr.contains(&from.host()), "{}", outcome.snapshot());
        assert!(!outcome.stderr.contains(&to.host()), "{}", outcome.snapshot());
        let puts = writes(&to).into_iter().filter(|line| line.starts_with("PUT "));
        assert!(puts.count() <= 1, "nothing is tried again in vain: {:?}", writes(&to));
    }
}

#[test]
fn an_immutable_tag_is_told_as_what_it_is() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    two_platforms(&from, "app");
    image(&to, "app", "v1", "old", "linux/amd64");
    let text = "The image tag 'v1' already exists and the repository is immutable";
    let body = json!({"errors": [{"code": "TAG_INVALID", "message": text}]}).to_string();
    let refusal = Reply::new(400).body("application/json", body);
    to.fault(Fault::on("PUT", "/manifests/v1").always().act(Action::Answer(refusal)));
    let args = [from.reference("app:v1"), to.reference("app")];
    let outcome = copy(&workspace, &[&args[0], &args[1]]);
    outcome.exit(5);
    assert!(outcome.stderr.contains("use a new tag"), "{}", outcome.snapshot());
    // What it refused is there by its digest; the tag has it already: no failure.
    let two = copy(&workspace, &[&args[0], &to.reference("app:v2")]);
    assert_eq!(artifact(&two)["state"], "copied");
}

#[test]
fn a_dry_run_writes_nothing_and_reads_no_blob() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let (whole, _) = two_platforms(&from, "app");
    let outcome = copy(
        &workspace,
        &[&from.reference("app:v1"), &to.reference("app"), "--dry-run"],
    );
    let result = artifact(&outcome);
    assert_eq!(
        (result["state"].as_str(), &result["digest"]),
        (Some("copied"), &whole["digest"])
    );
    assert_eq!(outcome.json()["dry-run"], true);
    assert!(writes(&from).is_empty() && writes(&to).is_empty());
    assert!(asks_for_blobs(&from).is_empty(), "{:?}", from.lines());
}

#[test]
fn a_blob_that_is_not_what_its_manifest_says_is_not_passed_on() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    two_platforms(&from, "app");
    let wrong = Digest::of(b"for arm64").to_string();
    from.lie_about_blob("app", &wrong, "for arm65");
    let outcome = copy(&workspace, &[&from.reference("app:v1"), &to.reference("app")]);
    outcome.exit(7);
    assert!(
        outcome.stderr.contains(&format!("{}@{wrong}", from.reference("app"))),
        "{}",
        outcome.snapshot()
    );
    assert!(to.tags("app").is_empty());
    assert!(!to.blobs("app").contains(&wrong));
}

#[test]
fn a_layer_that_lies_elsewhere_stays_there_unless_the_source_has_it() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let foreign = |text: &str| {
        json!({"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "size": text.len(),
            "digest": Digest::of(text.as_bytes()).to_string(), "urls": ["http://127.0.0.1:1/never-asked"]})
    };
    let config = blob(&from, "app", names::EMPTY, "{}");
    blob(&from, "app", "any", "here");
    let layers = [foreign("here"), foreign("elsewhere")];
    let manifest = json!({"mediaType": names::DOCKER_MANIFEST, "config": config, "layers": layers});
    let manifest = manifest_at(&from, "app", "v1", &manifest);
    let outcome = copy(&workspace, &[&from.reference("app:v1"), &to.reference("app")]);
    assert_eq!(artifact(&outcome)["digest"], manifest["digest"]);
    assert_eq!(to.blobs("app"), from.blobs("app"));
}
