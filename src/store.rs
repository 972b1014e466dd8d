//! Where manifests and blobs are kept: an image layout on disk, one in a tar, a registry, or a dry run over any.
//!
//! One inherent interface, no generics above it. The contract test suite (`tests/it/contract.rs`) runs over all.

mod archive;
mod blob;
mod dry_run;
mod layout;
mod referrers;
pub(crate) mod registry;
mod section;
mod stamp;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use camino::Utf8PathBuf;
use futures_util::StreamExt as _;

pub use archive::Archive;
pub(crate) use archive::read_only;
pub use blob::{BlobSource, BlobStream, PIECE};
use blob::{Mark, Part};
pub use dry_run::DryRun;
pub use layout::Layout;
pub use referrers::is_digest_tag;
pub use registry::{Access, Registry, Shared, is_blob_unknown, is_tagged};

use crate::credentials::{Credential, Credentials};
use crate::error::{Class, Error, Result};
use crate::http;
use crate::oci::{Descriptor, Digest, RawManifest};
use crate::reference::{Host, Location, Pointer, Reference, Repository, Tag};
use crate::report::{Outcome, Report};

/// What [`Store::put_blob`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutBlob {
    /// The bytes were sent.
    Uploaded,
    /// The registry linked the blob from another repository of its own.
    Mounted,
    /// It was there already.
    Present,
    /// A dry run: it would be sent.
    Planned,
}

impl From<PutBlob> for Outcome {
    fn from(put: PutBlob) -> Self {
        match put {
            PutBlob::Uploaded => Outcome::Moved,
            PutBlob::Mounted => Outcome::Mounted,
            PutBlob::Present => Outcome::Present,
            PutBlob::Planned => Outcome::Planned,
        }
    }
}

/// A page of tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagPage {
    /// The tags, in the store's order.
    pub tags: Vec<Tag>,
    /// What to pass to get the next page; `None` on the last.
    pub next: Option<String>,
}

/// One repository of a registry, one layout, or one archive.
#[derive(Clone)]
pub enum Store {
    /// An OCI image layout.
    Layout(Layout),
    /// An OCI image layout in a tar.
    Archive(Archive),
    /// A repository of a registry.
    Registry(Registry),
    /// Another store whose reads pass and whose writes are only recorded.
    DryRun(DryRun),
}

/// Calls the method of the store at hand; a dry run implements each of them itself.
macro_rules! each {
    ($self:expr, $store:ident => $call:expr) => {
        match $self {
            Store::Layout($store) => $call,
            Store::Archive($store) => $call,
            Store::Registry($store) => $call,
            Store::DryRun($store) => $call,
        }
    };
}

impl Store {
    /// The descriptor of what `pointer` names, `None` if nothing does. One HEAD request; a registry that answers it
    /// without a digest is asked once more with GET.
    pub async fn resolve(&self, pointer: &Pointer) -> Result<Option<Descriptor>> {
        each!(self, store => store.resolve(pointer).await)
    }

    /// The manifest that `pointer` names, verified against the digest if it is one; `None` if there is none.
    pub async fn get_manifest(&self, pointer: &Pointer) -> Result<Option<RawManifest>> {
        each!(self, store => store.get_manifest(pointer).await)
    }

    /// Stores `manifest` under a tag or its digest. Its blobs must be there. Returns whether the store indexed its
    /// `subject` (`OCI-Subject`); a layout always does. Under another digest than its own it is refused here.
    pub async fn put_manifest(&self, manifest: &RawManifest, pointer: &Pointer) -> Result<bool> {
        let digest = manifest.digest();
        if let Pointer::Digest(wanted) = pointer
            && wanted != digest
        {
            return Err(Error::integrity(format!(
                "manifest {digest}: it was to be stored as {wanted}"
            )));
        }
        each!(self, store => store.put_manifest(manifest, pointer).await)
    }

    /// Stores `manifest` by its digest and asks for all of `tags` in the same request. The value is which of them the
    /// store says it made (`OCI-Tag`); the others, with most stores all, are still to be put.
    pub async fn put_manifest_tagged(&self, manifest: &RawManifest, tags: &[Tag]) -> Result<Vec<Tag>> {
        if tags.is_empty() {
            let pointer = Pointer::Digest(manifest.digest().clone());
            return self.put_manifest(manifest, &pointer).await.map(|_| Vec::new());
        }
        if let Store::Registry(registry) = self {
            return registry.put_manifest_tagged(manifest, tags).await;
        }
        // There is nothing to save elsewhere.
        for tag in tags {
            self.put_manifest(manifest, &Pointer::Tag(tag.clone())).await?;
        }
        Ok(tags.to_vec())
    }

    /// Stores `manifest`, which has a subject, by its digest and sees to it that [`Store::referrers`] lists it.
    ///
    /// # Errors
    /// Also when other writers keep taking it off the list.
    pub async fn put_referrer(&self, manifest: &RawManifest) -> Result<()> {
        if let Store::Registry(registry) = self {
            return registry.put_referrer(manifest).await;
        }
        // Others list any manifest with a subject.
        referrers::expect(manifest)?;
        let pointer = Pointer::Digest(manifest.digest().clone());
        self.put_manifest(manifest, &pointer).await.map(drop)
    }

    /// Every manifest whose subject is `subject`, with artifact type and annotations; of one artifact type if that is
    /// given. None if the subject isn't there. The number is bounded. The sizes are what a list says, which may be
    /// wrong (oras#1626): the manifest itself, got by its digest, tells.
    pub async fn referrers(&self, subject: &Digest, artifact_type: Option<&str>) -> Result<Vec<Descriptor>> {
        let listed = each!(self, store => store.referrers(subject, artifact_type).await)?;
        let mut found = referrers::completed(self, subject, listed).await?;
        if artifact_type.is_some() {
            found.retain(|found| found.artifact_type.as_deref() == artifact_type);
        }
        Ok(found)
    }

    /// Takes `referrers`, which were deleted, off the list of `subject`, where that is the client's to do: in a
    /// registry without the referrers API. A list without entries goes.
    pub async fn forget_referrers(&self, subject: &Digest, referrers: &[Digest]) -> Result<()> {
        each!(self, store => store.forget_referrers(subject, referrers).await)
    }

    /// [`Store::forget_referrers`] of one.
    pub async fn forget_referrer(&self, subject: &Digest, referrer: &Digest) -> Result<()> {
        self.forget_referrers(subject, std::slice::from_ref(referrer)).await
    }

    /// Whether the blob is there.
    pub async fn has_blob(&self, blob: &Descriptor) -> Result<bool> {
        each!(self, store => store.has_blob(blob).await)
    }

    /// The bytes of `blob` from byte `offset`, in pieces of at most [`PIECE`] bytes. They are not verified: the one
    /// who reads hashes them. Broken transfers resume inside the stream.
    pub async fn open_blob(&self, blob: &Descriptor, offset: u64) -> Result<BlobStream> {
        each!(self, store => store.open_blob(blob, offset).await)
    }

    /// All bytes of a small blob, verified. The caller has bounded the size that its descriptor states.
    pub async fn read_blob(&self, blob: &Descriptor) -> Result<Vec<u8>> {
        if let Some(bytes) = blob.inline()? {
            return Ok(bytes);
        }
        let mut stream = self.open_blob(blob, 0).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = stream.next().await {
            bytes.extend_from_slice(&piece?);
            if bytes.len() as u64 > blob.size {
                break;
            }
        }
        blob.verify(&bytes).map_err(|error| error.context("blob"))?;
        Ok(bytes)
    }

    /// Stores a blob unless it is there. `mount` names a repository of the same registry that may hold it; `title` is
    /// what a person knows it by, and every error names it. A registry draws the bar of what it sends; what became of
    /// the blob is the caller's to report. Fails with [`crate::error::Class::Local`] if the source no longer has the
    /// digest of `blob`.
    pub async fn put_blob(
        &self,
        blob: &Descriptor,
        source: &BlobSource,
        mount: Option<&Repository>,
        title: &str,
    ) -> Result<PutBlob> {
        let put = each!(self, store => store.put_blob(blob, source, mount, title).await);
        put.map_err(|error| match error.message().contains(title) {
            true => error,
            false => error.context(title),
        })
    }

    /// Announces all that will be put, so that a store that has to can lay it out: an archive, which is not written
    /// before. Others need not know.
    pub async fn expect(&self, blobs: &[Descriptor]) -> Result<()> {
        match self {
            Store::Archive(archive) => archive.expect(blobs).await,
            Store::Layout(_) | Store::Registry(_) | Store::DryRun(_) => Ok(()),
        }
    }

    /// Ends the writing: a new archive takes its place. Nothing is left to do for others.
    pub async fn finish(&self) -> Result<()> {
        match self {
            Store::Archive(archive) => archive.finish().await,
            Store::Layout(_) | Store::Registry(_) | Store::DryRun(_) => Ok(()),
        }
    }

    /// A page of the tags; `from` is the `next` of the page before.
    pub async fn tags(&self, from: Option<&str>) -> Result<TagPage> {
        each!(self, store => store.tags(from).await)
    }

    /// Deletes a manifest, and with it every tag that names it. `false` if it wasn't there.
    pub async fn delete_manifest(&self, digest: &Digest) -> Result<bool> {
        each!(self, store => store.delete_manifest(digest).await)
    }

    /// Removes a tag and leaves its manifest. `false` if it wasn't there. Registries that cannot answer 405: class
    /// `Conflict`, with the registry's own way in the hint.
    pub async fn delete_tag(&self, tag: &Tag) -> Result<bool> {
        each!(self, store => store.delete_tag(tag).await)
    }

    /// What the store is, as in a reference.
    pub fn location(&self) -> &Location {
        each!(self, store => store.location())
    }

    /// The full text of what lies at `digest` here: `HOST/REPOSITORY@DIGEST`.
    pub fn reference(&self, digest: &Digest) -> Reference {
        Reference {
            location: self.location().clone(),
            tag: None,
            digest: Some(digest.clone()),
        }
    }
}

/// Opens stores: holds what all of them share in a run.
#[derive(Clone)]
pub struct Stores {
    client: http::Client,
    credentials: Arc<Credentials>,
    report: Report,
    /// With `dry-run`: one store a place, so that what one artifact would write is there for the next.
    dry_runs: Option<Arc<Mutex<HashMap<Location, DryRun>>>>,
    /// One a directory, so that what it knows of its index serves every artifact.
    layouts: Arc<Mutex<HashMap<Utf8PathBuf, Layout>>>,
    /// Tokens, and what registries asked for.
    shared: Shared,
}

impl Stores {
    /// With `dry_run` every store it opens only records writes.
    pub fn new(client: http::Client, credentials: Credentials, report: Report, dry_run: bool) -> Self {
        Stores {
            client,
            credentials: Arc::new(credentials),
            report,
            dry_runs: dry_run.then(Arc::default),
            layouts: Arc::default(),
            shared: Shared::default(),
        }
    }

    /// The store at `location`, to read from. No request and no file access yet.
    pub fn open(&self, location: &Location) -> Store {
        self.open_for(location, Access::Read)
    }

    /// The store at `location`, to write to: the first token already asks for that.
    pub fn open_for_writing(&self, location: &Location) -> Store {
        let access = match self.dry_runs {
            Some(_) => Access::Read,
            None => Access::Write,
        };
        self.open_for(location, access)
    }

    /// The store at `location`, for `copy` to write to: archives too, whole at [`Store::finish`].
    pub fn open_target(&self, location: &Location) -> Store {
        match location {
            Location::Archive(path) if self.dry_runs.is_none() => Store::Archive(Archive::to_write(path.clone())),
            _ => self.open_for_writing(location),
        }
    }

    /// Proves the credential for `host` to its registry; the credential in the form that can be stored.
    ///
    /// # Errors
    /// There is none, or the registry refuses it.
    pub async fn prove(&self, host: &Host) -> Result<Credential> {
        let repository = Repository {
            host: host.clone(),
            name: String::new(),
        };
        let (client, credentials) = (self.client.clone(), Arc::clone(&self.credentials));
        let (report, shared) = (self.report.clone(), self.shared.clone());
        let registry = Registry::new(repository, Access::Read, client, credentials, report, shared);
        registry.prove().await
    }

    /// Tells registries to forget the uploads that a run was torn away from. Takes at most two seconds.
    pub async fn cancel_uploads(&self) {
        self.shared.cancel_uploads().await;
    }

    fn open_for(&self, location: &Location, access: Access) -> Store {
        let store = self.real(location, access);
        let Some(dry_runs) = &self.dry_runs else { return store };
        // Each change is one insert: a panic elsewhere leaves nothing half done.
        let mut dry_runs = dry_runs.lock().unwrap_or_else(PoisonError::into_inner);
        let dry_run = dry_runs.entry(location.clone()).or_insert_with(|| DryRun::new(store));
        Store::DryRun(dry_run.clone())
    }

    fn real(&self, location: &Location, access: Access) -> Store {
        match location {
            Location::Layout(directory) => {
                let mut layouts = self.layouts.lock().unwrap_or_else(PoisonError::into_inner);
                let layout = layouts.entry(directory.clone());
                Store::Layout(layout.or_insert_with(|| Layout::new(directory.clone())).clone())
            }
            Location::Archive(path) => Store::Archive(Archive::new(path.clone())),
            Location::Registry(repository) => Store::Registry(Registry::new(
                repository.clone(),
                access,
                self.client.clone(),
                Arc::clone(&self.credentials),
                self.report.clone(),
                self.shared.clone(),
            )),
        }
    }
}

/// Runs `work` on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Error::internal(format!("a worker thread failed: {error}"))))
}

/// Nothing is at `pointer`.
pub(crate) fn not_found(location: &Location, pointer: &Pointer) -> Error {
    let at = match pointer {
        Pointer::Tag(tag) => format!("{location}:{tag}"),
        Pointer::Digest(digest) => format!("{location}@{digest}"),
    };
    Error::new(Class::NotFound, format!("{at}: not found"))
}
