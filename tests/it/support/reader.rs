//! An independent reader of layouts and of registries over plain HTTP: nothing of the code under test, so that it can
//! judge what the program leaves behind.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";

/// Where to read.
pub enum Reader {
    Layout(Utf8PathBuf),
    /// Host and repository.
    Registry(String, String),
}

/// The head and the body of the answer to a request.
pub fn http(host: &str, method: &str, path: &str) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(host).unwrap();
    let head = format!("{method} {path} HTTP/1.0\r\nhost: {host}\r\naccept: {ACCEPT}\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let status = String::from_utf8_lossy(&answer[9..12]).parse().unwrap();
    (status, answer[end + 4..].to_vec())
}

impl Reader {
    /// Tags and the digests they name; those of lists of referrers too.
    pub fn tags(&self) -> Vec<(String, String)> {
        match self {
            Reader::Layout(path) => {
                let Ok(text) = fs_err::read_to_string(path.join("index.json")) else {
                    return Vec::new();
                };
                let index: Value = serde_json::from_str(&text).unwrap();
                let name = |entry: &Value| {
                    let tag = entry["annotations"]["org.opencontainers.image.ref.name"].as_str()?;
                    Some((tag.to_owned(), entry["digest"].as_str()?.to_owned()))
                };
                index["manifests"].as_array().unwrap().iter().filter_map(name).collect()
            }
            Reader::Registry(host, repository) => {
                let (status, body) = http(host, "GET", &format!("/v2/{repository}/tags/list"));
                if status != 200 {
                    return Vec::new();
                }
                let list: Value = serde_json::from_slice(&body).unwrap();
                let tags = list["tags"].as_array().cloned().unwrap_or_default();
                // One that names nothing is none: distribution lists a tag whose link it was just about to write when
                // the client went away.
                let resolve = |tag: &Value| {
                    let tag = tag.as_str().unwrap();
                    let digest = sha256(&self.manifest(tag)?);
                    Some((tag.to_owned(), digest))
                };
                tags.iter().filter_map(resolve).collect()
            }
        }
    }

    /// The bytes of a manifest by digest, in a registry also by tag.
    pub fn manifest(&self, name: &str) -> Option<Vec<u8>> {
        match self {
            Reader::Layout(_) => self.blob(name),
            Reader::Registry(host, repository) => {
                let (status, body) = http(host, "GET", &format!("/v2/{repository}/manifests/{name}"));
                (status == 200).then_some(body)
            }
        }
    }

    pub fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        match self {
            Reader::Layout(path) => fs_err::read(blob_path(path, digest)).ok(),
            Reader::Registry(host, repository) => {
                let (status, body) = http(host, "GET", &format!("/v2/{repository}/blobs/{digest}"));
                (status == 200).then_some(body)
            }
        }
    }

    /// What lists say refers to `subject`: entries of the API or of the fallback tag.
    pub fn referrers(&self, subject: &str) -> Vec<Value> {
        let list = match self {
            Reader::Layout(_) => {
                let tag = subject.replace(':', "-");
                let found = self.tags().into_iter().find(|(name, _)| *name == tag);
                found.and_then(|(_, digest)| self.blob(&digest))
            }
            Reader::Registry(host, repository) => {
                let (status, body) = http(host, "GET", &format!("/v2/{repository}/referrers/{subject}"));
                let fallback = || self.manifest(&subject.replace(':', "-"));
                if status == 200 { Some(body) } else { fallback() }
            }
        };
        list.map_or_else(Vec::new, |bytes| {
            let index: Value = serde_json::from_slice(&bytes).unwrap();
            index["manifests"].as_array().cloned().unwrap_or_default()
        })
    }

    /// Fails unless every tag names something whole: its manifests, its blobs, with the right bytes, however deep.
    pub fn check_whole(&self) {
        for (tag, digest) in self.tags() {
            self.check(&tag, &digest);
        }
    }

    /// Fails unless everything that is listed as a referrer of `subject` is whole.
    pub fn check_referrers(&self, subject: &str) {
        for listed in self.referrers(subject) {
            self.check("a referrer", listed["digest"].as_str().unwrap());
        }
    }

    /// Fails unless the manifest `digest` and all below it are there with the right bytes.
    pub fn check(&self, tag: &str, digest: &str) {
        let bytes = self.manifest(digest);
        let bytes = bytes.unwrap_or_else(|| panic!("{tag}: its manifest {digest} isn't there"));
        assert_eq!(sha256(&bytes), digest, "{tag}: a manifest has other bytes");
        let manifest: Value = serde_json::from_slice(&bytes).unwrap();
        let list = |key: &str| manifest[key].as_array().cloned().unwrap_or_default();
        for child in list("manifests") {
            self.check(tag, child["digest"].as_str().unwrap());
        }
        let config = manifest.get("config").cloned();
        for blob in list("layers").into_iter().chain(config) {
            let digest = blob["digest"].as_str().unwrap();
            let bytes = self.blob(digest);
            let bytes = bytes.unwrap_or_else(|| panic!("{tag}: its blob {digest} isn't there"));
            assert_eq!(sha256(&bytes), digest, "{tag}: a blob has other bytes");
        }
    }
}

/// `sha256:HEX` of `bytes`.
pub fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

fn blob_path(layout: &Utf8Path, digest: &str) -> Utf8PathBuf {
    let (algorithm, hex) = digest.split_once(':').unwrap();
    layout.join("blobs").join(algorithm).join(hex)
}
