//! A part of a file, read and written where it lies: several at once, whatever the file's own position.

use std::io::{ErrorKind, Read, Result as IoResult};
use std::sync::Arc;

use fs_err::File;

use crate::error::{Error, Result};

/// The bytes from `position` to `end` of a file.
#[derive(Clone, Debug)]
pub(super) struct Section {
    file: Arc<File>,
    position: u64,
    end: u64,
}

impl Section {
    /// `length` bytes of `file`.
    pub(super) fn new(file: &Arc<File>, position: u64, length: u64) -> Self {
        Section {
            file: Arc::clone(file),
            position,
            end: position.saturating_add(length),
        }
    }

    /// Bytes from its position to its end.
    pub(super) fn length(&self) -> u64 {
        self.end - self.position
    }

    /// The rest after `offset` bytes.
    pub(super) fn from(mut self, offset: u64) -> Self {
        self.position = self.position.saturating_add(offset).min(self.end);
        self
    }

    /// Writes `bytes`, and stands behind them.
    pub(super) fn append(mut self, mut bytes: &[u8]) -> Result<Self> {
        if bytes.len() as u64 > self.length() {
            return Err(Error::internal("more bytes than the archive has room for"));
        }
        while !bytes.is_empty() {
            match write_at(&self.file, bytes, self.position) {
                Ok(0) => return Err(Error::local(ErrorKind::WriteZero.into())),
                Ok(written) => {
                    self.position += written as u64;
                    bytes = bytes.get(written..).unwrap_or_default();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::local(error)),
            }
        }
        Ok(self)
    }
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let wanted = usize::try_from(self.length()).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..wanted).filter(|buffer| !buffer.is_empty()) else {
            return Ok(0);
        };
        let read = read_at(&self.file, buffer, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> IoResult<usize> {
    fs_err::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> IoResult<usize> {
    fs_err::os::unix::fs::FileExt::write_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> IoResult<usize> {
    fs_err::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(windows)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> IoResult<usize> {
    fs_err::os::windows::fs::FileExt::seek_write(file, bytes, offset)
}
