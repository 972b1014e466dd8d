//! What a layout says, wherever its files are: in a directory or in a tar.

use std::sync::Arc;

use super::index::Index;
use crate::error::{Class, Error, Result};
use crate::oci::{Content, Descriptor, Digest, MANIFEST_LIMIT, RawManifest};
use crate::reference::{Location, Pointer};

/// Marks a layout and gives its version.
pub(in crate::store) const MARKER: &str = "oci-layout";

/// The marker's one version so far, and its bytes as ORAS writes them.
const VERSION: &str = "1.0.0";
pub(in crate::store) const MARKER_BYTES: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// A marker is some thirty bytes; nothing good is longer than this.
pub(in crate::store) const MARKER_LIMIT: usize = 64 * 1024;

/// The files of a layout.
pub(in crate::store) trait Contents {
    /// Whether there is a layout.
    fn there(&self) -> Result<bool>;

    /// `index.json`.
    fn index(&self) -> Result<Arc<Index>>;

    /// The size of a blob in bytes, `None` if it isn't there.
    fn size(&self, digest: &Digest) -> Result<Option<u64>>;

    /// A blob of at most `limit` bytes, unverified.
    fn bytes(&self, digest: &Digest, limit: usize) -> Result<Option<Vec<u8>>>;

    /// Where a blob lies, for a person.
    fn place(&self, digest: &Digest) -> String;
}

/// Checks the bytes of [`MARKER`].
pub(in crate::store) fn check_marker(bytes: &[u8]) -> Result<()> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Marker {
        image_layout_version: String,
    }
    let marker: Marker = serde_json::from_slice(bytes).map_err(|error| Error::integrity(error.to_string()))?;
    if marker.image_layout_version == VERSION {
        return Ok(());
    }
    let version = marker.image_layout_version;
    Err(Error::integrity(format!("the image layout has version {version:?}")).hint("this program reads version 1.0.0"))
}

/// What `pointer` names. A digest need not stand in the index: a manifest that an index lists, or that lost its tag,
/// is found among the blobs, as a registry finds it.
pub(in crate::store) fn find(contents: &impl Contents, pointer: &Pointer) -> Result<Option<Descriptor>> {
    match (listed(contents, pointer)?, pointer) {
        (Some(entry), _) => {
            let there = contents.size(&entry.digest)? == Some(entry.size);
            Ok(there.then_some(entry))
        }
        (None, Pointer::Digest(digest)) => manifest_among_blobs(contents, digest),
        (None, Pointer::Tag(_)) => Ok(None),
    }
}

/// The manifest that `pointer` names.
pub(in crate::store) fn get(contents: &impl Contents, pointer: &Pointer) -> Result<Option<RawManifest>> {
    match find(contents, pointer)? {
        Some(found) => read_manifest(contents, &found).map(Some),
        // Listed and there, but of another size: damaged, not missing.
        None => match listed(contents, pointer)? {
            Some(entry) if contents.size(&entry.digest)?.is_some() => read_manifest(contents, &entry).map(Some),
            _ => Ok(None),
        },
    }
}

/// Nothing is at `location`. `what` is an image layout or an archive.
pub(in crate::store) fn missing(location: &Location, what: &str) -> Error {
    Error::new(Class::NotFound, format!("{location}: there is no {what}"))
        .hint("check the path: it is relative to `working-directory`")
}

/// The entry that `manifest` gets in the index, and what it lists, which has to be there before it.
pub(in crate::store) fn entry(manifest: &RawManifest) -> Result<(Descriptor, Vec<Descriptor>)> {
    let mut entry = manifest.descriptor();
    let listed = match manifest.content()? {
        Content::Artifact(artifact) => {
            entry.artifact_type = artifact.artifact_type;
            artifact.config.into_iter().chain(artifact.layers).collect()
        }
        Content::Index(index) => {
            entry.artifact_type = index.artifact_type;
            index.manifests
        }
    };
    Ok((entry, listed))
}

/// Checks that all that `manifest` lists is there. `what` is an image layout or an archive.
pub(in crate::store) fn check_listed(
    contents: &impl Contents,
    manifest: &RawManifest,
    listed: &[Descriptor],
    what: &str,
) -> Result<()> {
    for blob in listed.iter().filter(|blob| blob.urls.is_empty()) {
        if contents.size(&blob.digest)? != Some(blob.size) {
            let title = blob.title().map(|title| format!(" ({title:?})")).unwrap_or_default();
            return Err(Error::new(
                Class::NotFound,
                format!(
                    "manifest {}: its blob {}{title} is not in the {what}",
                    manifest.digest(),
                    blob.digest
                ),
            ));
        }
    }
    Ok(())
}

/// The entry of the index.
fn listed(contents: &impl Contents, pointer: &Pointer) -> Result<Option<Descriptor>> {
    if !contents.there()? {
        return Ok(None);
    }
    let index = contents.index()?;
    Ok(match pointer {
        Pointer::Tag(tag) => index.tagged(tag),
        Pointer::Digest(digest) => index.entry(digest),
    })
}

/// The descriptor of the blob `digest` if it is a manifest that says its own media type.
fn manifest_among_blobs(contents: &impl Contents, digest: &Digest) -> Result<Option<Descriptor>> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Typed {
        media_type: String,
    }

    if contents.size(digest)?.is_none_or(|size| size > MANIFEST_LIMIT as u64) {
        return Ok(None);
    }
    let bytes = contents.bytes(digest, MANIFEST_LIMIT)?.unwrap_or_default();
    let Ok(Typed { media_type }) = serde_json::from_slice(&bytes) else {
        return Ok(None);
    };
    let manifest = RawManifest::verified(media_type, bytes.into(), digest)?;
    Ok(manifest.content().is_ok().then(|| manifest.descriptor()))
}

/// The manifest that `found` describes, verified.
pub(in crate::store) fn read_manifest(contents: &impl Contents, found: &Descriptor) -> Result<RawManifest> {
    let bytes = contents.bytes(&found.digest, MANIFEST_LIMIT)?.unwrap_or_default();
    found
        .verify(&bytes)
        .map_err(|error| error.context(contents.place(&found.digest)))?;
    RawManifest::verified(found.media_type.clone(), bytes.into(), &found.digest)
}
