//! The proxies of the environment, with the real binary: hosts that only a proxy can reach.

use std::sync::Arc;

use crate::support::connect::Internet;
use crate::support::message::{Reply, Request};
use crate::support::runner::Workspace;

const TAGS: &str = r#"{"name":"a","tags":["v1"]}"#;

fn tags(_: &Request) -> Reply {
    Reply::new(200).body("application/json", TAGS)
}

fn port(internet: &Internet) -> String {
    internet.proxy_url().rsplit_once(':').unwrap().1.to_owned()
}

#[test]
fn a_proxy_by_name_on_this_machine_leads_to_a_public_registry_and_where_that_points() {
    let internet = Internet::new();
    let _storage = internet.serve("storage.example", Arc::new(tags));
    let there = |_: &Request| Reply::new(307).header("location", "https://storage.example/tags");
    let _registry = internet.serve("r.example", Arc::new(there));
    let workspace = Workspace::new();
    let run = internet.run(&workspace);
    let run = run.env("HTTPS_PROXY", format!("http://localhost:{}", port(&internet)));
    let outcome = run.args(["list", "r.example/a"]).call();
    outcome.success();
    assert!(outcome.stdout.contains("v1"));
    assert_eq!(
        internet.proxied(),
        ["CONNECT r.example:443", "CONNECT storage.example:443"]
    );
}

#[test]
fn a_registry_behind_a_proxy_must_not_point_at_an_address_inside() {
    let internet = Internet::new();
    let there = |_: &Request| Reply::new(307).header("location", "https://169.254.169.254/latest/meta-data");
    let _registry = internet.serve("r.example", Arc::new(there));
    let workspace = Workspace::new();
    let outcome = internet.run(&workspace).args(["list", "r.example/a"]).call();
    outcome.exit(3);
    assert!(outcome.stderr.contains("link-local"), "{}", outcome.snapshot());
    assert_eq!(internet.proxied(), ["CONNECT r.example:443"]);
}

#[test]
fn lower_case_and_all_proxy_serve_too() {
    for variable in ["https_proxy", "ALL_PROXY", "all_proxy"] {
        let internet = Internet::new();
        let _registry = internet.serve("r.example", Arc::new(tags));
        let workspace = Workspace::new();
        let run = internet.run(&workspace).env("HTTPS_PROXY", "");
        let run = run.env(variable, internet.proxy_url());
        run.args(["list", "r.example/a"]).call().success();
        assert_eq!(internet.proxied(), ["CONNECT r.example:443"], "{variable}");
    }
}

#[test]
fn http_proxy_passes_plain_http_on() {
    let internet = Internet::new();
    let _registry = internet.serve_plain("r.example", Arc::new(tags));
    let workspace = Workspace::new();
    let run = internet.run(&workspace).env("HTTPS_PROXY", "http://127.0.0.1:1");
    let run = run.env("HTTP_PROXY", internet.proxy_url());
    let run = run.env("OCI_ARTIFACT_PLAIN_HTTP", "r.example");
    run.args(["list", "r.example/a"]).call().success();
    let seen = internet.proxied();
    assert!(
        seen.iter()
            .all(|line| line.starts_with("GET http://r.example/v2/a/tags/list")),
        "{seen:?}"
    );
    assert!(!seen.is_empty());
}

#[test]
fn no_proxy_goes_past_it() {
    let internet = Internet::new();
    let workspace = Workspace::new();
    let run = internet.run(&workspace).env("NO_PROXY", "other.example,.invalid:443");
    let outcome = run
        .env("OCI_ARTIFACT_RETRIES", "0")
        .args(["list", "r.invalid/a"])
        .call();
    outcome.exit(6);
    assert!(!outcome.stderr.contains("proxy 127"), "{}", outcome.snapshot());
    assert_eq!(internet.unknown(), Vec::<String>::new());
    // This machine never needs one.
    let local = internet.local("local", false, Arc::new(tags));
    let run = internet.run(&workspace).env("HTTP_PROXY", internet.proxy_url());
    let run = run.env("OCI_ARTIFACT_CA_FILE", "");
    run.args(["list", &format!("{}/a", local.host())]).call().success();
    assert_eq!(internet.proxied(), Vec::<String>::new());
}

#[test]
fn a_proxy_gets_its_login_and_nobody_else_learns_it() {
    let internet = Internet::new();
    internet.guard_proxy("Basic bWU6czNjcmV0LXA=");
    let _registry = internet.serve("r.example", Arc::new(tags));
    let workspace = Workspace::new();
    let at = format!("127.0.0.1:{}", port(&internet));
    let run = || {
        internet
            .run(&workspace)
            .env("OCI_ARTIFACT_RETRIES", "1")
            .placeholder(&at, "PROXY")
    };
    let right = run().env("HTTPS_PROXY", format!("http://me:s3cret-p@{at}"));
    let outcome = right.args(["list", "r.example/a", "--log-level", "debug"]).call();
    outcome.success().keeps_secret(&["s3cret-p", "bWU6czNjcmV0LXA="]);
    assert_eq!(internet.carriers("s3cret-p").len(), 0);
    let wrong = run().env("HTTPS_PROXY", format!("http://me:s3cret-q@{at}"));
    let outcome = wrong.args(["list", "r.example/a"]).call();
    outcome.keeps_secret(&["s3cret-q"]);
    insta::assert_snapshot!(outcome.snapshot(), @"
    exit: 3
    --- stdout
    --- stderr
    error: the proxy [PROXY] (HTTPS_PROXY) wants a login, or does not take the one it got: 407
      hint: set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT, special characters as %XX
    ");
}

#[test]
fn a_login_that_the_proxy_misses_is_told_over_plain_http_too() {
    let internet = Internet::new();
    internet.guard_proxy("Basic bWU6czNjcmV0LXA=");
    let workspace = Workspace::new();
    let run = internet.run(&workspace).env("OCI_ARTIFACT_PLAIN_HTTP", "r.example");
    let run = run.env("HTTP_PROXY", internet.proxy_url());
    let outcome = run.args(["list", "r.example/a"]).call();
    outcome.exit(3);
    assert!(
        outcome.stderr.contains("(HTTP_PROXY) wants a login"),
        "{}",
        outcome.snapshot()
    );
}

#[test]
fn a_proxy_that_refuses_the_host_is_named() {
    let internet = Internet::new();
    let workspace = Workspace::new();
    let at = format!("127.0.0.1:{}", port(&internet));
    let run = internet
        .run(&workspace)
        .env("OCI_ARTIFACT_RETRIES", "0")
        .placeholder(&at, "PROXY");
    let outcome = run.args(["list", "r.example/a"]).call();
    assert!(!internet.unknown().is_empty());
    insta::assert_snapshot!(outcome.snapshot(), @"
    exit: 6
    --- stdout
    --- stderr
    error: GET https://r.example/v2/a/tags/list?n=1000: the proxy [PROXY] (HTTPS_PROXY) refuses to connect there
      hint: allow the host and port in the proxy, or list the host in NO_PROXY to go past it
    ");
}

#[test]
fn a_proxy_that_is_not_there_or_no_proxy_is_named() {
    let internet = Internet::new();
    let workspace = Workspace::new();
    let run = |proxy: &str| {
        let run = internet.run(&workspace).env("OCI_ARTIFACT_RETRIES", "0");
        run.env("HTTPS_PROXY", proxy).args(["list", "r.example/a"]).call()
    };
    insta::assert_snapshot!(run("http://127.0.0.1:1").snapshot(), @"
    exit: 6
    --- stdout
    --- stderr
    error: GET https://r.example/v2/a/tags/list?n=1000: no connection through the proxy 127.0.0.1:1 (HTTPS_PROXY): Connection refused (os error 111)
      hint: check the proxy, or list the host in NO_PROXY to go past it
    ");
    insta::assert_snapshot!(run("socks5://me:s3cret-p@127.0.0.1:1").keeps_secret(&["s3cret"]).snapshot(), @"
    exit: 2
    --- stdout
    --- stderr
    error: HTTPS_PROXY: not the URL of an HTTP proxy
      hint: write http://HOST:PORT or http://USER:PASSWORD@HOST:PORT; list hosts to reach directly in NO_PROXY
    ");
}
