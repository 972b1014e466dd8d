//! A push and a pull through a front that goes wrong once, three times or for ever: one cell of the fault matrix.
//! Some cells and a pull over connections that are cut run here; the whole is `faults_matrix.rs`.
#![allow(clippy::print_stdout, reason = "figures and a table, for who runs scripts/long")]

mod artifact;

use std::time::Instant;

use oci_artifact::oci::Digest;

use crate::support::front::{Bearer, Counts, Front, Kind, Place, Plan, Trouble};
use crate::support::registry::Registry;
use crate::support::runner::Workspace;

pub use artifact::{Tool, push, random_files};

use artifact::{HANGS, pull, stored};

/// More than the sockets between us and the front hold, most of the time.
const LARGE: usize = 8 << 20;

/// Above our chunks of 10 MiB.
const CHUNKED: usize = 12 << 20;

/// The least chunk that the front announces where the cell is about PATCH.
const CHUNK_MIN: u64 = 5 << 20;

/// Several pieces of the front. What is slow lasts less than `idle-timeout` at this size: of bytes that a socket took
/// a client knows no more.
const USUAL: usize = 256 << 10;

/// A square of the matrix.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    pub kind: Kind,
    pub place: Place,
    /// `usize::MAX`: for ever.
    pub times: usize,
}

/// What came of a cell, in the order of what it says of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The right bytes, or the right failure of what lasts for ever.
    Ok,
    /// No request of that kind was sent, so that nothing went wrong.
    Unmet,
    /// Another end than that.
    Failed,
    /// It had to be ended.
    Hung,
    /// Success with other bytes than were pushed, or a credential where none belongs.
    Wrong,
}

#[derive(Debug)]
pub struct Result {
    pub verdict: Verdict,
    /// What is not as it should be.
    pub reason: String,
    /// Of the push, if it failed, else of the pull.
    pub code: i32,
    pub seconds: f64,
    pub counts: Counts,
    /// Bytes of blobs beyond those that a run without faults moves.
    pub again: u64,
    pub stderr: String,
}

impl Cell {
    pub fn for_ever(&self) -> bool {
        self.times == usize::MAX
    }

    /// The exit codes that are right.
    fn allowed(&self) -> &'static [i32] {
        match self.kind {
            // Bytes that keep coming are no fault.
            Kind::Slow => &[0],
            _ if !self.for_ever() => &[0],
            Kind::Unauthorized => &[3],
            _ => &[6],
        }
    }

    /// The files; the small one travels as one piece.
    fn files(&self) -> [(&'static str, usize); 2] {
        let large = match (self.place, self.kind) {
            (Place::Patch, Kind::Slow) => 2 * USUAL,
            (Place::Patch, _) => CHUNKED,
            (Place::Put, kind) if kind != Kind::Slow => LARGE,
            _ => USUAL,
        };
        [("large.bin", large), ("small.txt", 20)]
    }

    /// The way to PATCH is an announcement, or a limit where our chunks shall be small.
    fn plan(&self) -> Plan {
        let (patch, slow) = (self.place == Place::Patch, self.kind == Kind::Slow);
        Plan {
            bearer: Some(Bearer::default()),
            redirect: self.place == Place::Redirect,
            chunk_min: (patch && !slow).then_some(CHUNK_MIN),
            body_limit: (patch && slow).then_some(USUAL as u64),
            ..Plan::default()
        }
    }

    /// Pushes and pulls with `tool`, through a front of its own before the registry at `upstream`.
    pub fn run(&self, upstream: &str, tool: Tool) -> Result {
        let front = Front::start(upstream, self.plan());
        front.fault(Trouble {
            kind: self.kind,
            place: self.place,
            skip: 0,
            times: self.times,
        });
        let workspace = Workspace::new();
        let files = random_files(&workspace, &self.files());
        // Each cell has blobs and a repository of its own.
        let repository = format!("faults/{}", &files[0].1[7..27]);
        let reference = format!("{}/{repository}:v1", front.host());
        fs_err::create_dir(workspace.path().join("out")).unwrap();
        let begun = Instant::now();
        let mut outcome = push(&workspace, tool, &reference, &[]).call();
        let mut wrong = None;
        if outcome.code == Some(0) {
            wrong = stored(upstream, &repository, &files);
            outcome = pull(&workspace, tool, &reference, &[]).call();
        }
        let seconds = begun.elapsed().as_secs_f64();
        let (pushed, pulled) = (workspace.tree("src"), workspace.tree("out"));
        if wrong.is_none() && outcome.code == Some(0) && pushed != pulled {
            wrong = Some("other files were pulled than pushed".to_owned());
        }
        let whole = || pulled.iter().all(|(name, file)| pushed.get(name) == Some(file));
        if wrong.is_none() && tool == Tool::Ours && !whole() {
            wrong = Some(format!("what failed left {:?} behind", pulled.keys()));
        }
        let code = outcome.code.unwrap_or(-1);
        let counts = front.counts();
        let (verdict, reason) = self.judge(tool, code, wrong, &counts);
        let size: usize = self.files().iter().map(|(_, size)| size).sum();
        // The config of an artifact: `{}`, sent and fetched by some.
        let beyond = |bytes: u64| bytes.saturating_sub(size as u64 + 2);
        Result {
            verdict,
            reason,
            again: beyond(counts.sent) + beyond(counts.fetched),
            code,
            seconds,
            counts,
            stderr: outcome.stderr(),
        }
    }

    fn judge(&self, tool: Tool, code: i32, wrong: Option<String>, counts: &Counts) -> (Verdict, String) {
        if let Some(reason) = wrong {
            return (Verdict::Wrong, reason);
        }
        if counts.leaked > 0 {
            return (Verdict::Wrong, "the storage was sent a credential".to_owned());
        }
        if code == HANGS {
            return (Verdict::Hung, "it had to be ended".to_owned());
        }
        if code == 0 && counts.struck == 0 {
            return (Verdict::Unmet, format!("no {} was sent", self.place));
        }
        let allowed = self.allowed();
        // ORAS has one exit code for all that fails.
        let failed = tool == Tool::Oras && code != 0 && *allowed != [0];
        match allowed.contains(&code) || failed || code == 0 && self.may_be_overcome() {
            true => (Verdict::Ok, String::new()),
            false => (Verdict::Failed, format!("exit {code}, not {allowed:?}")),
        }
    }

    /// Whether the right bytes may arrive though it goes wrong for ever: what a HEAD tells is no more than a saving,
    /// and half of each chunk comes through, after which a session can be taken up.
    fn may_be_overcome(&self) -> bool {
        let breaks = [Kind::Reset, Kind::Eof, Kind::Stall].contains(&self.kind);
        self.place == Place::Head || self.place == Place::Patch && breaks
    }
}

#[track_caller]
fn holds(kind: Kind, place: Place, times: usize) {
    let registry = Registry::start();
    let result = Cell { kind, place, times }.run(&registry.host(), Tool::Ours);
    assert_eq!(result.verdict, Verdict::Ok, "{result:#?}");
}

#[test]
fn a_token_endpoint_that_is_unavailable_once_is_asked_again() {
    holds(Kind::Unavailable, Place::Token, 1);
}

#[test]
fn a_reset_in_the_middle_of_a_blob_sends_it_again() {
    holds(Kind::Reset, Place::Put, 1);
}

#[test]
fn an_expired_token_in_the_middle_of_a_push_is_renewed_once() {
    holds(Kind::Unauthorized, Place::Put, 1);
}

#[test]
fn a_blob_that_stalls_three_times_is_fetched_on() {
    holds(Kind::Stall, Place::Get, 3);
}

#[test]
fn a_manifest_put_cut_in_its_answer_is_repeated() {
    holds(Kind::Eof, Place::ManifestPut, 1);
}

#[test]
fn a_blob_that_ends_early_is_fetched_on() {
    holds(Kind::Eof, Place::Get, 1);
}

#[test]
fn a_storage_that_resets_is_asked_again_without_credential() {
    holds(Kind::Reset, Place::Redirect, 1);
}

#[test]
fn slow_bytes_are_no_fault() {
    holds(Kind::Slow, Place::Get, usize::MAX);
}

#[test]
fn a_refusal_for_ever_is_denied() {
    holds(Kind::Unauthorized, Place::Post, usize::MAX);
}

/// nebi#539: once and three times it passes, wherever it comes from. The limit of the cell for PATCH is below our
/// smallest chunk.
#[test]
fn a_refusal_that_passes_is_no_denial() {
    for place in Place::ALL.into_iter().filter(|place| *place != Place::Patch) {
        holds(Kind::Unauthorized, place, 3);
    }
}

#[test]
fn a_pull_over_cut_connections_fetches_little_twice() {
    let registry = Registry::start();
    cut_pull(&registry.host(), 8 << 20, Kind::Eof, 800 << 10);
}

/// Pulls a file of `size` bytes, whose connection is broken off every so many, and fails if 5 % are fetched twice.
pub fn cut_pull(upstream: &str, size: usize, kind: Kind, every: u64) {
    let workspace = Workspace::new();
    random_files(&workspace, &[("large.bin", size)]);
    push(&workspace, Tool::Ours, &format!("{upstream}/cut/pull:v1"), &[])
        .env("OCI_ARTIFACT_IDLE_TIMEOUT", "60s")
        .call()
        .success();
    let plan = Plan {
        cut: Some((kind, every)),
        ..Plan::default()
    };
    let front = Front::start(upstream, plan);
    let begun = Instant::now();
    pull(&workspace, Tool::Ours, &format!("{}/cut/pull:v1", front.host()), &[])
        .call()
        .success();
    let digest = |name: &str| Digest::of(&fs_err::read(workspace.path().join(name)).unwrap());
    assert_eq!(digest("src/large.bin"), digest("out/large.bin"));
    let counts = front.counts();
    // What a reset takes away on its way counts too: the front gave it out.
    let twice = counts.fetched.saturating_sub(size as u64);
    let percent = twice as f64 / size as f64 * 100.0;
    println!(
        "cut-pull: {size} bytes, {kind} every {every}: {twice} bytes ({percent:.2} %) fetched twice, {} GETs, {:.1} s",
        counts.at(Place::Get),
        begun.elapsed().as_secs_f64()
    );
    let parts = (size as u64).div_ceil(every);
    assert!(counts.at(Place::Get) as u64 >= parts, "nothing was cut: {counts:?}");
    assert!(percent < 5.0, "{counts:?}");
}
