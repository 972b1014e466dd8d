//! What a list has to have, as far as this writer knows.

use std::collections::HashSet;

use crate::error::Result;
use crate::oci::{Descriptor, Digest, Entries, Entry};

/// All that is to be in the list: ours, and what was ever seen in it.
pub(super) struct Wanted {
    pub(super) entries: Vec<(Digest, Entry)>,
    /// Known not to have been deleted.
    sure: HashSet<Digest>,
}

impl Wanted {
    pub(super) fn new(ours: &[Descriptor]) -> Result<Self> {
        let entries = ours.iter().map(|entry| Ok((entry.digest.clone(), Entry::of(entry)?)));
        Ok(Wanted {
            entries: entries.collect::<Result<_>>()?,
            sure: ours.iter().map(|entry| entry.digest.clone()).collect(),
        })
    }

    pub(super) fn learn(&mut self, list: &Entries) {
        let mut known: HashSet<Digest> = self.entries.iter().map(|(digest, _)| digest.clone()).collect();
        for entry in &list.list {
            // One that can't be read can't be told from others: it stays as long as nobody takes it away.
            let Some(descriptor) = &entry.descriptor else { continue };
            if known.insert(descriptor.digest.clone()) {
                self.entries.push((descriptor.digest.clone(), entry.clone()));
            }
        }
    }

    /// Those that have gone from the list and may have been deleted.
    pub(super) fn unsure(&self, list: &Entries) -> Vec<Digest> {
        let there = list.digests();
        let known = self.entries.iter().map(|(digest, _)| digest);
        known
            .filter(|digest| !self.sure.contains(digest) && !there.contains(digest))
            .cloned()
            .collect()
    }

    pub(super) fn decide(&mut self, digest: Digest, there: bool) {
        if there {
            self.sure.insert(digest);
        } else {
            self.entries.retain(|(known, _)| *known != digest);
        }
    }

    /// What the list lacks.
    pub(super) fn missing(&self, list: &Entries) -> Vec<Entry> {
        let there = list.digests();
        let missing = self.entries.iter().filter(|(digest, _)| !there.contains(digest));
        missing.map(|(_, entry)| entry.clone()).collect()
    }
}
