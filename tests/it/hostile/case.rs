//! A case of the lists, in its variants: what ours does is judged, what ORAS does is written down.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::client::Client;
use super::rows::{Row, Rows};
use super::scene::{PASSWORD, Scene, Tree};
use crate::support::measured::Measured;

/// KiB that ours may take, whatever it is sent.
const MEMORY: u64 = 64 * 1024;

pub struct Case {
    id: &'static str,
    words: &'static str,
    rows: Rows,
    failed: RefCell<Vec<String>>,
}

/// What came of an attack.
pub struct Seen {
    pub scene: Scene,
    pub measured: Measured,
    /// Paths outside of the output that came, went or changed.
    pub outside: Vec<String>,
    /// The same inside of it.
    pub inside: Vec<String>,
    /// Requests to others that carried something of the job's.
    pub leaks: Vec<String>,
}

impl Case {
    pub fn new(id: &'static str, words: &'static str) -> Self {
        Case {
            id,
            words,
            rows: Rows::of(id),
            failed: RefCell::default(),
        }
    }

    /// Ours refuses: exit code, a message that contains `says`, and nothing is written.
    pub fn refuses(&self, what: &str, exit: i32, says: &str, scene: impl Fn() -> Scene) {
        self.ends(what, exit, says, scene, |seen| {
            assert!(seen.inside.is_empty(), "written: {:?}", seen.inside);
        });
    }

    /// Ours ends with this exit code, and `check` looks at what there is. What fails stops no other variant.
    pub fn ends(&self, what: &str, exit: i32, says: &str, scene: impl Fn() -> Scene, check: impl Fn(&Seen)) {
        let seen = Seen::of(scene(), Client::Ours).unwrap();
        let judged = catch_unwind(AssertUnwindSafe(|| {
            judge(&seen, exit, says);
            check(&seen);
        }));
        if judged.is_err() {
            self.failed.borrow_mut().push(format!("{what}: {}", seen.told()));
        }
        let mut row = self.row(what, Client::Ours, &seen, exit);
        if judged.is_err() {
            row.result = format!("NOT AS WANTED: {}", row.result);
        }
        self.rows.add(row);
        if self.rows.compare()
            && let Some(seen) = Seen::of(scene(), Client::Oras)
        {
            self.rows.add(self.row(what, Client::Oras, &seen, exit));
        }
    }

    fn row(&self, what: &str, client: Client, seen: &Seen, exit: i32) -> Row {
        let code = seen.measured.outcome.code;
        let mut result = match (seen.measured.killed, code) {
            (Some(bound), _) => format!("ended by the test: {bound}"),
            (None, Some(0)) => "done".to_owned(),
            (None, Some(_)) => "refused".to_owned(),
            (None, None) => "crashed".to_owned(),
        };
        // Of ours both are empty, or the test has failed.
        for (list, words) in [(&seen.outside, "changed outside"), (&seen.leaks, "sent the credential")] {
            if !list.is_empty() {
                let _ = write!(result, ", {words}: {}", list.join(" "));
            }
        }
        if exit != 0 && !seen.inside.is_empty() && seen.measured.killed.is_none() {
            let _ = write!(result, ", wrote {}", seen.inside.join(" "));
        }
        Row {
            id: self.id,
            words: self.words,
            what: what.to_owned(),
            client,
            result,
            code,
            seconds: seen.measured.time.as_secs_f64(),
            mib: seen.measured.most.memory.map(|kib| kib / 1024),
            says: seen.line(),
        }
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        let failed = self.failed.borrow();
        assert!(
            failed.is_empty() || std::thread::panicking(),
            "{}: {failed:#?}",
            self.id
        );
    }
}

/// What holds in every case.
fn judge(seen: &Seen, exit: i32, says: &str) {
    let outcome = &seen.measured.outcome;
    assert_eq!(seen.measured.killed, None);
    assert_eq!(outcome.code, Some(exit));
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(said.contains(says), "doesn't say {says:?}");
    assert!(seen.outside.is_empty(), "outside: {:?}", seen.outside);
    assert!(seen.leaks.is_empty(), "sent away: {:?}", seen.leaks);
    let masked = |line: &&str| !line.starts_with("::add-mask::");
    assert!(!said.lines().filter(masked).any(|line| line.contains(PASSWORD)));
    let peak = seen.measured.most.memory.unwrap_or_default();
    assert!(peak <= MEMORY, "{peak} KiB");
    assert_ne!(exit, 1, "a defect is no answer");
}

impl Seen {
    /// Attacks; none if the client can't do what the scene wants.
    fn of(scene: Scene, client: Client) -> Option<Self> {
        let (outside, output) = (scene.outside(), scene.output());
        let measured = client.attacked(&scene)?;
        let outside = changes(&outside, &scene.outside());
        let inside = changes(&output, &scene.output());
        let leaks = scene.leaks();
        Some(Seen {
            scene,
            measured,
            outside,
            inside,
            leaks,
        })
    }

    /// Everything, for who reads a failed test.
    pub fn told(&self) -> String {
        let Measured {
            outcome,
            time,
            most,
            killed,
        } = &self.measured;
        let lines = self.scene.registry.lines();
        let lines = lines[..lines.len().min(40)].join("\n");
        format!(
            "{} killed {killed:?} {time:?} {:?} KiB\n--- requests\n{lines}",
            outcome.snapshot(),
            most.memory
        )
    }

    /// What a person sees first of it.
    fn line(&self) -> String {
        let outcome = &self.measured.outcome;
        let lines = || outcome.stderr.lines().chain(outcome.stdout.lines());
        let found = lines().find(|line| line.to_ascii_lowercase().contains("error"));
        found.or_else(|| lines().last()).unwrap_or_default().trim().to_owned()
    }
}

fn changes(before: &Tree, after: &Tree) -> Vec<String> {
    let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
    paths.sort();
    paths.dedup();
    paths.retain(|path| before.get(*path) != after.get(*path));
    paths.into_iter().cloned().collect()
}
