//! One file: to a temporary file in the directory of its place, verified, renamed.

use std::io::{BufRead, Write};
use std::sync::Arc;

use camino::Utf8Path;
use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt};
use cap_std::fs::{Dir, Metadata, OpenOptions};

use super::feed::{Blob, Pieces};
use super::place::{self, Root, Spot, local};
use crate::error::Result;
use crate::oci::{Descriptor, Hasher};
use crate::temporary;

/// Buffer for reading a file that is there.
const BUFFER: usize = 256 * 1024;

/// The place of the file; a directory there is an error before anything is fetched.
pub(super) fn look(root: &Root, title: &str) -> Result<Spot> {
    let spot = root.look(title)?;
    if spot.found.is_some_and(|found| found.is_dir()) {
        let path = root.path.join(title);
        return Err(place::in_the_way(
            &path,
            "a directory, and the artifact has a file there",
        ));
    }
    Ok(spot)
}

/// See [`super::Output::write_file`].
pub(super) fn write(root: &Root, title: &str, blob: &Descriptor, executable: bool, pieces: Pieces) -> Result<()> {
    let path = root.path.join(title);
    let spot = look(root, title)?;
    let mut blob = Blob::new(pieces, blob);
    let mode = if executable { 0o755 } else { 0o644 };
    let home = Arc::clone(&spot.dir);
    root.sweep(title);
    let make = |name: &str| Ok(home.open_with(name, &place::new_file(mode))?.into_std());
    let there = |name: &str| home.symlink_metadata(name).is_ok();
    let made = temporary::make(make, |file| file, there);
    let (name, mut file) = made.map_err(|error| local(&path, &error))?;
    let temporary = Temporary { dir: &home, name };
    loop {
        let piece = blob.fill_buf()?;
        if piece.is_empty() {
            break;
        }
        file.write_all(piece).map_err(|error| local(&path, &error))?;
        let count = piece.len();
        blob.consume(count);
    }
    blob.verify()?;
    // Its lock holds until it has its name; Windows has no such locks, and renames nothing that is open.
    #[cfg(not(unix))]
    drop(file);
    let _moving = root.moving();
    let (parent, last) = spot.make_parent(&path)?;
    temporary.rename(&parent, &last, &path)
}

/// A temporary file, removed when dropped before it got its name.
struct Temporary<'a> {
    dir: &'a Dir,
    name: String,
}

impl Temporary<'_> {
    fn rename(mut self, to: &Dir, name: &str, path: &Utf8Path) -> Result<()> {
        self.dir
            .rename(&self.name, to, name)
            .map_err(|error| local(path, &error))?;
        self.name.clear();
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.name.is_empty()
            && let Err(error) = self.dir.remove_file(&self.name)
        {
            tracing::debug!("temporary file {} stays: {error}", self.name);
        }
    }
}

/// See [`super::Output::holds`].
pub(super) fn holds(root: &Root, title: &str, blob: &Descriptor, executable: bool) -> Result<bool> {
    let spot = root.look(title)?;
    if !spot.found.is_some_and(|found| found.is_file()) {
        return Ok(false);
    }
    let mut options = OpenOptions::new();
    options.read(true).follow(FollowSymlinks::No);
    // What can't be read is written anew; that says whether the place can be written.
    let Ok(file) = spot.dir.open_with(&spot.name, &options) else {
        return Ok(false);
    };
    let path = root.path.join(title);
    let metadata = file.metadata().map_err(|error| local(&path, &error))?;
    if !metadata.is_file() || metadata.len() != blob.size || !same_bit(&metadata, executable) {
        return Ok(false);
    }
    let mut hasher = Hasher::new(blob.digest.algorithm());
    let mut reader = std::io::BufReader::with_capacity(BUFFER, file);
    loop {
        let piece = reader.fill_buf().map_err(|error| local(&path, &error))?;
        if piece.is_empty() {
            return Ok(hasher.finish() == blob.digest);
        }
        hasher.update(piece);
        let count = piece.len();
        reader.consume(count);
    }
}

#[cfg(unix)]
fn same_bit(metadata: &Metadata, executable: bool) -> bool {
    (cap_std::fs::MetadataExt::mode(metadata) & 0o100 != 0) == executable
}

#[cfg(not(unix))]
fn same_bit(_: &Metadata, _: bool) -> bool {
    true
}
