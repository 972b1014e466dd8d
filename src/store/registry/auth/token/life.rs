//! How long a token is used: as long as its endpoint says, less a little.
//!
//! A life is counted from before the token was asked for, so that a slow answer makes it shorter and never longer.

use std::time::{Duration, Instant, SystemTime};

/// Seconds of a token that doesn't tell its own (Docker token specification, `expires_in`).
const UNSTATED: u64 = 60;

/// The most seconds that are believed.
const LONGEST: u64 = 24 * 3600;

/// A token is renewed at most so long before its end.
const EARLY: Duration = Duration::from_secs(5);

/// Servers count in whole seconds: a token may have been cut by nearly one when it was made.
const SECOND: Duration = Duration::from_secs(1);

/// A body is taken to move at least so many bytes a second, when it is asked whether a token outlives it.
const SLOW: u64 = 8 * 1024 * 1024;

/// A token that is asked to outlive a body has at least this share of its life left, and needs no more.
const SHARE: u32 = 2;

/// When a token was asked for, and how long it is good.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    begun: Instant,
    length: Duration,
    /// Whether the endpoint told the length.
    stated: bool,
}

impl Life {
    /// `expires_in` seconds from `issued`, of a token that was asked for at `begun`. A time of issue that doesn't leave
    /// half of the life is a clock that is wrong, and not looked at.
    pub(super) fn new(begun: Instant, expires_in: Option<u64>, issued: Option<SystemTime>) -> Self {
        let stated = expires_in.filter(|&seconds| seconds > 0);
        let length = Duration::from_secs(stated.unwrap_or(UNSTATED).min(LONGEST));
        let age = issued
            .filter(|_| stated.is_some())
            .and_then(|issued| {
                SystemTime::now()
                    .checked_sub(begun.elapsed())?
                    .duration_since(issued)
                    .ok()
            })
            .filter(|&age| age <= length / 2);
        Life {
            begun,
            length: length - age.unwrap_or_default(),
            stated: stated.is_some(),
        }
    }

    /// A life that we know without being told.
    pub(super) fn known(begun: Instant, length: Duration) -> Self {
        Life {
            begun,
            length,
            stated: true,
        }
    }

    /// When it was asked for.
    pub(super) fn begun(&self) -> Instant {
        self.begun
    }

    /// How long ago it was asked for.
    pub(super) fn age(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Whether it can be used now.
    pub(super) fn is_on(&self) -> bool {
        self.age() < self.usable()
    }

    /// Whether it can be used for a body of `bytes`, which may take long: a stated end must lie behind it, or at least
    /// half a life ahead. Of an end that isn't stated nothing can be said, unless such tokens were seen to end
    /// (`mortal`): then only one that is new will do.
    pub(super) fn outlives(&self, bytes: u64, mortal: bool) -> bool {
        if !self.stated {
            return !mortal || self.age() < SECOND / 2;
        }
        let needed = Duration::from_secs(bytes / SLOW).min(self.usable() / SHARE);
        self.age() + needed < self.usable()
    }

    /// Renewed early by a fifth and a second, at most by five seconds.
    fn usable(&self) -> Duration {
        let early = (self.length / 5 + SECOND).min(EARLY).min(self.length / 2);
        self.length - early
    }
}

/// A time as RFC 3339 writes it, in UTC (`2026-01-31T12:00:00Z`, with or without a fraction). Another offset is none
/// that token endpoints send, and not read.
pub(super) fn issued_at(text: &str) -> Option<SystemTime> {
    let text = text.strip_suffix('Z')?;
    let (date, time) = text.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time.split('.').next()?, ':')?;
    let plausible = (1970..10_000).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !plausible || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Days from 1970 in the Gregorian calendar, the year beginning in March.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let seconds = days.checked_sub(719_468)? * 86_400 + hour * 3600 + minute * 60 + second;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

fn numbers(text: &str, separator: char) -> Option<[u64; 3]> {
    let mut parts = text.split(separator).map(|part| part.parse().ok());
    let found = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usable(expires_in: Option<u64>) -> u128 {
        Life::new(Instant::now(), expires_in, None).usable().as_millis()
    }

    #[test]
    fn a_stated_life_is_believed_however_short() {
        assert_eq!(usable(Some(1)), 500);
        assert_eq!(usable(Some(5)), 3_000);
        assert_eq!(usable(Some(300)), 295_000);
        assert_eq!(usable(Some(u64::MAX)), u128::from(LONGEST - 5) * 1000);
        assert_eq!(usable(None), 55_000);
        assert_eq!(
            usable(Some(0)),
            55_000,
            "a token that is over when it is made is told wrong"
        );
    }

    #[test]
    fn a_large_body_wants_half_a_life() {
        let begun = |ago: u64| Instant::now().checked_sub(Duration::from_secs(ago)).unwrap();
        let stated = |ago| Life::new(begun(ago), Some(100), None);
        assert!(stated(0).outlives(u64::MAX, false));
        assert!(!stated(60).outlives(u64::MAX, false));
        assert!(stated(60).is_on() && stated(60).outlives(10 * SLOW, false));
        assert!(!stated(94).outlives(10 * SLOW, false));
        let unstated = |ago| Life::new(begun(ago), None, None);
        assert!(unstated(20).outlives(u64::MAX, false));
        assert!(!unstated(20).outlives(1, true) && unstated(0).outlives(1, true));
    }

    #[test]
    fn a_time_of_issue_counts_only_if_it_is_sane() {
        let left = |ago: i64| {
            let issued = match ago {
                0.. => SystemTime::now() - Duration::from_secs(ago.unsigned_abs()),
                _ => SystemTime::now() + Duration::from_secs(ago.unsigned_abs()),
            };
            Life::new(Instant::now(), Some(300), Some(issued))
                .length
                .as_secs_f64()
                .round()
        };
        assert!((left(100) - 200.0).abs() < 2.0);
        for insane in [-3600, 151, 3600] {
            assert!((left(insane) - 300.0).abs() < f64::EPSILON, "{insane}");
        }
    }

    #[test]
    fn times_of_issue_are_read() {
        let seconds = |text: &str| {
            let time = issued_at(text)?.duration_since(SystemTime::UNIX_EPOCH);
            Some(time.unwrap().as_secs())
        };
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2000-02-29T12:30:15.123456789Z"), Some(951_827_415));
        assert_eq!(seconds("2026-11-24T02:08:01Z"), Some(1_795_486_081));
        for junk in [
            "",
            "Z",
            "2026-11-24",
            "2026-13-01T00:00:00Z",
            "2026-1-1-1T0:0:0Z",
            "9999999999999999999-1-1T0:0:0Z",
        ] {
            assert_eq!(seconds(junk), None, "{junk}");
        }
    }
}
