//! How a new archive takes the place of the one that was there: only if nobody else was faster.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::File;
use tempfile::NamedTempFile;

use crate::error::{Class, Error, Result};
use crate::store::stamp::Stamp;
use crate::temporary;

/// What was at the path when the writing began.
pub(super) struct Before(Option<(Arc<File>, Stamp)>);

impl Before {
    /// `file` is what was read, `None` if there was nothing.
    pub(super) fn of(file: Option<&Arc<File>>) -> Result<Self> {
        let Some(file) = file else { return Ok(Before(None)) };
        Ok(Before(Some((Arc::clone(file), Stamp::of(&file.metadata()?)))))
    }

    /// Renames `new` to `path`.
    ///
    /// # Errors
    /// Conflict, if another process wrote the archive meanwhile: what it added would be lost.
    pub(super) fn replace(self, new: NamedTempFile, path: &Utf8Path) -> Result<()> {
        new.as_file().sync_data()?;
        let Some((file, before)) = self.0 else {
            return match new.persist_noclobber(path) {
                Ok(_) => Ok(()),
                Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Err(raced(path)),
                Err(error) => Err(Error::local(error.error).context(path)),
            };
        };
        // Whoever looks and renames has the lock of the file that was there; a file system without locks is no reason
        // to fail.
        let _ = file.lock();
        if fs_err::metadata(path).ok().map(|now| Stamp::of(&now)).as_ref() != Some(&before) {
            return Err(raced(path));
        }
        fs_err::set_permissions(new.path(), file.metadata()?.permissions())?;
        // Windows puts nothing in the place of a file that is open.
        #[cfg(not(unix))]
        drop(file);
        match new.persist(path) {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::local(error.error).context(path)),
        }
    }
}

fn raced(path: &Utf8Path) -> Error {
    Error::new(Class::Conflict, format!("{path}: another process wrote it meanwhile"))
        .hint("copy again: nothing was changed")
}

/// A temporary file beside `path`, whose folder is made if it isn't there.
pub(super) fn temporary(path: &Utf8Path) -> Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_str().is_empty() => parent,
        _ => Utf8Path::new("."),
    };
    fs_err::create_dir_all(folder)?;
    temporary::sweep_folder(folder);
    temporary::file_in(folder, 0o666)
        .map_err(|error| Error::local(error).context(format!("{folder}: could not make a temporary file")))
}

/// The file itself where `path` is a link to it: a rename would put a file in the place of the link.
pub(super) fn resolved(path: &Utf8Path) -> Result<Utf8PathBuf> {
    match fs_err::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => {
            let real = fs_err::canonicalize(path)?;
            Utf8PathBuf::from_path_buf(real)
                .map_err(|real| Error::usage(format!("{path}: it leads to {}, which is not UTF-8", real.display())))
        }
        _ => Ok(path.to_owned()),
    }
}
