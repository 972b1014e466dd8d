//! Bitbucket Pipelines ("Variables and secrets"). Outputs are lines of the file `BITBUCKET_PIPELINES_VARIABLES_PATH`,
//! of which later steps get those that the step names under `output-variables`.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8Path;

use super::facts::{Job, page_of};
use super::{Ci, Form, Outputs, System, id_token};
use crate::credentials::IdTokens;
use crate::env::Env;
use crate::error::Result;
use crate::report::Report;

/// A step of Bitbucket Pipelines, by its variables.
pub struct Bitbucket(pub Env);

impl Ci for Bitbucket {
    fn system(&self) -> System {
        System::Bitbucket
    }

    fn facts(&self) -> BTreeMap<&'static str, String> {
        let text = |name| self.0.text(name);
        let pull_request = text("BITBUCKET_PR_ID");
        let number = text("BITBUCKET_BUILD_NUMBER");
        let url = self
            .source_url()
            .zip(number.as_ref())
            .map(|(page, number)| format!("{page}/pipelines/results/{number}"));
        Job {
            sha: text("BITBUCKET_COMMIT"),
            branch: text("BITBUCKET_BRANCH"),
            tag: text("BITBUCKET_TAG"),
            is_pull_request: pull_request.is_some(),
            pull_request,
            run_id: text("BITBUCKET_PIPELINE_UUID"),
            run_number: number,
            run_attempt: text("BITBUCKET_STEP_RUN_NUMBER"),
            repository: text("BITBUCKET_REPO_FULL_NAME"),
            actor: text("BITBUCKET_STEP_TRIGGERER_UUID"),
            url,
            reference: None,
        }
        .facts()
    }

    fn source_url(&self) -> Option<String> {
        page_of(self.0.get("BITBUCKET_GIT_HTTP_ORIGIN")?)
    }

    fn id_tokens(&self) -> Option<Arc<dyn IdTokens>> {
        id_token::source(System::Bitbucket, &self.0)
    }

    fn outputs(&self, outputs: &Outputs<'_>, _: &Report) -> Result<()> {
        match self.0.get("BITBUCKET_PIPELINES_VARIABLES_PATH") {
            Some(file) => outputs.append(Utf8Path::new(file), Form::Dotenv),
            None => Ok(()),
        }
    }
}
