//! The manifests that are copied, and which of them the target has already.

mod look;

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use self::look::{Ask, look};
use super::{Copy, Root};
use crate::error::{Error, Result};
use crate::oci::{Content, Descriptor, Digest, RawManifest};
use crate::plan::ranks;

pub(super) use look::alone;

/// Steps from what is copied to the manifest that is farthest away, over lists and referrers.
const MAX_DEPTH: usize = 32;

/// Manifests of one copy.
const MAX_MANIFESTS: usize = 10_000;

/// Bytes that all of them may take, as they are held until they are stored, and what they and lists of referrers name.
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// Bytes that a descriptor takes beside its texts: ten times what it takes in a manifest.
const DESCRIPTOR: usize = 1024;

/// Manifests that are asked for at once.
const AT_ONCE: usize = 8;

/// The manifests of a copy.
pub struct Graph {
    /// In the order in which they were found: what is copied comes first.
    nodes: Vec<Node>,
    places: HashMap<Digest, usize>,
}

/// A manifest.
pub struct Node {
    /// Its descriptor, as the one who led to it has it.
    pub descriptor: Descriptor,
    /// Its bytes, and what they say; `None` where nobody needs them.
    pub manifest: Option<(RawManifest, Content)>,
    /// What refers to it, if it was asked for. What is listed for several manifests stands with the first.
    pub referrers: Vec<Descriptor>,
    /// Whether the target has it.
    pub(super) there: There,
    /// Its blobs that are to be stored before it.
    pub(super) blobs: Vec<Descriptor>,
}

/// Whether the target has a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum There {
    Yes,
    /// It has it, but doesn't list it among the referrers of its subject.
    Unlisted,
    No,
}

impl Graph {
    /// What is copied.
    pub fn root(&self) -> Option<&Node> {
        self.nodes.first()
    }

    /// A manifest of the copy.
    pub fn node(&self, digest: &Digest) -> Option<&Node> {
        self.places.get(digest).and_then(|&at| self.nodes.get(at))
    }

    /// The manifests in groups: each needs only those of groups before it.
    pub(super) fn ranks(&self) -> Vec<Vec<&Node>> {
        let needs: Vec<Vec<usize>> = self.nodes.iter().map(|node| self.needs(node)).collect();
        let nodes = |rank: Vec<usize>| rank.into_iter().filter_map(|at| self.nodes.get(at)).collect();
        ranks(&needs).into_iter().map(nodes).collect()
    }

    /// What of this copy has to be there before `node`.
    fn needs(&self, node: &Node) -> Vec<usize> {
        let Some((_, content)) = &node.manifest else {
            return Vec::new();
        };
        let listed: &[Descriptor] = match content {
            Content::Index(index) => &index.manifests,
            Content::Artifact(_) => &[],
        };
        let needs: HashSet<&Digest> = listed
            .iter()
            .chain(content.subject())
            .map(|need| &need.digest)
            .collect();
        needs
            .into_iter()
            .filter_map(|need| self.places.get(need).copied())
            .collect()
    }

    fn add(&mut self, node: Node) {
        self.places.insert(node.descriptor.digest.clone(), self.nodes.len());
        self.nodes.push(node);
    }
}

impl Node {
    /// Bytes that are held for it.
    fn weight(&self) -> usize {
        let manifest = self.manifest.as_ref();
        let listed: &[Descriptor] = match manifest.map(|(_, content)| content) {
            Some(Content::Index(index)) => &index.manifests,
            Some(Content::Artifact(artifact)) => &artifact.layers,
            None => &[],
        };
        let descriptors = listed.iter().chain(&self.blobs).chain(&self.referrers);
        let descriptors: usize = descriptors.map(|one| DESCRIPTOR + one.weight()).sum();
        manifest.map_or(0, |(raw, _)| raw.bytes().len()) + descriptors
    }
}

/// Reads the manifests of the copy. `there`: the target has the root; `needed`: its bytes are needed even so.
pub(super) async fn gather(root: &Root, there: bool, needed: bool, copy: Copy<'_>) -> Result<Graph> {
    let digest = root.descriptor().digest;
    let mut graph = Graph {
        nodes: Vec::new(),
        places: HashMap::new(),
    };
    let mut level = vec![Ask::root(root, there, needed)];
    // Found, or to be looked at; and those that stand as referrers of something.
    let mut seen = HashSet::from([digest.clone()]);
    let mut referring = HashSet::from([digest]);
    let (mut depth, mut bytes) = (0, 0);
    while !level.is_empty() {
        if depth > MAX_DEPTH {
            return Err(too_much(
                &format!("is more than {MAX_DEPTH} lists and referrers deep"),
                copy,
            ));
        }
        let looks = std::mem::take(&mut level).into_iter().map(|ask| look(ask, copy));
        let mut looks = stream::iter(looks).buffered(AT_ONCE);
        // What is too much is found as it comes: a level could be 10,000 manifests of 4 MiB, each with a list as long.
        while let Some(looked) = looks.try_next().await? {
            let Some((mut node, next)) = looked else { continue };
            node.referrers
                .retain(|referrer| referring.insert(referrer.digest.clone()));
            bytes += node.weight();
            if bytes > MAX_BYTES {
                let memory = MAX_BYTES / 1024 / 1024;
                return Err(too_much(&format!("takes more than {memory} MiB of memory"), copy));
            }
            level.extend(
                next.into_iter()
                    .filter(|ask| seen.insert(ask.descriptor.digest.clone())),
            );
            if seen.len() > MAX_MANIFESTS {
                return Err(too_much(&format!("has more than {MAX_MANIFESTS} manifests"), copy));
            }
            graph.add(node);
        }
        depth += 1;
    }
    Ok(graph)
}

fn too_much(what: &str, copy: Copy<'_>) -> Error {
    Error::integrity(format!("{}: what is to be copied {what}", copy.source.location()))
        .hint("copy its parts by their digests")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::ImageManifest;

    /// A manifest of 2 MiB takes many times that as long as it is held.
    #[test]
    fn m30_a_manifest_weighs_what_it_takes_in_memory() {
        let layers = vec![Descriptor::new("a/b", Digest::of(b"x"), 1); 15_000];
        let raw = ImageManifest::new("a/b".to_owned(), None, layers.clone())
            .to_raw()
            .unwrap();
        assert!(raw.bytes().len() < 2 * 1024 * 1024);
        let content = raw.content().unwrap();
        let node = Node {
            descriptor: raw.descriptor(),
            manifest: Some((raw, content)),
            referrers: Vec::new(),
            there: There::No,
            blobs: layers,
        };
        assert!(
            node.weight() > 2 * 15_000 * size_of::<Descriptor>(),
            "{}",
            node.weight()
        );
    }
}
