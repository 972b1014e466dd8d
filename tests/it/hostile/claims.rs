//! Descriptors that claim what can't be.

use serde_json::{Value, json};

use super::case::Case;
use super::manifests::plain;
use super::scene::Scene;

/// The manifest of one file, its layer changed.
fn with(change: impl Fn(&mut Value)) -> Scene {
    let scene = Scene::new();
    let mut manifest = plain(&scene);
    change(&mut manifest["layers"][0]);
    scene.manifest(manifest.to_string())
}

#[test]
fn m18_sizes_that_cannot_be() {
    let case = Case::new("M18", "size of a descriptor negative, 2^63-1, missing, a text");
    case.refuses("negative", 7, "size", || with(|layer| layer["size"] = json!(-1)));
    case.refuses("a text", 7, "size", || with(|layer| layer["size"] = json!("20")));
    case.refuses("missing", 7, "size", || {
        with(|layer| drop(layer.as_object_mut().unwrap().remove("size")))
    });
    case.refuses("a fraction", 7, "size", || with(|layer| layer["size"] = json!(20.5)));
    // Nothing is set aside for what is only claimed.
    for size in [u64::MAX, (1 << 63) - 1, 1 << 62, 1 << 40] {
        case.refuses(&format!("{size}"), 7, &format!("is not the {size} bytes"), || {
            with(|layer| layer["size"] = json!(size))
        });
    }
    case.refuses("more in all than there are numbers for", 7, "is not the", || {
        let scene = Scene::new();
        let mut manifest = plain(&scene);
        let mut layer = manifest["layers"][0].clone();
        layer["size"] = json!(u64::MAX);
        let mut other = layer.clone();
        other["annotations"]["org.opencontainers.image.title"] = json!("other");
        manifest["layers"] = json!([layer, other]);
        scene.manifest(manifest.to_string())
    });
}

#[test]
fn m19_digests_that_are_paths_or_weak() {
    let case = Case::new("M19", "digest with a path in it, in capitals, md5, too short");
    for digest in [
        "sha256:../../../../etc/passwd".to_owned(),
        format!("sha256:{}", "A".repeat(64)),
        "md5:d41d8cd98f00b204e9800998ecf8427e".to_owned(),
        format!("sha256:{}", "a".repeat(63)),
        format!("sha256:{}/..", "a".repeat(64)),
        format!("sha256:{}?x=y", "a".repeat(64)),
        String::new(),
        "sha256:".to_owned(),
        format!("../../{}", "a".repeat(64)),
    ] {
        let shown = digest.chars().take(30).collect::<String>();
        case.ends(
            &format!("{shown:?}"),
            7,
            "digest",
            || with(|layer| layer["digest"] = json!(digest)),
            |seen| {
                let lines = seen.scene.registry.lines();
                assert!(!lines.iter().any(|line| line.contains("/blobs/")), "{lines:?}");
                assert!(seen.inside.is_empty());
            },
        );
    }
}

#[test]
fn m29_data_that_is_not_the_blob() {
    let case = Case::new("M29", "`data` of a descriptor that is not what its digest says");
    // "the bytes of the evil", in place of the file's twenty bytes.
    let evil = "dGhlIGJ5dGVzIG9mIHRoZSBldmls";
    case.refuses("other bytes", 7, "data of the descriptor", || {
        with(|layer| layer["data"] = json!(evil))
    });
    case.refuses("not base64", 7, "not valid base64", || {
        with(|layer| layer["data"] = json!("\u{0}="))
    });
    case.ends(
        "of the config, which a pull has no use for",
        0,
        "",
        || {
            let scene = Scene::new();
            let mut manifest = plain(&scene);
            manifest["config"]["data"] = json!(evil);
            scene.manifest(manifest.to_string())
        },
        |seen| assert_eq!(seen.scene.output()["app"], super::scene::APP),
    );
}
