//! Tags of a repository, page by page.

use serde::Deserialize;
use url::Url;

use super::{Registry, link};
use crate::error::{Class, Error, Result};
use crate::http::header::LINK;
use crate::http::{Method, Want, same_origin};
use crate::store::TagPage;

/// Tags asked for at once: ECR refuses more (google/go-containerregistry#1091).
const PAGE: u32 = 1000;

/// The largest answer that is read: a thousand tags of 128 characters are 130 KiB.
const LIMIT: usize = 4 * 1024 * 1024;

/// Pages after which a listing is taken for endless (oras-go#1214).
const PAGES: u32 = 10_000;

#[derive(Deserialize)]
struct List {
    /// `null` for none in some registries (rust-oci-client 779dfe6).
    tags: Option<Vec<String>>,
}

impl Registry {
    /// See [`crate::store::Store::tags`]. `from` is the number of the page and its URL.
    pub async fn tags(&self, from: Option<&str>) -> Result<TagPage> {
        let (page, url) = match from.and_then(|from| from.split_once(' ')) {
            None => (1, self.url(&format!("tags/list?n={PAGE}"))?),
            Some((page, url)) => (page.parse().unwrap_or(PAGES), self.page(&self.root()?, url)?),
        };
        let what = format!("tags of {}", self.repository());
        let request = self.request(Method::GET, url.clone(), what).want(Want::Bytes(LIMIT));
        let answer = self.ask(request, &self.reading()).await?;
        if !answer.status.is_success() {
            return Err(self.refused(&answer));
        }
        let list: List = serde_json::from_slice(&answer.body).map_err(|error| {
            Error::new(
                Class::Network,
                format!("tags of {}: the answer is not a list: {error}", self.repository()),
            )
        })?;
        let next = answer
            .header(LINK)
            .and_then(link::next)
            .map(|link| self.page(&answer.url, link))
            .transpose()?;
        if next.as_ref() == Some(&url) || (next.is_some() && page >= PAGES) {
            return Err(self.endless());
        }
        Ok(TagPage {
            // A name that is no tag can't be asked for.
            tags: list
                .tags
                .unwrap_or_default()
                .iter()
                .filter_map(|tag| tag.parse().ok())
                .collect(),
            next: next.map(|next| format!("{} {next}", page + 1)),
        })
    }

    /// The URL of a page, on the registry's own server (GHSA-h7vf-4x9w-h99v of oras-go: a Link led elsewhere).
    fn page(&self, base: &Url, link: &str) -> Result<Url> {
        let root = self.root()?;
        base.join(link)
            .ok()
            .filter(|url| same_origin(url, &root) && url.username().is_empty() && url.password().is_none())
            .ok_or_else(|| {
                Error::new(
                    Class::Denied,
                    format!(
                        "tags of {}: the next page is said to be on another server",
                        self.repository()
                    ),
                )
                .hint("check the registry's host name and set-up (X-Forwarded-Proto and Host behind a proxy)")
            })
    }

    fn endless(&self) -> Error {
        Error::new(
            Class::Network,
            format!("tags of {}: the list doesn't end", self.repository()),
        )
        .hint("the registry's paging is broken")
    }
}
