//! No secret where it doesn't belong: every command, under every fault of the matrix, with a secret from each source,
//! in a job of each CI system, at the level that says the most. What it printed, what lies on disk afterwards, and
//! what programs were called with are searched for each secret in all its forms.
#![allow(clippy::print_stdout, reason = "a table, for who runs scripts/long")]

mod children;
mod commands;
mod job;
pub mod search;
mod urls;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use crate::support::front::{Bearer, Front, Kind, Place, Plan, Planted, Trouble};
use crate::support::registry::Registry;
use crate::support::runner::{Outcome, Workspace};

use commands::{COMMANDS, prepare};
use job::{PASSWORD, SOURCES, SYSTEMS, in_job, programs, with_secret};
use search::{find, without_masks};

/// Runs at once: they mostly wait.
const WORKERS: usize = 16;

/// What the registry's own secrets are.
const PLANTED: Planted = Planted {
    token: "planted/token+of~9the=front",
    query: "planted-signature-of-9Q",
};

/// Smaller than the large file.
const LIMIT: u64 = 256 << 10;

/// A run of the table.
#[derive(Clone, Debug)]
struct Cell {
    command: usize,
    /// None: nothing goes wrong.
    fault: Option<(Kind, Place)>,
    times: usize,
    source: &'static str,
    system: &'static str,
}

/// What came of it.
#[derive(Debug, Default)]
struct Found {
    code: Option<i32>,
    struck: bool,
    /// Streams, files, calls of programs.
    searched: [usize; 3],
    leaks: Vec<String>,
}

/// Each command under each fault, with sources and systems in turn, so that each meets each.
fn cells() -> Vec<Cell> {
    let kinds = Kind::ALL.into_iter().chain([Kind::Echo]);
    let struck = kinds.flat_map(|kind| Place::ALL.map(|place| Some((kind, place))));
    let faults: Vec<_> = [None; 11].into_iter().chain(struck).collect();
    let mut cells = Vec::new();
    for command in 0..COMMANDS.len() {
        for fault in &faults {
            let turn = cells.len();
            cells.push(Cell {
                command,
                fault: *fault,
                times: [1, usize::MAX][turn / 3 % 2],
                source: SOURCES[turn % SOURCES.len()],
                system: SYSTEMS[(turn + turn / SOURCES.len() / SYSTEMS.len()) % SYSTEMS.len()],
            });
        }
    }
    cells
}

impl Cell {
    fn run(&self) -> Found {
        let registry = Registry::start();
        let place = self.fault.map(|(_, place)| place);
        let plan = Plan {
            bearer: Some(Bearer::default()),
            redirect: place == Some(Place::Redirect),
            body_limit: (place == Some(Place::Patch)).then_some(LIMIT),
            planted: Some(PLANTED),
            ..Plan::default()
        };
        let front = Front::start(&registry.host(), plan);
        if let Some((kind, place)) = self.fault {
            front.fault(Trouble {
                kind,
                place,
                skip: 0,
                times: self.times,
            });
        }
        let (workspace, host) = (Workspace::new(), front.host());
        prepare(&registry, &workspace, &host);
        programs(&workspace);
        let (_, arguments) = COMMANDS[self.command];
        let run = workspace
            .run()
            .args(arguments.iter().map(|text| text.replace("HOST", &host)));
        let run = in_job(run, &workspace, self.system)
            .env("OCI_ARTIFACT_LOG_LEVEL", "debug")
            .env("OCI_ARTIFACT_IDLE_TIMEOUT", "1s")
            .env("OCI_ARTIFACT_RETRIES", "1")
            .env("OCI_ARTIFACT_OUTPUT_FILE", "ci/result.json")
            .env("OCI_ARTIFACT_VARIABLES_FILE", "ci/variables")
            .env("OCI_ARTIFACT_FORMAT", ["json", "text"][self.source.len() % 2]);
        let run = with_secret(run, &workspace, self.source, &host);
        let outcome = run.call();
        Found {
            code: outcome.code,
            struck: front.counts().struck > 0,
            ..self.search(&workspace, &outcome)
        }
    }

    fn search(&self, workspace: &Workspace, outcome: &Outcome) -> Found {
        let mut found = Found::default();
        let secrets = [PASSWORD, PLANTED.token, PLANTED.query];
        let mut look = |kind: usize, place: &str, text: &[u8]| {
            found.searched[kind] += 1;
            let leak = find(text, &secrets).map(|line| format!("{place}: {line}"));
            found.leaks.extend(leak);
        };
        for (name, text) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
            look(0, name, without_masks(text, self.system).as_bytes());
        }
        for (name, bytes) in workspace.tree("..") {
            match name.as_str() {
                // Where the secret is from, and where `login` stores it.
                "home/answer.json" | "home/.docker/config.json" => {}
                _ if name.starts_with("work/notes/") => look(2, &name, &bytes),
                _ => {
                    look(1, "the name of a file", name.as_bytes());
                    look(1, &name, &bytes);
                }
            }
        }
        found
    }

    fn name(&self) -> String {
        let fault = self.fault.map_or("none".to_owned(), |(kind, place)| {
            let times = if self.times == 1 { "once" } else { "for ever" };
            format!("{kind} at {place} {times}")
        });
        let (command, _) = COMMANDS[self.command];
        format!("{command}, {fault}, {} of {}", self.source, self.system)
    }
}

/// A row of the table: a command under a kind of fault, at all places.
#[derive(Default)]
struct Row {
    runs: usize,
    struck: usize,
    codes: BTreeSet<String>,
    searched: [usize; 3],
    leaks: usize,
}

/// Runs the cells, prints the table, and gives the leaks.
fn run(cells: Vec<Cell>) -> Vec<String> {
    let (work, rows) = (Mutex::new(cells), Mutex::new(BTreeMap::<(usize, String), Row>::new()));
    let leaks = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let next = work.lock().unwrap().pop();
                    let Some(cell) = next else { break };
                    let found = cell.run();
                    let name = cell.name();
                    leaks
                        .lock()
                        .unwrap()
                        .extend(found.leaks.iter().map(|leak| format!("{name}: {leak}")));
                    let fault = cell.fault.map_or("none".to_owned(), |(kind, _)| kind.to_string());
                    let mut rows = rows.lock().unwrap();
                    let row = rows.entry((cell.command, fault)).or_default();
                    row.runs += 1;
                    row.struck += usize::from(found.struck);
                    row.codes
                        .insert(found.code.map_or("signal".to_owned(), |code| code.to_string()));
                    row.leaks += found.leaks.len();
                    for (sum, count) in row.searched.iter_mut().zip(found.searched) {
                        *sum += count;
                    }
                }
            });
        }
    });
    print_table(&rows.into_inner().unwrap());
    let mut leaks = leaks.into_inner().unwrap();
    leaks.sort();
    leaks
}

fn print_table(rows: &BTreeMap<(usize, String), Row>) {
    println!("| command | fault | runs | struck | exit codes | streams | files | calls of programs | leaks |");
    println!("| --- | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |");
    let mut all = Row::default();
    let line = |command: &str, fault: &str, row: &Row| {
        let codes: Vec<&str> = row.codes.iter().map(String::as_str).collect();
        let [streams, files, calls] = row.searched;
        println!(
            "| {command} | {fault} | {} | {} | {} | {streams} | {files} | {calls} | {} |",
            row.runs,
            row.struck,
            codes.join(" "),
            row.leaks
        );
    };
    for ((command, fault), row) in rows {
        line(COMMANDS[*command].0, fault, row);
        all.runs += row.runs;
        all.struck += row.struck;
        all.codes.extend(row.codes.iter().cloned());
        all.leaks += row.leaks;
        for (sum, count) in all.searched.iter_mut().zip(row.searched) {
            *sum += count;
        }
    }
    line("all", "all", &all);
}

#[test]
#[ignore = "minutes: scripts/long secrets"]
fn faults_long_secrets() {
    let leaks = run(cells());
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
}

/// The same cells every time, without those that wait.
#[test]
fn a_sample_of_the_secrets_matrix_has_no_leak() {
    let mut cells = cells();
    cells.retain(|cell| {
        let kind = cell.fault.map(|(kind, _)| kind);
        cell.times == 1 && ![Some(Kind::Stall), Some(Kind::TooMany)].contains(&kind)
    });
    fastrand::Rng::with_seed(8).shuffle(&mut cells);
    cells.truncate(60);
    let leaks = run(cells);
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
}
