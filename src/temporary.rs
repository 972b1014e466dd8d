//! Temporary files and directories beside what they become. Their process holds a lock on each, which goes with the
//! process however it ends; the next one that writes beside them sweeps away what nobody holds.
//!
//! Only where locks are those of Unix: elsewhere what a killed process left behind stays.
#![allow(
    clippy::disallowed_types,
    reason = "opened through handles of directories, they have no path"
)]

use std::fs::File;
use std::io;

use camino::Utf8Path;
use cap_std::fs::Dir;
use tempfile::NamedTempFile;

/// What a process holds for as long as it needs something temporary.
pub type Held = File;

/// What their names begin with.
pub const PREFIX: &str = ".oci-artifact-";

/// Letters and digits behind it.
pub const RANDOM: usize = 12;

/// How often a name is tried that is taken, or swept away before it was locked.
const TRIES: usize = 16;

/// Makes something by `make`, which gets a random name; `file` is what of it is locked. A directory is made and then
/// opened, and may be swept away in between: where it isn't found, it is made anew.
///
/// # Errors
/// Those of `make`.
pub fn make<T>(
    make: impl Fn(&str) -> io::Result<T>,
    file: impl Fn(&T) -> &File,
    is_there: impl Fn(&str) -> bool,
) -> io::Result<(String, T)> {
    let mut tries = 0;
    loop {
        let random: String = std::iter::repeat_with(fastrand::alphanumeric).take(RANDOM).collect();
        let name = format!("{PREFIX}{random}");
        match make(&name) {
            Err(error) if again(error.kind()) && tries < TRIES => {}
            Ok(made) if claim(file(&made)) && is_there(&name) || tries == TRIES => return Ok((name, made)),
            Ok(_) => {}
            Err(error) => return Err(error),
        }
        tries += 1;
    }
}

fn again(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound)
}

/// Takes the lock of a temporary file; false if one who sweeps was faster. On a file system without locks nothing is
/// swept, and nothing needs one.
#[cfg(unix)]
fn claim(file: &File) -> bool {
    !matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock))
}

#[cfg(not(unix))]
fn claim(_: &File) -> bool {
    true
}

/// A temporary file in `folder` with `mode` less the umask, removed unless it is persisted.
///
/// # Errors
/// Those of the file system, without the path.
pub fn file_in(folder: &Utf8Path, mode: u32) -> io::Result<NamedTempFile> {
    let make = |name: &str| {
        let mut builder = tempfile::Builder::new();
        builder.prefix(name).rand_bytes(0);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
        #[cfg(not(unix))]
        let _ = mode;
        builder.tempfile_in(folder)
    };
    let (_, made) = self::make(make, NamedTempFile::as_file, |name| folder.join(name).exists())?;
    Ok(made)
}

/// Removes what processes that were killed left in `folder`.
pub fn sweep_folder(folder: &Utf8Path) {
    if let Ok(dir) = Dir::open_ambient_dir(folder, cap_std::ambient_authority()) {
        sweep(&dir);
    }
}

/// Opens a directory so that it can be locked: handles to look things up in can't be.
#[cfg(unix)]
pub fn open_directory(dir: &Dir, name: &str) -> io::Result<File> {
    open(dir, name)
}

/// See the other.
#[cfg(not(unix))]
pub fn open_directory(dir: &Dir, name: &str) -> io::Result<File> {
    use cap_fs_ext::DirExt as _;
    dir.open_dir_nofollow(name).map(Dir::into_std_file)
}

#[cfg(unix)]
fn open(dir: &Dir, name: &str) -> io::Result<File> {
    use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt as _, OpenOptionsSyncExt as _};

    let mut options = cap_std::fs::OpenOptions::new();
    // Something else may have taken the place of the file: a pipe would keep us waiting.
    options.read(true).follow(FollowSymlinks::No).nonblock(true);
    dir.open_with(name, &options).map(cap_std::fs::File::into_std)
}

/// Removes the temporaries in `dir` whose process is gone. A failure is no reason for the run to fail.
#[cfg(unix)]
pub fn sweep(dir: &Dir) {
    let Ok(entries) = dir.entries() else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| is_temporary(name)) else {
            continue;
        };
        match remove(dir, name) {
            Ok(true) => tracing::debug!("removed {name}, which a process that was killed left behind"),
            Ok(false) => {}
            Err(error) => tracing::debug!("{name} stays: {error}"),
        }
    }
}

/// See the other; without Unix's locks nobody knows what is still in use.
#[cfg(not(unix))]
pub fn sweep(_: &Dir) {}

/// Whether `name` is exactly one of ours: nothing else of the user's is touched.
#[cfg(unix)]
fn is_temporary(name: &str) -> bool {
    let random = name.strip_prefix(PREFIX).unwrap_or_default();
    random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Removes what `name` is unless somebody holds it, and holds it meanwhile.
#[cfg(unix)]
fn remove(dir: &Dir, name: &str) -> io::Result<bool> {
    let found = dir.symlink_metadata(name)?;
    if !found.is_dir() && !found.is_file() {
        return Ok(false);
    }
    let held = open(dir, name)?;
    if held.try_lock().is_err() {
        return Ok(false);
    }
    let removed = match found.is_dir() {
        true => dir.remove_dir_all(name),
        false => dir.remove_file(name),
    };
    removed.map(|()| true)
}

#[cfg(test)]
mod model;

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn directory() -> (tempfile::TempDir, Dir) {
        let keep = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(keep.path(), cap_std::ambient_authority()).unwrap();
        (keep, dir)
    }

    fn file(dir: &Dir) -> (String, File) {
        let create = |name: &str| dir.create(name).map(cap_std::fs::File::into_std);
        make(create, |file| file, |name| dir.exists(name)).unwrap()
    }

    #[test]
    fn what_a_dead_process_left_goes_and_what_is_held_or_not_ours_stays() {
        let (_keep, dir) = directory();
        let (held, _file) = file(&dir);
        let (left, gone) = file(&dir);
        drop(gone);
        dir.create_dir_all(".oci-artifact-abcdefghijkl/content/a").unwrap();
        let foreign = [
            ".oci-artifact-",
            ".oci-artifact-notes",
            ".oci-artifact-abcdefghij.l",
            "file",
        ];
        for name in foreign {
            dir.write(name, "x").unwrap();
        }
        dir.symlink("file", ".oci-artifact-link12345678").unwrap();
        sweep(&dir);
        for name in foreign.into_iter().chain([held.as_str(), ".oci-artifact-link12345678"]) {
            assert!(dir.symlink_metadata(name).is_ok(), "{name}");
        }
        for name in [left.as_str(), ".oci-artifact-abcdefghijkl"] {
            assert!(!dir.exists(name), "{name}");
        }
    }

    #[test]
    fn a_directory_that_is_held_stays() {
        let (_keep, dir) = directory();
        let create = |name: &str| {
            dir.create_dir(name)?;
            open_directory(&dir, name)
        };
        let (name, held) = make(create, |held| held, |name| dir.exists(name)).unwrap();
        sweep(&dir);
        assert!(dir.exists(&name));
        drop(held);
        sweep(&dir);
        assert!(!dir.exists(&name));
    }

    /// Whoever makes one while others sweep ends with one that is there, and keeps it.
    fn made_while_others_sweep(one: impl Fn(&Dir) -> io::Result<(String, File)>) {
        let (_keep, dir) = directory();
        let done = AtomicBool::new(false);
        let made: Vec<_> = std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        sweep(&dir);
                    }
                });
            }
            let made = (0..500).map(|_| one(&dir)).collect();
            done.store(true, Ordering::Relaxed);
            made
        });
        for one in &made {
            let (name, _) = one.as_ref().unwrap();
            assert!(dir.exists(name), "{name}");
        }
    }

    #[test]
    fn what_is_being_made_is_not_swept_away() {
        made_while_others_sweep(|dir| Ok(file(dir)));
    }

    #[test]
    fn a_directory_that_is_swept_away_before_it_is_opened_is_made_anew() {
        made_while_others_sweep(|dir| {
            let make_one = |name: &str| {
                dir.create_dir(name)?;
                open_directory(dir, name)
            };
            make(make_one, |lock| lock, |name| dir.exists(name))
        });
    }
}
