//! `index.json`: which manifests a layout offers, and under which tags.

use std::collections::HashSet;

use super::contents::Contents as _;
use super::files::Files;
use crate::error::{Error, Result};
use crate::oci::{Annotations, Descriptor, Digest, Entries, Entry, Fields, names, raw};
use crate::reference::Tag;

/// The index as read.
#[derive(Clone, Debug)]
pub(in crate::store) struct Index(Entries);

impl Entry {
    fn name(&self) -> Option<&str> {
        let annotations = &self.descriptor.as_ref()?.annotations;
        annotations.get(names::REF_NAME).map(String::as_str)
    }

    fn has(&self, tag: &Tag) -> bool {
        self.name() == Some(tag.as_str())
    }

    /// The same entry under another name, or none; all else that it says stays.
    fn renamed(&self, tag: Option<&Tag>) -> Result<Entry> {
        let damaged = |error: serde_json::Error| Error::integrity(format!("index.json: {error}"));
        let mut fields: Fields = serde_json::from_str(self.raw.get()).map_err(damaged)?;
        let mut annotations: Fields = match fields.get("annotations") {
            Some(found) => serde_json::from_str::<Option<Fields>>(found.get())
                .map_err(damaged)?
                .unwrap_or_default(),
            None => Fields::default(),
        };
        match tag {
            Some(tag) => annotations.set(names::REF_NAME, &tag.as_str())?,
            None => annotations.remove(names::REF_NAME),
        }
        if annotations.is_empty() {
            fields.remove("annotations");
        } else {
            fields.set("annotations", &annotations)?;
        }
        Ok(Entry::new(raw(&fields)?))
    }
}

impl Index {
    /// An index of many thousand tags; every command reads it whole.
    pub(in crate::store) const LIMIT: usize = 16 * 1024 * 1024;

    /// Reads the bytes of an index.
    pub(in crate::store) fn parse(bytes: &[u8]) -> Result<Self> {
        Entries::parse(bytes).map(Index)
    }

    /// The bytes to write.
    pub(in crate::store) fn serialize(&self) -> Result<Vec<u8>> {
        let bytes = self.0.json()?;
        match bytes.len() > Self::LIMIT {
            false => Ok(bytes),
            true => Err(
                Error::usage(format!("index.json would have more than {} bytes", Self::LIMIT))
                    .hint("delete manifests that are no longer needed, or use another directory"),
            ),
        }
    }

    fn entries(&self) -> &[Entry] {
        &self.0.list
    }

    /// What `tag` names. Of several entries with one name, which other tools may leave, the last counts, as in ORAS.
    pub(in crate::store) fn tagged(&self, tag: &Tag) -> Option<Descriptor> {
        self.entries().iter().rev().find(|entry| entry.has(tag)).and_then(plain)
    }

    /// The first entry with `digest`.
    pub(in crate::store) fn entry(&self, digest: &Digest) -> Option<Descriptor> {
        self.entries().iter().find(|entry| entry.names(digest)).and_then(plain)
    }

    /// Every manifest that is offered.
    pub(in crate::store) fn manifests(&self) -> Vec<Descriptor> {
        self.0.descriptors()
    }

    /// The tags, sorted.
    pub(in crate::store) fn tags(&self) -> Vec<Tag> {
        let mut tags: Vec<Tag> = self
            .entries()
            .iter()
            .filter_map(Entry::name)
            .filter_map(|name| name.parse().ok())
            .collect();
        tags.sort();
        tags.dedup();
        tags
    }

    /// Lets `tag` name the manifest; whether it didn't before. The entry it had is dropped: kept without a name, each
    /// push of a moving tag would leave one more for ever. Its manifest is still found by digest among the blobs.
    pub(in crate::store) fn tag(&mut self, mut manifest: Descriptor, tag: &Tag) -> Result<bool> {
        if self.tagged(tag).is_some_and(|found| found.digest == manifest.digest) {
            return Ok(false);
        }
        let entries = &mut self.0.list;
        entries.retain(|entry| !entry.has(tag));
        let nameless = entries
            .iter_mut()
            .find(|entry| entry.names(&manifest.digest) && entry.name().is_none());
        if let Some(entry) = nameless {
            *entry = entry.renamed(Some(tag))?;
            return Ok(true);
        }
        manifest.annotations = Annotations::from([(names::REF_NAME.to_owned(), tag.to_string())]);
        entries.push(Entry::of(&manifest)?);
        Ok(true)
    }

    /// Offers the manifest without a tag, unless some entry does already; whether it didn't before.
    pub(in crate::store) fn add(&mut self, manifest: &Descriptor) -> Result<bool> {
        let new = self.entry(&manifest.digest).is_none();
        if new {
            self.0.list.push(Entry::of(manifest)?);
        }
        Ok(new)
    }

    /// Every digest that has an entry.
    pub(in crate::store) fn digests(&self) -> HashSet<Digest> {
        self.0.digests().into_iter().cloned().collect()
    }

    /// Takes away the nameless entries of `hidden`, and gives those that are not of `first` an order of their own, in
    /// whatever order they came.
    pub(in crate::store) fn tidy(&mut self, first: &HashSet<Digest>, hidden: &HashSet<Digest>) {
        let digest = |entry: &Entry| entry.descriptor.as_ref().map(|found| found.digest.clone());
        let list = &mut self.0.list;
        list.retain(|entry| entry.name().is_some() || digest(entry).is_none_or(|digest| !hidden.contains(&digest)));
        list.sort_by_cached_key(|entry| digest(entry).filter(|digest| !first.contains(digest)));
    }
}

/// Media type, digest and size of an entry: what a registry would answer.
fn plain(entry: &Entry) -> Option<Descriptor> {
    let found = entry.descriptor.as_ref()?;
    Some(Descriptor::new(
        found.media_type.clone(),
        found.digest.clone(),
        found.size,
    ))
}

/// The index while no one else can change it.
pub(super) struct Locked<'a> {
    files: &'a Files,
    index: Index,
    changed: bool,
    _lock: fs_err::File,
}

impl<'a> Locked<'a> {
    /// Waits for the lock, then reads.
    pub(super) fn new(files: &'a Files) -> Result<Self> {
        let lock = files.lock()?;
        Ok(Locked {
            files,
            index: Index::clone(&*files.index()?),
            changed: false,
            _lock: lock,
        })
    }

    /// As it is now.
    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    /// Writes the index if it changed, and lets go.
    pub(super) fn save(self) -> Result<()> {
        match self.changed {
            true => self.files.write_index(self.index),
            false => Ok(()),
        }
    }

    /// See [`Index::tag`].
    pub(super) fn tag(&mut self, manifest: Descriptor, tag: &Tag) -> Result<()> {
        self.changed |= self.index.tag(manifest, tag)?;
        Ok(())
    }

    /// See [`Index::add`].
    pub(super) fn add(&mut self, manifest: &Descriptor) -> Result<()> {
        self.changed |= self.index.add(manifest)?;
        Ok(())
    }

    /// Takes the tag away; the manifest keeps an entry. `false` if there is no such tag.
    pub(super) fn untag(&mut self, tag: &Tag) -> Result<bool> {
        let entries = &mut self.index.0.list;
        let Some(at) = entries.iter().rposition(|entry| entry.has(tag)) else {
            return Ok(false);
        };
        self.changed = true;
        let entry = entries.remove(at);
        entries.retain(|other| !other.has(tag));
        let digest = entry.descriptor.as_ref().map(|found| &found.digest);
        if !entries
            .iter()
            .any(|other| digest.is_some_and(|digest| other.names(digest)))
        {
            entries.insert(at.min(entries.len()), entry.renamed(None)?);
        }
        Ok(true)
    }

    /// Takes away every entry of the manifest.
    pub(super) fn remove(&mut self, digest: &Digest) {
        let before = self.index.0.list.len();
        self.index.0.list.retain(|entry| !entry.names(digest));
        self.changed |= self.index.0.list.len() != before;
    }
}
