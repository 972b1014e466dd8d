//! What an index lists, and what the indexes among that list in turn.

use std::collections::HashSet;

use futures_util::future::BoxFuture;

use crate::error::{Error, Result};
use crate::oci::{Content, Descriptor, Digest};
use crate::reference::Pointer;
use crate::store::Store;

/// Most indexes below one: they are rare, and seldom more than two deep.
const INDEXES: usize = 32;

/// Most manifests in all of them.
const MANIFESTS: usize = 10_000;

/// An entry of an index.
pub(super) struct Listed {
    pub(super) entry: Descriptor,
    /// What it lists, if it is an index; one that stands twice is opened in the first place.
    pub(super) below: Vec<Listed>,
}

impl Listed {
    /// All entries, each before what it lists.
    pub(super) fn all(listed: &[Listed]) -> Vec<&Descriptor> {
        let mut all = Vec::new();
        for one in listed {
            all.push(&one.entry);
            all.extend(Self::all(&one.below));
        }
        all
    }
}

/// `entries`, and what is below them.
///
/// # Errors
/// Integrity, where it doesn't end: above 32 indexes or 10,000 manifests.
pub(super) async fn listed(entries: Vec<Descriptor>, store: &Store) -> Result<Vec<Listed>> {
    let mut opened = Opened::default();
    open(entries, store, &mut opened).await
}

#[derive(Default)]
struct Opened {
    indexes: HashSet<Digest>,
    manifests: usize,
}

/// Boxed, as indexes list indexes.
fn open<'a>(entries: Vec<Descriptor>, store: &'a Store, opened: &'a mut Opened) -> BoxFuture<'a, Result<Vec<Listed>>> {
    Box::pin(async move {
        opened.manifests += entries.len();
        let mut listed = Vec::new();
        for entry in entries {
            let is_new = entry.is_index() && opened.indexes.insert(entry.digest.clone());
            if opened.indexes.len() > INDEXES || opened.manifests > MANIFESTS {
                let error = format!("an index with more than {INDEXES} indexes or {MANIFESTS} manifests below it");
                return Err(Error::integrity(error).hint("name one of those that it lists, by its digest"));
            }
            let below = if is_new {
                below(&entry, store).await?
            } else {
                Vec::new()
            };
            let below = open(below, store, opened).await?;
            listed.push(Listed { entry, below });
        }
        Ok(listed)
    })
}

/// What an index lists; nothing if it was deleted.
async fn below(index: &Descriptor, store: &Store) -> Result<Vec<Descriptor>> {
    let found = store.get_manifest(&Pointer::Digest(index.digest.clone())).await?;
    Ok(match found.map(|found| found.content()).transpose()? {
        Some(Content::Index(index)) => index.manifests,
        _ => Vec::new(),
    })
}
