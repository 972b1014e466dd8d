//! Lists that come in pages: where the next one is, and when a list doesn't end.

use url::Url;

use super::{Registry, link};
use crate::error::{Class, Error, Result};
use crate::http::header::LINK;
use crate::http::{Answer, same_origin};

/// Pages after which a listing is taken for endless (oras-go#1214).
pub(super) const PAGES: u32 = 10_000;

impl Registry {
    /// The URL of the page after page number `page`, which came as `answer` from `asked`; `None` if it was the last.
    pub(super) fn next_page(&self, what: &str, asked: &Url, page: u32, answer: &Answer) -> Result<Option<Url>> {
        let next = answer
            .header(LINK)
            .and_then(link::next)
            .map(|link| self.page(what, &answer.url, link))
            .transpose()?;
        if next.as_ref() == Some(asked) || (next.is_some() && page >= PAGES) {
            return Err(endless(what));
        }
        Ok(next)
    }

    /// The URL of a page, on the registry's own server (GHSA-h7vf-4x9w-h99v of oras-go: a Link led elsewhere).
    pub(super) fn page(&self, what: &str, base: &Url, link: &str) -> Result<Url> {
        let root = self.root()?;
        base.join(link)
            .ok()
            .filter(|url| same_origin(url, &root) && url.username().is_empty() && url.password().is_none())
            .ok_or_else(|| {
                Error::new(
                    Class::Denied,
                    format!("{what}: the next page is said to be on another server"),
                )
                .hint("check the registry's host name and set-up (X-Forwarded-Proto and Host behind a proxy)")
            })
    }
}

pub(super) fn endless(what: &str) -> Error {
    Error::new(Class::Network, format!("{what}: the list doesn't end")).hint("the registry's paging is broken")
}
