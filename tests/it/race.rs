//! Fifty processes at once push, pull, tag and delete in one layout and in one repository. Each worker knows what its
//! own tags name, and nobody else touches those: whatever the others do, that is what is there. The whole by
//! `scripts/long race`, samples by `cargo test` and `scripts/test-peers`.

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
use crate::support::table::{Table, Verdict};

/// The tag that all of them move.
const SHARED: &str = "latest";

/// What `workers` do for so long at `place` (`HOST/NAME` or `oci:PATH`), where tags can be deleted or not.
fn race(place: &str, reader: &Reader, workers: usize, lasts: Duration, untags: bool) -> Verdict {
    let begun = Instant::now();
    let over = AtomicBool::new(false);
    let (model, counts) = (Mutex::new(BTreeMap::new()), Mutex::new(Counts::default()));
    let looks = std::thread::scope(|scope| {
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
        looks
    });
    let lasted = begun.elapsed().as_secs();
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
    let counts = counts.into_inner().unwrap();
    let figure = format!("{workers} processes, {lasted} s: {counts}; no tag lost");
    Verdict::Held(match reader {
        Reader::Layout(_) => format!("{figure}, {looks} looks at index.json"),
        Reader::Registry(..) => figure,
    })
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

fn in_a_layout(workers: usize, lasts: Duration) -> Verdict {
    let workspace = Workspace::new();
    let path = workspace.path().join("layout");
    let place = format!("oci:{path}");
    let raced = race(&place, &Reader::Layout(path.clone()), workers, lasts, true);
    let left = fs_err::read_dir(&path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<String> = left.filter(|name| name.starts_with(".oci-artifact-")).collect();
    assert!(left.is_empty(), "{left:?}");
    raced
}

fn in_a_repository(peer: &Peer, workers: usize, lasts: Duration, untags: bool) -> Verdict {
    let reader = Reader::Registry(peer.host().to_owned(), "race/app".to_owned());
    let place = format!("{}/race/app", peer.host());
    race(&place, &reader, workers, lasts, untags)
}

fn in_olareg(lasts: Duration) -> Verdict {
    in_a_repository(&Peer::olareg(Access::default()), 50, lasts, true)
}

#[test]
fn twenty_processes_in_one_layout_lose_no_tag() {
    in_a_layout(20, Duration::from_secs(3));
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn fifty_processes_in_one_layout_and_one_repository_lose_no_tag() {
    in_a_layout(50, Duration::from_secs(5));
    in_olareg(Duration::from_secs(10));
}

#[test]
#[ignore = "a quarter of an hour: scripts/long race"]
fn race_long() {
    let mut table = Table::new("race");
    let lasts = Duration::from_secs(60) * long::amount(5);
    table.case("one layout", || in_a_layout(50, lasts));
    table.case("one repository, olareg", || in_olareg(lasts));
    table.case("one repository, distribution", || {
        in_a_repository(&Peer::distribution(Access::default()), 50, lasts, false)
    });
    table.end();
}
