//! The step of `docs/oras.md` with ORAS, and the one with ours: both leave the same.

use serde_json::Value;

use crate::support::peers::{Access, Peer, program};
use crate::support::runner::Workspace;

/// The page's block behind the comment `name`.
fn block(name: &str) -> String {
    let page = fs_err::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/oras.md")).unwrap();
    let rest = page.split(&format!("<!-- {name} -->\n```yaml\n")).nth(1).unwrap();
    rest.split("```").next().unwrap().to_owned()
}

/// The value of the first `key` in a step.
fn text<'a>(step: &'a Value, key: &str) -> &'a str {
    match step.get(key) {
        Some(found) => found.as_str().unwrap(),
        None => text(step.get("with").unwrap(), key),
    }
}

fn step(name: &str, host: &str) -> Value {
    let block = block(name).replace("ghcr.io/octo", &format!("{host}/{name}"));
    let steps: Vec<Value> = serde_yaml::from_str(&block).unwrap();
    steps.into_iter().next().unwrap()
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn a_workflow_of_oras_and_ours_leave_the_same() {
    let peer = Peer::olareg(Access::default());
    let workspace = Workspace::new();
    for (name, text) in [("app", "app"), ("docs/a.md", "a"), ("sbom.spdx.json", "{}")] {
        workspace.write(&format!("build/{name}"), text);
    }
    workspace.write("output", "");
    let script = text(&step("oras", peer.host()), "run").replace("oras push", "oras push --plain-http");
    let script = script
        .replace("oras attach", "oras attach --plain-http")
        .replace("oras tag", "oras tag --plain-http");
    let path = format!("{}:/usr/bin:/bin", program("oras").parent().unwrap());
    let theirs = std::process::Command::new("bash")
        .args(["--norc", "-eo", "pipefail", "-c", &script])
        .current_dir(workspace.path())
        .env_clear()
        .envs([("PATH", path.as_str()), ("HOME", workspace.home().as_str())])
        .env("GITHUB_OUTPUT", workspace.path().join("output"))
        .output()
        .unwrap();
    assert!(theirs.status.success(), "{theirs:?}");
    fs_err::remove_file(workspace.path().join("build/push.log")).unwrap();

    let spec = text(&step("ours", peer.host()), "spec").to_owned();
    let run = workspace
        .run()
        .env("GITHUB_ACTIONS", "true")
        .env("OCI_ARTIFACT_ACTION", "1");
    run.env("OCI_ARTIFACT_SPEC", &spec).call().success();

    let shown = |name: &str, tag: &str| -> (Value, Value) {
        let reference = format!("{}/{name}/app:{tag}", peer.host());
        let json = |arguments: &[&str]| {
            let outcome = workspace.run().args(arguments.iter().copied()).arg(&reference).call();
            outcome.success();
            serde_json::from_str::<Value>(&outcome.stdout).unwrap()
        };
        let (manifest, referrers) = (json(&["inspect", "--raw"]), json(&["discover", "--format", "json"]));
        let titles = manifest["layers"].as_array().unwrap().iter().map(|layer| {
            let title = &layer["annotations"]["org.opencontainers.image.title"];
            serde_json::json!([title, layer["annotations"]["io.deis.oras.content.digest"]])
        });
        let kinds = serde_json::json!([manifest["artifactType"], titles.collect::<Vec<_>>()]);
        let artifacts = referrers["artifacts"].as_object().unwrap().values();
        let referrers = artifacts.flat_map(|artifact| artifact["attachments"].as_array().unwrap());
        let types = referrers.map(|referrer| referrer["artifact-type"].clone());
        (kinds, types.collect())
    };
    for tag in ["v1", "latest"] {
        let (theirs, ours) = (shown("oras", tag), shown("ours", tag));
        assert_eq!(ours.1, serde_json::json!(["application/spdx+json"]));
        assert_eq!(ours.1, theirs.1);
        assert_eq!(ours.0[0], theirs.0[0]);
        let titles = |kinds: &Value| {
            kinds[1]
                .as_array()
                .unwrap()
                .iter()
                .map(|pair| pair[0].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(titles(&ours.0), ["app", "docs"]);
        // With ORAS the title is what was typed.
        assert_eq!(titles(&theirs.0).len(), 2);
    }
}
