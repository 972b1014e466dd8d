//! Where packed bytes wait until they are sent: in memory up to a limit, above it in a temporary file.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use camino::Utf8Path;
use tempfile::NamedTempFile;

use crate::error::{Class, Error, Result};
use crate::store::BlobSource;

/// Bytes of one blob that stay in memory.
pub(crate) const LIMIT: usize = 32 * 1024 * 1024;

/// A blob that is being packed.
pub(crate) struct Spool {
    limit: usize,
    kept: usize,
    pieces: Vec<Bytes>,
    file: Option<NamedTempFile>,
}

impl Default for Spool {
    fn default() -> Self {
        Spool::new(LIMIT)
    }
}

impl Spool {
    /// Keeps at most `limit` bytes in memory.
    pub(crate) fn new(limit: usize) -> Self {
        Spool {
            limit,
            kept: 0,
            pieces: Vec::new(),
            file: None,
        }
    }

    /// Appends `bytes`. Fails with [`Class::Local`] if the temporary file cannot be written.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<()> {
        if self.file.is_none() && self.kept.saturating_add(bytes.len()) <= self.limit {
            self.kept += bytes.len();
            self.pieces.push(Bytes::copy_from_slice(bytes));
            return Ok(());
        }
        self.write(bytes)
            .map_err(|error| Error::local(error).context("cannot keep packed bytes in a temporary file"))
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let mut file = tempfile::Builder::new().prefix("oci-artifact-").tempfile()?;
                for piece in self.pieces.drain(..) {
                    file.write_all(&piece)?;
                }
                self.file.insert(file)
            }
        };
        file.write_all(bytes)
    }

    /// The bytes, to be read any number of times. A temporary file goes with the last owner of the source.
    pub(crate) fn finish(self) -> Result<BlobSource> {
        let Some(file) = self.file else {
            return Ok(BlobSource::Pieces(self.pieces.into()));
        };
        let path = file.into_temp_path();
        if Utf8Path::from_path(&path).is_none() {
            return Err(Error::new(
                Class::Local,
                format!(
                    "{}: the folder for temporary files is not named in UTF-8",
                    path.display()
                ),
            )
            .hint("set TMPDIR to a folder with such a name"));
        }
        Ok(BlobSource::Temporary(Arc::new(path)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn above_the_limit_the_bytes_move_to_a_file_that_goes_with_its_owner() {
        for (size, in_file) in [(0, false), (10, false), (11, true), (1000, true)] {
            let bytes: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
            let mut spool = Spool::new(10);
            for piece in bytes.chunks(3) {
                spool.push(piece).unwrap();
            }
            match spool.finish().unwrap() {
                BlobSource::Temporary(path) => {
                    assert!(in_file);
                    assert_eq!(fs_err::read(&*path).unwrap(), bytes);
                    let name = path.to_path_buf();
                    drop(path);
                    assert!(!name.exists());
                }
                BlobSource::Pieces(pieces) => {
                    assert!(!in_file);
                    assert_eq!(pieces.concat(), bytes);
                }
                BlobSource::File(_) | BlobSource::Stored(_) => panic!("not packed"),
            }
        }
    }
}
