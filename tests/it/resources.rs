//! What a machine runs out of: success, or an error that names the path, the reason and the way out, with nothing
//! half-written under a final name and nothing left beside it. A row a case; the whole by `scripts/long resources`.
#![cfg(target_os = "linux")]

mod bounds;
mod disk;
mod many;

use std::time::Instant;

use crate::support::table::{Table, Verdict};

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
    let mut table = Table::new("resources");
    for (name, case) in CASES {
        table.case(name, || {
            let begun = Instant::now();
            match case(percent) {
                Verdict::Held(figure) => Verdict::Held(format!("{figure}; {:.1} s", begun.elapsed().as_secs_f64())),
                skipped => skipped,
            }
        });
    }
    table.end();
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
