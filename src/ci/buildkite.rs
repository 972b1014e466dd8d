//! Buildkite ("Environment variables", "Using meta-data", "buildkite-agent annotate", "buildkite-agent redactor"):
//! groups are lines of the log, all else goes by the agent's program, which gets values on stdin.

mod log;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::facts::{Job, commit, page_of, path_of};
use super::{Ci, Outputs, System, agent, id_token, summary};
use crate::credentials::IdTokens;
use crate::env::Env;
use crate::error::{Error, Errors, Result};
use crate::report::render::{cell, code};
use crate::report::{Dialect, Report};

/// The agent's program.
const AGENT: &str = "buildkite-agent";

/// The most bytes of a value of meta-data.
const VALUE_LIMIT: usize = 100_000;

/// A job of Buildkite, by its variables.
pub struct Buildkite(pub Env);

impl Buildkite {
    /// Meta-data is the whole build's: a step with a key has names of its own.
    fn key(&self, name: &str) -> String {
        match self.0.get("BUILDKITE_STEP_KEY") {
            Some(step) => format!("oci-artifact:{step}:{name}"),
            None => format!("oci-artifact:{name}"),
        }
    }

    /// What the agent's program can't do is told, and is no failure of what was pushed.
    fn call(&self, calls: Vec<(Vec<String>, String)>, what: &str, report: &Report) {
        let failures = agent::run(AGENT, &self.0, calls);
        if let Some(first) = failures.first() {
            report.warning(format!("{what}: `{AGENT}`: {first}"));
        }
    }

    fn annotate(&self, style: &str, markdown: &str, report: &Report) {
        // A job that annotates again replaces what it wrote, and no other job's.
        let job = self.0.get("BUILDKITE_JOB_ID").unwrap_or("job");
        let context = format!("oci-artifact-{style}-{job}");
        let words = ["annotate", "--style", style, "--context", &context, "--append"];
        let call = (
            words.map(str::to_owned).to_vec(),
            summary::fit(markdown, summary::LIMIT),
        );
        self.call(vec![call], "the build is not annotated", report);
    }
}

impl Ci for Buildkite {
    fn system(&self) -> System {
        System::Buildkite
    }

    fn dialect(&self) -> Box<dyn Dialect> {
        Box::new(log::Log::new(&self.0))
    }

    fn facts(&self) -> BTreeMap<&'static str, String> {
        let text = |name| self.0.text(name);
        // `false` outside of pull requests.
        let pull_request = text("BUILDKITE_PULL_REQUEST").filter(|number| number != "false");
        let tag = text("BUILDKITE_TAG");
        let retries = text("BUILDKITE_RETRY_COUNT").and_then(|count| count.parse::<u32>().ok());
        Job {
            sha: text("BUILDKITE_COMMIT").and_then(commit),
            branch: text("BUILDKITE_BRANCH").filter(|branch| tag.as_ref() != Some(branch)),
            tag,
            is_pull_request: pull_request.is_some(),
            pull_request,
            run_id: text("BUILDKITE_BUILD_ID"),
            run_number: text("BUILDKITE_BUILD_NUMBER"),
            run_attempt: retries.map(|count| (count + 1).to_string()),
            repository: self.source_url().as_deref().and_then(path_of),
            actor: text("BUILDKITE_BUILD_CREATOR"),
            url: text("BUILDKITE_BUILD_URL"),
            reference: None,
        }
        .facts()
    }

    fn source_url(&self) -> Option<String> {
        page_of(self.0.get("BUILDKITE_REPO")?)
    }

    fn restricted(&self) -> Option<&'static str> {
        // The repository of the pull request's branch; blank outside of pull requests.
        let from = self.0.get("BUILDKITE_PULL_REQUEST_REPO")?;
        let is_fork = page_of(from)? != self.source_url()?;
        is_fork.then_some("a build of a fork's pull request gets no secrets, unless the agent's hooks pass them on")
    }

    fn id_tokens(&self) -> Option<Arc<dyn IdTokens>> {
        id_token::source(System::Buildkite, &self.0)
    }

    fn outputs(&self, outputs: &Outputs<'_>, report: &Report) -> Result<()> {
        let (fit, too_long): (Vec<_>, Vec<_>) = outputs
            .values
            .iter()
            // Blank values are refused.
            .filter(|(_, value)| !value.is_empty())
            .partition(|(_, value)| value.len() <= VALUE_LIMIT);
        for (name, _) in too_long {
            report.warning(format!(
                "the output {name} is not set: meta-data takes 100 kB; `output-file` has it"
            ));
        }
        let call = |(name, value): &(&str, String)| {
            let words = vec!["meta-data".to_owned(), "set".to_owned(), self.key(name)];
            (words, value.clone())
        };
        self.call(fit.into_iter().map(call).collect(), "outputs are not set", report);
        Ok(())
    }

    fn summary(&self, markdown: &str, report: &Report) -> Result<()> {
        self.annotate("info", markdown, report);
        Ok(())
    }

    fn failed(&self, errors: &Errors, report: &Report) -> Result<()> {
        self.annotate("error", &failures(errors), report);
        Ok(())
    }
}

/// A list in Markdown. Messages may repeat what a registry says: it is no Markdown of its own.
fn failures(errors: &Errors) -> String {
    let line = |error: &Error| {
        let place = error.place().map(|place| code(&place.to_string()) + ": ");
        let hint = error.way_out().map(|hint| format!("<br>{}", cell(hint)));
        let (place, hint) = (place.unwrap_or_default(), hint.unwrap_or_default());
        format!("- {place}{}{hint}\n", code(error.message()))
    };
    let lines: String = errors.iter().map(line).collect();
    format!("**oci-artifact**\n\n{lines}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_registry_is_no_markdown_of_an_annotation() {
        let error = Error::usage("said: ` ![x](https://evil.example/x.png) <img src=x>\n# big")
            .hint("[go](https://evil.example)");
        insta::assert_snapshot!(failures(&error.into()), @r"
        **oci-artifact**

        - `said: ' ![x](https://evil.example/x.png) <img src=x> # big`<br>\[go\](https://evil.example)
        ");
    }
}
