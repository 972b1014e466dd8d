//! A whole release, as `examples/release.yaml` has it: pushed, read by others, pushed again, damaged and mended.

mod kill;
mod race;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::peers::{Access, Peer, program};
use crate::support::reader::{Reader, http};
use crate::support::registry::{Options, Registry};
use crate::support::runner::{Outcome, Run, Workspace};

const PLATFORMS: [&str; 3] = ["linux-amd64", "linux-arm64", "darwin-arm64"];
const SBOM: &str = "application/spdx+json";

/// A build of three platforms and the example beside it, its repository at `place`: `HOST/NAME` or `oci:DIRECTORY`.
struct Release {
    workspace: Workspace,
    place: String,
}

impl Release {
    fn at(place: &str) -> Self {
        let workspace = Workspace::new();
        for platform in PLATFORMS {
            let program: Vec<u8> = platform.bytes().cycle().take(300_000).collect();
            workspace.write(&format!("build/{platform}/app"), program);
            workspace.write(
                &format!("build/{platform}/app.spdx.json"),
                format!("{{\"name\": {platform:?}}}\n"),
            );
            workspace.write(
                &format!("build/{platform}/app.sig"),
                format!("signature of {platform}\n"),
            );
        }
        workspace.write("build/notes.md", "What is new\n");
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/release.yaml");
        let spec = fs_err::read_to_string(example).unwrap();
        assert!(spec.contains("reference: example/app:"));
        workspace.write(
            "release.yaml",
            spec.replace("example/app", place).replace("registry: ghcr.io\n", ""),
        );
        Release {
            workspace,
            place: place.to_owned(),
        }
    }

    fn on(peer: &Peer) -> Self {
        Release::at(&format!("{}/example/app", peer.host()))
    }

    fn push(&self) -> Run<'_> {
        let run = self
            .workspace
            .run()
            .args(["push", "-f", "release.yaml", "--format", "json"]);
        run.env("OCI_ARTIFACT_VARS", "version=1.4.2\nminor=1.4")
    }

    /// The artifacts of a push that succeeds.
    #[track_caller]
    fn pushed(&self) -> Value {
        self.push().call().success().json()["artifacts"].clone()
    }

    fn reader(&self) -> Reader {
        match self.place.strip_prefix("oci:") {
            Some(directory) => Reader::Layout(self.workspace.path().join(directory)),
            None => {
                let (host, repository) = self.place.split_once('/').unwrap();
                Reader::Registry(host.to_owned(), repository.to_owned())
            }
        }
    }

    fn run(&self, args: &[&str]) -> Outcome {
        self.workspace.run().args(args.iter().copied()).call()
    }

    /// A peer, in the working directory.
    #[track_caller]
    fn peer(&self, name: &str, args: &[&str]) -> Outcome {
        let outcome = self
            .workspace
            .run()
            .program(program(name))
            .args(args.iter().copied())
            .call();
        outcome.success();
        outcome
    }

    /// Fails unless every tag of the release is there and whole, with every attachment listed.
    #[track_caller]
    fn check(&self, artifacts: &Value) {
        let reader = self.reader();
        reader.check_whole();
        let tags: BTreeSet<(String, String)> = reader
            .tags()
            .into_iter()
            .filter(|(tag, _)| !tag.starts_with("sha256-"))
            .collect();
        let index = digest(&artifacts["app"]);
        let expected = ["1.4", "1.4.2", "latest"].map(|tag| (tag.to_owned(), index.to_owned()));
        assert_eq!(tags, BTreeSet::from(expected));
        for name in PLATFORMS.into_iter().chain(["app"]) {
            let artifact = &artifacts[name];
            let listed = reader.referrers(digest(artifact));
            let found: BTreeSet<&str> = listed.iter().map(digest).collect();
            let pushed = artifact["attachments"].as_array().unwrap().iter().map(digest);
            assert_eq!(found, pushed.collect(), "{name}");
        }
    }
}

fn digest(described: &Value) -> &str {
    described["digest"].as_str().unwrap()
}

#[test]
fn a_second_push_asks_one_thing_a_tag_and_a_subject_and_changes_nothing() {
    for referrers in [true, false] {
        let registry = Registry::with(Options {
            referrers,
            ..Options::default()
        });
        let release = Release::at(&registry.reference("example/app"));
        let artifacts = release.pushed();
        release.check(&artifacts);
        registry.clear_requests();
        let again = release.pushed();
        for (name, artifact) in again.as_object().unwrap() {
            assert_eq!(artifact["state"], "unchanged", "{name}");
            assert_eq!(artifact["digest"], artifacts[name]["digest"]);
        }
        let lines = registry.lines();
        let count = |part: &str| lines.iter().filter(|line| line.contains(part)).count();
        // A HEAD for each of three artifacts by digest and three tags of the index; a read for each of four subjects.
        assert_eq!(count("HEAD "), 6, "{lines:?}");
        let (api, lists) = (count("/referrers/"), count("GET /v2/example/app/manifests/sha256-"));
        match referrers {
            true => assert_eq!((api, lists), (4, 0), "{lines:?}"),
            // That there is no API is found out once, by those who ask at the same time.
            false => assert!((1..=4).contains(&api) && lists == 4, "{lines:?}"),
        }
        assert_eq!(lines.len(), 6 + api + lists, "{lines:?}");
    }
}

#[test]
fn a_release_in_a_layout_is_whole() {
    let release = Release::at("oci:layout");
    let artifacts = release.pushed();
    release.check(&artifacts);
    let before = release.workspace.tree("layout");
    assert_eq!(release.pushed()["app"]["state"], "unchanged");
    assert_eq!(before, release.workspace.tree("layout"));
    let dry = Release::at("oci:layout");
    let outcome = dry.push().arg("--dry-run").call();
    for (name, artifact) in outcome.success().json()["artifacts"].as_object().unwrap() {
        assert_eq!(artifact["digest"], artifacts[name]["digest"], "{name}");
        assert_eq!(
            artifact["attachments"][0]["digest"],
            artifacts[name]["attachments"][0]["digest"]
        );
    }
    assert!(!dry.workspace.exists("layout"));
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn a_release_on_olareg_is_what_others_read() {
    read_by_others(&Release::on(&Peer::olareg(Access::default())));
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn a_release_on_distribution_is_what_others_read() {
    read_by_others(&Release::on(&Peer::distribution(Access::default())));
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn a_release_in_a_layout_is_what_others_read() {
    read_by_others(&Release::at("oci:layout"));
}

/// ORAS, regctl and crane see what we see.
fn read_by_others(release: &Release) {
    let artifacts = release.pushed();
    release.check(&artifacts);
    let layout = release.place.strip_prefix("oci:");
    let oras = |args: &[&str], name: &str| {
        let flag = if layout.is_some() {
            "--oci-layout"
        } else {
            "--plain-http"
        };
        let target = format!("{}{name}", layout.unwrap_or(&release.place));
        release.peer("oras", &[args, &[flag, &target]].concat())
    };
    for name in PLATFORMS.into_iter().chain(["app"]) {
        let by_digest = format!("@{}", digest(&artifacts[name]));
        let theirs = oras(&["discover", "--format", "json"], &by_digest).json();
        let ours = release.run(&["discover", &format!("{}{by_digest}", release.place), "--format", "json"]);
        let ours = ours.success().json();
        let ours = ours["artifacts"].as_object().unwrap().values().next().unwrap().clone();
        let seen = |list: &Value| -> BTreeSet<(String, String)> {
            let entry = |entry: &Value| {
                let kind = entry.get("artifactType").or(entry.get("artifact-type")).unwrap();
                (digest(entry).to_owned(), kind.as_str().unwrap().to_owned())
            };
            list.as_array().unwrap().iter().map(entry).collect()
        };
        assert_eq!(seen(&theirs["referrers"]), seen(&ours["attachments"]), "{name}");
        assert_eq!(
            seen(&ours["attachments"]),
            seen(&artifacts[name]["attachments"]),
            "{name}"
        );
    }
    let tree = release.run(&["discover", &format!("{}:latest", release.place)]);
    let regctl_place = match layout {
        Some(directory) => format!("ocidir://{directory}"),
        None => release.place.clone(),
    };
    let host = release.place.split('/').next().unwrap();
    let regctl = |args: &[&str]| match layout {
        Some(_) => release.peer("regctl", args),
        None => release.peer(
            "regctl",
            &[&["--host", &format!("reg={host},tls=disabled")], args].concat(),
        ),
    };
    let theirs = regctl(&["artifact", "tree", &format!("{regctl_place}:latest")]);
    for (name, artifact) in artifacts.as_object().unwrap() {
        for described in artifact["attachments"].as_array().unwrap().iter().chain([artifact]) {
            assert!(theirs.stdout.contains(digest(described)), "{name}: {}", theirs.stdout);
            assert!(tree.stdout.contains(digest(described)), "{name}: {}", tree.stdout);
        }
    }
    release.workspace.write("oras/keep", "");
    oras(&["pull", "--platform", "linux/arm64", "-o", "oras"], ":1.4");
    let ours = format!("{}:1.4", release.place);
    let pull = [
        "pull",
        &ours,
        "--platform",
        "linux/arm64",
        "-o",
        "ours",
        "--include-referrers",
        SBOM,
    ];
    release.run(&pull).success();
    assert_eq!(
        release.workspace.read("oras/app"),
        release.workspace.read("build/linux-arm64/app")
    );
    assert_eq!(
        release.workspace.read("ours/app"),
        release.workspace.read("build/linux-arm64/app")
    );
    assert_eq!(
        release.workspace.read("ours/app.spdx.json"),
        release.workspace.read("build/linux-arm64/app.spdx.json")
    );
    if layout.is_none() {
        let theirs = release.peer(
            "crane",
            &["manifest", "--insecure", &format!("{}:latest", release.place)],
        );
        let ours = release.run(&["inspect", "--raw", &format!("{}:latest", release.place)]);
        assert_eq!(theirs.stdout.trim_end(), ours.success().stdout);
    }
    let again = release.pushed();
    assert!(
        again
            .as_object()
            .unwrap()
            .values()
            .all(|artifact| artifact["state"] == "unchanged")
    );
    mended(release, &artifacts);
}

/// A lost attachment, a lost blob and a moved tag are found and put back.
fn mended(release: &Release, artifacts: &Value) {
    let place = &release.place;
    let amd64 = &artifacts["linux-amd64"];
    let attachment = digest(&amd64["attachments"][0]);
    release
        .run(&["delete", &format!("{place}@{attachment}"), "--yes"])
        .success();
    assert!(release.reader().manifest(attachment).is_none());
    let again = release.pushed();
    assert_eq!(again["linux-amd64"]["state"], "pushed");
    assert_eq!(again["app"]["state"], "unchanged");
    release.check(artifacts);

    let other = digest(&artifacts["darwin-arm64"]);
    release.run(&["tag", &format!("{place}@{other}"), "latest"]).success();
    assert_eq!(release.pushed()["app"]["state"], "pushed");
    release.check(artifacts);

    let blob = digest(&amd64["layers"][0]);
    match release.reader() {
        Reader::Layout(path) => fs_err::remove_file(path.join("blobs").join(blob.replace(':', "/"))).unwrap(),
        Reader::Registry(host, repository) => {
            let (status, _) = http(&host, "DELETE", &format!("/v2/{repository}/blobs/{blob}"));
            assert_eq!(status, 202);
        }
    }
    assert!(release.reader().blob(blob).is_none());
    release.push().arg("--force").call().success();
    release.check(artifacts);
}
