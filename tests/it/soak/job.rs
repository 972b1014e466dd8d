//! One of the jobs: pushes what nobody has pushed yet, pulls it, compares.

use std::fmt;

use crate::support::measured::{Bounds, Most, measured};
use crate::support::reader::{Reader, sha256};
use crate::support::runner::{Outcome, Run, Workspace};

/// What came of it.
#[derive(Default)]
pub struct Tally {
    /// Pushes and pulls that succeeded.
    pub transfers: u64,
    /// Those that ended with an error that faults can lead to.
    pub gave_up: u64,
    /// What was not as it should be.
    pub wrong: Vec<String>,
    pub faults: u64,
    /// The most of one process, in KiB.
    pub memory: u64,
    pub descriptors: u64,
    /// Bytes of temporary files that were there after a process had ended.
    pub left: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Tally) {
        self.transfers += other.transfers;
        self.gave_up += other.gave_up;
        self.wrong.extend(other.wrong.iter().cloned());
        self.faults += other.faults;
        self.memory = self.memory.max(other.memory);
        self.descriptors = self.descriptors.max(other.descriptors);
        self.left += other.left;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} transfers, {} gave up, {} wrong, {} faults, peak {} KiB, {} descriptors, {} bytes left",
            self.transfers,
            self.gave_up,
            self.wrong.len(),
            self.faults,
            self.memory,
            self.descriptors,
            self.left
        )
    }
}

impl Tally {
    /// The figure of a round that held.
    pub fn parse(figure: &str) -> Self {
        let words = figure.split([' ', ',']).filter_map(|word| word.parse().ok());
        let numbers: Vec<u64> = words.collect();
        let &[transfers, gave_up, _, faults, memory, descriptors, left] = &numbers[..] else {
            panic!("no figure of a round: {figure}");
        };
        Tally {
            transfers,
            gave_up,
            faults,
            memory,
            descriptors,
            left,
            wrong: Vec::new(),
        }
    }
}

pub struct Job {
    number: usize,
    /// Where it pushes to and pulls from, through the faults.
    front: String,
    /// The registry itself.
    upstream: String,
    workspace: Workspace,
    random: fastrand::Rng,
    count: u64,
    tally: Tally,
}

impl Job {
    pub fn new(number: usize, front: &str, upstream: &str, seed: u64) -> Self {
        Job {
            number,
            front: front.to_owned(),
            upstream: upstream.to_owned(),
            workspace: Workspace::new(),
            random: fastrand::Rng::with_seed(seed * 100 + number as u64),
            count: 0,
            tally: Tally::default(),
        }
    }

    pub fn finish(self) -> Tally {
        self.tally
    }

    /// Files of many sizes, and a directory.
    fn fill(&mut self) {
        let _ = fs_err::remove_dir_all(self.workspace.path().join("src"));
        let mut write = |name: &str, most: usize| {
            let mut bytes = vec![0; self.random.usize(..most)];
            self.random.fill(&mut bytes);
            self.workspace.write(&format!("src/{name}"), bytes);
        };
        write("large.bin", 12 << 20);
        for at in 0..5 {
            write(&format!("{at}.bin"), 200_000);
            write(&format!("tree/{at}/file.bin"), 400_000);
        }
    }

    /// A push, and a pull of what it pushed.
    pub fn transfer(&mut self) {
        self.fill();
        let repository = format!("soak/job{}", self.number);
        let tag = format!("v{}", self.count);
        self.count += 1;
        let reference = format!("{}/{repository}:{tag}", self.front);
        let push = self.workspace.run().directory("src").args(["push", &reference]);
        let push = push
            .args((0..5).map(|at| format!("{at}.bin")))
            .args(["large.bin", "tree"]);
        let (pushed, most) = seen(&hurried(push));
        if !self.ended(&pushed, most, "push") {
            return;
        }
        let reader = Reader::Registry(self.upstream.clone(), repository);
        let Some(manifest) = reader.manifest(&tag) else {
            self.tally.wrong.push(format!("{tag} was pushed and isn't there"));
            return;
        };
        reader.check(&tag, &sha256(&manifest));
        let _ = fs_err::remove_dir_all(self.workspace.path().join("out"));
        let pull = self.workspace.run().args(["pull", &reference, "--output", "out"]);
        let (pulled, most) = seen(&hurried(pull));
        let done = self.ended(&pulled, most, "pull");
        let (source, out) = (self.workspace.tree("src"), self.workspace.tree("out"));
        let right = out.iter().all(|(name, bytes)| source.get(name) == Some(bytes));
        if !right || done && out.len() != source.len() {
            self.tally.wrong.push(format!("{tag}: the pull left {:?}", out.keys()));
        }
    }

    /// Notes how a process ended and what it left; whether it succeeded.
    fn ended(&mut self, outcome: &Outcome, most: Most, what: &str) -> bool {
        self.tally.memory = self.tally.memory.max(most.memory.unwrap_or_default());
        self.tally.descriptors = self.tally.descriptors.max(most.descriptors as u64);
        for entry in walkdir::WalkDir::new(self.workspace.temporary()).min_depth(1) {
            self.tally.left += entry.unwrap().metadata().unwrap().len().max(1);
        }
        match outcome.code {
            Some(0) => self.tally.transfers += 1,
            // The network, or a denial that stood: a fault that strikes often enough looks like one that lasts.
            Some(3 | 6) => self.tally.gave_up += 1,
            _ => self.tally.wrong.push(format!("{what}: {}", outcome.snapshot())),
        }
        outcome.code == Some(0)
    }
}

fn seen(run: &Run<'_>) -> (Outcome, Most) {
    let measured = measured(run, Bounds::NONE);
    (measured.outcome, measured.most)
}

/// What is silent shall not keep the job for a minute.
fn hurried(run: Run<'_>) -> Run<'_> {
    run.env("OCI_ARTIFACT_IDLE_TIMEOUT", "1s")
}
