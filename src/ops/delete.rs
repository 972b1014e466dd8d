//! `delete`: a manifest. Named by tag it refuses while other tags name it too: registries delete the digest, and with
//! it every tag.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Context, list, missing, pointer};
use crate::error::{Class, Error, Result};
use crate::oci::Digest;
use crate::reference::{Pointer, Reference, Tag};
use crate::report::{ArtifactResult, State};
use crate::store::{Store, is_tagged};

/// How to delete.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeleteSettings {
    /// Also when other tags name it, or an index lists it.
    pub force: bool,
    /// With all that refers to it, however deep.
    pub recursive: bool,
}

/// Deletes what `reference` names.
pub async fn delete(reference: &Reference, settings: DeleteSettings, context: &Context) -> Result<()> {
    let DeleteSettings { force, .. } = settings;
    let store = context.stores.open_for_writing(&reference.location);
    let pointer = pointer(reference, &store).await?;
    let found = store
        .resolve(&pointer)
        .await?
        .ok_or_else(|| missing(reference, &pointer))?;
    let mut result =
        ArtifactResult::new(reference.location.last_part(), &reference.location).at(&reference.location, &found.digest);
    result.state = State::Failed;
    context.ledger.set(result.clone());
    if let (Pointer::Tag(tag), false) = (&pointer, force) {
        let others = other_tags(&store, Some(tag), &found.digest).await?;
        if !others.is_empty() {
            let others: Vec<&str> = others.iter().map(Tag::as_str).collect();
            return Err(Error::new(
                Class::Conflict,
                format!(
                    "{reference}: its manifest is also tagged {}, and would be gone for them too",
                    others.join(", ")
                ),
            )
            .hint("`untag` removes this tag alone; `--force` deletes the manifest with all its tags"));
        }
    }
    let deleted = match store.delete_manifest(&found.digest).await {
        Err(error) if is_tagged(&error) => {
            untag(&store, &pointer, force, &found.digest).await?;
            store.delete_manifest(&found.digest).await?
        }
        deleted => deleted?,
    };
    if !deleted {
        return Err(missing(reference, &pointer));
    }
    result.state = State::Deleted;
    result.tags = reference.tag.iter().map(ToString::to_string).collect();
    context.ledger.set(result);
    Ok(())
}

/// Deletes the tags that name `digest`, where the registry wants that first. Of a manifest named by tag there are no
/// others, unless `force` was given.
async fn untag(store: &Store, pointer: &Pointer, force: bool, digest: &Digest) -> Result<()> {
    let own = match pointer {
        Pointer::Tag(tag) => Some(tag),
        Pointer::Digest(_) => None,
    };
    let others = match own {
        Some(_) if !force => Vec::new(),
        _ => other_tags(store, own, digest).await?,
    };
    for tag in others.iter().chain(own) {
        store.delete_tag(tag).await?;
    }
    Ok(())
}

/// The tags beside `own` that name `digest`.
async fn other_tags(store: &Store, own: Option<&Tag>, digest: &Digest) -> Result<Vec<Tag>> {
    let tags = list::all_tags(store).await?;
    let resolved = tags.into_iter().filter(|tag| Some(tag) != own).map(|tag| async move {
        let found = store.resolve(&Pointer::Tag(tag.clone())).await?;
        Ok::<_, Error>(found.filter(|found| found.digest == *digest).map(|_| tag))
    });
    stream::iter(resolved)
        .buffered(8)
        .try_filter_map(|tag| async move { Ok(tag) })
        .try_collect()
        .await
}
