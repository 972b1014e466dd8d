//! Twenty writers who attach to one subject at once, each with a client of its own: nobody's entry may be lost.

use std::sync::{Arc, Barrier};

use oci_artifact::oci::Descriptor;
use oci_artifact::reference::Pointer;

use crate::support::attach::{manifest, open, runtime};
use crate::support::peers::{Access, Peer, program};
use crate::support::registry::{Options, Registry};
use crate::support::runner::Workspace;

const WRITERS: usize = 20;

/// Puts a subject under `v1`.
fn subject(place: &str) -> Descriptor {
    runtime().block_on(async {
        let store = open(place);
        let subject = manifest(&store, "test/subject", "subject", None).await;
        let pointer = Pointer::Tag("v1".parse().unwrap());
        store.put_manifest(&subject, &pointer).await.unwrap();
        subject.descriptor()
    })
}

/// Writers who start at once.
fn writers(place: &str, count: usize, subject: &Descriptor) -> Vec<std::thread::JoinHandle<()>> {
    let start = Arc::new(Barrier::new(count));
    let writer = |number| {
        let (place, subject, start) = (place.to_owned(), subject.clone(), Arc::clone(&start));
        std::thread::spawn(move || {
            runtime().block_on(async {
                let store = open(&place);
                let manifest = manifest(&store, "test/race", &format!("{number}"), Some(subject)).await;
                start.wait();
                store.put_referrer(&manifest).await.unwrap();
            });
        })
    };
    (0..count).map(writer).collect()
}

/// How many referrers of this type are listed.
fn listed(place: &str, subject: &Descriptor, kind: &str) -> usize {
    let found = runtime().block_on(async { open(place).referrers(&subject.digest, Some(kind)).await });
    found.unwrap().len()
}

/// How many of the writers' entries are listed in the end.
fn race(place: &str) -> usize {
    let subject = subject(place);
    for writer in writers(place, WRITERS, &subject) {
        writer.join().unwrap();
    }
    listed(place, &subject, "test/race")
}

#[test]
fn ggcr_2205_twenty_writers_of_one_fallback_tag_lose_nothing() {
    let registry = Registry::with(Options {
        referrers: false,
        ..Options::default()
    });
    assert_eq!(race(&registry.reference("a")), WRITERS);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn twenty_writers_to_distribution_lose_nothing() {
    let peer = Peer::distribution(Access::default());
    for round in 0..3 {
        assert_eq!(race(&format!("{}/race{round}", peer.host())), WRITERS, "round {round}");
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn twenty_writers_to_olareg_lose_nothing() {
    let peer = Peer::olareg(Access::default());
    for round in 0..3 {
        assert_eq!(race(&format!("{}/race{round}", peer.host())), WRITERS, "round {round}");
    }
}

/// ORAS looks at the list once and never again, so that it takes away what came meanwhile; ours come back.
#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn what_racing_processes_of_oras_take_away_comes_back() {
    let (peer, workspace) = (Peer::distribution(Access::default()), Workspace::new());
    let place = format!("{}/race", peer.host());
    let subject = subject(&place);
    let theirs: Vec<_> = (0..WRITERS / 2)
        .map(|number| {
            let file = format!("{number}.txt");
            workspace.write(&file, &file);
            let run = workspace
                .run()
                .program(program("oras"))
                .args(["attach", "--plain-http"]);
            run.args(["--artifact-type", "test/oras", &format!("{place}:v1"), &file])
                .start()
        })
        .collect();
    let ours = writers(&place, WRITERS / 2, &subject);
    for oras in theirs {
        oras.wait().success();
    }
    for writer in ours {
        writer.join().unwrap();
    }
    assert_eq!(listed(&place, &subject, "test/race"), WRITERS / 2);
    // Some of theirs; how many is up to them.
    assert!(listed(&place, &subject, "test/oras") > 0);
}
