//! The normalised tar: the same entries give the same bytes, and those that ORAS writes (archive/tar of Go) for a tree
//! that has our modes, times and owners on disk.
//!
//! Directories are named without a trailing slash. The archive ends in exactly two zero blocks: ORAS hashes what its
//! reader consumed, and padding to a whole record would not agree (oras-go `content/file`).

use camino::Utf8Path;
use tar::EntryType;

use super::ahead::Small;
use super::file::Reader;
use super::{EntryKind, Sink, Tree};
use crate::error::Result;
use crate::ustar::{BLOCK, Member, pad};

/// Writes `tree` as entries `title`, `title/…`; with `threads`, small files are read ahead.
pub(super) fn write(tree: &Tree, title: &str, mtime: u64, threads: usize, out: &mut dyn Sink) -> Result<()> {
    Small::of(tree, threads, |small| {
        write_all(tree, title, small, &mut Archive { out, mtime })
    })
}

fn write_all(tree: &Tree, title: &str, mut small: Small, archive: &mut Archive<'_>) -> Result<()> {
    let mut reader = Reader::default();
    archive.header(title, EntryType::Directory, 0o755, 0, None)?;
    for entry in &tree.entries {
        let name = format!("{title}/{}", entry.path);
        match &entry.kind {
            EntryKind::Directory => archive.header(&name, EntryType::Directory, 0o755, 0, None)?,
            EntryKind::Link(target) => archive.header(&name, EntryType::Symlink, 0o777, 0, Some(target))?,
            EntryKind::File { size, executable } => {
                let mode = if *executable { 0o755 } else { 0o644 };
                archive.header(&name, EntryType::Regular, mode, *size, None)?;
                match small.next(*size)? {
                    Some(content) => archive.out.write_all(content)?,
                    None => reader.listed(&tree.root.join(&entry.path), *size, archive.out)?,
                }
                pad(*size, archive.out)?;
            }
        }
    }
    archive.out.write_all(&[0; 2 * BLOCK])?;
    Ok(())
}

struct Archive<'a> {
    out: &'a mut dyn Sink,
    mtime: u64,
}

impl Archive<'_> {
    fn header(&mut self, name: &str, kind: EntryType, mode: u32, size: u64, target: Option<&Utf8Path>) -> Result<()> {
        let (mtime, target) = (self.mtime, target.map(Utf8Path::as_str));
        let member = Member {
            name,
            kind,
            mode,
            size,
            mtime,
            target,
        };
        member.write(self.out)
    }
}

#[cfg(test)]
mod tests;
