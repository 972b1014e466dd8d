//! Secrets in URLs and headers, given by a user in the wrong place or by a service in the right one.

use std::sync::Arc;

use base64::Engine as _;

use super::search::find;
use crate::support::connect::Internet;
use crate::support::message::{Reply, Request};
use crate::support::runner::{Outcome, Workspace};

const SECRET: &str = "planted-in-a-url~9Q";

#[track_caller]
fn keeps(workspace: &Workspace, outcome: &Outcome) {
    for text in [&outcome.stdout, &outcome.stderr] {
        assert_eq!(find(text.as_bytes(), &[SECRET]), None, "{}", outcome.snapshot());
    }
    for (name, bytes) in workspace.tree("..") {
        assert_eq!(find(&bytes, &[SECRET]), None, "{name}");
    }
}

#[test]
fn a_proxy_s_password_is_kept_whether_it_is_right_or_wrong() {
    for (given, code) in [(SECRET, 0), ("other", 3)] {
        let internet = Internet::new();
        let login = base64::engine::general_purpose::STANDARD.encode(format!("me:{given}"));
        internet.guard_proxy(&format!("Basic {login}"));
        let tags = |_: &Request| Reply::new(200).body("application/json", r#"{"name":"a","tags":["v1"]}"#);
        let _registry = internet.serve("r.example", Arc::new(tags));
        let workspace = Workspace::new();
        let proxy = internet.proxy_url().replace("://", &format!("://me:{SECRET}@"));
        let run = internet.run(&workspace).env("HTTPS_PROXY", proxy);
        let outcome = run.args(["list", "r.example/a", "-v", "--retries", "0"]).call();
        keeps(&workspace, &outcome);
        outcome.exit(code);
    }
}

/// A reference is shown in every message about it, and some paste a URL with the password in it.
#[test]
fn a_password_in_a_reference_is_not_repeated() {
    for reference in [
        format!("https://me:{SECRET}@r.example/a:v1"),
        format!("me:{SECRET}@r.example/a:v1"),
        format!("docker://{SECRET}@r.example/a"),
        format!("https://r.example/a?sig={SECRET}"),
    ] {
        for command in ["list", "pull", "login", "discover"] {
            let workspace = Workspace::new();
            let run = workspace.run().args([command, &reference, "-v"]);
            let outcome = run.env("HTTPS_PROXY", "http://127.0.0.1:9").call();
            assert_ne!(outcome.code, Some(0), "{}", outcome.snapshot());
            keeps(&workspace, &outcome);
        }
    }
}

/// Locations, links and realms with a password, which none of them may have.
#[test]
fn a_password_in_a_url_of_an_answer_is_not_shown() {
    let url = format!("https://me:{SECRET}@storage.example/x?X-Amz-Signature={SECRET}&Expires=1#{SECRET}");
    let realm = format!("Bearer realm=\"{url}\",service=\"x\"");
    let answers = [
        Reply::new(307).header("location", &url),
        Reply::new(200)
            .body("application/json", r#"{"name":"a","tags":["v1"]}"#)
            .header("link", format!("<{url}>; rel=\"next\"")),
        Reply::new(401).header("www-authenticate", realm),
        Reply::new(200)
            .body("text/html", "")
            .header("location", &url)
            .header("set-cookie", SECRET),
        Reply::new(202).header("location", &url),
    ];
    for answer in answers {
        let internet = Internet::new();
        let reply = answer.clone();
        let _registry = internet.serve("r.example", Arc::new(move |_: &Request| reply.clone()));
        let _storage = internet.serve("storage.example", Arc::new(|_: &Request| Reply::new(403)));
        for arguments in [
            &["list", "r.example/a"][..],
            &["pull", "r.example/a:v1"],
            &["push", "r.example/a:v1", "a.txt"],
            &["discover", "r.example/a:v1"],
        ] {
            let workspace = Workspace::new();
            workspace.write("a.txt", "a");
            let run = internet.run(&workspace).args(arguments.iter().copied());
            let outcome = run.args(["-v", "--retries", "0"]).call();
            keeps(&workspace, &outcome);
        }
    }
}
