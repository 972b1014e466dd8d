//! Referrers: the API of distribution-spec 1.1 where it answers, else the list under the fallback tag.
//!
//! Whether there is an API is asked for, once a run and repository, and not guessed. What refers to one subject is
//! written by one task at a time; other processes are the business of [`fallback`], and of reading back.

mod fallback;
mod shared;

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::Registry;
use super::manifests::{inner_media_type, media_type};
use super::paging::endless;
use super::quirks::Flavor;
use crate::error::{Class, Error, Result};
use crate::http::header::ACCEPT;
use crate::http::{Answer, Follow, Method, Refusal, Request, Want};
use crate::oci::{Descriptor, Digest, ENTRIES, Few, RawManifest, names};
use crate::reference::Pointer;
use crate::store::referrers::{self, LIMIT, TEXT};

pub(super) use shared::Lists;
use shared::Waits;

/// The largest page that is read: annotations may be long, and a page may hold all entries.
const PAGE_LIMIT: usize = 16 * 1024 * 1024;

/// The largest entry: read, short texts take many times their bytes.
const ENTRY_LIMIT: usize = 1024 * 1024;

/// How often a manifest is put again whose entry the registry dropped (olareg does, between racing writers).
const PUTS: u32 = 12;

/// An image index, of which only the entries are of interest.
#[derive(serde::Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    manifests: Option<Few<&'a RawValue, ENTRIES>>,
}

/// What the API said.
enum Listed {
    Entries(Vec<Descriptor>),
    /// There is none here.
    Unsupported,
}

impl Registry {
    /// What the registry lists: with `artifact_type` perhaps only that, where it knows to filter.
    pub async fn referrers(&self, subject: &Digest, artifact_type: Option<&str>) -> Result<Vec<Descriptor>> {
        match self.listed(subject, artifact_type).await? {
            Listed::Entries(entries) => Ok(entries),
            Listed::Unsupported => self.fallback_entries(subject).await,
        }
    }

    /// See [`crate::store::Store::put_referrer`].
    pub async fn put_referrer(&self, manifest: &RawManifest) -> Result<()> {
        let referrer = referrers::expect(manifest)?;
        let (digest, subject) = (manifest.digest(), &referrer.subject);
        let pointer = Pointer::Digest(digest.clone());
        let list = self.list_of(subject)?;
        let mut waits = Waits::new(self.client().options().backoff);
        let mut indexed = false;
        for _ in 0..PUTS {
            let mut there = {
                let _turn = list.turn().await;
                indexed |= self.put_manifest(manifest, &pointer).await?;
                self.is_listed(subject, digest).await?
            };
            if there == Some(true) && !self.keeps_lists()? {
                waits.pause().await;
                there = self.is_listed(subject, digest).await?;
            }
            match there {
                Some(true) => return Ok(()),
                None if indexed => return Ok(()),
                None => return self.add_to_fallback(&list, referrer).await,
                Some(false) => waits.pause().await,
            }
        }
        if !indexed {
            return self.add_to_fallback(&list, referrer).await;
        }
        self.report().warning(format!(
            "{}: the registry says that it lists this as a referrer of {subject}, but its list doesn't have it yet",
            self.name(&pointer),
        ));
        Ok(())
    }

    /// Whether a registry of this kind is known not to drop entries when several write at once. Others are asked again
    /// a while after the entry was there: olareg lets a racing writer take it away.
    fn keeps_lists(&self) -> Result<bool> {
        Ok(self.0.auth.shared.flavor(&self.root()?) != Flavor::Other)
    }

    /// Whether the API lists it; `None` if there is none.
    async fn is_listed(&self, subject: &Digest, digest: &Digest) -> Result<Option<bool>> {
        Ok(match self.listed(subject, None).await? {
            Listed::Entries(entries) => Some(entries.iter().any(|entry| entry.digest == *digest)),
            Listed::Unsupported => None,
        })
    }

    /// See [`crate::store::Store::forget_referrers`].
    pub async fn forget_referrers(&self, subject: &Digest, referrers: &[Digest]) -> Result<()> {
        match self.listed(subject, None).await? {
            Listed::Entries(_) => Ok(()),
            Listed::Unsupported => self.remove_from_fallback(subject, referrers).await,
        }
    }

    /// What the API lists, page by page.
    async fn listed(&self, subject: &Digest, artifact_type: Option<&str>) -> Result<Listed> {
        let root = self.root()?;
        let lists = &self.0.auth.shared.referrers;
        if !lists.may_have_api(&root, self.repository()) {
            return Ok(Listed::Unsupported);
        }
        // Harbor takes the config's media type for the artifact type (goharbor/harbor#19867), also when it filters.
        let filter = artifact_type.filter(|_| self.0.auth.shared.flavor(&root) != Flavor::Harbor);
        let mut url = self.url(&format!("referrers/{subject}"))?;
        if let Some(filter) = filter {
            // Encoded: media types have a `+` (roci 4a36f02).
            url.query_pairs_mut().append_pair("artifactType", filter);
        }
        let what = format!("referrers of {}@{subject}", self.repository());
        let (mut found, mut text, mut page) = (Vec::new(), 0, 1);
        loop {
            let mut request = Request::new(Method::GET, url.clone(), &what)
                .header(ACCEPT, names::IMAGE_INDEX)
                .want(Want::Bytes(PAGE_LIMIT));
            request.follow = Follow::Stay;
            let answer = self.ask(request, &self.reading()).await?;
            if page == 1 && is_none(&answer) {
                if is_proof(&answer) {
                    lists.has_no_api(&root, self.repository());
                }
                return Ok(Listed::Unsupported);
            }
            if !answer.status.is_success() {
                return Err(self.refused(&answer));
            }
            let list: Page<'_> = serde_json::from_slice(&answer.body)
                .map_err(|error| Error::new(Class::Network, format!("{what}: the answer is not a list: {error}")))?;
            let mut known = HashSet::new();
            for raw in list.manifests.unwrap_or_default().0 {
                if raw.get().len() > ENTRY_LIMIT {
                    return Err(Error::integrity(format!(
                        "{what}: an entry has more than {ENTRY_LIMIT} bytes"
                    )));
                }
                // One we can't read is passed over.
                let Ok(entry) = serde_json::from_str::<Descriptor>(raw.get()) else {
                    continue;
                };
                text += entry.weight();
                if known.insert(entry.digest.clone()) {
                    found.push(entry);
                }
                if found.len() > LIMIT || text > TEXT {
                    return Err(endless(&what));
                }
            }
            match self.next_page(&what, &url, page, &answer)? {
                Some(next) => url = next,
                None => return Ok(Listed::Entries(found)),
            }
            page += 1;
        }
    }
}

/// Whether an answer means that there is no such API: a refusal of any kind but overload (406 on some,
/// ggcr#2026), a redirect to another server (GHCR), or something that isn't an index.
fn is_none(answer: &Answer) -> bool {
    match answer.status.as_u16() {
        200..=299 => !is_index(answer),
        300..=499 | 501 => true,
        _ => false,
    }
}

/// Harbor 2.9 gives a plain JSON type (goharbor/harbor#19690); the index itself says what it is.
fn is_index(answer: &Answer) -> bool {
    match media_type(answer) {
        Some("application/json") => inner_media_type(&answer.body) == names::IMAGE_INDEX,
        told => told == Some(names::IMAGE_INDEX),
    }
}

/// Whether it can be remembered: not where repository or subject may be what isn't there.
fn is_proof(answer: &Answer) -> bool {
    let refusal = Refusal::of(answer);
    !["NAME_UNKNOWN", "MANIFEST_UNKNOWN"]
        .iter()
        .any(|code| refusal.has_code(code))
}
