//! The part of an index that is for some platforms.

use futures_util::StreamExt;
use serde_json::value::RawValue;

use super::Root;
use crate::error::{Class, Error, Result};
use crate::oci::{Artifact, Content, Descriptor, Fields, Index, MANIFEST_LIMIT, Platform, RawManifest, names};
use crate::store::Store;

/// Docker's type of an image's config.
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// What of `manifest`, which is in `source`, is for `platforms`: of an index one manifest for one platform, for several
/// an index of them alone. What is no index is taken as it is, unless it is an image for another platform.
///
/// # Errors
/// Not found, with the platforms that are there.
pub async fn choose(manifest: RawManifest, platforms: &[Platform], source: &Store) -> Result<Root> {
    let reference = source.reference(manifest.digest());
    let chosen = match manifest.content()? {
        Content::Index(index) => match platforms {
            [only] => {
                let chosen = index.choose(only).map_err(|error| error.context(&reference))?;
                Descriptor::new(chosen.media_type.clone(), chosen.digest.clone(), chosen.size)
            }
            several => return part(&manifest, &index, several).map_err(|error| error.context(&reference)),
        },
        Content::Artifact(artifact) => {
            check(&artifact, platforms, source)
                .await
                .map_err(|error| error.context(&reference))?;
            manifest.descriptor()
        }
    };
    Ok(Root::Named(chosen))
}

/// The same index with the entries for `platforms` alone, byte for byte; itself if it has no other.
fn part(manifest: &RawManifest, index: &Index, platforms: &[Platform]) -> Result<Root> {
    let chosen = platforms.iter().map(|platform| index.choose(platform));
    let chosen: Vec<&Descriptor> = chosen.collect::<Result<_>>()?;
    let is_chosen = |entry: &Descriptor| chosen.iter().any(|chosen| std::ptr::eq(*chosen, entry));
    if index.manifests.iter().all(is_chosen) {
        return Ok(Root::Named(manifest.descriptor()));
    }
    let damaged = |error: serde_json::Error| Error::integrity(error.to_string());
    let mut fields: Fields = serde_json::from_slice(manifest.bytes()).map_err(damaged)?;
    let entries = fields.get("manifests").map_or("[]", RawValue::get);
    let entries: Vec<Box<RawValue>> = serde_json::from_str(entries).map_err(damaged)?;
    let kept = entries.into_iter().zip(&index.manifests);
    let kept: Vec<Box<RawValue>> = kept.filter(|(_, entry)| is_chosen(entry)).map(|(raw, _)| raw).collect();
    fields.set("manifests", &kept)?;
    let bytes = serde_json::to_vec(&fields).map_err(|error| Error::internal(format!("JSON: {error}")))?;
    Ok(Root::Made(RawManifest::new(manifest.media_type(), bytes.into())))
}

/// Whether an image is for one of `platforms`: its config tells. Other artifacts are for any.
async fn check(artifact: &Artifact, platforms: &[Platform], source: &Store) -> Result<()> {
    let config = artifact.config.as_ref();
    let image = config.filter(|config| [names::IMAGE_CONFIG, DOCKER_CONFIG].contains(&config.media_type.as_str()));
    let Some(config) = image else { return Ok(()) };
    let bytes = small(config, source).await?;
    let found: Platform = serde_json::from_slice(&bytes)
        .map_err(|error| Error::integrity(format!("its config {}: {error}", config.digest)))?;
    match platforms.iter().any(|platform| found.matches(platform)) {
        true => Ok(()),
        false => Err(
            Error::new(Class::NotFound, format!("it is for the platform {found} alone"))
                .hint("leave out `platform` to copy it"),
        ),
    }
}

/// A blob that is read whole.
async fn small(blob: &Descriptor, source: &Store) -> Result<Vec<u8>> {
    if blob.size > MANIFEST_LIMIT as u64 {
        return Err(Error::integrity(format!(
            "its config has {} bytes, more than {MANIFEST_LIMIT}",
            blob.size
        )));
    }
    let mut pieces = source.open_blob(blob, 0).await?;
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece?);
        if bytes.len() as u64 > blob.size {
            break;
        }
    }
    blob.verify(&bytes)?;
    Ok(bytes)
}
