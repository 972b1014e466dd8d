//! Lists of tags and referrers: pages that lead away or never end, entries that lie, circles.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::auth::on;
use super::case::{Case, Seen};
use super::client::Action;
use super::scene::Scene;
use super::wire::{Wire, flood};
use crate::support::faults::Fault;
use crate::support::graph::{Graph, IMAGE, INDEX, digest};
use crate::support::message::{Reply, Request};
use crate::support::registry::{Options, Registry};

#[test]
fn m11_pages_of_tags_elsewhere_in_a_circle_and_without_end() {
    let case = Case::new("M11", "Link to another origin, to itself, pages without end, 10^7 tags");
    let tags = || Fault::on("GET", "/tags/list").always();
    case.refuses("another origin", 3, "another server", || {
        let scene = Scene::new().does(Action::Tags);
        let link = format!("<http://{}/v2/a/tags/list>; rel=\"next\"", scene.elsewhere.host());
        scene.fault(tags().header("link", &link))
    });
    case.refuses("a metadata service", 3, "another server", || {
        let link = "<http://169.254.169.254/latest>; rel=\"next\"";
        Scene::new()
            .does(Action::Tags)
            .fault(tags().header("link", link))
            .leads_beyond()
    });
    case.refuses("itself", 6, "the list doesn't end", || {
        let link = "</v2/a/tags/list?n=1000>; rel=\"next\"";
        Scene::new().does(Action::Tags).fault(tags().header("link", link))
    });
    let pages = |tags: usize, length: usize| {
        let count = AtomicUsize::new(0);
        let tags = vec![json!("v".repeat(length)); tags];
        let body = json!({"name": "a", "tags": tags}).to_string();
        let registry = Registry::behind(Options::default(), None, move |inside| {
            Box::new(move |request: &Request| {
                if !request.path.contains("/tags/list") {
                    return inside.answer(request);
                }
                let page = count.fetch_add(1, Ordering::SeqCst);
                let link = format!("</v2/a/tags/list?last=v{page}>; rel=\"next\"");
                Reply::new(200)
                    .body("application/json", body.clone())
                    .header("link", link)
            })
        });
        Scene::before(registry, false).does(Action::Tags)
    };
    case.refuses("pages without end", 6, "the list doesn't end", || pages(1, 1));
    case.refuses("full pages without end", 7, "more than 8 MiB of tags", || {
        pages(25_000, 128)
    });
    case.refuses("10^7 tags on a page", 7, "the answer is larger than", || {
        let scene = Scene::new().does(Action::Tags);
        let wire = Wire::before(scene.registry.address(), |first, stream| {
            use std::io::Write as _;
            if !first.contains("/tags/list") {
                return Ok(false);
            }
            write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{{\"tags\":["
            )?;
            let piece = "\"a-tag\",".repeat(8000);
            flood(stream, piece.as_bytes())
        });
        on(scene, wire)
    });
    case.refuses("10^6 tags of one letter on a page", 6, "more than", || {
        let body = format!(r#"{{"tags":[{}"a"]}}"#, r#""a","#.repeat(1_000_000));
        let answer = tags().answer(200).header("content-type", "application/json");
        Scene::new().does(Action::Tags).fault(answer.body(&body))
    });
}

/// The subject `a:v1`, and what the registry's API says of its referrers.
fn listed(action: Action, told: impl FnOnce(&mut Graph, &Value) -> Vec<Value>) -> Scene {
    answered(action, |graph, app| {
        let entries = told(graph, app);
        json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).to_string()
    })
}

/// The same, with what the API answers.
fn answered(action: Action, told: impl FnOnce(&mut Graph, &Value) -> String) -> Scene {
    let scene = Scene::new().does(action);
    let mut graph = Graph::default();
    let app = graph.artifact("test/app", None, &[("app", "bytes")]);
    graph.tag("v1", &app);
    let list = told(&mut graph, &app);
    graph.registry(&scene.registry, "a");
    let path = format!("/referrers/{}", digest(&app));
    let answer = Fault::on("GET", &path).always().answer(200);
    scene.fault(answer.header("content-type", INDEX).body(&list))
}

fn few_requests(seen: &Seen) {
    let count = seen.scene.registry.lines().len();
    assert!(count < 60, "{count} requests");
}

#[test]
fn m20_a_list_of_referrers_that_lies() {
    let case = Case::new("M20", "referrers: 10^6 entries, of a wrong type, not of the subject");
    let entry = |at: usize| {
        let digest = format!("sha256:{at:064x}");
        json!({"mediaType": IMAGE, "digest": digest, "size": 1, "artifactType": "test/sbom"})
    };
    for action in [Action::Discover, Action::PullReferrers, Action::Copy] {
        case.ends(
            &format!("20,000 entries, {action:?}"),
            6,
            "the list doesn't end",
            || listed(action, |_, _| (0..20_000).map(entry).collect()),
            few_requests,
        );
        let what = format!("10^6 entries, {action:?}");
        case.ends(
            &what,
            7,
            "the answer is larger than",
            || {
                let scene = listed(action, |_, _| Vec::new());
                let wire = Wire::before(scene.registry.address(), move |first, stream| {
                    use std::io::Write as _;
                    if !first.contains("/referrers/") {
                        return Ok(false);
                    }
                    write!(
                        stream,
                        "HTTP/1.1 200 OK\r\ncontent-type: {INDEX}\r\n\r\n{{\"schemaVersion\":2,\"manifests\":["
                    )?;
                    flood(stream, (entry(7).to_string() + ",").repeat(300).as_bytes())
                });
                on(scene, wire)
            },
            few_requests,
        );
    }
    // An entry of the registry's own, with more that takes memory.
    let with = |more: &str| {
        let digest = format!("sha256:{:064x}", 1);
        format!(r#"{{"manifests":[{{"mediaType":"{IMAGE}","digest":"{digest}","size":1,{more}}}]}}"#)
    };
    let pairs = |count: usize, value: &str| {
        let pairs: Vec<String> = (0..count).map(|at| format!("\"{at:x}\":{value}")).collect();
        pairs.join(",")
    };
    for (what, exit, says, body) in [
        (
            "5 * 10^6 entries that say nothing",
            6,
            "is not a list",
            format!(r#"{{"manifests":[{}{{}}]}}"#, "{},".repeat(5_000_000)),
        ),
        (
            "10^6 fields",
            0,
            "nothing refers to",
            format!("{{{}}}", pairs(1_000_000, "0")),
        ),
        (
            "10^6 annotations of nothing",
            7,
            "an entry has more than",
            with(&format!(r#""annotations":{{{}}}"#, pairs(1_000_000, "\"\""))),
        ),
        (
            "5 * 10^6 URLs of nothing",
            7,
            "an entry has more than",
            with(&format!(r#""urls":[{}""]"#, r#""","#.repeat(5_000_000))),
        ),
    ] {
        case.ends(
            what,
            exit,
            says,
            || answered(Action::Discover, |_, _| body.clone()),
            few_requests,
        );
    }
    // As much as is taken: told, within the bound of memory.
    let long = |at: usize| {
        let mut entry = entry(at);
        entry["annotations"] = json!({"a": "x".repeat(500)});
        entry
    };
    case.ends(
        "9,000 entries of 900 bytes",
        0,
        "",
        || listed(Action::Discover, |_, _| (0..9_000).map(long).collect()),
        // Each is asked for its own.
        |_| {},
    );
    case.ends(
        "9,000 entries of 1,400 bytes",
        6,
        "the list doesn't end",
        || {
            let longer = |at| {
                let mut entry = long(at);
                entry["annotations"]["b"] = json!("x".repeat(500));
                entry
            };
            listed(Action::Discover, |_, _| (0..9_000).map(longer).collect())
        },
        few_requests,
    );
    for action in [Action::Discover, Action::PullReferrers] {
        case.ends(
            &format!("20,000 entries under the fallback tag, {action:?}"),
            7,
            "10000",
            || {
                let options = Options {
                    referrers: false,
                    ..Options::default()
                };
                let scene = Scene::with(&options).does(action);
                let mut graph = Graph::default();
                let app = graph.artifact("test/app", None, &[("app", "bytes")]);
                graph.tag("v1", &app);
                graph.list(&app, &(0..20_000).map(entry).collect::<Vec<_>>());
                graph.registry(&scene.registry, "a");
                scene
            },
            few_requests,
        );
    }
    for action in [Action::PullReferrers, Action::Copy] {
        case.ends(
            &format!("not of the subject, {action:?}"),
            7,
            "but its subject is",
            || {
                listed(action, |graph, _| {
                    let other = graph.artifact("test/app", None, &[("other", "bytes")]);
                    vec![graph.artifact("test/sbom", Some(&other), &[("sbom.json", "of another")])]
                })
            },
            |seen| {
                assert!(!seen.scene.workspace.exists("out/sbom.json"), "{:?}", seen.inside);
            },
        );
    }
    case.ends(
        "another type than its manifest",
        7,
        "its artifact type is",
        || {
            listed(Action::PullReferrers, |graph, app| {
                let mut entry = graph.artifact("test/note", Some(app), &[("note", "text")]);
                entry["artifactType"] = json!("test/sbom");
                vec![entry]
            })
        },
        few_requests,
    );
    case.ends(
        "no list at all",
        6,
        "is not a list",
        || {
            let scene = Scene::new().does(Action::Discover);
            let answer = Fault::on("GET", "/referrers/").always().answer(200);
            scene.fault(answer.header("content-type", INDEX).body("[\"no\", \"index\"]"))
        },
        few_requests,
    );
}

#[test]
fn m30_trees_that_never_end() {
    let case = Case::new(
        "M30",
        "indexes and referrers in a circle, a thousand deep, that multiply",
    );
    case.ends(
        "a circle of referrers",
        0,
        "",
        || {
            listed(Action::Discover, |graph, app| {
                let other = graph.artifact("test/other", Some(app), &[("other", "bytes")]);
                vec![other, app.clone()]
            })
        },
        few_requests,
    );
    // A thousand manifests, each the referrer of the one before it.
    let chain = |scene: &Scene, length: usize| {
        let mut graph = Graph::default();
        let mut last = graph.artifact("test/app", None, &[("app", "bytes")]);
        graph.tag("v1", &last);
        for at in 0..length {
            last = graph.artifact(&format!("test/x{at}"), Some(&last), &[]);
        }
        graph.registry(&scene.registry, "a");
    };
    for action in [Action::Discover, Action::PullReferrers, Action::Copy] {
        case.ends(
            &format!("referrers 1000 deep, {action:?}"),
            7,
            "more than",
            || {
                let scene = Scene::new().does(action);
                chain(&scene, 1000);
                scene
            },
            |_| {},
        );
    }
    // An index of indexes: 2 to the 30th ways through 30 manifests.
    case.ends(
        "indexes that multiply",
        0,
        "",
        || {
            let scene = Scene::new().does(Action::Copy);
            let mut graph = Graph::default();
            let mut last = graph.artifact("test/app", None, &[("app", "bytes")]);
            for _ in 0..30 {
                last = graph.index(None, &[last.clone(), last]);
            }
            graph.tag("v1", &last);
            graph.registry(&scene.registry, "a");
            scene
        },
        |seen| {
            let fetched = seen
                .scene
                .registry
                .lines()
                .iter()
                .filter(|line| line.contains("GET /v2/a/manifests/"))
                .count();
            assert!(fetched < 100, "{fetched} manifests");
        },
    );
    case.ends(
        "indexes 1000 deep",
        7,
        "deep",
        || {
            let scene = Scene::new().does(Action::Copy);
            let mut graph = Graph::default();
            let mut last = graph.artifact("test/app", None, &[("app", "bytes")]);
            for _ in 0..1000 {
                last = graph.index(None, &[last]);
            }
            graph.tag("v1", &last);
            graph.registry(&scene.registry, "a");
            scene
        },
        |_| {},
    );
}
