//! A run that is stopped tells the registry to forget what it was sending.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::faults::Fault;
use crate::support::measured::{Bounds, measured};
use crate::support::registry::Registry;
use crate::support::runner::Workspace;

/// What a client that was stopped while the PUT of each of `blobs` was under way said to the registry afterwards.
fn stopped(signal: Signal, code: i32, blobs: usize) {
    let registry = Registry::start();
    registry.fault(Fault::on("PUT", "/blobs/uploads/").stall().always());
    let workspace = Workspace::new();
    let names: Vec<String> = (0..blobs).map(|at| format!("{at}.bin")).collect();
    for name in &names {
        workspace.write(name, name.repeat(100_000));
    }
    let running = workspace
        .run()
        .args(["push", &registry.reference("app:v1")])
        .args(&names)
        .start();
    for at in 1..=blobs {
        let upload = format!("/session-{at}?");
        registry.wait_for("the uploads", |request| {
            request.method == "PUT" && request.path.contains(&upload)
        });
    }
    running.signal(signal);
    let begun = Instant::now();
    let outcome = running.wait();
    outcome.exit(code);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let said = outcome.stderr.matches("stopped by a signal").count();
    assert_eq!(said, 1, "{}", outcome.snapshot());
    for at in 1..=blobs {
        let deletes = registry.lines();
        let path = format!("DELETE /v2/app/blobs/uploads/session-{at}");
        let deletes = deletes
            .iter()
            .filter(|line| line.split('?').next() == Some(&path))
            .count();
        assert_eq!(deletes, 1, "session {at}: {:?}", registry.lines());
    }
    assert!(registry.tags("app").is_empty());
}

#[test]
fn partial_uploads_are_cancelled_on_sigterm_and_sigint() {
    stopped(Signal::TERM, 143, 3);
    stopped(Signal::INT, 130, 1);
}

/// One upload fails for good: those beside it are cancelled too.
#[test]
fn uploads_beside_one_that_failed_are_cancelled() {
    let registry = Registry::start();
    registry.fault(Fault::on("PUT", "session-1?").stall().always());
    registry.fault(Fault::on("PUT", "session-2?").answer(403).always());
    let workspace = Workspace::new();
    for name in ["a", "b"] {
        workspace.write(name, name.repeat(200_000));
    }
    workspace
        .run()
        .args(["push", &registry.reference("app:v1"), "a", "b"])
        .call()
        .exit(3);
    let lines = registry.lines();
    let cancelled = |session: &str| {
        let path = format!("DELETE /v2/app/blobs/uploads/{session}");
        lines
            .iter()
            .filter(|line| line.split('?').next() == Some(&path))
            .count()
    };
    assert_eq!((cancelled("session-1"), cancelled("session-2")), (1, 1), "{lines:?}");
}

/// What is read before a run begins may block for ever: here a pipe in the place of the spec, to which nobody writes.
#[test]
fn a_signal_before_the_run_begins_ends_it_too() {
    let workspace = Workspace::new();
    let pipe = workspace.path().join("spec.yaml");
    rustix::fs::mkfifoat(rustix::fs::CWD, pipe.as_std_path(), rustix::fs::Mode::RUSR).unwrap();
    let running = workspace.run().args(["push", "-f", "spec.yaml"]).start();
    std::thread::sleep(Duration::from_millis(500));
    running.signal(Signal::INT);
    let begun = Instant::now();
    let outcome = running.wait();
    outcome.exit(130);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(
        outcome.stderr.matches("stopped by a signal").count(),
        1,
        "{}",
        outcome.snapshot()
    );
}

#[test]
fn the_timeout_before_the_run_begins_ends_it_too() {
    let workspace = Workspace::new();
    let pipe = workspace.path().join("spec.yaml");
    rustix::fs::mkfifoat(rustix::fs::CWD, pipe.as_std_path(), rustix::fs::Mode::RUSR).unwrap();
    let run = workspace.run().args(["push", "-f", "spec.yaml", "--timeout", "1s"]);
    let bounds = Bounds {
        time: Duration::from_secs(8),
        memory: u64::MAX,
    };
    let outcome = measured(&run, bounds).outcome;
    outcome.exit(6);
    assert!(outcome.stderr.contains("took longer"), "{}", outcome.snapshot());
}

/// A credential helper that hangs is ended with the run.
#[test]
fn a_signal_while_a_helper_is_asked_ends_the_run_at_once() {
    let workspace = Workspace::new();
    let helpers = workspace.helpers(&["hang"]);
    workspace.docker_config(r#"{"credsStore": "hang"}"#);
    workspace.write("a", "a");
    let running = workspace
        .run()
        .env("PATH", helpers)
        .args(["push", "registry.example/app:v1", "a"])
        .start();
    std::thread::sleep(Duration::from_millis(500));
    running.signal(Signal::TERM);
    let begun = Instant::now();
    let outcome = running.wait();
    outcome.exit(143);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(
        outcome.stderr.matches("stopped by a signal").count(),
        1,
        "{}",
        outcome.snapshot()
    );
}
