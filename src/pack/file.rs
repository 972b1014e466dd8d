//! Single files: hashed in large reads, copied into a stream, checked to be what was listed.

use std::io::{Read, Write};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::File;

use super::kept::{Kept, Room};
use super::{Packed, changed};
use crate::error::{Class, Error, Result};
use crate::oci::{Algorithm, Hasher};
use crate::store::{BlobSource, PIECE};

/// Hashes a single file, which is stored as it is; a link to a file stands for the file. A small one is `kept` if there
/// is room. Blocks.
///
/// Fails with [`Class::Local`] if it isn't a regular file.
pub fn file(path: Utf8PathBuf, kept: &Kept) -> Result<Packed> {
    let (mut file, size) = open(&path)?;
    let mut sink = Hashed {
        hasher: Hasher::new(Algorithm::Sha256),
        kept: kept.room(size).map(|room| (room, Vec::new())),
    };
    pass(&path, &mut file, size, &mut sink)?;
    Ok(Packed {
        digest: sink.hasher.finish(),
        size,
        source: match sink.kept {
            Some((room, bytes)) => room.fill(bytes),
            None => BlobSource::File(path),
        },
        unpacked: None,
    })
}

/// Whether the owner of the file may execute it; never on systems without such a bit.
pub fn is_executable(path: &Utf8Path) -> Result<bool> {
    Ok(executable(&fs_err::metadata(path)?))
}

#[cfg(unix)]
pub(super) fn executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
pub(super) fn executable(_: &std::fs::Metadata) -> bool {
    false
}

/// Copies a regular file to `out`, all `listed` bytes of it and no more; without `listed`, as many as it has when it
/// is opened.
pub(super) fn copy(path: &Utf8Path, listed: Option<u64>, out: &mut dyn Write) -> Result<()> {
    let (mut file, size) = open(path)?;
    pass(path, &mut file, listed.unwrap_or(size), out)
}

/// A regular file, and its size.
fn open(path: &Utf8Path) -> Result<(File, u64)> {
    // Asked before it is opened: to open a FIFO would wait for a writer.
    let metadata = fs_err::metadata(path)?;
    if !metadata.is_file() {
        return Err(not_a_file(path, metadata.is_dir()));
    }
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

/// Writes all `size` bytes of `file`, which has no more.
fn pass(path: &Utf8Path, file: &mut File, size: u64, out: &mut dyn Write) -> Result<()> {
    let room = usize::try_from(size).map_or(PIECE, |size| size.saturating_add(1).min(PIECE));
    let mut buffer = vec![0; room];
    let mut left = size;
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) if left == 0 => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::local(error)),
        };
        if read == 0 || read as u64 > left {
            return Err(changed(path));
        }
        left -= read as u64;
        out.write_all(buffer.get(..read).unwrap_or_default())?;
    }
}

fn not_a_file(path: &Utf8Path, directory: bool) -> Error {
    let (what, hint) = if directory {
        (
            "a directory",
            "name the files in it, or let it be packed as a directory",
        )
    } else {
        (
            "a FIFO, socket or device",
            "only regular files and directories can be stored",
        )
    };
    Error::new(Class::Local, format!("{path}: this is {what}, not a regular file")).hint(hint)
}

struct Hashed {
    hasher: Hasher,
    kept: Option<(Room, Vec<u8>)>,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.hasher.update(bytes);
        if let Some((_, kept)) = &mut self.kept {
            kept.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Digest;

    fn directory() -> (tempfile::TempDir, Utf8PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::try_from(directory.path().to_owned()).unwrap();
        (directory, path)
    }

    #[test]
    fn a_file_is_hashed_as_it_is() {
        let (_guard, root) = directory();
        for size in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 5] {
            let bytes: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
            let path = root.join("file");
            fs_err::write(&path, &bytes).unwrap();
            let packed = file(path, &Kept::default()).unwrap();
            assert_eq!((packed.digest, packed.size), (Digest::of(&bytes), size as u64));
        }
    }

    #[test]
    fn a_size_other_than_the_listed_one_is_a_change() {
        let (_guard, root) = directory();
        let path = root.join("file");
        fs_err::write(&path, "12345").unwrap();
        assert!(copy(&path, Some(5), &mut Vec::new()).is_ok());
        for listed in [0, 4, 6] {
            let error = copy(&path, Some(listed), &mut Vec::new()).unwrap_err();
            assert_eq!(error.class(), Class::Local);
            assert!(error.message().ends_with("file: the file changed while it was packed"));
        }
    }

    #[test]
    fn directories_and_fifos_are_no_files() {
        let (_guard, root) = directory();
        let error = file(root, &Kept::default()).unwrap_err();
        assert_eq!(error.class(), Class::Local);
        assert!(error.message().contains("a directory"), "{error}");
        let error = file("/dev/null".into(), &Kept::default()).unwrap_err();
        assert!(error.message().contains("FIFO, socket or device"), "{error}");
        let missing = file("/no/such/file".into(), &Kept::default()).unwrap_err();
        assert!(missing.message().contains("/no/such/file"), "{missing}");
    }

    #[cfg(unix)]
    #[test]
    fn the_owners_execute_bit_counts() {
        use std::os::unix::fs::PermissionsExt;
        let (_guard, root) = directory();
        let path = root.join("file");
        fs_err::write(&path, "#!/bin/sh\n").unwrap();
        for (mode, expected) in [(0o755, true), (0o700, true), (0o655, false), (0o644, false)] {
            fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_executable(&path).unwrap(), expected, "{mode:o}");
        }
    }
}
