//! Moving a staged directory into its place: over what is there, which stays where the artifact has nothing.

use camino::{Utf8Path, Utf8PathBuf};
use cap_fs_ext::DirExt;
use cap_std::fs::{Dir, FileType};

use super::place::{self, local};
use crate::error::{Error, Result};

/// What a walk over both trees does.
#[derive(Clone, Copy, PartialEq)]
enum Pass {
    /// Looks for a file in the place of a directory, or the reverse. Nothing is changed.
    Check,
    /// Renames. A directory that isn't there yet goes as a whole.
    Move,
}

/// Moves what is in `from` into `to`, whose path is `path`; on a conflict nothing is moved.
pub(super) fn merge(from: &Dir, to: &Dir, path: &Utf8Path) -> Result<()> {
    walk(from, to, path, Pass::Check)?;
    walk(from, to, path, Pass::Move)
}

/// Recursion is bounded by the depth that staging allows.
fn walk(from: &Dir, to: &Dir, path: &Utf8Path, pass: Pass) -> Result<()> {
    for (name, new) in list(from, path)? {
        let path = path.join(&name);
        let old = place::kind(to, &name, &path)?;
        match old {
            Some(old) if new.is_dir() && old.is_dir() => {
                let fail = |error| local(&path, &error);
                let (from, to) = (
                    from.open_dir_nofollow(&name).map_err(fail)?,
                    to.open_dir_nofollow(&name).map_err(fail)?,
                );
                walk(&from, &to, &path, pass)?;
            }
            Some(old) if new.is_dir() => return Err(not_a_directory(&path, old)),
            Some(old) if old.is_dir() => {
                return Err(place::in_the_way(
                    &path,
                    "a directory, and the artifact has a file there",
                ));
            }
            _ if pass == Pass::Move => {
                from.rename(&name, to, &name).map_err(|error| local(&path, &error))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The artifact has a directory where something else is.
pub(super) fn not_a_directory(path: &Utf8Path, found: FileType) -> Error {
    let what = if found.is_symlink() {
        "a link, and links are not followed"
    } else {
        "a file, and the artifact has a directory there"
    };
    place::in_the_way(path, what)
}

/// Names and types, read before anything is renamed away from under the listing.
fn list(dir: &Dir, path: &Utf8Path) -> Result<Vec<(String, FileType)>> {
    let fail = |error: std::io::Error| local(path, &error);
    let mut list = Vec::new();
    for entry in dir.entries().map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = Utf8PathBuf::from_path_buf(entry.file_name().into())
            .map_err(|name| Error::internal(format!("staged name {} is not UTF-8", name.display())))?;
        list.push((name.into_string(), entry.file_type().map_err(fail)?));
    }
    list.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    Ok(list)
}
