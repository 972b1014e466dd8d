//! What no other client joins: waits as told, a deadline, parts that fit together, tokens that end between them.

use std::time::{Duration, SystemTime};

use crate::support::faults::Fault;
use crate::support::registry::{Auth, Bearer, Options, Registry};
use crate::support::runner::{Run, Workspace};

const LENGTH: usize = 3 << 20;

/// A registry with an artifact of one file, and a workspace that has the file.
fn pushed(options: Options) -> (Workspace, Registry) {
    let (workspace, registry) = (Workspace::new(), Registry::with(options));
    workspace.write("large", bytes());
    with_login(&workspace.run().args(["push", &registry.reference("a:v1"), "large"]))
        .call()
        .success();
    registry.clear_requests();
    (workspace, registry)
}

fn bytes() -> Vec<u8> {
    (0..LENGTH).map(|i| (i * 31 % 251) as u8).collect()
}

fn digest() -> String {
    oci_artifact::oci::Digest::of(&bytes()).to_string()
}

/// The credential of the double; where nobody asks for it, it isn't sent.
fn with_login<'a>(run: &Run<'a>) -> Run<'a> {
    run.clone()
        .env("OCI_ARTIFACT_USERNAME", "user")
        .env("OCI_ARTIFACT_PASSWORD", "secret")
}

fn pull<'a>(workspace: &'a Workspace, registry: &Registry) -> Run<'a> {
    let run = workspace.run();
    with_login(&run.args(["pull", &registry.reference("a:v1"), "--output", "back"]))
}

/// Neither a part of a file nor a temporary one.
fn left_nothing(workspace: &Workspace) {
    if workspace.exists("back") {
        let back = workspace.tree("back");
        assert!(back.is_empty(), "{:?}", back.keys());
    }
    let left: Vec<_> = fs_err::read_dir(workspace.temporary()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_server_that_names_a_wait_gets_it() {
    for (path, status, dated) in [(digest(), 429, false), ("/manifests/".to_owned(), 503, true)] {
        let (workspace, registry) = pushed(Options::default());
        let begun = SystemTime::now();
        let due = begun + Duration::from_secs(if dated { 2 } else { 1 });
        let date = httpdate::fmt_http_date(due);
        let wait = if dated { date.as_str() } else { "1" };
        registry.fault(Fault::on("GET", &path).answer(status).header("retry-after", wait));
        let outcome = pull(&workspace, &registry).call();
        outcome.success();
        // A date has whole seconds.
        let due = if dated {
            httpdate::parse_http_date(&date).unwrap()
        } else {
            due
        };
        assert!(SystemTime::now() >= due, "{status}: {}", outcome.stderr());
        assert!(outcome.stderr().contains(&status.to_string()), "{}", outcome.stderr());
    }
}

#[test]
fn the_timeout_ends_a_pull_in_mid_transfer() {
    let (workspace, registry) = pushed(Options::default());
    registry.fault(Fault::on("GET", &digest()).always().stall_answer(LENGTH / 2));
    let outcome = pull(&workspace, &registry).args(["--timeout", "1500ms"]).call();
    outcome.exit(6);
    assert!(
        outcome.stderr().contains("longer than its `timeout` of 1.5s"),
        "{}",
        outcome.stderr()
    );
    assert!(
        outcome.stderr().contains("hint: raise `timeout`"),
        "{}",
        outcome.stderr()
    );
    left_nothing(&workspace);
}

#[test]
fn the_timeout_ends_a_push_in_mid_transfer() {
    let (workspace, registry) = (Workspace::new(), Registry::start());
    workspace.write("large", bytes());
    registry.fault(Fault::on("PUT", "/blobs/uploads/").always().stall());
    let run = workspace.run().args(["push", &registry.reference("a:v1"), "large"]);
    let outcome = run.args(["--timeout", "1s"]).call();
    outcome.exit(6);
    assert!(
        outcome.stderr().contains("longer than its `timeout` of 1s"),
        "{}",
        outcome.stderr()
    );
    assert!(registry.tags("a").is_empty());
    left_nothing(&workspace);
}

/// The digest is that of the whole: a wrong byte is found on either side of a cut, and the cut itself does no harm.
#[test]
fn a_rest_that_is_wrong_is_found_by_the_hash_of_the_whole() {
    let (workspace, registry) = pushed(Options::default());
    registry.fault(Fault::on("GET", &digest()).cut_answer(LENGTH / 2));
    registry.fault(Fault::on("GET", &digest()).corrupt(0));
    pull(&workspace, &registry).call().exit(7);
    assert_eq!(parts(&registry), 2, "{:?}", registry.lines());
    left_nothing(&workspace);
    registry.fault(Fault::on("GET", &digest()).cut_answer(LENGTH / 2));
    pull(&workspace, &registry).call().success();
    assert!(fs_err::read(workspace.path().join("back/large")).unwrap() == bytes());
}

#[test]
fn a_token_that_ends_between_two_parts_of_a_pull_is_renewed() {
    let (workspace, registry) = pushed(Options {
        auth: Auth::Bearer(Bearer::default()),
        ..Options::default()
    });
    let challenge = format!(
        "Bearer realm=\"{}/token\",service=\"test\",scope=\"repository:a:pull\",error=\"invalid_token\"",
        registry.origin()
    );
    registry.fault(Fault::on("GET", &digest()).cut_answer(LENGTH / 2));
    registry.fault(
        Fault::on("GET", &digest())
            .answer(401)
            .header("www-authenticate", &challenge),
    );
    pull(&workspace, &registry).call().success();
    assert!(fs_err::read(workspace.path().join("back/large")).unwrap() == bytes());
    assert_eq!(registry.token_requests(), 2);
    // The first half, the refusal, the rest: it doesn't begin anew.
    assert_eq!(parts(&registry), 3, "{:?}", registry.lines());
    let last = registry.requests().pop().unwrap();
    let from = last
        .header("range")
        .unwrap()
        .trim_start_matches("bytes=")
        .split('-')
        .next()
        .unwrap();
    assert!(from.parse::<usize>().unwrap() > 0);
}

/// How often the file was asked for.
fn parts(registry: &Registry) -> usize {
    let lines = registry.lines();
    lines
        .iter()
        .filter(|line| line.starts_with("GET") && line.contains(&digest()))
        .count()
}
