//! GitHub Actions, and what follows its contract: Gitea and Forgejo Actions, act.
//!
//! Contract: actions/runner and "Workflow commands for GitHub Actions". `GITHUB_SHA` of a pull request is the commit
//! of the trial merge, not the branch's own: `${ci.sha}` is that commit too, since it is what the job builds.

mod artifacts;

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::escape::Scanner;
use super::facts::Job;
use super::{Ci, Made, Outputs, System, escape, file_command, id_token, path};
use crate::credentials::IdTokens;
use crate::env::Env;
use crate::error::{Place, Result};
use crate::report::{Dialect, Level, Report, Scan};

/// GitHub shows ten annotations of each level a step; of further ones only the log tells.
const ANNOTATIONS: usize = 10;

/// GitHub cuts the message of an annotation here.
const MESSAGE_LIMIT: usize = 4096;

/// The most bytes of the event's payload that are read; GitHub's webhooks have at most 25 MB.
const EVENT_LIMIT: u64 = 25 * 1024 * 1024;

/// GitHub Actions or a system like it.
pub struct GitHub {
    system: System,
    env: Env,
}

impl GitHub {
    /// For `system`, whose variables are in `env`.
    pub fn new(system: System, env: &Env) -> Self {
        GitHub {
            system,
            env: env.clone(),
        }
    }

    /// From the ref, `refs/pull/12/merge`; for `pull_request_target`, whose ref is the base branch, from the event.
    fn pull_request(&self) -> Option<String> {
        let number = |rest: &str| {
            rest.split('/')
                .next()
                .filter(|n| n.bytes().all(|b| b.is_ascii_digit()))
                .map(str::to_owned)
        };
        if let Some(rest) = self
            .env
            .get("GITHUB_REF")
            .and_then(|full| full.strip_prefix("refs/pull/"))
        {
            return number(rest);
        }
        self.env.get("GITHUB_HEAD_REF")?;
        self.event()?.number.map(|number| number.to_string())
    }

    fn event(&self) -> Option<Event> {
        event(Utf8Path::new(self.env.get("GITHUB_EVENT_PATH")?))
    }

    fn source(&self) -> Option<String> {
        Some(format!(
            "{}/{}",
            self.env.get("GITHUB_SERVER_URL")?,
            self.env.get("GITHUB_REPOSITORY")?
        ))
    }
}

impl Ci for GitHub {
    fn system(&self) -> System {
        self.system
    }

    fn dialect(&self) -> Box<dyn Dialect> {
        Box::new(Commands {
            workspace: self.env.get("GITHUB_WORKSPACE").map(Utf8PathBuf::from),
            directory: self.env.directory().to_owned(),
        })
    }

    fn facts(&self) -> BTreeMap<&'static str, String> {
        let named = |kind: &str| {
            let is_kind = self.env.get("GITHUB_REF_TYPE") == Some(kind);
            is_kind.then(|| self.env.text("GITHUB_REF_NAME")).flatten()
        };
        let head = self.env.text("GITHUB_HEAD_REF");
        let pull_request = self.pull_request();
        let run = match self.system {
            System::Gitea | System::Forgejo => "GITHUB_RUN_NUMBER",
            _ => "GITHUB_RUN_ID",
        };
        let url = self
            .source()
            .zip(self.env.get(run))
            .map(|(source, run)| format!("{source}/actions/runs/{run}"));
        Job {
            sha: self.env.text("GITHUB_SHA"),
            reference: self.env.text("GITHUB_REF"),
            is_pull_request: head.is_some() || pull_request.is_some(),
            branch: head.or_else(|| named("branch")),
            tag: named("tag"),
            pull_request,
            run_id: self.env.text("GITHUB_RUN_ID"),
            run_number: self.env.text("GITHUB_RUN_NUMBER"),
            run_attempt: self.env.text("GITHUB_RUN_ATTEMPT"),
            repository: self.env.text("GITHUB_REPOSITORY"),
            actor: self.env.text("GITHUB_ACTOR"),
            url,
        }
        .facts()
    }

    fn source_url(&self) -> Option<String> {
        self.source()
    }

    fn committed(&self) -> Option<String> {
        // The payload of a push has the commit that the job is about.
        let commit = self.event()?.head_commit?;
        (self.env.get("GITHUB_SHA") == Some(&commit.id)).then_some(commit.timestamp)
    }

    fn temporary_directory(&self) -> Option<Utf8PathBuf> {
        self.env.get("RUNNER_TEMP").map(Utf8PathBuf::from)
    }

    fn restricted(&self) -> Option<&'static str> {
        // `pull_request_target` runs with the base's rights, and so does whatever may ask for an ID token.
        let is_plain = self.env.get("GITHUB_EVENT_NAME") == Some("pull_request");
        if !is_plain || self.env.get("ACTIONS_ID_TOKEN_REQUEST_URL").is_some() {
            return None;
        }
        if self.env.get("GITHUB_ACTOR") == Some("dependabot[bot]") {
            return Some("a pull request of Dependabot gets neither secrets nor the right to write packages");
        }
        let event = self.env.get("GITHUB_EVENT_PATH").map(Utf8Path::new);
        event
            .is_some_and(is_fork)
            .then_some("a pull request from a fork gets neither secrets nor the right to write packages")
    }

    fn id_tokens(&self) -> Option<Arc<dyn IdTokens>> {
        id_token::source(self.system, &self.env)
    }

    fn outputs(&self, outputs: &Outputs<'_>, _: &Report) -> Result<()> {
        match self.env.get("GITHUB_OUTPUT") {
            Some(file) => file_command::write_outputs(Utf8Path::new(file), outputs.values),
            None => Ok(()),
        }
    }

    fn summary(&self, markdown: &str, _: &Report) -> Result<()> {
        match self.env.get("GITHUB_STEP_SUMMARY") {
            Some(file) => file_command::write_summary(Utf8Path::new(file), markdown),
            None => Ok(()),
        }
    }

    fn made(&self, artifacts: &[Made], report: &Report) -> Result<()> {
        let Some(file) = self.env.get("GITHUB_ARTIFACTS") else {
            return Ok(());
        };
        let list = self.env.get("GITHUB_ARTIFACTS_LIST").map(Utf8Path::new);
        artifacts::hand_on(Utf8Path::new(file), list, artifacts, report)
    }
}

/// What we read of the event's payload ("Webhook events and payloads").
#[derive(Default, serde::Deserialize)]
struct Event {
    /// Of the pull request.
    number: Option<u64>,
    /// Of a push.
    head_commit: Option<Commit>,
    pull_request: Option<PullRequest>,
}

#[derive(serde::Deserialize)]
struct PullRequest {
    head: Side,
    base: Side,
}

#[derive(serde::Deserialize)]
struct Side {
    /// Absent if a fork was deleted.
    repo: Option<Repo>,
}

#[derive(PartialEq, serde::Deserialize)]
struct Repo {
    full_name: String,
}

#[derive(serde::Deserialize)]
struct Commit {
    id: String,
    /// RFC 3339.
    timestamp: String,
}

/// The event's payload. A file that is missing or odd means no facts, and no failure.
fn event(file: &Utf8Path) -> Option<Event> {
    let size = fs_err::metadata(file).ok()?.len();
    let bytes = (size <= EVENT_LIMIT).then(|| fs_err::read(file).ok()).flatten()?;
    serde_json::from_slice(&bytes).ok()
}

/// Whether the payload in `file` is of a pull request from another repository.
pub(super) fn is_fork(file: &Utf8Path) -> bool {
    let pull_request = event(file).and_then(|event| event.pull_request);
    pull_request.is_some_and(|both| both.head.repo != both.base.repo)
}

/// Workflow commands.
struct Commands {
    workspace: Option<Utf8PathBuf>,
    directory: Utf8PathBuf,
}

impl Commands {
    /// `file` relative to the workspace, where annotations look for it.
    fn in_workspace(&self, file: &Utf8Path) -> Option<String> {
        path::inside(self.workspace.as_ref()?, &self.directory.join(file))
    }
}

impl Dialect for Commands {
    fn mask(&self, secret: &str) -> Option<String> {
        let values = escape::parts_to_mask(secret);
        let commands: Vec<_> = values
            .iter()
            .map(|value| format!("::add-mask::{}", escape::data(value)))
            .collect();
        (!commands.is_empty()).then(|| commands.join("\n"))
    }

    fn group_start(&self, title: &str) -> Option<String> {
        Some(format!("::group::{}", escape::data(&escape::text(title))))
    }

    fn group_end(&self) -> Option<String> {
        Some("::endgroup::".to_owned())
    }

    fn annotation(&self, level: Level, message: &str, place: Option<&Place>) -> Option<String> {
        let mut properties = Vec::new();
        if let Some(place) = place
            && let Some(file) = place.file.as_deref().and_then(|file| self.in_workspace(file))
        {
            properties.push(format!("file={}", escape::property(&escape::text(&file))));
            properties.push(format!("line={},col={}", place.line, place.column));
        }
        properties.push("title=oci-artifact".to_owned());
        // The log shows an annotation without its place, so the message has it too.
        let message = match place {
            Some(place) => format!("{place}: {message}"),
            None => message.to_owned(),
        };
        let message: String = escape::text(&message).chars().take(MESSAGE_LIMIT).collect();
        Some(format!(
            "::{} {}::{}",
            level.name(),
            properties.join(","),
            escape::data(&message)
        ))
    }

    fn escape(&self, line: &str) -> String {
        escape::text(line)
    }

    fn annotation_budget(&self) -> Option<usize> {
        Some(ANNOTATIONS)
    }

    fn command_scan(&self) -> Option<Scan> {
        let mut scanner = Scanner::default();
        Some(Box::new(move |bytes| scanner.push(bytes)))
    }
}

#[cfg(test)]
mod tests;
