//! Titles of layers: paths out of the output, names that two systems read in two ways, and places that are run.

use serde_json::json;

use super::case::Case;
use super::scene::{APP, Scene, title};
use crate::support::graph::Graph;
use crate::support::tar::{Tar, gzip};

fn layer(graph: &mut Graph, name: &str, bytes: &[u8]) -> serde_json::Value {
    let mut layer = graph.blob("text/plain", bytes);
    layer["annotations"] = title(name);
    layer
}

fn titled(names: &[&str]) -> Scene {
    Scene::new().artifact(|graph| {
        let number = |at: usize| format!("layer {at}").into_bytes();
        names
            .iter()
            .enumerate()
            .map(|(at, name)| layer(graph, name, &number(at)))
            .collect()
    })
}

#[test]
fn a01_titles_that_leave_the_output() {
    let case = Case::new(
        "A1",
        "title ../x, absolute, a drive, a share, empty, NUL, CON, a stream",
    );
    let absolute = std::env::temp_dir().join("oci-artifact-a01");
    for name in [
        "../outside/secret",
        "a/../../outside/x",
        absolute.to_str().unwrap(),
        "C:\\x",
        "\\\\srv\\x",
        "..\\x",
        ".",
        "..",
        "a//b",
        "a\0b",
        "a\nb",
        "x.",
        "x ",
        "CON",
        "com1.txt",
        "COM\u{b9}",
        "a:b",
        "\u{1b}[2J",
    ] {
        case.refuses(&format!("{name:?}"), 7, "title", || titled(&[name]));
    }
    case.refuses("longer than any file system's", 7, "title", || {
        titled(&[&"x".repeat(300)])
    });
    case.refuses("empty", 7, "title", || titled(&[""]));
    assert!(!absolute.exists());
}

#[test]
fn a02_titles_that_write_one_path() {
    let case = Case::new("A2", "two layers with the same title, or with one that folds to it");
    for names in [
        ["app", "app"],
        ["app", "APP"],
        ["a/app", "A/app"],
        ["\u{e9}", "e\u{301}"],
        ["stra\u{df}e", "STRASSE"],
        ["app", "app/below"],
    ] {
        case.refuses(
            &names.join(" and "),
            7,
            "two files of the artifact have the titles",
            || titled(&names),
        );
    }
}

#[test]
fn a03_a_title_below_a_link_of_another_layer() {
    let case = Case::new("A3", "title below a path that another layer made a link");
    let scene = |target: &str| {
        let tar = gzip(&Tar::docs().symlink("docs/link", target).end());
        Scene::new().artifact(|graph| {
            let mut packed = graph.blob("application/vnd.oci.image.layer.v1.tar+gzip", &tar);
            packed["annotations"] = title("docs");
            packed["annotations"][super::scene::UNPACK] = json!("true");
            vec![packed, layer(graph, "docs/link/secret", b"written through")]
        })
    };
    // The link is there before the file, which is not written through it.
    let ordered = ["--concurrency", "1"];
    case.ends(
        "a link inside",
        8,
        "not followed",
        || scene(".").flags(&ordered),
        |seen| {
            assert!(!seen.scene.workspace.exists("out/docs/secret"), "{:?}", seen.inside);
        },
    );
    for target in ["../../outside", "/tmp"] {
        case.refuses(&format!("to {target}"), 7, "link", || scene(target).flags(&ordered));
    }
}

#[test]
fn a04_links_that_are_in_the_output_already() {
    let case = Case::new("A4", "the output holds planted links");
    let planted = |path: &str, target: &str, name: &str| {
        let scene = titled(&[name]);
        let link = scene.workspace.path().join("out").join(path);
        fs_err::os::unix::fs::symlink(target, link).unwrap();
        scene
    };
    case.refuses("a directory of it", 8, "a link", || {
        planted("dir", "../outside", "dir/secret")
    });
    case.refuses("a directory of it, absolute", 8, "a link", || {
        planted("dir", "/", "dir/tmp/x")
    });
    // The link itself is replaced, and not what it leads to.
    case.ends(
        "in the place of the file",
        0,
        "",
        || planted("app", "../outside/secret", "app"),
        |seen| {
            assert_eq!(seen.scene.output()["app"], b"layer 0");
        },
    );
}

#[test]
fn a17_places_that_are_run() {
    let case = Case::new("A17", "title or entry in .git, which runs what lies there");
    for name in [
        ".git/hooks/post-checkout",
        ".git/config",
        ".GIT/config",
        "git~1/config",
        "sub/.git/config",
    ] {
        case.refuses(name, 7, ".git", || titled(&[name]));
    }
    case.refuses("an entry of a directory", 7, ".git", || {
        let tar = Tar::docs().file("docs/.git/hooks/pre-commit", "#!/bin/sh").end();
        Scene::new().packed(&gzip(&tar), &[])
    });
    // What the user's own repository may well be made of.
    case.ends(
        "but .github is the user's",
        0,
        "",
        || titled(&[".github/workflows/x.yml"]),
        |seen| {
            assert!(seen.scene.workspace.exists("out/.github/workflows/x.yml"));
            assert_ne!(seen.scene.output()[".github/workflows/x.yml"], APP);
        },
    );
}
