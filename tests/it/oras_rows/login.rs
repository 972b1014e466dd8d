//! `oras login`, `logout`, and the flags of credentials that every command has, a row a test.

use serde_json::Value;

use super::both::done;
use crate::support::peers::program;
use crate::support::registry::{Auth, Bearer, Options, Registry};
use crate::support::runner::{Run, Workspace};

const USER: &str = "user";
const PASSWORD: &str = "a-secret-password";
const REFRESH: &str = "a-refresh-token";

fn registry() -> Registry {
    Registry::with(Options {
        auth: Auth::Bearer(Bearer {
            username: USER,
            password: PASSWORD,
            refresh_token: Some(REFRESH),
            ..Bearer::default()
        }),
        ..Options::default()
    })
}

/// A workspace with a file, and a registry that asks for a password.
struct Locked {
    workspace: Workspace,
    registry: Registry,
}

impl Locked {
    fn new() -> Self {
        let (workspace, registry) = (Workspace::new(), registry());
        workspace.write("a.txt", "hello\n");
        Locked { workspace, registry }
    }

    fn host(&self) -> String {
        self.registry.host()
    }

    fn ours(&self, args: &[&str]) -> Run<'_> {
        self.workspace.run().args(args.iter().copied())
    }

    fn oras(&self, args: &[&str]) -> Run<'_> {
        self.ours(args).program(program("oras")).arg("--plain-http")
    }

    fn config(&self, path: &str) -> Value {
        let text = fs_err::read_to_string(self.workspace.home().join(path)).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// Pushes by both with what `prepare` adds to the calls, and reads the other's.
    fn push(&self, ours: impl Fn(Run<'_>) -> Run<'_>, oras: impl Fn(Run<'_>) -> Run<'_>) {
        let (we, they) = (self.registry.reference("a:ours"), self.registry.reference("a:theirs"));
        done(&ours(self.ours(&["push", &we, "a.txt"])));
        done(&oras(self.oras(&["push", &they, "a.txt"])));
        done(&ours(self.ours(&["pull", &they, "-o", "by-us"])));
        done(&oras(self.oras(&["pull", &we, "-o", "by-oras"])));
        assert_eq!(self.workspace.read("by-us/a.txt"), self.workspace.read("by-oras/a.txt"));
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_login_logout_and_password_stdin() {
    let (one, two) = (Locked::new(), Locked::new());
    let stdin = |run: Run<'_>| done(&run.args(["-u", USER, "--password-stdin"]).stdin(PASSWORD));
    stdin(one.ours(&["login", &one.host()]));
    stdin(two.oras(&["login", &two.host()]));
    let path = ".docker/config.json";
    let auth = |locked: &Locked| locked.config(path)["auths"][locked.host()].clone();
    assert_eq!(auth(&one), auth(&two));
    assert!(auth(&one)["auth"].is_string());
    // Each uses what the other stored.
    one.push(|run| run, |run| run);
    two.push(|run| run, |run| run);
    // And takes it away again.
    done(
        &one.workspace
            .run()
            .program(program("oras"))
            .args(["logout", &one.host()]),
    );
    done(&two.ours(&["logout", &two.host()]));
    for locked in [&one, &two] {
        assert_eq!(locked.config(path)["auths"], serde_json::json!({}));
        locked
            .ours(&["push", &locked.registry.reference("a:v2"), "a.txt"])
            .call()
            .exit(3);
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_username_and_password() {
    let locked = Locked::new();
    locked.push(
        |run| run.args(["--username", USER]).env("OCI_ARTIFACT_PASSWORD", PASSWORD),
        |run| run.args(["--username", USER, "--password", PASSWORD]),
    );
    locked.push(
        |run| run.args(["-u", USER, "--password-stdin"]).stdin(PASSWORD),
        |run| run.args(["-u", USER, "--password-stdin"]).stdin(PASSWORD),
    );
    // On the command line it is refused, and not repeated.
    let outcome = locked
        .ours(&["login", &locked.host(), "-u", USER, "-p", PASSWORD])
        .call();
    outcome.exit(2).keeps_secret(&[PASSWORD]);
    assert!(
        outcome.stderr.contains("OCI_ARTIFACT_PASSWORD"),
        "{}",
        outcome.snapshot()
    );
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_identity_token() {
    let locked = Locked::new();
    locked.push(
        |run| run.env("OCI_ARTIFACT_TOKEN", REFRESH),
        |run| run.arg("--identity-token-stdin").stdin(REFRESH),
    );
    locked.push(
        |run| run.env("OCI_ARTIFACT_TOKEN", REFRESH),
        |run| run.args(["--identity-token", REFRESH]),
    );
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_registry_config() {
    let locked = Locked::new();
    let config = locked.workspace.path().join("elsewhere/config.json");
    let login = locked.oras(&["login", &locked.host(), "-u", USER, "--password-stdin"]);
    done(&login.args(["--registry-config", config.as_str()]).stdin(PASSWORD));
    locked.push(
        |run| run.env("DOCKER_CONFIG", "elsewhere"),
        |run| run.args(["--registry-config", config.as_str()]),
    );
    locked.push(
        |run| run.env("REGISTRY_AUTH_FILE", "elsewhere/config.json"),
        |run| run.args(["--registry-config", config.as_str()]),
    );
}
