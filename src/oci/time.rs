//! Times as annotations have them (RFC 3339).

/// `seconds` since 1970 as `YYYY-MM-DDThh:mm:ssZ`, by Howard Hinnant's `civil_from_days`.
pub fn rfc_3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01, in eras of 400 years: leap days then come last in their year.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Whether `text` is a time of RFC 3339, with or without a fraction, in any offset.
pub fn is_rfc_3339(text: &str) -> bool {
    let Some((date, rest)) = text.split_once(['T', 't']) else {
        return false;
    };
    let offset_at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (time, offset) = rest.split_at(offset_at);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let is_offset = match offset {
        "Z" | "z" => true,
        other => other
            .strip_prefix(['+', '-'])
            .and_then(|other| numbers(other, ':', &[2, 2]))
            .is_some_and(|parts| parts[0] < 24 && parts[1] < 60),
    };
    let is_date = numbers(date, '-', &[4, 2, 2])
        .is_some_and(|parts| (1..=12).contains(&parts[1]) && (1..=days(parts[0], parts[1])).contains(&parts[2]));
    // A leap second is one.
    let is_time = numbers(time, ':', &[2, 2, 2]).is_some_and(|parts| parts[0] < 24 && parts[1] < 60 && parts[2] <= 60);
    is_date && is_time && is_offset && !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit())
}

/// The numbers between `separator`s, if they have just these lengths.
fn numbers(text: &str, separator: char, lengths: &[usize]) -> Option<Vec<u32>> {
    let parts: Vec<&str> = text.split(separator).collect();
    let is_number =
        |(part, length): (&&str, &usize)| part.len() == *length && part.bytes().all(|byte| byte.is_ascii_digit());
    let fits = parts.len() == lengths.len() && parts.iter().zip(lengths).all(is_number);
    fits.then(|| parts.iter().filter_map(|part| part.parse().ok()).collect())
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_749_097_588, "2025-06-05T04:26:28Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc_3339(seconds), text);
        }
    }

    #[test]
    fn what_is_no_time_is_told() {
        for good in [
            "2026-01-31T12:00:00Z",
            "2024-02-29t23:59:60.123+02:00",
            "0000-01-01T00:00:00-23:59",
        ] {
            assert!(is_rfc_3339(good), "{good}");
        }
        for bad in [
            "",
            "now",
            "2026-01-31",
            "2026-01-31T12:00:00",
            "2026-02-29T12:00:00Z",
            "2026-13-01T12:00:00Z",
            "2026-01-31 12:00:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T12:00:00.Z",
            "2026-01-31T12:00:00+2:00",
            "26-01-31T12:00:00Z",
            "2026-01-31T12:00:00ZZ",
        ] {
            assert!(!is_rfc_3339(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_a_time(seconds in 0..253_402_300_800_u64) {
            prop_assert!(is_rfc_3339(&rfc_3339(seconds)));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            is_rfc_3339(&text);
        }
    }
}
