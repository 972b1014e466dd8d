//! CI systems: one file each behind one trait. Known to `lib.rs` alone; the rooms below see only what it hands them.

use std::collections::BTreeMap;

use crate::env::Env;
use crate::error::Result;
use crate::report::Dialect;

/// What a CI system gives and takes.
pub trait Ci: Send + Sync {
    /// Its name, for messages: `GitHub Actions`.
    fn name(&self) -> &'static str;

    /// How its log wants lines.
    fn dialect(&self) -> Box<dyn Dialect>;

    /// Values of `${ci.NAME}`: sha, short-sha, ref, branch, tag, ref-slug, pr-number, run-id, run-number, run-attempt,
    /// repository, actor, url. Absent where the system, or this job, has none.
    fn facts(&self) -> BTreeMap<&'static str, String>;

    /// URL of the source repository.
    fn source(&self) -> Option<String> {
        None
    }

    /// When the job, or the commit, was made, in RFC 3339.
    fn started(&self) -> Option<String> {
        None
    }

    /// A directory that the job's later steps can read and that is cleaned up with it.
    fn temporary_directory(&self) -> Option<camino::Utf8PathBuf> {
        None
    }

    /// Hands outputs to the next step. Blocks.
    fn outputs(&self, values: &[(&str, String)]) -> Result<()>;

    /// Adds Markdown to the job's summary. Blocks.
    fn summary(&self, markdown: &str) -> Result<()>;

    /// Whether `spec` and other inputs arrive in variables of this system, so that a missing command means `push`.
    fn is_ci(&self) -> bool;
}

/// The CI system that `env` shows; a plain terminal if none.
pub fn detect(env: &Env) -> Box<dyn Ci> {
    let _ = env;
    Box::new(Terminal)
}

struct Terminal;

impl Ci for Terminal {
    fn name(&self) -> &'static str {
        "terminal"
    }

    fn dialect(&self) -> Box<dyn Dialect> {
        Box::new(crate::report::Plain)
    }

    fn facts(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::new()
    }

    fn outputs(&self, _: &[(&str, String)]) -> Result<()> {
        Ok(())
    }

    fn summary(&self, _: &str) -> Result<()> {
        Ok(())
    }

    fn is_ci(&self) -> bool {
        false
    }
}
