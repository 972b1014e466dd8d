//! Where credentials come from: `auth`, GitLab, docker's configuration and its helpers, as the real binary reads them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::registry::{Auth, Bearer, Options, Registry};
use crate::support::runner::{Run, Workspace};

const USER: &str = "user";
const PASSWORD: &str = "a-secret-password";
const OTHER: &str = "other-secret-password";

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    workspace
}

fn registry(bearer: Bearer) -> Registry {
    Registry::with(Options {
        auth: Auth::Bearer(Bearer {
            username: USER,
            password: PASSWORD,
            ..bearer
        }),
        ..Options::default()
    })
}

fn locked() -> Registry {
    registry(Bearer::default())
}

fn push<'w>(workspace: &'w Workspace, registry: &Registry) -> Run<'w> {
    let run = workspace.run().args(["push", &registry.reference("a:v1"), "a.txt"]);
    run.placeholder(registry.host(), "REGISTRY")
}

/// Who asked for a token with `scope` in it.
fn asked(registry: &Registry, scope: &str) -> Vec<String> {
    let requests = registry.requests().into_iter();
    let tokens = requests.filter(|request| request.path.starts_with("/token") && request.path.contains(scope));
    let mut users: Vec<String> = tokens
        .map(|request| {
            let header = request.header("authorization").unwrap_or("Basic ").to_owned();
            let pair = STANDARD.decode(header.strip_prefix("Basic ").unwrap()).unwrap();
            String::from_utf8(pair).unwrap().split(':').next().unwrap().to_owned()
        })
        .collect();
    users.dedup();
    users
}

/// rust-oci-client#221 gave the token of one user to another: here both work at once, and on a second registry a third.
#[test]
fn roci_221_two_identities_for_one_host_and_several_hosts_work_in_one_run() {
    let workspace = workspace();
    let two = registry(Bearer {
        other: Some(("robot", OTHER, "org")),
        ..Bearer::default()
    });
    let third = locked();
    let (one_host, other_host) = (two.host(), third.host());
    let auth = format!(
        "- {{registry: '{one_host}', username: user, password-variable: ONE}}\n\
         - {{registry: '{one_host}/org', username: robot, password: {OTHER}}}\n\
         - {{registry: '{other_host}', username: user, password-variable: ONE}}\n"
    );
    let artifacts: String = (0..4)
        .map(|n| {
            format!(
                "- {{name: m{n}, reference: '{one_host}/mine/a{n}:v1', files: [a.txt]}}\n\
                 - {{name: o{n}, reference: '{one_host}/org/a{n}:v1', files: [a.txt]}}\n\
                 - {{name: t{n}, reference: '{other_host}/a{n}:v1', files: [a.txt]}}\n"
            )
        })
        .collect();
    workspace.write("oci-artifact.yaml", format!("artifacts:\n{artifacts}"));
    let outcome = workspace
        .run()
        .arg("push")
        .env("OCI_ARTIFACT_AUTH", auth)
        .env("ONE", PASSWORD)
        .call();
    outcome.success().keeps_secret(&[PASSWORD, OTHER]);
    for n in 0..4 {
        for (registry, name) in [
            (&two, format!("mine/a{n}")),
            (&two, format!("org/a{n}")),
            (&third, format!("a{n}")),
        ] {
            assert_eq!(registry.tags(&name).len(), 1, "{name}");
        }
        assert_eq!(asked(&two, &format!("mine%2Fa{n}")), ["user"]);
        assert_eq!(asked(&two, &format!("org%2Fa{n}")), ["robot"]);
    }
}

#[test]
fn the_secrets_of_auth_are_masked_before_anything_is_said() {
    let workspace = workspace();
    let auth = format!("- {{registry: r.example, username: me, password: {PASSWORD}}}\n- {{registry: [x]}}\n");
    let run = workspace
        .run()
        .args(["push", "r.example/a:v1", "a.txt"])
        .env("GITHUB_ACTIONS", "true");
    // A text that can't be read holds nothing that could be told apart: it is not shown at all.
    run.clone()
        .env("OCI_ARTIFACT_AUTH", &auth)
        .call()
        .exit(2)
        .keeps_secret(&[PASSWORD]);
    let auth = auth.replace("{registry: [x]}", "{registry: x, tokn: y}");
    let outcome = run.env("OCI_ARTIFACT_AUTH", &auth).call();
    outcome.exit(2);
    let printed = format!("{}{}", outcome.stdout, outcome.stderr);
    let mask = printed.find(&format!("::add-mask::{PASSWORD}")).unwrap();
    assert!(mask < printed.find("entry 2").unwrap(), "{printed}");
    assert_eq!(printed.matches(PASSWORD).count(), 1, "{printed}");
}

#[test]
fn a_wrong_entry_of_auth_is_named() {
    let (workspace, registry) = (workspace(), locked());
    let auth = format!("[{{registry: '{}', username: user, password: wrong}}]", registry.host());
    let run = push(&workspace, &registry).args(["--retries", "0"]);
    let outcome = run.env("OCI_ARTIFACT_AUTH", auth).call();
    insta::assert_snapshot!(outcome.snapshot(), @r#"
    exit: 3
    --- stdout
    a: failed
    --- stderr
    pushing 1 artifact
    error: artifact "a": GET http://[REGISTRY]/token?service=test&scope=repository%3Aa%3Apull%2Cpush&account=…: 401 Unauthorized: UNAUTHORIZED: wrong user or password
      hint: the credential for [REGISTRY] came from `auth` entry 1: check that it is current and may do this in a
    "#);
    let unset = format!("[{{registry: '{}', token-variable: NOBODY_SET_IT}}]", registry.host());
    let outcome = push(&workspace, &registry).env("OCI_ARTIFACT_AUTH", unset).call();
    insta::assert_snapshot!(outcome.snapshot(), @"
    exit: 2
    --- stdout
    --- stderr
    error: OCI_ARTIFACT_AUTH: entry 1 (line 1): `token-variable` names a variable that is not set, or is blank
      hint: pass the secret to this step under that name, as in `env: {REGISTRY_PASSWORD: …}` and `password-variable: REGISTRY_PASSWORD`
    ");
}

#[test]
fn a_token_that_is_over_is_told_with_its_source() {
    let (workspace, registry) = (workspace(), locked());
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(r#"{"exp":1000000000}"#);
    let token = format!("e30.{payload}.signature");
    let outcome = push(&workspace, &registry)
        .env("OCI_ARTIFACT_REGISTRY_TOKEN", &token)
        .call();
    outcome.exit(3).keeps_secret(&[&token]);
    let stderr = outcome.stderr();
    let told = "warning: the credential for [REGISTRY] from `registry-token` ended ";
    assert!(stderr.contains(told), "{stderr}");
    assert!(stderr.contains("came from `registry-token`"), "{stderr}");
}

#[test]
fn gitlab_gives_its_own_registry_to_its_jobs_alone() {
    let (workspace, own, other) = (workspace(), locked(), locked());
    let job = |registry: &Registry| {
        push(&workspace, registry)
            .env("CI_REGISTRY", own.host())
            .env("CI_REGISTRY_USER", USER)
            .env("CI_REGISTRY_PASSWORD", PASSWORD)
    };
    job(&own)
        .env("GITLAB_CI", "true")
        .call()
        .success()
        .keeps_secret(&[PASSWORD]);
    job(&own).call().exit(3);
    job(&other).env("GITLAB_CI", "true").call().exit(3);
    assert!(!format!("{:?}", other.requests()).contains(&STANDARD.encode(format!("{USER}:{PASSWORD}"))));
}

#[test]
fn the_debug_log_says_which_source_was_used_and_why_others_were_not() {
    let (workspace, registry) = (workspace(), locked());
    let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let config = format!(
        r#"{{"credsStore":"desktop","auths":{{"{}":{{"auth":"{auth}"}}}}}}"#,
        registry.host()
    );
    workspace.docker_config(&config);
    let run = push(&workspace, &registry).args(["--log-level", "debug"]);
    let run = run.env("OCI_ARTIFACT_AUTH", "[{registry: s.example/org, token: t-o-k-e-n}]");
    let outcome = run.env("OCI_ARTIFACT_GITHUB_TOKEN", "g-h-token").call();
    outcome
        .success()
        .keeps_secret(&[PASSWORD, &auth, "t-o-k-e-n", "g-h-token"]);
    let stderr = outcome.stderr();
    let lines: Vec<&str> = stderr
        .lines()
        .filter(|line| line.contains("the credential is from"))
        .collect();
    assert_eq!(lines.len(), 1, "{stderr}");
    insta::assert_snapshot!(parts(lines[0]), @"
    DEBUG [REGISTRY]: the credential is from [ROOT]/home/.docker/config.json;
    not from inputs (none is given),
    `CI_REGISTRY` (not a GitLab job),
    `auth` entry 1 (for s.example/org alone),
    `github-token` (for ghcr.io alone),
    docker-credential-desktop: there is no such program on PATH,
    what comes after it (not asked)
    ");
    let open = Registry::start();
    let outcome = push(&workspace, &open).args(["--log-level", "debug"]).call();
    let stderr = outcome.stderr();
    let line = stderr.lines().find(|line| line.contains("the credential is from"));
    insta::assert_snapshot!(parts(line.unwrap()), @"
    DEBUG [REGISTRY]: the credential is from nowhere: it is anonymous;
    not from inputs (none is given),
    `auth` (not given),
    `CI_REGISTRY` (not a GitLab job),
    `github-token` (not given),
    docker-credential-desktop: there is no such program on PATH,
    [ROOT]/home/.docker/config.json (no entry for it),
    the job's identity (no cloud that it has one at)
    ");
}

/// The line in several, as lines of the source are short.
fn parts(line: &str) -> String {
    line.replace("; ", ";\n").replace(", ", ",\n")
}

/// docker/cli#1989: a helper that isn't there fails without a word; images of CI systems have `desktop` left in them.
#[test]
fn docker_cli_1989_a_creds_store_that_is_missing_breaks_no_anonymous_pull() {
    let workspace = workspace();
    let registry = registry(Bearer {
        anonymous_pull: true,
        ..Bearer::default()
    });
    let run = push(&workspace, &registry).env("OCI_ARTIFACT_USERNAME", USER);
    run.env("OCI_ARTIFACT_PASSWORD", PASSWORD).call().success();
    workspace.docker_config(r#"{"credsStore":"desktop"}"#);
    let pull = workspace.run().args(["pull", &registry.reference("a:v1"), "-o", "out"]);
    let outcome = pull.placeholder(registry.host(), "REGISTRY").call();
    outcome.success();
    insta::assert_snapshot!(outcome.stderr(), @"
    pulling 1 artifact
    warning: [ROOT]/home/.docker/config.json: docker-credential-desktop: there is no such program on PATH; going on without it
      pulled           1 B  a.txt
    ");
}

#[cfg(unix)]
#[test]
fn a_helper_of_the_host_is_asked_and_named_when_it_fails() {
    let (workspace, registry) = (workspace(), locked());
    let path = workspace.helpers(&["user", "wrong", "fail", "junk", "huge", "none"]);
    let push = |helper: &str| {
        workspace.docker_config(&format!(r#"{{"credHelpers":{{"{}":"{helper}"}}}}"#, registry.host()));
        push(&workspace, &registry).env("PATH", &path).call()
    };
    push("user").success().keeps_secret(&[PASSWORD]);
    let mut told = String::new();
    for helper in ["wrong", "fail", "junk", "huge", "none", "missing", "../user"] {
        let outcome = workspace.run().args(["delete", &registry.reference("a:v1"), "--yes"]);
        workspace.docker_config(&format!(r#"{{"credHelpers":{{"{}":"{helper}"}}}}"#, registry.host()));
        let outcome = outcome
            .placeholder(registry.host(), "REGISTRY")
            .env("PATH", &path)
            .args(["--retries", "0"])
            .call();
        told += &format!("{helper}: exit {}\n{}", outcome.code.unwrap(), outcome.stderr());
    }
    insta::assert_snapshot!(told, @"
    wrong: exit 3
    error: GET http://[REGISTRY]/token?service=test&scope=repository%3Aa%3Apull%2Cpush&account=…: 401 Unauthorized: UNAUTHORIZED: wrong user or password
      hint: the credential for [REGISTRY] came from docker-credential-wrong, which [ROOT]/home/.docker/config.json names: check that it is current and may do this in a
    fail: exit 3
    error: [ROOT]/home/.docker/config.json: docker-credential-fail: it failed: the keychain is locked
      hint: `credHelpers` names it for [REGISTRY]: install or repair it, take it out of that file, or give `username` and `password`
    junk: exit 2
    error: [ROOT]/home/.docker/config.json: docker-credential-junk: its answer is not the JSON of a credential
      hint: `credHelpers` names it for [REGISTRY]: install or repair it, take it out of that file, or give `username` and `password`
    huge: exit 2
    error: [ROOT]/home/.docker/config.json: docker-credential-huge: it printed more than 256 KiB
      hint: `credHelpers` names it for [REGISTRY]: install or repair it, take it out of that file, or give `username` and `password`
    none: exit 3
    error: GET http://[REGISTRY]/token?service=test&scope=repository%3Aa%3Apull%2Cpush: 401 Unauthorized: UNAUTHORIZED: wrong user or password
      hint: no credential was found for [REGISTRY]: give `username` and `password`, or `token` (in CI from a secret), or log in with docker
    missing: exit 2
    error: [ROOT]/home/.docker/config.json: docker-credential-missing: there is no such program on PATH
      hint: `credHelpers` names it for [REGISTRY]: install or repair it, take it out of that file, or give `username` and `password`
    ../user: exit 2
    error: [ROOT]/home/.docker/config.json: docker-credential-../user: its name has characters that no helper's name has
      hint: `credHelpers` names it for [REGISTRY]: install or repair it, take it out of that file, or give `username` and `password`
    ");
}

#[cfg(unix)]
#[test]
fn a_static_entry_counts_where_the_helper_fails_and_the_reason_is_shown() {
    let (workspace, registry) = (workspace(), locked());
    let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let host = registry.host();
    workspace.docker_config(&format!(
        r#"{{"credHelpers":{{"{host}":"fail"}},"auths":{{"{host}":{{"auth":"{auth}"}}}}}}"#
    ));
    let run = push(&workspace, &registry).env("PATH", workspace.helpers(&["fail"]));
    let outcome = run.call();
    outcome.success();
    assert!(
        outcome
            .stderr
            .contains("docker-credential-fail: it failed: the keychain is locked"),
        "{}",
        outcome.stderr
    );
}
