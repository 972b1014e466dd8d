//! GitLab CI ("Predefined CI/CD variables", "GitLab CI/CD artifacts reports types").
//!
//! Outputs go by a dotenv report, problems of a spec by a code quality report: files in the project's directory that
//! the job names under `artifacts: reports:`. Masks there are none at run time; groups are sections of the log.

mod quality;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use camino::Utf8PathBuf;

use super::facts::Job;
use super::{Ci, Form, System, Variables, id_token};
use crate::credentials::IdTokens;
use crate::env::Env;
use crate::error::{Errors, Place, Result};
use crate::report::{Dialect, Level, Report, sanitize};

/// The dotenv report that the job names.
const VARIABLES: &str = "oci-artifact.env";

/// GitLab refuses a dotenv report of 5 KiB (Ci::ParseDotenvArtifactService, MAX_ACCEPTABLE_DOTENV_SIZE).
const VARIABLES_LIMIT: usize = 5 * 1024 - 1;

/// A job of GitLab CI, by its variables.
pub struct GitLab(pub Env);

impl GitLab {
    /// Where GitLab takes artifacts from.
    fn project(&self) -> Utf8PathBuf {
        let named = self.0.get("CI_PROJECT_DIR").map(Utf8PathBuf::from);
        named.unwrap_or_else(|| self.0.directory().to_owned())
    }
}

impl Ci for GitLab {
    fn system(&self) -> System {
        System::GitLab
    }

    fn dialect(&self) -> Box<dyn Dialect> {
        Box::new(Sections {
            opened: AtomicU64::new(0),
        })
    }

    fn facts(&self) -> BTreeMap<&'static str, String> {
        let text = |name| self.0.text(name);
        let pull_request = text("CI_MERGE_REQUEST_IID").or_else(|| text("CI_EXTERNAL_PULL_REQUEST_IID"));
        let source = text("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME");
        let source = source.or_else(|| text("CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME"));
        Job {
            sha: text("CI_COMMIT_SHA"),
            reference: text("CI_MERGE_REQUEST_REF_PATH"),
            branch: source.or_else(|| text("CI_COMMIT_BRANCH")),
            tag: text("CI_COMMIT_TAG"),
            is_pull_request: pull_request.is_some(),
            pull_request,
            run_id: text("CI_PIPELINE_ID"),
            run_number: text("CI_PIPELINE_IID"),
            run_attempt: None,
            repository: text("CI_PROJECT_PATH"),
            actor: text("GITLAB_USER_LOGIN"),
            url: text("CI_PIPELINE_URL"),
        }
        .facts()
    }

    fn source_url(&self) -> Option<String> {
        self.0.text("CI_PROJECT_URL")
    }

    fn committed(&self) -> Option<String> {
        self.0.text("CI_COMMIT_TIMESTAMP")
    }

    fn restricted(&self) -> Option<&'static str> {
        // In the fork's own project the pipeline has the fork's rights and variables.
        let (source, target) = (
            self.0.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID")?,
            self.0.get("CI_MERGE_REQUEST_PROJECT_ID")?,
        );
        let is_fork = source != target && self.0.get("CI_PROJECT_ID") == Some(source);
        is_fork
            .then_some("a merge request's pipeline in a fork gets neither the variables nor the rights of the project")
    }

    fn id_tokens(&self) -> Option<Arc<dyn IdTokens>> {
        id_token::source(System::GitLab, &self.0)
    }

    fn variables(&self) -> Variables {
        Variables {
            form: Form::Dotenv,
            file: Some(self.project().join(VARIABLES)),
            limit: Some(VARIABLES_LIMIT),
        }
    }

    fn failed(&self, errors: &Errors, _: &Report) -> Result<()> {
        quality::write(&self.project(), self.0.directory(), errors)
    }
}

/// Sections of the log: `section_start:UNIX:NAME`, `section_end:UNIX:NAME`, each between control characters, which
/// no text of ours has ("Create custom collapsible sections").
struct Sections {
    /// How many were opened; a name may not come twice in a log.
    opened: AtomicU64,
}

impl Sections {
    fn mark(kind: &str, number: u64) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let process = std::process::id();
        format!("\u{1b}[0Ksection_{kind}:{now}:oci_artifact_{process}_{number}\r\u{1b}[0K")
    }
}

impl Dialect for Sections {
    fn mask(&self, _: &str) -> Option<String> {
        None
    }

    fn group_start(&self, title: &str) -> Option<String> {
        let number = self.opened.fetch_add(1, Ordering::Relaxed) + 1;
        Some(format!(
            "{}{}",
            Sections::mark("start", number),
            sanitize(title).replace('\n', " ")
        ))
    }

    fn group_end(&self) -> Option<String> {
        Some(Sections::mark("end", self.opened.load(Ordering::Relaxed)))
    }

    fn annotation(&self, _: Level, _: &str, _: Option<&Place>) -> Option<String> {
        None
    }

    fn escape(&self, line: &str) -> String {
        sanitize(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What GitLab takes for a mark of a section (gitlab, lib/gitlab/ci/trace/section_parser.rb): the word, a time, a
    /// name, then a carriage return and the sequence that clears the line.
    fn mark(line: &str) -> Option<(&str, &str)> {
        let (_, rest) = line.split_once("section_")?;
        let (kind, rest) = rest.split_once(':')?;
        let (time, rest) = rest.split_once(':')?;
        time.parse::<u64>().ok()?;
        let (name, _) = rest.split_once("\r\u{1b}[0K")?;
        let is_name = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        is_name.then_some((kind, name))
    }

    #[test]
    fn sections_open_and_close_under_names_of_their_own() {
        let sections = Sections {
            opened: AtomicU64::new(0),
        };
        let (first, first_end) = (sections.group_start("a\nb").unwrap(), sections.group_end().unwrap());
        let (second, second_end) = (sections.group_start("b").unwrap(), sections.group_end().unwrap());
        assert_eq!(mark(&first).unwrap().0, "start");
        assert_eq!(mark(&first_end).unwrap(), ("end", mark(&first).unwrap().1));
        assert_eq!(mark(&second_end).unwrap(), ("end", mark(&second).unwrap().1));
        assert_ne!(mark(&first).unwrap().1, mark(&second).unwrap().1);
    }

    proptest::proptest! {
        #[test]
        fn no_text_opens_a_section(before in "(?s).{0,8}", after in "(?s).{0,8}") {
            let sections = Sections { opened: AtomicU64::new(0) };
            let text = format!("{before}section_start:1:x\r\u{1b}[0K{after}");
            let shown = sections.escape(&text);
            proptest::prop_assert_eq!(mark(&shown), None);
        }
    }
}
