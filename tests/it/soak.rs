//! Push and pull through random faults for as long as one likes, four jobs at once: right bytes or a failure that is
//! told, and nothing that grows. An hour by `scripts/long soak`, half a minute by `scripts/test-peers`.
#![cfg(target_os = "linux")]

mod job;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use job::{Job, Tally};

use crate::support::front::{Bearer, Front, Kind, Place, Plan, Trouble};
use crate::support::long;
use crate::support::peers::{Access, Peer};
use crate::support::table::{Table, Verdict};

const JOBS: usize = 4;

/// A fresh registry and fresh files, so that only what is ours could grow.
const ROUND: Duration = Duration::from_secs(120);

/// What the largest process of a late round may have above that of an early one, in KiB.
const GROWTH: u64 = 8 * 1024;

/// KiB that any of them may have.
const MOST: u64 = 64 * 1024;

/// Goes on for so long, prints a row a round, and fails if a byte was wrong or something grew.
fn soak(lasts: Duration, seed: u64) {
    let mut table = Table::new("soak");
    let count = lasts.as_secs().div_ceil(ROUND.as_secs());
    let rounds = (0..count).map(|number| {
        let figure = table.case(&format!("round {}", number + 1), || {
            let tally = round(ROUND.min(lasts), seed + number);
            assert_eq!(tally.wrong, Vec::<String>::new());
            assert_eq!(tally.left, 0, "bytes that were left on the disk");
            assert!(tally.faults > 0 && tally.transfers > 0, "nothing happened");
            Verdict::Held(tally.to_string())
        });
        figure.as_deref().map(Tally::parse)
    });
    let rounds: Vec<Tally> = rounds.collect::<Option<_>>().expect("each round held: see above");
    table.case(&format!("{} minutes", lasts.as_secs() / 60), || {
        Verdict::Held(judge(&rounds))
    });
    table.end();
}

/// What all rounds came to; fails if something grew.
fn judge(rounds: &[Tally]) -> String {
    let mut all = Tally::default();
    rounds.iter().for_each(|round| all.add(round));
    assert!(all.memory <= MOST, "{} KiB of memory", all.memory);
    let quarter = rounds.len().div_ceil(4);
    let most = |rounds: &[Tally], of: fn(&Tally) -> u64| rounds.iter().map(of).max().unwrap_or_default();
    let (early, late) = (&rounds[..quarter], &rounds[rounds.len() - quarter..]);
    let memory: fn(&Tally) -> u64 = |round| round.memory;
    let descriptors: fn(&Tally) -> u64 = |round| round.descriptors;
    let (before, after) = (most(early, memory), most(late, memory));
    assert!(after <= before + GROWTH, "memory grew from {before} to {after} KiB");
    let (before, after) = (most(early, descriptors), most(late, descriptors));
    assert!(after <= before + 16, "descriptors grew from {before} to {after}");
    all.to_string()
}

fn round(lasts: Duration, seed: u64) -> Tally {
    let peer = Peer::olareg(Access::default());
    let plan = Plan {
        bearer: Some(Bearer {
            lifetime: Duration::from_secs(5),
            stated: seed.is_multiple_of(2),
        }),
        redirect: seed.is_multiple_of(3),
        chunk_min: (seed % 4 == 1).then_some(5 << 20),
        ..Plan::default()
    };
    let front = Front::start(peer.host(), plan);
    let (over, all) = (AtomicBool::new(false), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        scope.spawn(|| trouble(&front, &over, seed));
        let jobs: Vec<_> = (0..JOBS)
            .map(|number| {
                let (front, all) = (front.host(), &all);
                let upstream = peer.host().to_owned();
                scope.spawn(move || {
                    let mut job = Job::new(number, &front, &upstream, seed);
                    let begun = Instant::now();
                    while begun.elapsed() < lasts {
                        job.transfer();
                    }
                    all.lock().unwrap().add(&job.finish());
                })
            })
            .collect();
        let fine = jobs
            .into_iter()
            .map(|job| job.join().is_ok())
            .filter(|fine| *fine)
            .count();
        over.store(true, Ordering::Relaxed);
        assert_eq!(fine, JOBS, "jobs that failed: see above");
    });
    let mut all = all.into_inner().unwrap();
    all.faults = front.counts().struck as u64;
    all
}

/// Now and then something goes wrong, up to three times.
fn trouble(front: &Front, over: &AtomicBool, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    while !over.load(Ordering::Relaxed) {
        front.fault(Trouble {
            kind: Kind::ALL[random.usize(..Kind::ALL.len())],
            place: Place::ALL[random.usize(..Place::ALL.len())],
            skip: random.usize(..3),
            times: random.usize(1..4),
        });
        std::thread::sleep(Duration::from_millis(random.u64(100..600)));
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn half_a_minute_of_faults_leaves_right_bytes_and_nothing_else() {
    soak(Duration::from_secs(20), 7);
}

#[test]
#[ignore = "an hour: scripts/long soak"]
fn soak_long() {
    soak(Duration::from_secs(60) * long::amount(60), 7);
}
