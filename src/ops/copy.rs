//! `copy`: an artifact, or an index with all that it lists, from one store into another; with its referrers if asked for.

use super::Context;
use crate::error::{Error, Result};
use crate::oci::Platform;
use crate::reference::{Reference, Tag};
use crate::spec::IfExists;

/// How to copy.
#[derive(Clone, Debug, Default)]
pub struct CopySettings {
    /// With all referrers, however deep.
    pub recursive: bool,
    /// The manifests of an index to copy; all if none is named.
    pub platforms: Vec<Platform>,
    /// Tags at the target beside its own.
    pub tags: Vec<Tag>,
    /// What to do about a tag that names another digest.
    pub if_exists: IfExists,
    /// Look for every blob, even where the manifest is there.
    pub force: bool,
}

/// Copies what `source` names to `target`.
pub async fn copy(source: &Reference, target: &Reference, settings: &CopySettings, _context: &Context) -> Result<()> {
    Err(Error::internal(format!("copy {source} {target} {settings:?}")))
}
