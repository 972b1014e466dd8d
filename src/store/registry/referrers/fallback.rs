//! The list of referrers under a tag (distribution-spec 1.1, "Referrers Tag Schema"), for registries without the API.
//!
//! Such a registry has no lock: who reads the list, adds an entry and puts it back takes away what another has put in
//! between. What is done about it:
//!
//! - between reading and putting nothing is waited for, so that this window is one round trip;
//! - a writer reads back after a wait longer than its own window, and is done when the list then holds everything that
//!   it ever saw there and hasn't changed over such a wait. So it sees what others overwrote from what they read
//!   before, puts it back, its own and others' entries alike, and looks again;
//! - tasks of one run leave their entries to one of them.
//!
//! A client that waits longer than that between its reading and its putting, and doesn't look again, can still take
//! away what others were sure of; no client can prevent that without `If-Match`, which is sent where a registry
//! gives an ETag.

mod wanted;

use std::time::Instant;

use self::wanted::Wanted;
use super::super::deletes::is_tagged;
use super::super::manifests::received;
use super::Registry;
use super::shared::{List, Waits};
use crate::error::{Class, Error, Result};
use crate::http::header::{ETAG, IF_MATCH};
use crate::http::{Method, StatusCode, Want};
use crate::oci::{Descriptor, Digest, Entries, MANIFEST_LIMIT, RawManifest, names};
use crate::reference::{Pointer, Tag};
use crate::store::referrers::{LIMIT, Referrer, tag_of, written};

/// How often the list is put, until it stays; and looked at, while it has everything but others go on writing.
const PUTS: u32 = 20;
const LOOKS: u32 = 50;

/// A wait between putting and reading back is as many times the time from reading to putting: that of the other writers
/// may be longer.
const WINDOWS: u32 = 3;

/// What the fallback tag names.
enum Tagged {
    Nothing,
    /// The subject itself: GitLab reads the tag as its digest (oras-go#1396).
    Subject,
    /// Something that isn't an index.
    Other(String),
    List(Box<Found>),
}

/// A list, as it was read.
struct Found {
    entries: Entries,
    manifest: RawManifest,
    etag: Option<String>,
}

impl Registry {
    pub(super) fn list_of(&self, subject: &Digest) -> Result<std::sync::Arc<List>> {
        let lists = &self.0.auth.shared.referrers;
        Ok(lists.of(self.root()?, self.repository(), subject))
    }

    /// What the fallback tag lists; what isn't a list has no entries.
    pub(super) async fn fallback_entries(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        Ok(match self.tagged(subject, &tag_of(subject)?).await? {
            Tagged::List(found) => found.entries.descriptors(),
            Tagged::Nothing | Tagged::Subject | Tagged::Other(_) => Vec::new(),
        })
    }

    /// Adds an entry, together with those that other tasks of this run have left.
    pub(super) async fn add_to_fallback(&self, list: &List, referrer: Referrer) -> Result<()> {
        let digest = referrer.entry.digest.clone();
        list.leave(referrer.entry);
        let _turn = list.turn().await;
        let left = list.left();
        if !left.iter().any(|entry| entry.digest == digest) {
            return Ok(());
        }
        self.merge(&referrer.subject, &left).await?;
        list.written(&left);
        Ok(())
    }

    async fn merge(&self, subject: &Digest, ours: &[Descriptor]) -> Result<()> {
        let tag = tag_of(subject)?;
        let mut wanted = Wanted::new(ours)?;
        let (mut waits, mut puts) = (Waits::new(self.client().options().backoff.saturating_mul(2)), 0);
        // What the list was when it last had everything.
        let mut whole: Option<Digest> = None;
        for _ in 0..PUTS + LOOKS {
            let mut read = Instant::now();
            let mut found = self.to_change(subject, &tag, puts).await?;
            wanted.learn(&found.entries);
            let unsure = wanted.unsure(&found.entries);
            if !unsure.is_empty() {
                for digest in unsure {
                    let there = self.resolve(&Pointer::Digest(digest.clone())).await?.is_some();
                    wanted.decide(digest, there);
                }
                // Again: between reading and putting the time is to be short.
                read = Instant::now();
                found = self.to_change(subject, &tag, puts).await?;
            }
            let missing = wanted.missing(&found.entries);
            if missing.is_empty() {
                let digest = found.manifest.digest();
                if puts == 0 || whole.as_ref() == Some(digest) {
                    return Ok(());
                }
                whole = Some(digest.clone());
                waits.pause().await;
                continue;
            }
            if puts >= PUTS || wanted.entries.len() > LIMIT {
                break;
            }
            found.entries.list.extend(missing);
            // None if it has changed since it was read: then nothing is whole.
            whole = self.put_list(&tag, &mut found.entries, found.etag.as_deref()).await?;
            puts += 1;
            waits.at_least(read.elapsed().saturating_mul(WINDOWS));
            waits.pause().await;
        }
        Err(self.lost(&tag))
    }

    /// The list to add to, after so many `puts`.
    async fn to_change(&self, subject: &Digest, tag: &Tag, puts: u32) -> Result<Found> {
        match self.tagged(subject, tag).await? {
            Tagged::List(found) => Ok(*found),
            Tagged::Subject if puts > 0 => Err(self.no_list(tag)),
            Tagged::Nothing | Tagged::Subject => Found::none(),
            Tagged::Other(media_type) => Err(self.foreign(tag, &media_type)),
        }
    }

    /// Takes entries away. A list without entries goes, where the registry deletes.
    pub(super) async fn remove_from_fallback(&self, subject: &Digest, referrers: &[Digest]) -> Result<()> {
        let tag = tag_of(subject)?;
        let list = self.list_of(subject)?;
        let _turn = list.turn().await;
        let mut waits = Waits::new(self.client().options().backoff.saturating_mul(2));
        for _ in 0..PUTS {
            let read = Instant::now();
            let Tagged::List(mut found) = self.tagged(subject, &tag).await? else {
                return Ok(());
            };
            if !found.entries.remove(referrers) {
                return Ok(());
            }
            if found.entries.list.is_empty() && self.delete_list(&tag, found.manifest.digest()).await? {
                return Ok(());
            }
            self.put_list(&tag, &mut found.entries, found.etag.as_deref()).await?;
            waits.at_least(read.elapsed().saturating_mul(WINDOWS));
            waits.pause().await;
        }
        Err(self.lost(&tag))
    }

    /// Deletes a list by its digest, so that one which another writer has put since stays. `false` if the registry
    /// doesn't delete.
    async fn delete_list(&self, tag: &Tag, digest: &Digest) -> Result<bool> {
        let mut deleted = self.delete_manifest(digest).await;
        if deleted.as_ref().is_err_and(is_tagged) {
            deleted = self.delete_tag(tag).await;
        }
        match deleted {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.class(), Class::Conflict | Class::Denied) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn tagged(&self, subject: &Digest, tag: &Tag) -> Result<Tagged> {
        let pointer = Pointer::Tag(tag.clone());
        let request = self.manifest(&Method::GET, &pointer)?.want(Want::Bytes(MANIFEST_LIMIT));
        let answer = self.ask(request, &self.reading()).await?;
        match answer.status.as_u16() {
            200 => {}
            404 => return Ok(Tagged::Nothing),
            _ => return Err(self.refused(&answer)),
        }
        let named = |error: Error| error.context(self.name(&pointer));
        let manifest = received(&answer, &pointer).map_err(named)?;
        if manifest.digest() == subject {
            return Ok(Tagged::Subject);
        }
        if manifest.media_type() != names::IMAGE_INDEX {
            return Ok(Tagged::Other(manifest.media_type().to_owned()));
        }
        let entries = Entries::parse(manifest.bytes()).map_err(named)?;
        let etag = answer.header(ETAG).filter(|etag| !etag.starts_with("W/"));
        Ok(Tagged::List(Box::new(Found {
            entries,
            etag: etag.map(str::to_owned),
            manifest,
        })))
    }

    /// Puts the list; its digest, or `None` if it has changed since it was read, as `If-Match` found out.
    async fn put_list(&self, tag: &Tag, entries: &mut Entries, etag: Option<&str>) -> Result<Option<Digest>> {
        let pointer = Pointer::Tag(tag.clone());
        let list = written(entries).map_err(|error| error.context(self.name(&pointer)))?;
        let mut request = self.put(&list, &pointer)?;
        if let Some(etag) = etag {
            request = request.header(IF_MATCH, etag);
        }
        let answer = self.ask(request, &self.writing()).await?;
        if etag.is_some() && answer.status == StatusCode::PRECONDITION_FAILED {
            return Ok(None);
        }
        if !answer.status.is_success() {
            return Err(self
                .refused(&answer)
                .context("the list of referrers could not be written"));
        }
        self.stored(&answer, &list, &pointer)?;
        Ok(Some(list.digest().clone()))
    }

    fn no_list(&self, tag: &Tag) -> Error {
        let at = self.name(&Pointer::Tag(tag.clone()));
        Error::new(
            Class::Conflict,
            format!("{at}: the registry takes this tag, which lists referrers, for the digest in its name"),
        )
        .hint("it has no referrers API and can't hold a list of referrers; push the artifact under a tag of its own")
    }

    fn foreign(&self, tag: &Tag, media_type: &str) -> Error {
        let at = self.name(&Pointer::Tag(tag.clone()));
        Error::new(
            Class::Conflict,
            format!("{at}: it should list referrers but is no image index ({media_type})"),
        )
        .hint("another tool uses this tag: remove it, or give what it names another tag")
    }

    fn lost(&self, tag: &Tag) -> Error {
        let at = self.name(&Pointer::Tag(tag.clone()));
        Error::new(
            Class::Conflict,
            format!("{at}: other writers keep overwriting the list of referrers"),
        )
        .hint("the manifest is stored; run the job again when fewer write to this subject at once")
    }
}

impl Found {
    fn none() -> Result<Self> {
        Ok(Found {
            entries: Entries::parse(Entries::EMPTY)?,
            manifest: RawManifest::new(names::IMAGE_INDEX, Entries::EMPTY.into()),
            etag: None,
        })
    }
}
