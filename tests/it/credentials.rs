//! Which credential goes where, and that it goes nowhere else: the real binary against servers that write down what
//! they get.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::recorder::{asker, assert_no_credential, recorder};
use crate::support::registry::{Auth, Bearer, Options, Registry};
use crate::support::runner::{Run, Workspace};
use crate::support::tls::tls;

const USER: &str = "user";
const PASSWORD: &str = "a-secret-password";

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    workspace
}

fn bearer() -> Bearer {
    Bearer {
        username: USER,
        password: PASSWORD,
        ..Bearer::default()
    }
}

fn registry(bearer: Bearer) -> Registry {
    Registry::with(Options {
        auth: Auth::Bearer(bearer),
        ..Options::default()
    })
}

fn push<'w>(workspace: &'w Workspace, registry: &Registry) -> Run<'w> {
    workspace.run().args(["push", &registry.reference("a:v1"), "a.txt"])
}

fn login(run: Run<'_>) -> Run<'_> {
    run.env("OCI_ARTIFACT_USERNAME", USER)
        .env("OCI_ARTIFACT_PASSWORD", PASSWORD)
}

#[test]
fn basic_over_tls_with_an_authority_of_ones_own() {
    let workspace = workspace();
    let registry = Registry::with(Options {
        auth: Auth::Basic(USER, PASSWORD),
        tls: true,
        ..Options::default()
    });
    workspace.write("ca.pem", &tls().authority);
    let run = || push(&workspace, &registry).args(["--ca-file", "ca.pem"]);
    login(run()).call().success().keeps_secret(&[PASSWORD]);
    let wrong = run()
        .env("OCI_ARTIFACT_USERNAME", USER)
        .env("OCI_ARTIFACT_PASSWORD", "other")
        .call();
    wrong.exit(3);
    assert!(wrong.stderr.contains("hint: "), "{}", wrong.snapshot());
    run().call().exit(3);
    workspace.write("empty.pem", "nothing");
    let empty = push(&workspace, &registry).args(["--ca-file", "empty.pem"]).call();
    empty.exit(2);
    assert!(empty.stderr.contains("empty.pem"), "{}", empty.snapshot());
    let host = registry.host();
    login(push(&workspace, &registry))
        .args(["--insecure", &host])
        .call()
        .success();
}

#[test]
fn a_password_and_the_all_zero_user_with_a_token_are_taken() {
    for user in [USER, "00000000-0000-0000-0000-000000000000"] {
        let workspace = workspace();
        let registry = registry(Bearer {
            username: user,
            ..bearer()
        });
        let run = push(&workspace, &registry).env("OCI_ARTIFACT_USERNAME", user);
        run.env("OCI_ARTIFACT_PASSWORD", PASSWORD).call().success();
    }
    let (workspace, registry) = (workspace(), registry(bearer()));
    let run = push(&workspace, &registry).args(["--username", USER, "--password-stdin"]);
    run.stdin(format!("{PASSWORD}\n")).call().success();
}

#[test]
fn a_refresh_token_goes_to_the_token_endpoint_by_post() {
    let (workspace, registry) = (
        workspace(),
        registry(Bearer {
            refresh_token: Some(PASSWORD),
            ..bearer()
        }),
    );
    let outcome = push(&workspace, &registry).env("OCI_ARTIFACT_TOKEN", PASSWORD).call();
    outcome.success().keeps_secret(&[PASSWORD]);
    assert!(
        registry
            .requests()
            .iter()
            .any(|request| request.line() == "POST /token")
    );
}

#[test]
fn a_registry_token_is_the_bearer_itself() {
    let (workspace, recorder) = (workspace(), recorder(403));
    let reference = format!("{}/a:v1", recorder.host());
    let run = workspace.run().args(["push", &reference, "a.txt"]);
    run.env("OCI_ARTIFACT_REGISTRY_TOKEN", PASSWORD).call().exit(3);
    let sent = recorder.requests()[0].header("authorization").map(str::to_owned);
    assert_eq!(sent, Some(format!("Bearer {PASSWORD}")));
}

/// rust-oci-client#14: a public repository wants the token call, too.
#[test]
fn roci_14_anonymous_pull_makes_the_token_call() {
    let workspace = workspace();
    let registry = registry(Bearer {
        anonymous_pull: true,
        ..bearer()
    });
    login(push(&workspace, &registry)).call().success();
    let pull = workspace
        .run()
        .args(["pull", &registry.reference("a:v1"), "-o", "out"])
        .call();
    pull.success();
    let refused = push(&workspace, &registry)
        .args(["--if-exists", "replace", "--force"])
        .call();
    refused.exit(3);
    assert!(
        refused.stderr.contains("no credential was found"),
        "{}",
        refused.snapshot()
    );
}

#[test]
fn the_docker_config_is_read_for_exactly_that_host() {
    let (workspace, other) = (workspace(), asker(None));
    let registry = registry(bearer());
    let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let config = format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, registry.host());
    fs_err::create_dir_all(workspace.home().join(".docker")).unwrap();
    fs_err::write(workspace.home().join(".docker/config.json"), config).unwrap();
    push(&workspace, &registry).call().success();
    let reference = format!("{}/a:v1", other.host());
    let outcome = workspace.run().args(["push", &reference, "a.txt"]).call();
    outcome.exit(3).keeps_secret(&[PASSWORD, &auth]);
    assert_no_credential(&other, &[PASSWORD, &auth]);
}

#[test]
fn a_realm_elsewhere_gets_nothing_unless_it_is_trusted() {
    let (workspace, elsewhere) = (workspace(), registry(bearer()));
    let realm = elsewhere.origin().replace("127.0.0.1", "localhost") + "/token";
    let evil = asker(Some(&realm));
    let reference = format!("{}/a:v1", evil.host());
    let run = || login(workspace.run().args(["push", &reference, "a.txt"]));
    let outcome = run().call();
    outcome.exit(3).keeps_secret(&[PASSWORD]);
    assert!(outcome.stderr.contains("trusted-realms"), "{}", outcome.snapshot());
    assert_no_credential(&elsewhere, &[PASSWORD]);
    let trusted = run()
        .args(["--trusted-realms", realm.split('/').nth(2).unwrap()])
        .call();
    trusted.exit(3);
    assert!(elsewhere.token_requests() > 0, "{}", trusted.snapshot());
}

#[test]
fn the_github_token_goes_to_ghcr_alone() {
    let (workspace, other) = (workspace(), asker(None));
    let reference = format!("{}/a:v1", other.host());
    let run = workspace
        .run()
        .args(["push", &reference, "a.txt"])
        .env("GITHUB_ACTIONS", "true");
    run.env("OCI_ARTIFACT_GITHUB_TOKEN", PASSWORD).call().exit(3);
    assert_no_credential(&other, &[PASSWORD]);
}

/// A token that is good for one request: one renewal each, the body sent again (oras#456, oras-go#97). One at a time,
/// as two that share it would take it from each other.
#[test]
fn oras_456_a_token_that_ends_is_renewed_once() {
    let (workspace, registry) = (
        workspace(),
        registry(Bearer {
            token_uses: Some(1),
            ..bearer()
        }),
    );
    login(push(&workspace, &registry))
        .args(["--concurrency", "1", "--retries", "0"])
        .call()
        .success();
    assert_eq!(registry.tags("a").len(), 1);
}

#[test]
fn half_a_credential_is_a_usage_error() {
    let (workspace, registry) = (workspace(), Registry::start());
    for (name, value) in [("OCI_ARTIFACT_USERNAME", USER), ("OCI_ARTIFACT_PASSWORD", PASSWORD)] {
        let outcome = push(&workspace, &registry).env(name, value).call();
        outcome.exit(2).keeps_secret(&[PASSWORD]);
    }
    assert!(registry.lines().is_empty());
}
