//! A great deal of something: artifacts, files, bytes that a manifest claims.

use std::fmt::Write as _;

use crate::support::measured::{Bounds, measured};
use crate::support::reader::{Reader, sha256};
use crate::support::registry::Registry;
use crate::support::runner::{Outcome, Run, Workspace};
use crate::support::table::Verdict;

const TIB: u64 = 1 << 40;

/// 10,000 at a hundred percent. The index of a layout is written for each of them.
pub fn artifacts(percent: usize) -> Verdict {
    let count = 100 * percent;
    let workspace = Workspace::new();
    let mut spec = "version: 1\nartifacts:\n".to_owned();
    for at in 0..count {
        workspace.write(&format!("f/{at}"), format!("{at}\n"));
        writeln!(
            spec,
            "- {{name: a{at}, reference: \"oci:layout:t{at}\", files: [f/{at}]}}"
        )
        .unwrap();
    }
    workspace.write("spec.yaml", spec);
    let (outcome, most) = seen(&workspace.run().args(["push", "-f", "spec.yaml"]));
    outcome.success();
    let reader = Reader::Layout(workspace.path().join("layout"));
    assert_eq!(reader.tags().len(), count);
    reader.check_whole();
    Verdict::Held(format!("{count}: exit 0, {} MiB", most >> 10))
}

/// 100,000 at a hundred percent.
pub fn files(percent: usize) -> Verdict {
    let count = 1000 * percent;
    let workspace = Workspace::new();
    for at in 0..count {
        workspace.write(&format!("tree/{}", at), format!("{at}\n"));
    }
    let (pushed, up) = seen(&workspace.run().args(["push", "oci:layout:v1", "tree"]));
    pushed.success();
    let (pulled, down) = seen(&workspace.run().args(["pull", "oci:layout:v1", "--output", "out"]));
    pulled.success();
    assert!(
        workspace.tree("out/tree") == workspace.tree("tree"),
        "other files were pulled"
    );
    Verdict::Held(format!("{count}: push {} MiB, pull {} MiB", up >> 10, down >> 10))
}

/// A layer, a config and a manifest that say they have a TiB: nothing is allocated or kept for it.
pub fn claims(_: usize) -> Verdict {
    let registry = Registry::start();
    let (layer, config) = (registry.seed_blob("app", "a layer\n"), registry.seed_blob("app", "{}"));
    let manifest = |size: u64, media_type: &str| {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
            "artifactType":"test/claims",
            "config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{config}","size":2}},
            "layers":[{{"mediaType":"{media_type}","digest":"{layer}","size":{size},
            "annotations":{{"org.opencontainers.image.title":"claimed"}}}}]}}"#
        )
    };
    let mut figures = Vec::new();
    for (tag, media_type) in [
        ("file", "text/plain"),
        ("tree", "application/vnd.oci.image.layer.v1.tar+gzip"),
    ] {
        let text = manifest(TIB, media_type);
        registry.seed_manifest("app", tag, "application/vnd.oci.image.manifest.v1+json", text);
        let workspace = Workspace::new();
        let place = registry.reference(&format!("app:{tag}"));
        for args in [
            vec!["pull", &place, "--output", "out"],
            vec!["copy", &place, "oci:copied:v1"],
        ] {
            let (outcome, most) = seen(&workspace.run().args(args));
            assert!(matches!(outcome.code, Some(6..=8)), "{}", outcome.snapshot());
            assert!(most < 64 << 10, "{most} KiB: {}", outcome.snapshot());
            assert!(outcome.stderr.contains("1099511627776"), "{}", outcome.snapshot());
            figures.push(format!("{} MiB", most >> 10));
        }
        assert!(workspace.tree("out").is_empty(), "{:?}", workspace.tree("out").keys());
        assert!(Reader::Layout(workspace.path().join("copied")).tags().is_empty());
    }
    assert_eq!(sha256(b"a layer\n"), layer.to_string());
    Verdict::Held(format!(
        "pull, copy of a file, a directory: told, {}",
        figures.join(", ")
    ))
}

/// A run, and its peak memory in KiB.
fn seen(run: &Run<'_>) -> (Outcome, u64) {
    let measured = measured(run, Bounds::NONE);
    (measured.outcome, measured.most.memory.unwrap_or_default())
}
