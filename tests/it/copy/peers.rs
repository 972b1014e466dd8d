//! Copies between real registries, held against ORAS's; archives, read and written by others.

use serde_json::Value;

use super::{artifact, copy};
use crate::support::peers::{Access, Peer, program};
use crate::support::runner::{Outcome, Workspace};

fn done(workspace: &Workspace, name: &str, args: &[&str]) -> Outcome {
    let outcome = workspace.run().program(program(name)).args(args.iter().copied()).call();
    outcome.success();
    outcome
}

/// A release by ORAS: an index of two artifacts, an SBOM of it, a signature of that, an SBOM of the second artifact.
fn release(workspace: &Workspace, host: &str) {
    for (tag, text) in [("amd64", "for amd64"), ("arm64", "for arm64")] {
        workspace.write(&format!("{tag}.txt"), text);
        let config = format!(r#"{{"os":"linux","architecture":"{tag}"}}"#);
        workspace.write("config.json", config);
        let reference = format!("{host}/team/app:{tag}");
        let file = format!("{tag}.txt:text/plain");
        let config = "config.json:application/vnd.oci.image.config.v1+json";
        done(
            workspace,
            "oras",
            &["push", "--plain-http", &reference, "--config", config, &file],
        );
    }
    let index = format!("{host}/team/app:v1");
    done(
        workspace,
        "oras",
        &["manifest", "index", "create", "--plain-http", &index, "amd64", "arm64"],
    );
    let attach = |subject: &str, kind: &str, text: &str| {
        workspace.write("attached.txt", text);
        let args = [
            "attach",
            "--plain-http",
            "--artifact-type",
            kind,
            subject,
            "attached.txt",
            "--format",
            "json",
        ];
        done(workspace, "oras", &args).json()["reference"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let sbom = attach(&index, "test/sbom", "sbom");
    attach(&sbom, "test/signature", "signature");
    attach(&format!("{host}/team/app:arm64"), "test/sbom", "inner");
}

/// The digests of a tree of referrers, as ORAS finds them.
fn tree(workspace: &Workspace, args: &[&str]) -> Vec<String> {
    fn digests(node: &Value, found: &mut Vec<String>) {
        found.push(node["digest"].as_str().unwrap().to_owned());
        for referrer in node["referrers"].as_array().into_iter().flatten() {
            digests(referrer, found);
        }
    }
    let args = [&["discover", "--format", "json"], args].concat();
    let mut found = Vec::new();
    digests(&done(workspace, "oras", &args).json(), &mut found);
    found.sort();
    found
}

fn raw(workspace: &Workspace, reference: &str) -> String {
    let outcome = workspace.run().args(["inspect", "--raw", reference]).call();
    outcome.success().stdout.clone()
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn a_recursive_copy_is_that_of_oras_byte_for_byte() {
    let workspace = Workspace::new();
    let (olareg, distribution) = (Peer::olareg(Access::default()), Peer::distribution(Access::default()));
    release(&workspace, olareg.host());
    for (from, to) in [(&olareg, &distribution), (&distribution, &olareg)] {
        let source = format!("{}/team/app:v1", from.host());
        let (ours, theirs) = (
            format!("{}/ours/app:v1", to.host()),
            format!("{}/theirs/app:v1", to.host()),
        );
        let plain = ["--from-plain-http", "--to-plain-http"];
        done(
            &workspace,
            "oras",
            &[&["cp", "-r", &source, &theirs], &plain[..]].concat(),
        );
        let result = artifact(&copy(&workspace, &[&source, &ours, "--recursive"]));
        assert_eq!(result["state"], "copied");
        assert_eq!(raw(&workspace, &ours), raw(&workspace, &theirs));
        let digests = tree(&workspace, &["--plain-http", &ours]);
        assert_eq!(digests.len(), 3, "{digests:?}");
        assert_eq!(digests, tree(&workspace, &["--plain-http", &theirs]));
        let inner = result["manifests"][1]["digest"].as_str().unwrap();
        let at = |place: &str| place.replace(":v1", &format!("@{inner}"));
        let inner = tree(&workspace, &["--plain-http", &at(&ours)]);
        assert_eq!(inner.len(), 2);
        assert_eq!(inner, tree(&workspace, &["--plain-http", &at(&theirs)]));
        for digest in digests.iter().chain(&inner) {
            let at = |place: &str| place.replace(":v1", &format!("@{digest}"));
            assert_eq!(raw(&workspace, &at(&ours)), raw(&workspace, &at(&theirs)));
        }
        let again = artifact(&copy(&workspace, &[&source, &ours, "--recursive"]));
        assert_eq!(again["state"], "unchanged");
        // The way back starts from what came over.
        artifact(&copy(
            &workspace,
            &[&ours, &format!("{}/team/app", to.host()), "--recursive"],
        ));
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn others_read_our_archives() {
    let (workspace, peer) = (Workspace::new(), Peer::olareg(Access::default()));
    let host = peer.host();
    release(&workspace, host);
    let source = format!("{host}/team/app:v1");
    artifact(&copy(&workspace, &[&source, "oci-archive:x.tar", "--recursive"]));
    // ORAS, with the referrers.
    let oras = format!("{host}/oras/app:v1");
    done(
        &workspace,
        "oras",
        &["cp", "-r", "--from-oci-layout", "x.tar:v1", "--to-plain-http", &oras],
    );
    assert_eq!(raw(&workspace, &oras), raw(&workspace, &source));
    assert_eq!(
        tree(&workspace, &["--plain-http", &oras]),
        tree(&workspace, &["--plain-http", &source])
    );
    assert_eq!(
        tree(&workspace, &["--oci-layout", "x.tar:v1"]),
        tree(&workspace, &["--plain-http", &source])
    );
    // regctl.
    artifact(&copy(&workspace, &[&source, "oci-archive:y.tar"]));
    let regctl = format!("{host}/regctl/app:v1");
    let insecure = format!("reg={host},tls=disabled");
    done(
        &workspace,
        "regctl",
        &["--host", &insecure, "image", "import", &regctl, "y.tar"],
    );
    assert_eq!(raw(&workspace, &regctl), raw(&workspace, &source));
    // crane, which takes one that tar has unpacked.
    fs_err::create_dir(workspace.path().join("unpacked")).unwrap();
    let tar = workspace.run().program("tar").args(["xf", "y.tar", "-C", "unpacked"]);
    tar.env("PATH", "/usr/bin:/bin").call().success();
    let crane = format!("{host}/crane/app:v1");
    done(&workspace, "crane", &["push", "--insecure", "unpacked", &crane]);
    assert_eq!(raw(&workspace, &crane), raw(&workspace, &source));
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn we_read_the_archives_of_others() {
    let (workspace, peer) = (Workspace::new(), Peer::olareg(Access::default()));
    let host = peer.host();
    release(&workspace, host);
    let source = format!("{host}/team/app:v1");
    let insecure = format!("reg={host},tls=disabled");
    done(
        &workspace,
        "regctl",
        &["--host", &insecure, "image", "export", &source, "regctl.tar"],
    );
    let args = ["cp", "--from-plain-http", "--to-oci-layout", &source, "layout:v1"];
    done(&workspace, "oras", &args);
    let tar = workspace
        .run()
        .program("tar")
        .args(["cf", "tar.tar", "-C", "layout", "."]);
    tar.env("PATH", "/usr/bin:/bin").call().success();
    for archive in ["regctl.tar", "tar.tar"] {
        let list = workspace.run().args(["list", &format!("oci-archive:{archive}")]).call();
        let tag = list.success().stdout.lines().next().unwrap_or_default().to_owned();
        let target = format!("{host}/back/{}", archive.replace(".tar", ""));
        let from = format!("oci-archive:{archive}:{tag}");
        artifact(&copy(&workspace, &[&from, &format!("{target}:v1")]));
        assert_eq!(
            raw(&workspace, &format!("{target}:v1")),
            raw(&workspace, &source),
            "{archive}"
        );
    }
}
