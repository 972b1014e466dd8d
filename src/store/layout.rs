//! An OCI image layout on disk (image-spec 1.1, "OCI Image Layout Specification"): no server, no account.
//!
//! `index.json` has one entry a tag, and one without a tag for each manifest that was pushed by digest alone. It is
//! changed under a lock, so that any number of processes may push into one layout (oras#1888 lost entries there).
//! Everything is written beside its place and renamed: a reader takes no lock and never sees half a file. A process
//! that is killed leaves at most temporary files, `.oci-artifact-*`, and its lock goes with it.

mod files;
mod index;
mod referrers;

use std::io::Write as _;

use camino::Utf8PathBuf;
use futures_util::StreamExt as _;

use self::files::Files;
use self::index::{Index, Locked};
use super::referrers::{expect, of};
use super::{BlobSource, BlobStream, PutBlob, TagPage};
use crate::error::{Class, Error, Result};
use crate::oci::{Content, Descriptor, Digest, MANIFEST_LIMIT, RawManifest};
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
        blocking(move || find(&files, &pointer)).await
    }

    /// See [`super::Store::get_manifest`].
    pub async fn get_manifest(&self, pointer: &Pointer) -> Result<Option<RawManifest>> {
        let (files, pointer) = (self.files.clone(), pointer.clone());
        blocking(move || match find(&files, &pointer)? {
            Some(found) => read_manifest(&files, &found).map(Some),
            // Listed and there, but of another size: damaged, not missing.
            None => match listed(&files, &pointer)? {
                Some(entry) if files.blob(&entry.digest)?.is_some() => read_manifest(&files, &entry).map(Some),
                _ => Ok(None),
            },
        })
        .await
    }

    /// See [`super::Store::put_manifest`]. Like a registry it refuses a manifest whose blobs are not there.
    pub async fn put_manifest(&self, manifest: &RawManifest, pointer: &Pointer) -> Result<bool> {
        let (files, manifest, pointer) = (self.files.clone(), manifest.clone(), pointer.clone());
        blocking(move || put(&files, &manifest, &pointer)).await?;
        Ok(true)
    }

    /// Under each of `tags`: there is nothing to save.
    pub async fn put_manifest_tagged(&self, manifest: &RawManifest, tags: &[Tag]) -> Result<Vec<Tag>> {
        for tag in tags {
            self.put_manifest(manifest, &Pointer::Tag(tag.clone())).await?;
        }
        Ok(tags.to_vec())
    }

    /// See [`super::Store::put_referrer`]; any manifest with a subject is listed.
    pub async fn put_referrer(&self, manifest: &RawManifest) -> Result<()> {
        expect(manifest)?;
        let pointer = Pointer::Digest(manifest.digest().clone());
        self.put_manifest(manifest, &pointer).await.map(drop)
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
        blocking(move || {
            if !files.check()? {
                return Err(
                    Error::new(Class::NotFound, format!("{location}: there is no image layout"))
                        .hint("check the path: it is relative to `working-directory`"),
                );
            }
            let tags = Index::read(&files)?.tags();
            Ok(TagPage { tags, next: None })
        })
        .await
    }

    /// See [`super::Store::delete_manifest`]. Its blobs stay: another process may just have put them there for a
    /// manifest that it has not written yet, and nothing would tell them from garbage.
    pub async fn delete_manifest(&self, digest: &Digest) -> Result<bool> {
        let (files, digest) = (self.files.clone(), digest.clone());
        blocking(move || {
            let Some(found) = find(&files, &Pointer::Digest(digest.clone()))? else {
                return Ok(false);
            };
            let mut index = Locked::new(&files)?;
            // A damaged one can be deleted, too.
            if let Ok(Some(referrer)) = read_manifest(&files, &found).and_then(|manifest| of(&manifest)) {
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

/// Runs `work` on a thread that may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Error::internal(format!("image layout: {error}"))))
}

/// The entry of the index.
fn listed(files: &Files, pointer: &Pointer) -> Result<Option<Descriptor>> {
    if !files.check()? {
        return Ok(None);
    }
    let index = Index::read(files)?;
    Ok(match pointer {
        Pointer::Tag(tag) => index.tagged(tag),
        Pointer::Digest(digest) => index.entry(digest),
    })
}

/// What `pointer` names. A digest need not stand in the index: a manifest that an index lists, or that lost its tag,
/// is found among the blobs, as a registry finds it.
fn find(files: &Files, pointer: &Pointer) -> Result<Option<Descriptor>> {
    match (listed(files, pointer)?, pointer) {
        (Some(entry), _) => {
            let there = files.blob(&entry.digest)?.is_some_and(|found| found.size == entry.size);
            Ok(there.then_some(entry))
        }
        (None, Pointer::Digest(digest)) => manifest_among_blobs(files, digest),
        (None, Pointer::Tag(_)) => Ok(None),
    }
}

/// The descriptor of the blob `digest` if it is a manifest that says its own media type.
fn manifest_among_blobs(files: &Files, digest: &Digest) -> Result<Option<Descriptor>> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Typed {
        media_type: String,
    }

    let Some(found) = files.blob(digest)?.filter(|found| found.size <= MANIFEST_LIMIT as u64) else {
        return Ok(None);
    };
    let bytes = files.read(&found.path, MANIFEST_LIMIT)?.unwrap_or_default();
    let Ok(Typed { media_type }) = serde_json::from_slice(&bytes) else {
        return Ok(None);
    };
    let manifest = RawManifest::verified(media_type, bytes.into(), digest)?;
    Ok(manifest.content().is_ok().then(|| manifest.descriptor()))
}

fn read_manifest(files: &Files, found: &Descriptor) -> Result<RawManifest> {
    let path = files.blob_path(&found.digest);
    let bytes = files.read(&path, MANIFEST_LIMIT)?.unwrap_or_default();
    found.verify(&bytes).map_err(|error| error.context(&path))?;
    RawManifest::verified(found.media_type.clone(), bytes.into(), &found.digest)
}

fn put(files: &Files, manifest: &RawManifest, pointer: &Pointer) -> Result<()> {
    let content = manifest.content()?;
    let mut entry = manifest.descriptor();
    let listed: Vec<Descriptor> = match content {
        Content::Artifact(artifact) => {
            entry.artifact_type = artifact.artifact_type;
            artifact.config.into_iter().chain(artifact.layers).collect()
        }
        Content::Index(index) => {
            entry.artifact_type = index.artifact_type;
            index.manifests
        }
    };
    files.prepare()?;
    // From here to the end under the lock: the manifest's blobs must not go while its entry is written.
    let mut index = Locked::new(files)?;
    for blob in listed.iter().filter(|blob| blob.urls.is_empty()) {
        if files.blob(&blob.digest)?.is_none_or(|found| found.size != blob.size) {
            let what = blob.title().map(|title| format!(" ({title:?})")).unwrap_or_default();
            return Err(Error::new(
                Class::NotFound,
                format!(
                    "manifest {}: its blob {}{what} is not in the layout",
                    manifest.digest(),
                    blob.digest
                ),
            ));
        }
    }
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
