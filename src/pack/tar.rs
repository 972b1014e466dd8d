//! The normalised tar: the same entries give the same bytes, and those that ORAS writes (archive/tar of Go) for a tree
//! that has our modes, times and owners on disk.
//!
//! ustar, with a PAX header (POSIX.1-2001 pax, extended header) only where a name, a link or a number does not fit.
//! Directories are named without a trailing slash. The archive ends in exactly two zero blocks: ORAS hashes what its
//! reader consumed, and padding to a whole record would not agree (oras-go `content/file`).

use std::io::Write;

use camino::Utf8Path;
use tar::{EntryType, Header};

use super::{EntryKind, Tree, changed, file};
use crate::error::{Error, Result};

/// Bytes in a block of a tar.
const TAR_BLOCK: u64 = 512;

/// The largest number in eleven octal digits: 8 GiB - 1 as a size, the year 2242 as a time.
const OCTAL_MAX: u64 = 0o777_7777_7777;

/// Writes `tree` as entries `title`, `title/…`.
pub(super) fn write(tree: &Tree, title: &str, mtime: u64, out: &mut dyn Write) -> Result<()> {
    let mut archive = Archive { out, mtime };
    archive.header(title, EntryType::Directory, 0o755, 0, None)?;
    for entry in &tree.entries {
        let name = format!("{title}/{}", entry.path);
        match &entry.kind {
            EntryKind::Directory => archive.header(&name, EntryType::Directory, 0o755, 0, None)?,
            EntryKind::Link(target) => archive.header(&name, EntryType::Symlink, 0o777, 0, Some(target))?,
            EntryKind::File { size, executable } => {
                let mode = if *executable { 0o755 } else { 0o644 };
                archive.header(&name, EntryType::Regular, mode, *size, None)?;
                archive.content(&tree.root.join(&entry.path), *size)?;
            }
        }
    }
    archive.out.write_all(&[0; 2 * TAR_BLOCK as usize])?;
    Ok(())
}

struct Archive<'a> {
    out: &'a mut dyn Write,
    mtime: u64,
}

impl Archive<'_> {
    fn header(&mut self, name: &str, kind: EntryType, mode: u32, size: u64, target: Option<&Utf8Path>) -> Result<()> {
        let mut header = Header::new_ustar();
        let mut records = Vec::new();
        let place = Place::of(name);
        match &place {
            Some(place) => place.put(&mut header),
            None => {
                records.push(("path", name.to_owned()));
                fill(&mut header.as_old_mut().name, &ascii(name));
            }
        }
        if let Some(target) = target {
            let field = &mut header.as_old_mut().linkname;
            if target.as_str().is_ascii() && target.as_str().len() <= field.len() {
                fill(field, target.as_str());
            } else {
                records.push(("linkpath", target.to_string()));
                fill(field, &ascii(target.as_str()));
            }
        }
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(fitting(size, "size", &mut records));
        header.set_mtime(fitting(self.mtime, "mtime", &mut records));
        header
            .set_device_major(0)
            .and_then(|()| header.set_device_minor(0))
            .map_err(Error::local)?;
        checksum(&mut header);
        if !records.is_empty() {
            self.extended(name, records)?;
        }
        self.out.write_all(header.as_bytes())?;
        Ok(())
    }

    /// A PAX header: what did not fit into the header that follows.
    fn extended(&mut self, name: &str, mut records: Vec<(&str, String)>) -> Result<()> {
        records.sort_unstable();
        let body: String = records.iter().map(|(key, value)| record(key, value)).collect();
        let mut header = Header::new_ustar();
        let (parent, last) = name.rsplit_once('/').unwrap_or(("", name));
        let own = if parent.is_empty() {
            format!("PaxHeaders.0/{last}")
        } else {
            format!("{parent}/PaxHeaders.0/{last}")
        };
        fill(&mut header.as_old_mut().name, &ascii(&own));
        header.set_entry_type(EntryType::XHeader);
        header.set_mode(0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(body.len() as u64);
        checksum(&mut header);
        self.out.write_all(header.as_bytes())?;
        self.out.write_all(body.as_bytes())?;
        self.pad(body.len() as u64)
    }

    fn content(&mut self, path: &Utf8Path, size: u64) -> Result<()> {
        let metadata = fs_err::symlink_metadata(path)?;
        if !metadata.is_file() || metadata.len() != size {
            return Err(changed(path));
        }
        file::copy(path, Some(size), self.out)?;
        self.pad(size)
    }

    fn pad(&mut self, size: u64) -> Result<()> {
        // Less than a block, so it fits.
        let missing = (size.wrapping_neg() % TAR_BLOCK) as usize;
        self.out.write_all(&[0; TAR_BLOCK as usize][..missing])?;
        Ok(())
    }
}

/// Where a name goes in a ustar header.
struct Place<'a> {
    prefix: &'a str,
    name: &'a str,
}

impl<'a> Place<'a> {
    /// `None` if it needs a PAX header: not ASCII, or no slash splits it into 155 and 100 bytes. Go splits at the last
    /// slash that leaves a prefix short enough.
    fn of(name: &'a str) -> Option<Self> {
        const NAME: usize = 100;
        const PREFIX: usize = 155;
        if !name.is_ascii() {
            return None;
        }
        if name.len() <= NAME {
            return Some(Place { prefix: "", name });
        }
        let end = name.len().min(PREFIX + 1);
        let slash = name.get(..end)?.rfind('/')?;
        let (prefix, name) = (name.get(..slash)?, name.get(slash + 1..)?);
        (!prefix.is_empty() && !name.is_empty() && name.len() <= NAME).then_some(Place { prefix, name })
    }

    fn put(&self, header: &mut Header) {
        if let Some(header) = header.as_ustar_mut() {
            fill(&mut header.prefix, self.prefix);
            fill(&mut header.name, self.name);
        }
    }
}

/// `value` if the octal field holds it, else 0 and a record.
fn fitting<'a>(value: u64, key: &'a str, records: &mut Vec<(&'a str, String)>) -> u64 {
    if value <= OCTAL_MAX {
        return value;
    }
    records.push((key, value.to_string()));
    0
}

/// `LENGTH KEY=VALUE\n`, the length counting itself.
fn record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    if length.to_string().len() > rest.to_string().len() {
        length += 1;
    }
    format!("{length} {key}={value}\n")
}

/// The sum of the header's bytes as six digits, NUL and space: the oldest form, and Go's (the crate writes seven).
fn checksum(header: &mut Header) {
    header.set_cksum();
    // It was set in the line above, so it can be read.
    let sum = header.cksum().unwrap_or_default();
    fill(&mut header.as_old_mut().cksum, &format!("{sum:06o}\0 "));
}

/// What an old reader sees of a name that stands in the PAX header.
fn ascii(text: &str) -> String {
    text.chars().filter(char::is_ascii).collect()
}

/// Copies as much of `text` as fits; the rest of the field stays zero.
fn fill(field: &mut [u8], text: &str) {
    for (to, from) in field.iter_mut().zip(text.bytes()) {
        *to = from;
    }
}

#[cfg(test)]
mod tests;
