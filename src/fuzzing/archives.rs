//! Archives and compressed streams, as a hostile artifact has them.
#![cfg_attr(
    not(unix),
    allow(dead_code, unused_imports, reason = "links and names of the target tar are Unix's")
)]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use futures_util::stream;

use crate::error::Result;
use crate::oci::{Descriptor, Digest};
use crate::pack::{self, Budget, Packed};
use crate::report::{Direction, Report};
use crate::store::{BlobSource, BlobStream};
use crate::unpack::{Limits, Output, decoded};

/// More than a stream of a fuzzer's size gives, unless it is a bomb.
const LIMIT: u64 = 1 << 20;

const BLOCK: usize = 512;

fn wait<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// The blob, in pieces that cut headers.
fn blob(data: &[u8]) -> (Descriptor, BlobStream) {
    let descriptor = Descriptor::new("application/octet-stream", Digest::of(data), data.len() as u64);
    let (first, rest) = data.split_at(data.len().min(3));
    let pieces = std::iter::once(first)
        .chain(rest.chunks(700))
        .filter(|piece| !piece.is_empty());
    let pieces: Vec<_> = pieces.map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    (descriptor, Box::pin(stream::iter(pieces)))
}

/// Whatever the archive says: nothing outside of the directory, nothing at all of what is refused, no link that leads
/// out, and no more bytes than allowed.
#[cfg(unix)]
pub(super) fn tar(data: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let base = Utf8PathBuf::from_path_buf(fs_err::canonicalize(folder.path()).unwrap()).unwrap();
    fs_err::create_dir_all(base.join("out/docs/b")).unwrap();
    fs_err::write(base.join("out/docs/there"), "there").unwrap();
    fs_err::write(base.join("secret"), "secret").unwrap();
    let before = tree(&base);
    let mut data = data.to_vec();
    repair(&mut data);
    let result = unpack(&base.join("out"), &data);
    let after = tree(&base);
    if result.is_err() {
        assert_eq!(after, before);
        return;
    }
    let own = base.join("out/docs");
    for (path, what) in &before {
        assert!(
            path.starts_with("out/docs/") || after.get(path) == Some(what),
            "{path} has changed"
        );
    }
    let mut bytes = 0;
    for (path, what) in &after {
        assert!(
            path.starts_with("out/docs/") || before.contains_key(path),
            "{path} is outside"
        );
        bytes += what.len() as u64;
        if let Ok(real) = fs_err::canonicalize(base.join(path)) {
            let inside = real.starts_with(&own) || !path.starts_with("out/docs/");
            assert!(inside, "{path} leads to {}", real.display());
        }
    }
    assert!(bytes <= LIMIT + 1024);
}

#[cfg(unix)]
fn unpack(output: &Utf8Path, data: &[u8]) -> Result<Utf8PathBuf> {
    let output = Output::open(output)?;
    let limits = Limits {
        bytes: Some(LIMIT),
        entries: 500,
        ..Limits::default()
    };
    let (descriptor, stream) = blob(data);
    let progress = Report::silent().transfer(Direction::Down, "docs", descriptor.size);
    wait(output.unpack("docs", &descriptor, None, stream, limits, &progress))
}

/// Path and content, target or kind of all in `base`, but for permissions.
#[cfg(unix)]
fn tree(base: &Utf8Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in walkdir::WalkDir::new(base).min_depth(1) {
        let entry = entry.unwrap();
        let path: &Path = entry.path().strip_prefix(base).unwrap();
        let kind = entry.file_type();
        let what = if kind.is_symlink() {
            fs_err::read_link(entry.path())
                .unwrap()
                .into_os_string()
                .into_encoded_bytes()
        } else if kind.is_dir() {
            b"/".to_vec()
        } else {
            assert!(kind.is_file(), "{path:?} is no file");
            fs_err::read(entry.path()).unwrap()
        };
        found.insert(path.to_string_lossy().into_owned(), what);
    }
    found
}

/// Gives each header the right checksum, without which nothing behind the first one would ever be read.
fn repair(data: &mut [u8]) {
    let mut rest = data;
    while let Some((block, behind)) = rest.split_at_mut_checked(BLOCK) {
        let mut header = ::tar::Header::new_old();
        header.as_mut_bytes().copy_from_slice(block);
        if block.iter().any(|&byte| byte != 0) {
            header.set_cksum();
            block.copy_from_slice(header.as_bytes());
        }
        let size = header.entry_size().unwrap_or(0);
        let data = usize::try_from(size)
            .unwrap_or(usize::MAX)
            .div_ceil(BLOCK)
            .saturating_mul(BLOCK);
        rest = behind.split_at_mut_checked(data).map_or(&mut [], |(_, behind)| behind);
    }
}

/// A stream decodes to what another decoder makes of it, or is refused; what we pack comes back.
pub(super) fn gzip(data: &[u8]) {
    let mut blob = vec![0x1f, 0x8b];
    blob.extend_from_slice(data);
    if let Ok(found) = decode(&blob) {
        let mut other = vec![0; found.len()];
        let mut one = libdeflater::Decompressor::new();
        // It reads the first member of several.
        if let Ok(length) = one.gzip_decompress(&blob, &mut other) {
            assert!(found.starts_with(&other[..length]));
        }
        assert!(crc_is_right(&blob, &found));
    }
    if !packs(data) {
        return;
    }
    let budget = Budget::new(usize::MAX);
    let (packed, unpacked) = pack::gzip::compress(2, &budget, |out| Ok(std::io::Write::write_all(out, data)?)).unwrap();
    comes_back(&packed, &unpacked, data);
}

/// The trailer of the last member (RFC 1952 §2.3.1), of a stream with one member alone.
fn crc_is_right(blob: &[u8], found: &[u8]) -> bool {
    let mut one = flate2::bufread::GzDecoder::new(blob);
    let mut first = Vec::new();
    one.read_to_end(&mut first).is_err() || first.len() != found.len() || {
        let crc = blob.len().checked_sub(8).and_then(|at| blob.get(at..at + 4)).unwrap();
        crc == crc32fast::hash(found).to_le_bytes()
    }
}

/// The same of zstd. Its other decoder is libzstd's for whole buffers.
pub(super) fn zstd(data: &[u8]) {
    let mut blob = vec![0x28, 0xb5, 0x2f, 0xfd];
    blob.extend_from_slice(data);
    if let Ok(found) = decode(&blob) {
        let whole = ::zstd::bulk::decompress(&blob, found.len());
        assert!(whole.is_err() || whole.unwrap() == found);
    }
    if !packs(data) {
        return;
    }
    let budget = Budget::new(usize::MAX);
    let (packed, unpacked) = pack::zstd::compress(2, &budget, |out| Ok(std::io::Write::write_all(out, data)?)).unwrap();
    comes_back(&packed, &unpacked, data);
}

/// Packing takes megabytes and threads: one input in eight, else hardly any would be unpacked.
fn packs(data: &[u8]) -> bool {
    data.len().is_multiple_of(8)
}

fn decode(data: &[u8]) -> Result<Vec<u8>> {
    let (descriptor, stream) = blob(data);
    let result = wait(decoded(&descriptor, stream, LIMIT));
    assert!(result.as_ref().map_or(0, Vec::len) as u64 <= LIMIT);
    result
}

fn comes_back(packed: &Packed, unpacked: &Digest, data: &[u8]) {
    let BlobSource::Pieces(pieces) = &packed.source else {
        panic!("not in memory")
    };
    let bytes = pieces.concat();
    assert_eq!((packed.size, &packed.digest), (bytes.len() as u64, &Digest::of(&bytes)));
    assert_eq!(unpacked, &Digest::of(data));
    assert!(decode(&bytes).unwrap() == data);
}
