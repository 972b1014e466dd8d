//! One pass over the headers of a tar, which may come from anywhere: bounded, and nothing in it is followed.

use std::collections::HashMap;
use std::io::{ErrorKind, Read as _};
use std::sync::Arc;

use ::tar::{EntryType, Header};
use camino::Utf8Path;
use fs_err::File;

use super::tar::{Region, Tar};
use crate::error::{Error, Result};
use crate::oci::{Digest, Entries};
use crate::store::layout::contents::{MARKER, MARKER_LIMIT, check_marker};
use crate::store::layout::index::Index;
use crate::store::section::Section;
use crate::ustar::{BLOCK, Extension, MAX_METADATA, damaged, is_sound, long_name, padding, set, size, text};

/// Headers in one archive: far above what images have, and each costs a read.
const MAX_ENTRIES: usize = 200_000;

/// Bytes of all names that are not a blob's.
const MAX_NAMES: usize = 16 * 1024 * 1024;

/// The index of a layout.
pub(super) const INDEX: &str = "index.json";

/// How compressed files begin, and what unpacks them.
const COMPRESSED: [(&[u8], &str); 4] = [
    (b"\x1f\x8b", "gunzip"),
    (b"\x28\xb5\x2f\xfd", "unzstd"),
    (b"\xfd7zXZ\0", "unxz"),
    (b"BZh", "bunzip2"),
];

/// Reads the archive at `path`; `None` if there is no file.
pub(super) fn open(path: &Utf8Path) -> Result<Option<Tar>> {
    open_bounded(path, MAX_ENTRIES)
}

/// The same with another limit of headers.
pub(super) fn open_bounded(path: &Utf8Path, max_entries: usize) -> Result<Option<Tar>> {
    match fs_err::metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(found) if found.is_dir() => {
            return Err(Error::usage(format!("{path}: it is a directory"))
                .hint("an image layout in a directory is oci:DIRECTORY; oci-archive: takes a tar"));
        }
        Ok(_) => return Err(Error::usage(format!("{path}: not a regular file"))),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::local(error)),
    }
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let file = Arc::new(file);
    let mut scan = Scan {
        file: &file,
        length,
        position: 0,
        entries: 0,
        max_entries,
        names: 0,
        files: Files::default(),
    };
    scan.check_kind(path)?;
    while scan.entry()? {}
    let Files {
        blobs,
        others,
        marker,
        index,
    } = scan.files;
    let mut tar = Tar {
        path: path.to_owned(),
        file,
        blobs,
        others: others.into_iter().collect(),
        index: Arc::new(Index::parse(Entries::EMPTY)?),
    };
    tar.others.sort_by(|a, b| a.0.cmp(&b.0));
    let marker = marker.ok_or_else(|| {
        Error::integrity(format!("{path}: it holds no image layout (no file {MARKER})"))
            .hint("archives of `docker save` before Docker 25 have another format: save again, or copy from a registry")
    })?;
    let inside = |error: Error, name: &str| error.context(format!("{path}: {name}"));
    tar.read(marker, MARKER_LIMIT)
        .and_then(|bytes| check_marker(&bytes))
        .map_err(|error| inside(error, MARKER))?;
    if let Some(index) = index {
        let bytes = tar.read(index, Index::LIMIT);
        let index = bytes.and_then(|bytes| Index::parse(&bytes));
        tar.index = Arc::new(index.map_err(|error| inside(error, INDEX))?);
    }
    Ok(Some(tar))
}

/// What was found.
#[derive(Default)]
struct Files {
    blobs: HashMap<Digest, Region>,
    others: HashMap<String, Region>,
    marker: Option<Region>,
    index: Option<Region>,
}

struct Scan<'a> {
    file: &'a Arc<File>,
    length: u64,
    position: u64,
    entries: usize,
    max_entries: usize,
    names: usize,
    files: Files,
}

impl Scan<'_> {
    fn check_kind(&self, path: &Utf8Path) -> Result<()> {
        let mut start = [0; 6];
        let read = read_full(&mut Section::new(self.file, 0, self.length), &mut start)?;
        let start = start.get(..read).unwrap_or_default();
        match COMPRESSED.iter().find(|(magic, _)| start.starts_with(magic)) {
            Some((_, program)) => Err(Error::usage(format!("{path}: the archive is compressed")).hint(format!(
                "blobs are read where they lie in it: unpack it first, with `{program}`"
            ))),
            None => Ok(()),
        }
    }

    /// Takes in the next entry; `false` at the end.
    fn entry(&mut self) -> Result<bool> {
        let mut extension = Extension::default();
        let mut extended = false;
        loop {
            let Some(header) = self.header()? else {
                return match extended {
                    true => Err(damaged("it ends after the header of a long name")),
                    false => Ok(false),
                };
            };
            let size = size(&header)?;
            match header.entry_type() {
                EntryType::XHeader => extension.read_pax(&self.metadata(size)?, false)?,
                EntryType::XGlobalHeader => Extension::default().read_pax(&self.metadata(size)?, true)?,
                EntryType::GNULongName => set(&mut extension.name, long_name(self.metadata(size)?)?)?,
                EntryType::GNULongLink => set(&mut extension.link, long_name(self.metadata(size)?)?)?,
                kind => {
                    let name = match extension.name {
                        Some(name) => name,
                        None => text(&header.path_bytes())?,
                    };
                    let region = self.data(extension.size.unwrap_or(size))?;
                    return self.take(&name, kind, region).map(|()| true);
                }
            }
            extended = header.entry_type() != EntryType::XGlobalHeader || extended;
        }
    }

    fn take(&mut self, name: &str, kind: EntryType, region: Region) -> Result<()> {
        let regular = matches!(kind, EntryType::Regular | EntryType::Continuous);
        // Before POSIX a directory was a file whose name ends with a slash.
        let directory = kind == EntryType::Directory || regular && name.ends_with('/');
        let name = name.trim_start_matches("./").trim_end_matches('/');
        let file = regular && !directory;
        if !file && region.size != 0 {
            return Err(damaged(format!("{name:?} is no file, but has data")));
        }
        if directory || name.is_empty() {
            return Ok(());
        }
        let ours = name == MARKER || name == INDEX || name.starts_with("blobs/");
        if !file {
            return match ours {
                true => Err(Error::integrity(format!("{name:?} in it is no regular file"))
                    .hint("make the archive from a layout with its links resolved (tar --dereference)")),
                false => Ok(()),
            };
        }
        self.names += name.len();
        if self.names > MAX_NAMES {
            return Err(Error::integrity(format!("its names have more than {MAX_NAMES} bytes")));
        }
        let digest = name.strip_prefix("blobs/").and_then(digest);
        let before = match (name, digest) {
            (MARKER, _) => self.files.marker.replace(region),
            (INDEX, _) => self.files.index.replace(region),
            (_, Some(digest)) => self.files.blobs.insert(digest, region),
            _ => self.files.others.insert(name.to_owned(), region),
        };
        match before {
            // Readers take the first or the last, and would see two archives.
            Some(_) => Err(Error::integrity(format!("{name:?} is in it twice"))),
            None => Ok(()),
        }
    }

    /// The region of `size` bytes that begins here, which is passed over.
    fn data(&mut self, size: u64) -> Result<Region> {
        let region = Region {
            offset: self.position,
            size,
        };
        let end = self.position.checked_add(size).filter(|&end| end <= self.length);
        let end = end.ok_or_else(|| damaged("it is cut off"))?;
        self.position = end.saturating_add(padding(size) as u64);
        Ok(region)
    }

    /// The data of an extension header.
    fn metadata(&mut self, size: u64) -> Result<Vec<u8>> {
        if size > MAX_METADATA {
            return Err(Error::integrity(
                "a tar entry has more than 1 MiB of names and attributes",
            ));
        }
        let region = self.data(size)?;
        let mut bytes = Vec::new();
        Section::new(self.file, region.offset, size).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// A header that isn't zero, with the right checksum; `None` at the end.
    fn header(&mut self) -> Result<Option<Header>> {
        let mut header = Header::new_old();
        let rest = self.length.saturating_sub(self.position);
        let read = read_full(&mut Section::new(self.file, self.position, rest), header.as_mut_bytes())?;
        if read == 0 || read == BLOCK && header.as_bytes().iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        self.entries += 1;
        if read < BLOCK || !is_sound(&header) {
            return Err(match self.entries {
                1 => damaged("it is not a tar archive"),
                _ if read < BLOCK => damaged("it is cut off"),
                _ => damaged("the checksum of a header is wrong"),
            });
        }
        if self.entries > self.max_entries {
            return Err(Error::integrity(format!(
                "it has more than {} entries",
                self.max_entries
            )));
        }
        self.position += BLOCK as u64;
        Ok(Some(header))
    }
}

/// The digest of a blob by its path below `blobs/`.
fn digest(path: &str) -> Option<Digest> {
    let (algorithm, hex) = path.split_once('/')?;
    format!("{algorithm}:{hex}").parse().ok()
}

/// Fills `buffer` as far as the section goes.
fn read_full(section: &mut Section, buffer: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match section.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::local(error)),
        }
    }
    Ok(filled)
}
