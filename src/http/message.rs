//! Requests that can be sent again, and answers that were read to their end.

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use url::Url;

use super::{Body, Download, Replay};

/// How far redirects are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// To other servers as well, without the credential.
    Anywhere,
    /// On the same server alone: token endpoints.
    SameOrigin,
    /// On the same server; one that leads elsewhere is the answer: what need not be offered at all.
    Stay,
}

/// What is wanted of the answer's body, when the status is a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// All of it in memory; more bytes than this are an error.
    Bytes(usize),
    /// A stream.
    Stream,
}

/// A request that can be sent any number of times.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where it goes first.
    pub url: Url,
    /// The registry on whose behalf it is sent, when that isn't the server of `url`.
    pub home: Option<Url>,
    /// Whether it goes to a metadata service of this machine, which the platform or the user named: those have
    /// link-local addresses, which nothing else may reach.
    pub metadata: bool,
    /// Headers beside those of every request.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
    /// What to do when it fails in a way that may pass.
    pub replay: Replay,
    /// How far redirects are followed.
    pub follow: Follow,
    /// How the answer is taken.
    pub want: Want,
    /// What a person knows it by, for the line that tells of another try.
    pub what: String,
}

impl Request {
    /// A request without body whose answer is of no interest beyond a few KiB.
    pub fn new(method: Method, url: Url, what: impl Into<String>) -> Self {
        Request {
            method,
            url,
            home: None,
            metadata: false,
            headers: HeaderMap::new(),
            body: Body::Empty,
            replay: Replay::Repeat,
            follow: Follow::Anywhere,
            want: Want::Bytes(super::error::LIMIT),
            what: what.into(),
        }
    }

    /// With a header. Only for names and values of our own making, such as media types that were checked.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// With this `Authorization`, or none.
    #[must_use]
    pub fn authorized(mut self, value: Option<HeaderValue>) -> Self {
        self.headers.remove(AUTHORIZATION);
        if let Some(mut value) = value {
            value.set_sensitive(true);
            self.headers.insert(AUTHORIZATION, value);
        }
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// With another limit, or as a stream.
    #[must_use]
    pub fn want(mut self, want: Want) -> Self {
        self.want = want;
        self
    }
}

/// An answer that is not to be tried again: a success, or a refusal.
#[derive(Debug)]
pub struct Answer {
    /// The method that was asked with.
    pub method: Method,
    /// The URL that answered, after redirects.
    pub url: Url,
    /// Whether the server that was asked answered itself, not one that it sent us to.
    pub own: bool,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; cut to 64 KiB if the status is no success; empty if it is taken as a stream.
    pub body: Bytes,
    /// The body of a success, with [`Want::Stream`].
    pub stream: Option<Download>,
}

impl Answer {
    /// A header as text; `None` if it is absent, empty or not text.
    pub fn header(&self, name: impl reqwest::header::AsHeaderName) -> Option<&str> {
        let text = self.headers.get(name)?.to_str().ok()?.trim();
        (!text.is_empty()).then_some(text)
    }
}
