//! Twenty processes attach to one subject at once: nothing of any is lost.
//!
//! ORAS 1.3.3 keeps 6 to 17 of them on olareg and 3 to 7 on distribution.

use std::collections::BTreeSet;

use crate::support::peers::{Access, Peer};
use crate::support::reader::Reader;
use crate::support::registry::{Options, Registry};
use crate::support::runner::Workspace;

const PROCESSES: usize = 20;

/// Attaches from as many processes at once; fails unless all of their referrers are listed, now and a while later.
fn attach_at_once(place: &str, reader: &dyn Fn(&Workspace) -> Reader, rounds: usize) {
    let workspace = Workspace::new();
    for round in 0..rounds {
        let reference = format!("{place}:v{round}");
        let file = workspace.write("app", format!("app {round}\n"));
        let pushed = workspace
            .run()
            .args(["push", &reference, "app", "--format", "json"])
            .call();
        let pushed = pushed.success().json();
        let subject = pushed["artifacts"].as_object().unwrap().values().next().unwrap()["digest"].clone();
        fs_err::remove_file(file).unwrap();
        let jobs: Vec<_> = (0..PROCESSES)
            .map(|at| {
                let name = format!("note-{at}");
                workspace.write(&name, format!("note {at} of {round}\n"));
                let attach = [
                    "attach",
                    &reference,
                    &name,
                    "--artifact-type",
                    "test/note",
                    "--format",
                    "json",
                ];
                workspace.run().args(attach).start()
            })
            .collect();
        let attached: BTreeSet<String> = jobs
            .into_iter()
            .map(|job| {
                let json = job.wait().success().json();
                let artifact = json["artifacts"].as_object().unwrap().values().next().unwrap().clone();
                artifact["digest"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(attached.len(), PROCESSES);
        let listed = reader(&workspace).referrers(subject.as_str().unwrap());
        let listed: BTreeSet<String> = listed
            .iter()
            .map(|entry| entry["digest"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(
            listed.len(),
            PROCESSES,
            "round {round}: lost {:?}",
            attached.difference(&listed)
        );
        assert_eq!(listed, attached);
    }
}

fn registry_at(place: &str) -> Reader {
    let (host, repository) = place.split_once('/').unwrap();
    Reader::Registry(host.to_owned(), repository.to_owned())
}

#[test]
fn nothing_is_lost_in_a_layout() {
    attach_at_once(
        "oci:layout",
        &|workspace| Reader::Layout(workspace.path().join("layout")),
        1,
    );
}

#[test]
fn nothing_is_lost_with_and_without_the_referrers_api() {
    for referrers in [true, false] {
        let registry = Registry::with(Options {
            referrers,
            ..Options::default()
        });
        let place = registry.reference("app");
        attach_at_once(&place, &|_| registry_at(&place), 1);
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn nothing_is_lost_on_olareg() {
    let peer = Peer::olareg(Access::default());
    let place = format!("{}/app", peer.host());
    attach_at_once(&place, &|_| registry_at(&place), 3);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn nothing_is_lost_on_distribution() {
    let peer = Peer::distribution(Access::default());
    let place = format!("{}/app", peer.host());
    attach_at_once(&place, &|_| registry_at(&place), 3);
}
