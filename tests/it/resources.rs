//! What a machine runs out of: success, or an error that names the path, the reason and the way out, with nothing
//! half-written under a final name and nothing left beside it. A row a case; the whole by `scripts/long resources`.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, reason = "figures and a table, for who runs scripts/long")]

mod bounds;
mod disk;
mod many;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// What came of a case: a figure, or why this machine can't have it.
pub enum Verdict {
    Held(String),
    Skipped(String),
}

/// Makes bytes that no packing makes fewer, the same in each run.
fn noise() -> impl FnMut(usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    move |size| {
        let mut bytes = vec![0; size];
        random.fill(&mut bytes);
        bytes
    }
}

type Case = (&'static str, fn(usize) -> Verdict);

/// The cases; each gets how much of what can be scaled it shall move, in percent.
const CASES: &[Case] = &[
    ("disk full", disk::full),
    ("no inodes", disk::inodes),
    ("read-only", disk::read_only),
    ("quota", disk::quota),
    ("full TMPDIR", disk::full_tmpdir),
    ("slow disk", disk::slow),
    ("64 descriptors", bounds::descriptors),
    ("128 MiB of address space", bounds::address_space),
    ("128 MiB cgroup", bounds::cgroup),
    ("one core", bounds::one_core),
    ("many artifacts in one spec", many::artifacts),
    ("many files in a directory", many::files),
    ("claims of 1 TiB", many::claims),
];

/// Runs all of them, prints a row each, and fails at the end if one of them did.
fn table(percent: usize) {
    println!("| case | result | figure | seconds |");
    println!("| --- | --- | --- | --- |");
    let mut wrong = Vec::new();
    for (name, case) in CASES {
        let begun = Instant::now();
        let (result, figure) = match catch_unwind(AssertUnwindSafe(|| case(percent))) {
            Ok(Verdict::Held(figure)) => ("ok", figure),
            Ok(Verdict::Skipped(why)) => ("skipped", why),
            Err(_) => {
                wrong.push(*name);
                ("WRONG", "see above".to_owned())
            }
        };
        println!(
            "| {name} | {result} | {figure} | {:.1} |",
            begun.elapsed().as_secs_f64()
        );
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// The same cases with less to move.
#[test]
fn what_a_machine_runs_out_of_is_told_or_done_without() {
    table(3);
}

#[test]
#[ignore = "five minutes: scripts/long resources"]
fn resources_long() {
    table(100);
}
