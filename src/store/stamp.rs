//! What tells a file from another one that took its place, and from itself before it was changed: certain where the
//! file is kept open, for then nothing else gets its inode.

use std::fs::Metadata;
use std::time::SystemTime;

/// As of one look at the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    /// Device, inode, and the last change of any kind, in seconds and nanoseconds. Elsewhere than on Unix the rest has
    /// to do.
    inode: (u64, u64, i64, i64),
}

impl Stamp {
    pub(super) fn of(found: &Metadata) -> Self {
        Stamp {
            length: found.len(),
            modified: found.modified().ok(),
            inode: inode(found),
        }
    }
}

#[cfg(unix)]
fn inode(found: &Metadata) -> (u64, u64, i64, i64) {
    use std::os::unix::fs::MetadataExt as _;

    (found.dev(), found.ino(), found.ctime(), found.ctime_nsec())
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> (u64, u64, i64, i64) {
    (0, 0, 0, 0)
}
