//! Redirects, followed by our own code: reqwest's would keep too much (Referer) and cannot re-open a body.

use reqwest::{Method, StatusCode, header};
use url::Url;

use super::{Follow, Request, redacted};
use crate::error::{Class, Error, Result};

/// Hops after which a redirect is a loop.
pub(super) const HOPS: usize = 10;

/// Whether scheme, host and port agree, default ports written or not (oras-go#177).
pub fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host() == b.host() && a.port_or_known_default() == b.port_or_known_default()
}

/// Where an answer sends us, if it does.
pub(super) fn location(status: StatusCode, headers: &header::HeaderMap) -> Option<&str> {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
        .then(|| headers.get(header::LOCATION)?.to_str().ok())
        .flatten()
}

/// The next URL of `request`, now at `from`, or why it is refused.
pub(super) fn next(request: &Request, from: &Url, status: StatusCode, location: &str) -> Result<Url> {
    let refuse = |why: &str| {
        let error = Error::new(
            Class::Denied,
            format!("{} {}: redirect refused: {why}", request.method, redacted(from)),
        );
        error.hint("the registry, or a proxy before it, answers as none should: check its host name and set-up")
    };
    let mut to = from.join(location).map_err(|_| refuse("its Location is not a URL"))?;
    to.set_fragment(None);
    if !matches!(to.scheme(), "http" | "https") || to.host().is_none() {
        return Err(refuse("its target is neither http nor https"));
    }
    if !to.username().is_empty() || to.password().is_some() {
        return Err(refuse("its target carries a user name or password"));
    }
    if from.scheme() == "https" && to.scheme() == "http" {
        return Err(refuse("it leads from https to http"));
    }
    let local = same_origin(from, &to);
    if request.follow == Follow::SameOrigin && !local {
        return Err(refuse(&format!(
            "it leads to another server, {}",
            to.host_str().unwrap_or_default()
        )));
    }
    if request.method == Method::GET || request.method == Method::HEAD {
        return Ok(to);
    }
    // The spec allows redirects of uploads; none is known. What is sent stays with the server it was meant for.
    if local && matches!(status.as_u16(), 307 | 308) {
        return Ok(to);
    }
    Err(refuse("only reading may be sent elsewhere"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(method: Method, status: u16, from: &str, location: &str) -> Result<String> {
        let request = Request::new(method, Url::parse(from).unwrap(), "test");
        let status = StatusCode::from_u16(status).unwrap();
        next(&request, &request.url, status, location).map(|url| url.to_string())
    }

    #[test]
    fn reading_goes_where_it_is_sent_but_never_down_to_http() {
        let get = |from: &str, to: &str| follow(Method::GET, 307, from, to);
        assert_eq!(
            get("https://r.example/v2/", "/x?y=1#z").unwrap(),
            "https://r.example/x?y=1"
        );
        assert_eq!(
            get("https://r.example/v2/", "//cdn.example/b").unwrap(),
            "https://cdn.example/b"
        );
        assert_eq!(
            get("http://r.example/v2/", "https://r.example/b").unwrap(),
            "https://r.example/b"
        );
        for to in [
            "http://r.example/b",
            "file:///etc/passwd",
            "https://u:p@r.example/b",
            "https://",
        ] {
            assert!(get("https://r.example/v2/", to).is_err(), "{to}");
        }
    }

    #[test]
    fn writing_stays_on_its_server() {
        let put = |status, to: &str| follow(Method::PUT, status, "https://r.example/v2/", to);
        assert!(put(307, "https://r.example:443/other").is_ok());
        assert!(put(302, "https://r.example/other").is_err());
        assert!(put(307, "https://other.example/").is_err());
    }

    #[test]
    fn oras_go_177_explicit_default_port_is_the_same_origin() {
        let same = |a: &str, b: &str| same_origin(&Url::parse(a).unwrap(), &Url::parse(b).unwrap());
        assert!(same("https://r.example/a", "https://r.example:443/b"));
        assert!(same("http://r.example:80", "http://R.example"));
        assert!(!same("https://r.example", "https://r.example:8443"));
        assert!(!same("https://r.example", "http://r.example"));
        assert!(!same("https://r.example", "https://r.example.evil.example"));
    }
}
