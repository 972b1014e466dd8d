//! Upload sessions: opened, asked how far they are, given up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use url::Url;

use super::{Registry, Upload};
use crate::error::{Class, Error, Result};
use crate::http::header::{LOCATION, RANGE};
use crate::http::{Answer, Budget, Method, Request, redacted, same_origin};
use crate::oci::Digest;

/// A longer Location is refused; ACR's have about a thousand characters.
const LONGEST_LOCATION: usize = 16 * 1024;

/// The largest minimum for chunks that is believed, in bytes. None of the registries known wants more than 5 MiB.
const LARGEST_LEAST: u64 = 1024 * 1024 * 1024;

/// How long the end of a session that nobody needs may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// An upload session.
pub(super) struct Session {
    /// The newest Location.
    pub(super) url: Url,
    /// `OCI-Chunk-Min-Length`, in bytes.
    pub(super) least: Option<u64>,
    registry: Registry,
    over: AtomicBool,
}

impl Session {
    /// The registry has nothing more to keep for it.
    pub(super) fn is_over(&self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !*self.over.get_mut() {
            self.registry.0.auth.shared.abandoned.add(&self.registry, &self.url);
        }
    }
}

impl Upload<'_> {
    /// Opens a session.
    pub(super) async fn open(&self, budget: &mut Budget) -> Result<Session> {
        let url = self.registry.url("blobs/uploads/")?;
        let request = Request::new(Method::POST, url, self.title);
        let answer = self.registry.call(request, &self.registry.writing(), budget).await?;
        match answer.status.as_u16() {
            202 | 201 => self.opened(&answer),
            _ => Err(self.registry.refused(&answer)),
        }
    }

    /// The session that `answer` opens.
    pub(super) fn opened(&self, answer: &Answer) -> Result<Session> {
        Ok(Session {
            url: self.location(answer)?,
            least: answer.header("oci-chunk-min-length").and_then(least),
            registry: self.registry.clone(),
            over: AtomicBool::new(false),
        })
    }

    /// How many bytes the session says it has; `None` if it doesn't say, or says what can mean two things.
    pub(super) async fn reached(&self, session: &mut Session, budget: &mut Budget) -> Result<Option<u64>> {
        let request = Request::new(Method::GET, session.url.clone(), self.title);
        let answer = self.registry.call(request, &self.registry.writing(), budget).await?;
        if !answer.status.is_success() {
            return Ok(None);
        }
        if answer.header(LOCATION).is_some() {
            session.url = self.location(&answer)?;
        }
        Ok(answer.header(RANGE).and_then(reached))
    }

    /// Gives a session up, so that the registry needn't keep its bytes. Nobody waits long for it or learns of its
    /// failure, and no token is asked for: distribution wants the right to delete for it.
    pub(super) async fn cancel(&self, session: &Session) {
        cancel(self.registry, &session.url).await;
        session.is_over();
    }

    /// The session's URL, on the registry's own server: what is sent there has the credential with it
    /// (GHSA-jxpm-75mh-9fp7 of oras-go).
    pub(super) fn location(&self, answer: &Answer) -> Result<Url> {
        let what = format!("{} {}", answer.method, redacted(&answer.url));
        let text = answer
            .header(LOCATION)
            .filter(|text| text.len() <= LONGEST_LOCATION)
            .ok_or_else(|| Error::new(Class::Network, format!("{what}: the answer names no upload session")))?;
        let url = answer.url.join(text).map_err(|_| {
            Error::new(
                Class::Network,
                format!("{what}: the upload session's Location is not a URL"),
            )
        })?;
        if same_origin(&url, &self.registry.root()?) && url.username().is_empty() && url.password().is_none() {
            return Ok(url);
        }
        let (scheme, host) = (url.scheme(), url.host_str().unwrap_or_default());
        Err(Error::new(
            Class::Denied,
            format!("{what}: the upload would go to {scheme}://{host}, which is not the registry"),
        )
        .hint("behind a proxy the registry must know its own address: have the proxy send Host and X-Forwarded-Proto"))
    }
}

/// See [`Upload::cancel`].
async fn cancel(registry: &Registry, session: &Url) {
    let attempt = async {
        let scopes = registry.writing();
        let value = registry.0.auth.header(&registry.root()?, &scopes, 0).await?;
        let request = Request::new(Method::DELETE, session.clone(), "an upload that was given up");
        let mut once = Budget::new(0, Duration::ZERO);
        registry.client().send(&request.authorized(value), &mut once).await?;
        Ok::<(), Error>(())
    };
    let _ = tokio::time::timeout(PATIENCE, attempt).await;
}

/// Sessions whose upload was dropped on its way: the run was stopped, or something else of it failed.
#[derive(Clone, Default)]
pub struct Abandoned(Arc<Mutex<Vec<(Registry, Url)>>>);

impl Abandoned {
    fn lock(&self) -> MutexGuard<'_, Vec<(Registry, Url)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, registry: &Registry, session: &Url) {
        self.lock().push((registry.clone(), session.clone()));
    }

    /// Cancels them all, as a session that nobody needs.
    pub async fn cancel(&self) {
        let sessions = std::mem::take(&mut *self.lock());
        let all = sessions.iter().map(|(registry, session)| cancel(registry, session));
        futures_util::future::join_all(all).await;
    }
}

/// `OCI-Chunk-Min-Length`, if it is one.
pub(crate) fn least(text: &str) -> Option<u64> {
    text.parse().ok().filter(|least| (1..=LARGEST_LEAST).contains(least))
}

/// The count of bytes in a session's `Range: 0-LAST`. `0-0` is what registries say of one byte and of none.
pub(crate) fn reached(text: &str) -> Option<u64> {
    let (first, last) = text.strip_prefix("bytes=").unwrap_or(text).split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first == 0 && last > 0).then(|| last.checked_add(1))?
}

/// `session` with `digest=`, the rest of its query as it was (krustlet#617); a digest of its own gives way.
pub(super) fn with_digest(mut session: Url, digest: &Digest) -> Url {
    session.set_fragment(None);
    let kept: Vec<&str> = session
        .query()
        .into_iter()
        .flat_map(|query| query.split('&'))
        .filter(|pair| !pair.is_empty() && !pair.starts_with("digest="))
        .collect();
    let query = kept
        .into_iter()
        .map(str::to_owned)
        .chain([format!("digest={digest}")])
        .collect::<Vec<_>>()
        .join("&");
    session.set_query(Some(&query));
    session
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn m23_minimums_and_ranges_of_sessions_are_believed_in_bounds() {
        assert_eq!(least("5242880"), Some(5 * 1024 * 1024));
        for junk in [
            "",
            "0",
            "-1",
            "9223372036854775808",
            "99999999999999999999",
            "1e6",
            "1073741825",
        ] {
            assert_eq!(least(junk), None, "{junk}");
        }
        assert_eq!(reached("0-41"), Some(42));
        assert_eq!(reached("bytes=0-41"), Some(42));
        for unsaid in ["", "0-0", "22-41", "0-", "-41", "41", "0-18446744073709551615", "0-x"] {
            assert_eq!(reached(unsaid), None, "{unsaid}");
        }
    }

    #[test]
    fn krustlet_617_digest_joins_the_query_that_is_there() {
        let digest = Digest::of(b"");
        let joined = |url: &str| with_digest(Url::parse(url).unwrap(), &digest).to_string();
        assert_eq!(joined("https://r/u/1"), format!("https://r/u/1?digest={digest}"));
        assert_eq!(
            joined("https://r/u/1?_state=a%2Bb%3D&x"),
            format!("https://r/u/1?_state=a%2Bb%3D&x&digest={digest}")
        );
        assert_eq!(
            joined("https://r/u/1?digest=sha256:0&y=1#f"),
            format!("https://r/u/1?y=1&digest={digest}")
        );
    }
}
