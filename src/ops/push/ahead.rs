//! What is looked at before the first upload of a run: tags that must not be moved. An index comes last, and its tag is
//! the one that users see: were it found taken only then, what it lists would have been pushed for nothing.

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::members::{self, There};
use super::{PushSettings, in_artifact};
use crate::error::{Class, Result};
use crate::ops::Context;
use crate::plan::{Artifact, Body, Plan};
use crate::reference::Pointer;
use crate::report::State;
use crate::spec::IfExists;
use crate::transfer::prepare::{Prepared, prepare};
use crate::transfer::tags::{Known, check};

/// Tags looked at together.
const AT_ONCE: usize = 8;

/// What is known of an artifact before its turn.
#[derive(Default)]
pub(super) struct Ready {
    /// What its tags name.
    pub(super) known: Known,
    /// Its blobs and manifests, where its digest had to be known.
    pub(super) prepared: Option<Prepared>,
}

/// Looks at the tags of `plan` that must not be moved, by the artifacts' names. Digests are found only where such a tag
/// exists, and where nothing has to be pushed for that: an index of what is in the store, and a referrer, have their
/// turn later.
///
/// # Errors
/// Conflict, with nothing pushed, if one names another digest.
pub(super) async fn look(plan: &Plan, settings: PushSettings, context: &Context) -> Result<HashMap<String, Ready>> {
    let mut ready: HashMap<String, Ready> = HashMap::new();
    if plan.artifacts.len() < 2 || settings.withheld {
        return Ok(ready);
    }
    let looks = plan.artifacts.iter().map(|artifact| tags(artifact, context));
    let found: Vec<Known> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
    let knowable = knowable(plan);
    let mut taken = Vec::new();
    for (artifact, known) in plan.artifacts.iter().zip(found) {
        let name = artifact.name.as_str();
        if known.values().any(Option::is_some) && knowable.contains(name) {
            taken.push(name);
        }
        ready.entry(name.to_owned()).or_default().known = known;
    }
    let wanted = with_listed(taken, plan);
    let mut there = There::new();
    for artifact in plan.groups().into_iter().flatten() {
        if !wanted.contains(artifact.name.as_str()) {
            continue;
        }
        let failed = |error| {
            context.ledger.state(&artifact.name, State::Failed);
            in_artifact(artifact, error)
        };
        let ready = ready.entry(artifact.name.clone()).or_default();
        let prepared = digests(artifact, &there, &ready.known, settings, context);
        let prepared = prepared.await.map_err(failed)?;
        there.insert(artifact.name.clone(), members::entry(artifact, &prepared));
        ready.prepared = Some(prepared);
    }
    Ok(ready)
}

/// What the tags of `artifact` name that must not be moved.
async fn tags(artifact: &Artifact, context: &Context) -> Result<Known> {
    let store = context.stores.open_for_writing(&artifact.reference.location);
    let mut known = Known::new();
    for rule in artifact.tags.iter().filter(|rule| rule.if_exists == IfExists::Fail) {
        match store.resolve(&Pointer::Tag(rule.tag.clone())).await {
            Ok(found) => known.insert(rule.tag.clone(), found.map(|found| found.digest)),
            // Whether that is a failure is told when the artifact has its turn.
            Err(error) if error.class() == Class::Denied => break,
            Err(error) => {
                context.ledger.state(&artifact.name, State::Failed);
                return Err(in_artifact(artifact, error));
            }
        };
    }
    Ok(known)
}

async fn digests(
    artifact: &Artifact,
    there: &There,
    known: &Known,
    settings: PushSettings,
    context: &Context,
) -> Result<Prepared> {
    let store = context.stores.open_for_writing(&artifact.reference.location);
    let manifests = members::of(artifact, there, &store).await?;
    let prepared = prepare(artifact, manifests, None, settings.mtime, &context.engine).await?;
    for rule in &artifact.tags {
        if let Some(found) = known.get(&rule.tag) {
            check(rule, found.as_ref(), prepared.manifest.digest(), &store)?;
        }
    }
    Ok(prepared)
}

/// The artifacts whose digests need nothing that is pushed first: no referrer, and no index of what is in the store.
fn knowable(plan: &Plan) -> HashSet<&str> {
    let mut known = HashSet::new();
    // What an index lists comes before it, so that each is looked at once.
    for artifact in plan.groups().into_iter().flatten() {
        let is_knowable = match &artifact.body {
            Body::Files(package) => !package.nothing_found,
            Body::Index(index) => {
                let mut names = index.manifests.iter().map(|entry| entry.target.name());
                names.all(|name| name.is_some_and(|name| known.contains(name)))
            }
        };
        if is_knowable && artifact.subject.is_none() {
            known.insert(artifact.name.as_str());
        }
    }
    known
}

/// The artifacts of `names`, and what they list, however deep.
fn with_listed<'p>(names: Vec<&'p str>, plan: &'p Plan) -> HashSet<&'p str> {
    let artifacts: HashMap<&str, &Artifact> = plan
        .artifacts
        .iter()
        .map(|artifact| (artifact.name.as_str(), artifact))
        .collect();
    let mut wanted = HashSet::new();
    let mut next = names;
    while let Some(name) = next.pop() {
        if !wanted.insert(name) {
            continue;
        }
        if let Some(Body::Index(index)) = artifacts.get(name).map(|artifact| &artifact.body) {
            next.extend(index.manifests.iter().filter_map(|entry| entry.target.name()));
        }
    }
    wanted
}
