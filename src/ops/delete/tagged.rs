//! What the tags of a repository name, and which of those indexes list a manifest.

use std::collections::HashSet;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::error::{Class, Error, Result};
use crate::oci::{Content, Descriptor, Digest};
use crate::ops::list;
use crate::reference::{Pointer, Tag};
use crate::store::{Store, is_digest_tag};

/// Requests at once.
const AT_ONCE: usize = 8;

/// Indexes below one tag that are looked into; a tree of more is no tree that somebody made.
const INDEXES: usize = 1_000;

/// Every tag with what it names.
pub(super) struct Tagged(Vec<(Tag, Descriptor)>);

impl Tagged {
    /// One HEAD a tag.
    pub(super) async fn read(store: &Store) -> Result<Self> {
        let tags = match list::all_tags(store).await {
            // Some registries have no list for a repository without tags.
            Err(error) if error.class() == Class::NotFound => Vec::new(),
            Err(error) if error.class() == Class::Denied => {
                return Err(error.hint("`--force` deletes without looking at what the tags name"));
            }
            tags => tags?,
        };
        let resolved = tags.into_iter().map(|tag| async move {
            let found = store.resolve(&Pointer::Tag(tag.clone())).await?;
            Ok::<_, Error>(found.map(|found| (tag, found)))
        });
        let resolved = stream::iter(resolved).buffered(AT_ONCE);
        let named = resolved.try_filter_map(|named| async move { Ok(named) });
        Ok(Tagged(named.try_collect().await?))
    }

    /// The tags that name `digest`.
    pub(super) fn naming(&self, digest: &Digest) -> impl Iterator<Item = &Tag> {
        let named = self.0.iter().filter(move |(_, found)| found.digest == *digest);
        named.map(|(tag, _)| tag)
    }

    /// The tags of indexes that list one of `doomed`, at any depth, and are not among them. Lists of referrers are
    /// none: those are kept true.
    pub(super) async fn listing(&self, doomed: &HashSet<&Digest>, store: &Store) -> Result<Vec<Tag>> {
        let indexes = self
            .0
            .iter()
            .filter(|(tag, found)| found.is_index() && !doomed.contains(&found.digest) && !is_digest_tag(tag));
        let looked = indexes.map(|(tag, found)| async move {
            let lists = lists(found, doomed, store).await?;
            Ok::<_, Error>(lists.then(|| tag.clone()))
        });
        let looked = stream::iter(looked.collect::<Vec<_>>()).buffered(AT_ONCE);
        looked.try_filter_map(|tag| async move { Ok(tag) }).try_collect().await
    }
}

/// Whether the index, or one that it lists, lists one of `doomed`. What can't be read lists nothing.
async fn lists(index: &Descriptor, doomed: &HashSet<&Digest>, store: &Store) -> Result<bool> {
    let mut seen = HashSet::from([index.digest.clone()]);
    let mut next = vec![index.digest.clone()];
    while let Some(digest) = next.pop() {
        let Some(raw) = store.get_manifest(&Pointer::Digest(digest)).await? else {
            continue;
        };
        let Ok(Content::Index(content)) = raw.content() else {
            continue;
        };
        for entry in content.manifests {
            if doomed.contains(&entry.digest) {
                return Ok(true);
            }
            if entry.is_index() && seen.len() < INDEXES && seen.insert(entry.digest.clone()) {
                next.push(entry.digest);
            }
        }
    }
    Ok(false)
}
