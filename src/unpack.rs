//! Blobs into files: written through a directory handle, so that nothing lands outside of the output, under their
//! final name only when size and digest are right.
//!
//! Titles are checked by [`check_title`]; `place` finds the way to a path without following a link; `feed`
//! carries a blob to the thread that writes; `file` writes one file; `directory` unpacks a tar: `archive` reads
//! it, `staging` keeps its entries out of the way, `links` judges its links, `merge` moves the whole into place.

mod archive;
mod directory;
mod feed;
mod file;
mod links;
mod merge;
mod place;
mod spooled;
mod staging;
mod system;
// Links, modes and umask: what the hostile cases are about.
#[cfg(test)]
#[cfg(unix)]
mod tests;
mod title;
mod unpacked;
mod window;

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Class, Result};
use crate::oci::{Descriptor, Digest};
use crate::report::Transfer;
use crate::store::{BlobSource, BlobStream};

pub use title::{Titled, check_title, check_title_as, colliding};
pub use window::{USUAL as USUAL_WINDOW, is_large as has_large_window};

/// Limits on what a directory layer may unpack to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the tar; `None` is the larger of 1 GiB and 200 times the compressed size.
    pub bytes: Option<u64>,
    /// Entries.
    pub entries: u64,
    /// The window of a zstd frame, as a power of 2.
    pub window: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            bytes: None,
            entries: 2_000_000,
            window: window::LARGEST,
        }
    }
}

/// A directory that an artifact is pulled into. Clones share one handle.
#[derive(Clone, Debug)]
pub struct Output(Arc<place::Root>);

impl Output {
    /// Opens the directory; makes it, and its parents, if it isn't there. Blocks.
    pub fn open(path: &Utf8Path) -> Result<Self> {
        Ok(Output(Arc::new(place::Root::open(path)?)))
    }

    /// The directory.
    pub fn path(&self) -> &Utf8Path {
        &self.0.path
    }

    /// Looks whether something is in the way of `title`: a directory in that of a file, a file in that of a directory,
    /// a link on the way to it. Blocks.
    pub fn check(&self, title: &str, directory: bool) -> Result<()> {
        check_title_as(title, Class::Integrity)?;
        if directory {
            directory::look(&self.0, title).map(drop)
        } else {
            file::look(&self.0, title).map(drop)
        }
    }

    /// Whether anything is at the place of `title`. Blocks.
    pub fn has(&self, title: &str) -> Result<bool> {
        check_title_as(title, Class::Integrity)?;
        Ok(self.0.look(title)?.found.is_some())
    }

    /// Whether `title` is there as a plain file with the digest and size of `blob` and the execute bit asked for.
    /// Blocks.
    pub fn holds(&self, title: &str, blob: &Descriptor, executable: bool) -> Result<bool> {
        check_title_as(title, Class::Integrity)?;
        file::holds(&self.0, title, blob, executable)
    }

    /// Writes the file `title`: to a temporary file beside it, verified, then renamed. An existing file or link is
    /// replaced, a directory in its place is an error, as is a link on the way to it. Returns the path written.
    pub async fn write_file(
        &self,
        title: &str,
        blob: &Descriptor,
        stream: BlobStream,
        executable: bool,
        progress: &Transfer,
    ) -> Result<Utf8PathBuf> {
        check_title_as(title, Class::Integrity)?;
        let (root, path, descriptor) = (Arc::clone(&self.0), title.to_owned(), blob.clone());
        feed::run(stream, progress, move |pieces| {
            file::write(&root, &path, &descriptor, executable, pieces)
        })
        .await?;
        Ok(self.path().join(title))
    }

    /// Unpacks the tar (gzip, zstd or plain, told by its magic) into the directory `title`: into a staging directory
    /// first; when the blob's digest and `unpacked` (that of the tar, if known) agree, each entry is renamed into
    /// place. Files that the artifact does not have stay. Returns the path of the directory.
    pub async fn unpack(
        &self,
        title: &str,
        blob: &Descriptor,
        unpacked: Option<&Digest>,
        stream: BlobStream,
        limits: Limits,
        progress: &Transfer,
    ) -> Result<Utf8PathBuf> {
        check_title_as(title, Class::Integrity)?;
        let (root, path) = (Arc::clone(&self.0), title.to_owned());
        let (descriptor, unpacked) = (blob.clone(), unpacked.cloned());
        feed::run(stream, progress, move |pieces| {
            directory::unpack(&root, &path, &descriptor, unpacked.as_ref(), limits, pieces)
        })
        .await?;
        Ok(self.path().join(title))
    }
}

/// Keeps a blob as packed bytes are kept, in memory or in a temporary file, and hands it out when size and digest
/// agree.
pub async fn spool(blob: &Descriptor, stream: BlobStream, progress: &Transfer) -> Result<BlobSource> {
    let descriptor = blob.clone();
    feed::run(stream, progress, move |pieces| spooled::keep(&descriptor, pieces)).await
}

/// The bytes of the tar inside `blob`, whatever they are; at most `limit`. For the properties of what decodes.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) async fn decoded(blob: &Descriptor, stream: BlobStream, limit: u64) -> Result<Vec<u8>> {
    let progress = crate::report::Report::silent().transfer(crate::report::Direction::Down, "", blob.size);
    let descriptor = blob.clone();
    feed::run(stream, &progress, move |pieces| {
        let mut blob = feed::Blob::new(pieces, &descriptor);
        let bytes = unpacked::read_all(&mut blob, limit)?;
        blob.verify()?;
        Ok(bytes)
    })
    .await
}
