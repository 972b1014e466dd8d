//! Whether one connection is what holds a download up.

use std::time::{Duration, Instant};

/// When a look at the speed is due: after so many bytes and so long, or after [`LONGEST`] anyway.
const BYTES: u64 = 8 * 1024 * 1024;
const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(1);

/// Bytes a second that one connection should give; more than that is left alone. Storages give 50 to 100 MB/s a
/// connection; beyond this rate a second one costs CPU that hashing wants.
const FAST: u64 = 160_000_000;

/// Bytes that came, and the time that was spent waiting for them.
#[derive(Debug, Default)]
pub(super) struct Pace {
    since: Option<Instant>,
    bytes: u64,
    waited: Duration,
}

impl Pace {
    /// So many bytes came, asked for at `asked`, there at `came`. Whether they come slowly, and it is the network that
    /// was waited for: where who reads is slow, more connections bring nothing.
    pub(super) fn is_slow(&mut self, bytes: usize, asked: Instant, came: Instant) -> bool {
        let since = *self.since.get_or_insert(asked);
        self.bytes += bytes as u64;
        self.waited += came.saturating_duration_since(asked);
        let took = came.saturating_duration_since(since);
        if took < LONGEST && (self.bytes < BYTES || took < SHORTEST) {
            return false;
        }
        let bearable = u128::from(FAST) * took.as_micros() / 1_000_000;
        let slow = self.waited > took / 2 && u128::from(self.bytes) < bearable;
        *self = Pace::default();
        slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a download is ever slow that takes `wait` for each piece of 1 MiB and `work` for what is done with it.
    fn slow(wait: u64, work: u64) -> bool {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        (0..200).any(|_| {
            let asked = now;
            let came = asked + Duration::from_micros(wait);
            now = came + Duration::from_micros(work);
            pace.is_slow(1024 * 1024, asked, came)
        })
    }

    #[test]
    fn a_slow_network_is_slow_and_a_slow_disk_is_not() {
        assert!(slow(20_000, 0));
        assert!(slow(20_000, 2_000));
        assert!(!slow(1_000, 1_000));
        assert!(!slow(2_000, 20_000));
        assert!(!slow(5_000, 0));
    }

    #[test]
    fn a_hiccup_and_the_first_bytes_decide_nothing() {
        let (mut pace, begun) = (Pace::default(), Instant::now());
        assert!(!pace.is_slow(1000, begun, begun + Duration::from_millis(249)));
        let later = begun + Duration::from_millis(249);
        assert!(!pace.is_slow(64 * 1024 * 1024, later, later + Duration::from_millis(10)));
    }

    #[test]
    fn a_trickle_is_found_out_after_a_second() {
        let (mut pace, begun) = (Pace::default(), Instant::now());
        assert!(!pace.is_slow(1000, begun, begun + Duration::from_millis(900)));
        let later = begun + Duration::from_millis(900);
        assert!(pace.is_slow(1000, later, later + Duration::from_millis(100)));
    }
}
