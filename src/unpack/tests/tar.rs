//! Tars with any header, written with none of the checks of a well-meaning writer; `tests/it` uses them too.

use std::io::Write as _;

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One frame with a checksum.
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A tar, written header by header with none of the checks of a well-meaning writer.
#[derive(Clone, Default)]
pub struct Tar(Vec<u8>);

impl Tar {
    /// With the entry of the directory `docs`.
    pub fn docs() -> Self {
        Tar::default().dir("docs")
    }

    pub fn dir(self, name: &str) -> Self {
        self.entry(b'5', name, "", b"", |header| header.set_mode(0o755))
    }

    pub fn file(self, name: &str, content: &str) -> Self {
        self.entry(b'0', name, "", content.as_bytes(), |_| {})
    }

    pub fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(b'2', name, target, b"", |_| {})
    }

    pub fn hardlink(self, name: &str, target: &str) -> Self {
        self.entry(b'1', name, target, b"", |_| {})
    }

    /// PAX records for the next entry (`x`) or all (`g`).
    pub fn pax(self, kind: u8, records: &[(&str, &str)]) -> Self {
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

    pub fn entry(mut self, kind: u8, name: &str, link: &str, data: &[u8], change: impl Fn(&mut tar::Header)) -> Self {
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
    pub fn open_ended(self) -> Vec<u8> {
        self.0
    }

    pub fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}
