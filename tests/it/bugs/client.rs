//! Bugs of other clients that show best with the real binary.

use serde_json::Value;

use crate::support::faults::Fault;
use crate::support::registry::Registry;
use crate::support::runner::Workspace;

/// oras-go#1212, #1213: a registry says that it has what it then misses. Sending the manifest again isn't enough.
#[test]
fn oras_go_1212_1213_what_was_said_to_be_there_and_is_not_is_sent() {
    let (workspace, registry) = (Workspace::new(), Registry::start());
    workspace.write("small", "small");
    workspace.write("large", vec![7; 2 << 20]);
    // A small blob is asked for by mounting it, a large one by HEAD.
    registry.fault(Fault::on("POST", "mount=").times(2).answer(201));
    registry.fault(Fault::on("HEAD", "/blobs/").answer(200));
    let run = workspace
        .run()
        .args(["push", &registry.reference("a:v1"), "small", "large"]);
    run.call().success();
    assert_eq!(registry.tags("a").len(), 1);
    assert_eq!(registry.blobs("a").len(), 3);
    let puts = |lines: Vec<String>| {
        lines
            .iter()
            .filter(|line| line.starts_with("PUT /v2/a/manifests"))
            .count()
    };
    assert_eq!(puts(registry.lines()), 2);
}

/// oras#260: registries refuse a config of no bytes, which artifacts without one had.
#[test]
fn oras_260_no_config_is_of_no_bytes() {
    let (workspace, registry) = (Workspace::new(), Registry::start());
    workspace.write("empty", "");
    let spec = "artifacts:\n- {name: one, reference: 'HOST/a:one', files: [empty]}\n\
                - {name: none, reference: 'HOST/a:none', artifact-type: test/empty}\n";
    workspace.write("oci-artifact.yaml", spec.replace("HOST", &registry.host()));
    workspace.run().arg("push").call().success();
    for tag in ["one", "none"] {
        let (_, manifest) = registry.manifest("a", tag).unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        assert_eq!(manifest["config"]["size"], 2, "{manifest}");
        assert!(!manifest["layers"].as_array().unwrap().is_empty(), "{manifest}");
    }
}
