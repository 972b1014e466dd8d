//! Uploads that are led away, and answers about them that can't be true.

use super::case::{Case, Seen};
use super::client::Action;
use super::scene::Scene;
use crate::support::faults::Fault;
use crate::support::registry::Options;

/// More than one chunk.
const LARGE: usize = 1_000_000;

/// A push whose uploads are opened with this Location.
fn opened(location: &dyn Fn(&Scene) -> String) -> Scene {
    let scene = Scene::new().does(Action::Push);
    let to = location(&scene);
    let answer = Fault::on("POST", "/blobs/uploads/").always().answer(202);
    let mut scene = scene.fault(answer.header("location", &to));
    scene.name = "p:v1".to_owned();
    scene
}

/// Nothing of the blob was sent anywhere, and no tag was made.
fn nothing_sent(case: &Case, what: &str, exit: i32, says: &str, location: &dyn Fn(&Scene) -> String) {
    case.ends(
        what,
        exit,
        says,
        || opened(location),
        |seen| {
            assert_eq!(seen.scene.elsewhere.lines(), [""; 0]);
            assert!(seen.scene.registry.tags("p").is_empty(), "{}", seen.told());
        },
    );
}

#[test]
fn m07_an_upload_that_is_led_to_another_origin() {
    let case = Case::new("M7", "upload Location on another host, port or scheme, or with a user");
    nothing_sent(&case, "another port", 3, "upload", &|scene| {
        format!("http://{}/v2/p/blobs/uploads/1", scene.elsewhere.host())
    });
    nothing_sent(&case, "another name", 3, "upload", &|scene| {
        let port = scene.registry.address().port();
        format!("http://localhost:{port}/v2/p/blobs/uploads/1")
    });
    nothing_sent(&case, "https", 3, "upload", &|scene| {
        format!("https://{}/v2/p/blobs/uploads/1", scene.registry.host())
    });
    nothing_sent(&case, "a user in it", 3, "upload", &|scene| {
        format!("http://a:b@{}/v2/p/blobs/uploads/1", scene.registry.host())
    });
    nothing_sent(&case, "without a scheme", 3, "upload", &|scene| {
        format!("//{}/v2/p/blobs/uploads/1", scene.elsewhere.host())
    });
    nothing_sent(&case, "a file", 3, "upload", &|_| "file:///etc/passwd".to_owned());
    case.ends(
        "from https to http",
        3,
        "upload",
        || {
            let options = Options {
                tls: true,
                ..Options::default()
            };
            let scene = Scene::with(&options).does(Action::Push);
            let to = format!("http://{}/v2/a/blobs/uploads/1", scene.registry.host());
            let answer = Fault::on("POST", "/blobs/uploads/").always().answer(202);
            scene.fault(answer.header("location", &to))
        },
        |seen| assert_eq!(seen.scene.elsewhere.lines(), [""; 0]),
    );
}

#[test]
fn m08_an_upload_location_that_is_odd() {
    let case = Case::new("M8", "upload Location with a digest, a fragment, 64 KiB long, none");
    let long = format!("/v2/p/blobs/uploads/1?state={}", "x".repeat(64 * 1024));
    nothing_sent(&case, "64 KiB", 6, "names no upload session", &|_| long.clone());
    nothing_sent(&case, "no URL", 6, "Location", &|_| "http://[".to_owned());
    nothing_sent(&case, "empty", 6, "names no upload session", &|_| String::new());
    let other = format!("sha256:{}", "0".repeat(64));
    case.ends(
        "another digest in it",
        4,
        "404",
        || opened(&|_| format!("/v2/p/blobs/uploads/1?digest={other}&a=b#fragment")),
        |seen| {
            let requests = seen.scene.registry.requests();
            for put in requests.iter().filter(|request| request.method == "PUT") {
                assert_eq!(put.query("digest").len(), 1, "{}", put.path);
                assert_ne!(put.query("digest"), [other.as_str()]);
                assert!(!put.path.contains('#'));
            }
            assert!(seen.scene.registry.tags("p").is_empty());
        },
    );
}

#[test]
fn m23_a_session_that_lies_about_how_far_it_is() {
    let case = Case::new(
        "M23",
        "Range of a session that shrinks or grows; OCI-Chunk-Min-Length of 2^63",
    );
    // Half a megabyte at a time is all that it takes.
    let push = |body_limit| {
        let options = Options {
            body_limit,
            ..Options::default()
        };
        let mut scene = Scene::with(&options).does(Action::Push);
        scene.name = "p:v1".to_owned();
        scene.workspace.write("file.txt", vec![7; LARGE]);
        scene
    };
    let in_chunks = |seen: &Seen| {
        whole(seen);
        let lines = seen.scene.registry.lines();
        assert!(lines.iter().any(|line| line.starts_with("PATCH ")), "{lines:?}");
    };
    for (what, range) in [
        ("shrinks", "0-3"),
        ("grows", "0-999999"),
        ("beyond all numbers", "0-99999999999999999999999"),
        ("turned around", "9-0"),
        ("no range", "bytes=x"),
    ] {
        case.ends(
            what,
            0,
            "",
            || push(600_000).fault(Fault::on("PATCH", "/blobs/uploads/").times(1).header("range", range)),
            in_chunks,
        );
    }
    for length in ["9223372036854775808", "-1", "0", "99999999999999999999999999", "x"] {
        case.ends(
            &format!("minimum {length}"),
            0,
            "",
            || {
                push(usize::MAX).fault(
                    Fault::on("POST", "/blobs/uploads/")
                        .always()
                        .header("oci-chunk-min-length", length),
                )
            },
            whole,
        );
    }
    let lie = Fault::on("PATCH", "/blobs/uploads/")
        .always()
        .header("range", "0-999999");
    case.ends("grows for ever", 0, "", || push(600_000).fault(lie.clone()), in_chunks);
    // An answer that was lost, and a status that is wrong.
    for range in ["0-3", "0-999999", "0-99999999999999999999999", "x"] {
        let status = Fault::on("GET", "/blobs/uploads/").always().header("range", range);
        case.ends(
            &format!("status {range} after a cut"),
            0,
            "",
            || {
                let cut = Fault::on("PATCH", "/blobs/uploads/").skip(1).cut_request(100_000);
                push(600_000).fault(cut).fault(status.clone())
            },
            in_chunks,
        );
    }
}

/// What the registry has is what was pushed.
fn whole(seen: &Seen) {
    let registry = &seen.scene.registry;
    assert_eq!(registry.tags("p").len(), 1, "{}", seen.told());
    let file = oci_artifact::oci::Digest::of(&fs_err::read(seen.scene.workspace.path().join("file.txt")).unwrap());
    assert!(registry.blob("p", &file.to_string()).is_some());
}

#[test]
fn m31_a_manifest_that_is_stored_as_another() {
    let case = Case::new("M31", "PUT of a manifest answered 201 with another digest");
    let push = || {
        let mut scene = Scene::new().does(Action::Push);
        scene.name = "p:v1".to_owned();
        scene
    };
    let other = format!("sha256:{}", "1".repeat(64));
    case.ends(
        "another digest",
        7,
        "the registry stored it as",
        || {
            let put = Fault::on("PUT", "/manifests/").always();
            push().fault(put.header("docker-content-digest", &other))
        },
        |_| {},
    );
    case.ends(
        "no digest, which promises nothing",
        0,
        "",
        || {
            push().fault(
                Fault::on("PUT", "/manifests/")
                    .always()
                    .header("docker-content-digest", "md5:xyz"),
            )
        },
        |_| {},
    );
}
