//! Random moments of one action on one kind of store, ended one way: a row of the table.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::action::Action;
use crate::support::peers::Peer;
use crate::support::reader::Reader;
use crate::support::runner::{Outcome, Workspace};

/// A runner waits so long at the least before it kills.
const IN_TIME: Duration = Duration::from_secs(5);

/// Ends in one place before a run there may complete: what each leaves must not add up.
const IN_A_ROW: u32 = 4;

/// What a process may have under way at once, in bytes: a copy of all that it moves.
const MOST_LEFT: u64 = 40 << 20;

/// Fewer moments say nothing about how many of them came in time.
const FEW: u32 = 20;

/// How it is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Kill,
    Terminate,
    Interrupt,
}

impl How {
    pub const ALL: [How; 3] = [How::Kill, How::Terminate, How::Interrupt];

    fn signal(self) -> Signal {
        match self {
            How::Kill => Signal::KILL,
            How::Terminate => Signal::TERM,
            How::Interrupt => Signal::INT,
        }
    }

    /// The exit code of one that was stopped; none if it can't have one.
    fn code(self) -> Option<i32> {
        match self {
            How::Kill => None,
            How::Terminate => Some(143),
            How::Interrupt => Some(130),
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            How::Kill => "SIGKILL",
            How::Terminate => "SIGTERM",
            How::Interrupt => "SIGINT",
        })
    }
}

/// Where an action writes.
pub struct Place {
    pub name: String,
    pub host: Option<String>,
    pub output: String,
    repository: String,
}

impl Place {
    fn new(peer: Option<&Peer>, action: Action, how: How, number: u32) -> Self {
        let repository = format!("{action}-{how}-{number}").to_lowercase();
        let host = peer.map(|peer| peer.host().to_owned());
        let name = match &host {
            Some(host) => format!("{host}/{repository}:v1"),
            None => format!("oci:{repository}:v1"),
        };
        let output = format!("out-{number}");
        Place {
            name,
            host,
            output,
            repository,
        }
    }

    pub fn reader(&self, workspace: &Workspace) -> Reader {
        match &self.host {
            Some(host) => Reader::Registry(host.clone(), self.repository.clone()),
            None => Reader::Layout(workspace.path().join(&self.repository)),
        }
    }

    /// Files and bytes of temporaries, beside what they become and in TMPDIR.
    fn left(&self, workspace: &Workspace) -> (usize, u64) {
        let tops = [
            workspace.path().join(&self.repository),
            workspace.path().join(&self.output),
            workspace.temporary(),
        ];
        let mut left = (0, 0);
        for top in tops {
            for entry in walkdir::WalkDir::new(&top).min_depth(1).into_iter().flatten() {
                let path = entry.path().to_string_lossy();
                let temporary = path.contains(".oci-artifact-") || path.starts_with(workspace.temporary().as_str());
                if temporary && entry.file_type().is_file() {
                    left.0 += 1;
                    left.1 += entry.metadata().map_or(0, |found| found.len());
                } else if temporary {
                    left.0 += 1;
                }
            }
        }
        left
    }
}

/// What came of the moments.
#[derive(Default)]
pub struct Row {
    moments: u32,
    stopped: u32,
    done: u32,
    slowest: Duration,
    left: (usize, u64),
    pub wrong: Vec<String>,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (files, bytes) = self.left;
        write!(
            f,
            "{} moments: {} stopped, {} done before, ended within {:.2} s, left at most {files} files, {} KiB",
            self.moments,
            self.stopped,
            self.done,
            self.slowest.as_secs_f64(),
            bytes / 1024
        )
    }
}

impl Row {
    pub fn run(action: Action, how: How, peer: Option<&Peer>, times: u32) -> Self {
        let workspace = Workspace::new();
        Action::fill(&workspace);
        let place = |number| {
            let place = Place::new(peer, action, how, number);
            action.prepare(&workspace, &place);
            place
        };
        let whole = place(0);
        let begun = Instant::now();
        action.run(&workspace, &whole).call().success();
        // How long it takes changes with what else the machine does: each moment corrects it.
        let mut takes = begun.elapsed();
        let mut random = fastrand::Rng::with_seed(u64::from(times));
        let mut row = Row::default();
        let (mut places, mut ends) = (1, 0);
        let mut at = place(places);
        for moment in 1..=times {
            let wait = takes.mul_f64(random.f64());
            let done = row.done;
            let judged = catch_unwind(AssertUnwindSafe(|| row.moment(action, how, &workspace, &at, wait)));
            if judged.is_err() {
                row.wrong.push(format!("moment {moment}, after {wait:?}: see above"));
            }
            takes = takes.mul_f64(if row.done > done { 0.9 } else { 1.05 });
            ends += 1;
            // Where it was done, there would be nothing to end.
            if row.done > done || ends == IN_A_ROW || moment == times {
                let completed = catch_unwind(AssertUnwindSafe(|| {
                    action.run(&workspace, &at).call().success();
                    action.check_done(&workspace, &at);
                    assert_eq!(
                        at.left(&workspace),
                        (0, 0),
                        "what was left is still there after the next run"
                    );
                }));
                if completed.is_err() {
                    row.wrong.push(format!("moment {moment}: the next run: see above"));
                }
                for old in [&at.repository, &at.output] {
                    let _ = fs_err::remove_dir_all(workspace.path().join(old));
                }
                (places, ends) = (places + 1, 0);
                at = place(places);
            }
        }
        // Else the moments were no moments of the action; few of them may all come too late.
        if times >= FEW && row.stopped * 4 < times {
            row.wrong
                .push(format!("{} of {times} were stopped before the end", row.stopped));
        }
        row
    }

    fn moment(&mut self, action: Action, how: How, workspace: &Workspace, place: &Place, wait: Duration) {
        self.moments += 1;
        let running = action.run(workspace, place).start();
        std::thread::sleep(wait);
        running.signal(how.signal());
        let signalled = Instant::now();
        let outcome = running.wait();
        let ended = signalled.elapsed();
        self.slowest = self.slowest.max(ended);
        match outcome.code {
            Some(0) => self.done += 1,
            _ => self.stopped += 1,
        }
        action.check(workspace, place);
        let left = place.left(workspace);
        self.left = (self.left.0.max(left.0), self.left.1.max(left.1));
        assert!(left.1 <= MOST_LEFT, "{left:?} are left");
        if how != How::Kill {
            judge(how, &outcome);
            assert!(ended < IN_TIME, "it took {ended:?} to end");
            assert_eq!(left, (0, 0), "it left something behind: {}", outcome.snapshot());
        }
    }
}

/// One clean message and the right code, unless it was done before, or had not yet begun: the system ends a process
/// that is just being loaded.
fn judge(how: How, outcome: &Outcome) {
    if outcome.code.is_none() {
        assert_eq!((&*outcome.stdout, &*outcome.stderr), ("", ""), "{}", outcome.snapshot());
        return;
    }
    if outcome.code == Some(0) {
        return;
    }
    assert_eq!(outcome.code, how.code(), "{}", outcome.snapshot());
    let errors = outcome.stderr.lines().filter(|line| line.starts_with("error")).count();
    assert_eq!(errors, 1, "{}", outcome.snapshot());
    assert!(outcome.stderr.contains("stopped by a signal"), "{}", outcome.snapshot());
}
