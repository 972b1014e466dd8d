//! One of many who work in one place: it knows what its tags name, and holds the place to that.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use super::SHARED;
use crate::support::runner::{Outcome, Workspace};

/// A process that takes longer hangs; fifty share two cores, and wait for one lock.
const BOUND: &str = "120";

/// Tags of its own.
const TAGS: usize = 4;

/// What was done.
#[derive(Default)]
pub struct Counts {
    pushes: usize,
    pulls: usize,
    deletes: usize,
    untags: usize,
}

impl Counts {
    pub fn add(&mut self, other: &Counts) {
        self.pushes += other.pushes;
        self.pulls += other.pulls;
        self.deletes += other.deletes;
        self.untags += other.untags;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts {
            pushes,
            pulls,
            deletes,
            untags,
        } = self;
        write!(f, "{pushes} pushes, {pulls} pulls, {deletes} deletes, {untags} untags")
    }
}

/// What a tag names: the digest, and the file.
struct Pushed {
    digest: String,
    bytes: Vec<u8>,
}

pub struct Worker<'a> {
    number: usize,
    place: &'a str,
    untags: bool,
    workspace: Workspace,
    random: fastrand::Rng,
    own: BTreeMap<String, Pushed>,
    pub counts: Counts,
}

impl<'a> Worker<'a> {
    pub fn new(number: usize, place: &'a str, untags: bool) -> Self {
        Worker {
            number,
            place,
            untags,
            workspace: Workspace::new(),
            random: fastrand::Rng::with_seed(number as u64),
            own: BTreeMap::new(),
            counts: Counts::default(),
        }
    }

    /// Its tags with the digests that they name.
    pub fn tags(self) -> impl Iterator<Item = (String, String)> {
        self.own.into_iter().map(|(tag, pushed)| (tag, pushed.digest))
    }

    /// One thing, and what it must lead to.
    pub fn act(&mut self) {
        let tag = format!("w{}-{}", self.number, self.random.usize(..TAGS));
        match self.random.u8(..10) {
            0..5 => self.push(tag),
            5..8 => self.pull(&tag),
            8 => self.delete(&tag),
            _ if self.untags => self.untag(&tag),
            _ => self.pull(&tag),
        }
    }

    fn call(&self, args: &[&str]) -> Outcome {
        let ours = env!("CARGO_BIN_EXE_oci-artifact");
        let run = self
            .workspace
            .run()
            .program("timeout")
            .args(["--kill-after=5", BOUND, ours]);
        let run = run.args(args.iter().copied()).env("OCI_ARTIFACT_ALLOW_OUTSIDE", "true");
        let begun = Instant::now();
        let outcome = run.call();
        let hung = begun.elapsed() >= Duration::from_secs(BOUND.parse().unwrap());
        assert!(!hung, "{args:?} hung: {}", outcome.snapshot());
        outcome
    }

    fn push(&mut self, tag: String) {
        // No two workers have a manifest in common: what one deletes is nobody else's.
        let size = self.random.usize(1..100_000);
        let mut bytes = vec![0; size];
        self.random.fill(&mut bytes);
        bytes.extend_from_slice(&self.number.to_le_bytes());
        self.workspace.write("file.bin", &bytes);
        let reference = format!("{}:{tag}", self.place);
        let mut args = vec!["push", &reference, "file.bin", "--format", "json"];
        if self.random.u8(..4) == 0 {
            args.extend(["--tags", SHARED]);
        }
        let json = self.call(&args).success().json();
        let artifact = json["artifacts"].as_object().unwrap().values().next().unwrap();
        let digest = artifact["digest"].as_str().unwrap().to_owned();
        self.own.insert(tag, Pushed { digest, bytes });
        self.counts.pushes += 1;
    }

    fn pull(&mut self, tag: &str) {
        let reference = format!("{}:{tag}", self.place);
        let outcome = self.call(&["pull", &reference, "--output", "out"]);
        match self.own.get(tag) {
            None => drop(outcome.exit(4)),
            Some(pushed) => {
                outcome.success();
                let pulled = fs_err::read(self.workspace.path().join("out/file.bin")).unwrap();
                assert!(pulled == pushed.bytes, "{reference}: other bytes than were pushed");
            }
        }
        self.counts.pulls += 1;
    }

    /// The manifest with all its tags.
    fn delete(&mut self, tag: &str) {
        let Some(pushed) = self.own.remove(tag) else { return };
        let reference = format!("{}@{}", self.place, pushed.digest);
        self.call(&["delete", &reference, "--force", "--yes"]).success();
        self.counts.deletes += 1;
    }

    fn untag(&mut self, tag: &str) {
        if self.own.remove(tag).is_none() {
            return;
        }
        self.call(&["untag", &format!("{}:{tag}", self.place)]).success();
        self.counts.untags += 1;
    }
}
