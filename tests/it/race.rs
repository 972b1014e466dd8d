//! Fifty processes at once push, pull, tag and delete in one layout and in one repository. Each worker knows what its
//! own tags name, and nobody else touches those: whatever the others do, that is what is there. The whole by
//! `scripts/long race`, samples by `cargo test` and `scripts/test-peers`.
#![allow(clippy::print_stdout, reason = "figures and a table, for who runs scripts/long")]

mod worker;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use worker::{Counts, Worker};

use crate::support::long;
use crate::support::peers::{Access, Peer};
use crate::support::reader::Reader;
use crate::support::runner::Workspace;

/// The tag that all of them move.
const SHARED: &str = "latest";

/// What `workers` do for so long at `place` (`HOST/NAME` or `oci:PATH`), where tags can be deleted or not.
fn race(store: &str, place: &str, reader: &Reader, workers: usize, lasts: Duration, untags: bool) {
    let begun = Instant::now();
    let over = AtomicBool::new(false);
    let (model, counts) = (Mutex::new(BTreeMap::new()), Mutex::new(Counts::default()));
    std::thread::scope(|scope| {
        let watched = scope.spawn(|| watch(reader, &over));
        let working: Vec<_> = (0..workers)
            .map(|number| {
                let (model, counts) = (&model, &counts);
                scope.spawn(move || {
                    let mut worker = Worker::new(number, place, untags);
                    while begun.elapsed() < lasts {
                        worker.act();
                    }
                    counts.lock().unwrap().add(&worker.counts);
                    model.lock().unwrap().extend(worker.tags());
                })
            })
            .collect();
        let all = working
            .into_iter()
            .map(|worker| worker.join().is_ok())
            .filter(|fine| *fine);
        let fine = all.count();
        over.store(true, Ordering::Relaxed);
        let looks = watched.join().expect("every index.json was whole");
        assert_eq!(fine, workers, "workers that failed: see above");
        let counts = counts.lock().unwrap();
        println!(
            "| {store} | {workers} | {:.0} s | {counts} | {looks} | ok |",
            begun.elapsed().as_secs_f64()
        );
    });
    let mut there: BTreeMap<String, String> = reader.tags().into_iter().collect();
    there.retain(|tag, _| !tag.starts_with("sha256-"));
    // It names what somebody pushed last, or nothing where that was deleted.
    there.remove(SHARED);
    assert_eq!(
        there,
        model.into_inner().unwrap(),
        "the tags are not those that their owners wrote"
    );
    reader.check_whole();
}

/// Reads the tags over and over: an index that is torn is no JSON. How often it looked.
fn watch(reader: &Reader, over: &AtomicBool) -> usize {
    let mut looks = 0;
    while !over.load(Ordering::Relaxed) {
        if let Reader::Layout(_) = reader {
            reader.tags();
            looks += 1;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    looks
}

fn head() {
    println!("| store | processes | lasted | pushes | pulls | deletes | untags | looks at index.json | result |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
}

fn in_a_layout(workers: usize, lasts: Duration) {
    let workspace = Workspace::new();
    let path = workspace.path().join("layout");
    race(
        "layout",
        &format!("oci:{path}"),
        &Reader::Layout(path.clone()),
        workers,
        lasts,
        true,
    );
    let left = fs_err::read_dir(&path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<String> = left.filter(|name| name.starts_with(".oci-artifact-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

fn in_a_repository(store: &str, peer: &Peer, workers: usize, lasts: Duration, untags: bool) {
    let reader = Reader::Registry(peer.host().to_owned(), "race/app".to_owned());
    race(
        store,
        &format!("{}/race/app", peer.host()),
        &reader,
        workers,
        lasts,
        untags,
    );
}

#[test]
fn twenty_processes_in_one_layout_lose_no_tag() {
    head();
    in_a_layout(20, Duration::from_secs(3));
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn fifty_processes_in_one_layout_and_one_repository_lose_no_tag() {
    head();
    in_a_layout(50, Duration::from_secs(5));
    in_a_repository(
        "olareg",
        &Peer::olareg(Access::default()),
        50,
        Duration::from_secs(10),
        true,
    );
}

#[test]
#[ignore = "a quarter of an hour: scripts/long race"]
fn race_long() {
    head();
    let lasts = Duration::from_secs(60) * long::amount(5);
    in_a_layout(50, lasts);
    in_a_repository("olareg", &Peer::olareg(Access::default()), 50, lasts, true);
    in_a_repository("distribution", &Peer::distribution(Access::default()), 50, lasts, false);
}
