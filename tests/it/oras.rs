//! ORAS and we, on real registries and through layouts: either reads what the other wrote, to the same tree.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use camino::Utf8PathBuf;

use crate::support::peers::{Access, Peer, program};
use crate::support::runner::{Outcome, Run, Workspace};
use crate::support::tls::tls;

const USER: &str = "robot";
const PASSWORD: &str = "correct horse";

/// A registry, and a workspace whose `src` holds all that a tree can hold.
struct Stand {
    workspace: Workspace,
    peer: Peer,
    locked: bool,
}

impl Stand {
    fn olareg() -> Self {
        Stand::new(Peer::olareg(Access::default()), false)
    }

    fn distribution() -> Self {
        let access = Access {
            login: Some((USER, PASSWORD)),
            tls: true,
        };
        Stand::new(Peer::distribution(access), true)
    }

    fn new(peer: Peer, locked: bool) -> Self {
        let workspace = Workspace::new();
        workspace.write("ca.pem", &tls().authority);
        source(&workspace);
        Stand {
            workspace,
            peer,
            locked,
        }
    }

    fn reference(&self, name: &str) -> String {
        format!("{}/team/{name}", self.peer.host())
    }

    fn authority(&self) -> String {
        self.workspace.path().join("ca.pem").into_string()
    }

    /// Our program in `src`, with the credentials.
    fn ours(&self, args: &[&str]) -> Run<'_> {
        let run = self.workspace.run().directory("src").args(args.iter().copied());
        if !self.locked {
            return run;
        }
        run.env("OCI_ARTIFACT_REGISTRY", self.peer.host())
            .env("OCI_ARTIFACT_USERNAME", USER)
            .env("OCI_ARTIFACT_PASSWORD", PASSWORD)
            .env("OCI_ARTIFACT_CA_FILE", self.authority())
    }

    /// ORAS in `src`, with the credentials.
    fn oras(&self, args: &[&str]) -> Outcome {
        let mut run = self.workspace.run().program(program("oras")).directory("src");
        run = run.args(args.iter().copied());
        run = if self.locked {
            run.args(["--ca-file", &self.authority(), "--username", USER, "--password-stdin"])
                .stdin(PASSWORD)
        } else {
            run.arg("--plain-http")
        };
        done(&run)
    }

    /// `oras cp` between the registry and a layout; `side` is the registry's.
    fn oras_cp(&self, side: &str, args: &[&str]) {
        let flag = |name: &str| format!("--{side}-{name}");
        let mut run = self.workspace.run().program(program("oras")).directory("src");
        run = run.arg("cp").args(args.iter().copied());
        run = if self.locked {
            run.args([flag("ca-file"), self.authority()])
                .args([flag("username"), USER.to_owned()])
                .args([flag("password"), PASSWORD.to_owned()])
        } else {
            run.arg(flag("plain-http"))
        };
        done(&run);
    }

    /// Fails unless `name`, beside `src`, holds the same files, links and empty directories, with the same execute bits
    /// wherever `kept` is part of the path.
    #[track_caller]
    fn same_as_source(&self, name: &str, kept: &str) {
        assert_eq!(self.workspace.tree("src"), self.workspace.tree(name));
        let modes = |top: &str| executable(&self.workspace.path().join(top), kept);
        assert_eq!(modes("src"), modes(name));
    }
}

#[track_caller]
fn done(run: &Run<'_>) -> Outcome {
    let outcome = run.call();
    outcome.success();
    outcome
}

/// Files, an executable, an empty one, and a directory with links, an empty directory, unicode and long names.
fn source(workspace: &Workspace) {
    let long = "long-".repeat(30);
    workspace.write("src/readme.md", "Readme Content\n");
    workspace.write("src/Grüße 世界.txt", "hello");
    workspace.write("src/nothing", "");
    let tools = [
        workspace.write("src/bin/tool", "#!/bin/sh\n"),
        workspace.write("src/details/run.sh", "#!/bin/sh\n"),
    ];
    for tool in tools {
        fs_err::set_permissions(tool, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    workspace.write("src/details/deep/a.txt", "a");
    workspace.write("src/details/.hidden", "h");
    workspace.write("src/details/Ünïcode 😀.txt", "u");
    workspace.write(&format!("src/details/{long}/{long}/{long}.txt"), "l");
    workspace.write("src/details/big", vec![7; 3 << 20]);
    let details = workspace.path().join("src/details");
    fs_err::create_dir(details.join("empty")).unwrap();
    for (target, link) in [
        ("deep/a.txt", "link"),
        ("deep", "to-directory"),
        ("../run.sh", "deep/up"),
    ] {
        fs_err::os::unix::fs::symlink(target, details.join(link)).unwrap();
    }
}

const FILES: [&str; 5] = [
    "readme.md:text/markdown",
    "Grüße 世界.txt",
    "nothing",
    "bin/tool",
    "details",
];

/// Which files below `top` are executable, of those with `part` in their path.
fn executable(top: &Utf8PathBuf, part: &str) -> BTreeMap<String, bool> {
    walkdir::WalkDir::new(top)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let name = entry.path().strip_prefix(top).unwrap().display().to_string();
            (name, entry.metadata().unwrap().permissions().mode() & 0o100 != 0)
        })
        .filter(|(name, _)| name.contains(part))
        .collect()
}

fn with<'a>(start: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
    [start, rest].concat()
}

/// Ours is pushed; ORAS and we pull it.
fn oras_pulls_ours(stand: &Stand) {
    let reference = stand.reference("ours:v1");
    let push = with(&["push", "--format", "json", &reference], &FILES);
    let digest = done(&stand.ours(&push)).json()["artifacts"]["ours"]["digest"].clone();
    let resolved = stand.oras(&["resolve", &reference]);
    assert_eq!(resolved.stdout.trim(), digest.as_str().unwrap());
    let raw = done(&stand.ours(&["inspect", &reference, "--raw"])).stdout;
    assert_eq!(stand.oras(&["manifest", "fetch", &reference]).stdout, raw);

    stand.oras(&["pull", &reference, "-o", "../by-oras"]);
    stand.same_as_source("by-oras", "details/");
    // The execute bit of a single file too, which ORAS forgets.
    done(&stand.ours(&["pull", &reference, "-o", "../by-us"]));
    stand.same_as_source("by-us", "");
}

/// ORAS pushes, we pull.
fn we_pull_oras(stand: &Stand) {
    let reference = stand.reference("theirs:v1");
    stand.oras(&with(&["push", &reference, "--artifact-type", "example/tree"], &FILES));
    let pull = ["pull", &reference, "-o", "../pulled", "--artifact-type", "example/tree"];
    done(&stand.ours(&pull));
    stand.same_as_source("pulled", "details/");
    // What is there and right is left alone, also when another program packed it.
    let again = stand.ours(&pull).args(["--format", "json"]).call();
    let artifact = again.success().json()["artifacts"]["theirs"].clone();
    assert_eq!(artifact["path"], stand.workspace.path().join("pulled").as_str());
    stand.same_as_source("pulled", "details/");
}

/// Ours goes from a layout to the registry by `oras cp`, and back into another layout.
fn through_a_layout(stand: &Stand) {
    done(&stand.ours(&with(&["push", "oci:../one:v1"], &FILES)));
    let reference = stand.reference("copied:v1");
    stand.oras_cp("to", &["--from-oci-layout", "../one:v1", &reference]);
    done(&stand.ours(&["pull", &reference, "-o", "../from-registry"]));
    stand.same_as_source("from-registry", "");

    stand.oras_cp("from", &[&reference, "--to-oci-layout", "../two:v2"]);
    done(&stand.ours(&["pull", "oci:../two:v2", "-o", "../from-layout"]));
    stand.same_as_source("from-layout", "");
    let digest = |reference: &str| done(&stand.ours(&["inspect", "--digest", reference])).stdout;
    assert_eq!(digest("oci:../one:v1"), digest(&reference));
    assert_eq!(digest("oci:../one:v1"), digest("oci:../two:v2"));
}

/// The other shapes that ORAS writes.
fn other_shapes(stand: &Stand) {
    let pushed = |tag: &str, args: &[&str]| {
        let reference = stand.reference(&format!("shapes:{tag}"));
        stand.oras(&with(&["push", &reference], args));
        reference
    };
    let inspect = |reference: &str| done(&stand.ours(&["inspect", "--format", "json", reference])).json();

    let file = "readme.md:text/markdown";
    let old = pushed("old", &["--image-spec", "v1.0", "--artifact-type", "example/old", file]);
    assert_eq!(inspect(&old)["artifacts"]["shapes"]["artifact-type"], "example/old");
    done(&stand.ours(&["pull", &old, "-o", "../old", "--artifact-type", "example/old"]));
    assert_eq!(stand.workspace.read("old/readme.md"), "Readme Content\n");

    stand.workspace.write("src/config.json", "{\"a\": 1}");
    let config = pushed(
        "config",
        &["--config", "config.json:application/vnd.example.config.v1+json", file],
    );
    assert_eq!(
        done(&stand.ours(&["inspect", "--config", &config])).stdout,
        "{\"a\": 1}"
    );
    done(&stand.ours(&["pull", &config, "-o", "../config"]));
    assert_eq!(stand.workspace.tree("config").len(), 1);

    let empty = pushed(
        "empty",
        &["--artifact-type", "example/empty", "-a", "example.key=value"],
    );
    let pulled = done(&stand.ours(&["pull", &empty, "-o", "../empty"]));
    assert!(pulled.stderr.contains("has no files"), "{}", pulled.stderr);
    assert!(!stand.workspace.exists("empty") || stand.workspace.tree("empty").is_empty());

    let annotations = r#"{"$manifest": {"m": "1 < 2"}, "$config": {"c": "2"}, "readme.md": {"f": "3"}}"#;
    stand.workspace.write("src/annotations.json", annotations);
    let annotated = pushed("annotated", &["--annotation-file", "annotations.json", file]);
    let layer = inspect(&annotated)["artifacts"]["shapes"]["layers"][0].clone();
    assert_eq!(layer["annotations"]["f"], "3", "{layer}");
    let manifest = done(&stand.ours(&["inspect", "--raw", &annotated])).json();
    assert_eq!(manifest["annotations"]["m"], "1 < 2");
    assert_eq!(manifest["config"]["annotations"]["c"], "2");
}

/// With the time pinned, a manifest of files is ORAS's to the byte.
fn the_same_manifest(stand: &Stand) {
    let files = ["readme.md:text/markdown", "Grüße 世界.txt:text/plain", "nothing:a/b"];
    let options = [
        "--artifact-type",
        "example/same",
        "-a",
        "org.opencontainers.image.created=2026-01-02T03:04:05Z",
        "-a",
        "text=<&> \"quoted\" \\ ü \u{2028} \u{7f}",
    ];
    let (ours, theirs) = (stand.reference("same:ours"), stand.reference("same:theirs"));
    done(&stand.ours(&with(&with(&["push", &ours], &options), &files)));
    stand.oras(&with(&with(&["push", &theirs], &options), &files));
    let raw = |reference: &str| done(&stand.ours(&["inspect", "--raw", reference])).stdout;
    assert_eq!(raw(&ours), raw(&theirs));

    // Without files too.
    let (ours, theirs) = (stand.reference("same:o"), stand.reference("same:t"));
    stand.workspace.write(
        "src/empty.yaml",
        format!(
            "artifacts: [{{reference: '{ours}', artifact-type: example/same, files: [], annotations: \
         {{org.opencontainers.image.created: '2026-01-02T03:04:05Z'}}}}]"
        ),
    );
    done(&stand.ours(&["push", "-f", "empty.yaml"]));
    stand.oras(&with(&["push", &theirs], &options[..4]));
    assert_eq!(raw(&ours), raw(&theirs));
}

/// What isn't to be had ends with its class, and says what to do.
fn refusals(stand: &Stand) {
    let missing = stand.ours(&["pull", &stand.reference("no-such/repository:v1")]).call();
    missing.exit(4);
    assert!(missing.stderr.contains("no-such/repository"), "{}", missing.stderr);
}

macro_rules! on_both {
    ($($case:ident)*) => {
        mod olareg {
            $(#[test]
            #[ignore = "needs the peers: scripts/test-peers"]
            fn $case() {
                super::$case(&super::Stand::olareg());
            })*
        }
        mod distribution_with_login_and_tls {
            $(#[test]
            #[ignore = "needs the peers: scripts/test-peers"]
            fn $case() {
                super::$case(&super::Stand::distribution());
            })*
        }
    };
}

on_both! { oras_pulls_ours we_pull_oras through_a_layout other_shapes the_same_manifest refusals }

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn regctl_and_crane_read_ours() {
    let stand = Stand::olareg();
    let reference = stand.reference("ours:v1");
    done(&stand.ours(&with(&["push", &reference], &FILES)));
    let raw = done(&stand.ours(&["inspect", &reference, "--raw"])).stdout;
    let call = |name: &str, args: &[&str]| done(&stand.workspace.run().program(program(name)).args(args.to_vec()));
    assert_eq!(
        call("crane", &["--insecure", "manifest", &reference]).stdout.trim_end(),
        raw
    );
    let host = format!("reg={},tls=disabled", stand.peer.host());
    let body = call(
        "regctl",
        &["--host", &host, "manifest", "get", "--format", "raw-body", &reference],
    );
    assert_eq!(body.stdout, raw);
    let arguments = ["--host", &host, "artifact", "get", "--file", "readme.md", &reference];
    assert_eq!(call("regctl", &arguments).stdout, "Readme Content\n");
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn a_wrong_password_and_an_unknown_authority_say_what_to_do() {
    let stand = Stand::distribution();
    let reference = stand.reference("a:v1");
    let wrong = stand
        .ours(&["push", &reference, "readme.md"])
        .env("OCI_ARTIFACT_PASSWORD", "wrong-password")
        .call();
    wrong.exit(3).keeps_secret(&["wrong-password"]);
    assert!(wrong.stderr.contains("password"), "{}", wrong.stderr);
    let untrusted = stand
        .ours(&["push", &reference, "readme.md"])
        .env("OCI_ARTIFACT_CA_FILE", "")
        .call();
    assert!(matches!(untrusted.code, Some(3 | 6)), "{}", untrusted.snapshot());
    assert!(untrusted.stderr.contains("ca-file"), "{}", untrusted.stderr);
    let nobody = stand
        .ours(&["push", &reference, "readme.md"])
        .env("OCI_ARTIFACT_USERNAME", "")
        .env("OCI_ARTIFACT_PASSWORD", "")
        .call();
    nobody.exit(3);
    assert!(nobody.stderr.contains("username"), "{}", nobody.stderr);
}
