//! A folder with an output in it and a folder beside it that must never change.

use std::collections::BTreeMap;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use futures_util::stream;

use crate::error::{Class, Error, Result};
use crate::oci::{Descriptor, Digest};
use crate::report::{Direction, Report};
use crate::store::BlobStream;
use crate::unpack::{Limits, Output};

pub(super) struct Fixture {
    _folder: tempfile::TempDir,
    pub(super) base: Utf8PathBuf,
    pub(super) output: Output,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let base = Utf8Path::from_path(folder.path()).unwrap().to_owned();
        fs_err::create_dir_all(base.join("outside")).unwrap();
        fs_err::write(base.join("outside/secret"), "secret").unwrap();
        let output = Output::open(&base.join("out")).unwrap();
        Fixture {
            _folder: folder,
            base,
            output,
        }
    }

    pub(super) fn out(&self, path: &str) -> Utf8PathBuf {
        self.base.join("out").join(path)
    }

    pub(super) fn put(&self, path: &str, content: &str) {
        let path = self.out(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }

    pub(super) fn link(&self, target: &str, path: &str) {
        fs_err::os::unix::fs::symlink(target, self.out(path)).unwrap();
    }

    /// Everything in the folder, the output's neighbours too: path → content, target, or `/` for a directory.
    pub(super) fn tree(&self) -> BTreeMap<String, String> {
        let entries = walkdir::WalkDir::new(&self.base).min_depth(1);
        let describe = |entry: walkdir::DirEntry| {
            let path = entry
                .path()
                .strip_prefix(&self.base)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let kind = entry.file_type();
            let what = if kind.is_symlink() {
                format!("-> {}", fs_err::read_link(entry.path()).unwrap().display())
            } else if kind.is_dir() {
                "/".to_owned()
            } else {
                String::from_utf8_lossy(&fs_err::read(entry.path()).unwrap()).into_owned()
            };
            (path, what)
        };
        entries.into_iter().map(|entry| describe(entry.unwrap())).collect()
    }

    pub(super) fn mode(&self, path: &str) -> u32 {
        std::os::unix::fs::PermissionsExt::mode(&fs_err::symlink_metadata(self.out(path)).unwrap().permissions())
    }

    pub(super) async fn write(&self, title: &str, content: &[u8], executable: bool) -> Result<Utf8PathBuf> {
        self.write_as(title, &describe(content), pieces(content), executable)
            .await
    }

    pub(super) async fn write_as(
        &self,
        title: &str,
        blob: &Descriptor,
        stream: BlobStream,
        executable: bool,
    ) -> Result<Utf8PathBuf> {
        let progress = Report::silent().transfer(Direction::Down, title, blob.size);
        self.output.write_file(title, blob, stream, executable, &progress).await
    }

    pub(super) async fn unpack(&self, title: &str, blob: &[u8]) -> Result<Utf8PathBuf> {
        self.unpack_with(title, blob, None, Limits::default()).await
    }

    pub(super) async fn unpack_with(
        &self,
        title: &str,
        blob: &[u8],
        expected: Option<&Digest>,
        limits: Limits,
    ) -> Result<Utf8PathBuf> {
        let descriptor = describe(blob);
        let progress = Report::silent().transfer(Direction::Down, title, descriptor.size);
        self.output
            .unpack(title, &descriptor, expected, pieces(blob), limits, &progress)
            .await
    }

    /// Unpacking `docs` is refused, as damaged or hostile, and leaves everything as it was.
    pub(super) async fn refuses(&self, blob: &[u8], why: &str) {
        let before = self.tree();
        let error = self.unpack("docs", blob).await.expect_err(why);
        assert!(error.message().contains(why), "{error} does not say {why:?}");
        assert_eq!(error.class(), Class::Integrity, "{error}");
        assert_eq!(self.tree(), before, "{error}");
    }
}

pub(super) fn describe(blob: &[u8]) -> Descriptor {
    Descriptor::new("application/octet-stream", Digest::of(blob), blob.len() as u64)
}

/// The bytes in pieces that cut headers and magic numbers.
pub(super) fn pieces(bytes: &[u8]) -> BlobStream {
    let first = bytes.len().min(1);
    let (head, tail) = bytes.split_at(first);
    let mut all = vec![Ok(Bytes::copy_from_slice(head))];
    all.extend(tail.chunks(70_001).map(|piece| Ok(Bytes::copy_from_slice(piece))));
    Box::pin(stream::iter(all))
}

/// A stream that fails after `bytes`.
pub(super) fn broken(bytes: &[u8]) -> BlobStream {
    let fault = Err(Error::new(Class::Network, "connection reset"));
    Box::pin(stream::iter([Ok(Bytes::copy_from_slice(bytes)), fault]))
}
