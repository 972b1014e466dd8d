//! One prepared artifact into a store: nothing if it is there; else what is missing, the manifest, what refers to it,
//! the tags last.

use futures_util::{StreamExt, TryStreamExt, future, stream};

use super::Engine;
use super::attach::push_attachments;
use super::prepare::{Blob, Prepared};
use super::tags::{self, Known, Tags};
use crate::error::Result;
use crate::oci::Digest;
use crate::plan::TagRule;
use crate::reference::{Pointer, Tag};
use crate::report::{Event, Outcome};
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

impl From<bool> for Effect {
    /// From whether something was written.
    fn from(written: bool) -> Self {
        if written { Effect::Written } else { Effect::Unchanged }
    }
}

/// Pushes `artifact` to `store` under `rules`, or by digest where there are none, with what refers to it. With `force`
/// every blob is looked for, even if the manifest is there. What is `known` of its tags is not asked for again.
///
/// What is unchanged costs one HEAD a tag, or one by digest, and one read of the referrers of each manifest that has
/// attachments.
pub async fn push(
    artifact: &Prepared,
    rules: &[TagRule],
    known: &Known,
    store: &Store,
    force: bool,
    engine: &Engine,
) -> Result<Pushed> {
    let own = artifact.manifest.digest();
    let tags = Tags::look(rules, own, known, store).await?;
    let pushed = |effect, digest: &Digest| Pushed {
        effect,
        digest: digest.clone(),
        tags: tags.naming(digest),
    };
    if let Some(kept) = tags.all_kept() {
        return Ok(pushed(Effect::Skipped, kept));
    }
    let by_digest = rules.is_empty() && store.resolve(&Pointer::Digest(own.clone())).await?.is_some();
    let stored = by_digest || tags.any_ours();
    let mut wanted = tags.wanted();
    let mut written = !wanted.is_empty() || !stored;
    if !stored || force {
        written |= put_blobs(&artifact.blobs, store, engine).await?;
        wanted = put_manifest(artifact, wanted, store, engine).await?;
    }
    written |= push_attachments(artifact, store, force, engine).await?;
    tags::put(&artifact.manifest, &wanted, store).await?;
    Ok(pushed(written.into(), own))
}

/// Stores the blobs that are missing; whether any was.
pub(super) async fn put_blobs(blobs: &[Blob], store: &Store, engine: &Engine) -> Result<bool> {
    let put: Vec<_> = blobs.iter().map(|blob| put_blob(blob, store, engine)).collect();
    // The engine's permits bound what is under way; this only bounds the futures that wait for one.
    stream::iter(put)
        .buffer_unordered(256)
        .try_fold(false, |any, one| future::ok(any || one))
        .await
}

async fn put_blob(blob: &Blob, store: &Store, engine: &Engine) -> Result<bool> {
    let _permit = engine.blob(blob.descriptor.size).await?;
    let (descriptor, label) = (&blob.descriptor, &blob.label);
    let outcome = store.put_blob(descriptor, &blob.source, None, label).await?;
    // The store draws the bar of what it sends: only it knows how far it is.
    let stored = Event::stored(label, descriptor.size, Outcome::from(outcome));
    engine.report.emit(&stored);
    Ok(outcome != PutBlob::Present)
}

/// Stores the manifest; the value is which of the tags are still to be written. With one tag and no attachments it is
/// stored under that; else by digest, as no tag may ever name something that isn't whole. A store that makes tags in
/// the same request makes them here, unless attachments have to come before them.
async fn put_manifest<'r>(
    artifact: &Prepared,
    wanted: Vec<&'r TagRule>,
    store: &Store,
    engine: &Engine,
) -> Result<Vec<&'r TagRule>> {
    let own = artifact.manifest.digest();
    let alone = artifact.attachments.is_empty();
    let under = match wanted.as_slice() {
        [only] if alone => Under::Pointer(Pointer::Tag(only.tag.clone())),
        [_, _, ..] if alone => Under::Tags(wanted.iter().map(|rule| rule.tag.clone()).collect()),
        _ => Under::Pointer(Pointer::Digest(own.clone())),
    };
    if alone {
        for rule in &wanted {
            tags::recheck(rule, own, store).await?;
        }
    }
    let made = put_with_blobs(artifact, &under, store, engine).await?;
    Ok(wanted.into_iter().filter(|rule| !made.contains(&rule.tag)).collect())
}

/// How a manifest is stored.
pub(super) enum Under {
    /// By its digest or a tag.
    Pointer(Pointer),
    /// By its digest, and under tags where the store can.
    Tags(Vec<Tag>),
    /// By its digest, as the referrer of its subject.
    Subject,
}

/// Stores the manifest, and tells which tags that made. A registry that misses a blob at the last moment gets all of
/// them once more: ones that it reported as present may be gone (oras-go#1212) or not have reached this replica
/// (Azure/acr#588).
pub(super) async fn put_with_blobs(
    artifact: &Prepared,
    under: &Under,
    store: &Store,
    engine: &Engine,
) -> Result<Vec<Tag>> {
    match put(artifact, under, store).await {
        Err(error) if store::is_blob_unknown(&error) => {
            put_blobs(&artifact.blobs, store, engine).await?;
            put(artifact, under, store).await
        }
        made => made,
    }
}

async fn put(artifact: &Prepared, under: &Under, store: &Store) -> Result<Vec<Tag>> {
    let manifest = &artifact.manifest;
    match under {
        Under::Pointer(pointer) => {
            store.put_manifest(manifest, pointer).await?;
            Ok(match pointer {
                Pointer::Tag(tag) => vec![tag.clone()],
                Pointer::Digest(_) => Vec::new(),
            })
        }
        Under::Tags(tags) => store.put_manifest_tagged(manifest, tags).await,
        Under::Subject => store.put_referrer(manifest).await.map(|()| Vec::new()),
    }
}
