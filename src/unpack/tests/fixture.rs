//! A folder with an output in it and a folder beside it that must never change; tars with any header.

use std::collections::BTreeMap;
use std::io::Write;

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

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One frame with a checksum.
pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A tar, written header by header with none of the checks of a well-meaning writer.
#[derive(Clone, Default)]
pub(super) struct Tar(Vec<u8>);

impl Tar {
    /// With the entry of the directory `docs`.
    pub(super) fn docs() -> Self {
        Tar::default().dir("docs")
    }

    pub(super) fn dir(self, name: &str) -> Self {
        self.entry(b'5', name, "", b"", |header| header.set_mode(0o755))
    }

    pub(super) fn file(self, name: &str, content: &str) -> Self {
        self.entry(b'0', name, "", content.as_bytes(), |_| {})
    }

    pub(super) fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(b'2', name, target, b"", |_| {})
    }

    pub(super) fn hardlink(self, name: &str, target: &str) -> Self {
        self.entry(b'1', name, target, b"", |_| {})
    }

    /// PAX records for the next entry (`x`) or all (`g`).
    pub(super) fn pax(self, kind: u8, records: &[(&str, &str)]) -> Self {
        let mut data = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let mut length = rest + 1;
            while rest + length.to_string().len() != length {
                length += 1;
            }
            data.extend_from_slice(format!("{length} {key}={value}\n").as_bytes());
        }
        self.entry(kind, "pax", "", &data, |_| {})
    }

    pub(super) fn entry(
        mut self,
        kind: u8,
        name: &str,
        link: &str,
        data: &[u8],
        change: impl Fn(&mut tar::Header),
    ) -> Self {
        let mut header = tar::Header::new_ustar();
        let old = header.as_old_mut();
        old.name[..name.len()].copy_from_slice(name.as_bytes());
        old.linkname[..link.len()].copy_from_slice(link.as_bytes());
        old.linkflag = [kind];
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_size(data.len() as u64);
        change(&mut header);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    /// Without end blocks.
    pub(super) fn open_ended(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}
