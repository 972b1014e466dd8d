//! ORAS and we, side by side, in one directory and with one registry.

use serde_json::Value;

use crate::support::peers::{Access, Peer, program};
use crate::support::runner::{Outcome, Run, Workspace};

/// Pins what ORAS would make of the time: with it, the same files give the same manifest.
pub const CREATED: &str = "org.opencontainers.image.created=2026-01-02T03:04:05Z";

/// A workspace with `a.txt`, `b/c.txt` and `config.json`, and a registry.
pub struct Both {
    pub workspace: Workspace,
    peer: Peer,
}

impl Both {
    /// With olareg: it has a referrers API.
    pub fn olareg() -> Self {
        Both::on(Peer::olareg(Access::default()))
    }

    /// With distribution: referrers stand under a tag.
    pub fn distribution() -> Self {
        Both::on(Peer::distribution(Access::default()))
    }

    fn on(peer: Peer) -> Self {
        let workspace = Workspace::new();
        workspace.write("a.txt", "hello\n");
        workspace.write("b/c.txt", "world\n");
        workspace.write("config.json", r#"{"architecture":"arm64","os":"linux"}"#);
        Both { workspace, peer }
    }

    pub fn host(&self) -> &str {
        self.peer.host()
    }

    pub fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.peer.host())
    }

    /// A call of ours.
    pub fn run(&self, args: &[&str]) -> Run<'_> {
        self.workspace.run().args(args.iter().copied())
    }

    /// A call of ORAS, as it is.
    pub fn run_oras(&self, args: &[&str]) -> Run<'_> {
        self.run(args).program(program("oras"))
    }

    /// Ours, which must succeed.
    #[track_caller]
    pub fn ours(&self, args: &[&str]) -> Outcome {
        done(&self.run(args))
    }

    /// ORAS over plain HTTP, which must succeed.
    #[track_caller]
    pub fn oras(&self, args: &[&str]) -> Outcome {
        done(&self.run_oras(args).arg("--plain-http"))
    }

    /// ORAS without a registry, which must succeed.
    #[track_caller]
    pub fn oras_local(&self, args: &[&str]) -> Outcome {
        done(&self.run_oras(args))
    }

    /// What we did, of the one artifact.
    #[track_caller]
    pub fn result(&self, args: &[&str]) -> Value {
        let json = done(&self.run(args).args(["--format", "json"])).json();
        json["artifacts"].as_object().unwrap().values().next().unwrap().clone()
    }

    /// The digest that ORAS says `reference` has.
    #[track_caller]
    pub fn digest(&self, reference: &str) -> String {
        self.oras(&["resolve", reference]).stdout.trim().to_owned()
    }

    /// Fails unless ORAS finds the same manifest in both places, to the byte.
    #[track_caller]
    pub fn same(&self, ours: &str, theirs: &str) {
        let fetch = |reference: &str| self.oras(&["manifest", "fetch", reference]).stdout;
        assert_eq!(fetch(ours), fetch(theirs));
        assert_eq!(self.digest(ours), self.digest(theirs));
    }

    /// Pushes `a.txt` by ORAS to `name`; its reference.
    #[track_caller]
    pub fn seed(&self, name: &str) -> String {
        let reference = self.reference(name);
        self.oras(&["push", &reference, "a.txt:text/plain", "-a", CREATED]);
        reference
    }

    /// Attaches `b/c.txt` by ORAS; the referrer's digest.
    #[track_caller]
    pub fn seed_referrer(&self, subject: &str, artifact_type: &str) -> String {
        let args = [
            "attach",
            subject,
            "--artifact-type",
            artifact_type,
            "b/c.txt:text/plain",
        ];
        let json = self.oras(&with(&args, &["-a", CREATED, "--format", "json"])).json();
        text(&json["digest"])
    }

    /// An index `name` over artifacts for amd64 and arm64, by ORAS; the reference and the digests of the two.
    #[track_caller]
    pub fn seed_index(&self, repository: &str, tag: &str) -> (String, [String; 2]) {
        let digests = ["amd64", "arm64"].map(|architecture| {
            let reference = self.reference(&format!("{repository}:{architecture}"));
            let file = format!("{architecture}/app");
            self.workspace.write(&file, architecture);
            let platform = format!("linux/{architecture}");
            let args = [
                "push",
                &reference,
                "--artifact-platform",
                &platform,
                &file,
                "-a",
                CREATED,
            ];
            self.oras(&with(&args, &["--artifact-type", "example/app"]));
            self.digest(&reference)
        });
        let reference = self.reference(&format!("{repository}:{tag}"));
        self.oras(&["manifest", "index", "create", &reference, "amd64", "arm64"]);
        (reference, digests)
    }

    /// Writes a spec with one artifact, the keys of which are these lines, and pushes it.
    #[track_caller]
    pub fn push_spec(&self, reference: &str, keys: &str) {
        let keys: String = keys.trim().lines().map(|line| format!("  {}\n", line.trim())).collect();
        let (key, value) = CREATED.split_once('=').unwrap();
        let spec = format!("artifacts:\n- reference: {reference}\n  created: '{value}'\n{keys}");
        assert_eq!(key, "org.opencontainers.image.created");
        self.workspace.write("spec.yaml", spec);
        self.ours(&["push", "-f", "spec.yaml"]);
    }
}

#[track_caller]
pub fn done(run: &Run<'_>) -> Outcome {
    let outcome = run.call();
    outcome.success();
    outcome
}

pub fn with<'a>(start: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
    [start, rest].concat()
}

/// A text of JSON.
#[track_caller]
pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}
