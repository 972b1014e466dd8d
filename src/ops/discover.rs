//! `discover`: what refers to an artifact, as a tree.

use super::Context;
use crate::error::{Error, Result};
use crate::oci::{MediaType, Platform};
use crate::reference::Reference;

/// What to show.
#[derive(Clone, Debug, Default)]
pub struct DiscoverSettings {
    /// Only referrers of this type, and what leads to them.
    pub artifact_type: Option<MediaType>,
    /// Levels; all if not given.
    pub depth: Option<u32>,
    /// Which manifest of an index.
    pub platform: Option<Platform>,
}

/// The tree below `reference`, as text.
pub async fn discover(reference: &Reference, settings: &DiscoverSettings, _context: &Context) -> Result<String> {
    Err(Error::internal(format!("discover {reference} {settings:?}")))
}
