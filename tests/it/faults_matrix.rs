//! The fault matrix: fault × place × how often, before two real registries, ours and ORAS side by side, as a table.
#![allow(clippy::print_stdout, reason = "figures and a table, for who runs scripts/long")]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

use crate::faults::{Cell, Result, Tool, Verdict};
use crate::support::front::{Kind, Place};
use crate::support::peers::{Access, Peer};

/// Cells at once: they mostly wait.
const WORKERS: usize = 64;

const TIMES: [usize; 3] = [1, 3, usize::MAX];

/// A registry's name, a fault's and a place's, and who pushes and pulls.
type Row = (&'static str, String, String, Tool);

fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for times in TIMES {
        for kind in Kind::ALL {
            cells.extend(Place::ALL.map(|place| Cell { kind, place, times }));
        }
    }
    cells
}

/// Runs the cells, prints the table, and gives what is wrong with ours.
fn run(cells: &[Cell], registries: &[(&'static str, &str)], tools: &[Tool]) -> Vec<String> {
    let mut work: Vec<(Cell, (&'static str, &str), Tool)> = Vec::new();
    for cell in cells {
        for registry in registries {
            work.extend(tools.iter().map(|tool| (*cell, *registry, *tool)));
        }
    }
    // The longest at the end, whence the work is taken.
    work.sort_by_key(|(cell, ..)| (cell.kind == Kind::Stall, cell.times));
    let begun = Instant::now();
    let (work, done) = (
        Mutex::new(work),
        Mutex::new(BTreeMap::<Row, BTreeMap<usize, Result>>::new()),
    );
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let next = work.lock().unwrap().pop();
                    let Some((cell, (name, host), tool)) = next else {
                        break;
                    };
                    let result = cell.run(host, tool);
                    if tool == Tool::Ours && result.verdict != Verdict::Ok {
                        let times = often(cell.times);
                        println!("{name}: {} at {}, {times}: {}", cell.kind, cell.place, result.reason);
                    }
                    let row = (name, cell.kind.to_string(), cell.place.to_string(), tool);
                    done.lock().unwrap().entry(row).or_default().insert(cell.times, result);
                }
            });
        }
    });
    let done = done.into_inner().unwrap();
    print_table(&done);
    println!("{} s in all", begun.elapsed().as_secs());
    print_summary(&done);
    let ours = done.iter().filter(|((.., tool), _)| *tool == Tool::Ours);
    let mut wrong = Vec::new();
    for ((registry, kind, place, _), results) in ours {
        for (times, result) in results.iter().filter(|(_, result)| result.verdict != Verdict::Ok) {
            let (times, reason) = (often(*times), &result.reason);
            wrong.push(format!(
                "{registry}: {kind} at {place}, {times}: {reason}\n{}",
                result.stderr
            ));
        }
    }
    wrong
}

/// A line a tool: how many cells ended how, and the longest.
fn print_summary(done: &BTreeMap<Row, BTreeMap<usize, Result>>) {
    for tool in [Tool::Ours, Tool::Oras] {
        let results: Vec<&Result> = done
            .iter()
            .filter(|((.., by), _)| *by == tool)
            .flat_map(|(_, results)| results.values())
            .collect();
        let count = |verdict| results.iter().filter(|result| result.verdict == verdict).count();
        let ok = count(Verdict::Ok);
        println!(
            "{}: {} cells, {ok} as wanted, {} not: {} failed, {} hung, {} wrong bytes, {} sent no such request; \
             the longest {:.0} s",
            if tool == Tool::Ours { "ours" } else { "oras" },
            results.len(),
            results.len() - ok,
            count(Verdict::Failed),
            count(Verdict::Hung),
            count(Verdict::Wrong),
            count(Verdict::Unmet),
            results.iter().map(|result| result.seconds).fold(0.0, f64::max)
        );
    }
}

fn often(times: usize) -> &'static str {
    match times {
        1 => "once",
        3 => "three times",
        _ => "for ever",
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Unmet => "-",
        Verdict::Failed => "FAILED",
        Verdict::Hung => "HUNG",
        Verdict::Wrong => "WRONG",
    }
}

/// A cell: how it ended, exit code, seconds, requests, KiB of blobs moved again.
fn print_table(done: &BTreeMap<Row, BTreeMap<usize, Result>>) {
    println!("| registry | fault | place | by | once | three times | for ever |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for ((registry, kind, place, tool), results) in done {
        print!(
            "| {registry:12} | {kind:5} | {place:15} | {:4} ",
            format!("{tool:?}").to_lowercase()
        );
        for times in TIMES {
            let text = results.get(&times).map_or_else(String::new, |result| {
                format!(
                    "{} {} {:.1}s {}r {}K",
                    word(result.verdict),
                    result.code,
                    result.seconds,
                    result.counts.total(),
                    result.again / 1024
                )
            });
            print!("| {text:27} ");
        }
        println!("|");
    }
}

/// All cells on both registries. ORAS stands beside us for comparison; only what is wrong with ours fails.
#[test]
#[ignore = "ten minutes: scripts/long fault-matrix"]
fn faults_long_matrix() {
    let (olareg, distribution) = (Peer::olareg(Access::default()), Peer::distribution(Access::default()));
    let registries = [("olareg", olareg.host()), ("distribution", distribution.host())];
    let wrong = run(&cells(), &registries, &[Tool::Ours, Tool::Oras]);
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
}

/// The same cells every time, without those that wait for a minute.
#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn a_sample_of_the_fault_matrix_holds() {
    let mut cells = cells();
    cells.retain(|cell| cell.kind != Kind::Stall || [Place::Get, Place::Redirect].contains(&cell.place));
    fastrand::Rng::with_seed(4).shuffle(&mut cells);
    cells.truncate(24);
    let (olareg, distribution) = (Peer::olareg(Access::default()), Peer::distribution(Access::default()));
    let registries = [("olareg", olareg.host()), ("distribution", distribution.host())];
    let wrong = run(&cells, &registries, &[Tool::Ours, Tool::Oras]);
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
}
