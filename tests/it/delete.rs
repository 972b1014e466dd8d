//! delete: with what refers to it, what would miss it, and where a registry can't.

use serde_json::{Value, json};

use crate::support::attach::attach;
use crate::support::faults::Fault;
use crate::support::peers::{Access, Peer, program};
use crate::support::registry::{Options, Registry};
use crate::support::runner::{Outcome, Workspace};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn without_api() -> Registry {
    Registry::with(Options {
        referrers: false,
        ..Options::default()
    })
}

fn push(workspace: &Workspace, reference: &str) -> String {
    workspace.write("a.txt", reference);
    let run = workspace.run().args(["push", reference, "a.txt", "--format", "json"]);
    let json = run.call().success().json();
    let artifacts = json["artifacts"].as_object().unwrap();
    artifacts.values().next().unwrap()["digest"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn delete(workspace: &Workspace, registry: &Registry, args: &[&str]) -> Outcome {
    let run = workspace.run().arg("delete").args(args.to_vec());
    run.placeholder(registry.host(), "HOST").call()
}

fn names(registry: &Registry) -> Vec<String> {
    registry.tags("a").into_iter().map(|(tag, _)| tag).collect()
}

/// An index with this tag over manifests that are there.
fn index(registry: &Registry, tag: &str, digests: &[&str]) -> String {
    let entries: Vec<Value> = digests
        .iter()
        .map(|digest| {
            let (media_type, bytes) = registry.manifest("a", digest).unwrap();
            json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
        })
        .collect();
    let text = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).to_string();
    registry.seed_manifest("a", tag, INDEX, text).to_string()
}

#[test]
fn recursive_takes_all_that_refers_to_it_the_deepest_first() {
    for registry in [Registry::start(), without_api()] {
        let (workspace, reference) = (Workspace::new(), registry.reference("a:v1"));
        let subject = push(&workspace, &reference);
        let other = push(&workspace, &registry.reference("a:other"));
        let at = |digest: &str| format!("{}@{digest}", registry.reference("a"));
        let sbom = attach(&reference, "test/sbom", "1");
        let signature = attach(&at(&sbom), "test/signature", "2");
        let second = attach(&reference, "test/signature", "3");
        let kept = attach(&at(&other), "test/sbom", "4");
        let before = names(&registry);

        let dry = delete(
            &workspace,
            &registry,
            &[&reference, "--recursive", "--dry-run", "--format", "json"],
        );
        let dry = dry.success().json()["artifacts"].clone();
        assert_eq!(names(&registry), before);
        registry.clear_requests();
        let json = delete(&workspace, &registry, &[&reference, "--recursive", "--format", "json"]);
        let artifacts = json.success().json()["artifacts"].clone();
        assert_eq!(artifacts, dry);
        let result = &artifacts["a"];
        assert_eq!(
            (&result["state"], &result["digest"]),
            (&json!("deleted"), &json!(subject))
        );
        let mut told: Vec<[&str; 2]> = result["attachments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|found| ["digest", "artifact-type"].map(|key| found[key].as_str().unwrap()))
            .collect();
        told.sort_by_key(|found| found[1]);
        assert_eq!(
            told,
            [[sbom.as_str(), "test/sbom"], [second.as_str(), "test/signature"]]
        );
        let below = result["attachments"].as_array().unwrap().iter();
        let below: Vec<&Value> = below.filter(|found| found["digest"] == *sbom).collect();
        assert_eq!(below[0]["attachments"][0]["digest"], signature);

        for gone in [&subject, &sbom, &signature, &second] {
            assert_eq!(registry.manifest("a", gone), None);
        }
        assert!(registry.manifest("a", &kept).is_some());
        // Nothing of the lists is left but the other's.
        let left: Vec<String> = names(&registry)
            .into_iter()
            .filter(|tag| tag.starts_with("sha256-"))
            .collect();
        let other = format!("sha256-{}", other.strip_prefix("sha256:").unwrap());
        assert_eq!(left, if before.len() > 2 { vec![other] } else { vec![] });
        let deleted: Vec<String> = registry
            .lines()
            .into_iter()
            .filter(|line| line.starts_with("DELETE"))
            .collect();
        let place = |digest: &str| deleted.iter().position(|line| line.ends_with(digest)).unwrap();
        assert!(place(&signature) < place(&sbom) && place(&sbom) < place(&subject));
        assert!(place(&second) < place(&subject));
    }
}

#[test]
fn what_stays_behind_is_told() {
    let registry = Registry::start();
    let (workspace, reference) = (Workspace::new(), registry.reference("a:v1"));
    push(&workspace, &reference);
    let referrer = attach(&reference, "test/sbom", "1");
    attach(&reference, "test/sbom", "2");
    let outcome = delete(&workspace, &registry, &[&reference]);
    let told = "notice: [HOST]/a:v1: 2 manifests that refer to it stay behind; `--recursive` deletes those, too\n";
    assert_eq!(outcome.success().stderr(), told);
    assert!(registry.manifest("a", &referrer).is_some());
}

#[test]
fn a_referrer_is_taken_off_the_list() {
    let registry = without_api();
    let (workspace, reference) = (Workspace::new(), registry.reference("a:v1"));
    let subject = push(&workspace, &reference);
    let list = format!("sha256-{}", subject.strip_prefix("sha256:").unwrap());
    let (one, two) = (
        attach(&reference, "test/sbom", "1"),
        attach(&reference, "test/sbom", "2"),
    );
    let at = |digest: &str| format!("{}@{digest}", registry.reference("a"));
    let json = delete(&workspace, &registry, &[&at(&one), "--format", "json"]);
    assert_eq!(json.success().json()["artifacts"]["a"]["subject"], subject);
    let (_, left) = registry.manifest("a", &list).unwrap();
    let left: Value = serde_json::from_slice(&left).unwrap();
    assert_eq!(left["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(left["manifests"][0]["digest"], two);
    delete(&workspace, &registry, &[&at(&two)]).success();
    assert_eq!(names(&registry), ["v1"]);
}

#[test]
fn what_an_index_lists_stays_unless_forced() {
    let registry = Registry::start();
    let (workspace, reference) = (Workspace::new(), registry.reference("a:v1"));
    let listed = push(&workspace, &reference);
    let referrer = attach(&reference, "test/sbom", "1");
    let inner = index(&registry, "", &[&listed]);
    index(&registry, "release", &[&inner]);
    let by_referrer = index(&registry, "signed", &[&referrer]);
    registry.clear_requests();
    let refused = delete(&workspace, &registry, &[&reference]);
    insta::assert_snapshot!(refused.exit(5).stderr(), @"
    error: [HOST]/a:v1: it is listed by the index tagged release, which would be broken
      hint: take it off that index (`index --remove`), or delete the index first; `--force` deletes it all the same
    ");
    // Only what its tag's HEAD calls an index is fetched.
    let fetched = registry
        .lines()
        .iter()
        .filter(|line| line.starts_with("GET /v2/a/manifests/"))
        .count();
    assert_eq!(fetched, 4, "{:?}", registry.lines());
    let both = delete(&workspace, &registry, &[&reference, "--recursive"]);
    both.exit(5);
    assert!(both.stderr.contains("release, signed"), "{}", both.snapshot());
    assert!(registry.manifest("a", &listed).is_some());
    assert!(registry.manifest("a", &referrer).is_some());

    // The index itself can go, and then what it listed.
    delete(&workspace, &registry, &[&registry.reference("a:release")]).success();
    delete(&workspace, &registry, &[&reference]).success();
    let forced = format!("{}@{referrer}", registry.reference("a"));
    delete(&workspace, &registry, &[&forced]).exit(5);
    delete(&workspace, &registry, &[&forced, "--force"]).success();
    assert!(registry.manifest("a", &by_referrer).is_some());
}

#[test]
fn circles_and_lists_without_end_are_bounded() {
    let registry = Registry::start();
    let (workspace, reference) = (Workspace::new(), registry.reference("a:v1"));
    let subject = push(&workspace, &reference);
    // It can't be made by digests, but told by a server.
    let circle = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": INDEX, "digest": subject, "size": 1, "artifactType": "a/b"},
        {"mediaType": INDEX, "digest": format!("sha256:{}", "a".repeat(64)), "size": 1, "artifactType": "a/b"},
    ]});
    let told = Fault::on("GET", "/referrers/")
        .always()
        .answer(200)
        .header("content-type", INDEX);
    registry.fault(told.body(&circle.to_string()));
    delete(&workspace, &registry, &[&reference, "--recursive"]).success();
    assert_eq!(registry.manifest("a", &subject), None);
}

/// Who may write to a list could else have anything deleted by him who may delete.
#[test]
fn what_a_list_has_and_does_not_refer_to_it_is_not_deleted() {
    for registry in [Registry::start(), without_api()] {
        let (workspace, reference) = (Workspace::new(), registry.reference("a:v1"));
        let subject = push(&workspace, &reference);
        let sbom = attach(&reference, "test/sbom", "1");
        let signature = attach(&format!("{}@{sbom}", registry.reference("a")), "test/signature", "2");
        let other = push(&workspace, &registry.reference("a:other"));
        let entry = |digest: &str| {
            let (kind, bytes) = registry.manifest("a", digest).unwrap();
            json!({"mediaType": kind, "digest": digest, "size": bytes.len(), "artifactType": "test/sbom"})
        };
        let lie = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry(&signature), entry(&other)]});
        let told = match registry.tags("a").iter().any(|(tag, _)| tag.starts_with("sha256-")) {
            true => {
                let list = format!("sha256-{}", sbom.strip_prefix("sha256:").unwrap());
                registry.seed_manifest("a", &list, INDEX, lie.to_string());
                None
            }
            false => Some(Fault::on("GET", &format!("/referrers/{sbom}")).always().answer(200)),
        };
        if let Some(told) = told {
            registry.fault(told.header("content-type", INDEX).body(&lie.to_string()));
        }
        let refused = delete(&workspace, &registry, &[&reference, "--recursive", "--force"]);
        refused.exit(7);
        assert!(refused.stderr.contains(&other), "{}", refused.snapshot());
        for kept in [&subject, &sbom, &signature, &other] {
            assert!(registry.manifest("a", kept).is_some());
        }
    }
}

#[test]
fn where_nothing_can_be_deleted_nothing_is_and_the_way_is_named() {
    let registry = Registry::start();
    let (workspace, reference) = (Workspace::new(), registry.reference("a:v1"));
    push(&workspace, &reference);
    let referrer = attach(&reference, "test/sbom", "1");
    registry.fault(Fault::on("DELETE", "/manifests/").always().answer(405));
    let outcome = delete(&workspace, &registry, &[&reference, "--recursive"]);
    let told = outcome.exit(5).stderr();
    assert!(told.contains(&referrer) && told.contains("DELETE_ENABLED"), "{told}");
    assert_eq!(names(&registry), ["v1"]);
}

/// Layouts, and the registries of others; ORAS sees no referrer afterwards.
#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn deletions_of_ours_are_true_for_others() {
    let (olareg, distribution) = (Peer::olareg(Access::default()), Peer::distribution(Access::default()));
    let workspace = Workspace::new();
    for place in [
        format!("oci:{}", workspace.path().join("layout")),
        format!("{}/a", olareg.host()),
        format!("{}/a", distribution.host()),
    ] {
        let reference = format!("{place}:v1");
        push(&workspace, &reference);
        let sbom = attach(&reference, "test/sbom", "1");
        attach(&format!("{place}@{sbom}"), "test/signature", "2");
        attach(&reference, "test/other", "3");
        let discover = || {
            let run = workspace.run().program(program("oras")).arg("discover");
            let run = match reference.strip_prefix("oci:") {
                Some(layout) => run.args(["--oci-layout", layout]),
                None => run.args(["--plain-http", &reference]),
            };
            run.args(["--format", "json"]).call().success().json()["referrers"].clone()
        };
        assert_eq!(discover().as_array().unwrap().len(), 2, "{place}");
        let run = |args: &[&str]| workspace.run().args(args.to_vec()).call();
        run(&["delete", &format!("{place}@{sbom}"), "--recursive"]).success();
        let left = discover();
        assert_eq!(left.as_array().unwrap().len(), 1, "{place}");
        assert_eq!(left[0]["artifactType"], "test/other");
        run(&["delete", &reference, "--recursive"]).success();
        run(&["inspect", &reference]).exit(4);
        if let Some(layout) = place.strip_prefix("oci:") {
            let index = fs_err::read_to_string(format!("{layout}/index.json")).unwrap();
            assert!(index.contains("\"manifests\":[]"), "{index}");
        }
    }
}

/// A tag of its own says that somebody else needs it.
#[test]
fn a_tagged_referrer_stays_unless_forced() {
    let registry = Registry::start();
    let (workspace, reference) = (Workspace::new(), registry.reference("a:v1"));
    push(&workspace, &reference);
    let sbom = attach(&reference, "test/sbom", "1");
    let at = format!("{}@{sbom}", registry.reference("a"));
    workspace.run().args(["tag", &at, "sbom"]).call().success();
    let refused = delete(&workspace, &registry, &[&reference, "--recursive"]);
    refused.exit(5);
    assert!(
        refused.stderr.contains("what refers to it is tagged sbom"),
        "{}",
        refused.snapshot()
    );
    assert_eq!(names(&registry), ["sbom", "v1"]);
    delete(&workspace, &registry, &[&reference, "--recursive", "--force"]).success();
    assert!(names(&registry).is_empty());
}
