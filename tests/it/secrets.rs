//! No secret where it doesn't belong: every command, under every fault of the matrix, with a secret from each source,
//! in a job of each CI system, at the level that says the most. What it printed, what lies on disk afterwards, and
//! what programs were called with are searched for each secret in all its forms.

mod children;
mod commands;
mod job;
pub mod search;
mod urls;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Mutex;

use crate::support::front::{Bearer, Front, Kind, Place, Plan, Planted, Trouble};
use crate::support::registry::Registry;
use crate::support::runner::{Outcome, Workspace};
use crate::support::table::{Table, Verdict};

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

/// What came of several cells.
#[derive(Default)]
struct Sum {
    runs: usize,
    struck: usize,
    codes: BTreeSet<String>,
    searched: [usize; 3],
    leaks: Vec<String>,
}

impl Sum {
    fn add(&mut self, cell: &Cell, found: Found) {
        self.runs += 1;
        self.struck += usize::from(found.struck);
        let code = found.code.map_or("signal".to_owned(), |code| code.to_string());
        self.codes.insert(code);
        for (sum, count) in self.searched.iter_mut().zip(found.searched) {
            *sum += count;
        }
        let name = cell.name();
        let leaks = found.leaks.into_iter().map(|leak| format!("{name}: {leak}"));
        self.leaks.extend(leaks);
    }

    /// Fails if there is one.
    fn held(self) -> Verdict {
        let leaks = &self.leaks;
        assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
        Verdict::Held(self.to_string())
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes: Vec<&str> = self.codes.iter().map(String::as_str).collect();
        let [streams, files, calls] = self.searched;
        write!(
            f,
            "{} runs, {} met their fault, exit {}; searched {streams} streams, {files} files, {calls} calls: \
             {} leaks",
            self.runs,
            self.struck,
            codes.join(" "),
            self.leaks.len()
        )
    }
}

/// Runs the cells.
fn run(cells: Vec<Cell>) -> Sum {
    let (work, sum) = (Mutex::new(cells), Mutex::new(Sum::default()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let next = work.lock().unwrap().pop();
                    let Some(cell) = next else { break };
                    let found = cell.run();
                    sum.lock().unwrap().add(&cell, found);
                }
            });
        }
    });
    let mut sum = sum.into_inner().unwrap();
    sum.leaks.sort();
    sum
}

#[test]
#[ignore = "minutes: scripts/long secrets"]
fn faults_long_secrets() {
    let mut table = Table::new("secrets");
    for (command, (name, _)) in COMMANDS.iter().enumerate() {
        let mut cells = cells();
        cells.retain(|cell| cell.command == command);
        table.case(name, || run(cells).held());
    }
    table.end();
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
    run(cells).held();
}
