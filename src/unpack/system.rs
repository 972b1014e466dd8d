//! What differs between systems, or takes more than one call.

use std::time::{Duration, SystemTime};

use cap_std::fs::{Dir, DirBuilder, File};

/// `mode` is taken less the umask.
pub(super) fn make_directory(dir: &Dir, name: &str, mode: u32) -> std::io::Result<()> {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    cap_std::fs::DirBuilderExt::mode(&mut builder, mode);
    #[cfg(not(unix))]
    let _ = mode;
    dir.create_dir_with(name, &builder)
}

/// The umask, seen from the directory `name`, made with every bit: asking for it means changing it.
#[cfg(unix)]
pub(super) fn umask(staging: &Dir, name: &str) -> std::io::Result<u32> {
    let made = staging.symlink_metadata(name)?;
    Ok(!cap_std::fs::MetadataExt::mode(&made) & 0o777)
}

#[cfg(not(unix))]
pub(super) fn umask(_: &Dir, _: &str) -> std::io::Result<u32> {
    Ok(0)
}

/// Files get the time that the archive states, as with ORAS, unless it is 0, which our own packing writes for "none",
/// or lies ahead: `make` takes a file of 1970 for older than all it is made from, and warns of one from the future.
/// A time that can't be set is no reason to fail.
pub(super) fn set_mtime(file: File, mtime: Option<u64>) {
    let now = SystemTime::now();
    let time = mtime
        .filter(|&seconds| seconds > 0)
        .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
        .filter(|&time| time <= now);
    if let Some(time) = time
        && let Err(error) = file.into_std().set_modified(time)
    {
        tracing::debug!("a modification time was not set: {error}");
    }
}

#[cfg(not(windows))]
pub(super) fn make_link(dir: &Dir, target: &str, name: &str) -> std::io::Result<()> {
    dir.symlink(target, name)
}

/// Windows wants to know what the link leads to; what isn't there yet is taken for a file.
#[cfg(windows)]
pub(super) fn make_link(dir: &Dir, target: &str, name: &str) -> std::io::Result<()> {
    if dir.is_dir(target) {
        dir.symlink_dir(target, name)
    } else {
        dir.symlink_file(target, name)
    }
}
