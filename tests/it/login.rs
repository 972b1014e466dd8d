//! `login` and `logout`: docker's configuration, for other tools.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::peers::{Access, Peer, program};
use crate::support::registry::{Auth, Bearer, Options, Registry};
use crate::support::runner::{Run, Workspace};

const USER: &str = "user";
const PASSWORD: &str = "a-secret-password";

fn registry() -> Registry {
    Registry::with(Options {
        auth: Auth::Bearer(Bearer {
            username: USER,
            password: PASSWORD,
            refresh_token: Some("refresh-token"),
            ..Bearer::default()
        }),
        ..Options::default()
    })
}

fn call<'w>(workspace: &'w Workspace, command: &str, host: &str) -> Run<'w> {
    workspace.run().args([command, host]).placeholder(host, "REGISTRY")
}

fn config(workspace: &Workspace, host: &str) -> String {
    let text = fs_err::read_to_string(workspace.home().join(".docker/config.json"));
    text.unwrap_or_default().replace(host, "[REGISTRY]")
}

fn push<'w>(workspace: &'w Workspace, registry: &Registry) -> Run<'w> {
    workspace.write("a.txt", "a");
    workspace.run().args(["push", &registry.reference("a:v1"), "a.txt"])
}

#[test]
fn a_login_is_proved_stored_used_and_taken_away() {
    let (workspace, registry) = (Workspace::new(), registry());
    let host = registry.host();
    let login = call(&workspace, "login", &host).args(["-u", USER, "--password-stdin"]);
    let outcome = login.stdin(format!("{PASSWORD}\n")).call();
    outcome.keeps_secret(&[PASSWORD, &STANDARD.encode(format!("{USER}:{PASSWORD}"))]);
    insta::assert_snapshot!(outcome.snapshot(), @"
    exit: 0
    --- stdout
    --- stderr
    logged in to [REGISTRY]; the credential is in [ROOT]/home/.docker/config.json until `oci-artifact logout [REGISTRY]`
    ");
    insta::assert_snapshot!(config(&workspace, &host), @r#"
    {
    	"auths": {
    		"[REGISTRY]": {
    			"auth": "dXNlcjphLXNlY3JldC1wYXNzd29yZA=="
    		}
    	}
    }
    "#);
    push(&workspace, &registry).call().success();
    insta::assert_snapshot!(call(&workspace, "logout", &host).call().snapshot(), @"
    exit: 0
    --- stdout
    --- stderr
    logged out of [REGISTRY]; its credential is gone from [ROOT]/home/.docker/config.json
    ");
    insta::assert_snapshot!(config(&workspace, &host), @r#"
    {
    	"auths": {}
    }
    "#);
    push(&workspace, &registry).args(["--force"]).call().exit(3);
    insta::assert_snapshot!(call(&workspace, "logout", &host).call().snapshot(), @"
    exit: 0
    --- stdout
    --- stderr
    not logged in to [REGISTRY]: [ROOT]/home/.docker/config.json has no entry for it
    ");
}

#[test]
fn what_the_registry_refuses_is_not_stored() {
    let (workspace, registry) = (Workspace::new(), registry());
    let host = registry.host();
    let login = || call(&workspace, "login", &host);
    let wrong = login().args(["-u", USER, "--password-stdin"]).stdin("wrong").call();
    insta::assert_snapshot!(wrong.snapshot(), @"
    exit: 3
    --- stdout
    --- stderr
    error: GET http://[REGISTRY]/token?service=test&account=…: 401 Unauthorized: UNAUTHORIZED: wrong user or password
      hint: the credential came from `username` and `password`: check that it is current, and that it is for [REGISTRY]
    ");
    let nothing = login().call();
    insta::assert_snapshot!(nothing.snapshot(), @"
    exit: 2
    --- stdout
    --- stderr
    error: there is no credential for [REGISTRY]
      hint: give `username` with `password` or --password-stdin, or `token`; in a shell the variables are OCI_ARTIFACT_PASSWORD and OCI_ARTIFACT_TOKEN
    ");
    let nowhere = workspace.run().args(["login"]).env("OCI_ARTIFACT_TOKEN", "t").call();
    insta::assert_snapshot!(nowhere.snapshot(), @"
    exit: 2
    --- stdout
    --- stderr
    error: login needs a registry
      hint: oci-artifact login HOST, or set the input registry
    ");
    // What docker has already proves nothing new.
    let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let before = format!(r#"{{"auths":{{"{host}":{{"auth":"{auth}"}}}}}}"#);
    workspace.docker_config(&before);
    login().call().exit(2);
    assert_eq!(config(&workspace, "none"), before);
}

#[test]
fn a_refresh_token_and_an_entry_of_auth_are_stored() {
    let (workspace, registry) = (Workspace::new(), registry());
    let host = registry.host();
    call(&workspace, "login", &host)
        .env("OCI_ARTIFACT_TOKEN", "refresh-token")
        .call()
        .success();
    assert!(config(&workspace, &host).contains(r#""identitytoken": "refresh-token""#));
    push(&workspace, &registry).call().success();
    let auth = format!("[{{registry: '{host}', username: {USER}, password: {PASSWORD}}}]");
    call(&workspace, "login", &host)
        .env("OCI_ARTIFACT_AUTH", auth)
        .call()
        .success();
    assert!(!config(&workspace, &host).contains("identitytoken"));
}

#[test]
fn docker_config_names_the_folder() {
    let (workspace, registry) = (Workspace::new(), registry());
    let host = registry.host();
    let login = call(&workspace, "login", &host).env("DOCKER_CONFIG", "own/folder");
    login
        .env("OCI_ARTIFACT_USERNAME", USER)
        .env("OCI_ARTIFACT_PASSWORD", PASSWORD)
        .call()
        .success();
    assert!(workspace.read("own/folder/config.json").contains(&host));
    assert_eq!(config(&workspace, &host), "");
}

#[cfg(unix)]
#[test]
fn a_helper_keeps_the_secret_where_one_is_configured() {
    let (workspace, registry) = (Workspace::new(), registry());
    let host = registry.host();
    workspace.docker_config(&format!(r#"{{"credHelpers":{{"{host}":"keeps"}}}}"#));
    let (path, log) = (workspace.helpers(&["keeps"]), workspace.path().join("kept"));
    let call = |command: &str| {
        call(&workspace, command, &host)
            .env("PATH", &path)
            .env("HELPER_LOG", log.as_str())
    };
    let login = call("login")
        .env("OCI_ARTIFACT_USERNAME", USER)
        .env("OCI_ARTIFACT_PASSWORD", PASSWORD);
    login.call().success();
    assert!(workspace.read("kept").contains(PASSWORD));
    assert!(!config(&workspace, &host).contains(&STANDARD.encode(format!("{USER}:{PASSWORD}"))));
    let push = || {
        push(&workspace, &registry)
            .env("PATH", &path)
            .env("HELPER_LOG", log.as_str())
    };
    push().call().success();
    call("logout").call().success();
    assert!(!workspace.exists("kept"));
    push().args(["--force"]).call().exit(3);
}

/// Another tool finds what we stored, and no longer after logout.
#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn oras_works_after_our_login_and_fails_after_logout() {
    let workspace = Workspace::new();
    let peer = Peer::distribution(Access {
        login: Some((USER, PASSWORD)),
        tls: false,
    });
    let host = peer.host().to_owned();
    workspace.write("a.txt", "a");
    let reference = format!("{host}/team/app:v1");
    let oras = |args: &[&str]| {
        let run = workspace.run().program(program("oras")).args(args.iter().copied());
        run.arg("--plain-http").call()
    };
    assert_ne!(oras(&["push", &reference, "a.txt"]).code, Some(0));
    let login = call(&workspace, "login", &host).args(["-u", USER, "--password-stdin"]);
    login.stdin(PASSWORD).call().success();
    oras(&["push", &reference, "a.txt"]).success();
    oras(&["pull", &reference, "-o", "out"]).success();
    assert_eq!(workspace.read("out/a.txt"), "a");
    call(&workspace, "logout", &host).call().success();
    assert_ne!(oras(&["pull", &reference, "-o", "again"]).code, Some(0));
}
