//! Woodpecker ("Environment variables"): settings come as `PLUGIN_*`; there is no channel for outputs but files of the
//! workspace, which all steps share.

use std::collections::BTreeMap;

use super::facts::Job;
use super::{Ci, System};
use crate::env::Env;

/// A step of Woodpecker, by its variables.
pub struct Woodpecker(pub Env);

impl Ci for Woodpecker {
    fn system(&self) -> System {
        System::Woodpecker
    }

    fn facts(&self) -> BTreeMap<&'static str, String> {
        let text = |name| self.0.text(name);
        let pull_request = text("CI_COMMIT_PULL_REQUEST");
        Job {
            sha: text("CI_COMMIT_SHA"),
            reference: text("CI_COMMIT_REF"),
            // CI_COMMIT_BRANCH is the target of a pull request.
            branch: match pull_request {
                Some(_) => text("CI_COMMIT_SOURCE_BRANCH"),
                None => text("CI_COMMIT_BRANCH").filter(|_| text("CI_COMMIT_TAG").is_none()),
            },
            tag: text("CI_COMMIT_TAG"),
            is_pull_request: pull_request.is_some(),
            pull_request,
            run_id: text("CI_PIPELINE_NUMBER"),
            run_number: text("CI_PIPELINE_NUMBER"),
            run_attempt: None,
            repository: text("CI_REPO"),
            actor: text("CI_PIPELINE_AUTHOR").or_else(|| text("CI_COMMIT_AUTHOR")),
            url: text("CI_PIPELINE_URL"),
        }
        .facts()
    }

    fn source_url(&self) -> Option<String> {
        self.0.text("CI_REPO_URL")
    }
}
