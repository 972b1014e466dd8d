//! `push`, and what works like it, `attach` and `index`: every artifact of the plan, several at once, each after what
//! it needs; after a failure nothing new starts.

mod ahead;
pub(super) mod members;
mod result;

use futures_util::{StreamExt, TryStreamExt, future, stream};

use ahead::Ready;
use members::There;

use super::Context;
use crate::error::{Class, Error, Result};
use crate::oci::Descriptor;
use crate::plan::{Artifact, Body, Plan};
use crate::report::{ArtifactResult, State};
use crate::transfer::attach::{self, Subject};
use crate::transfer::prepare::{Prepared, prepare};
use crate::transfer::push::{self, Effect, Pushed};
use crate::transfer::tags;
pub(super) use result::listed;

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
        context.ledger.set(result::planned(artifact));
    }
    let mut ahead = ahead::look(plan, settings, context).await?;
    let mut there = There::new();
    for group in plan.groups() {
        let runs = group.into_iter().map(|artifact| {
            let ready = ahead.remove(&artifact.name).unwrap_or_default();
            push_one(artifact, ready, &there, settings, context)
        });
        let pushed: Vec<Option<(String, Descriptor)>> =
            stream::iter(runs).buffer_unordered(ARTIFACTS).try_collect().await?;
        there.extend(pushed.into_iter().flatten());
    }
    Ok(())
}

/// Pushes one artifact; the value is what an index of this run lists. `None` if nothing was pushed.
async fn push_one(
    artifact: &Artifact,
    ready: Ready,
    there: &There,
    settings: PushSettings,
    context: &Context,
) -> Result<Option<(String, Descriptor)>> {
    if matches!(&artifact.body, Body::Files(package) if package.nothing_found) {
        let name = &artifact.name;
        context.report.info(format!(
            "artifact {name:?}: none of its files is there; it is not pushed"
        ));
        skip(artifact, context);
        return Ok(None);
    }
    if let (true, Some(why)) = (settings.withheld, settings.restricted) {
        deny(artifact, why, context);
        return Ok(None);
    }
    context.ledger.state(&artifact.name, State::Failed);
    match run(artifact, ready, there, settings, context).await {
        Ok((prepared, pushed)) => {
            context.ledger.set(result::done(artifact, &prepared, &pushed));
            let is_there = pushed.effect != Effect::Skipped;
            Ok(is_there.then(|| (artifact.name.clone(), members::entry(artifact, &prepared))))
        }
        Err(error) => match settings.restricted {
            Some(why) if error.class() == Class::Denied && settings.if_denied == IfDenied::Skip => {
                deny(artifact, why, context);
                Ok(None)
            }
            Some(why) if error.class() == Class::Denied => {
                let error = error.hint(format!("{why}: push after the merge, or set `if-denied: skip`"));
                Err(in_artifact(artifact, error))
            }
            _ => Err(in_artifact(artifact, error)),
        },
    }
}

async fn run(
    artifact: &Artifact,
    ready: Ready,
    there: &There,
    settings: PushSettings,
    context: &Context,
) -> Result<(Prepared, Pushed)> {
    let store = context.stores.open_for_writing(&artifact.reference.location);
    let manifests = members::of(artifact, there, &store).await?;
    let subject = match &artifact.subject {
        Some(spec) => {
            let found = Subject::resolve(spec, &store).await;
            Some(found.map_err(|error| error.at(spec.place.clone()))?)
        }
        None => None,
    };
    let descriptor = subject.as_ref().map(|subject| subject.descriptor.clone());
    let rules = if subject.is_none() {
        artifact.tags.as_slice()
    } else {
        &[]
    };
    let preparation = async {
        match ready.prepared {
            Some(prepared) => Ok(prepared),
            None => prepare(artifact, manifests, descriptor, settings.mtime, &context.engine).await,
        }
    };
    // What is wrong with the files is told first, whichever ends sooner.
    let (prepared, known) = future::join(preparation, tags::find(rules, &ready.known, &store)).await;
    let prepared = prepared?;
    context.ledger.set(ArtifactResult {
        state: State::Failed,
        ..result::described(artifact, &prepared)
    });
    let (force, engine) = (settings.force, &context.engine);
    let pushed = match &subject {
        Some(subject) => attach::attach(&prepared, subject, &store, force, engine).await?,
        None => push::push(&prepared, &artifact.tags, &known?, &store, force, engine).await?,
    };
    Ok((prepared, pushed))
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
        ..result::planned(artifact)
    });
}

/// A failure tells its artifact, and its place in the spec.
fn in_artifact(artifact: &Artifact, error: Error) -> Error {
    let error = error.context(format!("artifact {:?}", artifact.name));
    error.at(artifact.place.clone())
}
