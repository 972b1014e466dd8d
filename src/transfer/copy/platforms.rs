//! The part of an index that is for some platforms.

use super::Root;
use crate::error::{Class, Error, Result};
use crate::oci::{Artifact, Content, Descriptor, Entries, Index, MANIFEST_LIMIT, Platform, RawManifest};
use crate::store::Store;
use crate::transfer::platform;

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
                let chosen = platform::choose(&reference, manifest, Some(only), source).await?;
                chosen.manifest.descriptor()
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
    let mut part = Entries::parse(manifest.bytes())?;
    let entries = std::mem::take(&mut part.list).into_iter().zip(&index.manifests);
    let kept = entries.filter(|(_, entry)| is_chosen(entry));
    part.list = kept.map(|(entry, _)| entry).collect();
    Ok(Root::Made(RawManifest::new(manifest.media_type(), part.json()?.into())))
}

/// Whether an image is for one of `platforms`: its config tells. Other artifacts are for any.
async fn check(artifact: &Artifact, platforms: &[Platform], source: &Store) -> Result<()> {
    let Some(config) = artifact.image_config() else {
        return Ok(());
    };
    if config.size > MANIFEST_LIMIT as u64 {
        return Err(Error::integrity(format!(
            "its config has {} bytes, more than {MANIFEST_LIMIT}",
            config.size
        )));
    }
    let found: Platform = serde_json::from_slice(&source.read_blob(config).await?)
        .map_err(|error| Error::integrity(format!("its config {}: {error}", config.digest)))?;
    match platforms.iter().any(|platform| found.matches(platform)) {
        true => Ok(()),
        false => Err(
            Error::new(Class::NotFound, format!("it is for the platform {found} alone"))
                .hint("leave out `platform` to copy it"),
        ),
    }
}
