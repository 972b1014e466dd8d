//! Who gets the credential: token services that are not the registry's, and those that lie.

use std::net::SocketAddr;
use std::sync::Arc;

use super::case::Case;
use super::scene::{COLLECTOR, PASSWORD, Scene, USER};
use super::wire::{Wire, flood};
use crate::support::connect::Internet;
use crate::support::faults::Fault;
use crate::support::message::{Reply, Request};
use crate::support::recorder::recorder;
use crate::support::registry::{Auth, Bearer, Options, Registry};

/// No registry: for a wire that answers everything itself.
const NOBODY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

#[test]
fn m01_a_realm_over_plain_http_for_a_registry_with_tls() {
    let case = Case::new("M1", "token service over http for a registry over https");
    case.refuses("on the same host", 3, "is plain HTTP, and the registry is not", || {
        let service = recorder(200);
        let realm = format!("http://{}/token", service.host());
        let mut scene = Scene::realm(&realm, true);
        scene.elsewhere = service;
        scene
    });
}

#[test]
fn m02_a_realm_on_an_address_inside_of_the_network() {
    let case = Case::new("M2", "token service on a link-local, loopback or private address");
    for host in [
        "169.254.169.254",
        "2852039166",
        "0xa9.0xfe.0xa9.0xfe",
        "[::ffff:169.254.169.254]",
        "[fe80::1]",
        "10.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[fd00:ec2::254]",
    ] {
        let realm = format!("http://{host}/latest/meta-data");
        case.refuses(host, 3, "which is not on a public address", || {
            Scene::realm(&realm, false).leads_beyond()
        });
    }
    case.refuses("a name for it", 3, "which is not on a public address", || {
        let service = recorder(200);
        let realm = format!("http://localhost:{}/token", service.address().port());
        let mut scene = Scene::realm(&realm, false);
        scene.elsewhere = service;
        scene
    });
    case.refuses("by a redirect of the service", 3, "leads to another server", || {
        let scene = Scene::new();
        let port = scene.elsewhere.address().port();
        let to = format!("http://localhost:{port}/latest");
        scene.fault(Fault::on("GET", "/token").always().redirect(&to))
    });
}

#[test]
fn m03_a_realm_on_somebody_elses_public_host() {
    let case = Case::new("M3", "token service on an unknown public host");
    for shared in [false, true] {
        let what = if shared {
            "with the last label in common"
        } else {
            "an unknown host"
        };
        case.refuses(what, 3, "which is not of its domain", || {
            let internet = Internet::new();
            let told = |_: &Request| Reply::new(200).body("application/json", r#"{"token":"taken"}"#);
            let collector = internet.serve(COLLECTOR, Arc::new(told));
            let host = if shared {
                "victim.co.example"
            } else {
                "registry.victim.test"
            };
            let options = Options {
                auth: Auth::Bearer(Bearer {
                    username: USER,
                    password: PASSWORD,
                    realm: Some(format!("https://{COLLECTOR}/token")),
                    ..Bearer::default()
                }),
                ..Options::default()
            };
            let registry = internet.registry(host, options, |inside| inside);
            let mut scene = Scene::before(registry, true);
            scene.workspace.write("ca.pem", internet.authority());
            scene.host = Some(host.to_owned());
            scene.internet = Some(internet);
            scene.keep(collector)
        });
    }
}

#[test]
fn m04_a_realm_that_is_no_url_for_a_token() {
    let case = Case::new("M4", "token service with another scheme, with a user, with line ends");
    for (what, realm, says) in [
        ("a file", "file:///etc/passwd", "its scheme is \"file\""),
        ("gopher", "gopher://127.0.0.1/x", "its scheme is \"gopher\""),
        ("a user", "http://me:pw@127.0.0.1/token", "carries a user name"),
        (
            "a fragment",
            "http://127.0.0.1/token#x",
            "carries a user name, password or fragment",
        ),
        ("no URL", "http://[", "it is not a URL"),
    ] {
        case.refuses(what, 3, says, || Scene::realm(realm, false));
    }
    // They stay what they are in a URL, and end no line of a request.
    let injection = "/token%0d%0ax-injected:%20yes";
    case.refuses("encoded line ends", 6, "404", || Scene::realm(injection, false));
    case.ends(
        "header on two lines",
        6,
        "invalid HTTP header",
        || {
            let scene = Scene::new();
            let wire = Wire::before(scene.registry.address(), |_, stream| {
                use std::io::Write as _;
                let challenge = "Bearer realm=\"http://127.0.0.1/\r\n token\",service=\"x\"";
                write!(
                    stream,
                    "HTTP/1.1 401 No\r\nwww-authenticate: {challenge}\r\ncontent-length: 0\r\n\r\n"
                )?;
                Ok(true)
            });
            on(scene, wire)
        },
        |_| {},
    );
}

/// The client is sent to the wire instead of the registry behind it.
pub fn on(mut scene: Scene, wire: Wire) -> Scene {
    scene.host = Some(wire.host());
    scene.keep(wire)
}

#[test]
fn m05_a_token_endpoint_that_leads_elsewhere_or_never_ends() {
    let case = Case::new("M5", "token endpoint redirects to another host, or answers 2 GiB");
    case.refuses("redirect", 3, "leads to another server", || {
        let scene = Scene::new();
        let to = format!("{}/token", scene.elsewhere.host());
        scene.fault(Fault::on("GET", "/token").always().redirect(&format!("http://{to}")))
    });
    for (what, head) in [
        ("2 GiB announced", "content-length: 2147483648\r\n"),
        ("without an announced end", ""),
    ] {
        case.refuses(what, 6, "more than", || {
            let service = Wire::before(NOBODY, move |_, stream| {
                use std::io::Write as _;
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{head}\r\n{{\"token\":\""
                )?;
                flood(stream, &[b'x'; 65536])
            });
            Scene::realm(&format!("http://{}/token", service.host()), false).keep(service)
        });
    }
}

#[test]
fn m06_a_token_with_a_line_end_in_it() {
    let case = Case::new("M6", "token with line ends, to inject a header");
    for token in ["x\\r\\nx-injected: yes", "x\\ny", "x\\u0000y", "x y", "", "\\u00e9"] {
        let told = format!(r#"{{"token":"{token}"}}"#);
        let says = if token.is_empty() {
            "it answered without a token"
        } else {
            "characters that no token may have"
        };
        let shown = if token.is_empty() { "nothing in it" } else { token };
        case.ends(
            shown,
            6,
            says,
            || {
                let answer = Fault::on("GET", "/token").always().answer(200);
                Scene::new().fault(answer.header("content-type", "application/json").body(&told))
            },
            |seen| {
                let requests = seen.scene.registry.requests();
                assert!(!requests.iter().any(|request| request.header("x-injected").is_some()));
                assert!(seen.inside.is_empty());
            },
        );
    }
}

#[test]
fn m27_a_token_that_is_never_good_enough() {
    let case = Case::new("M27", "401 for every token that the registry gave itself");
    for (status, status_text) in [(401, "401 Unauthorized"), (403, "403 Forbidden")] {
        case.ends(
            &format!("{status} for ever"),
            3,
            status_text,
            || {
                let scene = Scene::new();
                let challenge = format!("Bearer realm=\"{}/token\",service=\"test\"", scene.registry.origin());
                let answer = Fault::on("*", "/v2/").always().answer(status);
                scene.fault(answer.header("www-authenticate", &challenge))
            },
            |seen| {
                let asked = seen.scene.registry.lines().len();
                assert!(asked < 16, "{asked} requests");
                assert!(seen.inside.is_empty());
            },
        );
    }
}

#[test]
fn m24_cookies_that_are_set() {
    let case = Case::new("M24", "Set-Cookie, to follow a job from host to host");
    case.ends(
        "on every answer",
        0,
        "",
        || {
            let inner = Arc::new(std::sync::Mutex::new(()));
            let registry = Registry::behind(Options::default(), None, move |inside| {
                let face = move |request: &Request| {
                    let _one_at_a_time = inner.lock().unwrap();
                    let reply = crate::support::server::Handler::answer(&*inside, request);
                    reply.header("set-cookie", "sid=1; Path=/; Domain=127.0.0.1")
                };
                Box::new(face)
            });
            Scene::before(registry, false)
        },
        |seen| {
            let requests = seen.scene.registry.requests();
            assert!(requests.len() > 1 && requests.iter().all(|request| request.header("cookie").is_none()));
            assert_eq!(seen.scene.output()["app"], super::scene::APP);
        },
    );
}
