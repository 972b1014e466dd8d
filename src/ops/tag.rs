//! `tag`: further tags for a manifest.

use super::Context;
use crate::error::{Error, Result};
use crate::reference::{Reference, Tag};
use crate::spec::IfExists;

/// Lets `tags` name what `reference` names.
pub async fn tag(reference: &Reference, tags: &[Tag], if_exists: IfExists, _context: &Context) -> Result<()> {
    Err(Error::internal(format!("tag {reference} {tags:?} {if_exists:?}")))
}
