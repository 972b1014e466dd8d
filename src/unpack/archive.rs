//! The entries of a tar, read strictly. The crate `tar` knows the fields of a header; the sequence of headers is read
//! here, because two readers that disagree on where an entry ends unpack different trees (CVE-2025-62518), and because
//! the crate keeps long names and PAX records in memory whatever their size.

use tar::{EntryType, Header};

use super::unpacked::Unpacked;
use crate::error::{Error, Result};
use crate::ustar::{BLOCK, Extension, MAX_METADATA, damaged, is_sound, long_name, padding, set, size, text};

/// An entry that can be unpacked.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its name as written.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Permission bits as written.
    pub(super) mode: u32,
    /// Seconds since 1970, if they are a sensible number.
    pub(super) mtime: Option<u64>,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// Its data follows: [`Archive::data`].
    File,
    Directory,
    /// With its target.
    Symlink(String),
    /// With the name of an earlier entry.
    Hardlink(String),
}

/// Reads entry after entry.
pub(super) struct Archive {
    tar: Unpacked,
    /// Bytes of the current entry's data that were not read yet, and its padding.
    data: u64,
    padding: u64,
    entries: u64,
    max_entries: u64,
}

impl Archive {
    pub(super) fn new(tar: Unpacked, max_entries: u64) -> Self {
        Archive {
            tar,
            data: 0,
            padding: 0,
            entries: 0,
            max_entries,
        }
    }

    /// The next entry; what was not read of the one before is skipped.
    pub(super) fn next(&mut self) -> Result<Option<Entry>> {
        self.skip()?;
        let mut extension = Extension::default();
        let mut extended = false;
        loop {
            let Some(header) = self.header()? else {
                if extended {
                    return Err(damaged("it ends after the header of a long name"));
                }
                return Ok(None);
            };
            self.entries += 1;
            if self.entries > self.max_entries {
                return Err(Error::integrity(format!(
                    "it has more than {} entries",
                    self.max_entries
                )));
            }
            let size = size(&header)?;
            match header.entry_type() {
                EntryType::XHeader => extension.read_pax(&self.metadata(size)?, false)?,
                EntryType::XGlobalHeader => Extension::default().read_pax(&self.metadata(size)?, true)?,
                EntryType::GNULongName => set(&mut extension.name, long_name(self.metadata(size)?)?)?,
                EntryType::GNULongLink => set(&mut extension.link, long_name(self.metadata(size)?)?)?,
                _ => return self.entry(&header, size, extension).map(Some),
            }
            extended = header.entry_type() != EntryType::XGlobalHeader || extended;
        }
    }

    /// Some data of the current entry, that comes next; none at its end. Take it with [`Archive::consume`].
    pub(super) fn data(&mut self) -> Result<&[u8]> {
        if self.data == 0 {
            return Ok(&[]);
        }
        let there = self.tar.fill()?;
        if there.is_empty() {
            return Err(damaged("it is cut off"));
        }
        let wanted = usize::try_from(self.data).unwrap_or(usize::MAX).min(there.len());
        Ok(there.get(..wanted).unwrap_or_default())
    }

    /// Takes `count` bytes of what [`Archive::data`] gave.
    pub(super) fn consume(&mut self, count: usize) {
        self.data -= self.data.min(count as u64);
        self.tar.consume(count);
    }

    /// The reader below.
    pub(super) fn into_inner(self) -> Unpacked {
        self.tar
    }

    fn entry(&mut self, header: &Header, size: u64, extension: Extension) -> Result<Entry> {
        let name = match extension.name {
            Some(name) => name,
            None => text(&header.path_bytes())?,
        };
        let link = match extension.link {
            Some(link) => Some(link),
            None => header.link_name_bytes().map(|link| text(&link)).transpose()?,
        };
        let target = || {
            link.clone()
                .ok_or_else(|| damaged(format!("link {name:?} has no target")))
        };
        let size = extension.size.unwrap_or(size);
        let kind = match header.entry_type() {
            // Before POSIX a directory was a file whose name ends with a slash.
            EntryType::Regular if header.as_old().linkflag == [0] && name.ends_with('/') => Kind::Directory,
            EntryType::Regular | EntryType::Continuous => Kind::File,
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink => Kind::Symlink(target()?),
            EntryType::Link => Kind::Hardlink(target()?),
            other => return Err(refused(&name, other)),
        };
        if size != 0 && !matches!(kind, Kind::File) {
            return Err(damaged(format!("{name:?} is no file, but has data")));
        }
        self.expect(size)?;
        Ok(Entry {
            kind,
            mode: header
                .mode()
                .map_err(|_| damaged(format!("the mode of {name:?} is not a number")))?,
            mtime: extension.mtime.or_else(|| header.mtime().ok()),
            name,
        })
    }

    /// Data of `size` bytes comes now.
    fn expect(&mut self, size: u64) -> Result<()> {
        self.data = size;
        self.padding = padding(size) as u64;
        if size.checked_add(self.padding).is_none() {
            return Err(damaged("a size is out of bounds"));
        }
        Ok(())
    }

    /// Reads the data of an extension header.
    fn metadata(&mut self, size: u64) -> Result<Vec<u8>> {
        if size > MAX_METADATA {
            return Err(Error::integrity(
                "a tar entry has more than 1 MiB of names and attributes",
            ));
        }
        self.expect(size)?;
        let mut bytes = Vec::new();
        loop {
            let data = self.data()?;
            let count = data.len();
            if count == 0 {
                break;
            }
            bytes.extend_from_slice(data);
            self.consume(count);
        }
        self.skip()?;
        Ok(bytes)
    }

    fn skip(&mut self) -> Result<()> {
        self.data += std::mem::take(&mut self.padding);
        loop {
            let count = self.data()?.len();
            if count == 0 {
                return Ok(());
            }
            self.consume(count);
        }
    }

    /// A header that isn't zero, with the right checksum; `None` at the end. Some writers leave out the end blocks:
    /// what was cut off shows by size and digest of the blob.
    fn header(&mut self) -> Result<Option<Header>> {
        let mut header = Header::new_old();
        let there = self.block(header.as_mut_bytes())?;
        if !there || header.as_bytes().iter().all(|&byte| byte == 0) {
            self.end()?;
            return Ok(None);
        }
        if !is_sound(&header) {
            let why = if self.entries == 0 {
                "it is not a tar archive"
            } else {
                "the checksum of a header is wrong"
            };
            return Err(damaged(why));
        }
        Ok(Some(header))
    }

    /// Reads to the end of the stream: behind the end blocks only zeros may follow.
    fn end(&mut self) -> Result<()> {
        if self.entries == 0 {
            return Err(damaged("it is empty"));
        }
        let mut block = [0; BLOCK];
        let mut first = true;
        while self.block(&mut block)? {
            if block.iter().any(|&byte| byte != 0) {
                return Err(damaged("there is data behind the end of the archive"));
            }
            if std::mem::take(&mut first) {
                self.tar.mark_end();
            }
        }
        if first {
            self.tar.mark_end();
        }
        Ok(())
    }

    /// Fills `block`; `false` if the stream ended before it.
    fn block(&mut self, block: &mut [u8; BLOCK]) -> Result<bool> {
        let mut filled = 0;
        while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let there = self.tar.fill()?;
            let count = there.len().min(rest.len());
            if count == 0 {
                return if filled == 0 {
                    Ok(false)
                } else {
                    Err(damaged("it is cut off"))
                };
            }
            rest.iter_mut().zip(there).for_each(|(to, from)| *to = *from);
            self.tar.consume(count);
            filled += count;
        }
        Ok(true)
    }
}

fn refused(name: &str, kind: EntryType) -> Error {
    let what = match kind {
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a FIFO",
        EntryType::GNUSparse => "a sparse file",
        _ => "of an unknown type",
    };
    Error::integrity(format!("{name:?} is {what}, which is not unpacked"))
        .hint("pack the directory again with files, folders and links only")
}
