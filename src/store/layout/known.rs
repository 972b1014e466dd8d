//! `index.json` as this process last read or wrote it: a spec of 10,000 artifacts for one layout looks at it and
//! changes it as often, and reading thousands of entries each time would take most of the run.
//!
//! The file is kept open. We write an index by renaming, so that another one is another file, and a file that is open
//! does not give its inode away: the same inode and the same times are the same bytes.

use std::sync::{Arc, Mutex, PoisonError};

use camino::Utf8Path;
use fs_err::File;

use super::index::Index;
use crate::error::{Error, Result};
use crate::store::stamp::Stamp;

/// What all clones of one layout know.
#[derive(Clone, Debug, Default)]
pub(super) struct Known(Arc<Mutex<Option<Seen>>>);

#[derive(Debug)]
struct Seen {
    stamp: Stamp,
    index: Arc<Index>,
    _open: File,
}

impl Known {
    /// The index, if that is what `path` still holds.
    pub(super) fn still(&self, path: &Utf8Path) -> Option<Arc<Index>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.as_ref()?;
        let now = stamp(&fs_err::symlink_metadata(path).ok()?)?;
        (now == known.stamp).then(|| Arc::clone(&known.index))
    }

    /// Lets `parse` read the file, and knows it from now on.
    pub(super) fn read(&self, file: File, parse: impl FnOnce(&File) -> Result<Index>) -> Result<Arc<Index>> {
        // Before it is read: what is changed afterwards changes the stamp.
        let stamp = stamp(&file.metadata().map_err(Error::local)?);
        let index = Arc::new(parse(&file)?);
        self.keep(file, stamp, Arc::clone(&index));
        Ok(index)
    }

    /// Knows what was just written.
    pub(super) fn set(&self, file: File, index: Index) {
        let stamp = file.metadata().ok().and_then(|found| stamp(&found));
        self.keep(file, stamp, Arc::new(index));
    }

    fn keep(&self, file: File, stamp: Option<Stamp>, index: Arc<Index>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = stamp.map(|stamp| Seen {
            stamp,
            index,
            _open: file,
        });
    }
}

/// None where nothing is certain, so that each look reads.
fn stamp(found: &std::fs::Metadata) -> Option<Stamp> {
    cfg!(unix).then(|| Stamp::of(found))
}
