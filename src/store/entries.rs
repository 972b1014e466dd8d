//! The list in an image index whose entries others wrote too: each keeps its bytes.

use std::collections::HashSet;

use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::oci::{Descriptor, Digest, Fields, raw};

/// An image index, as read.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries {
    /// Those of the index beside `manifests`, in their order.
    fields: Fields,
    pub(super) list: Vec<Entry>,
}

/// One entry, with its bytes.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) raw: Box<RawValue>,
    /// `None` for an entry we can't read (another digest algorithm, say): kept, never found.
    pub(super) descriptor: Option<Descriptor>,
}

impl Entry {
    pub(super) fn new(raw: Box<RawValue>) -> Self {
        let descriptor = serde_json::from_str(raw.get()).ok();
        Entry { raw, descriptor }
    }

    /// An entry of ours.
    pub(super) fn of(descriptor: &Descriptor) -> Result<Self> {
        Ok(Entry::new(raw(descriptor)?))
    }

    pub(super) fn names(&self, digest: &Digest) -> bool {
        self.descriptor.as_ref().is_some_and(|found| found.digest == *digest)
    }
}

impl Entries {
    /// An index without entries.
    pub(super) const EMPTY: &[u8] =
        br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;

    /// Reads an index. Its list may be absent or `null`.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let damaged = |error: serde_json::Error| Error::integrity(error.to_string());
        let fields: Fields = serde_json::from_slice(bytes).map_err(damaged)?;
        let list: Option<Vec<Box<RawValue>>> = match fields.get("manifests") {
            Some(found) => serde_json::from_str(found.get()).map_err(damaged)?,
            None => None,
        };
        Ok(Entries {
            fields,
            list: list.unwrap_or_default().into_iter().map(Entry::new).collect(),
        })
    }

    /// The index as it is stored.
    pub(super) fn json(&mut self) -> Result<Vec<u8>> {
        let list: Vec<&RawValue> = self.list.iter().map(|entry| &*entry.raw).collect();
        self.fields.set("manifests", &list)?;
        serde_json::to_vec(&self.fields).map_err(|error| Error::internal(format!("JSON: {error}")))
    }

    pub(super) fn has(&self, digest: &Digest) -> bool {
        self.list.iter().any(|entry| entry.names(digest))
    }

    /// Takes away what has one of these digests; whether there was any.
    pub(super) fn remove(&mut self, digests: &[Digest]) -> bool {
        let before = self.list.len();
        self.list
            .retain(|entry| !digests.iter().any(|digest| entry.names(digest)));
        self.list.len() < before
    }

    /// What of the entries can be read.
    pub(super) fn digests(&self) -> HashSet<&Digest> {
        let found = self.list.iter().filter_map(|entry| entry.descriptor.as_ref());
        found.map(|found| &found.digest).collect()
    }

    /// What can be read of the entries, each digest once.
    pub(super) fn descriptors(&self) -> Vec<Descriptor> {
        let mut seen = HashSet::new();
        let found = self.list.iter().filter_map(|entry| entry.descriptor.as_ref());
        found
            .filter(|found| seen.insert(found.digest.clone()))
            .cloned()
            .collect()
    }
}
