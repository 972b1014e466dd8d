//! `discover` as a user sees it, over layouts, registries with and without the referrers API, and lists that lie.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::graph::{Graph, IMAGE, digest};
use crate::support::peers::{Access, Peer, program};
use crate::support::registry::{Options, Registry};
use crate::support::runner::{Outcome, Workspace};

fn discover(workspace: &Workspace, arguments: &[&str]) -> Outcome {
    workspace.run().arg("discover").args(arguments.iter().copied()).call()
}

/// A release in a layout.
fn release() -> (Workspace, [Value; 3]) {
    let (workspace, (graph, descriptors)) = (Workspace::new(), Graph::release());
    graph.layout(&workspace, "layout");
    (workspace, descriptors)
}

#[test]
fn an_index_shows_what_it_lists_and_what_refers_to_each() {
    let (workspace, _) = release();
    let outcome = discover(&workspace, &["oci:layout:v1"]);
    outcome.success();
    insta::assert_snapshot!(outcome.stdout(), @"
    oci:[WORK]/layout@sha256:6c875295d6267e9a96f3f00a238827258b53b816eb9ad1c7eea9151189e3269a
    ├── manifest linux/amd64
    │   └── sha256:20d3bbdadc0370e12af641ce94ddb965b2a07e82b3b414bd6e14a51c29610a90
    │       └── test/sbom
    │           └── sha256:db866fe8589a513f2e51a9b0366e25a999dda79597b6928e4aaf90d03eda3d46
    │               └── test/signature
    │                   └── sha256:b4ed2d103dd56b73a50e367e4ca813b2857c2179c7ad09f1083bc68c6d1a1edf
    ├── manifest linux/arm64
    │   └── sha256:173c612adb8237ee4f47d00f4a82c90cd1daac1e011f2a4cffcd5d0ae92d90e3
    │       └── test/sbom
    │           └── sha256:b061265a17b255f40c47202afd9f5fc2a6637a82d1717235a904aea9a39acaec
    │               └── test/signature
    │                   └── sha256:d8b9cc78be5fce3751533b57d81d3f212aafe8fe72ddd3043b78c6f41523dea6
    └── test/signature
        └── sha256:a0637bc61b25919e1bcab76437a23986ca454c79490963104a7248ad364e2915
    ");
}

#[test]
fn a_platform_is_where_the_tree_starts() {
    let (workspace, [index, _, arm64]) = release();
    let outcome = discover(&workspace, &["oci:layout:v1", "--platform", "linux/arm64"]);
    outcome.success();
    insta::assert_snapshot!(outcome.stdout(), @"
    oci:[WORK]/layout@sha256:173c612adb8237ee4f47d00f4a82c90cd1daac1e011f2a4cffcd5d0ae92d90e3
    └── test/sbom
        └── sha256:b061265a17b255f40c47202afd9f5fc2a6637a82d1717235a904aea9a39acaec
            └── test/signature
                └── sha256:d8b9cc78be5fce3751533b57d81d3f212aafe8fe72ddd3043b78c6f41523dea6
    ");
    let json = discover(
        &workspace,
        &["oci:layout:v1", "--platform", "linux/arm64", "--format", "json"],
    )
    .json();
    let found = &json["artifacts"]["layout"];
    assert_eq!(found["state"], "found");
    assert_eq!(found["digest"], arm64["digest"]);
    assert_eq!(found["index"], index["digest"]);
    assert_eq!(found["platform"], "linux/arm64");
    assert_eq!(found["attachments"][0]["artifact-type"], "test/sbom");
    assert_eq!(
        found["attachments"][0]["attachments"][0]["artifact-type"],
        "test/signature"
    );
}

/// ORAS hides a signature on an SBOM from one who asks for signatures.
#[test]
fn a_type_is_found_at_every_level_with_what_leads_to_it() {
    let (workspace, [_, amd64, _]) = release();
    let reference = format!("oci:layout@{}", digest(&amd64));
    let outcome = discover(&workspace, &[&reference, "--artifact-type", "test/signature"]);
    outcome.success();
    insta::assert_snapshot!(outcome.stdout(), @"
    oci:[WORK]/layout@sha256:20d3bbdadc0370e12af641ce94ddb965b2a07e82b3b414bd6e14a51c29610a90
    └── test/sbom
        └── sha256:db866fe8589a513f2e51a9b0366e25a999dda79597b6928e4aaf90d03eda3d46
            └── test/signature
                └── sha256:b4ed2d103dd56b73a50e367e4ca813b2857c2179c7ad09f1083bc68c6d1a1edf
    ");
    let outcome = discover(&workspace, &[&reference, "--artifact-type", "test/sbom"]);
    assert!(!outcome.success().stdout.contains("test/signature"));
    let outcome = discover(&workspace, &[&reference, "--depth", "1"]);
    assert!(!outcome.success().stdout.contains("test/signature"));
}

#[test]
fn where_nothing_refers_to_it_a_sentence_says_so() {
    let (workspace, mut graph) = (Workspace::new(), Graph::default());
    let app = graph.artifact("test/app", None, &[("app", "bytes")]);
    graph.tag("v1", &app);
    let index = graph.index(None, &[app]);
    graph.tag("index", &index);
    graph.layout(&workspace, "layout");
    for (arguments, text) in [
        (&["oci:layout:v1"][..], "nothing refers to oci:[WORK]/layout@sha256:"),
        (
            &["oci:layout:v1", "--artifact-type", "a/b"],
            "nothing of the type a/b refers to oci:[WORK]",
        ),
        (
            &["oci:layout:index", "--artifact-type", "a/b"],
            "nothing of the type a/b refers to oci:[WORK]",
        ),
        (&["oci:layout:index"], "\nnothing refers to it, nor to what it lists\n"),
    ] {
        let outcome = discover(&workspace, arguments);
        assert!(outcome.success().stdout().contains(text), "{}", outcome.snapshot());
    }
    discover(&workspace, &["oci:layout:none"]).exit(4);
}

#[test]
fn every_kind_of_store_gives_the_same_tree() {
    let (workspace, (mut graph, _)) = (Workspace::new(), Graph::release());
    graph.layout(&workspace, "app");
    let (api, pages) = (
        Registry::start(),
        Registry::with(Options {
            page: 1,
            ..Options::default()
        }),
    );
    graph.registry(&api, "team/app");
    graph.registry(&pages, "team/app");
    lists(&mut graph);
    let fallback = Registry::with(Options {
        referrers: false,
        ..Options::default()
    });
    graph.registry(&fallback, "team/app");
    let tree = |reference: &str| {
        let outcome = discover(&workspace, &[reference]);
        let text = outcome.success().stdout();
        text.split_once('\n').unwrap().1.to_owned()
    };
    let wanted = tree("oci:app:v1");
    for registry in [&api, &pages, &fallback] {
        assert_eq!(tree(&registry.reference("team/app:v1")), wanted);
        // Type and annotations are in the lists: no referrer is fetched.
        let fetched = registry
            .lines()
            .into_iter()
            .filter(|line| line.contains("/manifests/sha256:"))
            .count();
        assert_eq!(fetched, 0, "{:?}", registry.lines());
    }
}

/// Writes the lists that a client writes where there is no API.
fn lists(graph: &mut Graph) {
    for (subject, entries) in graph.referrers() {
        graph.list(&json!({"digest": subject}), &entries);
    }
}

#[test]
fn lists_that_go_in_a_circle_are_shown_once() {
    let (workspace, mut graph) = (Workspace::new(), Graph::default());
    let app = graph.artifact("test/app", None, &[("app", "bytes")]);
    let other = graph.artifact("test/other", None, &[("other", "bytes")]);
    graph.tag("v1", &app);
    graph.list(&app, std::slice::from_ref(&other));
    graph.list(&other, std::slice::from_ref(&app));
    let registry = Registry::with(Options {
        referrers: false,
        ..Options::default()
    });
    graph.registry(&registry, "a");
    let outcome = discover(&workspace, &[&registry.reference("a:v1"), "--format", "json"]);
    let first = &outcome.success().json()["artifacts"]["a"]["attachments"][0];
    assert_eq!(first["digest"], other["digest"]);
    let second = &first["attachments"][0];
    assert_eq!(second["digest"], app["digest"]);
    assert_eq!(second["attachments"], Value::Null);
}

#[test]
fn what_a_registry_says_of_types_and_times_is_text() {
    let (workspace, mut graph) = (Workspace::new(), Graph::default());
    let app = graph.artifact("test/app", None, &[("app", "bytes")]);
    graph.tag("v1", &app);
    for kind in [
        "x/y\n└── sha256:forged",
        "x/\u{1b}[31mred",
        "\n::set-output name=a::b",
        "##[error]x",
        &"x".repeat(300),
    ] {
        graph.artifact(kind, Some(&app), &[]);
    }
    let config = graph.blob("application/vnd.oci.empty.v1+json", b"{}");
    graph.manifest(&json!({
        "schemaVersion": 2, "mediaType": IMAGE, "artifactType": "x/created", "config": config, "layers": [],
        "subject": app, "annotations": {"org.opencontainers.image.created": "2024\n::error::forged"},
    }));
    graph.layout(&workspace, "layout");
    let outcome = discover(&workspace, &["oci:layout:v1"]);
    outcome.success();
    insta::assert_snapshot!(outcome.stdout(), @r"
    oci:[WORK]/layout@sha256:e502f90d99debf99161608b3233afb82a40cdbeb68384539f0b9a90155cf7d70
    ├── \u{a}::set-output name=a::b
    │   └── sha256:2137c4174cdce686defc222ca31763b5797563a7e9d5be8c4e3ab56c609cae00
    ├── ##[error]x
    │   └── sha256:19befbb726950864a8f44247aabe8d1a3015b6e9f74c4d4d047caf0eef6c4963
    ├── x/\u{1b}[31mred
    │   └── sha256:8021396ab30fbde2ca04d75e3ca2f39191443d3c849c0fe6de0c2b6c7570a864
    ├── x/created
    │   └── sha256:8aec8f3a9c545237cd608d53aa89ef7445ad6261e84cac116b935d3b5e966aa8  2024\u{a}::error::forged
    ├── x/y\u{a}└── sha256:forged
    │   └── sha256:8fb05069d58b44bbe433887a651c1c5a4b0833441a7fe5d34ea5ae144c97cd99
    └── xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
        └── sha256:fb16a70baa84dc720a55a94fe18521453aa8ac6d9bffb0ae4f367e39c205459b
    ");
    let github = workspace
        .run()
        .args(["discover", "oci:layout:v1"])
        .env("GITHUB_ACTIONS", "true")
        .call();
    let commands = github
        .success()
        .stdout
        .lines()
        .filter(|line| line.trim_start().starts_with("::"))
        .count();
    assert_eq!(commands, 0, "{}", github.snapshot());
    assert!(!github.stdout.contains("##["), "{}", github.snapshot());
    let json = discover(&workspace, &["oci:layout:v1", "--format", "json"]).json();
    assert_eq!(json["artifacts"]["layout"]["attachments"].as_array().unwrap().len(), 6);
}

/// Every digest of the tree that ORAS shows.
fn of_oras(node: &Value, found: &mut BTreeSet<(String, String)>) {
    for referrer in node["referrers"].as_array().into_iter().flatten() {
        let text = |key: &str| referrer[key].as_str().unwrap().to_owned();
        found.insert((text("digest"), text("artifactType")));
        of_oras(referrer, found);
    }
}

/// The same of ours.
fn of_ours(node: &Value, found: &mut BTreeSet<(String, String)>) {
    for referrer in node["attachments"].as_array().into_iter().flatten() {
        let text = |key: &str| referrer[key].as_str().unwrap().to_owned();
        found.insert((text("digest"), text("artifact-type")));
        of_ours(referrer, found);
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn oras_and_ours_list_the_same() {
    for peer in [Peer::olareg(Access::default()), Peer::distribution(Access::default())] {
        let workspace = Workspace::new();
        let oras = |arguments: &[&str]| {
            let run = workspace.run().program(program("oras")).args(arguments.iter().copied());
            let outcome = run.arg("--plain-http").call();
            outcome.success();
            outcome
        };
        for name in ["app", "sbom.json", "sbom.sig"] {
            workspace.write(name, name);
        }
        let reference = format!("{}/team/app", peer.host());
        let tagged = format!("{reference}:v1");
        oras(&["push", &tagged, "app"]);
        let attach = |subject: &str, kind: &str, file: &str| {
            let outcome = oras(&["attach", "--format", "json", "--artifact-type", kind, subject, file]);
            outcome.json()["digest"].as_str().unwrap().to_owned()
        };
        let sbom = attach(&tagged, "test/sbom", "sbom.json");
        attach(&format!("{reference}@{sbom}"), "test/signature", "sbom.sig");
        attach(&tagged, "test/signature", "sbom.sig");

        let (mut theirs, mut ours) = (BTreeSet::new(), BTreeSet::new());
        of_oras(&oras(&["discover", "--format", "json", &tagged]).json(), &mut theirs);
        let outcome = discover(&workspace, &[&tagged, "--format", "json"]);
        of_ours(&outcome.success().json()["artifacts"]["app"], &mut ours);
        assert_eq!(ours.len(), 3);
        assert_eq!(ours, theirs);

        let include = [
            "--include-referrers",
            "test/sbom\ntest/signature",
            "--files",
            "app",
            "-o",
            "out",
        ];
        let outcome = workspace.run().args(["pull", &tagged]).args(include).call();
        // Both signatures have one title and one content.
        outcome.success();
        assert_eq!(
            workspace.tree("out").into_keys().collect::<Vec<_>>(),
            ["app", "sbom.json", "sbom.sig"]
        );
    }
}
