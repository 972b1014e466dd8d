//! What refers to a manifest, and how all of it is deleted.

use std::collections::HashSet;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::delete_manifest;
use crate::error::{Error, Result};
use crate::oci::Digest;
use crate::ops::Context;
use crate::reference::Pointer;
use crate::report::{ArtifactResult, AttachmentResult};
use crate::store::Store;
use crate::transfer::referrers::{Referrer, check_subject, referrers};

/// Manifests that are looked at together.
const AT_ONCE: usize = 8;

/// All that refers to a manifest, at any depth: each once, whatever circles the lists make.
#[derive(Default)]
pub(super) struct Tree(Vec<Referrer>);

impl Tree {
    /// The tree below `root`.
    ///
    /// # Errors
    /// Integrity, if a list has what doesn't refer to its subject: whoever can write to the list could have anything
    /// deleted.
    pub(super) async fn below(root: &Digest, store: &Store) -> Result<Self> {
        let trees = referrers(store, std::slice::from_ref(root), None).await?;
        let mut seen = HashSet::from([root.clone()]);
        let tree = once(trees.into_iter().flatten().collect(), &mut seen);
        let looks = edges(root, &tree).into_iter().map(|(subject, digest)| async move {
            // One that is gone is off the list soon.
            match store.get_manifest(&Pointer::Digest(digest.clone())).await? {
                Some(manifest) => check_subject(digest, &manifest.content()?, subject, store),
                None => Ok(()),
            }
        });
        let looks: Vec<_> = looks.collect();
        stream::iter(looks)
            .buffer_unordered(AT_ONCE)
            .try_for_each(|()| std::future::ready(Ok::<_, Error>(())))
            .await?;
        Ok(Tree(tree))
    }

    /// What would be deleted.
    pub(super) fn digests(&self) -> impl Iterator<Item = &Digest> {
        Referrer::all(&self.0)
            .into_iter()
            .map(|referrer| &referrer.descriptor.digest)
    }

    /// Deletes all of it, from the leaves to the root, and each list when all of its entries are gone. `result` tells
    /// of them as attachments, also when it is broken off.
    pub(super) async fn delete(
        &self,
        root: &Digest,
        store: &Store,
        result: &mut ArtifactResult,
        context: &Context,
    ) -> Result<()> {
        let mut deletion = Deletion { store, result, context };
        deletion.below(root, &self.0).await
    }
}

/// Each manifest where it comes first.
fn once(tree: Vec<Referrer>, seen: &mut HashSet<Digest>) -> Vec<Referrer> {
    let new = |referrer: &Referrer, seen: &mut HashSet<Digest>| seen.insert(referrer.descriptor.digest.clone());
    let tree: Vec<Referrer> = tree.into_iter().filter(|referrer| new(referrer, seen)).collect();
    let below = tree.into_iter().map(|referrer| Referrer {
        referrers: once(referrer.referrers, seen),
        ..referrer
    });
    below.collect()
}

/// Each manifest of the tree, after its subject.
fn edges<'t>(subject: &'t Digest, tree: &'t [Referrer]) -> Vec<(&'t Digest, &'t Digest)> {
    let one = |referrer: &'t Referrer| {
        let digest = &referrer.descriptor.digest;
        std::iter::once((subject, digest)).chain(edges(digest, &referrer.referrers))
    };
    tree.iter().flat_map(one).collect()
}

struct Deletion<'a> {
    store: &'a Store,
    /// Its attachments are what has been deleted; what goes next takes those that referred to it.
    result: &'a mut ArtifactResult,
    context: &'a Context,
}

impl Deletion<'_> {
    /// Deletes `tree`, all of which refers to `subject`. Boxed, as it calls itself; the walk has bounded how deep.
    fn below<'b>(&'b mut self, subject: &'b Digest, tree: &'b [Referrer]) -> BoxFuture<'b, Result<()>> {
        Box::pin(async move {
            if tree.is_empty() {
                return Ok(());
            }
            for referrer in tree {
                let descriptor = &referrer.descriptor;
                let before = self.result.attachments.len();
                self.below(&descriptor.digest, &referrer.referrers).await?;
                delete_manifest(self.store, &descriptor.digest, None, true).await?;
                let attachments = self.result.attachments.split_off(before);
                self.result.attachments.push(AttachmentResult {
                    attachments,
                    ..AttachmentResult::new(descriptor, self.store.location())
                });
                self.context.ledger.set(self.result.clone());
            }
            let gone: Vec<Digest> = tree.iter().map(|referrer| referrer.descriptor.digest.clone()).collect();
            self.store.forget_referrers(subject, &gone).await
        })
    }
}
