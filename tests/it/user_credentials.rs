//! What a person meets who gets a credential wrong: each message names the place and the way out.

use crate::support::registry::{Auth, Bearer, Options, Registry};
use crate::support::runner::{Outcome, Run, Workspace};

/// A pull request's job whose head is the repository `head`; the job's own is `us/app`.
fn pull_request<'w>(workspace: &'w Workspace, registry: &Registry, head: &str) -> Run<'w> {
    workspace.write("a.txt", "a");
    let repo = |name: &str| format!(r#"{{"repo":{{"full_name":"{name}"}}}}"#);
    let event = format!(
        r#"{{"pull_request":{{"head":{},"base":{}}}}}"#,
        repo(head),
        repo("us/app")
    );
    let event = workspace.write("event.json", event);
    workspace
        .run()
        .args(["push", &registry.reference("a:v1"), "a.txt", "--format", "json"])
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_EVENT_NAME", "pull_request")
        .env("GITHUB_EVENT_PATH", event.as_str())
        .env("OCI_ARTIFACT_USERNAME", "us")
        .env("OCI_ARTIFACT_PASSWORD", "")
        .placeholder(registry.host(), "REGISTRY")
}

/// A secret is blank in a fork's job: that is how most of them are denied, before any registry is asked.
#[test]
fn a_fork_without_the_secret_is_denied_before_the_registry_is_asked() {
    let (workspace, registry) = (Workspace::new(), Registry::start());
    // A credential of the machine must not take the place of the one that was named.
    workspace.docker_config(&format!(r#"{{"auths":{{"{}":{{"auth":"dTpw"}}}}}}"#, registry.host()));
    let skipped = pull_request(&workspace, &registry, "you/app")
        .env("OCI_ARTIFACT_IF_DENIED", "skip")
        .call();
    skipped.success();
    assert_eq!(skipped.json()["artifacts"]["a"]["state"], "skipped");
    let notice = "artifact \"a\" is not pushed: a pull request from a fork gets neither";
    assert!(skipped.stderr().contains(notice), "{}", skipped.snapshot());
    let failed = pull_request(&workspace, &registry, "you/app").call();
    failed.exit(2);
    let way_out = "push after the merge, or set `if-denied: skip`";
    assert!(failed.stderr().contains(way_out), "{}", failed.snapshot());
    let own = pull_request(&workspace, &registry, "us/app")
        .env("OCI_ARTIFACT_IF_DENIED", "skip")
        .call();
    own.exit(2);
    assert!(!own.stderr().contains("fork"), "{}", own.snapshot());
    assert!(registry.lines().is_empty(), "{:?}", registry.lines());
}

/// `ghrc.io` (2025): a stranger's host that asks for the password.
#[test]
fn a_host_one_letter_away_from_a_known_one_is_warned_of() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    // No name server is asked: there is a proxy, which isn't there.
    let proxied = |arguments: &[&str]| {
        let run = workspace.run().args(arguments.iter().copied());
        run.args(["--retries", "0"])
            .env("HTTPS_PROXY", "http://127.0.0.1:9")
            .call()
    };
    let warning = "warning: ghrc.io is not ghcr.io, whose name is almost the same";
    for arguments in [
        &["push", "ghrc.io/us/app:v1", "a.txt"][..],
        &["list", "ghrc.io/us/app"],
        &["inspect", "ghrc.io/us/app:v1"],
    ] {
        let outcome = proxied(arguments);
        outcome.exit(6);
        assert!(outcome.stderr().starts_with(warning), "{}", outcome.snapshot());
    }
    let right = proxied(&["list", "ghcr.io/us/app"]);
    assert!(!right.stderr().contains("warning"), "{}", right.snapshot());
}

fn list(variables: &[(&str, &str)]) -> Outcome {
    let workspace = Workspace::new();
    let run = workspace.run().args(["list", "127.0.0.1:9/a"]);
    variables
        .iter()
        .fold(run, |run, (name, value)| run.env(*name, *value))
        .call()
}

#[test]
fn a_token_with_a_line_break_is_the_input_s_fault_and_not_the_network_s() {
    for name in ["OCI_ARTIFACT_TOKEN", "OCI_ARTIFACT_REGISTRY_TOKEN"] {
        let outcome = list(&[(name, "planted-one\nplanted-two")]);
        outcome.exit(2).keeps_secret(&["planted-one", "planted-two"]);
        let text = format!("error: {name} has a line break");
        assert!(outcome.stderr().starts_with(&text), "{}", outcome.snapshot());
    }
}

#[test]
fn a_user_without_a_password_is_told_where_it_goes() {
    insta::assert_snapshot!(list(&[("OCI_ARTIFACT_USERNAME", "us")]).snapshot(), @"
    exit: 2
    --- stdout
    --- stderr
    error: OCI_ARTIFACT_USERNAME is given without password or token
      hint: set the input password; a secret that this job may not read is blank
    ");
    let workspace = Workspace::new();
    let login = workspace.run().args(["login", "127.0.0.1:9", "-u", "us"]).call();
    insta::assert_snapshot!(login.snapshot(), @"
    exit: 2
    --- stdout
    --- stderr
    error: --username is given without password or token
      hint: set the variable OCI_ARTIFACT_PASSWORD, or pass the password on stdin with --password-stdin
    ");
}

/// RFC 7617 §2: the first colon ends the user's name, so the registry would see another one.
#[test]
fn a_colon_in_the_user_s_name_is_refused() {
    let outcome = list(&[("OCI_ARTIFACT_USERNAME", "us:planted"), ("OCI_ARTIFACT_PASSWORD", "x")]);
    outcome.keeps_secret(&["planted"]);
    insta::assert_snapshot!(outcome.snapshot(), @"
    exit: 2
    --- stdout
    --- stderr
    error: OCI_ARTIFACT_USERNAME has a colon in it
      hint: what stands behind the colon is probably the password, which goes into the input password
    ");
}

#[test]
fn two_registries_and_one_password_point_to_auth() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    let artifact = |port: u16| format!("  - {{reference: '127.0.0.1:{port}/a-{port}:v1', files: [a.txt]}}\n");
    workspace.write(
        "oci-artifact.yaml",
        format!("artifacts:\n{}{}", artifact(8), artifact(9)),
    );
    let push = workspace.run().arg("push").env("OCI_ARTIFACT_TOKEN", "planted");
    let outcome = push.call();
    outcome.keeps_secret(&["planted"]);
    insta::assert_snapshot!(outcome.snapshot(), @"
    exit: 2
    --- stdout
    --- stderr
    error: a credential is given, and the run has 2 registries
      hint: set `registry` to the one that it is for (127.0.0.1:8, 127.0.0.1:9), or give each its own in `auth`
    ");
}

#[test]
fn a_command_behind_a_flag_is_no_reference() {
    let workspace = Workspace::new();
    let run = || workspace.run().args(["-v", "list", "127.0.0.1:9/a"]);
    insta::assert_snapshot!(run().call().snapshot(), @"
    exit: 2
    --- stdout
    --- stderr
    error: -v stands before a command
      hint: name the command first, as in: oci-artifact push -v; oci-artifact --help lists the commands
    ");
    insta::assert_snapshot!(run().env("GITLAB_CI", "true").call().snapshot(), @"
    exit: 2
    --- stdout
    --- stderr
    error: the command list stands behind a flag
      hint: name the command first: oci-artifact list …
    ");
}

/// All forms in which a secret could come out, at the level that says the most, for what succeeds and what doesn't.
#[test]
fn no_form_of_a_secret_is_in_a_debug_log() {
    const PASSWORD: &str = "planted/pass+word=";
    let forms = [
        PASSWORD,
        "planted%2Fpass%2Bword%3D",
        "planted%2fpass",
        "dXM6cGxhbnRlZC9wYXNz",
    ];
    let bearer = Bearer {
        username: "us",
        password: PASSWORD,
        ..Bearer::default()
    };
    let basic = Auth::Basic("us", PASSWORD);
    for auth in [basic, Auth::Bearer(bearer)] {
        let registry = Registry::with(Options {
            auth,
            ..Options::default()
        });
        let workspace = Workspace::new();
        workspace.write("a.txt", "a");
        let reference = registry.reference("team/a:v1");
        for (command, user) in [
            ("push", "us"),
            ("inspect", "us"),
            ("list", "us"),
            ("pull", "no"),
            ("push", "no"),
        ] {
            let mut arguments = vec![command, &reference, "-v"];
            arguments.extend((command == "push").then_some("a.txt"));
            let run = workspace.run().args(arguments).env("OCI_ARTIFACT_USERNAME", user);
            let outcome = run.env("OCI_ARTIFACT_PASSWORD", PASSWORD).call();
            outcome.exit(if user == "us" { 0 } else { 3 }).keeps_secret(&forms);
            assert!(outcome.stderr().contains("DEBUG "), "{}", outcome.snapshot());
        }
    }
}
