//! `delete`: a manifest. Named by tag it refuses while other tags name it too: registries delete the digest, and with
//! it every tag. It also refuses while an index that has a tag lists it.

mod referrers;
mod tagged;

use std::collections::HashSet;

use super::{Context, missing, pointer};
use crate::error::{Class, Error, Result};
use crate::oci::{Descriptor, Digest};
use crate::reference::{Pointer, Reference, Tag};
use crate::report::{ArtifactResult, State};
use crate::store::{Store, is_tagged};

use referrers::Tree;
use tagged::Tagged;

/// How to delete.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeleteSettings {
    /// Also when other tags name it, or an index lists it.
    pub force: bool,
    /// With all that refers to it, however deep.
    pub recursive: bool,
}

/// Deletes what `reference` names. With its referrers these go first, the deepest before all, so that a deletion that
/// was broken off can be run again.
pub async fn delete(reference: &Reference, settings: DeleteSettings, context: &Context) -> Result<()> {
    let location = &reference.location;
    let store = context.stores.open_for_writing(location);
    let pointer = pointer(reference, &store).await?;
    let found = store
        .resolve(&pointer)
        .await?
        .ok_or_else(|| missing(reference, &pointer))?;
    let mut result = ArtifactResult::new(location.last_part(), location).at(location, &found.digest);
    result.state = State::Failed;
    result.media_type = Some(found.media_type.clone());
    result.subject = subject(&store, &found).await;
    context.ledger.set(result.clone());

    let tree = match settings.recursive {
        true => Tree::below(&found.digest, &store).await?,
        false => Tree::default(),
    };
    if !settings.force {
        check(reference, &found.digest, &tree, &store).await?;
    }
    let behind = match settings.recursive {
        true => None,
        // Nothing depends on it: not known is as good as none.
        false => store.referrers(&found.digest, None).await.ok(),
    };
    let own = match &pointer {
        Pointer::Tag(tag) => Some(tag),
        Pointer::Digest(_) => None,
    };
    tree.delete(&found.digest, &store, &mut result, context).await?;
    if !delete_manifest(&store, &found.digest, own, settings.force).await? {
        return Err(missing(reference, &pointer));
    }
    if let Some(subject) = &result.subject {
        store.forget_referrer(subject, &found.digest).await?;
    }
    result.state = State::Deleted;
    result.tags = reference.tag.iter().map(ToString::to_string).collect();
    context.ledger.set(result);
    tell_of(reference, behind.map_or(0, |behind| behind.len()), context);
    Ok(())
}

/// What the manifest refers to. One that can't be read can be deleted, too.
async fn subject(store: &Store, found: &Descriptor) -> Option<Digest> {
    let raw = store
        .get_manifest(&Pointer::Digest(found.digest.clone()))
        .await
        .ok()??;
    let content = raw.content().ok()?;
    content.subject().map(|subject| subject.digest.clone())
}

/// Refuses if others would miss what is to be deleted.
async fn check(reference: &Reference, digest: &Digest, tree: &Tree, store: &Store) -> Result<()> {
    let tagged = Tagged::read(store).await?;
    let refuse = |why: String, way: &str| Error::new(Class::Conflict, format!("{reference}: {why}")).hint(way);
    let joined = |tags: Vec<&Tag>| tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>().join(", ");
    let others: Vec<&Tag> = tagged
        .naming(digest)
        .filter(|tag| reference.tag.as_ref() != Some(tag))
        .collect();
    if reference.tag.is_some() && reference.digest.is_none() && !others.is_empty() {
        return Err(refuse(
            format!(
                "its manifest is also tagged {}, and would be gone for them too",
                joined(others)
            ),
            "`untag` removes this tag alone; `--force` deletes the manifest with all its tags",
        ));
    }
    let below: Vec<&Tag> = tree.digests().flat_map(|digest| tagged.naming(digest)).collect();
    if !below.is_empty() {
        return Err(refuse(
            format!("what refers to it is tagged {}, and would be gone, too", joined(below)),
            "`untag` it first if it is not needed; `--force` deletes it with its tags",
        ));
    }
    let doomed: HashSet<&Digest> = std::iter::once(digest).chain(tree.digests()).collect();
    let lists = tagged.listing(&doomed, store).await?;
    if lists.is_empty() {
        return Ok(());
    }
    let indexes = joined(lists.iter().collect());
    Err(refuse(
        format!("it is listed by the index tagged {indexes}, which would be broken"),
        "take it off that index (`index --remove`), or delete the index first; `--force` deletes it all the same",
    ))
}

/// Says what stays behind.
fn tell_of(reference: &Reference, referrers: usize, context: &Context) {
    let stay = match referrers {
        0 => return,
        1 => "1 manifest that refers to it stays".to_owned(),
        more => format!("{more} manifests that refer to it stay"),
    };
    context
        .report
        .notice(format!("{reference}: {stay} behind; `--recursive` deletes those, too"));
}

/// Deletes a manifest; whether it was there. Some registries want its tags deleted first: of one named by the tag `own`
/// there are no others, unless `force` was given.
async fn delete_manifest(store: &Store, digest: &Digest, own: Option<&Tag>, force: bool) -> Result<bool> {
    match store.delete_manifest(digest).await {
        Err(error) if is_tagged(&error) => {}
        deleted => return deleted,
    }
    match own {
        Some(own) if !force => drop(store.delete_tag(own).await?),
        _ => {
            for tag in Tagged::read(store).await?.naming(digest) {
                store.delete_tag(tag).await?;
            }
        }
    }
    store.delete_manifest(digest).await
}
