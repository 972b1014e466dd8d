//! The commands, a short file each. What they did goes into the [`Ledger`]; what a person asked to see is returned.

mod check;
mod copy;
mod delete;
mod discover;
mod index;
mod inspect;
mod list;
mod login;
mod logout;
mod pull;
mod push;
mod tag;
mod untag;

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::oci::RawManifest;
use crate::reference::{Pointer, Reference, Tag};
use crate::report::{Ledger, Report};
use crate::store::{self, Store, Stores};
use crate::transfer::Engine;

pub use check::check;
pub use copy::{CopySettings, copy};
pub use delete::{DeleteSettings, delete};
pub use discover::{DiscoverSettings, discover};
pub use index::{IndexChange, index};
pub use inspect::{Show, Shown, inspect};
pub use list::list;
pub use login::login;
pub use logout::logout;
pub use pull::{PullItem, PullSettings, pull, pull_to_stdout};
pub use push::{IfDenied, PushSettings, push};
pub use tag::tag;
pub use untag::untag;

/// What every command works with.
#[derive(Clone)]
pub struct Context {
    /// Opens stores.
    pub stores: Stores,
    /// Moves blobs.
    pub engine: Engine,
    /// Tells the user.
    pub report: Report,
    /// Takes the result.
    pub ledger: Ledger,
}

/// The pointer of a reference that has to name something.
///
/// # Errors
/// Usage, with the tags that are there: there is no implicit `latest`.
async fn pointer(reference: &Reference, store: &Store) -> Result<Pointer> {
    if let Some(pointer) = reference.pointer() {
        return Ok(pointer);
    }
    let error = Error::usage(format!("reference {reference} has neither a tag nor a digest"));
    let mut tags = store.tags(None).await.map(|page| page.tags).unwrap_or_default();
    tags.retain(|tag| !store::is_digest_tag(tag));
    Err(match tags.as_slice() {
        [] => error.hint("add :TAG or @DIGEST"),
        tags => {
            let shown: Vec<&str> = tags.iter().take(20).map(Tag::as_str).collect();
            let more = if tags.len() > shown.len() { ", …" } else { "" };
            error.hint(format!("add :TAG or @DIGEST; its tags are {}{more}", shown.join(", ")))
        }
    })
}

/// The tags in their order, each once.
fn each_once<'t>(tags: impl Iterator<Item = &'t Tag>) -> Vec<&'t Tag> {
    let mut seen = HashSet::new();
    tags.filter(|tag| seen.insert(*tag)).collect()
}

/// The manifest that `reference` names.
async fn manifest(reference: &Reference, store: &Store) -> Result<RawManifest> {
    let pointer = pointer(reference, store).await?;
    let found = store.get_manifest(&pointer).await?;
    found.ok_or_else(|| missing(reference, &pointer))
}

fn missing(reference: &Reference, pointer: &Pointer) -> Error {
    let error = store::not_found(&reference.location, pointer);
    error.hint(format!(
        "`oci-artifact list {}` shows the tags that are there",
        reference.location
    ))
}
