//! Lines of a Buildkite log ("Managing log output"): `--- T` begins a closed group, `^^^ +++` opens the one that it
//! stands in. Secrets go to `buildkite-agent redactor add`.

use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use super::super::agent;
use super::AGENT;
use crate::env::Env;
use crate::error::Place;
use crate::report::{Dialect, Level, sanitize};

/// The agent redacts no shorter values.
const SHORTEST: usize = 6;

/// What begins a group where it begins a line, with a blank behind it.
const HEADERS: [&str; 4] = ["---", "+++", "~~~", "^^^"];

/// The log of a job.
pub struct Log {
    /// `None` where the agent has no redactor for jobs (before 3.67, or switched off).
    env: Option<Env>,
    /// Calls of the redactor under way.
    calls: Mutex<Vec<JoinHandle<()>>>,
}

impl Log {
    pub fn new(env: &Env) -> Self {
        let has_redactor = env.get("BUILDKITE_AGENT_JOB_API_SOCKET").is_some();
        Log {
            env: has_redactor.then(|| env.clone()),
            calls: Mutex::default(),
        }
    }

    fn calls(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dialect for Log {
    fn mask(&self, secret: &str) -> Option<String> {
        let env = self.env.clone()?;
        if secret.trim().len() >= SHORTEST {
            let (words, input) = (vec!["redactor".to_owned(), "add".to_owned()], secret.to_owned());
            // The line that comes next waits for it, and not whoever got the secret, who may be on an async thread.
            let call = move || drop(agent::run(AGENT, &env, vec![(words, input)]));
            self.calls().push(std::thread::spawn(call));
        }
        None
    }

    fn settle(&self) {
        for call in std::mem::take(&mut *self.calls()) {
            // It holds no lock, and a failure leaves the log no worse: it never has secrets.
            let _ = call.join();
        }
    }

    fn group_start(&self, title: &str) -> Option<String> {
        Some(format!("--- {}", sanitize(title).replace('\n', " ")))
    }

    fn group_end(&self) -> Option<String> {
        None
    }

    fn annotation(&self, level: Level, message: &str, place: Option<&Place>) -> Option<String> {
        let place = place.map(|place| format!("{place}: ")).unwrap_or_default();
        let line = self.escape(&format!("error: {place}{message}"));
        (level == Level::Error).then(|| format!("^^^ +++\n{line}"))
    }

    fn escape(&self, line: &str) -> String {
        let lines = sanitize(line);
        let lines = lines
            .split('\n')
            .map(|line| match HEADERS.iter().any(|header| line.starts_with(header)) {
                true => format!(" {line}"),
                false => line.to_owned(),
            });
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_begins_a_group() {
        let log = Log::new(&Env::default());
        assert_eq!(
            log.escape("--- x\n+++ y\n a ~~~ b\n^^^ +++"),
            " --- x\n +++ y\n a ~~~ b\n ^^^ +++"
        );
        assert_eq!(log.group_start("a\n--- b").unwrap(), "--- a --- b");
        let error = log.annotation(Level::Error, "no\n+++ such file", None).unwrap();
        assert_eq!(error, "^^^ +++\nerror: no\n +++ such file");
        assert_eq!(log.annotation(Level::Warning, "x", None), None);
    }
}
