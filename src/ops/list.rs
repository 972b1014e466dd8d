//! `list`: the tags of a repository, in the store's order.

use super::Context;
use crate::error::{Error, Result};
use crate::reference::{Location, Tag};
use crate::report::{ArtifactResult, State};
use crate::store::{Store, is_digest_tag};

/// More bytes of tags than this, 160,000 of 20 characters, are refused: an endless list of pages has them.
const LIMIT: usize = 8 * 1024 * 1024;

/// What a tag takes beside its bytes.
const OVERHEAD: usize = 32;

/// Lists the tags at `location`, one a line; without those that hold lists of referrers if they are excluded.
pub async fn list(location: &Location, exclude_digest_tags: bool, context: &Context) -> Result<String> {
    let mut tags = all_tags(&context.stores.open(location)).await?;
    if exclude_digest_tags {
        tags.retain(|tag| !is_digest_tag(tag));
    }
    let mut result = ArtifactResult::new(location.last_part(), location);
    result.state = State::Listed;
    result.tags = tags.into_iter().map(String::from).collect();
    let text = result.tags.iter().map(|tag| format!("{tag}\n")).collect();
    context.ledger.set(result);
    Ok(text)
}

/// All tags of `store`, page by page.
pub(super) async fn all_tags(store: &Store) -> Result<Vec<Tag>> {
    let (mut tags, mut bytes) = (Vec::new(), 0);
    let mut from = None;
    loop {
        let page = store.tags(from.as_deref()).await?;
        bytes += page.tags.iter().map(|tag| tag.as_str().len() + OVERHEAD).sum::<usize>();
        tags.extend(page.tags);
        if bytes > LIMIT {
            let error = Error::integrity(format!("{}: more than {} MiB of tags", store.location(), LIMIT >> 20));
            return Err(error.hint("the registry's list does not end; report this to its operator"));
        }
        match page.next {
            Some(next) if from.as_ref() != Some(&next) => from = Some(next),
            _ => return Ok(tags),
        }
    }
}
