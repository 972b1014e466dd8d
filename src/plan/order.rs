//! What comes before what.

use std::collections::HashMap;

use super::{Artifact, Body};
use crate::reference::{Location, Tag};

/// See [`super::Plan::groups`]. Circles have been refused with the spec.
pub(super) fn groups(artifacts: &[Artifact]) -> Vec<Vec<&Artifact>> {
    let known = Known::new(artifacts);
    let needs: Vec<Vec<usize>> = artifacts.iter().map(|artifact| known.needs(artifact)).collect();
    let group = |rank: Vec<usize>| rank.into_iter().filter_map(|at| artifacts.get(at)).collect();
    ranks(&needs).into_iter().map(group).collect()
}

/// Things by their numbers, in groups: each needs only those of groups before its own. `needs` has what each of them
/// needs, every number once. What is in a circle, or needs that, comes last.
pub(crate) fn ranks(needs: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut left: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (at, needs) in needs.iter().enumerate() {
        for &need in needs {
            needed_by.get_mut(need).into_iter().for_each(|by| by.push(at));
        }
    }
    let mut ranks = Vec::new();
    let mut rank: Vec<usize> = (0..needs.len()).filter(|at| left.get(*at) == Some(&0)).collect();
    while !rank.is_empty() {
        let mut next = Vec::new();
        for &at in rank.iter().filter_map(|at| needed_by.get(*at)).flatten() {
            let Some(left) = left.get_mut(at) else { continue };
            *left -= 1;
            if *left == 0 {
                next.push(at);
            }
        }
        next.sort_unstable();
        ranks.push(std::mem::replace(&mut rank, next));
    }
    let circles: Vec<usize> = (0..needs.len()).filter(|at| left.get(*at) != Some(&0)).collect();
    ranks.extend((!circles.is_empty()).then_some(circles));
    ranks
}

/// The artifacts by what can name them.
struct Known<'a> {
    names: HashMap<&'a str, usize>,
    tags: HashMap<(&'a Location, &'a Tag), usize>,
}

impl<'a> Known<'a> {
    fn new(artifacts: &'a [Artifact]) -> Self {
        let numbered = || artifacts.iter().enumerate();
        let tags = numbered().flat_map(|(at, artifact)| {
            let tags = artifact.tags.iter();
            tags.map(move |rule| ((&artifact.reference.location, &rule.tag), at))
        });
        Known {
            names: numbered().map(|(at, artifact)| (artifact.name.as_str(), at)).collect(),
            tags: tags.collect(),
        }
    }

    /// The artifacts that have to be there before `artifact`.
    fn needs(&self, artifact: &Artifact) -> Vec<usize> {
        let listed = match &artifact.body {
            Body::Index(index) => index.manifests.as_slice(),
            Body::Files(_) => &[],
        };
        let listed = listed.iter().filter_map(|entry| self.names.get(entry.target.name()?));
        let subject = artifact.subject.as_ref().and_then(|subject| {
            let reference = &subject.reference;
            self.tags.get(&(&reference.location, reference.tag.as_ref()?))
        });
        let mut needs: Vec<usize> = listed.chain(subject).copied().collect();
        needs.sort_unstable();
        needs.dedup();
        needs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_comes_after_what_it_needs_and_circles_come_last() {
        let of = |needs: &[&[usize]]| ranks(&needs.iter().map(|needs| needs.to_vec()).collect::<Vec<_>>());
        assert_eq!(of(&[]), [[0; 0]; 0]);
        assert_eq!(of(&[&[2, 1], &[], &[1], &[]]), [vec![1, 3], vec![2], vec![0]]);
        assert_eq!(of(&[&[1], &[0], &[], &[0]]), [vec![2], vec![0, 1, 3]]);
    }

    #[test]
    fn a_long_chain_is_no_deep_stack() {
        let needs: Vec<Vec<usize>> = (0..100_000).map(|at| (at + 1..100_000).take(1).collect()).collect();
        let ranks = ranks(&needs);
        assert_eq!((ranks.len(), ranks[0].as_slice()), (100_000, [99_999].as_slice()));
    }
}
