//! What can go wrong, in the user's terms: a class with its exit code, what failed and why, where, and the way out.
//!
//! Every room reports failures as [`Error`]. A command that finds several problems at once (the spec, the inputs)
//! collects them in [`Errors`]; its first one decides the exit code.

use std::fmt;

use camino::Utf8PathBuf;

/// The result of most functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The classes of failure. Their exit codes are part of the interface (README, "Exit codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A defect of this program.
    Internal,
    /// The inputs or the spec are wrong.
    Usage,
    /// The registry, or our own policy on credentials, said no.
    Denied,
    /// A repository, tag, manifest or blob isn't there.
    NotFound,
    /// A tag exists, or points elsewhere than a policy allows.
    Conflict,
    /// The network or the server failed, and retries didn't help.
    Network,
    /// Bytes do not match their digest or size, or a manifest is malformed.
    Integrity,
    /// Files on this machine: missing, changed, not writable, disk full.
    Local,
    /// A signal ended the run; holds its number.
    Signal(u8),
}

/// What README and the manual page say of the exit codes.
pub const EXIT_CODES: &[(&str, &str)] = &[
    ("0", "done"),
    ("1", "a defect of this program"),
    ("2", "usage: an input or the spec is wrong"),
    (
        "3",
        "denied: by the registry, or by the rules on where credentials may go",
    ),
    ("4", "not found"),
    ("5", "exists, or conflict"),
    ("6", "network or server"),
    ("7", "integrity: bytes that don't match their digest"),
    ("8", "local files"),
    ("130, 143", "stopped by a signal"),
];

impl Class {
    /// The process's exit code for a run whose first failure has this class.
    pub fn exit_code(self) -> u8 {
        match self {
            Class::Internal => 1,
            Class::Usage => 2,
            Class::Denied => 3,
            Class::NotFound => 4,
            Class::Conflict => 5,
            Class::Network => 6,
            Class::Integrity => 7,
            Class::Local => 8,
            Class::Signal(number) => 128u8.saturating_add(number),
        }
    }

    /// The name of the class in JSON errors.
    pub fn name(self) -> &'static str {
        match self {
            Class::Internal => "internal",
            Class::Usage => "usage",
            Class::Denied => "denied",
            Class::NotFound => "not-found",
            Class::Conflict => "conflict",
            Class::Network => "network",
            Class::Integrity => "integrity",
            Class::Local => "local",
            Class::Signal(_) => "signal",
        }
    }
}

/// Where in a text of the user a problem lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file; `None` for an inline spec.
    pub file: Option<Utf8PathBuf>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.as_ref().map_or("spec", |file| file.as_str());
        write!(f, "{file}:{}:{}", self.line, self.column)
    }
}

/// One failure. Displays as `PLACE: what failed: why`; the hint is shown apart.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    class: Class,
    message: String,
    hint: Option<String>,
    place: Option<Place>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A failure of `class`; `message` says what failed and why, as a lower-case fragment without a full stop.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            class,
            message: message.into(),
            hint: None,
            place: None,
            source: None,
        }))
    }

    /// The inputs or the spec are wrong (exit code 2).
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Class::Usage, message)
    }

    /// A defect of this program (exit code 1).
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Class::Internal, message)
    }

    /// Bytes that are not what they claim to be (exit code 7).
    pub fn integrity(message: impl Into<String>) -> Self {
        Self::new(Class::Integrity, message)
    }

    /// A failure of the local file system (exit code 8). fs_err's errors name the path already.
    pub fn local(error: std::io::Error) -> Self {
        let hint = match error.kind() {
            std::io::ErrorKind::StorageFull => {
                Some("free some space (`df`) or inodes (`df -i`), or write to another disk")
            }
            std::io::ErrorKind::QuotaExceeded => Some("free some of the user's or the project's quota (`quota`)"),
            std::io::ErrorKind::ReadOnlyFilesystem => Some("choose a folder that can be written"),
            std::io::ErrorKind::PermissionDenied => Some("check the permissions of the path and of the job's user"),
            _ if is_out_of_files(&error) => Some("raise the limit of open files (`ulimit -n`), or lower `concurrency`"),
            _ => None,
        };
        let message = error.to_string();
        Error(Box::new(Inner {
            class: Class::Local,
            message,
            hint: hint.map(str::to_owned),
            place: None,
            source: Some(Box::new(error)),
        }))
    }

    /// Adds the way out, in one line.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds where in the user's text the problem lies, if it is known and no closer place is there already.
    #[must_use]
    pub fn at(mut self, place: impl Into<Option<Place>>) -> Self {
        self.0.place = self.0.place.or(place.into());
        self
    }

    /// Puts `what:` before the message, for the layer that knows what was being done.
    #[must_use]
    pub fn context(mut self, what: impl fmt::Display) -> Self {
        self.0.message = format!("{what}: {}", self.0.message);
        self
    }

    /// Keeps the error that caused this one, for `source()`.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The class, which decides the exit code.
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// What failed and why, without place and hint.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The way out.
    pub fn way_out(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Where in the user's text the problem lies.
    pub fn place(&self) -> Option<&Place> {
        self.0.place.as_ref()
    }
}

/// EMFILE and ENFILE have no kind, and what wraps an error keeps its text alone.
fn is_out_of_files(error: &std::io::Error) -> bool {
    let text = error.to_string();
    cfg!(unix)
        && ["(os error 23)", "(os error 24)"]
            .iter()
            .any(|number| text.contains(number))
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.0.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        // A stream of ours that failed inside a reader comes back as it was.
        match error.downcast::<Error>() {
            Ok(ours) => ours,
            Err(error) => Error::local(error),
        }
    }
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        std::io::Error::other(error)
    }
}

/// One or more failures, in the order they were found.
#[derive(Debug)]
pub struct Errors(Vec<Error>);

impl Errors {
    /// `Ok` when `found` is empty.
    pub fn check(found: Vec<Error>) -> Result<(), Errors> {
        if found.is_empty() { Ok(()) } else { Err(Errors(found)) }
    }

    /// The class of the first failure: that of the run.
    pub fn class(&self) -> Class {
        self.0.first().map_or(Class::Internal, Error::class)
    }

    /// The failures.
    pub fn iter(&self) -> impl Iterator<Item = &Error> {
        self.0.iter()
    }
}

impl From<Error> for Errors {
    fn from(error: Error) -> Self {
        Errors(vec![error])
    }
}

impl IntoIterator for Errors {
    type Item = Error;
    type IntoIter = std::vec::IntoIter<Error>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_a_machine_runs_out_of_has_a_way_out() {
        // ENOSPC, EDQUOT of Linux, EROFS, EMFILE, ENFILE; bare and as wrappers leave them.
        let quota = if cfg!(target_os = "linux") { 122 } else { 69 };
        for (number, hint) in [
            (28, "df -i"),
            (quota, "quota"),
            (30, "written"),
            (24, "ulimit"),
            (23, "ulimit"),
        ] {
            let bare = || std::io::Error::from_raw_os_error(number);
            let wrapped = std::io::Error::new(bare().kind(), format!("/a/b: {}", bare()));
            for error in [bare(), wrapped] {
                let error = Error::local(error);
                assert!(error.way_out().is_some_and(|out| out.contains(hint)), "{error:?}");
            }
        }
    }
}
