//! `list`: the tags of a repository, in the store's order.

use super::Context;
use crate::error::{Class, Error, Result};
use crate::reference::{Location, Tag};
use crate::report::{ArtifactResult, State};
use crate::store::{Store, is_digest_tag};

/// More tags than this are refused: no repository has them, but an endless list of pages does.
const TAG_LIMIT: usize = 1_000_000;

/// Lists the tags at `location`, one a line; without those that hold lists of referrers if they are excluded.
pub async fn list(location: &Location, exclude_digest_tags: bool, context: &Context) -> Result<String> {
    let mut tags = all_tags(&context.stores.open(location)).await?;
    if exclude_digest_tags {
        tags.retain(|tag| !is_digest_tag(tag));
    }
    let mut result = ArtifactResult::new(location.last_part(), location);
    result.state = State::Listed;
    result.tags = tags.iter().map(Tag::to_string).collect();
    let text = result.tags.iter().map(|tag| format!("{tag}\n")).collect();
    context.ledger.set(result);
    Ok(text)
}

/// All tags of `store`, page by page.
pub(super) async fn all_tags(store: &Store) -> Result<Vec<Tag>> {
    let mut tags = Vec::new();
    let mut from = None;
    loop {
        let page = store.tags(from.as_deref()).await?;
        tags.extend(page.tags);
        if tags.len() > TAG_LIMIT {
            return Err(Error::new(
                Class::Integrity,
                format!("{}: more than {TAG_LIMIT} tags", store.location()),
            )
            .hint("the registry's list does not end; report this to its operator"));
        }
        match page.next {
            Some(next) if from.as_ref() != Some(&next) => from = Some(next),
            _ => return Ok(tags),
        }
    }
}
