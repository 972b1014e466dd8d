//! Where packed bytes wait until they are sent: in memory while the budget has some left, else in a temporary file.
//! It has no name: nothing of it stays if the process is killed.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use fs_err::File;

use super::Budget;
use crate::error::{Error, Result};
use crate::store::BlobSource;

/// A blob that is being packed.
pub(crate) struct Spool {
    budget: Budget,
    pieces: Vec<Bytes>,
    file: Option<File>,
}

impl Spool {
    /// Keeps in memory what `budget` has left.
    pub(crate) fn new(budget: &Budget) -> Self {
        Spool {
            budget: budget.clone(),
            pieces: Vec::new(),
            file: None,
        }
    }

    /// Appends `bytes`, which should not be a piece of something larger: all of that would stay in memory. Fails with
    /// class `Local` if the temporary file cannot be written.
    pub(crate) fn push(&mut self, bytes: Bytes) -> Result<()> {
        let bytes = match &self.file {
            Some(_) => bytes,
            None => match self.budget.keep(bytes) {
                Ok(kept) => {
                    self.pieces.push(kept);
                    return Ok(());
                }
                Err(bytes) => bytes,
            },
        };
        self.write(&bytes).map_err(|error| {
            Error::local(error)
                .context("cannot keep packed bytes in a temporary file")
                .hint("let TMPDIR name a folder that can be written, with room for the packed directory")
        })
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let mut file = unnamed()?;
                for piece in self.pieces.drain(..) {
                    file.write_all(&piece)?;
                }
                self.file.insert(file)
            }
        };
        file.write_all(bytes)
    }

    /// The bytes, to be read any number of times.
    pub(crate) fn finish(self) -> BlobSource {
        match self.file {
            None => BlobSource::Pieces(self.pieces.into()),
            Some(file) => BlobSource::Temporary(Arc::new(file)),
        }
    }
}

/// A file without a name in TMPDIR; errors name the folder.
fn unnamed() -> std::io::Result<File> {
    let folder = tempfile::env::temp_dir();
    match tempfile::tempfile_in(&folder) {
        Ok(file) => Ok(File::from_parts(file, folder)),
        Err(error) => Err(std::io::Error::new(
            error.kind(),
            format!("{}: {error}", folder.display()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::samples::contents;

    fn spooled(bytes: &[u8], budget: &Budget) -> BlobSource {
        let mut spool = Spool::new(budget);
        for piece in bytes.chunks(3) {
            spool.push(Bytes::copy_from_slice(piece)).unwrap();
        }
        spool.finish()
    }

    fn in_memory(source: &BlobSource, expected: &[u8]) -> bool {
        assert_eq!(contents(source), expected);
        matches!(source, BlobSource::Pieces(_))
    }

    #[test]
    fn above_the_budget_the_bytes_move_to_a_file() {
        for (size, fits) in [(0, true), (10, true), (11, false), (1000, false)] {
            let bytes: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
            let source = spooled(&bytes, &Budget::new(10));
            assert_eq!(in_memory(&source, &bytes), fits);
        }
    }

    #[test]
    fn all_spools_share_the_budget() {
        let budget = Budget::new(10);
        let first = spooled(b"1234567", &budget);
        let second = spooled(b"12345", &budget);
        // What the second kept before it moved to a file is free again.
        let third = spooled(b"123", &budget);
        assert!(in_memory(&first, b"1234567"));
        assert!(!in_memory(&second, b"12345"));
        assert!(in_memory(&third, b"123"));
        drop(first);
        assert!(in_memory(&spooled(b"1234567", &budget), b"1234567"));
    }
}
