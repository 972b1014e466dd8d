//! What programs of others see of a run, and servers that repeat what they were sent.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::job::{PASSWORD, in_job, programs, with_secret};
use super::search::find;
use crate::support::connect::Internet;
use crate::support::message::{Reply, Request};
use crate::support::registry::Registry;
use crate::support::runner::Workspace;

/// What programs were called with, and what was in their environment.
fn notes(workspace: &Workspace) -> Vec<String> {
    let notes = workspace.tree("notes").into_iter().filter(|(name, _)| name != "keep");
    notes.map(|(_, bytes)| String::from_utf8(bytes).unwrap()).collect()
}

#[test]
fn a_helper_sees_no_input_of_ours() {
    let (workspace, registry) = (Workspace::new(), Registry::start());
    programs(&workspace);
    let run = workspace
        .run()
        .args(["list", &registry.reference("a")])
        .env("OTHER", "stays");
    with_secret(run, &workspace, "helper", &registry.host()).call();
    let notes = notes(&workspace);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("docker-credential-planted get\n") && notes[0].contains("OTHER=stays\n"));
    assert_eq!(find(notes[0].as_bytes(), &[PASSWORD]), None);
    for prefix in ["OCI_ARTIFACT_", "INPUT_", "PLUGIN_"] {
        assert!(!notes[0].contains(&format!("\n{prefix}")), "{}", notes[0]);
    }
}

#[test]
fn buildkite_s_agent_is_told_each_secret_once_and_sees_none() {
    let (workspace, registry) = (Workspace::new(), Registry::start());
    programs(&workspace);
    workspace.write("a.txt", "a");
    let run = workspace.run().args(["push", &registry.reference("a:v1"), "a.txt"]);
    let run = in_job(run, &workspace, "buildkite").env("BUILDKITE_PLUGIN_CONFIGURATION", "{}");
    with_secret(run, &workspace, "password", &registry.host())
        .call()
        .success();
    let notes = notes(&workspace);
    let redactions = notes.iter().filter(|note| note.contains("redactor add\n")).count();
    assert_eq!(redactions, 1, "{notes:#?}");
    for note in notes {
        assert_eq!(find(note.as_bytes(), &[PASSWORD]), None, "{note}");
        assert!(!note.contains("\nBUILDKITE_PLUGIN_"), "{note}");
    }
}

/// Some say "not authorized: Basic …", and JSON hides a text behind its escapes.
#[test]
fn a_server_that_repeats_the_credential_shows_none_of_it() {
    let pair = STANDARD.encode(format!("robot:{PASSWORD}"));
    let encoded: String = url::form_urlencoded::byte_serialize(PASSWORD.as_bytes()).collect();
    let escaped = PASSWORD.replace('/', "\\/").replace('w', "\\u0077");
    let message = format!("Basic {pair} is {PASSWORD}, {encoded} or {escaped}");
    let bodies = [
        format!(r#"{{"errors":[{{"code":"DENIED","message":"{message}"}}]}}"#),
        format!("<html>{}</html>", message.replace(&escaped, "")),
    ];
    for body in bodies {
        let internet = Internet::new();
        let answer = move |request: &Request| match request.header("authorization") {
            None => Reply::new(401).header("www-authenticate", "Basic realm=\"r\""),
            Some(got) => Reply::new(403)
                .body("text/plain", body.clone())
                .header("warning", format!("299 - \"{got}\"")),
        };
        let _registry = internet.serve("r.example", Arc::new(answer));
        let workspace = Workspace::new();
        programs(&workspace);
        let run = internet
            .run(&workspace)
            .args(["list", "r.example/a", "-v", "--format", "json"]);
        let run = run.args(["--output-file", "result.json"]);
        let outcome = with_secret(run, &workspace, "password", "r.example").call();
        outcome.exit(3);
        assert!(
            outcome.stderr.contains("Basic *** is ***, *** or"),
            "{}",
            outcome.snapshot()
        );
        for text in [
            outcome.stdout.clone(),
            outcome.stderr.clone(),
            workspace.read("result.json"),
        ] {
            assert_eq!(find(text.as_bytes(), &[PASSWORD]), None, "{}", outcome.snapshot());
        }
    }
}
