//! A directory layer: its tar into a staging directory, verified, moved into place.

use cap_fs_ext::DirExt;

use super::Limits;
use super::archive::Archive;
use super::feed::{Blob, Pieces};
use super::merge;
use super::place::{Root, Spot, local};
use super::staging::{CONTENT, Staging};
use super::unpacked::{Digests, Unpacked};
use crate::error::{Class, Error, Result};
use crate::oci::{Descriptor, Digest};

/// Unpacked bytes that are always allowed, and how many times the compressed size: deflate reaches 1032.
const FREE_BYTES: u64 = 1024 * 1024 * 1024;
const MAX_RATIO: u64 = 200;

/// See [`super::Output::unpack`].
pub(super) fn unpack(
    root: &Root,
    title: &str,
    descriptor: &Descriptor,
    expected: Option<&Digest>,
    limits: Limits,
    pieces: Pieces,
) -> Result<()> {
    let path = root.path.join(title);
    let spot = look(root, title)?;
    let mut blob = Blob::new(pieces, descriptor);
    let limit = limits
        .bytes
        .unwrap_or_else(|| FREE_BYTES.max(descriptor.size.saturating_mul(MAX_RATIO)));
    root.sweep(title);
    let mut staging = Staging::new(&spot.dir, title, &path, limit)?;
    let filled = fill(&mut staging, &mut blob, expected, limit, limits);
    let digests = filled.map_err(|error| {
        // A blob that was damaged on its way says more than what its damage did to the archive.
        let blame = if error.class() == Class::Integrity {
            blob.blame()
        } else {
            None
        };
        blame.unwrap_or_else(|| in_layer(error, title))
    })?;
    blob.verify()?;
    digests.verify(expected).map_err(|error| in_layer(error, title))?;
    commit(root, title, &staging)
}

/// The place of the directory; something else there is an error before anything is fetched.
pub(super) fn look(root: &Root, title: &str) -> Result<Spot> {
    let spot = root.look(title)?;
    match spot.found {
        Some(found) if !found.is_dir() => Err(merge::not_a_directory(&root.path.join(title), found)),
        _ => Ok(spot),
    }
}

fn fill(
    staging: &mut Staging<'_>,
    blob: &mut Blob,
    expected: Option<&Digest>,
    limit: u64,
    limits: Limits,
) -> Result<Digests> {
    std::thread::scope(|scope| {
        let tar = Unpacked::start(scope, blob, expected, limit, limits.window)?;
        let mut archive = Archive::new(tar, limits.entries);
        while let Some(entry) = archive.next()? {
            staging.add(entry, &mut archive)?;
        }
        staging.make_links()?;
        archive.into_inner().finish()
    })
}

/// Renames the content into its place. Looks again: other layers may have made it, or part of it, meanwhile.
fn commit(root: &Root, title: &str, staging: &Staging<'_>) -> Result<()> {
    let path = root.path.join(title);
    let fail = |error: std::io::Error| local(&path, &error);
    let _moving = root.moving();
    let spot = look(root, title)?;
    let there = spot.found.is_some();
    let staged = staging.home.open_dir_nofollow(&staging.name).map_err(fail)?;
    let (parent, name) = spot.make_parent(&path)?;
    if !there {
        return staged.rename(CONTENT, &parent, &name).map_err(fail);
    }
    let content = staged.open_dir_nofollow(CONTENT).map_err(fail)?;
    let place = parent.open_dir_nofollow(&name).map_err(fail)?;
    merge::merge(&content, &place, &path)
}

/// Names the layer; other classes name the file or the host already.
fn in_layer(error: Error, title: &str) -> Error {
    if error.class() == Class::Integrity {
        error.context(format!("layer {title:?}"))
    } else {
        error
    }
}
