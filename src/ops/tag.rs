//! `tag`: further tags for a manifest that is there.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Context, each_once, manifest};
use crate::error::{Class, Error, Result};
use crate::oci::{Content, Digest, RawManifest};
use crate::reference::{Pointer, Reference, Tag};
use crate::report::{ArtifactResult, State};
use crate::spec::IfExists;
use crate::store::Store;

/// Tags looked at together.
const AT_ONCE: usize = 8;

/// What stands in the way of a tag.
enum Named {
    /// It names the manifest already.
    Ours,
    /// Nothing, or something that may be replaced.
    Free,
    /// It names this and stays.
    Kept(Digest),
}

/// Lets `tags` name what `reference` names. All of them are looked at before the first is written: one that may not be
/// moved leaves the others as they are.
pub async fn tag(reference: &Reference, tags: &[Tag], if_exists: IfExists, context: &Context) -> Result<()> {
    let tags = each_once(tags.iter());
    if tags.is_empty() {
        return Err(Error::usage(format!("tag {reference}: no tag is named")).hint("add the new tags after it"));
    }
    let store = context.stores.open_for_writing(&reference.location);
    let raw = manifest(reference, &store).await?;
    let mut result = described(reference, &raw);
    context.ledger.set(result.clone());

    let named: Vec<Named> = stream::iter(tags.iter().map(|tag| look(tag, raw.digest(), if_exists, &store)))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let (mut free, mut kept) = (Vec::new(), None);
    for (tag, named) in tags.into_iter().zip(named) {
        match named {
            Named::Ours => result.tags.push(tag.to_string()),
            Named::Free => free.push(tag),
            Named::Kept(digest) => {
                let at = store.location();
                context.report.info(format!("{at}:{tag} stays: it names {digest}"));
                kept = kept.or(Some((tag, digest)));
            }
        }
    }
    result.state = match (free.is_empty(), kept) {
        (false, _) => State::Failed,
        // As in a push: what is there is told, not what was to be.
        (true, Some((tag, digest))) if result.tags.is_empty() => {
            result = result.at(store.location(), &digest);
            result.tags.push(tag.to_string());
            State::Skipped
        }
        (true, _) => State::Unchanged,
    };
    let last = free.last().copied();
    for tag in free {
        // Another job may have made it meanwhile.
        if if_exists != IfExists::Replace
            && let Named::Kept(digest) = look(tag, raw.digest(), if_exists, &store).await?
        {
            return Err(exists(tag, &digest, raw.digest(), &store));
        }
        store.put_manifest(&raw, &Pointer::Tag(tag.clone())).await?;
        result.tags.push(tag.to_string());
        if Some(tag) == last {
            result.state = State::Tagged;
        }
        context.ledger.set(result.clone());
    }
    context.ledger.set(result);
    Ok(())
}

fn described(reference: &Reference, raw: &RawManifest) -> ArtifactResult {
    let location = &reference.location;
    let mut result = ArtifactResult::new(location.last_part(), location).at(location, raw.digest());
    result.state = State::Failed;
    result.media_type = Some(raw.media_type().to_owned());
    result.artifact_type = match raw.content() {
        Ok(Content::Artifact(artifact)) => artifact.artifact_type,
        Ok(Content::Index(index)) => index.artifact_type,
        // What can't be read can still be tagged.
        Err(_) => None,
    };
    result
}

async fn look(tag: &Tag, own: &Digest, if_exists: IfExists, store: &Store) -> Result<Named> {
    let found = store.resolve(&Pointer::Tag(tag.clone())).await?;
    match (found.map(|found| found.digest), if_exists) {
        (Some(found), _) if found == *own => Ok(Named::Ours),
        (None, _) | (_, IfExists::Replace) => Ok(Named::Free),
        (Some(found), IfExists::Skip) => Ok(Named::Kept(found)),
        (Some(found), IfExists::Fail) => Err(exists(tag, &found, own, store)),
    }
}

fn exists(tag: &Tag, found: &Digest, own: &Digest, store: &Store) -> Error {
    let message = format!("{}:{tag} exists with the digest {found}", store.location());
    Error::new(Class::Conflict, message).hint(format!(
        "it was to name {own}: choose another tag, or set `if-exists` to replace"
    ))
}
