//! The way to a path inside the output, taken part by part through directory handles; links are never followed.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use cap_fs_ext::DirExt;
use cap_std::fs::{Dir, FileType, OpenOptions};

use crate::error::{Class, Error, Result};
use crate::temporary;

/// The output: the only path that is opened with the process's full authority.
#[derive(Debug)]
pub(super) struct Root {
    dir: Arc<Dir>,
    pub(super) path: Utf8PathBuf,
    moving: Mutex<()>,
    swept: Mutex<HashSet<Utf8PathBuf>>,
}

/// A place inside the output, as far as it is there.
pub(super) struct Spot {
    /// The deepest directory on the way that is there.
    pub(super) dir: Arc<Dir>,
    /// Directories below it that are missing.
    missing: Vec<String>,
    /// The last part.
    pub(super) name: String,
    /// What is at the place.
    pub(super) found: Option<FileType>,
}

impl Root {
    pub(super) fn open(path: &Utf8Path) -> Result<Self> {
        fs_err::create_dir_all(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                in_the_way(path, "a file on the way, and pull writes into a directory")
            }
            _ => Error::local(error),
        })?;
        let dir = Dir::open_ambient_dir(path, cap_std::ambient_authority()).map_err(|error| local(path, &error))?;
        Ok(Root {
            dir: Arc::new(dir),
            path: path.to_owned(),
            moving: Mutex::new(()),
            swept: Mutex::default(),
        })
    }

    /// Held while something is moved into place: a directory that is renamed as a whole would replace the empty one
    /// that another layer has just made for what it brings.
    pub(super) fn moving(&self) -> MutexGuard<'_, ()> {
        self.moving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes what pulls that were killed left in the directories on the way to `title`, once a run for each.
    pub(super) fn sweep(&self, title: &str) {
        let mut path = Utf8PathBuf::new();
        let mut dir = Arc::clone(&self.dir);
        for name in title.split('/') {
            let fresh = self
                .swept
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(path.clone());
            if fresh {
                temporary::sweep(&dir);
            }
            let Ok(below) = dir.open_dir_nofollow(name) else { return };
            dir = Arc::new(below);
            path.push(name);
        }
    }

    /// Walks to `title`, which was checked. A link or a file in the place of a directory is an error.
    pub(super) fn look(&self, title: &str) -> Result<Spot> {
        let mut parts = title.split('/').map(str::to_owned).peekable();
        let mut dir = Arc::clone(&self.dir);
        let mut path = self.path.clone();
        let mut missing = Vec::new();
        loop {
            let Some(name) = parts.next() else {
                return Err(Error::internal("a title without a name"));
            };
            path.push(&name);
            if parts.peek().is_none() {
                let found = if missing.is_empty() {
                    kind(&dir, &name, &path)?
                } else {
                    None
                };
                return Ok(Spot {
                    dir,
                    missing,
                    name,
                    found,
                });
            }
            if !missing.is_empty() {
                missing.push(name);
                continue;
            }
            match kind(&dir, &name, &path)? {
                None => missing.push(name),
                Some(found) if found.is_dir() => {
                    let below = dir.open_dir_nofollow(&name).map_err(|error| local(&path, &error))?;
                    dir = Arc::new(below);
                }
                Some(found) if found.is_symlink() => {
                    return Err(in_the_way(&path, "a link, and links are not followed"));
                }
                Some(_) => return Err(in_the_way(&path, "a file, and the artifact needs a directory there")),
            }
        }
    }
}

impl Spot {
    /// Makes the directories that are missing; returns the one that the place is in. `path` is for messages.
    pub(super) fn make_parent(self, path: &Utf8Path) -> Result<(Arc<Dir>, String)> {
        let mut dir = self.dir;
        for name in &self.missing {
            dir = Arc::new(open_or_make(&dir, name).map_err(|error| match error.kind() {
                // Another layer has been faster since we looked.
                io::ErrorKind::NotADirectory => in_the_way(path, "a link or a file on the way, which is not followed"),
                _ => local(path, &error),
            })?);
        }
        Ok((dir, self.name))
    }
}

/// Opens a directory, makes it first if it isn't there. Several tasks may do so at once.
pub(super) fn open_or_make(dir: &Dir, name: &str) -> io::Result<Dir> {
    match dir.open_dir_nofollow(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            match dir.create_dir(name) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            dir.open_dir_nofollow(name)
        }
        other => other,
    }
}

/// What is at `name`, the link itself if it is one.
pub(super) fn kind(dir: &Dir, name: &str, path: &Utf8Path) -> Result<Option<FileType>> {
    match dir.symlink_metadata(name) {
        Ok(metadata) => Ok(Some(metadata.file_type())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(local(path, &error)),
    }
}

/// Options of a new file with `mode` less the umask; where modes are unknown, it is ignored.
pub(super) fn new_file(mode: u32) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    cap_std::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options
}

/// A failure of the file system at `path`; cap-std's errors don't name it.
pub(super) fn local(path: &Utf8Path, error: &io::Error) -> Error {
    Error::local(io::Error::new(error.kind(), format!("{path}: {error}")))
}

/// Something is at `path` that pull doesn't replace.
pub(super) fn in_the_way(path: &Utf8Path, what: &str) -> Error {
    Error::new(Class::Local, format!("{path}: there is {what}")).hint("remove it, or choose another output")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_appears_on_the_way_is_not_followed_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap();
        let root = Root::open(&path.join("out")).unwrap();
        let spot = root.look("docs/link/file").unwrap();
        fs_err::create_dir_all(path.join("out/docs")).unwrap();
        fs_err::os::unix::fs::symlink("..", path.join("out/docs/link")).unwrap();
        let error = spot.make_parent(&path.join("out/docs/link/file")).unwrap_err();
        assert!(error.message().contains("which is not followed"), "{error}");
        assert!(error.way_out().is_some());
    }
}
