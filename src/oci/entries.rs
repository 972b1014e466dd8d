//! The list in an image index whose entries others wrote too: each keeps its bytes.

use std::collections::HashSet;
use std::sync::Arc;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::{Descriptor, Digest, Few, Fields, raw};
use crate::error::{Error, Result};

/// Entries of one list: more than fit into 16 MiB, the most bytes that are read, if each names a manifest.
pub const ENTRIES: usize = 160_000;

/// An image index, as read.
#[derive(Clone, Debug)]
pub struct Entries {
    /// Those of the index, in their order; `manifests` keeps its place here, and its entries are in `list`.
    pub fields: Fields,
    /// Its entries, in their order.
    pub list: Vec<Entry>,
}

/// One entry, with its bytes. A clone shares both: an index may have many thousand.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its bytes.
    pub raw: Arc<RawValue>,
    /// `None` for an entry we can't read (another digest algorithm, say): kept, never found.
    pub descriptor: Option<Arc<Descriptor>>,
}

impl Entry {
    /// From its bytes.
    pub fn new(raw: Box<RawValue>) -> Self {
        let descriptor = serde_json::from_str(raw.get()).ok().map(Arc::new);
        Entry {
            raw: raw.into(),
            descriptor,
        }
    }

    /// An entry of ours.
    pub fn of(descriptor: &Descriptor) -> Result<Self> {
        Ok(Entry::new(raw(descriptor)?))
    }

    /// Whether it is one of the manifest `digest`.
    pub fn names(&self, digest: &Digest) -> bool {
        self.descriptor.as_ref().is_some_and(|found| found.digest == *digest)
    }
}

impl Entries {
    /// An index without entries.
    pub const EMPTY: &[u8] =
        br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;

    /// Reads an index. Its list may be absent or `null`.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let damaged = |error: serde_json::Error| Error::integrity(error.to_string());
        let mut fields: Fields = serde_json::from_slice(bytes).map_err(damaged)?;
        let list: Option<Few<Box<RawValue>, ENTRIES>> = match fields.get("manifests") {
            Some(found) => serde_json::from_str(found.get()).map_err(damaged)?,
            None => None,
        };
        fields.set("manifests", &[(); 0])?;
        Ok(Entries {
            fields,
            list: list.unwrap_or_default().0.into_iter().map(Entry::new).collect(),
        })
    }

    /// The index as it is stored.
    pub fn json(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|error| Error::internal(format!("JSON: {error}")))
    }

    /// Whether one of them is of the manifest `digest`.
    pub fn has(&self, digest: &Digest) -> bool {
        self.list.iter().any(|entry| entry.names(digest))
    }

    /// Takes away what has one of these digests; whether there was any.
    pub fn remove(&mut self, digests: &[Digest]) -> bool {
        let gone: HashSet<&Digest> = digests.iter().collect();
        let before = self.list.len();
        self.list.retain(|entry| {
            let descriptor = entry.descriptor.as_ref();
            descriptor.is_none_or(|found| !gone.contains(&found.digest))
        });
        self.list.len() < before
    }

    /// What of the entries can be read.
    pub fn digests(&self) -> HashSet<&Digest> {
        let found = self.list.iter().filter_map(|entry| entry.descriptor.as_ref());
        found.map(|found| &found.digest).collect()
    }

    /// What can be read of the entries, each digest once.
    pub fn descriptors(&self) -> Vec<Descriptor> {
        let mut seen = HashSet::new();
        let found = self.list.iter().filter_map(|entry| entry.descriptor.as_deref());
        found
            .filter(|found| seen.insert(found.digest.clone()))
            .cloned()
            .collect()
    }
}

impl Serialize for Entries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.fields.iter() {
            match name {
                "manifests" => map.serialize_entry(name, &List(&self.list))?,
                _ => map.serialize_entry(name, value)?,
            }
        }
        map.end()
    }
}

struct List<'a>(&'a [Entry]);

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|entry| &*entry.raw))
    }
}
