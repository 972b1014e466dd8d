//! `pull` through an index by platform, and of referrers along with the artifact; `inspect` through an index.

use serde_json::{Value, json};

use crate::support::graph::{Graph, IMAGE, digest, on};
use crate::support::registry::{Options, Registry};
use crate::support::runner::{Outcome, Workspace};

/// A release in a layout.
fn release() -> (Workspace, [Value; 3]) {
    let (workspace, (graph, descriptors)) = (Workspace::new(), Graph::release());
    graph.layout(&workspace, "layout");
    (workspace, descriptors)
}

/// An artifact `v1` with a file `app`, to which `add` adds, in a layout.
fn artifact(add: impl FnOnce(&mut Graph, &Value)) -> Workspace {
    let (workspace, mut graph) = (Workspace::new(), Graph::default());
    let app = graph.artifact("test/app", None, &[("app", "bytes")]);
    graph.tag("v1", &app);
    add(&mut graph, &app);
    graph.layout(&workspace, "layout");
    workspace
}

/// Pulls `oci:layout:v1` into `out`.
fn pull(workspace: &Workspace, arguments: &[&str]) -> Outcome {
    let pull = workspace.run().args(["pull", "oci:layout:v1", "-o", "out"]);
    pull.args(arguments.iter().copied()).call()
}

/// The names in `out`; none if it isn't there.
fn written(workspace: &Workspace) -> Vec<String> {
    if !workspace.exists("out") {
        return Vec::new();
    }
    workspace.tree("out").into_keys().collect()
}

#[test]
fn an_artifact_and_its_sbom_come_in_one_step() {
    let (workspace, [index, amd64, _]) = release();
    let arguments = ["--platform", "linux/amd64", "--include-referrers", "test/sbom"];
    let outcome = pull(&workspace, &arguments);
    outcome.success();
    insta::assert_snapshot!(outcome.stdout(), @"
    layout: pulled (1 file, 5 B) to [WORK]/out
      oci:[WORK]/layout@sha256:20d3bbdadc0370e12af641ce94ddb965b2a07e82b3b414bd6e14a51c29610a90
      tags: v1
      [WORK]/out/app
      test/sbom sha256:db866fe8589a513f2e51a9b0366e25a999dda79597b6928e4aaf90d03eda3d46
        [WORK]/out/sbom.json
    ");
    assert_eq!(written(&workspace), ["app", "sbom.json"]);
    assert_eq!(workspace.read("out/sbom.json"), "amd64");
    let again = pull(&workspace, &[&arguments[..], &["--format", "json"]].concat()).json();
    let result = &again["artifacts"]["layout"];
    assert_eq!(result["state"], "unchanged");
    assert_eq!(result["digest"], amd64["digest"]);
    assert_eq!(result["index"], index["digest"]);
    assert_eq!(result["platform"], "linux/amd64");
    assert_eq!(result["layers"].as_array().unwrap().len(), 1);
    let sbom = &result["attachments"][0];
    assert_eq!(sbom["artifact-type"], "test/sbom");
    assert_eq!(sbom["layers"][0]["title"], "sbom.json");
    let path = workspace.path().join("out/sbom.json");
    assert_eq!(sbom["layers"][0]["path"], path.as_str());
}

#[test]
fn types_are_looked_for_at_every_level_and_on_the_index() {
    let (workspace, _) = release();
    let signatures = ["--platform", "linux/arm64", "--include-referrers", "test/signature"];
    pull(&workspace, &signatures).success();
    assert_eq!(written(&workspace), ["app", "index.sig", "sbom.json.sig"]);
    assert_eq!(workspace.read("out/sbom.json.sig"), "signature of arm64's sbom");
    let (workspace, _) = release();
    let all = [
        "--platform",
        "linux/arm64",
        "--include-referrers",
        "*",
        "--files",
        "app",
    ];
    pull(&workspace, &all).success();
    assert_eq!(written(&workspace), ["app", "index.sig", "sbom.json", "sbom.json.sig"]);
}

#[test]
fn a_spec_pulls_referrers_too() {
    let (workspace, _) = release();
    workspace.write(
        "oci-artifact.yaml",
        "artifacts:\n- reference: oci:layout:v1\n  output: out\n  files: [app]\n",
    );
    let arguments = ["pull", "--platform", "linux/amd64", "--include-referrers", "test/sbom"];
    workspace.run().args(arguments).call().success();
    assert_eq!(written(&workspace), ["app", "sbom.json"]);
}

#[test]
fn a_dry_run_lists_what_would_be_written() {
    let (workspace, _) = release();
    let arguments = [
        "--platform",
        "linux/amd64",
        "--include-referrers",
        "test/sbom",
        "--dry-run",
    ];
    let outcome = pull(&workspace, &arguments);
    outcome.success();
    insta::assert_snapshot!(outcome.stdout(), @"
    layout: would be pulled (1 file, 5 B) to [WORK]/out
      oci:[WORK]/layout@sha256:20d3bbdadc0370e12af641ce94ddb965b2a07e82b3b414bd6e14a51c29610a90
      tags: v1
      [WORK]/out/app
      test/sbom sha256:db866fe8589a513f2e51a9b0366e25a999dda79597b6928e4aaf90d03eda3d46
        [WORK]/out/sbom.json
    ");
    assert!(!workspace.exists("out"));
}

#[test]
fn an_index_without_a_platform_says_what_it_lists() {
    let (workspace, _) = release();
    let outcome = pull(&workspace, &[]);
    outcome.exit(2);
    insta::assert_snapshot!(outcome.stderr(), @"
    pulling 1 artifact
    error: oci:[WORK]/layout:v1 is an index of 2 manifests, and no platform was given
      hint: set `platform`, or name a manifest by its digest; it lists linux/amd64 (sha256:20d3bbdadc0370e12af641ce94ddb965b2a07e82b3b414bd6e14a51c29610a90), linux/arm64 (sha256:173c612adb8237ee4f47d00f4a82c90cd1daac1e011f2a4cffcd5d0ae92d90e3)
    ");
    let outcome = pull(&workspace, &["--platform", "windows/amd64"]);
    outcome.exit(4);
    insta::assert_snapshot!(outcome.stderr(), @"
    pulling 1 artifact
    error: oci:[WORK]/layout:v1: the index lists no manifest for the platform windows/amd64
      hint: its platforms are linux/amd64, linux/arm64
    ");
    assert_eq!(written(&workspace), [""; 0]);
}

#[test]
fn an_index_in_an_index_is_followed_within_bounds() {
    let (workspace, mut graph) = (Workspace::new(), Graph::default());
    let app = graph.artifact("test/app", None, &[("app", "bytes")]);
    let mut nested = graph.index(None, &[on("linux/amd64", &app)]);
    nested = graph.index(None, &[nested]);
    let outer = graph.index(None, &[on("linux/arm64", &app), nested.clone()]);
    graph.tag("v1", &outer);
    for _ in 0..40 {
        nested = graph.index(None, &[nested]);
    }
    graph.tag("deep", &nested);
    graph.layout(&workspace, "layout");
    pull(&workspace, &["--platform", "linux/amd64"]).success();
    assert_eq!(written(&workspace), ["app"]);
    pull(&workspace, &["--platform", "linux/s390x"]).exit(4);
    let arguments = ["pull", "oci:layout:deep", "--platform", "linux/amd64"];
    let deep = workspace.run().args(arguments).call();
    deep.exit(7);
    assert!(deep.stderr.contains("indexes in indexes"), "{}", deep.snapshot());
}

#[test]
fn a_manifest_that_is_no_index_needs_no_platform() {
    let workspace = artifact(|_, _| ());
    pull(&workspace, &["--platform", "linux/amd64"]).success();
    assert_eq!(written(&workspace), ["app"]);
}

#[test]
fn a_listed_manifest_that_is_gone_is_not_found() {
    let (workspace, (mut graph, [_, amd64, _])) = (Workspace::new(), Graph::release());
    graph.lose(&amd64);
    graph.layout(&workspace, "layout");
    let outcome = pull(&workspace, &["--platform", "linux/amd64"]);
    outcome.exit(4);
    assert!(outcome.stderr.contains("it was deleted"), "{}", outcome.snapshot());
}

#[test]
fn two_files_of_one_path_are_an_error_before_anything_is_written() {
    for title in ["app", "App", "app/below"] {
        let workspace = artifact(|graph, app| {
            graph.artifact("test/sbom", Some(app), &[(title, "other")]);
        });
        let outcome = pull(&workspace, &["--include-referrers", "*"]);
        outcome.exit(2);
        assert_eq!(written(&workspace), [""; 0]);
        if title == "app" {
            insta::assert_snapshot!(outcome.stderr(), @r#"
            pulling 1 artifact
            error: oci:[WORK]/layout@sha256:e502f90d99debf99161608b3233afb82a40cdbeb68384539f0b9a90155cf7d70 and oci:[WORK]/layout@sha256:826b8b26a88586be72120b16a4d14e6a43fc9b2028af267aa217f01a02130f1a would both write "app" in [WORK]/out
              hint: nothing was written; pull one by itself, with another `output`: oci-artifact pull oci:[WORK]/layout@sha256:826b8b26a88586be72120b16a4d14e6a43fc9b2028af267aa217f01a02130f1a -o FOLDER
            "#);
        }
    }
    let workspace = artifact(|graph, app| {
        for content in ["one", "two"] {
            graph.artifact("test/sbom", Some(app), &[("sbom.json", content)]);
        }
    });
    pull(&workspace, &["--include-referrers", "test/sbom"]).exit(2);
    assert_eq!(written(&workspace), [""; 0]);
}

#[test]
fn what_two_manifests_have_alike_is_written_once() {
    let workspace = artifact(|graph, app| {
        for kind in ["test/sbom", "test/other"] {
            graph.artifact(kind, Some(app), &[("licence", "text")]);
        }
    });
    let outcome = pull(&workspace, &["--include-referrers", "*", "--format", "json"]);
    let result = &outcome.success().json()["artifacts"]["layout"];
    let path = |at: usize| result["attachments"][at]["layers"][0]["path"].clone();
    assert_eq!((path(0).is_string(), path(0)), (true, path(1)));
    assert_eq!(written(&workspace), ["app", "licence"]);
}

#[test]
fn a_type_that_nothing_has_follows_if_no_files_found() {
    let workspace = artifact(|graph, app| {
        graph.artifact("test/sbom", Some(app), &[("sbom.json", "{}")]);
    });
    let ask = ["--include-referrers", "test/signature"];
    let outcome = pull(&workspace, &ask);
    outcome.exit(4);
    insta::assert_snapshot!(outcome.stderr(), @r#"
    pulling 1 artifact
    error: oci:[WORK]/layout:v1: nothing of the type test/signature refers to it
      hint: what refers to it is of the types "test/sbom"
    "#);
    assert_eq!(written(&workspace), [""; 0]);
    for (policy, warnings) in [("warn", 1), ("ignore", 0)] {
        let outcome = pull(&workspace, &[&ask[..], &["--if-no-files-found", policy]].concat());
        let found = outcome.success().stderr.matches("warning:").count();
        assert_eq!(found, warnings, "{}", outcome.snapshot());
        assert_eq!(written(&workspace), ["app"]);
    }
    // All of nothing.
    pull(&artifact(|_, _| ()), &["--include-referrers", "*"]).success();
}

#[test]
fn titles_of_referrers_are_no_more_trusted_than_others() {
    for titles in [&["../x"][..], &["/etc/x"], &["CON"], &[".git/hooks/x"], &["a", "A"]] {
        let workspace = artifact(|graph, app| {
            let files: Vec<(&str, &str)> = titles.iter().map(|title| (*title, *title)).collect();
            graph.artifact("test/sbom", Some(app), &files);
        });
        let outcome = pull(&workspace, &["--include-referrers", "test/sbom"]);
        outcome.exit(7);
        assert!(outcome.stderr.contains("include-referrers"), "{}", outcome.snapshot());
        assert_eq!(written(&workspace), [""; 0], "{titles:?}");
    }
}

#[test]
fn layers_without_titles_are_told() {
    let workspace = artifact(|graph, app| {
        let layer = graph.blob("text/plain", b"untitled");
        graph.with_layers("test/bundle", Some(app), &[layer]);
    });
    let outcome = pull(&workspace, &["--include-referrers", "test/bundle"]);
    assert!(
        outcome.success().stderr.contains("1 layer without a title is left out"),
        "{}",
        outcome.snapshot()
    );
    assert_eq!(written(&workspace), ["app"]);
}

/// A registry without the API, whose list of `v1` is what `entries` makes it.
fn listed(entries: impl FnOnce(&mut Graph, &Value) -> Vec<Value>) -> (Workspace, Registry) {
    let (workspace, mut graph) = (Workspace::new(), Graph::default());
    let app = graph.artifact("test/app", None, &[("app", "bytes")]);
    graph.tag("v1", &app);
    let entries = entries(&mut graph, &app);
    graph.list(&app, &entries);
    let registry = Registry::with(Options {
        referrers: false,
        ..Options::default()
    });
    graph.registry(&registry, "a");
    (workspace, registry)
}

fn pull_from(workspace: &Workspace, registry: &Registry, kind: &str) -> Outcome {
    let reference = registry.reference("a:v1");
    let pull = workspace
        .run()
        .args(["pull", &reference, "-o", "out", "--include-referrers", kind]);
    pull.placeholder(registry.host(), "HOST").call()
}

#[test]
fn an_entry_that_does_not_refer_to_the_artifact_is_refused() {
    let (workspace, registry) = listed(|graph, _| {
        let other = graph.artifact("test/app", None, &[("other", "bytes")]);
        vec![graph.artifact("test/sbom", Some(&other), &[("sbom.json", "of another")])]
    });
    let outcome = pull_from(&workspace, &registry, "test/sbom");
    outcome.exit(7);
    insta::assert_snapshot!(outcome.stderr(), @"
    pulling 1 artifact
    error: [HOST]/a@sha256:7b6ef8b0b39552bdd430eb62ac6134222157ee6e5ebbc1673fd9600e8e767679: the registry lists it as a referrer of sha256:e502f90d99debf99161608b3233afb82a40cdbeb68384539f0b9a90155cf7d70, but its subject is sha256:cc3bed57bb652c4153bedff1e0da12cbfbd6546fc8489904ae396718c68aeb3f
      hint: nothing was written, as the list is not to be trusted; `discover` shows all of it
    ");
    assert_eq!(written(&workspace), [""; 0]);
    let (workspace, registry) = listed(|graph, _| vec![graph.artifact("test/sbom", None, &[("sbom.json", "of none")])]);
    pull_from(&workspace, &registry, "test/sbom").exit(7);
}

/// What leads to a signature has to be true as well: an SBOM of another artifact brings genuine signatures of its own.
#[test]
fn what_leads_to_a_referrer_is_held_to_its_subject() {
    let mut sbom = Value::Null;
    let (workspace, registry) = listed(|graph, _| {
        let other = graph.artifact("test/app", None, &[("other", "bytes")]);
        sbom = graph.artifact("test/sbom", Some(&other), &[("sbom.json", "of another")]);
        let signature = graph.artifact("test/signature", Some(&sbom), &[("sig", "genuine")]);
        graph.list(&sbom, &[signature]);
        vec![sbom.clone()]
    });
    let outcome = pull_from(&workspace, &registry, "test/signature");
    outcome.exit(7);
    assert!(outcome.stderr.contains(digest(&sbom)), "{}", outcome.snapshot());
}

#[test]
fn an_entry_with_another_type_than_its_manifest_is_refused() {
    let (workspace, registry) = listed(|graph, app| {
        let mut entry = graph.artifact("test/note", Some(app), &[("note", "text")]);
        entry["artifactType"] = json!("test/sbom");
        vec![entry]
    });
    let outcome = pull_from(&workspace, &registry, "test/sbom");
    outcome.exit(7);
    let why = "its artifact type is \"test/note\", not \"test/sbom\"";
    assert!(outcome.stderr.contains(why), "{}", outcome.snapshot());
}

/// Clean-up tools delete referrers and leave the list.
#[test]
fn a_listed_referrer_that_is_gone_is_left_out_with_a_warning() {
    let (workspace, registry) = listed(|graph, app| {
        let kept = graph.artifact("test/sbom", Some(app), &[("sbom.json", "{}")]);
        let gone = graph.artifact("test/sbom", Some(app), &[("old.json", "{}")]);
        graph.lose(&gone);
        vec![kept, gone]
    });
    let outcome = pull_from(&workspace, &registry, "test/sbom");
    assert!(
        outcome.success().stderr.contains("but not there"),
        "{}",
        outcome.snapshot()
    );
    assert_eq!(written(&workspace), ["app", "sbom.json"]);
}

#[test]
fn oras_1626_a_wrong_size_in_the_list_stops_no_pull() {
    let (workspace, registry) = listed(|graph, app| {
        let mut entry = graph.artifact("test/sbom", Some(app), &[("sbom.json", "{}")]);
        entry["size"] = json!(7);
        vec![entry]
    });
    pull_from(&workspace, &registry, "test/sbom").success();
    assert_eq!(written(&workspace), ["app", "sbom.json"]);
}

#[test]
fn inspect_shows_the_manifest_of_a_platform_and_its_config() {
    let (workspace, mut graph) = (Workspace::new(), Graph::default());
    let config = graph.blob("test/config", b"{\"a\":1}");
    let app = graph.manifest(&json!({
        "schemaVersion": 2, "mediaType": IMAGE, "artifactType": "test/app", "config": config, "layers": [],
    }));
    let index = graph.index(None, &[on("linux/amd64", &app)]);
    graph.tag("v1", &index);
    graph.layout(&workspace, "layout");
    let inspect = |arguments: &[&str]| {
        let run = workspace.run().args(["inspect", "oci:layout:v1"]);
        run.args(arguments.iter().copied()).call()
    };
    let shown = |arguments: &[&str]| inspect(arguments).success().stdout.trim().to_owned();
    let amd64 = ["--platform", "linux/amd64"];
    assert_eq!(shown(&["--digest"]), digest(&index));
    assert_eq!(shown(&[&amd64[..], &["--digest"]].concat()), digest(&app));
    assert_eq!(shown(&[&amd64[..], &["--config"]].concat()), "{\"a\":1}");
    let json = inspect(&[&amd64[..], &["--format", "json"]].concat()).json();
    assert_eq!(json["artifacts"]["layout"]["index"], index["digest"]);
    let json = inspect(&["--format", "json"]).json();
    assert_eq!(json["artifacts"]["layout"]["manifests"][0]["platform"], "linux/amd64");
    inspect(&["--platform", "linux/arm64"]).exit(4);
    let outcome = inspect(&["--config"]);
    outcome.exit(2);
    assert!(outcome.stderr.contains("linux/amd64"), "{}", outcome.snapshot());
}

/// What a whole spec, or a run of several artifacts, asks for is fetched where there is some; what an artifact asks for
/// itself must be there. Indexes and referrers of a spec have no files of their own.
#[test]
fn a_spec_is_pulled_with_the_referrers_that_there_are() {
    let workspace = Workspace::new();
    for name in ["app", "sbom.json", "tool"] {
        workspace.write(&format!("build/{name}"), name);
    }
    let spec = |own: &str| {
        format!(
            "include-referrers: [test/sbom]\nartifacts:\n\
             - {{name: all, reference: 'oci:layout:v1', manifests: [app]}}\n\
             - {{name: app, reference: 'oci:layout:app', base: build, output: out, files: [app],\n    \
             attachments: [{{artifact-type: test/sbom, files: [sbom.json]}}]}}\n\
             - {{name: tool, reference: 'oci:layout:tool', base: build, output: out, files: [tool]{own}}}\n\
             - {{name: note, subject: 'oci:layout:app', artifact-type: test/note, annotations: {{k: v}}}}\n"
        )
    };
    workspace.write("oci-artifact.yaml", spec(""));
    let pushed = workspace.run().args(["push", "--format", "json"]).call();
    let pulled = workspace.run().args(["pull", "--format", "json"]).call();
    let json = pulled.success().json();
    assert_eq!(
        workspace.tree("out").into_keys().collect::<Vec<_>>(),
        ["app", "sbom.json", "tool"]
    );
    assert_eq!(json["artifacts"]["app"]["attachments"][0]["artifact-type"], "test/sbom");
    for told in [
        "artifact \"all\" has no files of its own",
        "artifact \"note\" refers to ",
    ] {
        assert!(pulled.stderr.contains(told), "{}", pulled.snapshot());
    }
    let note = workspace.run().args(["pull", "--only", "note"]).call();
    assert!(
        note.exit(2).stderr.contains("`include-referrers: test/note`"),
        "{}",
        note.snapshot()
    );
    let from = pushed.success().stdout.clone();
    let earlier = [
        "pull",
        "--from",
        &from,
        "-o",
        "earlier",
        "--include-referrers",
        "test/sbom",
    ];
    let outcome = workspace
        .run()
        .args(earlier)
        .args(["--only", "app", "--only", "tool"])
        .call();
    outcome.success();
    assert_eq!(workspace.tree("earlier"), workspace.tree("out"));
    let whole = workspace.run().args(["pull", "--from", &from, "-o", "whole"]).call();
    assert!(
        whole
            .success()
            .stderr
            .contains("artifact \"all\" has no files of its own"),
        "{}",
        whole.snapshot()
    );
    workspace.write("oci-artifact.yaml", spec(", include-referrers: [test/sbom]"));
    let demanded = workspace.run().arg("pull").call();
    assert!(
        demanded.exit(4).stderr.contains("nothing of the type test/sbom"),
        "{}",
        demanded.snapshot()
    );
}
