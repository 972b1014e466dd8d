//! What is known of an archive once its headers were read: where each blob lies, and the index.

use std::collections::HashMap;
use std::io::Read as _;
use std::sync::Arc;

use camino::Utf8PathBuf;
use fs_err::File;

use crate::error::{Error, Result};
use crate::oci::Digest;
use crate::store::layout::contents::Contents;
use crate::store::layout::index::Index;
use crate::store::section::Section;

/// Where data lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// An archive that was scanned.
pub(super) struct Tar {
    pub(super) path: Utf8PathBuf,
    /// Kept open: another process may put another file in its place, and the regions are those of this one.
    pub(super) file: Arc<File>,
    pub(super) blobs: HashMap<Digest, Region>,
    /// Files that are not the layout's, by name, such as docker's `manifest.json`.
    pub(super) others: Vec<(String, Region)>,
    pub(super) index: Arc<Index>,
}

impl Tar {
    /// Bytes of the blob, `None` if it isn't there.
    pub(super) fn size(&self, digest: &Digest) -> Option<u64> {
        self.blobs.get(digest).map(|region| region.size)
    }

    /// The blob's bytes.
    pub(super) fn section(&self, digest: &Digest) -> Option<Section> {
        self.blobs.get(digest).map(|region| self.at(*region))
    }

    /// The bytes of `region`.
    pub(super) fn at(&self, region: Region) -> Section {
        Section::new(&self.file, region.offset, region.size)
    }

    /// All bytes of `region`, which may have at most `limit`.
    pub(super) fn read(&self, region: Region, limit: usize) -> Result<Vec<u8>> {
        if region.size > limit as u64 {
            return Err(Error::integrity(format!("more than {limit} bytes")));
        }
        let mut bytes = Vec::new();
        self.at(region).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != region.size {
            return Err(Error::integrity("the archive was cut off while it was read"));
        }
        Ok(bytes)
    }
}

impl Contents for Tar {
    fn there(&self) -> Result<bool> {
        Ok(true)
    }

    fn index(&self) -> Result<Arc<Index>> {
        Ok(Arc::clone(&self.index))
    }

    fn size(&self, digest: &Digest) -> Result<Option<u64>> {
        Ok(Tar::size(self, digest))
    }

    fn bytes(&self, digest: &Digest, limit: usize) -> Result<Option<Vec<u8>>> {
        let region = self.blobs.get(digest);
        region.map(|region| self.read(*region, limit)).transpose()
    }

    fn place(&self, digest: &Digest) -> String {
        format!("{}: {}", self.path, name(digest))
    }
}

/// The path of a blob in a layout.
pub(super) fn name(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().name(), digest.hex())
}
