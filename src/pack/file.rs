//! Single files: hashed in large reads, copied into a stream, checked to be what was listed.

use std::io::{ErrorKind, Read};

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use fs_err::{File, OpenOptions};

use super::{Budget, Packed, Sink, changed, formats};
use crate::error::{Class, Error, Result};
use crate::oci::{Algorithm, Hasher};
use crate::store::{BlobSource, PIECE};

/// Up to this many bytes a file is kept in memory from its hash to its upload, so that it is read once.
const SMALL: u64 = 64 * 1024;

/// Hashes a single file, which is stored as it is; a link to a file stands for the file. A small one is kept in memory
/// if `budget` has some left. Blocks.
///
/// Fails with [`Class::Local`] if it isn't a regular file.
pub fn file(path: Utf8PathBuf, budget: &Budget) -> Result<Packed> {
    // Asked before it is opened: to open a device can do something.
    let metadata = fs_err::metadata(&path)?;
    if !metadata.is_file() {
        return Err(not_a_file(&path, metadata.is_dir()));
    }
    let size = metadata.len();
    let (mut hasher, mut kept) = (Hasher::new(Algorithm::Sha256), Vec::new());
    let file = open(&path, true).map_err(Error::local)?;
    Reader::default().copy(file, &path, size, &mut |piece| {
        hasher.update(piece);
        if size <= SMALL {
            kept.extend_from_slice(piece);
        }
        Ok(())
    })?;
    let kept = (size <= SMALL).then(|| budget.keep(Bytes::from(kept)).ok());
    Ok(Packed {
        digest: hasher.finish(),
        size,
        source: kept.flatten().map_or(BlobSource::File(path), BlobSource::from),
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

/// Opens a file without waiting for whoever writes to it, should it be a FIFO by now.
fn open(path: &Utf8Path, follow: bool) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use fs_err::os::unix::fs::OpenOptionsExt;
        use rustix::fs::OFlags;
        let nofollow = if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
        options.custom_flags((OFlags::NONBLOCK | nofollow).bits().cast_signed());
    }
    #[cfg(not(unix))]
    if !follow && !fs_err::symlink_metadata(path)?.is_file() {
        return Err(ErrorKind::InvalidInput.into());
    }
    options.open(path)
}

/// Reads files, one after the other, through one buffer.
#[derive(Default)]
pub(super) struct Reader {
    buffer: Vec<u8>,
}

impl Reader {
    /// Writes to `out` the file that was `listed` at `path` with that size, and says if it is compressed already.
    ///
    /// Fails if it is something else by now. A file that has the size it should have costs three system calls.
    pub(super) fn listed(&mut self, path: &Utf8Path, listed: u64, out: &mut dyn Sink) -> Result<()> {
        let file = match open(path, false) {
            Ok(file) => file,
            // A link, a socket or the like, now.
            Err(_) if fs_err::symlink_metadata(path).is_ok_and(|now| !now.is_file()) => return Err(changed(path)),
            Err(error) => return Err(Error::local(error)),
        };
        // One that never had anything to be read could be anything now.
        if listed == 0 && !file.metadata()?.is_file() {
            return Err(changed(path));
        }
        let mut first = true;
        let copied = self.copy(file, path, listed, &mut |piece| {
            if std::mem::take(&mut first) {
                out.compressed(formats::is_compressed(piece, listed));
            }
            Ok(out.write_all(piece)?)
        });
        out.compressed(false);
        copied
    }

    /// Gives all `size` bytes of `file` to `take`, at least one piece. Fails if there are more or less of them.
    fn copy(
        &mut self,
        mut file: File,
        path: &Utf8Path,
        size: u64,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        // One more than there should be: so one read tells that it is all.
        let room = usize::try_from(size).map_or(PIECE, |size| size.saturating_add(1).min(PIECE));
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        let buffer = self.buffer.get_mut(..room).unwrap_or_default();
        let mut left = size;
        loop {
            let read = match file.read(buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // A directory or a FIFO, now.
                Err(_) if file.metadata().is_ok_and(|now| !now.is_file()) => return Err(changed(path)),
                Err(error) => return Err(Error::local(error)),
            };
            if read as u64 > left || (read == 0 && left > 0) {
                return Err(changed(path));
            }
            left -= read as u64;
            take(buffer.get(..read).unwrap_or_default())?;
            // Less than asked for is the end of it.
            if left == 0 && read < buffer.len() {
                return Ok(());
            }
        }
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
            let packed = file(path, &Budget::new(0)).unwrap();
            assert_eq!((packed.digest, packed.size), (Digest::of(&bytes), size as u64));
        }
    }

    #[test]
    fn a_small_file_is_kept_while_there_is_memory() {
        let (_guard, root) = directory();
        let small = usize::try_from(SMALL).unwrap();
        for (size, memory, is_kept) in [
            (small, small, true),
            (small, small - 1, false),
            (small + 1, 10 * small, false),
        ] {
            let path = root.join("file");
            fs_err::write(&path, vec![b'x'; size]).unwrap();
            match file(path, &Budget::new(memory)).unwrap().source {
                BlobSource::Pieces(pieces) => assert!(is_kept && pieces.concat().len() == size),
                other => assert!(!is_kept, "{size} of {memory}: {other:?}"),
            }
        }
    }

    fn copy(path: &Utf8Path, listed: u64) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        Reader::default().listed(path, listed, &mut out)?;
        Ok(out)
    }

    #[test]
    fn a_size_other_than_the_listed_one_is_a_change() {
        let (_guard, root) = directory();
        let path = root.join("file");
        for size in [0, 5, PIECE - 1, PIECE, PIECE + 1] {
            let bytes = vec![b'x'; size];
            fs_err::write(&path, &bytes).unwrap();
            assert!(copy(&path, size as u64).unwrap() == bytes);
            for listed in [
                size.checked_sub(1),
                size.checked_sub(PIECE),
                Some(size + 1),
                Some(size + PIECE),
            ] {
                let Some(listed) = listed else { continue };
                let error = copy(&path, listed as u64).unwrap_err();
                assert_eq!(error.class(), Class::Local);
                assert!(error.message().ends_with("file: the file changed while it was packed"));
            }
        }
    }

    /// Each could be opened, or could keep us waiting, or leads to something that was not listed.
    #[cfg(unix)]
    #[test]
    fn what_took_the_place_of_a_listed_file_is_a_change() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        use std::io::Write as _;
        let (_guard, root) = directory();
        let path = |name: &str| root.join(name);
        fs_err::write(path("other"), "12345").unwrap();
        fs_err::write(path("nothing"), "").unwrap();
        fs_err::os::unix::fs::symlink("other", path("link")).unwrap();
        fs_err::os::unix::fs::symlink("nothing", path("empty-link")).unwrap();
        fs_err::create_dir(path("folder")).unwrap();
        mknodat(
            CWD,
            path("fifo").as_std_path(),
            FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        for name in ["link", "empty-link", "folder", "fifo", "socket"] {
            for listed in [0, 5] {
                let error = copy(&path(name), listed).unwrap_err();
                assert!(
                    error.message().ends_with("the file changed while it was packed"),
                    "{name}: {error}"
                );
            }
        }
        // A FIFO that holds as much as was listed, and whose writer waits.
        let both = OpenOptions::new().read(true).write(true).open(path("fifo")).unwrap();
        (&both).write_all(b"1234").unwrap();
        let error = copy(&path("fifo"), 5).unwrap_err();
        assert!(
            error.message().ends_with("the file changed while it was packed"),
            "{error}"
        );
        let missing = copy(&path("missing"), 5).unwrap_err();
        assert!(missing.message().contains("missing"), "{missing}");
    }

    #[test]
    fn directories_and_fifos_are_no_files() {
        let (_guard, root) = directory();
        let error = file(root, &Budget::new(0)).unwrap_err();
        assert_eq!(error.class(), Class::Local);
        assert!(error.message().contains("a directory"), "{error}");
        #[cfg(unix)]
        {
            let error = file("/dev/null".into(), &Budget::new(0)).unwrap_err();
            assert!(error.message().contains("FIFO, socket or device"), "{error}");
        }
        let missing = file("/no/such/file".into(), &Budget::new(0)).unwrap_err();
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
