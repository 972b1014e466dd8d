//! What a manifest says, in every form that ORAS ever wrote.

use serde::Deserialize;

use super::descriptor::null_is_default;
use super::{Annotations, Descriptor, Index, RawManifest, names};
use crate::error::{Error, Result};

/// What a manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "a few live at a time, and their lists are what weighs"
)]
pub enum Content {
    /// Files: an image manifest or one of the artifact manifests.
    Artifact(Artifact),
    /// A list of manifests.
    Index(Index),
}

impl RawManifest {
    /// What it says. Refuses a manifest whose `mediaType` differs from the type it was served as, or that is a
    /// manifest and an index at once (CVE-2021-41190), and duplicate keys.
    pub fn content(&self) -> Result<Content> {
        let refuse = |why: String| Error::integrity(format!("manifest {}: {why}", self.digest()));
        let (parts, depth) = parts(self.bytes());
        if parts > PARTS || depth > DEPTH {
            return Err(refuse(format!(
                "it has more than {PARTS} strings, separators and brackets, or {DEPTH} brackets in each other"
            )));
        }
        let read: Read = serde_json::from_slice(self.bytes()).map_err(|error| refuse(error.to_string()))?;
        if let Some(inner) = read.media_type.as_deref().filter(|inner| *inner != self.media_type()) {
            return Err(refuse(format!(
                "it says mediaType {inner:?} but was served as {:?}",
                self.media_type()
            )));
        }
        let index = read.manifests.is_some();
        if index && (read.layers.is_some() || read.blobs.is_some() || read.config.is_some()) {
            return Err(refuse("it is a manifest and an index at once".to_owned()));
        }
        match self.media_type() {
            names::IMAGE_INDEX | names::DOCKER_LIST => Ok(Content::Index(Index {
                schema_version: 2,
                media_type: self.media_type().to_owned(),
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

/// What the JSON of a manifest may have of strings, separators and brackets. Files of the shortest names fill 4 MiB
/// with fewer; annotations and URLs of one letter, or lists of nothing, would take forty times their bytes in memory.
const PARTS: usize = 400_000;

/// Brackets that may be open at once: printed with indentation, each line would begin with twice as many spaces.
const DEPTH: usize = 32;

/// Strings, separators and opening brackets in `json`, and how many brackets are open at once.
fn parts(json: &[u8]) -> (usize, usize) {
    let (mut parts, mut open, mut deepest) = (0, 0usize, 0);
    let (mut text, mut escaped) = (false, false);
    for &byte in json {
        if text {
            text = byte != b'"' || escaped;
            escaped = byte == b'\\' && !escaped;
            continue;
        }
        match byte {
            b'"' => text = true,
            b',' => {}
            b'[' | b'{' => open += 1,
            b']' | b'}' => {
                open = open.saturating_sub(1);
                continue;
            }
            _ => continue,
        }
        parts += 1;
        deepest = deepest.max(open);
    }
    (parts, deepest)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::{Digest, MANIFEST_LIMIT, to_canonical_json};

    #[test]
    fn parts_are_counted_and_those_of_a_full_manifest_are_not_too_many() {
        assert_eq!(parts(br#"{"a\"b":"\\","c":["\\\"",1,[]],"d,[":{}}"#), (13, 3));
        let mut layer = Descriptor::new("a/b", Digest::of(b""), 1);
        layer.annotations.insert(names::TITLE.to_owned(), "a".to_owned());
        let one = to_canonical_json(&layer).unwrap();
        assert!(MANIFEST_LIMIT / (one.len() + 1) * (parts(&one).0 + 1) < PARTS);
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
