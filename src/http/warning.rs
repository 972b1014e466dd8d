//! What servers warn of: `Warning: 299` headers (distribution spec, "Warnings"), each shown once, no more than so many.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use reqwest::header::{HeaderMap, HeaderValue, WARNING};
use url::Url;

use crate::report::Report;

/// Warnings that are shown in one run.
const MOST: usize = 20;

/// Bytes of one that are shown.
const LENGTH: usize = 4096;

/// The warnings of a run, by host and text.
#[derive(Debug, Default)]
pub(super) struct Warnings(Mutex<HashSet<String>>);

impl Warnings {
    /// Shows those of an answer that are new.
    pub(super) fn show(&self, url: &Url, headers: &HeaderMap, report: &Report) {
        for text in headers.get_all(WARNING).iter().filter_map(text) {
            let line = format!("{} warns: {text}", url.host_str().unwrap_or_default());
            let line = report.without_secrets(&line);
            let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if shown.len() < MOST && shown.insert(line.clone()) {
                drop(shown);
                report.warning(line);
            }
        }
    }
}

/// The text of a `Warning` header, if it is of the kind that the distribution spec uses: `299 - "TEXT"`.
fn text(value: &HeaderValue) -> Option<String> {
    let text = String::from_utf8_lossy(value.as_bytes());
    let text = text.strip_prefix("299 ")?.split_once(' ')?.1.trim();
    let text = text.strip_prefix('"')?.strip_suffix('"')?;
    let text = text.replace("\\\"", "\"").replace("\\\\", "\\");
    let end = (0..=LENGTH.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at))?;
    text.get(..end).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_of_the_spec_are_read_and_cut() {
        let read = |header: &str| text(&HeaderValue::from_str(header).unwrap());
        assert_eq!(read("299 - \"Tag is \\\"old\\\"\"").unwrap(), "Tag is \"old\"");
        assert_eq!(read(&format!("299 - \"{}\"", "é".repeat(4000))).unwrap().len(), LENGTH);
        for other in ["110 - \"stale\"", "299 - unquoted", "299 - \"\"", "299", ""] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
