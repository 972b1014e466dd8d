//! Jenkins (the variables of Pipeline, of the Git and of the Branch API plugin). It has no channel for outputs: stdout
//! is clean for `sh(returnStdout: true)`, `output-file` for `readJSON`, `variables-file` for `readProperties`.

use std::collections::BTreeMap;

use super::facts::{Job, page_of, path_of};
use super::{Ci, Form, System, Variables};
use crate::env::Env;

/// A build of Jenkins, by its variables.
pub struct Jenkins(pub Env);

impl Ci for Jenkins {
    fn system(&self) -> System {
        System::Jenkins
    }

    fn facts(&self) -> BTreeMap<&'static str, String> {
        let text = |name| self.0.text(name);
        let pull_request = text("CHANGE_ID");
        // A multibranch pipeline names tags and pull requests in BRANCH_NAME too. GIT_BRANCH has the remote's name.
        let named = text("BRANCH_NAME").or_else(|| {
            let branch = text("GIT_BRANCH")?;
            Some(branch.strip_prefix("origin/").unwrap_or(&branch).to_owned())
        });
        let tag = text("TAG_NAME");
        Job {
            sha: text("GIT_COMMIT"),
            branch: match (&pull_request, &tag) {
                (Some(_), _) => text("CHANGE_BRANCH"),
                (None, Some(_)) => None,
                (None, None) => named,
            },
            tag,
            is_pull_request: pull_request.is_some(),
            pull_request,
            run_id: text("BUILD_TAG"),
            run_number: text("BUILD_NUMBER"),
            repository: self.source_url().as_deref().and_then(path_of),
            actor: text("BUILD_USER_ID").or_else(|| text("CHANGE_AUTHOR")),
            url: text("BUILD_URL"),
            ..Job::default()
        }
        .facts()
    }

    fn source_url(&self) -> Option<String> {
        page_of(self.0.get("GIT_URL")?)
    }

    fn restricted(&self) -> Option<&'static str> {
        self.0.get("CHANGE_FORK")?;
        Some("a build of a fork's pull request gets no secrets, unless the job trusts its author")
    }

    fn variables(&self) -> Variables {
        Variables {
            form: Form::Properties,
            ..Variables::default()
        }
    }
}
