//! A planned artifact into blobs and manifests, its attachments too, all digests known before the first byte is sent.

use std::collections::HashSet;

use bytes::Bytes;
use futures_util::future::{self, BoxFuture};

use super::Engine;
use crate::error::{Error, Result};
use crate::oci::{Annotations, Descriptor, Digest, Index, RawManifest, names};
use crate::pack::{self, Packed};
use crate::plan::{self, Artifact, Attachment, Body, Layer, LayerContent, Package};
use crate::reference::Reference;
use crate::store::{BlobSource, blocking};

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

/// An artifact, an attachment or an index, ready to be pushed.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The manifest.
    pub manifest: RawManifest,
    /// Its artifact type; an index may have none.
    pub artifact_type: Option<String>,
    /// Its annotations.
    pub annotations: Annotations,
    /// Config and layers, each digest once.
    pub blobs: Vec<Blob>,
    /// The layers as the manifest lists them.
    pub layers: Vec<Descriptor>,
    /// What an index lists.
    pub manifests: Vec<Descriptor>,
    /// What it refers to.
    pub subject: Option<Descriptor>,
    /// What refers to it, each digest once.
    pub attachments: Vec<Prepared>,
}

/// Hashes and packs the files of `artifact` and its attachments; `mtime` is that of every entry of a packed directory.
/// An index lists `manifests`. `subject` makes it a referrer.
///
/// # Errors
/// Local, when a file changed since it was listed; integrity, when the reference's digest does not come out.
pub async fn prepare(
    artifact: &Artifact,
    manifests: Vec<Descriptor>,
    subject: Option<Descriptor>,
    mtime: u64,
    engine: &Engine,
) -> Result<Prepared> {
    let attachments = pack_attachments(&artifact.attachments, mtime, engine);
    let mut prepared = match &artifact.body {
        Body::Files(package) => {
            let (files, attachments) = future::try_join(pack_files(package, mtime, engine), attachments).await?;
            let tree = Tree { files, attachments };
            tree.assemble(subject)?
        }
        Body::Index(index) => {
            let mut prepared = list(index, manifests, subject)?;
            prepared.attachments = assemble_all(&attachments.await?, &prepared.manifest)?;
            prepared
        }
    };
    check_digest(&artifact.reference, prepared.manifest.digest())?;
    let mut known = HashSet::new();
    prepared
        .attachments
        .retain(|attachment| known.insert(attachment.manifest.digest().clone()));
    Ok(prepared)
}

fn check_digest(reference: &Reference, digest: &Digest) -> Result<()> {
    match &reference.digest {
        Some(expected) if expected != digest => {
            let error = Error::integrity(format!("{reference}: the artifact has the digest {digest}"));
            Err(error.hint(format!(
                "the reference asks for {expected}; leave it out to push what the files are now"
            )))
        }
        _ => Ok(()),
    }
}

/// A package whose blobs are known, and those that refer to it.
struct Tree<'a> {
    files: Files<'a>,
    attachments: Vec<Tree<'a>>,
}

/// The blobs of one package.
struct Files<'a> {
    package: &'a Package,
    layers: Vec<Blob>,
    config: Option<Blob>,
}

async fn pack_files<'a>(package: &'a Package, mtime: u64, engine: &Engine) -> Result<Files<'a>> {
    let layers = future::try_join_all(package.layers.iter().map(|layer| pack_layer(layer, mtime, engine))).await?;
    let config = match &package.config {
        Some(config) => Some(pack_layer(config, mtime, engine).await?),
        None => None,
    };
    Ok(Files {
        package,
        layers,
        config,
    })
}

/// Boxed, as attachments have attachments.
fn pack_attachments<'a>(
    attachments: &'a [Attachment],
    mtime: u64,
    engine: &'a Engine,
) -> BoxFuture<'a, Result<Vec<Tree<'a>>>> {
    let pack = move |attachment: &'a Attachment| async move {
        let files = pack_files(&attachment.package, mtime, engine);
        let inner = pack_attachments(&attachment.attachments, mtime, engine);
        let (files, attachments) = future::try_join(files, inner)
            .await
            .map_err(|error| error.at(attachment.place.clone()))?;
        Ok(Tree { files, attachments })
    };
    let found = attachments.iter().filter(|attachment| {
        if attachment.package.nothing_found {
            let kind = &attachment.package.artifact_type;
            engine.report.info(format!(
                "attachment {kind}: none of its files is there; it is not pushed"
            ));
        }
        !attachment.package.nothing_found
    });
    Box::pin(future::try_join_all(found.map(pack)))
}

impl Tree<'_> {
    /// The manifests, from the one that is referred to on.
    fn assemble(&self, subject: Option<Descriptor>) -> Result<Prepared> {
        let Files {
            package,
            layers,
            config,
        } = &self.files;
        let descriptors: Vec<Descriptor> = layers.iter().map(|blob| blob.descriptor.clone()).collect();
        let config_descriptor = config.as_ref().map(|blob| blob.descriptor.clone());
        let manifest = package
            .manifest(config_descriptor, descriptors.clone())
            .subject(subject.clone());
        let mut blobs: Vec<Blob> = layers.iter().chain(config).cloned().collect();
        // The empty config, or layer, is a blob like any other: registries refuse a manifest whose blobs are missing.
        let empty = Descriptor::empty();
        if manifest.blobs().any(|blob| blob.digest == empty.digest) {
            blobs.push(Blob {
                descriptor: empty,
                source: BlobSource::from(Bytes::from_static(b"{}")),
                label: "empty config".to_owned(),
            });
        }
        let mut known = HashSet::new();
        blobs.retain(|blob| known.insert(blob.descriptor.digest.clone()));
        let raw = manifest.to_raw()?;
        Ok(Prepared {
            attachments: assemble_all(&self.attachments, &raw)?,
            manifest: raw,
            artifact_type: Some(package.artifact_type.clone()),
            annotations: package.annotations.clone(),
            blobs,
            layers: descriptors,
            manifests: Vec::new(),
            subject,
        })
    }
}

fn assemble_all(attachments: &[Tree<'_>], subject: &RawManifest) -> Result<Vec<Prepared>> {
    let assemble = |attachment: &Tree<'_>| attachment.assemble(Some(subject.descriptor()));
    attachments.iter().map(assemble).collect()
}

/// An index over `manifests`.
fn list(plan: &plan::Index, manifests: Vec<Descriptor>, subject: Option<Descriptor>) -> Result<Prepared> {
    let mut index = Index::new(plan.artifact_type.clone(), manifests, plan.annotations.clone());
    index.subject = subject;
    Ok(Prepared {
        manifest: index.to_raw()?,
        artifact_type: index.artifact_type,
        annotations: index.annotations,
        blobs: Vec::new(),
        layers: Vec::new(),
        manifests: index.manifests,
        subject: index.subject,
        attachments: Vec::new(),
    })
}

async fn pack_layer(layer: &Layer, mtime: u64, engine: &Engine) -> Result<Blob> {
    let cores = match layer.content {
        LayerContent::File(_) => 1,
        // It waits for another program, and others needn't wait with it.
        LayerContent::Stdin => 0,
        LayerContent::Directory { .. } => engine.threads,
    };
    let _permit = engine.cores(cores).await?;
    let threads = engine.threads as usize;
    let planned = layer.clone();
    let budget = engine.budget.clone();
    let packed = blocking(move || match planned.content {
        LayerContent::File(path) => pack::file(path),
        LayerContent::Stdin => pack::stream(&mut std::io::stdin().lock(), "stdin", &budget),
        LayerContent::Directory { tree, compression } => {
            let title = planned.title.unwrap_or(planned.label);
            let options = pack::Options {
                compression,
                threads,
                mtime,
                budget,
            };
            pack::directory(&tree, &title, &options)
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
