//! `copy --recursive`: with all that refers to what is copied.

use oci_artifact::oci::names;
use serde_json::{Value, json};

use super::{artifact, asks_for_blobs, blob, copy, digest, manifest_at, two_platforms, writes};
use crate::support::faults::Fault;
use crate::support::registry::{Options, Registry};
use crate::support::runner::Workspace;

/// A referrer with one layer.
fn refer(registry: &Registry, subject: &Value, kind: &str, text: &str) -> Value {
    let config = blob(registry, "app", names::EMPTY, "{}");
    let layer = blob(registry, "app", "text/plain", text);
    let subject = json!({"mediaType": subject["mediaType"], "digest": subject["digest"], "size": subject["size"]});
    let manifest = json!({"mediaType": names::IMAGE_MANIFEST, "artifactType": kind, "config": config,
        "layers": [layer], "subject": subject});
    manifest_at(registry, "app", "", &manifest)
}

/// An index with an SBOM, a signature of that, and an SBOM of one of its manifests.
fn release(registry: &Registry) -> (Value, [Value; 3]) {
    let (whole, entries) = two_platforms(registry, "app");
    let sbom = refer(registry, &whole, "test/sbom", "sbom");
    let signature = refer(registry, &sbom, "test/signature", "signature");
    let inner = refer(registry, &entries[1], "test/sbom", "inner");
    (whole, [sbom, signature, inner])
}

#[test]
fn referrers_of_every_depth_come_along_before_the_tag() {
    let workspace = Workspace::new();
    for api in [true, false] {
        let from = Registry::start();
        let to = Registry::with(Options {
            referrers: api,
            ..Options::default()
        });
        let (whole, referrers) = release(&from);
        let args = [from.reference("app:v1"), to.reference("app")];
        let args = [args[0].as_str(), &args[1], "--recursive"];
        let result = artifact(&copy(&workspace, &args));
        assert_eq!(result["digest"], whole["digest"]);
        assert_eq!(result["attachments"][0]["digest"], referrers[0]["digest"]);
        assert_eq!(
            result["attachments"][0]["attachments"][0]["digest"],
            referrers[1]["digest"]
        );
        assert_eq!(
            result["manifests"][1]["attachments"][0]["digest"],
            referrers[2]["digest"]
        );
        for referrer in &referrers {
            assert_eq!(
                to.manifest("app", digest(referrer)),
                from.manifest("app", digest(referrer))
            );
        }
        assert_eq!(writes(&to).last().unwrap(), "PUT /v2/app/manifests/v1");
        // The tag schema's lists: one a subject.
        assert_eq!(to.tags("app").len(), if api { 1 } else { 4 }, "{:?}", to.tags("app"));

        to.clear_requests();
        from.clear_requests();
        let again = copy(&workspace, &args);
        assert_eq!(artifact(&again)["state"], "unchanged", "{}", again.snapshot());
        assert!(writes(&to).is_empty());
        assert!(asks_for_blobs(&from).is_empty() && asks_for_blobs(&to).is_empty());
    }
}

#[test]
fn without_the_flag_they_stay_where_they_are() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let (_, referrers) = release(&from);
    artifact(&copy(&workspace, &[&from.reference("app:v1"), &to.reference("app")]));
    for referrer in &referrers {
        assert!(to.manifest("app", digest(referrer)).is_none());
    }
    assert!(
        from.lines()
            .iter()
            .chain(&to.lines())
            .all(|line| !line.contains("/referrers/"))
    );
}

#[test]
fn a_referrer_that_is_new_or_was_lost_comes_over_later() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let (whole, referrers) = release(&from);
    let args = [from.reference("app:v1"), to.reference("app")];
    let args = [args[0].as_str(), &args[1], "--recursive"];
    artifact(&copy(&workspace, &args));
    let new = refer(&from, &whole, "test/scan", "scan");
    let client = workspace.run().args([
        "delete",
        &to.reference(&format!("app@{}", digest(&referrers[1]))),
        "--force",
    ]);
    client.call().success();
    assert!(to.manifest("app", digest(&referrers[1])).is_none());
    to.clear_requests();
    assert_eq!(artifact(&copy(&workspace, &args))["state"], "copied");
    for referrer in [&new, &referrers[1]] {
        assert_eq!(
            to.manifest("app", digest(referrer)),
            from.manifest("app", digest(referrer))
        );
    }
    let puts: Vec<String> = writes(&to)
        .into_iter()
        .filter(|line| line.contains("/manifests/"))
        .collect();
    assert_eq!(puts.len(), 2, "{puts:?}");
}

#[test]
fn a_referrer_is_copied_as_one_by_itself_too() {
    let workspace = Workspace::new();
    let from = Registry::start();
    let to = Registry::with(Options {
        referrers: false,
        ..Options::default()
    });
    let (whole, referrers) = release(&from);
    let source = from.reference(&format!("app@{}", digest(&referrers[0])));
    artifact(&copy(&workspace, &[&source, &to.reference("app:sbom")]));
    let list = digest(&whole).replace(':', "-");
    let (_, bytes) = to.manifest("app", &list).unwrap();
    let list: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(list["manifests"][0]["digest"], referrers[0]["digest"]);
    assert_eq!(list["manifests"][0]["artifactType"], "test/sbom");
    assert!(to.manifest("app", "sbom").is_some());
}

#[test]
fn referrers_live_in_layouts_and_archives_as_well() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let (_, referrers) = release(&from);
    let steps = [
        (from.reference("app:v1"), "oci-archive:a.tar".to_owned()),
        ("oci-archive:a.tar:v1".to_owned(), "oci:layout".to_owned()),
        ("oci:layout:v1".to_owned(), "oci-archive:b.tar".to_owned()),
        ("oci-archive:b.tar:v1".to_owned(), to.reference("app")),
    ];
    for (source, target) in &steps {
        artifact(&copy(&workspace, &[source, target, "--recursive"]));
        let again = copy(&workspace, &[source, target, "--recursive"]);
        assert_eq!(artifact(&again)["state"], "unchanged", "{target}: {}", again.snapshot());
    }
    for referrer in &referrers {
        assert_eq!(
            to.manifest("app", digest(referrer)),
            from.manifest("app", digest(referrer))
        );
    }
    let files = workspace.tree("");
    assert_eq!(
        files["a.tar"], files["b.tar"],
        "the same content gives the same archive"
    );
}

#[test]
fn a_dry_run_counts_referrers_and_writes_none() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let (_, referrers) = release(&from);
    let outcome = copy(
        &workspace,
        &[
            &from.reference("app:v1"),
            &to.reference("app"),
            "--recursive",
            "--dry-run",
        ],
    );
    assert_eq!(artifact(&outcome)["attachments"][0]["digest"], referrers[0]["digest"]);
    assert!(writes(&to).is_empty() && asks_for_blobs(&from).is_empty());
}

/// An answer of the referrers API with these entries. With a type each is taken at its word.
fn told(entries: &[&Value]) -> String {
    let typed = |entry: &&Value| {
        let mut entry = (*entry).clone();
        entry["artifactType"] = json!("test/sbom");
        entry
    };
    let entries: Vec<Value> = entries.iter().map(typed).collect();
    json!({"schemaVersion": 2, "mediaType": names::IMAGE_INDEX, "manifests": entries}).to_string()
}

/// Who may push a tag may write a list: nothing goes into another registry on its word.
#[test]
fn what_a_list_has_and_does_not_refer_to_it_is_not_copied() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let (whole, referrers) = release(&from);
    let lie = told(&[&referrers[0], &referrers[2]]);
    let fault = Fault::on("GET", &format!("/referrers/{}", digest(&whole)));
    let fault = fault.always().answer(200).header("content-type", names::IMAGE_INDEX);
    from.fault(fault.body(&lie));
    let args = [from.reference("app:v1"), to.reference("app")];
    let outcome = copy(&workspace, &[&args[0], &args[1], "--recursive"]);
    outcome.exit(7);
    assert!(outcome.stderr.contains("but its subject is"), "{}", outcome.snapshot());
    assert!(writes(&to).is_empty(), "{:?}", writes(&to));
}

/// Lists that have the same for each manifest make a tree that doubles with each level.
#[test]
fn lists_that_have_the_same_for_every_manifest_are_shown_once() {
    let (workspace, from, to) = (Workspace::new(), Registry::start(), Registry::start());
    let (whole, _) = two_platforms(&from, "app");
    let chain: Vec<Value> = (0..24)
        .map(|at| refer(&from, &whole, "test/sbom", &format!("{at}")))
        .collect();
    let args = [from.reference("app:v1"), to.reference("app")];
    let args = [args[0].as_str(), &args[1], "--recursive"];
    artifact(&copy(&workspace, &args));
    // All of it is there now, so nothing is fetched and only the lists speak.
    let fault = Fault::on("GET", "/referrers/").always().answer(200);
    let fault = fault.header("content-type", names::IMAGE_INDEX);
    let all: Vec<&Value> = chain.iter().collect();
    for registry in [&from, &to] {
        registry.fault(fault.clone().body(&told(&all)));
    }
    let outcome = copy(&workspace, &args);
    assert_eq!(artifact(&outcome)["state"], "unchanged");
    for referrer in &chain {
        assert_eq!(
            outcome
                .stdout
                .matches(&format!("\"digest\": \"{}\"", digest(referrer)))
                .count(),
            1
        );
    }
}

/// Lists under fallback tags outlive what they list: whoever deleted it knew nothing of them.
#[test]
fn a_listed_referrer_that_is_gone_is_told_and_left_out() {
    let workspace = Workspace::new();
    let from = Registry::with(Options {
        referrers: false,
        ..Options::default()
    });
    let to = Registry::start();
    let (whole, _) = two_platforms(&from, "app");
    let gone = format!("sha256:{}", "0".repeat(64));
    let entry = json!({"mediaType": names::IMAGE_MANIFEST, "digest": gone, "size": 2, "artifactType": "test/sbom"});
    let list = json!({"schemaVersion": 2, "mediaType": names::IMAGE_INDEX, "manifests": [entry]});
    let tag = digest(&whole).replace(':', "-");
    from.seed_manifest("app", &tag, names::IMAGE_INDEX, list.to_string());
    let (source, target) = (from.reference("app:v1"), to.reference("app"));
    let outcome = copy(&workspace, &[source.as_str(), &target, "--recursive"]);
    let result = artifact(&outcome);
    assert_eq!(result["digest"], whole["digest"]);
    assert!(result["attachments"].as_array().is_none_or(Vec::is_empty), "{result}");
    assert!(outcome.stderr.contains("it is left out"), "{}", outcome.snapshot());
}
