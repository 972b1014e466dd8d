//! Tags of a repository, page by page.

use serde::Deserialize;

use super::Registry;
use super::paging::PAGES;
use crate::error::{Class, Error, Result};
use crate::http::{Method, Request, Want};
use crate::oci::Few;
use crate::store::TagPage;

/// Tags asked for at once: ECR refuses more (google/go-containerregistry#1091).
const PAGE: u32 = 1000;

/// The largest answer that is read: a thousand tags of 128 characters are 130 KiB.
const LIMIT: usize = 4 * 1024 * 1024;

/// Tags on one page: some registries give all at once.
const MOST: usize = 100_000;

#[derive(Deserialize)]
struct List {
    /// `null` for none in some registries (rust-oci-client 779dfe6).
    tags: Option<Few<String, MOST>>,
}

impl Registry {
    /// See [`crate::store::Store::tags`]. `from` is the number of the page and its URL.
    pub async fn tags(&self, from: Option<&str>) -> Result<TagPage> {
        let what = format!("tags of {}", self.repository());
        let (page, url) = match from.and_then(|from| from.split_once(' ')) {
            None => (1, self.url(&format!("tags/list?n={PAGE}"))?),
            Some((page, url)) => (page.parse().unwrap_or(PAGES), self.page(&what, &self.root()?, url)?),
        };
        let request = Request::new(Method::GET, url.clone(), &what).want(Want::Bytes(LIMIT));
        let answer = self.ask(request, &self.reading()).await?;
        if !answer.status.is_success() {
            return Err(self.refused(&answer));
        }
        let list: List = serde_json::from_slice(&answer.body)
            .map_err(|error| Error::new(Class::Network, format!("{what}: the answer is not a list: {error}")))?;
        let next = self.next_page(&what, &url, page, &answer)?;
        Ok(TagPage {
            // A name that is no tag can't be asked for.
            tags: list
                .tags
                .unwrap_or_default()
                .0
                .iter()
                .filter_map(|tag| tag.parse().ok())
                .collect(),
            next: next.map(|next| format!("{} {next}", page + 1)),
        })
    }
}
