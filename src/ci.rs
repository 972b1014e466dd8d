//! CI systems: one file each behind one trait. Known to `lib.rs` alone; the rooms below see only what it hands them.
//!
//! [`System`] tells which one runs us. `facts`, `outputs` and `path` are what the systems share; `escape` and `marks`
//! keep untrusted text from being taken for a command; `file_command` writes to the files that GitHub, Gitea, Forgejo
//! and act read after a step; `agent` runs the program that Buildkite's agent brings.

mod agent;
mod azure;
mod bitbucket;
mod buildkite;
mod characters;
mod circle;
mod drone;
mod escape;
mod facts;
pub(crate) mod file_command;
mod github;
mod gitlab;
mod id_token;
mod jenkins;
mod marks;
mod outputs;
mod path;
mod summary;
mod system;
mod tekton;
mod terminal;
mod woodpecker;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use outputs::{Form, Outputs, refuse_link};
pub use system::System;

use crate::credentials::IdTokens;
use crate::env::Env;
use crate::error::{Errors, Result};
use crate::oci::Digest;
use crate::report::{Dialect, Plain, Report};

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

/// How a system takes variables from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variables {
    /// How it is written.
    pub form: Form,
    /// The file that the system's own examples name, absolute; `None` where there is one only if `variables-file`
    /// asks for it.
    pub file: Option<camino::Utf8PathBuf>,
    /// The most bytes it may have.
    pub limit: Option<usize>,
}

impl Default for Variables {
    /// A file for a shell, if one is asked for.
    fn default() -> Self {
        Variables {
            form: Form::Shell,
            file: None,
            limit: None,
        }
    }
}

/// What a CI system gives and takes. By default there is nothing but the log.
pub trait Ci: Send + Sync {
    /// Which one it is.
    fn system(&self) -> System;

    /// How its log wants lines.
    fn dialect(&self) -> Box<dyn Dialect> {
        Box::new(Plain)
    }

    /// Values of `${ci.NAME}`: sha, short-sha, ref, branch, tag, ref-slug, pr-number, run-id, run-number, run-attempt,
    /// repository, actor, url. Absent where the system, or this job, has none.
    fn facts(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::new()
    }

    /// URL of the source repository, for the annotation `org.opencontainers.image.source`.
    fn source_url(&self) -> Option<String> {
        None
    }

    /// When the commit was made, in RFC 3339, for the annotation `org.opencontainers.image.created`. Absent where the
    /// system doesn't say: GitHub's push events and GitLab do.
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

    /// Hands outputs to the next step by the system's own channel. Blocks.
    fn outputs(&self, _outputs: &Outputs<'_>, _report: &Report) -> Result<()> {
        Ok(())
    }

    /// The file of variables that outputs go to as well.
    fn variables(&self) -> Variables {
        Variables::default()
    }

    /// Adds Markdown to the job's summary. Blocks.
    fn summary(&self, _markdown: &str, _report: &Report) -> Result<()> {
        Ok(())
    }

    /// Sets off what went wrong, where the system has a place for it beside the log. Blocks.
    fn failed(&self, _errors: &Errors, _report: &Report) -> Result<()> {
        Ok(())
    }

    /// Tells the system which artifacts the job made, where it keeps a list of them for provenance. What can't be
    /// listed is told to `report`. Blocks.
    fn made(&self, _artifacts: &[Made], _report: &Report) -> Result<()> {
        Ok(())
    }
}

/// The CI system that `env` shows; a plain terminal if none.
pub fn detect(env: &Env) -> Box<dyn Ci> {
    match System::detect(env) {
        system @ (System::GitHub | System::Gitea | System::Forgejo) => Box::new(github::GitHub::new(system, env)),
        System::GitLab => Box::new(gitlab::GitLab(env.clone())),
        System::Azure => Box::new(azure::Azure(env.clone())),
        System::Buildkite => Box::new(buildkite::Buildkite(env.clone())),
        System::Circle => Box::new(circle::Circle(env.clone())),
        System::Bitbucket => Box::new(bitbucket::Bitbucket(env.clone())),
        System::Jenkins => Box::new(jenkins::Jenkins(env.clone())),
        System::Woodpecker => Box::new(woodpecker::Woodpecker(env.clone())),
        System::Drone => Box::new(drone::Drone(env.clone())),
        System::Tekton => Box::new(tekton::Tekton(env.clone())),
        system @ (System::Unknown | System::None) => Box::new(terminal::Terminal(system)),
    }
}

#[cfg(test)]
mod tests;
