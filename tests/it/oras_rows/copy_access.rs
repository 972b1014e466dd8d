//! `oras cp` with what each of its sides needs to be let in, a row a test.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::both::done;
use crate::support::message::{Reply, Request};
use crate::support::peers::{Access, Peer, program};
use crate::support::registry::{Auth, Bearer, Options, Registry};
use crate::support::runner::{Run, Workspace};
use crate::support::server::Server;
use crate::support::tls::tls;

const USERS: [(&str, &str); 2] = [("reader", "first-password"), ("writer", "second-password")];

/// Two registries over TLS, each with a user of its own; `a:v1` is in the first.
struct Sides {
    workspace: Workspace,
    peers: [Peer; 2],
}

impl Sides {
    fn new() -> Self {
        let workspace = Workspace::new();
        workspace.write("ca.pem", &tls().authority);
        workspace.write("a.txt", "hello\n");
        let peers = USERS.map(|login| {
            Peer::distribution(Access {
                login: Some(login),
                tls: true,
            })
        });
        let sides = Sides { workspace, peers };
        let push = sides.oras(&["push", &sides.at(0, "a:v1"), "a.txt", "--ca-file", "ca.pem"]);
        done(&push.args(["-u", USERS[0].0, "--password-stdin"]).stdin(USERS[0].1));
        sides
    }

    fn at(&self, side: usize, name: &str) -> String {
        format!("{}/{name}", self.peers[side].host())
    }

    fn oras(&self, args: &[&str]) -> Run<'_> {
        self.workspace.run().program(program("oras")).args(args.iter().copied())
    }

    fn copy(&self) -> Run<'_> {
        self.workspace
            .run()
            .args(["copy", &self.at(0, "a:v1"), &self.at(1, "ours:v1"), "--retries", "0"])
    }

    fn cp(&self) -> Run<'_> {
        self.oras(&["cp", &self.at(0, "a:v1"), &self.at(1, "theirs:v1")])
    }

    /// The input `auth` with both users.
    fn auth(&self) -> String {
        let entry = |side: usize| {
            let (user, password) = USERS[side];
            format!(
                "- {{registry: '{}', username: {user}, password: {password}}}\n",
                self.peers[side].host()
            )
        };
        entry(0) + &entry(1)
    }

    /// `cp` with both users.
    fn with_users<'a>(&self, run: Run<'a>) -> Run<'a> {
        let [(reader, first), (writer, second)] = USERS;
        run.args(["--from-username", reader, "--from-password", first]).args([
            "--to-username",
            writer,
            "--to-password",
            second,
        ])
    }

    /// Docker's configuration with both users, in a folder of its own.
    fn config(&self) {
        let entry = |side: usize| {
            let (user, password) = USERS[side];
            let auth = STANDARD.encode(format!("{user}:{password}"));
            format!(r#""{}": {{"auth": "{auth}"}}"#, self.peers[side].host())
        };
        let config = format!(r#"{{"auths": {{{}, {}}}}}"#, entry(0), entry(1));
        self.workspace.write("docker/config.json", config);
    }

    /// Both copies are there, and the same.
    #[track_caller]
    fn same(&self) {
        self.config();
        let resolve = |name: &str| {
            let run = self.oras(&["resolve", &self.at(1, name), "--ca-file", "ca.pem"]);
            done(&run.env("DOCKER_CONFIG", self.workspace.path().join("docker"))).stdout
        };
        assert_eq!(resolve("ours:v1"), resolve("theirs:v1"));
    }
}

const CA: [&str; 4] = ["--from-ca-file", "ca.pem", "--to-ca-file", "ca.pem"];

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_cp_username_password_and_ca_file() {
    let sides = Sides::new();
    let copy = sides.copy().env("OCI_ARTIFACT_AUTH", sides.auth());
    copy.call().exit(6);
    assert_ne!(sides.with_users(sides.cp()).call().code, Some(0));
    sides.copy().args(["--ca-file", "ca.pem"]).call().exit(3);
    done(&copy.args(["--ca-file", "ca.pem"]));
    done(&sides.with_users(sides.cp()).args(CA));
    sides.same();
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_cp_insecure() {
    let sides = Sides::new();
    let copy = sides.copy().env("OCI_ARTIFACT_AUTH", sides.auth());
    // For one side is not for the other.
    let copy = copy.args(["--insecure", sides.peers[0].host()]);
    copy.call().exit(6);
    done(&copy.args(["--insecure", sides.peers[1].host()]));
    done(&sides.with_users(sides.cp()).args(["--from-insecure", "--to-insecure"]));
    sides.same();
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_cp_registry_config() {
    let sides = Sides::new();
    sides.config();
    let file = "docker/config.json";
    done(
        &sides
            .copy()
            .args(["--ca-file", "ca.pem"])
            .env("DOCKER_CONFIG", "docker"),
    );
    let files = ["--from-registry-config", file, "--to-registry-config", file];
    done(&sides.cp().args(CA).args(files));
    sides.same();
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_cp_identity_token() {
    let registries = ["first-token", "second-token"].map(|token| {
        Registry::with(Options {
            auth: Auth::Bearer(Bearer {
                refresh_token: Some(token),
                ..Bearer::default()
            }),
            ..Options::default()
        })
    });
    let [from, to] = &registries;
    let workspace = Workspace::new();
    workspace.write("a.txt", "hello\n");
    let push = workspace.run().args(["push", &from.reference("a:v1"), "a.txt"]);
    done(&push.env("OCI_ARTIFACT_TOKEN", "first-token"));
    let auth = format!(
        "[{{registry: '{}', token: first-token}}, {{registry: '{}', token: second-token}}]",
        from.host(),
        to.host()
    );
    let copy = workspace
        .run()
        .args(["copy", &from.reference("a:v1"), &to.reference("ours:v1")]);
    done(&copy.env("OCI_ARTIFACT_AUTH", auth));
    let cp = workspace
        .run()
        .program(program("oras"))
        .args(["cp", "--from-plain-http", "--to-plain-http"]);
    let cp = cp.args([from.reference("a:v1"), to.reference("theirs:v1")]);
    let tokens = [
        "--from-identity-token",
        "first-token",
        "--to-identity-token",
        "second-token",
    ];
    done(&cp.args(tokens));
    assert_eq!(to.tags("ours")[0].1, to.tags("theirs")[0].1);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_cp_cert_file_and_key_file() {
    // A server that lets only clients with a certificate in, and says "not found" to those; who gets that is in.
    let nothing = |_: &Request| Reply::new(404);
    let server = Server::start(Some(tls().strict()), |_| Box::new(nothing));
    let workspace = Workspace::new();
    workspace.write("ca.pem", &tls().authority);
    let at = tls().client.find("-----BEGIN PRIVATE KEY").unwrap();
    workspace.write("cert.pem", &tls().client[..at]);
    workspace.write("key.pem", &tls().client[at..]);
    let (from, to) = (format!("{}/a:v1", server.host()), format!("{}/b:v1", server.host()));
    let copy = workspace
        .run()
        .args(["copy", &from, &to, "--retries", "0", "--ca-file", "ca.pem"]);
    copy.call().exit(6);
    copy.args(["--client-cert", "cert.pem", "--client-key", "key.pem"])
        .call()
        .exit(4);
    let cp = workspace
        .run()
        .program(program("oras"))
        .args(["cp", &from, &to])
        .args(CA);
    let refused = cp.call();
    assert!(!refused.stderr.contains("not found"), "{}", refused.snapshot());
    let certificate = |side: &str| [format!("--{side}-cert-file"), "cert.pem".to_owned()];
    let key = |side: &str| [format!("--{side}-key-file"), "key.pem".to_owned()];
    let cp = cp.args(certificate("from")).args(key("from"));
    let outcome = cp.args(certificate("to")).args(key("to")).call();
    assert!(outcome.stderr.contains("not found"), "{}", outcome.snapshot());
}
