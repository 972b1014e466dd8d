//! Descriptors: what a manifest says about a blob or about another manifest.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Digest, names};
use crate::error::{Error, Result};

/// Bytes that a text takes beside its own, about.
const TEXT: usize = 48;

/// Annotations, sorted by key as they are written.
pub type Annotations = BTreeMap<String, String>;

/// A descriptor (image-spec 1.1, "OCI Content Descriptors"), its fields in the order in which ORAS writes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Media type of the content; free text here, since registries serve what others pushed.
    pub media_type: String,
    /// Digest of the content.
    pub digest: Digest,
    /// Size of the content in bytes; negative or fractional ones do not parse.
    #[serde(deserialize_with = "size")]
    pub size: u64,
    /// Foreign URLs: kept, never followed (CVE-2020-15157 of containerd).
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_default")]
    pub urls: Vec<String>,
    /// Annotations.
    #[serde(
        default,
        skip_serializing_if = "Annotations::is_empty",
        deserialize_with = "null_is_default"
    )]
    pub annotations: Annotations,
    /// The content itself in base64; believed only through [`Descriptor::inline`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Platform, on a manifest in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Artifact type of a manifest that this describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

/// A size, whose name an error has: a manifest has many numbers.
fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    u64::deserialize(deserializer).map_err(|error| D::Error::custom(format_args!("a descriptor's size: {error}")))
}

/// Whether `media_type` is that of an index, or of Docker's list.
pub fn is_index(media_type: &str) -> bool {
    [names::IMAGE_INDEX, names::DOCKER_LIST].contains(&media_type)
}

impl Descriptor {
    /// A descriptor with nothing optional.
    pub fn new(media_type: impl Into<String>, digest: Digest, size: u64) -> Self {
        Descriptor {
            media_type: media_type.into(),
            digest,
            size,
            urls: Vec::new(),
            annotations: Annotations::new(),
            data: None,
            platform: None,
            artifact_type: None,
        }
    }

    /// The descriptor of `{}`, with its data, as ORAS writes it for an absent config and for no layers.
    pub fn empty() -> Self {
        let mut empty = Descriptor::new(names::EMPTY, Digest::of(b"{}"), 2);
        empty.data = Some("e30=".to_owned());
        empty
    }

    /// Whether it says that the content is an index, or Docker's list.
    pub fn is_index(&self) -> bool {
        is_index(&self.media_type)
    }

    /// The title: the file name that pull gives the content.
    pub fn title(&self) -> Option<&str> {
        self.annotations.get(names::TITLE).map(String::as_str)
    }

    /// Bytes that it takes in memory beside digest and size, about: what bounds a list of descriptors that another
    /// wrote.
    pub fn weight(&self) -> usize {
        let annotations = self
            .annotations
            .iter()
            .map(|(key, value)| key.len() + value.len() + 2 * TEXT);
        let texts = [self.data.as_ref(), self.artifact_type.as_ref()];
        let platform = self.platform.as_ref().map_or(0, |platform| {
            let more = [platform.os_version.as_ref(), platform.variant.as_ref()];
            let more: usize = more.into_iter().flatten().map(String::len).sum();
            platform.os.len() + platform.architecture.len() + more
        });
        let lengths = self
            .urls
            .iter()
            .chain(texts.into_iter().flatten())
            .map(|text| text.len() + TEXT);
        self.media_type.len() + annotations.chain(lengths).sum::<usize>() + platform
    }

    /// The content in `data`, when there is some; it must match size and digest.
    pub fn inline(&self) -> Result<Option<Vec<u8>>> {
        use base64::Engine as _;
        let Some(data) = &self.data else { return Ok(None) };
        let wrong = |why: &str| Error::integrity(format!("data of the descriptor of {}: {why}", self.digest));
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(data)
            .map_err(|_| wrong("it is not valid base64"))?;
        self.verify(&bytes).map_err(|error| wrong(error.message()))?;
        Ok(Some(bytes))
    }

    /// Whether `bytes` have the size and the digest of this descriptor.
    pub fn verify(&self, bytes: &[u8]) -> Result<()> {
        if bytes.len() as u64 != self.size {
            return Err(Error::integrity(format!(
                "{}: {} bytes instead of {}",
                self.digest,
                bytes.len(),
                self.size
            )));
        }
        let mut hasher = super::Hasher::new(self.digest.algorithm());
        hasher.update(bytes);
        let found = hasher.finish();
        if found != self.digest {
            return Err(Error::integrity(format!(
                "{}: the bytes have the digest {found}",
                self.digest
            )));
        }
        Ok(())
    }
}

/// `os/architecture[/variant]` of a manifest in an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Platform {
    /// Architecture, in Go's terms (`amd64`).
    pub architecture: String,
    /// Operating system, in Go's terms (`linux`).
    pub os: String,
    /// Version of the operating system (Windows images).
    #[serde(rename = "os.version", default, skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// Variant of the architecture (`v7`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Platform {
    /// Whether this, of an entry of an index, is what `wanted` asks for. A variant or version that isn't asked for
    /// may be any. `arm64` is `arm64/v8`, as in containerd: builders write either.
    pub fn matches(&self, wanted: &Platform) -> bool {
        let variant = |platform: &Platform| match (platform.architecture.as_str(), platform.variant.as_deref()) {
            ("arm64", Some("v8")) => None,
            (_, variant) => variant.filter(|variant| !variant.is_empty()).map(str::to_owned),
        };
        let any_or_equal = |wanted: Option<String>, found: Option<String>| wanted.is_none() || wanted == found;
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && any_or_equal(variant(wanted), variant(self))
            && any_or_equal(wanted.os_version.clone(), self.os_version.clone())
    }
}

impl std::str::FromStr for Platform {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parts: Vec<&str> = text.split('/').collect();
        let sound = |part: &&str| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
        };
        match parts.as_slice() {
            [os, architecture, variant @ ..] if variant.len() <= 1 && parts.iter().all(sound) => Ok(Platform {
                architecture: (*architecture).to_owned(),
                os: (*os).to_owned(),
                os_version: None,
                variant: variant.first().map(|&variant| variant.to_owned()),
            }),
            _ => Err(Error::usage(format!("{text:?} is not a platform"))
                .hint("write OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT in lower case, such as linux/arm64/v8")),
        }
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

/// Some registries write `null` for an empty list or map (rust-oci-client 779dfe6).
pub(super) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_that_cannot_be_is_named() {
        let digest = Digest::of(b"");
        for size in ["-1", "1.5", "\"1\"", "18446744073709551616"] {
            let text = format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":{size}}}"#);
            let error = serde_json::from_str::<Descriptor>(&text).unwrap_err().to_string();
            assert!(
                error.starts_with("a descriptor's size: ") && error.contains("expected u64"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_platform_matches_in_what_is_asked_for() {
        let platform = |text: &str| text.parse::<Platform>().unwrap();
        for (found, wanted, matches) in [
            ("linux/amd64", "linux/amd64", true),
            ("linux/amd64", "windows/amd64", false),
            ("linux/amd64", "linux/arm64", false),
            ("linux/arm/v7", "linux/arm", true),
            ("linux/arm/v7", "linux/arm/v6", false),
            ("linux/arm", "linux/arm/v7", false),
            ("linux/arm64", "linux/arm64/v8", true),
            ("linux/arm64/v8", "linux/arm64", true),
            ("linux/arm64/v8", "linux/arm64/v9", false),
            ("linux/arm64", "linux/arm64/v9", false),
        ] {
            assert_eq!(platform(found).matches(&platform(wanted)), matches, "{found} {wanted}");
        }
        let mut windows = platform("windows/amd64");
        windows.os_version = Some("10.0.20348.1".to_owned());
        assert!(windows.matches(&platform("windows/amd64")));
        assert!(!platform("windows/amd64").matches(&windows));
    }
}
