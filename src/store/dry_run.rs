//! A dry run: reads pass to another store, writes are only recorded, and the reads after them see them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{BlobSource, BlobStream, PutBlob, Store, TagPage, referrers};
use crate::error::{Class, Result};
use crate::oci::{Descriptor, Digest, RawManifest};
use crate::reference::{Location, Pointer, Repository, Tag};

/// A store that writes nothing. Clones share what was recorded.
#[derive(Clone)]
pub struct DryRun {
    inner: Box<Store>,
    recorded: Arc<Mutex<Recorded>>,
}

/// What would have been written.
#[derive(Default)]
struct Recorded {
    /// Not their bytes: a dry run of a large push would keep all that it packed.
    blobs: HashSet<Digest>,
    manifests: HashMap<Digest, RawManifest>,
    /// `None`: removed.
    tags: BTreeMap<Tag, Option<Digest>>,
    deleted: HashSet<Digest>,
}

/// What the record says about a pointer.
enum Seen {
    Manifest(RawManifest),
    Gone,
    /// Ask the store below, about this.
    Below(Pointer),
}

impl DryRun {
    /// Over `inner`.
    pub fn new(inner: Store) -> Self {
        DryRun {
            inner: Box::new(inner),
            recorded: Arc::default(),
        }
    }

    // Boxed, as the rest of this store's calls down: `Store` calls `DryRun` calls `Store`.
    async fn below(&self, pointer: &Pointer) -> Result<Option<Descriptor>> {
        let found = Box::pin(self.inner.resolve(pointer)).await?;
        Ok(found.filter(|found| !self.recorded().deleted.contains(&found.digest)))
    }

    /// See [`Store::resolve`].
    pub async fn resolve(&self, pointer: &Pointer) -> Result<Option<Descriptor>> {
        let seen = self.recorded().see(pointer);
        match seen {
            Seen::Manifest(manifest) => Ok(Some(manifest.descriptor())),
            Seen::Gone => Ok(None),
            Seen::Below(pointer) => self.below(&pointer).await,
        }
    }

    /// See [`Store::get_manifest`].
    pub async fn get_manifest(&self, pointer: &Pointer) -> Result<Option<RawManifest>> {
        let seen = self.recorded().see(pointer);
        match seen {
            Seen::Manifest(manifest) => Ok(Some(manifest)),
            Seen::Gone => Ok(None),
            Seen::Below(pointer) => {
                let found = Box::pin(self.inner.get_manifest(&pointer)).await?;
                Ok(found.filter(|found| !self.recorded().deleted.contains(found.digest())))
            }
        }
    }

    /// Records the manifest. Whether the store below would index a subject can't be known; it says yes.
    pub async fn put_manifest(&self, manifest: &RawManifest, pointer: &Pointer) -> Result<bool> {
        let mut recorded = self.recorded();
        if let Pointer::Tag(tag) = pointer {
            recorded.tags.insert(tag.clone(), Some(manifest.digest().clone()));
        }
        recorded.deleted.remove(manifest.digest());
        recorded.manifests.insert(manifest.digest().clone(), manifest.clone());
        Ok(true)
    }

    /// What the store below lists and isn't deleted, and what was recorded.
    pub async fn referrers(&self, subject: &Digest, artifact_type: Option<&str>) -> Result<Vec<Descriptor>> {
        let mut found = Box::pin(self.inner.referrers(subject, artifact_type)).await?;
        let recorded = self.recorded();
        found.retain(|found| !recorded.deleted.contains(&found.digest));
        let mut new = Vec::new();
        for manifest in recorded.manifests.values() {
            let referrer = referrers::of(manifest)?.filter(|referrer| referrer.subject == *subject);
            new.extend(referrer.map(|referrer| referrer.entry));
        }
        new.retain(|entry| found.iter().all(|known| known.digest != entry.digest));
        new.sort_by(|a, b| a.digest.cmp(&b.digest));
        found.extend(new);
        Ok(found)
    }

    /// Nothing: a list has no entry for what was deleted.
    pub async fn forget_referrers(&self, _subject: &Digest, _referrers: &[Digest]) -> Result<()> {
        Ok(())
    }

    /// See [`Store::has_blob`].
    pub async fn has_blob(&self, blob: &Descriptor) -> Result<bool> {
        let recorded = self.recorded().blobs.contains(&blob.digest);
        Ok(recorded || Box::pin(self.inner.has_blob(blob)).await?)
    }

    /// The blob of the store below; one that was only recorded isn't there.
    pub async fn open_blob(&self, blob: &Descriptor, offset: u64) -> Result<BlobStream> {
        Box::pin(self.inner.open_blob(blob, offset)).await
    }

    /// [`PutBlob::Present`] or [`PutBlob::Planned`]; the source is not read.
    pub async fn put_blob(
        &self,
        blob: &Descriptor,
        _source: &BlobSource,
        _mount: Option<&Repository>,
        _title: &str,
    ) -> Result<PutBlob> {
        if self.has_blob(blob).await? {
            return Ok(PutBlob::Present);
        }
        self.recorded().blobs.insert(blob.digest.clone());
        Ok(PutBlob::Planned)
    }

    /// The pages of the store below, without the tags that would be gone; new ones come on the last page.
    pub async fn tags(&self, from: Option<&str>) -> Result<TagPage> {
        let mut page = match Box::pin(self.inner.tags(from)).await {
            // The repository would be made by the first push.
            Err(error) if error.class() == Class::NotFound && self.recorded().tags.values().any(Option::is_some) => {
                TagPage::default()
            }
            other => other?,
        };
        let (planned, deletes) = {
            let recorded = self.recorded();
            page.tags.retain(|tag| !matches!(recorded.tags.get(tag), Some(None)));
            (recorded.tags.clone(), !recorded.deleted.is_empty())
        };
        if deletes {
            // A deleted manifest takes its tags along, and only asking tells which those are.
            let mut kept = Vec::new();
            for tag in page.tags {
                if self.resolve(&Pointer::Tag(tag.clone())).await?.is_some() {
                    kept.push(tag);
                }
            }
            page.tags = kept;
        }
        if page.next.is_none() {
            for (tag, digest) in planned {
                let pointer = Pointer::Tag(tag.clone());
                let new = digest.is_some() && !page.tags.contains(&tag);
                if new && Box::pin(self.inner.resolve(&pointer)).await?.is_none() {
                    page.tags.push(tag);
                }
            }
            page.tags.sort();
        }
        Ok(page)
    }

    /// See [`Store::delete_manifest`].
    pub async fn delete_manifest(&self, digest: &Digest) -> Result<bool> {
        if self.resolve(&Pointer::Digest(digest.clone())).await?.is_none() {
            return Ok(false);
        }
        let mut recorded = self.recorded();
        recorded.manifests.remove(digest);
        recorded.deleted.insert(digest.clone());
        for named in recorded.tags.values_mut() {
            named.take_if(|named| named == digest);
        }
        Ok(true)
    }

    /// See [`Store::delete_tag`].
    pub async fn delete_tag(&self, tag: &Tag) -> Result<bool> {
        let there = self.resolve(&Pointer::Tag(tag.clone())).await?.is_some();
        if there {
            self.recorded().tags.insert(tag.clone(), None);
        }
        Ok(there)
    }

    /// See [`Store::location`].
    pub fn location(&self) -> &Location {
        self.inner.location()
    }

    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        // Each change is one insert or remove: a panic elsewhere leaves nothing half done.
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorded {
    fn see(&self, pointer: &Pointer) -> Seen {
        let digest = match pointer {
            Pointer::Digest(digest) => digest,
            Pointer::Tag(tag) => match self.tags.get(tag) {
                Some(Some(digest)) => digest,
                Some(None) => return Seen::Gone,
                None => return Seen::Below(pointer.clone()),
            },
        };
        match self.manifests.get(digest) {
            Some(manifest) => Seen::Manifest(manifest.clone()),
            None if self.deleted.contains(digest) => Seen::Gone,
            None => Seen::Below(Pointer::Digest(digest.clone())),
        }
    }
}

#[cfg(test)]
mod tests;
