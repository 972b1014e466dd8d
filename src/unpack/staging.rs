//! A staging directory: entries are written here, out of the way, and the whole goes when anything is wrong.

use std::io::Write;

use camino::{Utf8Path, Utf8PathBuf};
use cap_fs_ext::DirExt;
use cap_std::fs::Dir;

use super::archive::{Archive, Entry, Kind};
use super::links::{Links, twice};
use super::place::{self, local};
use super::system::{make_directory, make_link, set_mtime, umask};
use super::title;
use crate::error::{Error, Result};
use crate::temporary;

/// The directory in the staging directory that becomes that of the title.
pub(super) const CONTENT: &str = "content";

/// Levels of directories: enough for any build, few enough for tools that recurse.
const MAX_DEPTH: usize = 128;

/// A staging directory with a [`CONTENT`] directory; removed when dropped.
pub(super) struct Staging<'a> {
    pub(super) home: &'a Dir,
    pub(super) name: String,
    /// Held for as long as it is in use.
    _lock: temporary::Held,
    content: Dir,
    title: &'a str,
    /// The directory that was used last: entries of one directory come in a row.
    last: Option<(String, Dir)>,
    links: Links,
    /// For messages.
    path: &'a Utf8Path,
    /// Bits that are taken from the modes of entries.
    #[cfg_attr(not(unix), expect(dead_code, reason = "entries have no modes there"))]
    umask: u32,
    /// Bytes that copies of hard links may take; see [`Staging::hard_link`].
    copies_left: u64,
}

impl<'a> Staging<'a> {
    /// Makes one in `home`, which is on the file system of `path`, the place of `title`.
    pub(super) fn new(home: &'a Dir, title: &'a str, path: &'a Utf8Path, limit: u64) -> Result<Self> {
        let fail = |error: std::io::Error| local(path, &error);
        let make = |name: &str| {
            make_directory(home, name, 0o700)?;
            temporary::open_directory(home, name)
        };
        let there = |name: &str| home.symlink_metadata(name).is_ok();
        let (name, lock) = temporary::make(make, |lock| lock, there).map_err(fail)?;
        let make = || {
            let staging = home.open_dir_nofollow(&name)?;
            make_directory(&staging, CONTENT, 0o777)?;
            let umask = umask(&staging, CONTENT)?;
            Ok((staging.open_dir_nofollow(CONTENT)?, umask))
        };
        let (content, umask) = make().map_err(|error| {
            let _ = home.remove_dir_all(&name);
            fail(error)
        })?;
        Ok(Staging {
            home,
            name,
            _lock: lock,
            content,
            title,
            last: None,
            links: Links::default(),
            path,
            umask,
            copies_left: limit,
        })
    }

    /// Writes an entry; its data comes from `archive`.
    pub(super) fn add(&mut self, entry: Entry, archive: &mut Archive) -> Result<()> {
        let path = self.inside(&entry.name)?;
        let Some(name) = path.file_name() else {
            return match entry.kind {
                Kind::Directory => {
                    let staging = self
                        .home
                        .open_dir_nofollow(&self.name)
                        .map_err(|error| self.local(&error))?;
                    self.set_mode(&staging, CONTENT, entry.mode)
                }
                _ => Err(Error::integrity(format!("{:?} is not a directory", entry.name))),
            };
        };
        match entry.kind {
            Kind::File => self.file(&path, name, &entry, archive),
            Kind::Directory => self.directory(&path, name, entry.mode),
            Kind::Hardlink(target) => self.hard_link(&path, name, &target),
            Kind::Symlink(target) => self.links.add(path.as_str(), target),
        }
    }

    /// Makes the links, the last thing that is written.
    pub(super) fn make_links(&mut self) -> Result<()> {
        let links = std::mem::take(&mut self.links);
        let is_directory = |path: &str| self.content.symlink_metadata(path).is_ok_and(|found| found.is_dir());
        for (path, target) in links.judged(self.title, is_directory)? {
            let (parent, name) = split(path);
            let directory = self.parent(parent)?;
            let made = make_link(directory, target, name);
            made.map_err(|error| self.new_entry(path, &error))?;
        }
        self.last = None;
        Ok(())
    }

    /// The path relative to the title of what is named `name` in the archive. Names start with the title, as ORAS
    /// writes them; the target of a hard link alike.
    fn inside(&self, name: &str) -> Result<Utf8PathBuf> {
        let refuse = |why: &str| Error::integrity(format!("entry {name:?}: {why}"));
        if name.starts_with('/') {
            return Err(refuse("its name is an absolute path"));
        }
        let mut title = self.title.split('/');
        let mut path = Utf8PathBuf::new();
        let mut depth = 0;
        for part in name.split('/').filter(|part| !matches!(*part, "" | ".")) {
            if part == ".." {
                return Err(refuse("its name leaves the directory by `..`"));
            }
            match title.next() {
                Some(expected) if expected == part => continue,
                Some(_) => return Err(self.foreign(name)),
                None => {}
            }
            if let Some((why, hint)) = title::entry_fault(part) {
                return Err(refuse(why).hint(hint));
            }
            depth += 1;
            if depth > MAX_DEPTH {
                return Err(refuse("it lies more than 128 directories deep"));
            }
            path.push(part);
        }
        if title.next().is_some() {
            return Err(self.foreign(name));
        }
        Ok(path)
    }

    fn foreign(&self, name: &str) -> Error {
        Error::integrity(format!(
            "entry {name:?} does not lie in {:?}, the title of the layer",
            self.title
        ))
        .hint("the names in the tar of a directory begin with the title, as ORAS and oci-artifact write them")
    }

    /// The directory at `path`, made if missing: parents need no entry of their own.
    fn parent(&mut self, path: &str) -> Result<&Dir> {
        if self.last.as_ref().is_none_or(|(last, _)| last != path) {
            let mut dir = self.content.try_clone().map_err(|error| self.local(&error))?;
            for name in path.split('/').filter(|name| !name.is_empty()) {
                dir = match place::open_or_make(&dir, name) {
                    Ok(dir) => dir,
                    Err(error) => {
                        let found = dir.symlink_metadata(name).ok();
                        let swapped = found.is_some_and(|found| !found.is_dir());
                        return Err(if swapped { twice(path) } else { self.local(&error) });
                    }
                };
            }
            self.last = Some((path.to_owned(), dir));
        }
        match &self.last {
            Some((_, dir)) => Ok(dir),
            None => Err(Error::internal("no directory was opened")),
        }
    }

    fn file(&mut self, path: &Utf8Path, name: &str, entry: &Entry, archive: &mut Archive) -> Result<()> {
        let options = place::new_file(entry.mode & 0o777);
        let opened = self.parent(split(path.as_str()).0)?.open_with(name, &options);
        let mut file = opened.map_err(|error| self.new_entry(path.as_str(), &error))?;
        loop {
            let piece = archive.data()?;
            let count = piece.len();
            if count == 0 {
                break;
            }
            file.write_all(piece).map_err(|error| self.local(&error))?;
            archive.consume(count);
        }
        set_mtime(file, entry.mtime);
        Ok(())
    }

    fn directory(&mut self, path: &Utf8Path, name: &str, mode: u32) -> Result<()> {
        let parent = self.parent(split(path.as_str()).0)?;
        let fail = match make_directory(parent, name, mode & 0o777 | 0o700) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let there = parent.symlink_metadata(name).is_ok_and(|found| found.is_dir());
        if !there {
            return Err(self.new_entry(path.as_str(), &fail));
        }
        // It was made for an entry inside of it, or is said twice, which changes nothing but the mode.
        let dir = parent.try_clone().map_err(|error| self.local(&error))?;
        self.set_mode(&dir, name, mode)
    }

    /// A hard link to a file that was unpacked before. Where the file system has none, a copy; copies count, since
    /// entries without data could otherwise fill a disk.
    fn hard_link(&mut self, path: &Utf8Path, name: &str, target: &str) -> Result<()> {
        let refuse = |why: &str| Error::integrity(format!("hard link {path:?} to {target:?}: {why}"));
        let source = self.inside(target).map_err(|error| refuse(error.message()))?;
        let (source_parent, source_name) = split(source.as_str());
        let missing = || refuse("no file of that name comes before it");
        let mut from = self.content.try_clone().map_err(|error| self.local(&error))?;
        for part in source_parent.split('/').filter(|part| !part.is_empty()) {
            from = from.open_dir_nofollow(part).map_err(|_| missing())?;
        }
        let found = from.symlink_metadata(source_name).map_err(|_| missing())?;
        if !found.is_file() {
            return Err(missing());
        }
        let to = self
            .parent(split(path.as_str()).0)?
            .try_clone()
            .map_err(|error| self.local(&error))?;
        match from.hard_link(source_name, &to, name) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Err(twice(path.as_str())),
            Err(error) => tracing::debug!("{path}: hard link failed, copying: {error}"),
        }
        self.copies_left = self
            .copies_left
            .checked_sub(found.len())
            .ok_or_else(|| refuse("the copies of hard links exceed the limit of unpacked bytes"))?;
        from.copy(source_name, &to, name).map_err(|error| self.local(&error))?;
        Ok(())
    }

    /// The owner can always read, write and enter a directory: a job must be able to clean up what it pulled.
    /// Setuid, setgid and sticky bits are never taken over.
    #[cfg(unix)]
    fn set_mode(&self, dir: &Dir, name: &str, mode: u32) -> Result<()> {
        use cap_std::fs::{Permissions, PermissionsExt};
        let permissions = Permissions::from_mode(mode & 0o777 & !self.umask | 0o700);
        dir.set_permissions(name, permissions)
            .map_err(|error| self.local(&error))
    }

    #[cfg(not(unix))]
    fn set_mode(&self, _: &Dir, _: &str, _: u32) -> Result<()> {
        Ok(())
    }

    /// The error of making something new at `path`: that it is there means two entries for one path.
    fn new_entry(&self, path: &str, error: &std::io::Error) -> Error {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            return twice(path);
        }
        self.local(error)
    }

    fn local(&self, error: &std::io::Error) -> Error {
        local(self.path, error)
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.home.remove_dir_all(&self.name) {
            tracing::debug!("staging directory {} stays: {error}", self.name);
        }
    }
}

/// Parent (empty for none) and last part.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}
