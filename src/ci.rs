//! CI systems: one file each behind one trait. Known to `lib.rs` alone; the rooms below see only what it hands them.
//!
//! [`System`] tells which one runs us, `escape` keeps untrusted text from being taken for a command, and
//! `file_command` writes to the files that GitHub, Gitea, Forgejo and act read after a step.

mod escape;
mod facts;
mod file_command;
mod generic;
mod github;
mod id_token;
mod system;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use system::System;

use crate::credentials::IdTokens;
use crate::env::Env;
use crate::error::Result;
use crate::oci::Digest;
use crate::report::{Dialect, Report};

/// An artifact or index that is in its registry now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// `HOST/REPOSITORY`.
    pub repository: String,
    /// Digest of its manifest.
    pub digest: Digest,
    /// The tags that name it.
    pub tags: Vec<String>,
}

/// What a CI system gives and takes.
pub trait Ci: Send + Sync {
    /// Its name, for messages: `GitHub Actions`.
    fn name(&self) -> &'static str;

    /// How its log wants lines.
    fn dialect(&self) -> Box<dyn Dialect>;

    /// Values of `${ci.NAME}`: sha, short-sha, ref, branch, tag, ref-slug, pr-number, run-id, run-number, run-attempt,
    /// repository, actor, url. Absent where the system, or this job, has none.
    fn facts(&self) -> BTreeMap<&'static str, String>;

    /// URL of the source repository, for the annotation `org.opencontainers.image.source`.
    fn source_url(&self) -> Option<String>;

    /// When the commit was made, in RFC 3339, for the annotation `org.opencontainers.image.created`. Absent where the
    /// system doesn't say: only GitHub's push events do.
    fn committed(&self) -> Option<String> {
        None
    }

    /// A directory that later steps of the job can read, and that is cleaned up with the job.
    fn temporary_directory(&self) -> Option<camino::Utf8PathBuf> {
        None
    }

    /// Where ID tokens of the job come from, if the system gives some.
    fn id_tokens(&self) -> Option<Arc<dyn IdTokens>> {
        None
    }

    /// Why this job gets no right to write and no secrets, if the system shows that it doesn't: a pull request from a
    /// fork. Blocks.
    fn restricted(&self) -> Option<&'static str> {
        None
    }

    /// Hands outputs to the next step. Blocks.
    fn outputs(&self, values: &[(&str, String)]) -> Result<()>;

    /// Adds Markdown to the job's summary. Blocks.
    fn summary(&self, markdown: &str) -> Result<()>;

    /// Tells the system which artifacts the job made, where it keeps a list of them for provenance. What can't be
    /// listed is told to `report`. Blocks.
    fn made(&self, _artifacts: &[Made], _report: &Report) -> Result<()> {
        Ok(())
    }

    /// Whether `spec` and other inputs arrive in variables of this system, so that a missing command means `push`.
    fn is_ci(&self) -> bool;
}

/// The CI system that `env` shows; a plain terminal if none.
pub fn detect(env: &Env) -> Box<dyn Ci> {
    match System::detect(env) {
        system @ (System::GitHub | System::Gitea | System::Forgejo) => Box::new(github::GitHub::new(system, env)),
        system => Box::new(generic::Generic::new(system, env)),
    }
}
