//! What an index lists, as descriptors: artifacts of this run, and what is in the repository already.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::error::{Class, Error, Result};
use crate::oci::{Artifact as Files, Content, Descriptor, Platform, RawManifest, names};
use crate::plan::{Artifact, Body};
use crate::reference::Pointer;
use crate::spec::{ManifestSpec, ManifestTarget};
use crate::store::Store;
use crate::transfer::prepare::Prepared;

/// What this run pushed, or found there, by the artifacts' names: as an index lists it.
pub(in crate::ops) type There = HashMap<String, Descriptor>;

/// Manifests that are looked up at once.
const AT_ONCE: usize = 8;

/// A config above this is no image's.
const CONFIG_LIMIT: u64 = 4 * 1024 * 1024;

/// An artifact of this run, as an index lists it.
pub(super) fn entry(artifact: &Artifact, prepared: &Prepared) -> Descriptor {
    Descriptor {
        artifact_type: prepared.artifact_type.clone(),
        platform: artifact.platform.clone(),
        ..prepared.manifest.descriptor()
    }
}

/// What `artifact` lists; nothing if it is no index.
///
/// # Errors
/// As [`find`].
pub(super) async fn of(artifact: &Artifact, there: &There, store: &Store) -> Result<Vec<Descriptor>> {
    match &artifact.body {
        Body::Index(index) => find(&index.manifests, there, store).await,
        Body::Files(_) => Ok(Vec::new()),
    }
}

/// The entries of an index, in their order.
///
/// # Errors
/// Not found, with its place in the spec, for what isn't in the repository.
pub(in crate::ops) async fn find(manifests: &[ManifestSpec], there: &There, store: &Store) -> Result<Vec<Descriptor>> {
    let find = manifests.iter().map(|entry| async move {
        let found = find_one(entry, there, store).await;
        let mut found = found.map_err(|error| error.at(entry.place.clone()))?;
        if entry.platform.is_some() {
            found.platform = entry.platform.clone();
        }
        found.annotations = entry.annotations.clone();
        Ok::<_, Error>(found)
    });
    let found: Vec<Descriptor> = stream::iter(find).buffered(AT_ONCE).try_collect().await?;
    for (at, entry) in found.iter().enumerate() {
        let same = |other: &&Descriptor| other.digest == entry.digest && other.platform == entry.platform;
        if found.iter().take(at).any(|other| same(&other)) {
            let place = manifests.get(at).and_then(|manifest| manifest.place.clone());
            let error = Error::usage(format!("the index would list {} twice", entry.digest))
                .hint("take one of the entries out, or give them different platforms");
            return Err(error.at(place));
        }
    }
    Ok(found)
}

async fn find_one(entry: &ManifestSpec, there: &There, store: &Store) -> Result<Descriptor> {
    match &entry.target {
        ManifestTarget::Artifact(name) => there.get(name).cloned().ok_or_else(|| {
            Error::new(
                Class::NotFound,
                format!("the index lists {name:?}, which this run did not push"),
            )
            .hint("it was skipped; what its tag names can be listed by that tag or by digest")
        }),
        ManifestTarget::Pointer(pointer) => {
            let found = store
                .get_manifest(pointer)
                .await?
                .ok_or_else(|| missing(pointer, store))?;
            described(&found, entry.platform.is_none(), store).await
        }
    }
}

fn missing(pointer: &Pointer, store: &Store) -> Error {
    let location = store.location();
    let text = match pointer {
        Pointer::Tag(tag) => format!("\"{tag}\" is neither an artifact of this run nor a tag of {location}"),
        Pointer::Digest(digest) => format!("{location} has no manifest {digest}"),
    };
    Error::new(Class::NotFound, text).hint(format!(
        "push it first; `oci-artifact list {location}` shows the tags that are there"
    ))
}

/// The entry of a manifest that is there; with its platform, if its config is an image's and `asks` for it.
async fn described(manifest: &RawManifest, asks: bool, store: &Store) -> Result<Descriptor> {
    let mut entry = manifest.descriptor();
    match manifest.content()? {
        Content::Index(index) => entry.artifact_type = index.artifact_type,
        Content::Artifact(files) => {
            if asks {
                entry.platform = platform(&files, store).await?;
            }
            // A container image's config is not its artifact type; ORAS leaves it out too.
            entry.artifact_type = files.artifact_type.filter(|kind| kind != names::IMAGE_CONFIG);
        }
    }
    Ok(entry)
}

/// What an image's config says, as `oras manifest index create` takes it over.
async fn platform(files: &Files, store: &Store) -> Result<Option<Platform>> {
    let config = files.image_config().filter(|config| config.size <= CONFIG_LIMIT);
    let Some(config) = config else { return Ok(None) };
    let bytes = store.read_blob(config).await?;
    // A config without a platform is no platform, not an error: nothing else is read of it.
    Ok(serde_json::from_slice::<Platform>(&bytes)
        .ok()
        .filter(|platform| !platform.os.is_empty() && !platform.architecture.is_empty()))
}
