//! What is pushed before what.

use std::collections::HashMap;

use super::{Artifact, Body};
use crate::spec::ManifestTarget;

/// See [`super::Plan::groups`]. Cycles have been refused with the spec; one would end up in a group too early.
pub(super) fn groups(artifacts: &[Artifact]) -> Vec<Vec<&Artifact>> {
    let needs: Vec<Vec<usize>> = artifacts.iter().map(|artifact| needs(artifact, artifacts)).collect();
    let mut levels = HashMap::new();
    let mut groups: Vec<Vec<&Artifact>> = Vec::new();
    for (at, artifact) in artifacts.iter().enumerate() {
        let level = level(at, &needs, &mut levels);
        while groups.len() <= level {
            groups.push(Vec::new());
        }
        if let Some(group) = groups.get_mut(level) {
            group.push(artifact);
        }
    }
    groups
}

fn level(at: usize, needs: &[Vec<usize>], levels: &mut HashMap<usize, usize>) -> usize {
    if let Some(level) = levels.get(&at) {
        return *level;
    }
    levels.insert(at, 0);
    let before = needs.get(at).into_iter().flatten();
    let level = before.map(|&need| level(need, needs, levels) + 1).max().unwrap_or(0);
    levels.insert(at, level);
    level
}

/// The artifacts that have to be there before `artifact`.
fn needs(artifact: &Artifact, artifacts: &[Artifact]) -> Vec<usize> {
    let is_needed = |other: &Artifact| {
        let is_listed = match &artifact.body {
            Body::Index(index) => index
                .manifests
                .iter()
                .any(|entry| entry.target == ManifestTarget::Artifact(other.name.clone())),
            Body::Files(_) => false,
        };
        let is_subject = artifact.subject.as_ref().is_some_and(|subject| {
            let tag = subject.reference.tag.as_ref();
            other.reference.location == subject.reference.location
                && other.tags.iter().any(|rule| Some(&rule.tag) == tag)
        });
        is_listed || is_subject
    };
    let found = artifacts.iter().enumerate().filter(|(_, other)| is_needed(other));
    found.map(|(at, _)| at).collect()
}
