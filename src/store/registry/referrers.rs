//! Referrers: the API of distribution-spec 1.1 where it answers, else the list under the fallback tag.
//!
//! Whether there is an API is asked for, once a run and repository, and not guessed. What refers to one subject is
//! written by one task at a time; other processes are the business of [`fallback`], and of reading back.

mod fallback;
mod shared;

use super::Registry;
use super::manifests::media_type;
use super::paging::endless;
use super::quirks::Flavor;
use crate::error::{Class, Error, Result};
use crate::http::header::ACCEPT;
use crate::http::{Answer, Follow, Method, Refusal, Want};
use crate::oci::{Descriptor, Digest, RawManifest, names};
use crate::reference::Pointer;
use crate::store::entries::Entries;
use crate::store::referrers::{self, LIMIT};

pub(super) use shared::Lists;
use shared::Waits;

/// The largest page that is read: annotations may be long, and a page may hold all entries.
const PAGE_LIMIT: usize = 16 * 1024 * 1024;

/// How often a manifest is put again whose entry the registry dropped (olareg does, between racing writers).
const PUTS: u32 = 12;

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
        let pointer = Pointer::Digest(manifest.digest().clone());
        let list = self.list_of(&referrer.subject)?;
        let may_have_api = self
            .0
            .auth
            .shared
            .referrers
            .may_have_api(&self.root()?, self.repository());
        let turn = if may_have_api { Some(list.turn().await) } else { None };
        let indexed = self.put_manifest(manifest, &pointer).await?;
        let mut waits = Waits::new(self.client().options().backoff);
        // A list that once lacked the entry is asked twice: the writer who dropped it may not have been the last.
        let (mut puts, mut sure) = (1, true);
        while let Listed::Entries(entries) = self.listed(&referrer.subject, None).await? {
            let there = entries.iter().any(|entry| entry.digest == *manifest.digest());
            if there && sure {
                return Ok(());
            }
            if !there && puts >= PUTS {
                break;
            }
            sure = there;
            waits.pause().await;
            if !there {
                self.put_manifest(manifest, &pointer).await?;
                puts += 1;
            }
        }
        drop(turn);
        if !indexed {
            return self.add_to_fallback(&list, referrer).await;
        }
        if puts >= PUTS {
            self.report().warning(format!(
                "{}: the registry says that it lists this as a referrer of {}, but its list doesn't have it yet",
                self.name(&pointer),
                referrer.subject
            ));
        }
        Ok(())
    }

    /// See [`crate::store::Store::forget_referrer`].
    pub async fn forget_referrer(&self, subject: &Digest, referrer: &Digest) -> Result<()> {
        match self.listed(subject, None).await? {
            Listed::Entries(_) => Ok(()),
            Listed::Unsupported => self.remove_from_fallback(subject, referrer).await,
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
        let (mut found, mut page) = (Vec::new(), 1);
        loop {
            let mut request = self
                .request(Method::GET, url.clone(), &what)
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
            let entries = Entries::parse(&answer.body).map_err(|error| {
                Error::new(
                    Class::Network,
                    format!("{what}: the answer is not a list: {}", error.message()),
                )
            })?;
            found.extend(entries.descriptors());
            if found.len() > LIMIT {
                return Err(endless(&what));
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
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Typed {
        media_type: String,
    }
    match media_type(answer) {
        Some(names::IMAGE_INDEX) => true,
        Some("application/json") => {
            serde_json::from_slice(&answer.body).is_ok_and(|typed: Typed| typed.media_type == names::IMAGE_INDEX)
        }
        _ => false,
    }
}

/// Whether it can be remembered: not where repository or subject may be what isn't there.
fn is_proof(answer: &Answer) -> bool {
    let refusal = Refusal::of(answer);
    !["NAME_UNKNOWN", "MANIFEST_UNKNOWN"]
        .iter()
        .any(|code| refusal.has_code(code))
}
