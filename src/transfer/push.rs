//! One prepared artifact into a store: nothing if it is there; else what is missing, the manifest, the tags last.

use futures_util::{StreamExt, TryStreamExt, future, stream};

use super::Engine;
use super::prepare::{Blob, Prepared};
use super::tags::{Tags, recheck};
use crate::error::{Error, Result};
use crate::oci::Digest;
use crate::plan::TagRule;
use crate::reference::{Pointer, Tag};
use crate::report::{Direction, Event, Outcome};
use crate::store::{self, PutBlob, Store};

/// What became of an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Whether something was done.
    pub effect: Effect,
    /// What the tags below name: the artifact, or what was there before and stays.
    pub digest: Digest,
    /// The tags that name it now.
    pub tags: Vec<Tag>,
}

/// What a push did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Something was written.
    Written,
    /// All of it was there.
    Unchanged,
    /// Every tag exists with another digest and is to be left alone.
    Skipped,
}

/// Pushes `artifact` to `store` under `tags`, or by digest where there are none. With `force` every blob is looked
/// for, even if the manifest is there.
///
/// An unchanged artifact costs one HEAD a tag, or one by digest.
pub async fn push(
    artifact: &Prepared,
    tags: &[TagRule],
    store: &Store,
    force: bool,
    engine: &Engine,
) -> Result<Pushed> {
    let own = artifact.manifest.digest();
    let tags = Tags::look(tags, own, store, "the files make").await?;
    let by_digest = tags.is_empty() && store.resolve(&Pointer::Digest(own.clone())).await?.is_some();
    let stored = by_digest || tags.any_ours();
    let wanted = tags.wanted();
    let pushed = |effect, digest: &Digest| Pushed {
        effect,
        digest: digest.clone(),
        tags: tags.naming(digest, own),
    };
    if let (Some(kept), false, true) = (tags.kept(), stored, wanted.is_empty()) {
        return Ok(pushed(Effect::Skipped, kept));
    }
    if stored && wanted.is_empty() && !force {
        return Ok(pushed(Effect::Unchanged, own));
    }
    let mut written = !wanted.is_empty() || !stored;
    if !stored || force {
        written |= put_blobs(&artifact.blobs, store, engine).await?;
    }
    put_manifest(artifact, &wanted, stored && !force, store, engine).await?;
    let effect = if written { Effect::Written } else { Effect::Unchanged };
    Ok(pushed(effect, own))
}

/// Stores the blobs that are missing; whether any was.
async fn put_blobs(blobs: &[Blob], store: &Store, engine: &Engine) -> Result<bool> {
    let put = blobs.iter().map(|blob| async move {
        let _permit = engine
            .blobs
            .acquire()
            .await
            .map_err(|_| Error::internal("the engine was closed"))?;
        let outcome = store
            .put_blob(&blob.descriptor, &blob.source, None, &blob.label)
            .await?;
        let told = match outcome {
            PutBlob::Uploaded => Outcome::Moved,
            PutBlob::Mounted => Outcome::Mounted,
            PutBlob::Present => Outcome::Present,
            PutBlob::Planned => Outcome::Planned,
        };
        // The store draws the bar of what it sends: only it knows how far it is.
        let (label, size) = (&blob.label, blob.descriptor.size);
        engine
            .report
            .emit(&Event::Transferred(Direction::Up, label, size, told));
        Ok::<bool, Error>(outcome != PutBlob::Present)
    });
    // The engine's permits bound what is under way; this only bounds the futures that wait for one.
    stream::iter(put)
        .buffer_unordered(256)
        .try_fold(false, |any, one| future::ok(any || one))
        .await
}

/// With one tag the manifest is stored under it; else by digest, then under each tag: no tag ever names something
/// that isn't whole.
async fn put_manifest(
    artifact: &Prepared,
    wanted: &[&TagRule],
    stored: bool,
    store: &Store,
    engine: &Engine,
) -> Result<()> {
    let rest = match wanted {
        [only] => {
            recheck(only, artifact.manifest.digest(), store).await?;
            return put_with_blobs(artifact, &Pointer::Tag(only.tag.clone()), store, engine).await;
        }
        all => all,
    };
    if !stored {
        let pointer = Pointer::Digest(artifact.manifest.digest().clone());
        put_with_blobs(artifact, &pointer, store, engine).await?;
    }
    for rule in rest {
        recheck(rule, artifact.manifest.digest(), store).await?;
        store
            .put_manifest(&artifact.manifest, &Pointer::Tag(rule.tag.clone()))
            .await?;
    }
    Ok(())
}

/// A registry that misses a blob at the last moment gets all of them once more: ones that it reported as present may
/// be gone (oras-go#1212) or not have reached this replica (Azure/acr#588).
async fn put_with_blobs(artifact: &Prepared, pointer: &Pointer, store: &Store, engine: &Engine) -> Result<()> {
    match store.put_manifest(&artifact.manifest, pointer).await {
        Err(error) if store::is_blob_unknown(&error) => {
            put_blobs(&artifact.blobs, store, engine).await?;
            store.put_manifest(&artifact.manifest, pointer).await?;
        }
        other => drop(other?),
    }
    Ok(())
}
