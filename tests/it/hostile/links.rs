//! Reading that is led elsewhere: redirects, and `urls` of layers.

use std::io::Write as _;
use std::sync::Arc;

use serde_json::json;

use super::auth::on;
use super::case::Case;
use super::scene::{APP, Scene, title};
use super::wire::Wire;
use crate::support::connect::Internet;
use crate::support::faults::Fault;
use crate::support::message::{Reply, Request};
use crate::support::recorder::asker;
use crate::support::registry::{Auth, Options};

/// Blobs are answered with a redirect to this place.
fn led(scene: Scene, to: &str) -> Scene {
    scene.fault(Fault::on("GET", "/blobs/").always().redirect(to))
}

#[test]
fn m09_a_storage_that_asks_for_a_credential() {
    let case = Case::new("M9", "blob redirected to a host that asks for a credential");
    for realm in [None, Some("http://127.0.0.1:9/token")] {
        let what = realm.map_or("Basic", |_| "Bearer");
        case.refuses(what, 3, "401", || {
            let mut scene = Scene::new();
            scene.elsewhere = asker(realm);
            let to = format!("http://{}/blob", scene.elsewhere.host());
            led(scene, &to)
        });
    }
}

#[test]
fn m10_redirects_that_must_not_be_followed() {
    let case = Case::new(
        "M10",
        "redirects in a circle, without end, from https to http, to this machine",
    );
    case.refuses("in a circle", 6, "redirect", || {
        let scene = Scene::new();
        let to = format!("{}/v2/a/blobs/again", scene.registry.origin());
        led(scene, &to)
    });
    case.refuses("without end", 6, "redirect", || {
        let scene = Scene::new();
        let wire = Wire::before(scene.registry.address(), |first, stream| {
            let path = first.split(' ').nth(1).unwrap_or_default();
            if !path.contains("/blobs/") {
                return Ok(false);
            }
            let more = "content-length: 0\r\nconnection: close";
            write!(stream, "HTTP/1.1 307 Go\r\nlocation: {path}x\r\n{more}\r\n\r\n")?;
            Ok(true)
        });
        on(scene, wire)
    });
    case.refuses("to a metadata service", 3, "link-local", || {
        led(Scene::new(), "http://169.254.169.254/latest/meta-data").leads_beyond()
    });
    case.refuses("to one by a number", 3, "link-local", || {
        led(Scene::new(), "http://0xa9fea9fe/").leads_beyond()
    });
    case.refuses("to a file", 3, "neither http nor https", || {
        led(Scene::new(), "file:///etc/passwd")
    });
    case.refuses("with a user", 3, "user name or password", || {
        led(Scene::new(), "http://a:b@127.0.0.1/")
    });
    case.refuses("from https to http", 3, "from https to http", || {
        let options = Options {
            tls: true,
            ..Options::default()
        };
        let scene = Scene::with(&options);
        let to = format!("http://{}/blob", scene.elsewhere.host());
        led(scene, &to)
    });
    case.refuses(
        "of a public registry to this machine",
        3,
        "not a public address",
        || {
            let internet = Internet::new();
            let options = Options {
                auth: Auth::Open,
                ..Options::default()
            };
            let registry = internet.registry("registry.victim.test", options, |inside| inside);
            let mut scene = Scene::before(registry, true);
            scene.workspace.write("ca.pem", internet.authority());
            scene.host = Some("registry.victim.test".to_owned());
            let inside = internet.local("inside", true, Arc::new(|_: &Request| Reply::new(200)));
            let to = format!("https://{}/secret", inside.host());
            scene.internet = Some(internet);
            led(scene.keep(inside), &to)
        },
    );
}

#[test]
fn m28_urls_that_point_elsewhere() {
    let case = Case::new("M28", "a layer's `urls` point at a metadata service or another host");
    let with_urls = || {
        let scene = Scene::new();
        let urls = [
            "http://169.254.169.254/latest/meta-data".to_owned(),
            format!("http://{}/blob", scene.elsewhere.host()),
        ];
        scene.artifact(|graph| {
            let mut layer = graph.blob("text/plain", APP);
            layer["annotations"] = title("app");
            layer["urls"] = json!(urls);
            vec![layer]
        })
    };
    let unasked = |seen: &super::case::Seen| assert_eq!(seen.scene.elsewhere.lines(), [""; 0]);
    case.ends("and the registry has it", 0, "", with_urls, unasked);
    case.ends(
        "and the registry has it not",
        4,
        "blob",
        || with_urls().fault(Fault::on("GET", "/blobs/").always().answer(404)),
        unasked,
    );
}
