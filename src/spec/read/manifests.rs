//! `manifests`: what an index lists. Names are settled when every artifact of the spec is known.

use std::collections::{HashMap, HashSet};

use super::Reader;
use super::artifact::Draft;
use crate::error::{Error, Result};
use crate::oci::{Annotations, Platform};
use crate::reference::{Case, Host, Location, Pointer, Reference};
use crate::spec::keys::Scope;
use crate::spec::node::{Node, Value};
use crate::spec::problems::{At, shown};
use crate::spec::{ArtifactSpec, ManifestSpec, ManifestTarget};

/// An entry whose name means nothing yet.
pub(super) struct ManifestDraft {
    name: String,
    at: At,
    platform: Option<Platform>,
    annotations: Annotations,
}

impl Reader<'_, '_> {
    pub(super) fn manifests(&mut self, node: Option<&Node>) -> Vec<ManifestDraft> {
        let items = self.items("manifests", node);
        if let (true, Some(node)) = (items.is_empty(), node)
            && !matches!(node.value, Value::Broken | Value::Map(_))
        {
            let error = Error::usage("`manifests` is empty, and an index lists something");
            self.problem(node.at, error.hint("list names of this spec, tags or digests"));
        }
        items.iter().filter_map(|item| self.manifest(item)).collect()
    }

    fn manifest(&mut self, node: &Node) -> Option<ManifestDraft> {
        let (text, platform, annotations) = match &node.value {
            Value::Map(_) => {
                let fields = self.fields(node, Scope::Manifest)?;
                let platform = self.parsed("platform", fields.get("platform"));
                let annotations = self.annotations("annotations", fields.get("annotations"), &[]);
                let text = self.given("ref", fields.get("ref")?)?;
                (text, platform.map(|(value, _)| value), annotations)
            }
            _ => (self.given("manifests", node)?, None, Annotations::new()),
        };
        Some(ManifestDraft {
            name: text.text,
            at: text.at,
            platform,
            annotations,
        })
    }

    /// Settles the `manifests` of all `artifacts`, which were made of drafts in this order.
    pub(super) fn linked(
        &mut self,
        artifacts: &mut [ArtifactSpec],
        drafts: Vec<Vec<ManifestDraft>>,
        registry: Option<&Host>,
    ) {
        let known: HashMap<String, Location> = artifacts
            .iter()
            .map(|artifact| (artifact.name.clone(), artifact.reference.location.clone()))
            .collect();
        for (artifact, drafts) in artifacts.iter_mut().zip(drafts) {
            let mut seen = HashSet::new();
            for draft in drafts {
                let result = target(&draft, artifact, &known, registry);
                let Some(target) = self.checked("manifests", draft.at, result) else {
                    continue;
                };
                if !seen.insert(draft.name.clone()) {
                    let error = Error::usage(format!("`manifests` lists {} twice", shown(&draft.name)));
                    self.problem(draft.at, error.hint("keep one of them"));
                    continue;
                }
                artifact.manifests.push(ManifestSpec {
                    target,
                    platform: draft.platform,
                    annotations: draft.annotations,
                    place: Some(self.problems.place(draft.at)),
                });
            }
        }
        self.refuse_cycles(artifacts);
    }

    /// An index can't list itself, by whatever way: its digest would have to be known before it is made.
    fn refuse_cycles(&mut self, artifacts: &[ArtifactSpec]) {
        for way in cycles(artifacts) {
            let error = Error::usage(format!("an index can't list itself: {}", way.join(" lists ")));
            let error = error.hint("take one of these names out of `manifests`");
            let first = artifacts
                .iter()
                .find(|artifact| way.first() == Some(&artifact.name.as_str()));
            let mut entries = first.into_iter().flat_map(|artifact| &artifact.manifests);
            match entries.find(|entry| is_step(entry, &way)) {
                Some(ManifestSpec { place: Some(place), .. }) => self.problem(
                    At {
                        line: place.line,
                        column: place.column,
                    },
                    error,
                ),
                _ => self.problems.add_whole(error),
            }
        }
    }
}

fn is_step(entry: &ManifestSpec, way: &[&str]) -> bool {
    entry.target.name().is_some_and(|name| way.get(1) == Some(&name))
}

fn names(artifact: &ArtifactSpec) -> impl Iterator<Item = &str> {
    artifact.manifests.iter().filter_map(|entry| entry.target.name())
}

/// Circles, no two with a name in common: each from the name that stands first in the spec, back to it. Without
/// recursion: a spec has room for thousands of indexes, each in the next.
fn cycles(artifacts: &[ArtifactSpec]) -> Vec<Vec<&str>> {
    let order: HashMap<&str, usize> = artifacts.iter().map(|one| one.name.as_str()).zip(0..).collect();
    let mut seen: HashSet<&str> = HashSet::new();
    let mut cycles = Vec::new();
    for artifact in artifacts {
        // The way that is followed, each with what of its list is left, and the places of the names on it.
        let mut way: Vec<(&str, Box<dyn Iterator<Item = &str>>)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut next = Some(artifact);
        loop {
            if let Some(artifact) = next.take().filter(|artifact| seen.insert(&artifact.name)) {
                places.insert(&artifact.name, way.len());
                way.push((&artifact.name, Box::new(names(artifact))));
            }
            let Some((last, listed)) = way.last_mut() else { break };
            let Some(name) = listed.next() else {
                places.remove(last);
                way.pop();
                continue;
            };
            let Some(&start) = places.get(name) else {
                next = order.get(name).and_then(|at| artifacts.get(*at));
                continue;
            };
            let mut cycle: Vec<&str> = way.drain(start..).map(|(name, _)| name).collect();
            places.retain(|_, place| *place < start);
            let first = (0..cycle.len()).min_by_key(|at| cycle.get(*at).and_then(|name| order.get(name)));
            cycle.rotate_left(first.unwrap_or_default());
            cycle.extend(cycle.first().copied());
            cycles.push(cycle);
        }
    }
    cycles
}

fn target(
    draft: &ManifestDraft,
    index: &ArtifactSpec,
    known: &HashMap<String, Location>,
    registry: Option<&Host>,
) -> Result<ManifestTarget> {
    let own = &index.reference.location;
    match known.get(&draft.name) {
        Some(location) if location == own => Ok(ManifestTarget::Artifact(draft.name.clone())),
        Some(location) => Err(elsewhere(&draft.name, location, own)),
        None => pointer(&draft.name, own, registry).map(ManifestTarget::Pointer),
    }
}

/// What `name` points to in the repository at `own`: a tag, a digest, or a whole reference into it.
pub(in crate::spec) fn pointer(name: &str, own: &Location, registry: Option<&Host>) -> Result<Pointer> {
    if let Ok(digest) = name.parse() {
        return Ok(Pointer::Digest(digest));
    }
    if !name.contains(['/', '@']) && !name.starts_with("oci:") {
        return name.parse().map(Pointer::Tag);
    }
    let (reference, _) = Reference::parse(name, registry, Case::Fold)?;
    if reference.location != *own {
        return Err(elsewhere(name, &reference.location, own));
    }
    reference.pointer().ok_or_else(|| {
        Error::usage(format!("{} has neither a tag nor a digest", shown(name))).hint("add :TAG or @DIGEST")
    })
}

fn elsewhere(name: &str, location: &Location, own: &Location) -> Error {
    Error::usage(format!(
        "{} lies in {location}, and an index lists what lies beside it, in {own}",
        shown(name)
    ))
    .hint(format!("push it to {own}, or copy it there first"))
}

/// The manifests of each draft, taken out of it.
pub(super) fn take(drafts: &mut [Draft]) -> Vec<Vec<ManifestDraft>> {
    drafts
        .iter_mut()
        .map(|draft| std::mem::take(&mut draft.manifests))
        .collect()
}
