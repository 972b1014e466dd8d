//! Strict readers of what we write: Helm, ORAS's Python library, regctl on a layout, crane.

use camino::Utf8Path;
use serde_json::Value;

use crate::support::peers::{Access, Peer, program};
use crate::support::runner::{Outcome, Run, Workspace};

#[track_caller]
fn done(run: &Run<'_>) -> Outcome {
    let outcome = run.call();
    outcome.success();
    outcome
}

fn peer<'w>(workspace: &'w Workspace, name: &str, args: &[&str]) -> Run<'w> {
    workspace.run().program(program(name)).args(args.iter().copied())
}

#[track_caller]
fn ours(workspace: &Workspace, args: &[&str]) -> Outcome {
    done(&workspace.run().args(args.iter().copied()))
}

/// The spec under this heading of `docs/oras.md`.
fn documented(heading: &str) -> String {
    let page = fs_err::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/oras.md")).unwrap();
    let part = page.split(&format!("## {heading}\n")).nth(1).unwrap();
    part.split("```yaml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap()
        .to_owned()
}

/// `Chart.yaml` as Helm stores it.
fn metadata(chart: &Utf8Path) -> Value {
    let text = fs_err::read_to_string(chart.join("Chart.yaml")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once(": "));
    pairs
        .map(|(key, value)| (key.to_owned(), Value::from(value.trim_matches('"'))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The spec of the page is what `helm push` makes, and Helm pulls and shows it.
#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn helm_pulls_a_chart_that_a_spec_pushed() {
    for registry in [Peer::olareg(Access::default()), Peer::distribution(Access::default())] {
        let workspace = Workspace::new();
        let helm = |args: &[&str]| done(&peer(&workspace, "helm", args));
        helm(&["create", "hello"]);
        helm(&["package", "hello"]);
        let chart = workspace.path().join("hello-0.1.0.tgz");
        let packed = fs_err::read(&chart).unwrap();
        workspace.write("chart.json", metadata(&workspace.path().join("hello")).to_string());
        workspace.write("oci-artifact.yaml", documented("A Helm chart"));
        let push = workspace
            .run()
            .args(["push", "--registry", registry.host(), "--format", "json"]);
        let digest = done(&push).json()["artifacts"]["charts/hello"]["digest"].clone();
        let digest = digest.as_str().map(str::to_owned);

        let place = format!("oci://{}/charts/hello", registry.host());
        let pulled = helm(&["pull", &place, "--version", "0.1.0", "--plain-http", "-d", "."]);
        assert!(
            pulled.stdout.contains(&digest.unwrap_or_default()),
            "{}",
            pulled.snapshot()
        );
        assert!(fs_err::read(&chart).unwrap() == packed);
        fs_err::remove_file(&chart).unwrap();
        helm(&["pull", &place, "--version", "0.1.0", "--plain-http"]);
        assert!(fs_err::read(&chart).unwrap() == packed, "the chart is another one");
        let shown = helm(&["show", "chart", &place, "--version", "0.1.0", "--plain-http"]);
        assert!(shown.stdout.contains("name: hello\n"), "{}", shown.snapshot());

        // Helm's own push has the same config and layer.
        let base = format!("oci://{}/helm", registry.host());
        helm(&["push", chart.as_str(), &base, "--plain-http"]);
        let manifest = |name: &str| {
            let reference = format!("{}/{name}:0.1.0", registry.host());
            ours(&workspace, &["inspect", "--raw", &reference]).json()
        };
        let (we, they) = (manifest("charts/hello"), manifest("helm/hello"));
        assert_eq!(we["config"]["mediaType"], they["config"]["mediaType"]);
        for key in ["mediaType", "digest", "size"] {
            assert_eq!(we["layers"][0][key], they["layers"][0][key]);
        }
        assert_eq!(we.get("artifactType"), they.get("artifactType"));
        let config = |name: &str| {
            let reference = format!("{}/{name}:0.1.0", registry.host());
            ours(&workspace, &["inspect", "--config", &reference]).json()
        };
        assert_eq!(config("charts/hello"), config("helm/hello"));
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn the_python_library_of_oras_pulls_a_file_and_a_directory() {
    for registry in [Peer::olareg(Access::default()), Peer::distribution(Access::default())] {
        let workspace = Workspace::new();
        workspace.write("src/readme.md", "Readme\n");
        workspace.write("src/docs/a.txt", "a");
        workspace.write("src/docs/deep/Grüße.txt", "b");
        let reference = format!("{}/team/app:v1", registry.host());
        done(
            &workspace
                .run()
                .directory("src")
                .args(["push", &reference, "readme.md", "docs"]),
        );
        done(&peer(&workspace, "oras-py", &[&reference, "out"]));
        assert_eq!(workspace.tree("out"), workspace.tree("src"));
    }
}

/// A layout with an artifact, a referrer of it, and an index.
fn layout(workspace: &Workspace) {
    workspace.write("readme.md", "Readme\n");
    workspace.write("docs/a.txt", "a");
    workspace.write("sbom.json", "{\"sbom\": 1}");
    ours(
        workspace,
        &[
            "push",
            "oci:layout:v1",
            "readme.md",
            "docs",
            "--artifact-type",
            "example/app",
        ],
    );
    ours(
        workspace,
        &[
            "attach",
            "oci:layout:v1",
            "sbom.json",
            "--artifact-type",
            "example/sbom",
        ],
    );
    ours(workspace, &["index", "oci:layout:all", "v1"]);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn regctl_reads_a_layout_of_ours() {
    let workspace = Workspace::new();
    layout(&workspace);
    let regctl = |args: &[&str]| done(&peer(&workspace, "regctl", args)).stdout;
    for tag in ["v1", "all"] {
        let raw = ours(&workspace, &["inspect", "--raw", &format!("oci:layout:{tag}")]).stdout;
        let place = format!("ocidir://layout:{tag}");
        assert_eq!(regctl(&["manifest", "get", "--format", "raw-body", &place]), raw);
        let digest = ours(&workspace, &["inspect", "--digest", &format!("oci:layout:{tag}")]).stdout;
        assert_eq!(regctl(&["manifest", "head", &place]).trim(), digest.trim());
    }
    let tags = regctl(&["tag", "ls", "ocidir://layout"]);
    for tag in ["v1", "all"] {
        assert!(tags.lines().any(|line| line == tag), "{tags}");
    }
    let file = regctl(&["artifact", "get", "ocidir://layout:v1", "--file", "readme.md"]);
    assert_eq!(file, "Readme\n");
    let referrer = [
        "--subject",
        "ocidir://layout:v1",
        "--filter-artifact-type",
        "example/sbom",
    ];
    assert_eq!(regctl(&[&["artifact", "get"], &referrer[..]].concat()), "{\"sbom\": 1}");
    let tree = regctl(&["artifact", "tree", "ocidir://layout:v1"]);
    let listed = ours(&workspace, &["discover", "oci:layout:v1", "--format", "json"]).json();
    let digest = listed["artifacts"]["layout"]["attachments"][0]["digest"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(tree.contains(&digest) && tree.contains("example/sbom"), "{tree}");
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn regctl_and_crane_read_a_registry_after_us() {
    for registry in [
        Peer::olareg(Access::default()),
        Peer::distribution(Access::default()),
        Peer::crane(),
    ] {
        let workspace = Workspace::new();
        layout(&workspace);
        let repository = format!("{}/team/app", registry.host());
        ours(
            &workspace,
            &["copy", "oci:layout:v1", &format!("{repository}:v1"), "--recursive"],
        );
        ours(&workspace, &["copy", "oci:layout:all", &format!("{repository}:all")]);
        let crane = |args: &[&str]| done(&peer(&workspace, "crane", &[&["--insecure"], args].concat())).stdout;
        let tags = crane(&["ls", &repository]);
        for tag in ["v1", "all"] {
            assert!(tags.lines().any(|line| line == tag), "{tags}");
            let reference = format!("{repository}:{tag}");
            let raw = ours(&workspace, &["inspect", "--raw", &format!("oci:layout:{tag}")]).stdout;
            assert_eq!(crane(&["manifest", &reference]).trim_end(), raw);
            let digest = ours(&workspace, &["inspect", "--digest", &reference]).stdout;
            assert_eq!(crane(&["digest", &reference]), digest);
        }
        let host = format!("reg={},tls=disabled", registry.host());
        let regctl = |args: &[&str]| done(&peer(&workspace, "regctl", &[&["--host", &host], args].concat())).stdout;
        let tree = regctl(&["artifact", "tree", &format!("{repository}:v1")]);
        assert!(tree.contains("example/sbom"), "{tree}");
    }
}
