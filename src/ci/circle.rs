//! CircleCI ("Built-in environment variables", "Set an environment variable in a shell command"): outputs are lines of
//! the script `BASH_ENV`, which bash reads in before each later step.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8Path;

use super::facts::{Job, page_of};
use super::{Ci, Form, Outputs, System, id_token};
use crate::credentials::IdTokens;
use crate::env::Env;
use crate::error::Result;
use crate::report::Report;

/// A job of CircleCI, by its variables.
pub struct Circle(pub Env);

impl Ci for Circle {
    fn system(&self) -> System {
        System::Circle
    }

    fn facts(&self) -> BTreeMap<&'static str, String> {
        let text = |name| self.0.text(name);
        // The number is there for forks alone; the URL ends with it for all.
        let url = text("CIRCLE_PULL_REQUEST");
        let number = text("CIRCLE_PR_NUMBER").or_else(|| {
            let last = url.as_deref()?.rsplit('/').next()?;
            last.bytes().all(|byte| byte.is_ascii_digit()).then(|| last.to_owned())
        });
        let owner = text("CIRCLE_PROJECT_USERNAME");
        Job {
            sha: text("CIRCLE_SHA1"),
            branch: text("CIRCLE_BRANCH"),
            tag: text("CIRCLE_TAG"),
            is_pull_request: url.is_some() || number.is_some(),
            pull_request: number,
            run_id: text("CIRCLE_WORKFLOW_ID"),
            run_number: text("CIRCLE_BUILD_NUM"),
            repository: owner
                .zip(text("CIRCLE_PROJECT_REPONAME"))
                .map(|(owner, name)| format!("{owner}/{name}")),
            actor: text("CIRCLE_USERNAME"),
            url: text("CIRCLE_BUILD_URL"),
            ..Job::default()
        }
        .facts()
    }

    fn source_url(&self) -> Option<String> {
        page_of(self.0.get("CIRCLE_REPOSITORY_URL")?)
    }

    fn restricted(&self) -> Option<&'static str> {
        // Set for the build of a fork's pull request alone.
        self.0.get("CIRCLE_PR_REPONAME")?;
        Some("a build of a fork's pull request gets no secrets, unless the project passes them on")
    }

    fn id_tokens(&self) -> Option<Arc<dyn IdTokens>> {
        id_token::source(System::Circle, &self.0)
    }

    fn outputs(&self, outputs: &Outputs<'_>, _: &Report) -> Result<()> {
        match self.0.get("BASH_ENV") {
            Some(file) => outputs.append(Utf8Path::new(file), Form::Export),
            None => Ok(()),
        }
    }
}
