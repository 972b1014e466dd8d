//! What a person reads of a run: notices, warnings, errors, groups, transfers with their progress.
//!
//! The rooms below call [`Report`]; it turns each call into an [`Event`] that the [`Terminal`] writes in the dialect of
//! the CI system. Nothing else prints. Debug lines go through `tracing` to the same terminal.

mod budget;
mod dialect;
pub mod render;
mod result;
mod secret;
mod terminal;

use std::sync::Arc;
use std::time::Duration;

pub use dialect::{Dialect, Plain, Scan, is_invisible, plain_json, sanitize};
pub use result::{
    ArtifactResult, AttachmentResult, ErrorResult, LayerResult, Ledger, ManifestResult, RunResult, SCHEMA, State,
};
pub use secret::Secret;
pub(crate) use terminal::human_size;
pub use terminal::{Progress, Streams, Terminal};

use crate::error::Error;

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For information; on GitHub a `::notice::`.
    Notice,
    /// Something to look at.
    Warning,
    /// The run fails.
    Error,
}

impl Level {
    /// As a log says it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Notice => "notice",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To a store.
    Up,
    /// From a store.
    Down,
}

/// What became of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Sent or fetched.
    Moved,
    /// Mounted from another repository of the same registry.
    Mounted,
    /// Already there: nothing was moved.
    Present,
    /// With `dry-run`: would be sent.
    Planned,
}

/// Something that happened, in the terms of the person who reads it.
#[derive(Debug)]
pub enum Event<'a> {
    /// A line of the ordinary log.
    Info(&'a str),
    /// A line that the CI system should set off.
    Note(Level, &'a str),
    /// A failure, with its place and its way out.
    Failure(&'a Error),
    /// A group of lines begins.
    GroupStart(&'a str),
    /// It ends.
    GroupEnd,
    /// A transfer is over: direction, title, bytes, what became of it.
    Transferred(Direction, &'a str, u64, Outcome),
    /// Something is tried again: what, why, after how long.
    Retry(&'a str, &'a str, Duration),
    /// A value that must not be shown from here on.
    Mask(&'a str),
}

impl<'a> Event<'a> {
    /// A blob of `size` bytes that a store has now.
    pub fn stored(title: &'a str, size: u64, outcome: Outcome) -> Self {
        Event::Transferred(Direction::Up, title, size, outcome)
    }
}

/// A handle on the run's report; clones write to the same terminal.
#[derive(Clone)]
pub struct Report(Arc<Terminal>);

impl Report {
    /// A report that writes to `terminal`.
    pub fn new(terminal: Terminal) -> Self {
        Report(Arc::new(terminal))
    }

    /// A report that nobody reads, for tests.
    pub fn silent() -> Self {
        Report::new(Terminal::new(Streams::sink(), Box::new(Plain), Progress::Off))
    }

    /// The terminal behind it.
    pub fn terminal(&self) -> &Arc<Terminal> {
        &self.0
    }

    /// See [`Terminal::without_secrets`]: for texts of others, who know some of them.
    pub fn without_secrets(&self, text: &str) -> String {
        self.0.without_secrets(text)
    }

    /// Writes an event.
    pub fn emit(&self, event: &Event<'_>) {
        self.0.event(event);
    }

    /// A line of the ordinary log. Text from outside may be in it: the terminal escapes what it prints.
    pub fn info(&self, line: impl AsRef<str>) {
        self.emit(&Event::Info(line.as_ref()));
    }

    /// A line that the CI system sets off as a notice.
    pub fn notice(&self, line: impl AsRef<str>) {
        self.emit(&Event::Note(Level::Notice, line.as_ref()));
    }

    /// A line that the CI system sets off as a warning.
    pub fn warning(&self, line: impl AsRef<str>) {
        self.emit(&Event::Note(Level::Warning, line.as_ref()));
    }

    /// One calm line about something that is tried again.
    pub fn retry(&self, what: impl AsRef<str>, reason: impl AsRef<str>, wait: Duration) {
        self.emit(&Event::Retry(what.as_ref(), reason.as_ref(), wait));
    }

    /// A transfer of `size` bytes begins; `title` is what a person knows the blob by.
    pub fn transfer(&self, direction: Direction, title: impl Into<String>, size: u64) -> Transfer {
        let title = title.into();
        let bar = self.0.bar(direction, &title, size);
        Transfer {
            report: self.clone(),
            direction,
            title,
            size,
            bar,
        }
    }
}

/// A transfer under way. Dropped without [`Transfer::done`], it was broken off and only its bar disappears.
pub struct Transfer {
    report: Report,
    direction: Direction,
    title: String,
    size: u64,
    bar: Option<indicatif::ProgressBar>,
}

impl Transfer {
    /// `bytes` more were moved.
    pub fn advance(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
        }
    }

    /// The transfer starts again from `position`.
    pub fn restart(&self, position: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(position);
        }
    }

    /// It is over.
    pub fn done(self, outcome: Outcome) {
        self.report
            .emit(&Event::Transferred(self.direction, &self.title, self.size, outcome));
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
