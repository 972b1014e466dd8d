//! What is tried again, and when: one table, one budget.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use url::Url;

use super::fault::{Fault, Kind};
use super::{Answer, Refusal};
use crate::error::{Error, Result};
use crate::report::Report;

/// No wait is longer, whatever a server asks for.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);

/// The longest wait that we choose ourselves.
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);

/// What a request allows when it failed in a way that may pass. Every request of ours can be repeated as a whole: its
/// body can be opened again, and doing it twice leaves what doing it once leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// Send it again.
    Repeat,
    /// It put bytes into an upload session, which has to be begun anew: the old one may hold some of them, and sending
    /// them again is answered 416 (Azure/acr#866; apple/containerization#790 on ECR).
    Session,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Wait, and send the request again.
    Again,
    /// Wait, and begin a new upload session.
    NewSession,
    /// It stands.
    Stop,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Status(u16),
    Fault(Kind),
}

/// Cause, what becomes of [`Replay::Repeat`], what of [`Replay::Session`]. What isn't listed stands.
#[rustfmt::skip]
const TABLE: &[(Cause, Verdict, Verdict)] = {
    use Cause::{Fault, Status};
    use Verdict::{Again, NewSession, Stop};
    &[
        (Status(408),           Again, NewSession), // the server got tired of waiting for us
        (Status(425),           Again, NewSession), // too early to tell whether it was sent twice (RFC 8470)
        (Status(429),           Again, NewSession), // a rate limit
        (Status(499),           Again, NewSession), // a front end says that we closed the connection: we didn't
        (Status(500),           Again, NewSession), // registries answer so while their storage fails
        (Status(502),           Again, NewSession), // a front end without its registry
        (Status(503),           Again, NewSession), // overload, a restart, a rate limit of S3
        (Status(504),           Again, NewSession), // a front end that got no answer in time
        (Status(522),           Again, NewSession), // the same, of Cloudflare: no connection
        (Fault(Kind::Connect),  Again, NewSession), // a name that doesn't resolve too: in CI that often passes
        (Fault(Kind::Cut),      Again, NewSession), // reset, closed early
        (Fault(Kind::Idle),     Again, NewSession), // a stalled connection: a new one may take another way
        (Fault(Kind::NoAnswer), Again, NewSession), // the same, when all was sent
        (Status(404),           Stop,  NewSession), // the session is gone (azure-sdk-for-python#29738)
        (Status(416),           Stop,  NewSession), // it holds other bytes than we think
    ]
};

fn verdict(cause: Cause, replay: Replay) -> Verdict {
    TABLE
        .iter()
        .find(|(listed, ..)| *listed == cause)
        .map_or(Verdict::Stop, |&(_, repeat, session)| match replay {
            Replay::Repeat => repeat,
            Replay::Session => session,
        })
}

/// What to do about an answer.
pub(super) fn of_status(status: StatusCode, replay: Replay) -> Verdict {
    verdict(Cause::Status(status.as_u16()), replay)
}

/// A request that failed, and what may be done about it.
#[derive(Debug)]
pub struct Failure {
    /// What to tell if nothing is done.
    pub error: Error,
    /// What may be done.
    pub verdict: Verdict,
    /// The server.
    host: Option<String>,
    reason: String,
    retry_after: Option<Duration>,
}

impl Failure {
    pub(crate) fn of_answer(answer: &Answer, verdict: Verdict) -> Self {
        let refusal = Refusal::of(answer);
        Failure {
            reason: refusal.status_text(),
            retry_after: retry_after(&answer.headers),
            error: refusal.into_error(),
            verdict,
            host: None,
        }
        .at(&answer.url)
    }

    pub(crate) fn of_fault(fault: Fault, what: &str, replay: Replay) -> Self {
        Failure {
            verdict: verdict(Cause::Fault(fault.kind), replay),
            reason: fault.to_string(),
            retry_after: None,
            error: fault.into_error(what),
            host: None,
        }
    }

    /// With the server that it is told of.
    pub(crate) fn at(mut self, url: &Url) -> Self {
        let host = url.host_str().unwrap_or_default();
        self.host = Some(
            url.port()
                .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
        );
        self
    }

    /// Waits if `budget` has a try left, else gives the error. `what` is what a person knows the work by.
    pub async fn pause(self, budget: &mut Budget, report: &Report, what: &str) -> Result<()> {
        if self.verdict == Verdict::Stop {
            return Err(self.error);
        }
        match budget.take(self.retry_after) {
            Some(wait) => {
                let what = match &self.host {
                    Some(host) if !what.contains(host.as_str()) => format!("{host}: {what}"),
                    _ => what.to_owned(),
                };
                report.retry(what, &self.reason, wait);
                tokio::time::sleep(wait).await;
                Ok(())
            }
            None if budget.retries == 0 || self.error.way_out().is_some() => Err(self.error),
            None => Err(self.error.hint(format!(
                "tried {} times; if it is a passing trouble of the server, run the job again or raise `retries`",
                budget.retries + 1
            ))),
        }
    }
}

impl From<Error> for Failure {
    /// An error that stands.
    fn from(error: Error) -> Self {
        Failure {
            reason: error.message().to_owned(),
            error,
            verdict: Verdict::Stop,
            host: None,
            retry_after: None,
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// The tries that one piece of work has left.
#[derive(Clone, Debug)]
pub struct Budget {
    retries: u32,
    used: u32,
    base: Duration,
}

impl Budget {
    /// So many tries after the first; the first wait is random up to `base`.
    pub fn new(retries: u32, base: Duration) -> Self {
        Budget { retries, used: 0, base }
    }

    /// Something was achieved: the count begins anew.
    pub fn progress(&mut self) {
        self.used = 0;
    }

    /// Whether there is a try left.
    pub fn lasts(&self) -> bool {
        self.used < self.retries
    }

    /// Takes a try; how long to wait before it. Full jitter: random between nothing and a bound that doubles.
    fn take(&mut self, retry_after: Option<Duration>) -> Option<Duration> {
        if !self.lasts() {
            return None;
        }
        let bound = self.base.saturating_mul(1 << self.used.min(16)).min(LONGEST_BACKOFF);
        self.used += 1;
        let jitter = bound.mul_f64(fastrand::f64());
        Some(retry_after.unwrap_or_default().saturating_add(jitter).min(LONGEST_WAIT))
    }
}

/// What `Retry-After` asks for.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    parse_retry_after(text, SystemTime::now())
}

/// `Retry-After` in seconds or as a date (RFC 9110 §10.2.3); a date that is over means now, nonsense means nothing.
pub(crate) fn parse_retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More seconds than 64 bits hold are as good as the longest wait.
        return Some(text.parse().map_or(LONGEST_WAIT, Duration::from_secs).min(LONGEST_WAIT));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default().min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_may_pass_is_repeated_and_a_session_begun_anew() {
        for status in [408, 425, 429, 499, 500, 502, 503, 504, 522] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(of_status(status, Replay::Repeat), Verdict::Again);
            assert_eq!(of_status(status, Replay::Session), Verdict::NewSession);
        }
        for kind in [Kind::Connect, Kind::Cut, Kind::Idle, Kind::NoAnswer] {
            assert_eq!(verdict(Cause::Fault(kind), Replay::Repeat), Verdict::Again);
            assert_eq!(verdict(Cause::Fault(kind), Replay::Session), Verdict::NewSession);
        }
        for status in [200, 201, 400, 401, 403, 405, 409, 413, 501, 505] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(of_status(status, Replay::Repeat), Verdict::Stop);
            assert_eq!(of_status(status, Replay::Session), Verdict::Stop);
        }
        assert_eq!(of_status(StatusCode::NOT_FOUND, Replay::Repeat), Verdict::Stop);
        assert_eq!(of_status(StatusCode::NOT_FOUND, Replay::Session), Verdict::NewSession);
        assert_eq!(verdict(Cause::Fault(Kind::Tls), Replay::Repeat), Verdict::Stop);
        assert_eq!(verdict(Cause::Fault(Kind::Own), Replay::Session), Verdict::Stop);
    }

    #[test]
    fn retry_after_in_both_forms() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let parse = |text: &str| parse_retry_after(text, now).map(|wait| wait.as_secs());
        assert_eq!(parse("0"), Some(0));
        assert_eq!(parse("120"), Some(120));
        assert_eq!(parse("1000000000"), Some(300));
        assert_eq!(parse("99999999999999999999999999"), Some(300));
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:47 GMT"), Some(10));
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:27 GMT"), Some(0));
        assert_eq!(parse("Sat, 06 Nov 2094 08:49:37 GMT"), Some(300));
        for junk in ["", "-1", "soon", "1.5", "١٢"] {
            assert_eq!(parse(junk), None, "{junk}");
        }
    }

    #[test]
    fn waits_are_random() {
        let wait = || Budget::new(1, Duration::from_secs(1)).take(None);
        let waits: std::collections::HashSet<_> = (0..32).map(|_| wait()).collect();
        assert!(
            waits.len() > 16,
            "clients that failed together must not come back together"
        );
    }

    proptest! {
        #[test]
        fn no_retry_after_waits_longer_than_five_minutes(text in ".{0,40}") {
            prop_assert!(parse_retry_after(&text, SystemTime::now()).is_none_or(|wait| wait <= LONGEST_WAIT));
        }

        #[test]
        fn waits_stay_in_bounds(retries in 0u32..40, asked in proptest::option::of(0u64..1000)) {
            let mut budget = Budget::new(retries, Duration::from_millis(250));
            let mut tries = 0;
            while let Some(wait) = budget.take(asked.map(Duration::from_secs)) {
                let least = asked.map_or(Duration::ZERO, Duration::from_secs).min(LONGEST_WAIT);
                prop_assert!(wait >= least && wait <= LONGEST_WAIT.min(least + LONGEST_BACKOFF));
                tries += 1;
            }
            prop_assert_eq!(tries, retries);
        }
    }
}
