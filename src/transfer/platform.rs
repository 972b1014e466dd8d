//! The manifest for a platform, through an index and the indexes that it lists.

use crate::error::{Error, Result};
use crate::oci::{Content, Descriptor, Digest, Index, Platform, RawManifest};
use crate::reference::{Pointer, Reference};
use crate::store::{self, Store};

/// Manifests that are fetched on the way to one: indexes in indexes are rare, and seldom more than two deep.
const FETCHED: usize = 32;

/// Entries of an index that an error names.
const SHOWN: usize = 20;

/// A manifest, and how it was found.
pub struct Chosen {
    /// The manifest.
    pub manifest: RawManifest,
    /// The indexes that led to it, the outermost first; none if it was named itself.
    pub through: Vec<Digest>,
    /// The platform under which it was listed.
    pub platform: Option<Platform>,
}

impl From<RawManifest> for Chosen {
    /// What was named itself, an index too.
    fn from(manifest: RawManifest) -> Self {
        Chosen {
            manifest,
            through: Vec::new(),
            platform: None,
        }
    }
}

/// The manifest for `platform` that `found` is or leads to; `found` is what `reference` names. A manifest that is no
/// index is taken as it is: a platform is for where an index lists several.
///
/// # Errors
/// Usage, with what the index lists, if it is one and there is no `platform`; not found, with the platforms that are
/// there, if none matches.
pub async fn choose(
    reference: &Reference,
    found: RawManifest,
    platform: Option<&Platform>,
    store: &Store,
) -> Result<Chosen> {
    let mut seen: Vec<Descriptor> = Vec::new();
    let mut fetched = 0;
    let mut next = vec![(Next::Here(found), Vec::new(), None)];
    while let Some((step, mut through, listed)) = next.pop() {
        let manifest = match step {
            Next::Here(manifest) => manifest,
            Next::There(_) if fetched == FETCHED => {
                let error = Error::integrity(format!("{reference}: more than {FETCHED} indexes in indexes"));
                return Err(error.hint("name the manifest that you want by its digest"));
            }
            Next::There(digest) => {
                fetched += 1;
                get(digest, reference, store).await?
            }
        };
        let Content::Index(index) = manifest.content()? else {
            return Ok(Chosen {
                manifest,
                through,
                platform: listed,
            });
        };
        let Some(platform) = platform else {
            return Err(unchosen(reference, &index));
        };
        through.push(manifest.digest().clone());
        let entries: Vec<&Descriptor> = match index.choose(platform) {
            Ok(entry) => vec![entry],
            Err(_) => {
                seen.extend(index.manifests.iter().cloned());
                let open = index.manifests.iter().filter(|entry| is_open_index(entry));
                open.rev().collect()
            }
        };
        for entry in entries {
            let platform = entry.platform.clone();
            next.push((Next::There(entry.digest.clone()), through.clone(), platform));
        }
    }
    let Some(platform) = platform else {
        return Err(Error::internal("an index led nowhere"));
    };
    Err(Index::none_matches(&seen, platform).context(reference))
}

enum Next {
    Here(RawManifest),
    There(Digest),
}

async fn get(digest: Digest, reference: &Reference, store: &Store) -> Result<RawManifest> {
    let pointer = Pointer::Digest(digest);
    let found = store.get_manifest(&pointer).await?;
    found.ok_or_else(|| {
        let error = store::not_found(&reference.location, &pointer);
        error.hint(format!(
            "{reference} lists it, but it was deleted: push it, or the index, again"
        ))
    })
}

/// Whether it is an index that says nothing of platforms, so that it has to be looked into.
fn is_open_index(entry: &Descriptor) -> bool {
    entry.platform.is_none() && entry.is_index()
}

fn unchosen(reference: &Reference, index: &Index) -> Error {
    let error = Error::usage(format!(
        "{reference} is an index of {} manifests, and no platform was given",
        index.manifests.len()
    ));
    let mut listed: Vec<String> = index.manifests.iter().take(SHOWN).map(entry_name).collect();
    if index.manifests.len() > SHOWN {
        listed.push("…".to_owned());
    }
    let listed = listed.join(", ");
    error.hint(format!(
        "set `platform`, or name a manifest by its digest; it lists {listed}"
    ))
}

fn entry_name(entry: &Descriptor) -> String {
    match &entry.platform {
        Some(platform) => format!("{platform} ({})", entry.digest),
        None => entry.digest.to_string(),
    }
}
