//! Files into blobs: a single file as it is, a directory as one normalised tar, compressed or plain.
//!
//! The same files give the same bytes on every machine, for any number of threads. [`walk()`] lists a directory,
//! `tar` turns the list into a stream, with small files read `ahead`; `gzip` or `zstd` compresses it in parallel, but
//! for what has one of the `formats` that are compressed already; `spool` keeps the result until it is sent, and so
//! what `stream` can read only once, in memory as far as the `budget` goes.
//! Everything here blocks: call it on blocking threads.

mod ahead;
mod budget;
mod file;
mod formats;
pub(crate) mod gzip;
#[cfg(test)]
mod samples;
mod spool;
mod stream;
mod tar;
mod walk;
pub(crate) mod zstd;

use std::io::{BufWriter, Write};

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};

pub(crate) use spool::Spool;

pub use budget::Budget;
pub use file::{file, is_executable};
pub use stream::stream;
pub use walk::walk;

use crate::error::{Class, Error, Result};
use crate::oci::{Algorithm, Digest, Hasher};
use crate::store::{BlobSource, PIECE};

/// A blob ready to be stored.
#[derive(Clone, Debug)]
pub struct Packed {
    /// Digest of the blob.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Its bytes.
    pub source: BlobSource,
    /// Of a directory: the digest of the uncompressed tar.
    pub unpacked: Option<Digest>,
}

/// The content of a directory, found by [`walk()`], in the order of the tar.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The directory, absolute or relative to the current directory.
    pub root: Utf8PathBuf,
    /// What is in it: per directory in lexical order, a directory before its content. The root itself is not listed.
    pub entries: Vec<Entry>,
}

impl Tree {
    /// The sum of the sizes of its files in bytes, as they were when it was listed.
    pub fn size(&self) -> u64 {
        self.entries
            .iter()
            .map(|entry| match entry.kind {
                EntryKind::File { size, .. } => size,
                EntryKind::Directory | EntryKind::Link(_) => 0,
            })
            .sum()
    }
}

/// One entry of a [`Tree`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Path relative to the root, with `/`.
    pub path: Utf8PathBuf,
    /// What it is.
    pub kind: EntryKind,
}

/// Kinds of entries; sockets, FIFOs and devices are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A regular file.
    File {
        /// Size in bytes when it was listed.
        size: u64,
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// A symbolic link with its target as stored.
    Link(Utf8PathBuf),
}

/// Which entries of a directory are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Patterns ([`crate::pattern`]) relative to the directory. One that matches a directory leaves out all in it.
    /// Unlike the patterns that select files, they match names with a leading dot too: leaving in what someone meant
    /// to leave out is the worse mistake.
    pub exclude: Vec<String>,
    /// Whether entries with a leading dot are packed; `.git` never is.
    pub hidden: bool,
}

impl Default for Selection {
    /// All but `.git`, as ORAS packs hidden files.
    fn default() -> Self {
        Selection {
            exclude: Vec::new(),
            hidden: true,
        }
    }
}

/// How the tar of a directory is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// One gzip member.
    #[default]
    Gzip,
    /// One zstd frame.
    Zstd,
    /// Not at all.
    None,
}

/// How bytes are packed.
#[derive(Clone, Debug)]
pub struct Options {
    /// How the tar is compressed.
    pub compression: Compression,
    /// Threads that compress; the bytes do not depend on it.
    pub threads: usize,
    /// `SOURCE_DATE_EPOCH`, or 0: the mtime of every entry, in seconds.
    pub mtime: u64,
    /// Memory for what is packed.
    pub budget: Budget,
}

/// Where a tar goes.
pub(crate) trait Sink: Write {
    /// Whether what comes from here on is compressed already, and so hardly worth another try.
    fn compressed(&mut self, _already: bool) {}
}

impl Sink for Vec<u8> {}

/// Packs a directory; entries are named `title/path`, the first is `title` itself. Blocks.
///
/// Fails with [`Class::Local`] if a file is no longer what `tree` says, or if the temporary file cannot be written.
pub fn directory(tree: &Tree, title: &str, options: &Options) -> Result<Packed> {
    let produce = |out: &mut dyn Sink| tar::write(tree, title, options.mtime, options.threads, out);
    let (blob, unpacked) = match options.compression {
        Compression::Gzip => gzip::compress(options.threads, &options.budget, produce)?,
        Compression::Zstd => zstd::compress(options.threads, &options.budget, produce)?,
        Compression::None => {
            let blob = plain(&options.budget, produce)?;
            let unpacked = blob.digest.clone();
            (blob, unpacked)
        }
    };
    Ok(Packed {
        unpacked: Some(unpacked),
        ..blob
    })
}

/// What `produce` writes, as it is.
fn plain(budget: &Budget, produce: impl FnOnce(&mut dyn Sink) -> Result<()>) -> Result<Packed> {
    let mut spool = HashingSpool::new(budget);
    let mut out = BufWriter::with_capacity(PIECE, &mut spool);
    produce(&mut out)?;
    out.flush()?;
    drop(out);
    Ok(spool.finish())
}

/// The digest of the tar that [`directory`] would make of `tree`. Blocks.
pub fn tar_digest(tree: &Tree, title: &str, mtime: u64) -> Result<Digest> {
    let mut hasher = Hashing(Hasher::new(Algorithm::Sha256));
    let mut out = BufWriter::with_capacity(PIECE, &mut hasher);
    tar::write(tree, title, mtime, 1, &mut out)?;
    out.flush()?;
    drop(out);
    Ok(hasher.0.finish())
}

impl<W: Write> Sink for BufWriter<W> {}

/// Hashes what is written, and keeps nothing.
struct Hashing(Hasher);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A [`Spool`] that knows the digest of what is in it.
struct HashingSpool {
    spool: Spool,
    hasher: Hasher,
    size: u64,
}

impl HashingSpool {
    fn new(budget: &Budget) -> Self {
        HashingSpool {
            spool: Spool::new(budget),
            hasher: Hasher::new(Algorithm::Sha256),
            size: 0,
        }
    }

    /// See [`Spool::push`].
    fn push(&mut self, bytes: Bytes) -> Result<()> {
        self.hasher.update(&bytes);
        self.size += bytes.len() as u64;
        self.spool.push(bytes)
    }

    fn finish(self) -> Packed {
        Packed {
            digest: self.hasher.finish(),
            size: self.size,
            source: self.spool.finish(),
            unpacked: None,
        }
    }
}

impl Write for HashingSpool {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.push(Bytes::copy_from_slice(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A file whose size is no longer the one that was listed.
fn changed(path: &Utf8Path) -> Error {
    Error::new(Class::Local, format!("{path}: the file changed while it was packed"))
        .hint("pack after the step that writes it has ended, or exclude it")
}
