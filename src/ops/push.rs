//! `push`: every artifact of the plan, several at once; after a failure nothing new starts.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::Context;
use crate::error::{Class, Result};
use crate::plan::{Artifact, Plan};
use crate::report::{ArtifactResult, State};
use crate::transfer::prepare::{Prepared, prepare};
use crate::transfer::push::{self, Effect};

/// Artifacts under way at once; their blobs share the engine's permits.
const ARTIFACTS: usize = 8;

/// What to do where a pull request from a fork may not push.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfDenied {
    /// Fail, with the reason.
    #[default]
    Fail,
    /// Push nothing, and say so.
    Skip,
}

/// How to push.
#[derive(Clone, Copy, Debug)]
pub struct PushSettings {
    /// Look for every blob, even when the manifest is there.
    pub force: bool,
    /// What a pull request from a fork does.
    pub if_denied: IfDenied,
    /// Why this job may not write, if its CI system says so.
    pub restricted: Option<&'static str>,
    /// Whether the credential that was meant is not there for that reason, so that none is to be tried.
    pub withheld: bool,
    /// `SOURCE_DATE_EPOCH` or 0: mtime of what directories are packed to.
    pub mtime: u64,
}

/// Pushes the artifacts of `plan`.
pub async fn push(plan: &Plan, settings: PushSettings, context: &Context) -> Result<()> {
    for artifact in &plan.artifacts {
        context.ledger.set(described(artifact, None));
    }
    let runs = plan
        .artifacts
        .iter()
        .map(|artifact| push_one(artifact, settings, context));
    stream::iter(runs).buffer_unordered(ARTIFACTS).try_collect().await
}

async fn push_one(artifact: &Artifact, settings: PushSettings, context: &Context) -> Result<()> {
    if artifact.nothing_found {
        let name = &artifact.name;
        context.report.info(format!(
            "artifact {name:?}: none of its files is there; it is not pushed"
        ));
        skip(artifact, context);
        return Ok(());
    }
    if let (true, Some(why)) = (settings.withheld, settings.restricted) {
        deny(artifact, why, context);
        return Ok(());
    }
    context.ledger.state(&artifact.name, State::Failed);
    let failed = |error: crate::error::Error| in_artifact(artifact, error);
    let prepared = prepare(artifact, settings.mtime, &context.engine)
        .await
        .map_err(failed)?;
    context.ledger.set(ArtifactResult {
        state: State::Failed,
        ..described(artifact, Some(&prepared))
    });
    let store = context.stores.open_for_writing(&artifact.reference.location);
    let pushed = push::push(&prepared, &artifact.tags, &store, settings.force, &context.engine).await;
    let pushed = match (pushed, settings.restricted) {
        (Err(error), Some(why)) if error.class() == Class::Denied => {
            if settings.if_denied == IfDenied::Skip {
                deny(artifact, why, context);
                return Ok(());
            }
            return Err(failed(
                error.hint(format!("{why}: push after the merge, or set `if-denied: skip`")),
            ));
        }
        (pushed, _) => pushed.map_err(failed)?,
    };
    let mut result = match pushed.effect {
        // What was there before is not what the files make.
        Effect::Skipped => described(artifact, None).at(&artifact.reference.location, &pushed.digest),
        Effect::Written | Effect::Unchanged => described(artifact, Some(&prepared)),
    };
    result.tags = pushed.tags.iter().map(ToString::to_string).collect();
    result.state = match pushed.effect {
        Effect::Written => State::Pushed,
        Effect::Unchanged => State::Unchanged,
        Effect::Skipped => State::Skipped,
    };
    context.ledger.set(result);
    Ok(())
}

/// Skips `artifact` in a job that may not write.
fn deny(artifact: &Artifact, why: &str, context: &Context) {
    let name = &artifact.name;
    context.report.notice(format!("artifact {name:?} is not pushed: {why}"));
    skip(artifact, context);
}

/// Nothing of `artifact` was written, and that is no failure.
fn skip(artifact: &Artifact, context: &Context) {
    context.ledger.set(ArtifactResult {
        state: State::Skipped,
        tags: Vec::new(),
        ..described(artifact, None)
    });
}

fn described(artifact: &Artifact, prepared: Option<&Prepared>) -> ArtifactResult {
    let location = &artifact.reference.location;
    let mut result = ArtifactResult::new(&artifact.name, location);
    result.artifact_type = Some(artifact.artifact_type.clone());
    result.platform = artifact.platform.as_ref().map(ToString::to_string);
    result.tags = artifact.tags.iter().map(|rule| rule.tag.to_string()).collect();
    if let Some(prepared) = prepared {
        result.media_type = Some(prepared.manifest.media_type().to_owned());
        result = result.at(location, prepared.manifest.digest()).layers(&prepared.layers);
    }
    result
}

/// A failure tells its artifact, and its place in the spec.
fn in_artifact(artifact: &Artifact, error: crate::error::Error) -> crate::error::Error {
    let error = error.context(format!("artifact {:?}", artifact.name));
    error.at(artifact.place.clone())
}
