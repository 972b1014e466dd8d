//! `untag`: removes tags and leaves what they name.

use super::{Context, each_once, missing};
use crate::error::{Class, Error, Result};
use crate::reference::{Pointer, Reference, Tag};
use crate::report::{ArtifactResult, State};
use crate::store::is_digest_tag;

/// Removes the tag of `reference` and `tags`; nothing is removed unless all of them are there. The tag of a list of
/// referrers is removed with `force` alone: nobody finds them without it.
pub async fn untag(reference: &Reference, tags: &[Tag], force: bool, context: &Context) -> Result<()> {
    if reference.digest.is_some() {
        return Err(Error::usage(format!("untag {reference}: a digest is no tag"))
            .hint("name the tags; `delete` removes a manifest by its digest"));
    }
    let tags = each_once(reference.tag.iter().chain(tags));
    if tags.is_empty() {
        return Err(Error::usage(format!("untag {reference}: no tag is named")).hint("add :TAG, or tags after it"));
    }
    if let Some(list) = tags.iter().find(|tag| !force && is_digest_tag(tag)) {
        return Err(Error::new(
            Class::Conflict,
            format!(
                "untag {reference}: {list} holds the list of what refers to a manifest, which nobody would find then"
            ),
        )
        .hint("`delete` removes a referrer and takes it off its list; `--force` removes the list all the same"));
    }
    let store = context.stores.open_for_writing(&reference.location);
    let mut result = ArtifactResult::new(reference.location.last_part(), &reference.location);
    for tag in &tags {
        let pointer = Pointer::Tag((*tag).clone());
        let found = store.resolve(&pointer).await?;
        let found = found.ok_or_else(|| missing(reference, &pointer))?;
        result = result.at(&reference.location, &found.digest);
    }
    for tag in tags {
        store.delete_tag(tag).await?;
        result.tags.push(tag.to_string());
        context.ledger.set(ArtifactResult {
            state: State::Untagged,
            ..result.clone()
        });
    }
    Ok(())
}
