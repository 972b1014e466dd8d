//! Manifests and indexes whose bytes are kept as they came.

use bytes::Bytes;

use super::{Descriptor, Digest, MANIFEST_LIMIT};
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
