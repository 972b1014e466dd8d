//! Image manifests as we write them.

use serde::Serialize;

use super::raw_manifest::bounded;
use super::{Annotations, Descriptor, RawManifest, names, to_canonical_json};
use crate::error::Result;

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
    /// Above [`super::MANIFEST_LIMIT`]: a usage error, since the spec lists too many files.
    pub fn to_raw(&self) -> Result<RawManifest> {
        let what = format!("its {} files make a manifest", self.layers.len());
        let hint = "push a directory as one layer, or split the files over several artifacts";
        let bytes = bounded(to_canonical_json(self)?, &what, hint)?;
        Ok(RawManifest::new(names::IMAGE_MANIFEST, bytes))
    }
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
}
