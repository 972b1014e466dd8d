//! Referrers in a layout. ORAS finds them by the subjects of what `index.json` lists; regctl (ocidir) by an index under
//! the fallback tag alone. Both are written, and both are read.

use std::collections::HashSet;

use super::contents::{Contents, read_manifest};
use super::files::Files;
use super::index::{Index, Locked};
use crate::error::{Error, Result};
use crate::oci::{Descriptor, Digest, Entries, Entry, names};
use crate::store::referrers::{LIMIT, Referrer, of, tag_of, written};

/// Every referrer of `subject`, each once.
pub(in crate::store) fn find(contents: &impl Contents, subject: &Digest) -> Result<Vec<Descriptor>> {
    if !contents.there()? {
        return Ok(Vec::new());
    }
    let index = contents.index()?;
    let mut found: Vec<Descriptor> = Vec::new();
    let mut seen = HashSet::new();
    let mut take = |entry: Descriptor| {
        if seen.insert(entry.digest.clone()) {
            found.push(entry);
        }
        match found.len() > LIMIT {
            true => Err(Error::integrity(format!(
                "more than {LIMIT} manifests refer to {subject}"
            ))),
            false => Ok(()),
        }
    };
    for entry in index.manifests() {
        // What can't be read refers to nothing that could be known.
        let Ok(manifest) = read_manifest(contents, &entry) else {
            continue;
        };
        if let Ok(Some(referrer)) = of(&manifest)
            && referrer.subject == *subject
        {
            take(referrer.entry)?;
        }
    }
    if let List::Entries(entries) = list(contents, &index, subject)? {
        for entry in entries.descriptors() {
            if contents.size(&entry.digest)?.is_some() {
                take(entry)?;
            }
        }
    }
    Ok(found)
}

/// Adds the entry to the list under the fallback tag. A tag of that name that is no list stays as it is.
pub(super) fn add(files: &Files, index: &mut Locked<'_>, referrer: &Referrer) -> Result<()> {
    let Some(mut entries) = list(files, index.index(), &referrer.subject)?.changeable()? else {
        return Ok(());
    };
    if entries.has(&referrer.entry.digest) {
        return Ok(());
    }
    entries.list.push(Entry::of(&referrer.entry)?);
    save(files, index, &referrer.subject, &mut entries)
}

/// Takes the entries of `referrers` away, and a list that has no other.
pub(super) fn remove(files: &Files, index: &mut Locked<'_>, subject: &Digest, referrers: &[Digest]) -> Result<()> {
    let List::Entries(mut entries) = list(files, index.index(), subject)? else {
        return Ok(());
    };
    if !entries.remove(referrers) {
        return Ok(());
    }
    if !entries.list.is_empty() {
        return save(files, index, subject, &mut entries);
    }
    if let Some(list) = index.index().tagged(&tag_of(subject)?) {
        index.remove(&list.digest);
    }
    Ok(())
}

/// What lies under the fallback tag.
pub(in crate::store) enum List {
    Nothing,
    /// Something that is no list: it stays as it is.
    Foreign,
    Entries(Entries),
}

impl List {
    /// The list to add to; `None` if there can be none.
    pub(in crate::store) fn changeable(self) -> Result<Option<Entries>> {
        match self {
            List::Nothing => Entries::parse(Entries::EMPTY).map(Some),
            List::Foreign => Ok(None),
            List::Entries(entries) => Ok(Some(entries)),
        }
    }
}

/// The list under the fallback tag of `subject`.
pub(in crate::store) fn list(contents: &impl Contents, index: &Index, subject: &Digest) -> Result<List> {
    let Some(entry) = index.tagged(&tag_of(subject)?) else {
        return Ok(List::Nothing);
    };
    if contents.size(&entry.digest)?.is_none() {
        return Ok(List::Nothing);
    }
    let manifest = read_manifest(contents, &entry)?;
    match manifest.media_type() {
        names::IMAGE_INDEX => Entries::parse(manifest.bytes()).map(List::Entries),
        _ => Ok(List::Foreign),
    }
}

fn save(files: &Files, index: &mut Locked<'_>, subject: &Digest, entries: &mut Entries) -> Result<()> {
    let list = written(entries).map_err(|error| error.context(subject))?;
    files.write(&files.blob_path(list.digest()), list.bytes())?;
    index.tag(list.descriptor(), &tag_of(subject)?)
}
