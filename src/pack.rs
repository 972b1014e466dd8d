//! Files into blobs: a single file as it is, a directory as one normalised tar, gzipped.
//!
//! The same files give the same bytes on every machine, for any number of threads.

use std::sync::Arc;

use camino::Utf8PathBuf;

use crate::error::Result;
use crate::oci::Digest;
use crate::store::BlobSource;

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

/// The content of a directory, found by [`walk`], in the order of the tar.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The directory, absolute or relative to the current directory.
    pub root: Utf8PathBuf,
    /// What is in it: per directory in lexical order, a directory before its content. The root itself is not listed.
    pub entries: Vec<Entry>,
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
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Patterns relative to the directory.
    pub exclude: Vec<String>,
    /// Whether entries with a leading dot are packed; `.git` never is.
    pub hidden: bool,
}

/// Lists a directory. Links are not followed.
pub fn walk(root: Utf8PathBuf, selection: &Selection) -> Result<Tree> {
    let _ = selection;
    Ok(Tree {
        root,
        entries: Vec::new(),
    })
}

/// How a directory is packed.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether the tar is gzipped.
    pub gzip: bool,
    /// Threads to use; the bytes do not depend on it.
    pub threads: usize,
    /// `SOURCE_DATE_EPOCH`, or 0: the mtime of every entry, in seconds.
    pub mtime: u64,
}

/// Hashes a single file, which is stored as it is. Blocks.
pub fn file(path: Utf8PathBuf) -> Result<Packed> {
    let source = BlobSource::File(path);
    Ok(Packed {
        digest: Digest::of(b""),
        size: 0,
        source,
        unpacked: None,
    })
}

/// Packs a directory; entries are named `title/path`. Blocks.
pub fn directory(tree: &Tree, title: &str, options: Options) -> Result<Packed> {
    let _ = (tree, title, options);
    Ok(Packed {
        digest: Digest::of(b""),
        size: 0,
        source: BlobSource::Pieces(Arc::new([])),
        unpacked: None,
    })
}
