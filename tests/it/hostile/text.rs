//! What a server says, on its way to a person and to the CI system that reads the log.

use std::io::Write as _;

use super::auth::on;
use super::case::{Case, Seen};
use super::client::Action;
use super::scene::Scene;
use super::wire::{Wire, flood};
use crate::support::faults::Fault;
use crate::support::message::{Reply, Request};
use crate::support::registry::{Options, Registry};

/// Nothing in the output is a command of a CI system or of a terminal.
fn harmless(seen: &Seen) {
    let outcome = &seen.measured.outcome;
    for text in [&outcome.stdout, &outcome.stderr] {
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        for line in text.lines() {
            let line = line.trim_start();
            for mark in [
                "::set-output",
                "::error::forged",
                "##vso[",
                "##[error]forged",
                "error: forged",
            ] {
                assert!(!line.starts_with(mark), "{line:?}");
            }
        }
        assert!(text.len() < 100_000, "{} bytes", text.len());
    }
}

#[test]
fn m25_errors_that_speak_to_the_terminal() {
    let case = Case::new("M25", "error body with commands of CI systems, ANSI, NUL, 1 GiB");
    let hostile = [
        (
            "commands",
            "no\\n::set-output name=digest::forged\\n::error::forged\\n##vso[task.complete result=Succeeded;]",
        ),
        (
            "a terminal's",
            "\\u001b[2J\\u001b]0;title\\u0007\\u0000\\u009b31m\\r\\n##[error]forged",
        ),
        ("turned around", "\\u202eforged\\u2066 error: forged"),
    ];
    for (what, text) in hostile {
        // In a job, what looks like a command is one.
        for job in [false, true] {
            let shown = if job {
                format!("{what}, in a job")
            } else {
                what.to_owned()
            };
            let body = format!(r#"{{"errors":[{{"code":"DENIED","message":"{text}","detail":"{text}"}}]}}"#);
            let refused = || {
                let answer = Fault::on("GET", "/blobs/").always().answer(403);
                let answer = answer.header("content-type", "application/json").body(&body);
                Scene::new().fault(answer).in_job(job)
            };
            case.ends(&shown, 3, "403 Forbidden", refused, harmless);
        }
    }
    case.ends(
        "no JSON, with NUL",
        3,
        "403 Forbidden",
        || {
            let answer = Fault::on("GET", "/blobs/").always().answer(403);
            Scene::new().fault(answer.body("\u{0}\u{1b}[31m\n::error::forged\n"))
        },
        harmless,
    );
    for head in ["content-length: 1073741824\r\n", ""] {
        case.ends(
            if head.is_empty() { "without end" } else { "1 GiB" },
            3,
            "403 Forbidden",
            || {
                let scene = Scene::new();
                let wire = Wire::before(scene.registry.address(), move |first, stream| {
                    if !first.contains("/blobs/") {
                        return Ok(false);
                    }
                    write!(stream, "HTTP/1.1 403 No\r\n{head}\r\n")?;
                    flood(stream, &[b'x'; 65536])
                });
                on(scene, wire)
            },
            harmless,
        );
    }
    case.ends(
        "tags",
        0,
        "v1",
        || {
            let body = r#"{"tags":["v1","x\n::error::forged","\u001b[2J"]}"#;
            let answer = Fault::on("GET", "/tags/list").always().answer(200);
            let answer = answer.header("content-type", "application/json").body(body);
            Scene::new().does(Action::Tags).fault(answer)
        },
        harmless,
    );
}

#[test]
fn m26_warnings_without_end() {
    let case = Case::new("M26", "Warning headers, many and hostile");
    let warned = || {
        let registry = Registry::behind(Options::default(), None, move |inside| {
            Box::new(move |request: &Request| {
                let mut reply: Reply = inside.answer(request);
                for at in 0..60 {
                    let text = format!("299 - \"{} number {at} \t::error::forged\"", request.path);
                    reply.headers.push(("warning".to_owned(), text));
                }
                reply
            })
        });
        Scene::before(registry, false)
    };
    case.ends("sixty an answer", 0, "warns", warned, |seen| {
        harmless(seen);
        let count = seen.measured.outcome.stderr.matches(" warns: ").count();
        assert!(count <= 20, "{count} warnings");
    });
}
