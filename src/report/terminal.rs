//! The one place that writes: stdout takes the result, stderr the log.

use std::collections::HashSet;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::budget::Budget;
use super::{Dialect, Direction, Event, Level, Outcome, Scan};
use crate::error::{Error, Place};

/// Whether progress bars are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// On a terminal.
    Bars,
    /// In a CI log: one line when a transfer is over.
    Off,
}

/// The two streams of the process.
pub struct Streams {
    /// The result.
    pub stdout: Box<dyn Write + Send>,
    /// The log.
    pub stderr: Box<dyn Write + Send>,
    /// Whether stdout goes to a file, where no CI system reads along.
    pub into_file: bool,
}

impl Streams {
    /// The process's own.
    pub fn process() -> Self {
        Streams {
            stdout: Box::new(std::io::stdout()),
            stderr: Box::new(std::io::stderr()),
            into_file: stdout_is_file(),
        }
    }

    /// Streams that nobody reads.
    pub fn sink() -> Self {
        Streams {
            stdout: Box::new(std::io::sink()),
            stderr: Box::new(std::io::sink()),
            into_file: false,
        }
    }
}

/// Writes events, result and debug lines; holds the progress bars and the CI's dialect.
pub struct Terminal {
    /// Locked apart: whoever waits for stdout's reader must not keep the log from being written.
    stdout: Mutex<Box<dyn Write + Send>>,
    stderr: Mutex<Box<dyn Write + Send>>,
    into_file: bool,
    dialect: Box<dyn Dialect>,
    bars: Option<MultiProgress>,
    /// Secrets of this run. The CI is told once to mask each: a pair for Basic is made for each request.
    secrets: Mutex<HashSet<String>>,
    budget: Mutex<Budget>,
}

impl Terminal {
    /// A terminal over `streams`.
    pub fn new(streams: Streams, dialect: Box<dyn Dialect>, progress: Progress) -> Self {
        let bars = (progress == Progress::Bars)
            .then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(5)));
        let budget = Mutex::new(Budget::new(dialect.annotation_budget()));
        Terminal {
            stdout: Mutex::new(streams.stdout),
            stderr: Mutex::new(streams.stderr),
            into_file: streams.into_file,
            dialect,
            bars,
            secrets: Mutex::default(),
            budget,
        }
    }

    /// Writes the result: text on stdout, escaped for the CI.
    pub fn result(&self, text: &str) {
        let text = self.dialect.escape(text);
        write(&self.stdout, text.as_bytes());
    }

    /// Writes a result of exact bytes on stdout, such as a raw manifest: what was asked for, unescaped.
    pub fn raw_result(&self, bytes: &[u8]) {
        write(&self.stdout, bytes);
    }

    /// Writes a piece of a result of exact bytes, and says when it can't.
    pub fn raw_piece(&self, bytes: &[u8]) -> std::io::Result<()> {
        let mut stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        stdout.write_all(bytes)?;
        stdout.flush()
    }

    /// Finds in pieces what the CI system would act on if they were printed as [`Terminal::raw_result`] and
    /// [`Terminal::raw_piece`] do; `None` where it doesn't.
    pub fn command_scan(&self) -> Option<Scan> {
        if self.into_file {
            None
        } else {
            self.dialect.command_scan()
        }
    }

    /// Writes a command that the CI system acts on; whoever makes it has escaped its parts.
    pub fn command(&self, command: &str) {
        self.verbatim(command);
    }

    /// Writes a line of the log.
    pub fn line(&self, text: &str) {
        let text = self.dialect.escape(text);
        self.verbatim(&text);
    }

    pub(super) fn event(&self, event: &Event<'_>) {
        match event {
            Event::Info(text) => self.line(text),
            Event::Note(level, text) => self.note(*level, text),
            Event::Failure(error) => self.failure(error),
            Event::GroupStart(title) => match self.dialect.group_start(title) {
                Some(command) => self.verbatim(&command),
                None => self.line(title),
            },
            Event::GroupEnd => {
                if let Some(command) = self.dialect.group_end() {
                    self.verbatim(&command);
                }
            }
            Event::Transferred(direction, title, size, outcome) => {
                self.line(&format!(
                    "  {:<10} {:>9}  {title}",
                    verb(*direction, *outcome),
                    human_size(*size)
                ));
            }
            Event::Retry(what, reason, wait) => {
                self.line(&format!(
                    "  {what}: {reason}; trying again in {:.1} s",
                    wait.as_secs_f64()
                ));
            }
            Event::Mask(secret) => self.mask(secret),
        }
    }

    pub(super) fn bar(&self, direction: Direction, title: &str, size: u64) -> Option<ProgressBar> {
        let bar = self.bars.as_ref()?.add(ProgressBar::new(size));
        let template = "  {prefix:<10} {bar:24} {bytes:>10} / {total_bytes:<10} {bytes_per_sec:>12} {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(if direction == Direction::Up {
            "pushing"
        } else {
            "pulling"
        });
        bar.set_message(super::sanitize(title));
        Some(bar)
    }

    fn mask(&self, secret: &str) {
        // Held until it is written: who comes second may use the secret at once.
        let mut secrets = self.secrets();
        if secrets.insert(secret.to_owned())
            && let Some(command) = self.dialect.mask(secret)
        {
            self.verbatim(&command);
        }
    }

    fn secrets(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `text` with `***` for each secret of this run in it, as it is or percent-encoded. Shorter ones than eight bytes
    /// could be any word's part, and stay.
    pub fn without_secrets(&self, text: &str) -> String {
        let mut hidden = text.to_owned();
        let mut secrets: Vec<String> = self
            .secrets()
            .iter()
            .filter(|secret| secret.len() >= 8)
            .cloned()
            .collect();
        // The longest first: one may hold another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        for secret in secrets {
            let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            for form in [secret, encoded] {
                if hidden.contains(&form) {
                    hidden = hidden.replace(&form, "***");
                }
            }
        }
        hidden
    }

    fn note(&self, level: Level, text: &str) {
        if !self.annotate(level, text, None) {
            self.line(&format!("{}: {text}", level.name()));
        }
    }

    fn failure(&self, error: &Error) {
        let hint = error
            .way_out()
            .map(|hint| format!("\n  hint: {hint}"))
            .unwrap_or_default();
        let message = format!("{}{hint}", error.message());
        if !self.annotate(Level::Error, &message, error.place()) {
            self.line(&format!("error: {error}{hint}"));
        }
    }

    /// Whether the CI sets `message` off by a line of its own, at once.
    fn annotate(&self, level: Level, message: &str, place: Option<&Place>) -> bool {
        let Some(command) = self.dialect.annotation(level, message, place) else {
            return false;
        };
        let now = self.budget().admit(level, message, place);
        if now {
            self.verbatim(&command);
        }
        now
    }

    /// Writes the annotations that were held back, one a level; nothing comes after it.
    pub fn finish(&self) {
        let held = self.budget().take();
        for held in held {
            if let Some(command) = self.dialect.annotation(held.level, &held.message, held.place.as_ref()) {
                self.verbatim(&command);
            }
        }
    }

    fn budget(&self) -> std::sync::MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn verbatim(&self, text: &str) {
        self.dialect.settle();
        let write = || write(&self.stderr, format!("{text}\n").as_bytes());
        match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }
}

fn write(stream: &Mutex<Box<dyn Write + Send>>, bytes: &[u8]) {
    let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
    // A reader that went away (a closed pipe) is no failure of the run.
    let _ = stream.write_all(bytes).and_then(|()| stream.flush());
}

/// Lets `tracing` write its debug lines through the terminal.
impl Terminal {
    /// A writer for one debug line.
    pub fn debug_writer(self: &Arc<Self>) -> impl Write + use<> {
        DebugLine(Arc::clone(self))
    }
}

struct DebugLine(Arc<Terminal>);

impl Write for DebugLine {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let line = self.0.without_secrets(&String::from_utf8_lossy(bytes));
        self.0.line(line.trim_end());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(unix)]
#[allow(
    clippy::disallowed_types,
    reason = "an open descriptor has no path that fs_err could name"
)]
fn stdout_is_file() -> bool {
    use std::os::fd::AsFd as _;
    let stdout = std::io::stdout().as_fd().try_clone_to_owned();
    let metadata = stdout.and_then(|stdout| std::fs::File::from(stdout).metadata());
    metadata.is_ok_and(|metadata| metadata.is_file())
}

#[cfg(not(unix))]
fn stdout_is_file() -> bool {
    false
}

fn verb(direction: Direction, outcome: Outcome) -> &'static str {
    match (direction, outcome) {
        (Direction::Up, Outcome::Moved) => "pushed",
        (Direction::Down, Outcome::Moved) => "pulled",
        (_, Outcome::Mounted) => "mounted",
        (_, Outcome::Present) => "present",
        (_, Outcome::Planned) => "would push",
    }
}

/// `bytes` in binary units with one decimal, for a person.
pub(crate) fn human_size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1023.95 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", units.get(unit).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_for_a_person() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
        ] {
            assert_eq!(human_size(bytes), text);
        }
        assert_eq!(human_size(u64::MAX), "16.0 EiB");
    }
}
