//! `index --add`, `--remove`: changes the index that a tag names. Other jobs may change it at the same time: it is read
//! again right before and after it is written, and nothing of theirs is lost for long.

use std::time::{Duration, Instant};

use super::push::members;
use super::{Context, missing};
use crate::error::{Class, Error, Result};
use crate::oci::{Annotations, Content, Descriptor, Digest, Entries, Entry, Index, RawManifest};
use crate::reference::{Pointer, Reference, Tag};
use crate::report::{ArtifactResult, ManifestResult, State};
use crate::spec::ManifestSpec;
use crate::store::{self, Store};

/// Times that the change is made again because another writer was faster.
const TRIES: u32 = 30;

/// The shortest wait for other writers; before each try up to as much more.
const WAIT: Duration = Duration::from_millis(40);

/// What to change.
#[derive(Clone, Debug, Default)]
pub struct IndexChange {
    /// Manifests to list.
    pub add: Vec<ManifestSpec>,
    /// Manifests to list no longer.
    pub remove: Vec<Pointer>,
    /// Its artifact type from now on; as it was if not given.
    pub artifact_type: Option<String>,
    /// Annotations to set; others stay.
    pub annotations: Annotations,
    /// Tags beside that of the reference.
    pub tags: Vec<Tag>,
}

/// Changes the index at `reference`; makes it if it isn't there and there is something to add.
pub async fn index(reference: &Reference, change: &IndexChange, context: &Context) -> Result<()> {
    let Some(tag) = &reference.tag else {
        return Err(
            Error::usage(format!("{reference} names no tag, and a changed index needs one"))
                .hint("add :TAG; an index by digest can't change"),
        );
    };
    let store = context.stores.open_for_writing(&reference.location);
    let add = members::find(&change.add, &members::There::new(), &store).await?;
    let remove = digests(&change.remove, &store).await?;
    let pointer = Pointer::Tag(tag.clone());
    let mut written = false;
    for tries in 0..TRIES {
        if tries > 0 {
            let longest = WAIT.saturating_mul(tries);
            tokio::time::sleep(longest.mul_f64(fastrand::f64())).await;
        }
        let read = Instant::now();
        let found = store.get_manifest(&pointer).await?;
        if found.is_none() && add.is_empty() {
            return Err(missing(reference, &pointer));
        }
        let (changed, before) = match &found {
            Some(found) => (
                changed(reference, found, &add, &remove, written, change, context)?,
                Some(found.digest()),
            ),
            None => (made(&add, change)?, None),
        };
        if before != Some(changed.digest()) {
            written = true;
            if !put(&changed, &pointer, before, read, &store).await? {
                continue;
            }
        }
        for further in &change.tags {
            let further = Pointer::Tag(further.clone());
            let named = store.resolve(&further).await?;
            if named.is_none_or(|named| named.digest != *changed.digest()) {
                store.put_manifest(&changed, &further).await?;
                written = true;
            }
        }
        return record(reference, &changed, written, change, context);
    }
    let error = Error::new(
        Class::Conflict,
        format!("{reference}: other writers changed the index each of {TRIES} times"),
    );
    Err(error.hint("change it from one job at a time, or list everything once, in a last job"))
}

/// Stores the index unless its tag was moved since it was `read`; whether it stayed. Another writer who read the old
/// one may put his only now: he is waited for as long as we took ourselves, and again.
async fn put(
    index: &RawManifest,
    pointer: &Pointer,
    before: Option<&Digest>,
    read: Instant,
    store: &Store,
) -> Result<bool> {
    let now = store.resolve(pointer).await?;
    if now.as_ref().map(|now| &now.digest) != before {
        return Ok(false);
    }
    store.put_manifest(index, pointer).await?;
    tokio::time::sleep(read.elapsed().saturating_mul(2).max(WAIT)).await;
    let after = store.resolve(pointer).await?;
    Ok(after.is_some_and(|after| after.digest == *index.digest()))
}

/// What is to be removed, by digest.
async fn digests(pointers: &[Pointer], store: &Store) -> Result<Vec<Digest>> {
    let mut found = Vec::new();
    for pointer in pointers {
        found.push(match pointer {
            Pointer::Digest(digest) => digest.clone(),
            Pointer::Tag(_) => {
                let resolved = store.resolve(pointer).await?;
                let resolved = resolved.ok_or_else(|| {
                    store::not_found(store.location(), pointer)
                        .hint("name what is to be removed by its digest; `inspect` shows what the index lists")
                })?;
                resolved.digest
            }
        });
    }
    Ok(found)
}

fn made(add: &[Descriptor], change: &IndexChange) -> Result<RawManifest> {
    let index = Index::new(change.artifact_type.clone(), add.to_vec(), change.annotations.clone());
    index.to_raw()
}

/// The index with the change. What others wrote into it stays byte for byte. Made `again`, what was to be removed may
/// be gone.
fn changed(
    reference: &Reference,
    found: &RawManifest,
    add: &[Descriptor],
    remove: &[Digest],
    again: bool,
    change: &IndexChange,
    context: &Context,
) -> Result<RawManifest> {
    let Content::Index(_) = found.content()? else {
        return Err(
            Error::usage(format!("{reference} is no index: it names {}", found.digest()))
                .hint("without --add and --remove the tag is given to a new index"),
        );
    };
    let mut index =
        Entries::parse(found.bytes()).map_err(|error| error.context(format!("index {}", found.digest())))?;
    for digest in remove {
        if !again && !index.has(digest) {
            let error = Error::new(Class::NotFound, format!("{reference} does not list {digest}"));
            return Err(error.hint("`inspect` shows what it lists"));
        }
    }
    index.remove(remove);
    for new in add {
        put_entry(&mut index, new, context)?;
    }
    if let Some(artifact_type) = &change.artifact_type {
        index.fields.set_before("manifests", "artifactType", artifact_type)?;
    }
    if !change.annotations.is_empty() {
        let damaged = |error: serde_json::Error| Error::integrity(format!("index {}: {error}", found.digest()));
        let mut annotations: Annotations = match index.fields.get("annotations") {
            Some(found) => serde_json::from_str::<Option<_>>(found.get())
                .map_err(damaged)?
                .unwrap_or_default(),
            None => Annotations::new(),
        };
        annotations.extend(change.annotations.clone());
        index.fields.set("annotations", &annotations)?;
    }
    RawManifest::bounded(found.media_type(), index.json()?)
}

/// Lists `new`, in the place of what had its platform, or its digest where one of the two has no platform. What is
/// listed for several platforms stays listed for the others, and added without one it keeps what it has.
fn put_entry(index: &mut Entries, new: &Descriptor, context: &Context) -> Result<()> {
    let same = |entry: &Descriptor| match (&entry.platform, &new.platform) {
        (Some(there), Some(new)) => there == new,
        _ => entry.digest == new.digest,
    };
    let mut entries = index.list.iter_mut();
    let Some(entry) = entries.find(|entry| entry.descriptor.as_deref().is_some_and(same)) else {
        index.list.push(Entry::of(new)?);
        return Ok(());
    };
    match entry.descriptor.as_deref() {
        Some(old) if old == new || new.platform.is_none() && new.annotations.is_empty() => return Ok(()),
        Some(old) if old.digest != new.digest => {
            let platform = new.platform.as_ref().map(ToString::to_string).unwrap_or_default();
            context.report.notice(format!(
                "for {platform} the index listed {}, and lists {} now",
                old.digest, new.digest
            ));
        }
        _ => {}
    }
    *entry = Entry::of(new)?;
    Ok(())
}

fn record(
    reference: &Reference,
    index: &RawManifest,
    written: bool,
    change: &IndexChange,
    context: &Context,
) -> Result<()> {
    let location = &reference.location;
    let mut result = ArtifactResult::new(location.last_part(), location).at(location, index.digest());
    result.state = if written { State::Pushed } else { State::Unchanged };
    result.tags = reference
        .tag
        .iter()
        .chain(&change.tags)
        .map(ToString::to_string)
        .collect();
    if let Content::Index(index) = index.content()? {
        result.media_type = Some(index.media_type);
        result.artifact_type = index.artifact_type;
        result.annotations = index.annotations;
        result.manifests = index.manifests.iter().map(ManifestResult::from).collect();
    }
    context.ledger.set(result);
    Ok(())
}
