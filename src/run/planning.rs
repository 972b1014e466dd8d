//! A spec into a plan, with what the environment and the CI system add to it.

use crate::error::{Error, Errors, Result};
use crate::inputs::CiAnnotation;
use crate::oci::names;
use crate::plan::{CiAnnotations, Plan, Settings};
use crate::spec::Spec;

use super::command::Run;

impl Run<'_> {
    /// What `spec` comes to with the files that are there.
    pub(super) fn plan(&self, spec: &Spec) -> Result<Plan, Errors> {
        let settings = Settings {
            workspace: self.workspace.clone(),
            if_no_files_found: self.inputs.if_no_files_found,
            ci_annotations: self.ci_annotations(),
            annotations: self.inputs.annotations.clone(),
            if_exists: self.inputs.if_exists,
            stdin_taken: self.inputs.password_stdin,
            source_date_epoch: self.source_date_epoch()?,
        };
        let plan = Plan::new(spec, &settings)?;
        for warning in &plan.warnings {
            self.session.report.warning(warning);
        }
        Ok(plan)
    }

    /// `SOURCE_DATE_EPOCH`, as reproducible-builds.org has it: seconds since 1970.
    pub(super) fn source_date_epoch(&self) -> Result<Option<u64>> {
        let name = "SOURCE_DATE_EPOCH";
        let Some(text) = self.session.env.get(name) else {
            return Ok(None);
        };
        // The last second of the year 9999: what RFC 3339 can write.
        let seconds = text
            .trim()
            .parse()
            .ok()
            .filter(|seconds| *seconds <= 253_402_300_799_u64);
        seconds.map(Some).ok_or_else(|| {
            Error::usage(format!("{name}: {text:?} is not a number of seconds since 1970"))
                .hint("unset it, or set digits")
        })
    }

    /// By default `source`, and only for ghcr.io, where it links the package to its repository.
    fn ci_annotations(&self) -> CiAnnotations {
        let facts = self.session.ci.facts();
        let source = self.session.ci.source_url();
        let mut annotations = CiAnnotations::default();
        let Some(wanted) = &self.inputs.ci_annotations else {
            annotations.on_ghcr = source.map(|url| (names::SOURCE.to_owned(), url)).into_iter().collect();
            return annotations;
        };
        for annotation in wanted {
            let (key, value) = match annotation {
                CiAnnotation::Source => (names::SOURCE, source.clone()),
                CiAnnotation::Revision => (names::REVISION, facts.get("sha").cloned()),
                CiAnnotation::Created => (names::CREATED, self.session.ci.committed()),
            };
            match value {
                Some(value) => drop(annotations.everywhere.insert(key.to_owned(), value)),
                None => {
                    let ci = self.session.ci.system().name();
                    self.session
                        .report
                        .warning(format!("`ci-annotations`: {ci} gives this job no {key}"));
                }
            }
        }
        annotations
    }
}
