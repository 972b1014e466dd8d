//! `inspect`: the manifest as a person reads it, or exactly what the registry holds.

use super::{Context, manifest};
use crate::error::{Class, Error, Result};
use crate::oci::{Content, Descriptor, Digest, Platform, RawManifest, to_canonical_json};
use crate::reference::Reference;
use crate::report::{ArtifactResult, ManifestResult, State, plain_json};
use crate::store::Store;
use crate::transfer::platform::{self, Chosen};

/// What to show.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Show {
    /// The manifest, pretty.
    #[default]
    Manifest,
    /// Its exact bytes.
    Raw,
    /// Its descriptor.
    Descriptor,
    /// Its digest.
    Digest,
    /// The bytes of the config.
    Config,
    /// The bytes of the blob with this digest, which the manifest must list.
    Blob(Digest),
}

/// What goes to stdout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Text, escaped on its way out.
    Text(String),
    /// Exact bytes.
    Bytes(Vec<u8>),
}

/// Config and blobs above this are not shown: stdout is for a look, `pull` is for files.
const SHOW_LIMIT: u64 = 64 * 1024 * 1024;

/// Shows what `reference` names; of an index, with `platform`, the manifest for that.
pub async fn inspect(
    reference: &Reference,
    platform: Option<&Platform>,
    show: &Show,
    context: &Context,
) -> Result<Shown> {
    let store = context.stores.open(&reference.location);
    let named = manifest(reference, &store).await?;
    let chosen = if platform.is_some() || *show == Show::Config {
        platform::choose(reference, named, platform, &store).await?
    } else {
        Chosen::from(named)
    };
    record(reference, &chosen, context)?;
    let raw = chosen.manifest;
    match show {
        Show::Manifest => Ok(Shown::Text(pretty(&raw)?)),
        Show::Raw => Ok(Shown::Bytes(raw.bytes().to_vec())),
        Show::Digest => Ok(Shown::Text(format!("{}\n", raw.digest()))),
        Show::Descriptor => {
            let json = to_canonical_json(&raw.descriptor())?;
            Ok(Shown::Text(format!(
                "{}\n",
                plain_json(&String::from_utf8_lossy(&json))
            )))
        }
        Show::Config | Show::Blob(_) => {
            let blob = listed(&raw, show)?.ok_or_else(|| {
                Error::new(Class::NotFound, format!("{reference}: its manifest lists no such blob"))
                    .hint("`inspect` without flags shows what it lists")
            })?;
            Ok(Shown::Bytes(fetch(&blob, &store).await?))
        }
    }
}

fn record(reference: &Reference, chosen: &Chosen, context: &Context) -> Result<()> {
    let (location, raw) = (&reference.location, &chosen.manifest);
    let mut result = ArtifactResult::new(location.last_part(), location).at(location, raw.digest());
    result.state = State::Found;
    result.media_type = Some(raw.media_type().to_owned());
    result.tags = reference.tag.iter().map(ToString::to_string).collect();
    result.index = chosen.through.first().cloned();
    result.platform = chosen.platform.as_ref().map(ToString::to_string);
    let content = raw.content()?;
    result.artifact_type = content.artifact_type().map(str::to_owned);
    result.annotations = content.annotations().clone();
    result.subject = content.subject().map(|subject| subject.digest.clone());
    match content {
        Content::Artifact(artifact) => result = result.layers(&artifact.layers),
        Content::Index(index) => result.manifests = index.manifests.iter().map(ManifestResult::from).collect(),
    }
    context.ledger.set(result);
    Ok(())
}

/// Indented, in the manifest's own order of keys.
fn pretty(raw: &RawManifest) -> Result<String> {
    let json = serde_json::from_slice::<serde_json::Value>(raw.bytes())
        .and_then(|value| serde_json::to_string_pretty(&value))
        .map_err(|error| Error::integrity(format!("manifest {}: {error}", raw.digest())))?;
    Ok(format!("{}\n", plain_json(&json)))
}

fn listed(raw: &RawManifest, show: &Show) -> Result<Option<Descriptor>> {
    let (config, layers) = match raw.content()? {
        Content::Artifact(artifact) => (artifact.config, artifact.layers),
        Content::Index(_) => (None, Vec::new()),
    };
    Ok(match show {
        Show::Blob(digest) => config.into_iter().chain(layers).find(|blob| blob.digest == *digest),
        _ => config,
    })
}

async fn fetch(blob: &Descriptor, store: &Store) -> Result<Vec<u8>> {
    if blob.size > SHOW_LIMIT {
        return Err(
            Error::usage(format!("{} has {} bytes, too many to show", blob.digest, blob.size))
                .hint("`pull` writes the files of an artifact to disk"),
        );
    }
    store.read_blob(blob).await
}
