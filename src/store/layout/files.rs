//! The files of a layout: where each lies, how it is read without trusting it, how it is written whole or not at all.

use std::io::{ErrorKind, Read as _, Write as _};
use std::sync::{Arc, Once};

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::NamedTempFile;

use super::contents::{Contents, MARKER, MARKER_BYTES, MARKER_LIMIT, check_marker};
use super::index::Index;
use super::known::Known;
use crate::error::{Error, Result};
use crate::oci::{Descriptor, Digest, Entries};
use crate::store::blob;
use crate::temporary;

/// Beside `index.json`, never removed: removing it would let two processes hold two locks. The image spec lets a
/// layout have further files.
const LOCK: &str = "index.json.lock";

/// The files of the layout in one directory.
#[derive(Clone, Debug)]
pub(super) struct Files {
    directory: Utf8PathBuf,
    known: Known,
    swept: Arc<Once>,
}

impl Contents for Files {
    fn there(&self) -> Result<bool> {
        self.check()
    }

    fn index(&self) -> Result<Arc<Index>> {
        let path = self.index_path();
        if let Some(known) = self.known.still(&path) {
            return Ok(known);
        }
        // A layout without one has no entries.
        let Some(file) = self.open(&path)? else {
            return Index::parse(Entries::EMPTY).map(Arc::new);
        };
        self.known.read(file, |file| {
            let bytes = bounded(file, &path, Index::LIMIT)?;
            Index::parse(&bytes).map_err(|error| error.context(path))
        })
    }

    fn size(&self, digest: &Digest) -> Result<Option<u64>> {
        Ok(self.blob(digest)?.map(|found| found.size))
    }

    fn bytes(&self, digest: &Digest, limit: usize) -> Result<Option<Vec<u8>>> {
        self.read(&self.blob_path(digest), limit)
    }

    fn place(&self, digest: &Digest) -> String {
        self.blob_path(digest).into_string()
    }
}

/// A blob that lies in the layout.
pub(super) struct Found {
    pub(super) path: Utf8PathBuf,
    pub(super) size: u64,
}

impl Files {
    pub(super) fn new(directory: Utf8PathBuf) -> Self {
        Files {
            directory,
            known: Known::default(),
            swept: Arc::new(Once::new()),
        }
    }

    pub(super) fn index_path(&self) -> Utf8PathBuf {
        self.directory.join("index.json")
    }

    pub(super) fn blob_path(&self, digest: &Digest) -> Utf8PathBuf {
        self.blobs(digest.algorithm().name()).join(digest.hex())
    }

    fn blobs(&self, algorithm: &str) -> Utf8PathBuf {
        self.directory.join("blobs").join(algorithm)
    }

    /// Whether there is a layout. `false`: the directory is missing or empty. Anything else in it is an error, which
    /// tells a mistyped directory from a tag that isn't there, and keeps blobs from being scattered over a workspace.
    pub(super) fn check(&self) -> Result<bool> {
        if self.is_marked()? {
            return Ok(true);
        }
        let refuse = |why: &str| {
            Err(Error::usage(format!("{}: {why}", self.directory))
                .hint("name a directory that is new or empty, or that holds an image layout"))
        };
        let mut entries = match fs_err::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) if error.kind() == ErrorKind::NotADirectory => return refuse("it is not a directory"),
            Err(error) => return Err(Error::local(error)),
        };
        // What a layout has before its marker: another process may be making it just now.
        let foreign = entries.try_fold(false, |foreign, entry| {
            let name = entry?.file_name();
            let ours = name.to_str().is_some_and(|name| {
                [LOCK, "index.json", "blobs"].contains(&name) || name.starts_with(temporary::PREFIX)
            });
            Ok::<_, std::io::Error>(foreign || !ours)
        })?;
        // It may also have finished since we looked.
        match self.is_marked()? {
            false if foreign => refuse("it holds other files and no image layout (no file oci-layout)"),
            marked => Ok(marked),
        }
    }

    fn is_marked(&self) -> Result<bool> {
        let Some(bytes) = self.read(&self.directory.join(MARKER), MARKER_LIMIT)? else {
            return Ok(false);
        };
        check_marker(&bytes).map_err(|error| error.context(self.directory.join(MARKER)))?;
        Ok(true)
    }

    /// Makes the layout unless it is there. The marker comes last: who sees it sees a whole layout.
    pub(super) fn prepare(&self) -> Result<()> {
        if self.check()? {
            return Ok(());
        }
        fs_err::create_dir_all(&self.directory)?;
        let _lock = self.lock()?;
        if self.check()? {
            return Ok(());
        }
        fs_err::create_dir_all(self.blobs("sha256"))?;
        if self.read(&self.index_path(), Index::LIMIT)?.is_none() {
            self.write(&self.index_path(), Entries::EMPTY)?;
        }
        self.write(&self.directory.join(MARKER), MARKER_BYTES).map(drop)
    }

    /// Waits until no other process (or thread) changes the index. Dropping the file, or dying, lets go.
    pub(super) fn lock(&self) -> Result<fs_err::File> {
        let path = self.directory.join(LOCK);
        self.regular(&path)?;
        let file = fs_err::OpenOptions::new().create(true).append(true).open(&path)?;
        file.lock()?;
        Ok(file)
    }

    /// The blob, if it is there.
    pub(super) fn blob(&self, digest: &Digest) -> Result<Option<Found>> {
        let path = self.blob_path(digest);
        let size = self.regular(&path)?;
        Ok(size.map(|size| Found { path, size }))
    }

    /// Whether the blob is there, byte for byte: a damaged one is written anew. Reads all of it.
    pub(super) fn holds(&self, blob: &Descriptor) -> Result<bool> {
        let Some(found) = self.blob(&blob.digest)?.filter(|found| found.size == blob.size) else {
            return Ok(false);
        };
        let file = fs_err::File::open(&found.path)?.into_parts().0.take(blob.size);
        blob::holds(file, blob).map_err(|error| self.failed("read a blob", error))
    }

    pub(super) fn remove_blob(&self, digest: &Digest) -> Result<()> {
        match fs_err::remove_file(self.blob_path(digest)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::local(error)),
            _ => Ok(()),
        }
    }

    /// All bytes of a file that has at most `limit`; `None` if it isn't there.
    pub(super) fn read(&self, path: &Utf8Path, limit: usize) -> Result<Option<Vec<u8>>> {
        match self.open(path)? {
            Some(file) => bounded(&file, path, limit).map(Some),
            None => Ok(None),
        }
    }

    fn open(&self, path: &Utf8Path) -> Result<Option<fs_err::File>> {
        match self.regular(path)? {
            Some(_) => Ok(Some(fs_err::File::open(path)?)),
            None => Ok(None),
        }
    }

    /// Writes `index.json`; who does holds the lock.
    pub(super) fn write_index(&self, index: Index) -> Result<()> {
        let written = self.write(&self.index_path(), &index.serialize()?)?;
        self.known.set(written, index);
        Ok(())
    }

    /// The size of the regular file at `path`, `None` if nothing is there. A layout may come from anywhere, and a
    /// link in the place of a blob may point to any file, device or pipe of this machine (go-containerregistry#2306):
    /// it is refused. That is looked at before the file is opened, which is no guard against someone who changes the
    /// layout at the same time: they can write here anyway, and all that is read is held against its digest.
    fn regular(&self, path: &Utf8Path) -> Result<Option<u64>> {
        let inside: Vec<&Utf8Path> = path.ancestors().take_while(|part| *part != self.directory).collect();
        for part in inside.into_iter().rev() {
            let found = match fs_err::symlink_metadata(part) {
                Ok(found) => found,
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                    return Ok(None);
                }
                Err(error) => return Err(Error::local(error)),
            };
            if found.is_symlink() {
                return Err(
                    Error::integrity(format!("{part}: links in an image layout are not followed"))
                        .hint("copy the layout with its links resolved (cp -rL)"),
                );
            }
            if part == path {
                return match found.is_file() {
                    true => Ok(Some(found.len())),
                    false => Err(Error::integrity(format!("{path}: not a regular file"))),
                };
            }
        }
        Ok(None)
    }

    /// Writes `bytes` beside `path`, then renames.
    pub(super) fn write(&self, path: &Utf8Path, bytes: &[u8]) -> Result<fs_err::File> {
        let mut temporary = self.temporary()?;
        temporary
            .write_all(bytes)
            .map_err(|error| self.failed("write", error))?;
        self.persist(temporary, path)
    }

    /// A temporary file, removed unless it is persisted.
    pub(super) fn temporary(&self) -> Result<NamedTempFile> {
        self.swept.call_once(|| temporary::sweep_folder(&self.directory));
        // As any file that a program writes: the umask decides. ORAS makes blobs read-only, which stops nobody, but
        // makes `rm` ask and breaks clean-up on Windows.
        temporary::file_in(&self.directory, 0o666).map_err(|error| self.failed("make a temporary file", error))
    }

    /// Gives a temporary file its name, in the place of the file that had it.
    pub(super) fn persist(&self, temporary: NamedTempFile, path: &Utf8Path) -> Result<fs_err::File> {
        self.regular(path)?;
        if let Some(parent) = path.parent().filter(|parent| *parent != self.directory) {
            fs_err::create_dir_all(parent)?;
        }
        match temporary.persist(path) {
            Ok(file) => Ok(fs_err::File::from_parts(file, path)),
            Err(error) => Err(Error::local(error.error).context(path)),
        }
    }

    /// A failure of a file that has no name yet.
    pub(super) fn failed(&self, what: &str, error: std::io::Error) -> Error {
        Error::local(error).context(format!("{}: could not {what}", self.directory))
    }
}

/// All bytes of `file`, which has at most `limit`.
fn bounded(file: &fs_err::File, path: &Utf8Path, limit: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(Error::integrity(format!("{path}: more than {limit} bytes")));
    }
    Ok(bytes)
}
