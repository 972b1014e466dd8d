//! URLs as they may be shown: upload sessions and signed links carry credentials in their query.

use std::fmt::Write as _;

use url::Url;

/// Query keys whose values say what was asked for, and nothing that a reader of the log could use.
const SHOWN: [&str; 8] = [
    "scope",
    "service",
    "mount",
    "from",
    "digest",
    "n",
    "last",
    "artifactType",
];

/// Keys are cut here: a name could carry what a value may not.
const LONGEST_KEY: usize = 40;

/// `url` without user and password, each query value replaced by `…` unless its key is harmless.
pub fn redacted(url: &Url) -> String {
    let mut shown = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
    if let Some(port) = url.port() {
        // Writing to a String cannot fail.
        let _ = write!(shown, ":{port}");
    }
    shown.push_str(url.path());
    let mut separator = '?';
    for pair in url.query().into_iter().flat_map(|query| query.split('&')) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        shown.push(separator);
        separator = '&';
        if SHOWN.contains(&key) {
            shown.push_str(pair);
        } else if value.is_empty() || key.len() > LONGEST_KEY {
            shown.push('…');
        } else {
            let _ = write!(shown, "{key}=…");
        }
    }
    shown
}

/// What [`redacted`] hides of `url`: password and values of the query, as they are and decoded. Shorter ones than eight
/// bytes could be any word's part.
pub(super) fn hidden(url: &Url) -> Vec<String> {
    let raw = url.query().into_iter().flat_map(|query| query.split('&'));
    let raw = raw.map(|pair| pair.split_once('=').unwrap_or(("", pair)));
    let raw = raw.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let decoded = url
        .query_pairs()
        .map(|(key, value)| (key.into_owned(), value.into_owned()));
    let values = raw.chain(decoded).filter(|(key, _)| !SHOWN.contains(&key.as_str()));
    let values = values.map(|(_, value)| value).chain(url.password().map(str::to_owned));
    let mut values: Vec<String> = values.filter(|value| value.len() >= 8).collect();
    // The longest first: one may hold another.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_values_are_shown() {
        let shown = |url: &str| redacted(&Url::parse(url).unwrap());
        insta::assert_snapshot!(
            shown("https://u:p@r.example:5000/v2/a/blobs/uploads/1?_state=SECRET&digest=sha256:1&ZmxhZw#f"),
            @"https://r.example:5000/v2/a/blobs/uploads/1?_state=…&digest=sha256:1&…"
        );
        insta::assert_snapshot!(
            shown("https://s3.example/b?X-Amz-Signature=abc&n=1000"),
            @"https://s3.example/b?X-Amz-Signature=…&n=1000"
        );
        insta::assert_snapshot!(shown("https://[::1]:443/v2/"), @"https://[::1]/v2/");
    }

    #[test]
    fn what_is_hidden_is_known() {
        let url =
            "https://u:password@s3.example/b?X-Amz-Signature=0123456789&n=1000000000&x=short&a=%2Fsecret%2F&a-flag-so";
        let found = hidden(&Url::parse(url).unwrap());
        let signature = "0123456789";
        assert_eq!(
            found,
            [
                "%2Fsecret%2F",
                signature,
                signature,
                "a-flag-so",
                "/secret/",
                "password"
            ]
        );
    }
}
