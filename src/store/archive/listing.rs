//! What the index of a new archive offers: what was copied, and what refers to it. Manifests that another one lists are
//! found among the blobs, and need no entry: skopeo and docker take each entry for an image.

use std::collections::{BTreeMap, HashSet};

use super::tar::Tar;
use crate::error::Result;
use crate::oci::{Content, Descriptor, Digest, Entry, RawManifest};
use crate::reference::Tag;
use crate::store::layout::index::Index;
use crate::store::layout::referrers::list;
use crate::store::referrers::{of, tag_of, written};

/// What the manifests that were put say of each other.
pub(super) struct Listing {
    /// What was offered before, which stays so.
    before: HashSet<Digest>,
    /// Listed by an index.
    listed: HashSet<Digest>,
    /// What refers to each subject.
    referrers: BTreeMap<Digest, Vec<Descriptor>>,
}

impl Listing {
    pub(super) fn new(before: &Index) -> Self {
        Listing {
            before: before.digests(),
            listed: HashSet::new(),
            referrers: BTreeMap::new(),
        }
    }

    /// Takes in a manifest that was put.
    pub(super) fn add(&mut self, manifest: &RawManifest) -> Result<()> {
        if let Content::Index(index) = manifest.content()? {
            self.listed
                .extend(index.manifests.into_iter().map(|entry| entry.digest));
        }
        if let Some(referrer) = of(manifest)? {
            self.referrers.entry(referrer.subject).or_default().push(referrer.entry);
        }
        Ok(())
    }

    /// The lists under the fallback tags: regctl finds referrers by them alone.
    pub(super) fn lists(&mut self, tar: &Tar) -> Result<Vec<(RawManifest, Tag)>> {
        let mut lists = Vec::new();
        for (subject, referrers) in &mut self.referrers {
            let Some(mut entries) = list(tar, &tar.index, subject)?.changeable()? else {
                continue;
            };
            referrers.sort_by(|a, b| a.digest.cmp(&b.digest));
            let mut known: HashSet<Digest> = entries.digests().into_iter().cloned().collect();
            let before = entries.list.len();
            for referrer in referrers {
                if known.insert(referrer.digest.clone()) {
                    entries.list.push(Entry::of(referrer)?);
                }
            }
            if entries.list.len() == before {
                continue;
            }
            let list = written(&mut entries).map_err(|error| error.context(subject))?;
            lists.push((list, tag_of(subject)?));
        }
        Ok(lists)
    }

    /// The index as it is written.
    pub(super) fn settle(&self, index: &mut Index) {
        let referrers: HashSet<&Digest> = self.referrers.values().flatten().map(|entry| &entry.digest).collect();
        let hidden = self.listed.iter().filter(|digest| !self.before.contains(digest));
        let hidden = hidden.filter(|digest| !referrers.contains(digest)).cloned().collect();
        index.tidy(&self.before, &hidden);
    }
}
