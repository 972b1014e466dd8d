//! Manifests that are not what was asked for, or are two things at once.

use std::io::Write as _;

use serde_json::{Value, json};

use super::auth::on;
use super::case::{Case, Seen};
use super::scene::{APP, Scene, title};
use super::wire::{Wire, flood};
use crate::support::faults::{Action, Fault};
use crate::support::graph::{IMAGE, INDEX};
use crate::support::message::Reply;

/// A manifest of one file, as text to be changed.
pub fn plain(scene: &Scene) -> Value {
    let config = scene.registry.seed_blob("a", "{}");
    let app = scene.registry.seed_blob("a", APP);
    json!({
        "schemaVersion": 2, "mediaType": IMAGE, "artifactType": "test/app",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config.to_string(), "size": 2},
        "layers": [{
            "mediaType": "text/plain", "digest": app.to_string(), "size": APP.len(), "annotations": title("app"),
        }],
    })
}

fn manifests() -> Fault {
    Fault::on("*", "/manifests/").always()
}

#[test]
fn m12_a_manifest_with_another_digest() {
    let case = Case::new(
        "M12",
        "manifest differs from the pinned digest; header lies or is absent",
    );
    case.refuses("other bytes under the digest", 7, "digest", || {
        let mut scene = Scene::new();
        let pinned = format!("sha256:{}", "2".repeat(64));
        let other = plain(&scene).to_string();
        scene.registry.lie_about_manifest("a", &pinned, IMAGE, other);
        scene.name = format!("a@{pinned}");
        scene
    });
    case.refuses("a header that lies", 7, "digest", || {
        let lie = format!("sha256:{}", "3".repeat(64));
        Scene::new().fault(manifests().header("docker-content-digest", &lie))
    });
    let taken = |seen: &Seen| assert_eq!(seen.scene.output()["app"], APP);
    // Junk is no promise: what was asked for decides.
    case.ends(
        "a header that is no digest",
        0,
        "",
        || Scene::new().fault(manifests().header("docker-content-digest", "sha256:../../etc/passwd")),
        taken,
    );
    case.ends(
        "no header",
        0,
        "",
        || Scene::new().fault(manifests().drop_header("docker-content-digest")),
        taken,
    );
}

#[test]
fn m13_a_manifest_without_measure() {
    let case = Case::new("M13", "manifest of more than 4 MiB, announced or not");
    for (what, head) in [
        ("without an announced end", ""),
        ("64 GiB announced", "content-length: 68719476736\r\n"),
    ] {
        case.refuses(what, 7, "larger than 4194304 bytes", || {
            let scene = Scene::new();
            let wire = Wire::before(scene.registry.address(), move |first, stream| {
                if !first.starts_with("GET /v2/a/manifests/") {
                    return Ok(false);
                }
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: {IMAGE}\r\n{head}\r\n")?;
                flood(stream, &[b' '; 65536])
            });
            on(scene, wire)
        });
    }
    let full = |change: fn(&mut Value)| {
        let scene = Scene::new();
        let mut manifest = plain(&scene);
        change(&mut manifest);
        let text = manifest.to_string();
        assert!((4_000_000..4_194_304).contains(&text.len()), "{}", text.len());
        scene.manifest(text)
    };
    case.refuses("4 MiB of annotations", 7, "strings", || {
        full(|manifest| {
            let annotations = (0..370_000).map(|at| (format!("{at:x}"), json!("")));
            manifest["annotations"] = Value::Object(annotations.collect());
        })
    });
    case.refuses("4 MiB of URLs", 7, "strings", || {
        full(|manifest| manifest["layers"][0]["urls"] = vec![""; 1_390_000].into())
    });
    case.refuses("4 MiB of lists in a field of its own", 7, "strings", || {
        full(|manifest| manifest["note"] = vec![json!([]); 1_390_000].into())
    });
    let (opening, closing) = ("[".repeat(120), "]".repeat(120));
    case.refuses("lists 120 deep", 7, "in each other", || {
        let scene = Scene::new();
        let text = plain(&scene).to_string();
        let (text, _) = text.rsplit_once('}').unwrap();
        scene.manifest(format!("{text},\"note\":{opening}{closing}}}"))
    });
}

#[test]
fn m14_a_manifest_that_can_be_read_in_two_ways() {
    let case = Case::new(
        "M14",
        "Content-Type and mediaType differ; manifest and index at once; keys twice",
    );
    let served = |kind: &str, text: String| {
        let answer = Reply::new(200).body(kind, text);
        Fault::on("GET", "/manifests/").always().act(Action::Answer(answer))
    };
    case.refuses("Content-Type of an index", 7, "was served as", || {
        let scene = Scene::new();
        let text = plain(&scene).to_string();
        scene.fault(served(INDEX, text)).fault(manifests().answer(404))
    });
    case.refuses("manifest and index at once", 7, "at once", || {
        let scene = Scene::new();
        let mut both = plain(&scene);
        both["manifests"] = json!([]);
        scene.manifest(both.to_string())
    });
    case.refuses("keys twice", 7, "duplicate", || {
        let scene = Scene::new();
        let text = plain(&scene).to_string();
        scene.manifest(text.replacen('{', r#"{"layers":[],"#, 1))
    });
    case.refuses("keys of a layer twice", 7, "duplicate", || {
        let scene = Scene::new();
        let text = plain(&scene).to_string();
        scene.manifest(text.replacen(
            r#""mediaType":"text/plain""#,
            r#""mediaType":"a/b","mediaType":"c/d""#,
            1,
        ))
    });
    for (open, close) in [("[", "]"), (r#"{"x":"#, "}")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        let with = |key: &str| {
            let scene = Scene::new();
            let text = plain(&scene).to_string();
            scene.manifest(text.replacen('{', &format!(r#"{{"{key}":{deep},"#), 1))
        };
        for key in ["subject", "unknown"] {
            let what = format!("100,000 {open} deep under {key:?}");
            case.refuses(&what, 7, "brackets in each other", || with(key));
        }
    }
    case.refuses("no JSON", 7, "manifest", || Scene::new().manifest("\u{0}\u{1}"));
    case.refuses("an unknown type", 7, "not one of a manifest", || {
        let scene = Scene::new();
        let mut text = plain(&scene);
        text["mediaType"] = json!("application/vnd.evil+json");
        scene
            .registry
            .seed_manifest("a", "v1", "application/vnd.evil+json", text.to_string());
        scene.fault(served("application/vnd.evil+json", text.to_string()))
    });
}
