//! Azure Pipelines ("Predefined variables", "Logging commands"): everything goes by lines of the log.

mod commands;

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::facts::Job;
use super::{Ci, Outputs, System, id_token};
use crate::credentials::IdTokens;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::report::{Dialect, Report};

/// Windows passes at most 32,767 characters in a variable, and every variable goes to each later task.
const VARIABLE_LIMIT: usize = 30_000;

/// A job of Azure Pipelines, by its variables.
pub struct Azure(pub Env);

impl Ci for Azure {
    fn system(&self) -> System {
        System::Azure
    }

    fn dialect(&self) -> Box<dyn Dialect> {
        Box::new(commands::Commands {
            directory: self.0.directory().to_owned(),
        })
    }

    fn facts(&self) -> BTreeMap<&'static str, String> {
        let text = |name| self.0.text(name);
        let reference = text("BUILD_SOURCEBRANCH");
        let named = |kind: &str| Some(reference.as_deref()?.strip_prefix(kind)?.to_owned());
        let source = text("SYSTEM_PULLREQUEST_SOURCEBRANCH");
        let is_pull_request = source.is_some() || named("refs/pull/").is_some();
        let source = source.map(|name| name.strip_prefix("refs/heads/").unwrap_or(&name).to_owned());
        // The number that a person knows is GitHub's; Azure Repos has but its own.
        let number = text("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER");
        let number = number.or_else(|| text("SYSTEM_PULLREQUEST_PULLREQUESTID"));
        let url = [
            text("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI"),
            text("SYSTEM_TEAMPROJECT"),
            text("BUILD_BUILDID"),
        ];
        let url = match url {
            [Some(collection), Some(project), Some(build)] => {
                let project = project.replace(' ', "%20");
                let collection = collection.trim_end_matches('/');
                Some(format!("{collection}/{project}/_build/results?buildId={build}"))
            }
            _ => None,
        };
        Job {
            sha: text("BUILD_SOURCEVERSION"),
            branch: source.or_else(|| named("refs/heads/")),
            tag: named("refs/tags/"),
            is_pull_request,
            pull_request: number,
            run_id: text("BUILD_BUILDID"),
            run_number: text("BUILD_BUILDNUMBER"),
            run_attempt: text("SYSTEM_JOBATTEMPT"),
            repository: text("BUILD_REPOSITORY_NAME"),
            actor: text("BUILD_REQUESTEDFOR"),
            url,
            reference,
        }
        .facts()
    }

    fn source_url(&self) -> Option<String> {
        super::facts::page_of(self.0.get("BUILD_REPOSITORY_URI")?)
    }

    fn temporary_directory(&self) -> Option<Utf8PathBuf> {
        self.0.get("AGENT_TEMPDIRECTORY").map(Utf8PathBuf::from)
    }

    fn restricted(&self) -> Option<&'static str> {
        let is_fork = self.0.is_true("SYSTEM_PULLREQUEST_ISFORK");
        is_fork.then_some("a build of a fork's pull request gets no secrets, unless the pipeline makes them available")
    }

    fn id_tokens(&self) -> Option<Arc<dyn IdTokens>> {
        id_token::source(System::Azure, &self.0)
    }

    fn outputs(&self, outputs: &Outputs<'_>, report: &Report) -> Result<()> {
        for (name, value) in outputs.values {
            if value.len() > VARIABLE_LIMIT {
                report.warning(format!(
                    "the output {name} is not set: it has {} bytes, too many for a variable; `output-file` has it",
                    value.len()
                ));
            } else {
                report.terminal().command(&commands::set_output(name, value));
            }
        }
        Ok(())
    }

    fn summary(&self, markdown: &str, report: &Report) -> Result<()> {
        let Some(directory) = self.temporary_directory() else {
            return Ok(());
        };
        // The agent reads it when the job is over.
        let file = directory.join(format!("oci-artifact-{:016x}.md", fastrand::u64(..)));
        fs_err::write(&file, markdown).map_err(Error::local)?;
        report
            .terminal()
            .command(&commands::upload_summary(Utf8Path::new(&file)));
        Ok(())
    }
}
