//! The flags that every command of ORAS has, but for those of credentials, a row a test.

use super::both::{Both, done};
use crate::support::message::{Reply, Request};
use crate::support::peers::{Access, Peer, program};
use crate::support::runner::{Run, Workspace};
use crate::support::server::Server;
use crate::support::tls::tls;

/// A registry over TLS whose authority the machine doesn't know.
struct Secured {
    workspace: Workspace,
    peer: Peer,
}

impl Secured {
    fn new() -> Self {
        let workspace = Workspace::new();
        workspace.write("ca.pem", &tls().authority);
        workspace.write("a.txt", "hello\n");
        let peer = Peer::olareg(Access { login: None, tls: true });
        Secured { workspace, peer }
    }

    fn push(&self, name: &str, more: &[&str]) -> Run<'_> {
        let reference = format!("{}/a:{name}", self.peer.host());
        self.workspace
            .run()
            .args(["push", &reference, "a.txt"])
            .args(more.iter().copied())
    }

    /// Neither gets through without `more`, both do with it.
    fn need(&self, ours: &[&str], theirs: &[&str]) {
        let oras = |more: &[&str]| self.push("theirs", more).program(program("oras"));
        self.push("ours", &[]).call().exit(6);
        assert_ne!(oras(&[]).call().code, Some(0));
        done(&self.push("ours", ours));
        done(&oras(theirs));
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_ca_file() {
    Secured::new().need(&["--ca-file", "ca.pem"], &["--ca-file", "ca.pem"]);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_insecure() {
    let secured = Secured::new();
    let host = secured.peer.host().to_owned();
    secured.need(&["--insecure", &host], &["--insecure"]);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_cert_file_and_key_file() {
    let tags = |_: &Request| Reply::new(200).body("application/json", r#"{"name":"a","tags":["v1"]}"#);
    let server = Server::start(Some(tls().strict()), |_| Box::new(tags));
    let workspace = Workspace::new();
    workspace.write("ca.pem", &tls().authority);
    // Certificate and key, each in a file of its own.
    let at = tls().client.find("-----BEGIN PRIVATE KEY").unwrap();
    let (certificate, key) = (&tls().client[..at], &tls().client[at..]);
    workspace.write("cert.pem", certificate);
    workspace.write("key.pem", key);
    let repository = format!("{}/a", server.host());
    let ours = workspace
        .run()
        .args(["list", &repository, "--ca-file", "ca.pem", "--retries", "0"]);
    let oras = workspace.run().program(program("oras"));
    let oras = oras.args(["repo", "tags", &repository, "--ca-file", "ca.pem"]);
    assert_ne!(ours.call().code, Some(0));
    assert_ne!(oras.call().code, Some(0));
    let ours = done(&ours.args(["--client-cert", "cert.pem", "--client-key", "key.pem"]));
    let theirs = done(&oras.args(["--cert-file", "cert.pem", "--key-file", "key.pem"]));
    assert_eq!(ours.stdout, theirs.stdout);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_debug() {
    let both = Both::olareg();
    let reference = both.seed("app:v1");
    let ours = both.ours(&["inspect", &reference, "--raw", "-v"]);
    let theirs = both.oras(&["manifest", "fetch", &reference, "--debug"]);
    let path = "/v2/app/manifests/v1";
    for outcome in [&ours, &theirs] {
        assert!(outcome.stderr.contains(path), "{}", outcome.snapshot());
    }
    // The log is on stderr, the result alone on stdout.
    assert_eq!(ours.stdout, theirs.stdout);
    assert!(!both.ours(&["inspect", &reference, "--raw"]).stderr.contains(path));
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_help() {
    let both = Both::olareg();
    for help in ["--help", "-h"] {
        assert!(both.ours(&["push", help]).stdout.contains("Usage: oci-artifact push"));
        assert!(both.oras_local(&["push", help]).stdout.contains("oras push [flags]"));
    }
    assert!(both.ours(&["help", "push"]).stdout.contains("Usage: oci-artifact push"));
    assert!(both.oras_local(&["help", "push"]).stdout.contains("oras push [flags]"));
}

/// Each shell's script of ours names a command of ours, as ORAS's names one of its own. bash reads it.
#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_completion() {
    let both = Both::olareg();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let ours = both.ours(&["--generate", &format!("complete-{shell}")]).stdout;
        assert!(ours.contains("oci-artifact") && ours.contains("discover"), "{shell}");
        assert!(
            both.oras_local(&["completion", shell]).stdout.contains("oras"),
            "{shell}"
        );
    }
    let script = both.ours(&["--generate", "complete-bash"]).stdout;
    let completed = std::process::Command::new("bash")
        .args(["--norc", "-c"])
        .arg(format!(
            "{script}\nCOMP_WORDS=(oci-artifact pu) COMP_CWORD=1; _oci__artifact oci-artifact pu oci-artifact; \
             printf '%s ' \"${{COMPREPLY[@]}}\""
        ))
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(completed.stdout).unwrap().trim(),
        "push pull",
        "{:?}",
        completed.stderr
    );
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_version() {
    let both = Both::olareg();
    let ours = both.ours(&["--version"]).stdout;
    assert_eq!(ours.trim(), concat!("oci-artifact ", env!("CARGO_PKG_VERSION")));
    let theirs = both.oras_local(&["version"]).stdout;
    assert!(
        theirs.contains("1.3.3"),
        "docs/oras.md is about another version: {theirs}"
    );
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_no_tty() {
    // Where no terminal is, neither draws anything.
    let both = Both::olareg();
    let ours = both.ours(&["push", &both.reference("a:ours"), "a.txt"]);
    let theirs = both.oras(&["push", &both.reference("a:theirs"), "a.txt", "--no-tty"]);
    for text in [ours.stdout, ours.stderr, theirs.stdout, theirs.stderr] {
        assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{text:?}");
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn row_plain_http() {
    let both = Both::olareg();
    let (we, they) = (both.reference("a:ours"), both.reference("a:theirs"));
    // On loopback it needs no flag with us; ORAS knows `localhost` alone.
    both.ours(&["push", &we, "a.txt"]);
    assert_ne!(both.run_oras(&["push", &they, "a.txt"]).call().code, Some(0));
    both.oras(&["push", &they, "a.txt"]);
    // Elsewhere the flag names its host.
    let outcome = both.run(&["push", &we, "a.txt", "--plain-http", both.host()]).call();
    outcome.success();
    let swallowed = both.run(&["push", "--plain-http", &we, "a.txt"]).call();
    swallowed.exit(2);
    assert!(swallowed.stderr.contains("HOST"), "{}", swallowed.snapshot());
}
