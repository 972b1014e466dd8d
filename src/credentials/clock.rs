//! Times as clouds write them, and how long a credential is used.

use std::time::{Duration, Instant, SystemTime};

use crate::http::{Answer, header};

/// A credential is renewed so long before its end, as what is asked with it should still be answered; a short one a
/// tenth of its life before.
const EARLY: Duration = Duration::from_secs(60);

/// The least life that we believe: else each request would fetch a credential.
const SHORTEST_LIFE: Duration = Duration::from_secs(60);

/// The most.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3600);

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Until when to use a credential that lives for `life` from now on.
pub(super) fn for_life(life: Duration) -> Instant {
    let life = life.clamp(SHORTEST_LIFE, LONGEST_LIFE);
    Instant::now() + (life - EARLY.min(life / 10))
}

/// Until when to use a credential that came with `answer` and ends at `end`: by the clock of the server that said so,
/// if it told its time, as the one of this machine may be wrong.
pub(super) fn until(end: SystemTime, answer: &Answer) -> Instant {
    let now = told_by(answer).unwrap_or_else(SystemTime::now);
    for_life(end.duration_since(now).unwrap_or_default())
}

/// The time of the server that gave `answer`.
pub(super) fn told_by(answer: &Answer) -> Option<SystemTime> {
    httpdate::parse_http_date(answer.header(header::DATE)?).ok()
}

/// A time of RFC 3339 in UTC, to the second.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    let (date, time) = text.strip_suffix('Z')?.split_once(['T', 't'])?;
    let (year, rest) = date.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    let time = time.split_once('.').map_or(time, |(seconds, _)| seconds);
    // The date of HTTP has the day of the week, and only the right one is taken.
    DAYS.iter()
        .find_map(|name| httpdate::parse_http_date(&format!("{name}, {day} {month} {year} {time} GMT")).ok())
}

/// `YYYYMMDDThhmmssZ`, the basic form of ISO 8601.
pub(super) fn basic(time: SystemTime) -> String {
    // `Sun, 06 Nov 1994 08:49:37 GMT`
    let text = httpdate::fmt_http_date(time);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let month = MONTHS.iter().position(|name| *name == part(8, 11)).unwrap_or_default() + 1;
    format!(
        "{}{month:02}{}T{}Z",
        part(12, 16),
        part(5, 7),
        part(17, 25).replace(':', "")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_both_forms() {
        let seconds = |text: &str| {
            let time = parse(text)?;
            Some(time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
        };
        assert_eq!(seconds("2015-08-30T12:36:00Z"), Some(1_440_938_160));
        assert_eq!(seconds("2015-08-30T12:36:00.123456789Z"), Some(1_440_938_160));
        assert_eq!(seconds("2000-02-29T00:00:00Z"), Some(951_782_400));
        for text in [
            "",
            "Z",
            "2015-08-30",
            "2015-13-01T00:00:00Z",
            "2015-00-01T00:00:00Z",
            "2015-08-30T12:36:00+02:00",
            "soon",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        assert_eq!(basic(time), "20150830T123600Z");
    }

    #[test]
    fn lives_are_kept_in_bounds_and_end_early() {
        let life = |seconds: u64| {
            let before = Instant::now();
            for_life(Duration::from_secs(seconds)).duration_since(before).as_secs()
        };
        assert_eq!(life(0), 54);
        assert_eq!(life(300), 270);
        assert_eq!(life(3600), 3540);
        assert_eq!(life(u64::MAX), 24 * 3600 - 60);
    }
}
