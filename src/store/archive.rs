//! An OCI image layout inside one uncompressed tar, as skopeo (`oci-archive:`) and `docker save` write it.
//!
//! Reading takes one scan of the headers; blobs are then read where they lie. Only `copy` writes archives: into a file
//! beside the target, which takes its place in the end ([`Archive::finish`]), so that an archive is whole or as it was.
//! It keeps what it had. The same content gives the same bytes, in whatever order it came.

mod listing;
mod replace;
mod scan;
mod tar;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::StreamExt as _;

use self::tar::Tar;
use self::writer::Writer;
use super::layout::{contents, referrers};
use super::{BlobSource, BlobStream, PutBlob, TagPage, blob, blocking};
use crate::error::{Class, Error, Result};
use crate::oci::{Descriptor, Digest, RawManifest};
use crate::reference::{Location, Pointer, Repository, Tag};

/// An archive. Clones share what was read and written.
#[derive(Clone)]
pub struct Archive(Arc<Inner>);

struct Inner {
    location: Location,
    path: Utf8PathBuf,
    writes: bool,
    state: Mutex<State>,
}

enum State {
    /// Nothing was asked yet, or the file isn't there.
    Closed,
    Open(Tar),
    /// Boxed: much larger than the others.
    Writing(Box<Writer>),
}

impl Archive {
    /// The archive at `path`, to read from.
    pub fn new(path: Utf8PathBuf) -> Self {
        Self::with(path, false)
    }

    /// The archive at `path`, to be written. Nothing is there before [`Archive::finish`].
    pub fn to_write(path: Utf8PathBuf) -> Self {
        Self::with(path, true)
    }

    fn with(path: Utf8PathBuf, writes: bool) -> Self {
        Archive(Arc::new(Inner {
            location: Location::Archive(path.clone()),
            path,
            writes,
            state: Mutex::new(State::Closed),
        }))
    }

    /// See [`super::Store::resolve`].
    pub async fn resolve(&self, pointer: &Pointer) -> Result<Option<Descriptor>> {
        let pointer = pointer.clone();
        self.read(move |tar| contents::find(tar, &pointer)).await
    }

    /// See [`super::Store::get_manifest`].
    pub async fn get_manifest(&self, pointer: &Pointer) -> Result<Option<RawManifest>> {
        let pointer = pointer.clone();
        self.read(move |tar| contents::get(tar, &pointer)).await
    }

    /// See [`super::Store::put_manifest`].
    pub async fn put_manifest(&self, manifest: &RawManifest, pointer: &Pointer) -> Result<bool> {
        let (manifest, pointer) = (manifest.clone(), pointer.clone());
        self.write(move |writer| writer.put_manifest(&manifest, &pointer))
            .await?;
        Ok(true)
    }

    /// See [`super::Store::referrers`]; of every artifact type.
    pub async fn referrers(&self, subject: &Digest, _artifact_type: Option<&str>) -> Result<Vec<Descriptor>> {
        let subject = subject.clone();
        self.read(move |tar| referrers::find(tar, &subject)).await
    }

    /// Nothing is deleted from an archive.
    pub async fn forget_referrers(&self, _subject: &Digest, _referrers: &[Digest]) -> Result<()> {
        Err(read_only(&self.0.location))
    }

    /// See [`super::Store::has_blob`]. One of another size is not the blob.
    pub async fn has_blob(&self, blob: &Descriptor) -> Result<bool> {
        let blob = blob.clone();
        self.read(move |tar| Ok(tar.size(&blob.digest) == Some(blob.size)))
            .await
    }

    /// See [`super::Store::open_blob`].
    pub async fn open_blob(&self, blob: &Descriptor, offset: u64) -> Result<BlobStream> {
        let (wanted, location) = (blob.clone(), self.0.location.clone());
        let found = self.read(move |tar| Ok(tar.section(&wanted.digest))).await?;
        let section = found
            .ok_or_else(|| Error::new(Class::NotFound, format!("{location}: there is no blob {}", blob.digest)))?;
        if section.length() != blob.size {
            let (digest, length, size) = (&blob.digest, section.length(), blob.size);
            return Err(Error::integrity(format!(
                "{location}: blob {digest} has {length} bytes instead of {size}"
            ))
            .hint("the archive is damaged: make it again"));
        }
        Ok(blob::read(move || Ok(section.from(offset))))
    }

    /// See [`super::Store::put_blob`]. There is nothing to mount from.
    pub async fn put_blob(
        &self,
        blob: &Descriptor,
        source: &BlobSource,
        _mount: Option<&Repository>,
        _title: &str,
    ) -> Result<PutBlob> {
        let wanted = blob.clone();
        let Some(mut section) = self.write(move |writer| writer.reserve(&wanted)).await? else {
            return Ok(PutBlob::Present);
        };
        let mut pieces = source.open_checked(blob);
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            section = blocking(move || section.append(&piece)).await?;
        }
        let digest = blob.digest.clone();
        self.write(move |writer| {
            writer.arrived(&digest);
            Ok(())
        })
        .await?;
        Ok(PutBlob::Uploaded)
    }

    /// See [`super::Store::expect`]: lays out what is to come and what was there, in order.
    pub async fn expect(&self, blobs: &[Descriptor]) -> Result<()> {
        let blobs = blobs.to_vec();
        self.write(move |writer| writer.lay_out(&blobs)).await
    }

    /// See [`super::Store::finish`].
    pub async fn finish(&self) -> Result<()> {
        let archive = self.clone();
        blocking(move || {
            let mut state = archive.state();
            match std::mem::replace(&mut *state, State::Closed) {
                State::Writing(writer) => writer.finish(),
                other => {
                    *state = other;
                    Ok(())
                }
            }
        })
        .await
    }

    /// See [`super::Store::tags`].
    pub async fn tags(&self, _from: Option<&str>) -> Result<TagPage> {
        let tags = self.read(|tar| Ok(Some(tar.index.tags()))).await?;
        let tags = tags.ok_or_else(|| contents::missing(&self.0.location, "archive"))?;
        Ok(TagPage { tags, next: None })
    }

    /// Nothing is deleted from an archive.
    pub async fn delete_manifest(&self, _digest: &Digest) -> Result<bool> {
        Err(read_only(&self.0.location))
    }

    /// Nothing is deleted from an archive.
    pub async fn delete_tag(&self, _tag: &Tag) -> Result<bool> {
        Err(read_only(&self.0.location))
    }

    /// See [`super::Store::location`].
    pub fn location(&self) -> &Location {
        &self.0.location
    }

    /// What `look` sees in the archive; the default where the file isn't there.
    async fn read<T, F>(&self, look: F) -> Result<T>
    where
        T: Default + Send + 'static,
        F: FnOnce(&Tar) -> Result<T> + Send + 'static,
    {
        let archive = self.clone();
        blocking(move || {
            let mut state = archive.state();
            if matches!(*state, State::Closed)
                && let Some(tar) = archive.named(scan::open(&archive.0.path))?
            {
                *state = State::Open(tar);
            }
            archive.named(match &*state {
                State::Closed => Ok(T::default()),
                State::Open(tar) => look(tar),
                State::Writing(writer) => look(writer.tar()),
            })
        })
        .await
    }

    /// What `change` does to the archive that is being written.
    async fn write<T, F>(&self, change: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Writer) -> Result<T> + Send + 'static,
    {
        if !self.0.writes {
            return Err(read_only(&self.0.location));
        }
        let archive = self.clone();
        blocking(move || {
            let mut state = archive.state();
            if !matches!(*state, State::Writing(_)) {
                // Scanned anew: what was read may be of a file that another process has replaced.
                let writer = archive.named(Writer::new(&archive.0.path))?;
                *state = State::Writing(Box::new(writer));
            }
            match &mut *state {
                State::Writing(writer) => archive.named(change(writer)),
                State::Closed | State::Open(_) => Err(Error::internal("the archive is not being written")),
            }
        })
        .await
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // A panic while it is written leaves a writer that is never finished.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error tells the archive.
    fn named<T>(&self, outcome: Result<T>) -> Result<T> {
        outcome.map_err(|error| {
            let path: &Utf8Path = &self.0.path;
            match error.message().contains(path.as_str()) {
                true => error,
                false => error.context(path),
            }
        })
    }
}

/// Only `copy` writes archives: each change writes the whole file anew.
pub(crate) fn read_only(location: &Location) -> Error {
    Error::usage(format!("{location}: an archive is written by `copy` alone"))
        .hint("use an image layout, oci:DIRECTORY:TAG, and then `oci-artifact copy oci:DIRECTORY:TAG` to the archive")
}

#[cfg(test)]
mod tests;
