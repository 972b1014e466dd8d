//! Referrers on their way into a store: the attachments of what is pushed, and an artifact that is attached to what is
//! there.

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, future, stream};

use super::Engine;
use super::platform;
use super::prepare::Prepared;
use super::push::{Effect, Pushed, Under, put_blobs, put_with_blobs};
use crate::error::{Class, Error, Result};
use crate::oci::{Content, Descriptor};
use crate::reference::{Pointer, Reference, Tag};
use crate::spec::SubjectSpec;
use crate::store::{self, Store};

/// Attachments of one manifest under way at once; their blobs share the engine's permits.
const ATTACHMENTS: usize = 8;

/// What an artifact is attached to, as it was when the run looked.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What the referrer will name.
    pub descriptor: Descriptor,
    reference: Reference,
    /// What the tag named then, if it was named by one: the manifest, or the index around it.
    tagged: Option<(Tag, Descriptor)>,
}

impl Subject {
    /// Looks up what `spec` names.
    ///
    /// # Errors
    /// Not found, if nothing is there, or the index has no manifest for the platform.
    pub async fn resolve(spec: &SubjectSpec, store: &Store) -> Result<Self> {
        let reference = &spec.reference;
        let pointer = reference
            .pointer()
            .ok_or_else(|| Error::usage(format!("subject {reference} has neither a tag nor a digest")))?;
        // The whole manifest: a HEAD's size may be wrong (oras-go#1176), and would be in the referrer for ever.
        let found = store.get_manifest(&pointer).await?.ok_or_else(|| {
            store::not_found(&reference.location, &pointer)
                .context("subject")
                .hint("push it first: a referrer of nothing would never be found")
        })?;
        let tagged = match &pointer {
            Pointer::Tag(tag) => Some((tag.clone(), found.descriptor())),
            Pointer::Digest(_) => None,
        };
        let descriptor = match &spec.platform {
            None => found.descriptor(),
            Some(platform) => match found.content()? {
                Content::Index(_) => {
                    let chosen = platform::choose(reference, found, Some(platform), store).await;
                    chosen.map_err(|error| error.context("subject"))?.manifest.descriptor()
                }
                Content::Artifact(_) => {
                    let error = Error::usage(format!("subject {reference} is no index, so it has no platforms"));
                    return Err(error.hint("leave `platform` out"));
                }
            },
        };
        Ok(Subject {
            descriptor,
            reference: reference.clone(),
            tagged,
        })
    }

    /// The tag must still name what was looked up: else the referrer would be of what nobody finds by that tag.
    async fn recheck(&self, store: &Store) -> Result<()> {
        let Some((tag, then)) = &self.tagged else { return Ok(()) };
        let now = store.resolve(&Pointer::Tag(tag.clone())).await?;
        if now.as_ref().is_some_and(|now| now.digest == then.digest) {
            return Ok(());
        }
        let now = now.map_or_else(|| "nothing".to_owned(), |now| now.digest.to_string());
        let error = Error::new(
            Class::Conflict,
            format!(
                "subject {}: its tag named {} and now names {now}; nothing was attached",
                self.reference, then.digest
            ),
        );
        Err(error.hint("run it again, or name the subject by its digest"))
    }
}

/// Pushes `artifact`, whose subject is `subject`, with what refers to it in turn.
pub async fn attach(
    artifact: &Prepared,
    subject: &Subject,
    store: &Store,
    force: bool,
    engine: &Engine,
) -> Result<Pushed> {
    let listed = store.referrers(&subject.descriptor.digest, None).await?;
    let is_new = force || !is_listed(artifact, &listed);
    let mut written = is_new;
    if is_new {
        put_blobs(&artifact.blobs, store, engine).await?;
        subject.recheck(store).await?;
        put_with_blobs(artifact, &Under::Subject, store, engine).await?;
    }
    written |= push_attachments(artifact, store, force, engine).await?;
    Ok(Pushed {
        effect: Effect::from(written),
        digest: artifact.manifest.digest().clone(),
        tags: Vec::new(),
    })
}

/// Pushes the attachments of `artifact` that its store doesn't list, and theirs; whether there was one. Reads the
/// referrers once, if there are attachments.
pub(super) async fn push_attachments(artifact: &Prepared, store: &Store, force: bool, engine: &Engine) -> Result<bool> {
    if artifact.attachments.is_empty() {
        return Ok(false);
    }
    let listed = store.referrers(artifact.manifest.digest(), None).await?;
    // Collected first: the compiler can't see through a closure in a stream that is awaited in itself.
    let pushes: Vec<BoxFuture<'_, Result<bool>>> = artifact
        .attachments
        .iter()
        .map(|attachment| {
            let is_new = force || !is_listed(attachment, &listed);
            push_attachment(attachment, is_new, store, force, engine)
        })
        .collect();
    stream::iter(pushes)
        .buffer_unordered(ATTACHMENTS)
        .try_fold(false, |any, one| future::ok(any || one))
        .await
}

fn is_listed(attachment: &Prepared, listed: &[Descriptor]) -> bool {
    listed.iter().any(|entry| entry.digest == *attachment.manifest.digest())
}

/// Boxed, as attachments have attachments.
fn push_attachment<'a>(
    attachment: &'a Prepared,
    is_new: bool,
    store: &'a Store,
    force: bool,
    engine: &'a Engine,
) -> BoxFuture<'a, Result<bool>> {
    Box::pin(async move {
        if is_new {
            put_blobs(&attachment.blobs, store, engine).await?;
            put_with_blobs(attachment, &Under::Subject, store, engine).await?;
        }
        Ok(is_new | push_attachments(attachment, store, force, engine).await?)
    })
}
