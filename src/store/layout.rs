//! An OCI image layout on disk (image-spec 1.1, "OCI Image Layout Specification"): no server, no account.
//!
//! `index.json` has one entry a tag, and one without a tag for each manifest that was pushed by digest alone. It is
//! changed under a lock, so that any number of processes may push into one layout (oras#1888 lost entries there).
//! Everything is written beside its place and renamed: a reader takes no lock and never sees half a file. A process
//! that is killed leaves at most temporary files, `.oci-artifact-*`, which the next one that writes removes, and its
//! lock goes with it.

pub(in crate::store) mod contents;
pub(in crate::store) mod files;
pub(in crate::store) mod index;
mod known;
pub(in crate::store) mod referrers;

use std::io::Write as _;

use camino::Utf8PathBuf;
use futures_util::StreamExt as _;

use self::contents::Contents as _;
use self::files::Files;
use self::index::Locked;
use super::referrers::of;
use super::{BlobSource, BlobStream, PutBlob, TagPage, blocking};
use crate::error::{Class, Error, Result};
use crate::oci::{Descriptor, Digest, RawManifest};
use crate::reference::{Location, Pointer, Repository, Tag};

/// A layout.
#[derive(Clone, Debug)]
pub struct Layout {
    location: Location,
    files: Files,
}

impl Layout {
    /// The layout in `directory`; made by the first write.
    pub fn new(directory: Utf8PathBuf) -> Self {
        Layout {
            location: Location::Layout(directory.clone()),
            files: Files::new(directory),
        }
    }

    /// See [`super::Store::resolve`]. An entry whose manifest is not among the blobs counts for nothing, so that the
    /// next push of it repairs the layout.
    pub async fn resolve(&self, pointer: &Pointer) -> Result<Option<Descriptor>> {
        let (files, pointer) = (self.files.clone(), pointer.clone());
        blocking(move || contents::find(&files, &pointer)).await
    }

    /// See [`super::Store::get_manifest`].
    pub async fn get_manifest(&self, pointer: &Pointer) -> Result<Option<RawManifest>> {
        let (files, pointer) = (self.files.clone(), pointer.clone());
        blocking(move || contents::get(&files, &pointer)).await
    }

    /// See [`super::Store::put_manifest`]. Like a registry it refuses a manifest whose blobs are not there.
    pub async fn put_manifest(&self, manifest: &RawManifest, pointer: &Pointer) -> Result<bool> {
        let (files, manifest, pointer) = (self.files.clone(), manifest.clone(), pointer.clone());
        blocking(move || put(&files, &manifest, &pointer)).await?;
        Ok(true)
    }

    /// See [`super::Store::referrers`]; of every artifact type.
    pub async fn referrers(&self, subject: &Digest, _artifact_type: Option<&str>) -> Result<Vec<Descriptor>> {
        let (files, subject, location) = (self.files.clone(), subject.clone(), self.location.clone());
        let found = blocking(move || referrers::find(&files, &subject)).await;
        found.map_err(|error| error.context(location))
    }

    /// See [`super::Store::forget_referrers`].
    pub async fn forget_referrers(&self, subject: &Digest, referrers: &[Digest]) -> Result<()> {
        let (files, subject, gone) = (self.files.clone(), subject.clone(), referrers.to_vec());
        blocking(move || {
            if !files.check()? {
                return Ok(());
            }
            let mut index = Locked::new(&files)?;
            referrers::remove(&files, &mut index, &subject, &gone)?;
            index.save()
        })
        .await
    }

    /// See [`super::Store::has_blob`]. A file of another size is not the blob.
    pub async fn has_blob(&self, blob: &Descriptor) -> Result<bool> {
        let (files, blob) = (self.files.clone(), blob.clone());
        blocking(move || Ok(files.check()? && files.blob(&blob.digest)?.is_some_and(|found| found.size == blob.size)))
            .await
    }

    /// See [`super::Store::open_blob`].
    pub async fn open_blob(&self, blob: &Descriptor, offset: u64) -> Result<BlobStream> {
        let (files, blob, location) = (self.files.clone(), blob.clone(), self.location.clone());
        blocking(move || {
            let found = if files.check()? {
                files.blob(&blob.digest)?
            } else {
                None
            };
            let found = found
                .ok_or_else(|| Error::new(Class::NotFound, format!("{location}: there is no blob {}", blob.digest)))?;
            if found.size != blob.size {
                return Err(
                    Error::integrity(format!("{}: {} bytes instead of {}", found.path, found.size, blob.size))
                        .hint("the layout is damaged: push the artifact again with force"),
                );
            }
            Ok(BlobSource::File(found.path))
        })
        .await
        .map(|source| source.open(offset))
    }

    /// See [`super::Store::put_blob`]. There is nothing to mount from.
    pub async fn put_blob(
        &self,
        blob: &Descriptor,
        source: &BlobSource,
        _mount: Option<&Repository>,
        _title: &str,
    ) -> Result<PutBlob> {
        let (files, wanted) = (self.files.clone(), blob.clone());
        let temporary = blocking(move || {
            files.prepare()?;
            if files.holds(&wanted)? {
                return Ok(None);
            }
            files.temporary().map(Some)
        })
        .await?;
        let Some(mut temporary) = temporary else {
            return Ok(PutBlob::Present);
        };
        let mut pieces = source.open_checked(blob);
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            let files = self.files.clone();
            temporary = blocking(move || {
                temporary
                    .write_all(&piece)
                    .map_err(|error| files.failed("write a blob", error))?;
                Ok(temporary)
            })
            .await?;
        }
        let (files, digest) = (self.files.clone(), blob.digest.clone());
        blocking(move || files.persist(temporary, &files.blob_path(&digest))).await?;
        Ok(PutBlob::Uploaded)
    }

    /// See [`super::Store::tags`]: all of them on one page, sorted. Names that are not tags (other tools write whole
    /// references into `org.opencontainers.image.ref.name`) are left out.
    pub async fn tags(&self, _from: Option<&str>) -> Result<TagPage> {
        let (files, location) = (self.files.clone(), self.location.clone());
        blocking(move || match files.check()? {
            true => Ok(TagPage {
                tags: files.index()?.tags(),
                next: None,
            }),
            false => Err(contents::missing(&location, "image layout")),
        })
        .await
    }

    /// See [`super::Store::delete_manifest`]. Its blobs stay: another process may just have put them there for a
    /// manifest that it has not written yet, and nothing would tell them from garbage.
    pub async fn delete_manifest(&self, digest: &Digest) -> Result<bool> {
        let (files, digest) = (self.files.clone(), digest.clone());
        blocking(move || {
            let Some(found) = contents::find(&files, &Pointer::Digest(digest.clone()))? else {
                return Ok(false);
            };
            let mut index = Locked::new(&files)?;
            // A damaged one can be deleted, too.
            if let Ok(Some(referrer)) = contents::read_manifest(&files, &found).and_then(|manifest| of(&manifest)) {
                referrers::remove(&files, &mut index, &referrer.subject, std::slice::from_ref(&digest))?;
            }
            index.remove(&digest);
            // The index first: an entry without its blob would be worse than a blob without its entry.
            index.save()?;
            files.remove_blob(&digest)?;
            Ok(true)
        })
        .await
    }

    /// See [`super::Store::delete_tag`].
    pub async fn delete_tag(&self, tag: &Tag) -> Result<bool> {
        let (files, tag) = (self.files.clone(), tag.clone());
        blocking(move || {
            if !files.check()? {
                return Ok(false);
            }
            let mut index = Locked::new(&files)?;
            let found = index.untag(&tag)?;
            index.save()?;
            Ok(found)
        })
        .await
    }

    /// See [`super::Store::location`].
    pub fn location(&self) -> &Location {
        &self.location
    }
}

fn put(files: &Files, manifest: &RawManifest, pointer: &Pointer) -> Result<()> {
    let (entry, listed) = contents::entry(manifest)?;
    files.prepare()?;
    // From here to the end under the lock: the manifest's blobs must not go while its entry is written.
    let mut index = Locked::new(files)?;
    contents::check_listed(files, manifest, &listed, "layout")?;
    files.write(&files.blob_path(manifest.digest()), manifest.bytes())?;
    match pointer {
        Pointer::Tag(tag) => index.tag(entry, tag)?,
        Pointer::Digest(_) => index.add(&entry)?,
    }
    if let Some(referrer) = of(manifest)? {
        referrers::add(files, &mut index, &referrer)?;
    }
    index.save()
}

#[cfg(test)]
mod tests;
