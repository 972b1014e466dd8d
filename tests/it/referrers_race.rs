//! Twenty writers who attach to one subject at once, each with a client of its own: nobody's entry may be lost.

use std::sync::{Arc, Barrier};

use oci_artifact::reference::Pointer;

use crate::support::attach::{manifest, open, runtime};
use crate::support::peers::{Access, Peer};
use crate::support::registry::{Options, Registry};

const WRITERS: usize = 20;

/// How many of the writers' entries are listed in the end.
fn race(place: &str) -> usize {
    let subject = runtime().block_on(async {
        let store = open(place);
        let subject = manifest(&store, "test/subject", "subject", None).await;
        let pointer = Pointer::Digest(subject.digest().clone());
        store.put_manifest(&subject, &pointer).await.unwrap();
        subject.descriptor()
    });
    let start = Arc::new(Barrier::new(WRITERS));
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| {
            let (place, subject, start) = (place.to_owned(), subject.clone(), Arc::clone(&start));
            std::thread::spawn(move || {
                runtime().block_on(async {
                    let store = open(&place);
                    let manifest = manifest(&store, "test/race", &format!("{number}"), Some(subject)).await;
                    start.wait();
                    store.put_referrer(&manifest).await.unwrap();
                });
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    let found = runtime().block_on(async { open(place).referrers(&subject.digest, Some("test/race")).await });
    found.unwrap().len()
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
    for round in 0..5 {
        let begun = std::time::Instant::now();
        assert_eq!(race(&format!("{}/race{round}", peer.host())), WRITERS, "round {round}");
        eprintln!("{:?}", begun.elapsed());
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn twenty_writers_to_olareg_lose_nothing() {
    let peer = Peer::olareg(Access::default());
    for round in 0..5 {
        let begun = std::time::Instant::now();
        assert_eq!(race(&format!("{}/race{round}", peer.host())), WRITERS, "round {round}");
        eprintln!("{:?}", begun.elapsed());
    }
}
