//! What refers to a manifest, level by level, and how all of it is deleted.

use std::collections::HashSet;

use super::{at, delete_manifest};
use crate::error::{Class, Error, Result};
use crate::oci::{Descriptor, Digest};
use crate::ops::Context;
use crate::reference::Location;
use crate::report::{ArtifactResult, AttachmentResult};
use crate::store::Store;

/// Manifests in a tree, and its depth; nobody makes more.
const LIMIT: usize = 10_000;
const DEPTH: usize = 100;

/// All that refers to a manifest, at any depth: each once, whatever circles they make, parents before children.
#[derive(Default)]
pub(super) struct Tree(Vec<Node>);

struct Node {
    entry: Descriptor,
    subject: Digest,
    /// Of the node that it refers to; `None` if that is the root.
    parent: Option<usize>,
    depth: usize,
}

impl Tree {
    /// The tree below `root`.
    pub(super) async fn below(root: &Digest, store: &Store) -> Result<Self> {
        let mut nodes: Vec<Node> = Vec::new();
        let mut seen = HashSet::from([root.clone()]);
        let (mut subject, mut parent, mut depth) = (root.clone(), None, 1);
        loop {
            for entry in store.referrers(&subject, None).await? {
                if seen.insert(entry.digest.clone()) {
                    let subject = subject.clone();
                    nodes.push(Node {
                        entry,
                        subject,
                        parent,
                        depth,
                    });
                }
            }
            if nodes.len() > LIMIT || nodes.last().is_some_and(|node| node.depth > DEPTH) {
                let message =
                    format!("{root}: more than {LIMIT} manifests refer to it, or at more than {DEPTH} levels");
                return Err(Error::new(Class::Conflict, message).hint("delete them in parts, the last ones first"));
            }
            let next = parent.map_or(0, |parent| parent + 1);
            let Some(node) = nodes.get(next) else {
                return Ok(Tree(nodes));
            };
            (subject, parent, depth) = (node.entry.digest.clone(), Some(next), node.depth + 1);
        }
    }

    /// What would be deleted.
    pub(super) fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.0.iter().map(|node| &node.entry.digest)
    }

    /// Deletes all of it, from the leaves to the root, and each list when all of its entries are gone. `result` tells
    /// of them as attachments, also when it is broken off.
    pub(super) async fn delete(
        &self,
        location: &Location,
        store: &Store,
        result: &mut ArtifactResult,
        context: &Context,
    ) -> Result<()> {
        // Children's results, by the index of their parent; the last place is the root's.
        let mut below: Vec<Vec<AttachmentResult>> = Vec::new();
        below.resize_with(self.0.len() + 1, Vec::new);
        let mut rest = self.0.as_slice();
        while let Some(last) = rest.last() {
            // Those of one subject stand together.
            let start = rest.partition_point(|node| node.parent < last.parent);
            let (before, siblings) = rest.split_at(start);
            for (node, at) in siblings.iter().zip(start..) {
                delete_manifest(store, &node.entry.digest, None, true).await?;
                let attachments = below.get_mut(at).map(std::mem::take).unwrap_or_default();
                if let Some(place) = below.get_mut(node.parent.unwrap_or(self.0.len())) {
                    place.push(told(&node.entry, location, attachments));
                }
            }
            let gone: Vec<Digest> = siblings.iter().map(|node| node.entry.digest.clone()).collect();
            store.forget_referrers(&last.subject, &gone).await?;
            result.attachments = below.iter().flatten().cloned().collect();
            context.ledger.set(result.clone());
            rest = before;
        }
        Ok(())
    }
}

fn told(entry: &Descriptor, location: &Location, attachments: Vec<AttachmentResult>) -> AttachmentResult {
    AttachmentResult {
        digest: Some(entry.digest.clone()),
        reference: Some(at(location, &entry.digest)),
        media_type: Some(entry.media_type.clone()),
        artifact_type: entry.artifact_type.clone(),
        annotations: entry.annotations.clone(),
        layers: Vec::new(),
        attachments,
    }
}
