//! An archive as it is written: into a file beside its place, blobs in the order of their digests.
//!
//! All sizes are known before the bytes come, so each blob has its place from the beginning and several are written at
//! once. What comes unannounced is put behind.

use std::collections::{BTreeMap, HashMap};
use std::io::{ErrorKind, Read as _};
use std::sync::Arc;

use ::tar::EntryType;
use camino::Utf8Path;
use fs_err::File;
use tempfile::NamedTempFile;

use super::listing::Listing;
use super::replace::{Before, resolved, temporary};
use super::scan::{self, INDEX};
use super::tar::{Region, Tar, name};
use crate::error::{Error, Result};
use crate::oci::{Descriptor, Digest, Entries, RawManifest};
use crate::reference::Pointer;
use crate::store::layout::contents::{self, MARKER, MARKER_BYTES};
use crate::store::layout::index::Index;
use crate::store::section::Section;
use crate::store::{PIECE, blob};
use crate::ustar::{BLOCK, Member, damaged, padding};

/// The new archive.
pub(super) struct Writer {
    /// What it holds so far. Its file is the temporary one.
    tar: Tar,
    temporary: NamedTempFile,
    before: Before,
    /// What is there now, until it was carried over.
    old: Option<Tar>,
    /// Places of blobs that have not arrived.
    awaited: HashMap<Digest, Region>,
    /// Where the next entry goes.
    end: u64,
    listing: Listing,
}

impl Writer {
    /// A new archive for `path`, with what is there now.
    pub(super) fn new(path: &Utf8Path) -> Result<Self> {
        let path = resolved(path)?;
        let old = scan::open(&path)?;
        let before = Before::of(old.as_ref().map(|old| &old.file))?;
        let temporary = temporary(&path)?;
        let file = Arc::new(File::from_parts(temporary.as_file().try_clone()?, temporary.path()));
        let index = match &old {
            Some(old) => Arc::clone(&old.index),
            None => Arc::new(Index::parse(Entries::EMPTY)?),
        };
        let listing = Listing::new(&index);
        Ok(Writer {
            tar: Tar {
                path,
                file,
                blobs: HashMap::new(),
                others: Vec::new(),
                index,
            },
            temporary,
            before,
            old,
            awaited: HashMap::new(),
            end: 0,
            listing,
        })
    }

    /// What it holds so far.
    pub(super) fn tar(&self) -> &Tar {
        &self.tar
    }

    /// Gives every blob its place, those of the archive before among them, and carries these over.
    pub(super) fn lay_out(&mut self, coming: &[Descriptor]) -> Result<()> {
        let mut blobs: BTreeMap<String, (Digest, u64)> = BTreeMap::new();
        for blob in coming {
            let there = self.tar.blobs.contains_key(&blob.digest) || self.awaited.contains_key(&blob.digest);
            if !there {
                blobs.insert(name(&blob.digest), (blob.digest.clone(), blob.size));
            }
        }
        let old = self.old.take();
        for (digest, region) in old.iter().flat_map(|old| &old.blobs) {
            // Of another size than it is to have, it is damaged, and comes anew.
            blobs.entry(name(digest)).or_insert((digest.clone(), region.size));
        }
        for (name, (digest, size)) in blobs {
            let region = self.member(&name, size)?;
            match old.as_ref().and_then(|old| old.section(&digest)) {
                Some(section) if section.length() == size => {
                    self.carry(section, region)?;
                    self.tar.blobs.insert(digest, region);
                }
                _ => drop(self.awaited.insert(digest, region)),
            }
        }
        for (name, region) in old.iter().flat_map(|old| &old.others) {
            let new = self.member(name, region.size)?;
            if let Some(old) = &old {
                self.carry(old.at(*region), new)?;
            }
            self.tar.others.push((name.clone(), new));
        }
        Ok(())
    }

    /// The place to write `blob` to; `None` if it is there, byte for byte.
    pub(super) fn reserve(&mut self, blob: &Descriptor) -> Result<Option<Section>> {
        self.lay_out(std::slice::from_ref(blob))?;
        if let Some(section) = self.tar.section(&blob.digest) {
            if section.length() != blob.size {
                return Err(damaged(format!(
                    "blob {} has {} bytes in it instead of {}",
                    blob.digest,
                    section.length(),
                    blob.size
                )));
            }
            if blob::holds(section, blob)? {
                return Ok(None);
            }
        }
        let damaged = self.tar.blobs.remove(&blob.digest);
        let region = damaged.or_else(|| self.awaited.get(&blob.digest).copied());
        let region = region.ok_or_else(|| Error::internal("a blob has no place in the archive"))?;
        self.awaited.insert(blob.digest.clone(), region);
        Ok(Some(self.tar.at(region)))
    }

    /// All bytes of the blob were written; perhaps by two at once, who wrote the same.
    pub(super) fn arrived(&mut self, digest: &Digest) {
        if let Some(region) = self.awaited.remove(digest) {
            self.tar.blobs.insert(digest.clone(), region);
        }
    }

    /// See [`crate::store::Store::put_manifest`].
    pub(super) fn put_manifest(&mut self, manifest: &RawManifest, pointer: &Pointer) -> Result<()> {
        let (entry, listed) = contents::entry(manifest)?;
        let blob = manifest.descriptor();
        self.lay_out(&[])?;
        contents::check_listed(&self.tar, manifest, &listed, "archive")?;
        let place = self.reserve(&blob)?;
        if let Some(section) = place {
            section.append(manifest.bytes())?;
            self.arrived(&blob.digest);
        }
        let index = Arc::make_mut(&mut self.tar.index);
        match pointer {
            Pointer::Tag(tag) => index.tag(entry, tag)?,
            Pointer::Digest(_) => index.add(&entry)?,
        };
        self.listing.add(manifest)
    }

    /// Writes what stands last, and lets the file take its place.
    pub(super) fn finish(mut self) -> Result<()> {
        self.lay_out(&[])?;
        if let Some(digest) = self.awaited.keys().next() {
            return Err(Error::internal(format!("blob {digest} was announced and not written")));
        }
        for (list, tag) in self.listing.lists(&self.tar)? {
            self.put_manifest(&list, &Pointer::Tag(tag))?;
        }
        let index = Arc::make_mut(&mut self.tar.index);
        self.listing.settle(index);
        let index = index.serialize()?;
        for (name, bytes) in [(INDEX, index.as_slice()), (MARKER, MARKER_BYTES)] {
            let region = self.member(name, bytes.len() as u64)?;
            self.tar.at(region).append(bytes)?;
        }
        Section::new(&self.tar.file, self.end, 2 * BLOCK as u64).append(&[0; 2 * BLOCK])?;
        self.before.replace(self.temporary, &self.tar.path)
    }

    /// Writes the header of a file; the place of its data, which may be written at any time.
    fn member(&mut self, name: &str, size: u64) -> Result<Region> {
        let mut header = Vec::new();
        let member = Member {
            name,
            kind: EntryType::Regular,
            mode: 0o644,
            size,
            mtime: 0,
            target: None,
        };
        member.write(&mut header)?;
        Section::new(&self.tar.file, self.end, header.len() as u64).append(&header)?;
        let offset = self.end + header.len() as u64;
        let end = offset
            .checked_add(size)
            .and_then(|end| end.checked_add(padding(size) as u64));
        self.end = end
            .filter(|&end| i64::try_from(end).is_ok())
            .ok_or_else(|| Error::integrity(format!("{name}: {size} bytes are more than a file can have")))?;
        Ok(Region { offset, size })
    }

    /// Copies data of the archive before to its new place.
    fn carry(&self, mut from: Section, to: Region) -> Result<()> {
        let mut to = self.tar.at(to);
        let mut buffer = vec![0; PIECE];
        while to.length() > 0 {
            match from.read(&mut buffer) {
                Ok(0) => return Err(damaged("it was cut off while it was copied")),
                Ok(read) => to = to.append(buffer.get(..read).unwrap_or_default())?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::local(error)),
            }
        }
        Ok(())
    }
}
