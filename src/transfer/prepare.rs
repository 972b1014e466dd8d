//! A planned artifact into blobs and a manifest, all digests known, before the first byte is sent.

use std::collections::HashSet;

use bytes::Bytes;
use futures_util::future;

use super::Engine;
use crate::error::{Error, Result};
use crate::oci::{Descriptor, ImageManifest, RawManifest, names};
use crate::pack::{self, Packed};
use crate::plan::{Artifact, Layer, LayerContent};
use crate::store::BlobSource;

/// A blob that the manifest names.
#[derive(Clone, Debug)]
pub struct Blob {
    /// Its descriptor, as in the manifest.
    pub descriptor: Descriptor,
    /// Where its bytes come from.
    pub source: BlobSource,
    /// What messages call it.
    pub label: String,
}

/// An artifact ready to be pushed.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The manifest.
    pub manifest: RawManifest,
    /// Config and layers, each digest once.
    pub blobs: Vec<Blob>,
    /// The layers as the manifest lists them.
    pub layers: Vec<Descriptor>,
}

impl Prepared {
    /// The bytes of all layers.
    pub fn size(&self) -> u64 {
        self.layers.iter().map(|layer| layer.size).sum()
    }
}

/// Hashes and packs the files of `artifact`; `mtime` is that of every entry of a packed directory.
///
/// # Errors
/// Local, when a file changed since it was listed; integrity, when the reference's digest does not come out.
pub async fn prepare(artifact: &Artifact, mtime: u64, engine: &Engine) -> Result<Prepared> {
    let layers = future::try_join_all(artifact.layers.iter().map(|layer| pack_layer(layer, mtime, engine))).await?;
    let config = match &artifact.config {
        Some(config) => Some(pack_layer(config, mtime, engine).await?),
        None => None,
    };
    let descriptors: Vec<Descriptor> = layers.iter().map(|blob| blob.descriptor.clone()).collect();
    let manifest = ImageManifest::new(
        artifact.artifact_type.clone(),
        config.as_ref().map(|blob| blob.descriptor.clone()),
        descriptors.clone(),
    )
    .annotations(artifact.annotations.clone());
    let raw = manifest.to_raw()?;
    if let Some(expected) = artifact
        .reference
        .digest
        .as_ref()
        .filter(|expected| *expected != raw.digest())
    {
        return Err(Error::integrity(format!(
            "{}: the artifact has the digest {}",
            artifact.reference,
            raw.digest()
        ))
        .hint(format!(
            "the reference asks for {expected}; leave it out to push what the files are now"
        )));
    }
    let mut known = HashSet::new();
    let mut blobs: Vec<Blob> = layers.into_iter().chain(config).collect();
    // The empty config, or layer, is a blob like any other: registries refuse a manifest whose blobs are missing.
    if manifest.blobs().any(|blob| blob.media_type == names::EMPTY) {
        let source = BlobSource::from(Bytes::from_static(b"{}"));
        blobs.push(Blob {
            descriptor: Descriptor::empty(),
            source,
            label: "empty config".to_owned(),
        });
    }
    blobs.retain(|blob| known.insert(blob.descriptor.digest.clone()));
    Ok(Prepared {
        manifest: raw,
        blobs,
        layers: descriptors,
    })
}

async fn pack_layer(layer: &Layer, mtime: u64, engine: &Engine) -> Result<Blob> {
    let cores = match layer.content {
        LayerContent::File(_) => 1,
        LayerContent::Directory { .. } => engine.threads,
    };
    let _permit = engine
        .cores
        .acquire_many(cores)
        .await
        .map_err(|_| Error::internal("the engine was closed"))?;
    let threads = engine.threads as usize;
    let planned = layer.clone();
    let packed = blocking(move || match planned.content {
        LayerContent::File(path) => pack::file(path),
        LayerContent::Directory { tree, compression } => {
            let title = planned.title.unwrap_or(planned.label);
            let options = pack::Options {
                compression,
                threads,
                mtime,
            };
            pack::directory(&tree, &title, options)
        }
    })
    .await?;
    Ok(Blob {
        descriptor: descriptor(layer, &packed),
        source: packed.source,
        label: layer.label.clone(),
    })
}

fn descriptor(layer: &Layer, packed: &Packed) -> Descriptor {
    let mut descriptor = Descriptor::new(&layer.media_type, packed.digest.clone(), packed.size);
    descriptor.annotations = layer.annotations.clone();
    if let Some(unpacked) = &packed.unpacked {
        descriptor
            .annotations
            .insert(names::UNPACKED_DIGEST.to_owned(), unpacked.to_string());
    }
    descriptor
}

/// Runs `work` on a blocking thread.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Error::internal(format!("a worker thread failed: {error}"))))
}
