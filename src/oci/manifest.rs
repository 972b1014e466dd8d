//! Manifests: written as image manifest 1.1; read in every form that ORAS ever wrote; their bytes kept as they came.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::descriptor::null_is_default;
use super::{Annotations, Descriptor, Digest, Index, MANIFEST_LIMIT, names, to_canonical_json};
use crate::error::{Error, Result};

/// A manifest as bytes, with its media type and digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawManifest {
    media_type: String,
    bytes: Bytes,
    digest: Digest,
}

impl RawManifest {
    /// Takes `bytes` as they are; the digest is SHA-256.
    pub fn new(media_type: impl Into<String>, bytes: Bytes) -> Self {
        let digest = Digest::of(&bytes);
        RawManifest {
            media_type: media_type.into(),
            bytes,
            digest,
        }
    }

    /// Takes bytes that were asked for by `digest`, and refuses others.
    pub fn verified(media_type: impl Into<String>, bytes: Bytes, digest: &Digest) -> Result<Self> {
        Descriptor::new("", digest.clone(), bytes.len() as u64)
            .verify(&bytes)
            .map_err(|error| error.context("manifest"))?;
        Ok(RawManifest {
            media_type: media_type.into(),
            bytes,
            digest: digest.clone(),
        })
    }

    /// Takes bytes that we made, unless they are more than registries take.
    ///
    /// # Errors
    /// Usage, above [`MANIFEST_LIMIT`].
    pub fn bounded(media_type: impl Into<String>, bytes: Vec<u8>) -> Result<Self> {
        let bytes = bounded(bytes, "it would be a manifest", "list less in it")?;
        Ok(RawManifest::new(media_type, bytes))
    }

    /// The media type under which it is served.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// The exact bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The digest of the bytes.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Media type, digest and size.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(self.media_type.clone(), self.digest.clone(), self.bytes.len() as u64)
    }

    /// What it says. Refuses a manifest whose `mediaType` differs from the type it was served as, or that is a
    /// manifest and an index at once (CVE-2021-41190), and duplicate keys.
    pub fn content(&self) -> Result<Content> {
        let refuse = |why: String| Error::integrity(format!("manifest {}: {why}", self.digest));
        if strings(&self.bytes) > STRINGS {
            return Err(refuse(format!("it has more than {STRINGS} strings")));
        }
        let read: Read = serde_json::from_slice(&self.bytes).map_err(|error| refuse(error.to_string()))?;
        if let Some(inner) = read.media_type.as_deref().filter(|inner| *inner != self.media_type) {
            return Err(refuse(format!(
                "it says mediaType {inner:?} but was served as {:?}",
                self.media_type
            )));
        }
        let index = read.manifests.is_some();
        if index && (read.layers.is_some() || read.blobs.is_some() || read.config.is_some()) {
            return Err(refuse("it is a manifest and an index at once".to_owned()));
        }
        match self.media_type.as_str() {
            names::IMAGE_INDEX | names::DOCKER_LIST => Ok(Content::Index(Index {
                schema_version: 2,
                media_type: self.media_type.clone(),
                artifact_type: read.artifact_type,
                manifests: read
                    .manifests
                    .ok_or_else(|| refuse("an index without manifests".to_owned()))?,
                subject: read.subject,
                annotations: read.annotations,
            })),
            names::ARTIFACT_MANIFEST | names::ORAS_MANIFEST => Ok(Content::Artifact(Artifact {
                artifact_type: read.artifact_type,
                config: None,
                layers: read.blobs.unwrap_or_default(),
                subject: read.subject,
                annotations: read.annotations,
            })),
            names::IMAGE_MANIFEST | names::DOCKER_MANIFEST => {
                let config = read
                    .config
                    .ok_or_else(|| refuse("an image manifest without config".to_owned()))?;
                // 1.0 packing: the artifact type is the config's media type.
                let artifact_type = read.artifact_type.or_else(|| Some(config.media_type.clone()));
                Ok(Content::Artifact(Artifact {
                    artifact_type,
                    config: Some(config),
                    layers: read.layers.unwrap_or_default(),
                    subject: read.subject,
                    annotations: read.annotations,
                }))
            }
            other => Err(
                refuse(format!("its media type {other:?} is not one of a manifest or an index"))
                    .hint("this version reads OCI and Docker manifests, indexes and ORAS's artifact manifests"),
            ),
        }
    }
}

/// Strings in the JSON of a manifest. Files of the shortest names fill 4 MiB with fewer; annotations and URLs of one
/// letter would take forty times their bytes in memory.
const STRINGS: usize = 250_000;

/// Strings in `json`, keys among them.
fn strings(json: &[u8]) -> usize {
    let (mut quotes, mut escaped) = (0, false);
    for &byte in json {
        quotes += usize::from(byte == b'"' && !escaped);
        escaped = byte == b'\\' && !escaped;
    }
    quotes / 2
}

/// Everything any of the forms may hold.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    blobs: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    #[serde(default, deserialize_with = "null_is_default")]
    annotations: Annotations,
}

/// What a manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "one lives at a time and is taken apart at once"
)]
pub enum Content {
    /// Files: an image manifest or one of the artifact manifests.
    Artifact(Artifact),
    /// A list of manifests.
    Index(Index),
}

impl Content {
    /// What it refers to.
    pub fn subject(&self) -> Option<&Descriptor> {
        match self {
            Content::Artifact(artifact) => artifact.subject.as_ref(),
            Content::Index(index) => index.subject.as_ref(),
        }
    }

    /// Its artifact type.
    pub fn artifact_type(&self) -> Option<&str> {
        match self {
            Content::Artifact(artifact) => artifact.artifact_type.as_deref(),
            Content::Index(index) => index.artifact_type.as_deref(),
        }
    }

    /// Annotations of the manifest.
    pub fn annotations(&self) -> &Annotations {
        match self {
            Content::Artifact(artifact) => &artifact.annotations,
            Content::Index(index) => &index.annotations,
        }
    }
}

/// The files of an artifact, whichever manifest form lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Artifact type; with 1.0 packing, the config's media type.
    pub artifact_type: Option<String>,
    /// The config; absent in artifact manifests.
    pub config: Option<Descriptor>,
    /// Layers, or the blobs of an artifact manifest.
    pub layers: Vec<Descriptor>,
    /// The manifest that this one refers to.
    pub subject: Option<Descriptor>,
    /// Annotations of the manifest.
    pub annotations: Annotations,
}

impl Artifact {
    /// The config, if it is a container image's: it tells the platform.
    pub fn image_config(&self) -> Option<&Descriptor> {
        let kinds = [names::IMAGE_CONFIG, names::DOCKER_CONFIG];
        self.config
            .as_ref()
            .filter(|config| kinds.contains(&config.media_type.as_str()))
    }
}

/// An image manifest 1.1 as we write it, its fields in ORAS's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageManifest {
    schema_version: u8,
    media_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Descriptor>,
    #[serde(skip_serializing_if = "Annotations::is_empty")]
    annotations: Annotations,
}

impl ImageManifest {
    /// An image manifest of `artifact_type`. Without a config the empty one, without layers one empty layer, as the
    /// image spec's guidance for artifacts has it.
    pub fn new(artifact_type: String, config: Option<Descriptor>, layers: Vec<Descriptor>) -> Self {
        ImageManifest {
            schema_version: 2,
            media_type: names::IMAGE_MANIFEST,
            artifact_type: Some(artifact_type),
            config: config.unwrap_or_else(Descriptor::empty),
            layers: if layers.is_empty() {
                vec![Descriptor::empty()]
            } else {
                layers
            },
            subject: None,
            annotations: Annotations::new(),
        }
    }

    /// An image manifest 1.0, which has no `artifactType`: the config's media type stands for it, on a config of `{}`
    /// where there is none. Layers may be none.
    pub fn image_1_0(artifact_type: &str, config: Option<Descriptor>, layers: Vec<Descriptor>) -> Self {
        let empty = || {
            let empty = Descriptor::empty();
            Descriptor::new(artifact_type, empty.digest, empty.size)
        };
        ImageManifest {
            schema_version: 2,
            media_type: names::IMAGE_MANIFEST,
            artifact_type: None,
            config: config.unwrap_or_else(empty),
            layers,
            subject: None,
            annotations: Annotations::new(),
        }
    }

    /// With annotations.
    #[must_use]
    pub fn annotations(mut self, annotations: Annotations) -> Self {
        self.annotations = annotations;
        self
    }

    /// With a subject, which makes it a referrer.
    #[must_use]
    pub fn subject(mut self, subject: Option<Descriptor>) -> Self {
        self.subject = subject;
        self
    }

    /// The config and the layers: the blobs that must be stored before the manifest.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        std::iter::once(&self.config).chain(&self.layers)
    }

    /// The bytes that are pushed.
    ///
    /// # Errors
    /// Above [`MANIFEST_LIMIT`]: a usage error, since the spec lists too many files.
    pub fn to_raw(&self) -> Result<RawManifest> {
        let what = format!("its {} files make a manifest", self.layers.len());
        let hint = "push a directory as one layer, or split the files over several artifacts";
        let bytes = bounded(to_canonical_json(self)?, &what, hint)?;
        Ok(RawManifest::new(names::IMAGE_MANIFEST, bytes))
    }
}

/// `bytes`, unless they are more than registries take.
pub(super) fn bounded(bytes: Vec<u8>, what: &str, hint: &str) -> Result<Bytes> {
    if bytes.len() <= MANIFEST_LIMIT {
        return Ok(bytes.into());
    }
    let error = Error::usage(format!(
        "{what} of {} bytes, more than the {MANIFEST_LIMIT} that registries take",
        bytes.len()
    ));
    Err(error.hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn created(at: &str) -> Annotations {
        [(names::CREATED.to_owned(), at.to_owned())].into()
    }

    /// ORAS's own bytes for the same content: facts from its test data, pinned by digest.
    #[test]
    fn golden_manifest_of_oras_with_one_layer() {
        let digest = "sha256:2960eae76dd7cc515c0979f63ebc2811b060e02923dba10a7d9d1ca11890065f";
        let mut layer = Descriptor::new(names::LAYER_TAR, digest.parse().unwrap(), 25);
        layer.annotations.insert(names::TITLE.to_owned(), "amd64".to_owned());
        let manifest = ImageManifest::new(names::UNKNOWN_ARTIFACT.to_owned(), None, vec![layer])
            .annotations(created("2025-06-05T04:26:28Z"));
        let raw = manifest.to_raw().unwrap();
        assert_eq!(raw.bytes().len(), 584);
        assert_eq!(
            raw.digest().to_string(),
            "sha256:ab01d6e284e843d51fb5e753904a540f507a62361a5fd7e434e4f27b285ca5c9"
        );
    }

    #[test]
    fn golden_manifest_of_oras_without_files() {
        let manifest = ImageManifest::new("test/empty.artifact".to_owned(), None, Vec::new())
            .annotations(created("2023-11-06T08:07:54Z"));
        let raw = manifest.to_raw().unwrap();
        assert_eq!(raw.bytes().len(), 519);
        assert_eq!(
            raw.digest().to_string(),
            "sha256:7156dd4030da2375969c4da97e051d907f54ff8e9d28cc82c57289bbd22e3f9f"
        );
    }

    #[test]
    fn strings_are_counted_and_those_of_a_full_manifest_are_not_too_many() {
        assert_eq!(strings(br#"{"a\"b":"\\","c":["\\\"",1]}"#), 4);
        let mut layer = Descriptor::new("a/b", Digest::of(b""), 1);
        layer.annotations.insert(names::TITLE.to_owned(), "a".to_owned());
        let one = to_canonical_json(&layer).unwrap();
        assert!(MANIFEST_LIMIT / (one.len() + 1) * strings(&one) < STRINGS);
    }

    #[test]
    fn hybrids_and_lies_are_refused() {
        let content = |media_type: &str, json: &str| RawManifest::new(media_type, json.to_owned().into()).content();
        let config = format!(r#"{{"mediaType":"a/b","digest":"{}","size":2}}"#, Digest::of(b"{}"));
        assert!(
            content(
                names::IMAGE_MANIFEST,
                &format!(r#"{{"config":{config},"layers":null}}"#)
            )
            .is_ok()
        );
        for (media_type, json) in [
            (
                names::IMAGE_MANIFEST,
                format!(r#"{{"config":{config},"layers":[],"manifests":[]}}"#),
            ),
            (names::IMAGE_INDEX, format!(r#"{{"config":{config},"manifests":[]}}"#)),
            (
                names::IMAGE_INDEX,
                format!(r#"{{"mediaType":"{}","manifests":[]}}"#, names::IMAGE_MANIFEST),
            ),
            (
                names::IMAGE_MANIFEST,
                format!(r#"{{"config":{config},"config":{config}}}"#),
            ),
            (
                names::IMAGE_MANIFEST,
                format!(r#"{{"config":{}}}"#, config.replace(":2}", ":-2}")),
            ),
            (names::IMAGE_MANIFEST, "[".repeat(100_000)),
            ("text/html", "{}".to_owned()),
        ] {
            assert!(content(media_type, &json).is_err(), "{media_type} {json:.80}");
        }
    }
}
