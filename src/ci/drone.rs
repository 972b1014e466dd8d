//! Drone ("Pipeline environment reference") and Harness, which grew out of it: settings come as `PLUGIN_*`, outputs go
//! to the file `DRONE_OUTPUT` where there is one (Harness), and ID tokens come in `PLUGIN_OIDC_TOKEN_ID`.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8Path;

use super::facts::Job;
use super::{Ci, Form, Outputs, System, id_token};
use crate::credentials::IdTokens;
use crate::env::Env;
use crate::error::Result;
use crate::report::Report;

/// A step of Drone or Harness, by its variables.
pub struct Drone(pub Env);

impl Ci for Drone {
    fn system(&self) -> System {
        System::Drone
    }

    fn facts(&self) -> BTreeMap<&'static str, String> {
        let text = |name| self.0.text(name);
        let pull_request = text("DRONE_PULL_REQUEST");
        let tag = text("DRONE_TAG");
        Job {
            sha: text("DRONE_COMMIT_SHA").or_else(|| text("DRONE_COMMIT")),
            reference: text("DRONE_COMMIT_REF"),
            // DRONE_BRANCH is the target of a pull request.
            branch: match (&pull_request, &tag) {
                (Some(_), _) => text("DRONE_SOURCE_BRANCH"),
                (None, Some(_)) => None,
                (None, None) => text("DRONE_BRANCH").or_else(|| text("DRONE_COMMIT_BRANCH")),
            },
            tag,
            is_pull_request: pull_request.is_some(),
            pull_request,
            run_id: text("DRONE_BUILD_NUMBER"),
            run_number: text("DRONE_BUILD_NUMBER"),
            run_attempt: None,
            repository: text("DRONE_REPO"),
            actor: text("DRONE_COMMIT_AUTHOR"),
            url: text("DRONE_BUILD_LINK"),
        }
        .facts()
    }

    fn source_url(&self) -> Option<String> {
        self.0.text("DRONE_REPO_LINK")
    }

    fn id_tokens(&self) -> Option<Arc<dyn IdTokens>> {
        id_token::source(System::Drone, &self.0)
    }

    fn outputs(&self, outputs: &Outputs<'_>, _: &Report) -> Result<()> {
        match self.0.get("DRONE_OUTPUT") {
            Some(file) => outputs.append(Utf8Path::new(file), Form::Dotenv),
            None => Ok(()),
        }
    }
}
