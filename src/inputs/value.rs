//! From the text of an input to its value. The errors say what is wrong with the text; who calls adds which input.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::oci::MediaType;
use crate::reference::Host;

/// The longest span that an input may state.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The entries of a list: one a line, trimmed, blank ones dropped.
pub fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// A boolean as GitHub's toolkit reads it (`core.getBooleanInput`: YAML 1.2's core schema).
pub fn boolean(text: &str) -> Result<bool> {
    match text {
        "true" | "True" | "TRUE" => Ok(true),
        "false" | "False" | "FALSE" => Ok(false),
        _ => Err(Error::usage(format!("{text:?} is neither true nor false")).hint("write true or false")),
    }
}

/// A whole number from `least` to `most`.
pub fn number<T>(text: &str, least: T, most: T) -> Result<T>
where
    T: FromStr + PartialOrd + std::fmt::Display + Copy,
{
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| Error::usage(format!("{text:?} is not a whole number from {least} to {most}")))
}

/// A span of time: whole numbers with `h`, `m`, `s` or `ms`, from the largest unit to the smallest; more than zero.
pub fn duration(text: &str) -> Result<Duration> {
    let refuse = || {
        Error::usage(format!("{text:?} is not a span of time")).hint("write numbers with a unit: 500ms, 30s, 5m, 1h30m")
    };
    let mut rest = text;
    let mut total = Duration::ZERO;
    let mut units = [("h", 3_600_000), ("ms", 1), ("m", 60_000), ("s", 1_000)].to_vec();
    while !rest.is_empty() {
        let (number, after) = digits(rest);
        let number: u64 = number.parse().map_err(|_| refuse())?;
        // `ms` is looked for before `m` and `s`, of which the first is its beginning.
        let (unit, millis) = units
            .iter()
            .copied()
            .find(|(unit, _)| after.starts_with(unit))
            .ok_or_else(refuse)?;
        rest = after.strip_prefix(unit).unwrap_or_default();
        total = number
            .checked_mul(millis)
            .and_then(|millis| total.checked_add(Duration::from_millis(millis)))
            .filter(|total| *total <= LONGEST)
            .ok_or_else(|| Error::usage(format!("{text:?} is longer than 30 days")))?;
        units.retain(|(_, smaller)| *smaller < millis);
    }
    if total.is_zero() { Err(refuse()) } else { Ok(total) }
}

/// A number of bytes, bare or with a unit of 1000 (`kB`, `MB`, `GB`, `TB`) or 1024 (`KiB`, `MiB`, `GiB`, `TiB`).
pub fn bytes(text: &str) -> Result<u64> {
    let (number, unit) = digits(text);
    let factor: u64 = match unit.trim_start() {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1000 * 1000,
        "GB" => 1000 * 1000 * 1000,
        "TB" => 1000 * 1000 * 1000 * 1000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => 0,
    };
    let number = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    number.filter(|number| *number > 0).ok_or_else(|| {
        Error::usage(format!("{text:?} is not a size")).hint("write a whole number with a unit: 500MB, 2GiB")
    })
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// Lines of `KEY=VALUE`. A key stands once; a value may be blank and may hold further `=`.
pub fn pairs(text: &str) -> Result<BTreeMap<String, String>> {
    let mut pairs = BTreeMap::new();
    for line in lines(text) {
        let (key, value) = line
            .split_once('=')
            .map(|(key, value)| (key.trim(), value.trim()))
            .filter(|(key, _)| !key.is_empty())
            .ok_or_else(|| Error::usage(format!("{line:?} is not KEY=VALUE")).hint("write one KEY=VALUE a line"))?;
        if pairs.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(Error::usage(format!("the key {key:?} stands twice")).hint("leave one of them"));
        }
    }
    Ok(pairs)
}

/// A registry host; upper case is folded.
pub fn host(text: &str) -> Result<Host> {
    text.to_ascii_lowercase().parse()
}

/// Registry hosts, one a line.
pub fn hosts(text: &str) -> Result<Vec<Host>> {
    lines(text).iter().map(|line| host(line)).collect()
}

/// Artifact types, one a line; `*` stands for all.
pub fn referrer_types(text: &str) -> Result<Vec<String>> {
    let lines = lines(text);
    for line in lines.iter().filter(|line| *line != "*") {
        line.parse::<MediaType>().map(drop)?;
    }
    Ok(lines)
}

/// What names of variables may begin with, and no name of an input.
pub fn variable_prefix(text: &str) -> Result<String> {
    let is_name = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name || text.starts_with(|first: char| first.is_ascii_digit()) {
        let why = format!("{text:?} begins no variable");
        return Err(Error::usage(why).hint("write letters, digits and _, such as APP_"));
    }
    // With the output artifact-type even `OCI_` makes a name of ours.
    if text == "OCI_" || text.starts_with("OCI_ARTIFACT_") {
        let why = format!("variables that begin with {text:?} would be inputs of the next run");
        return Err(Error::usage(why).hint("choose a prefix of your own, such as APP_"));
    }
    Ok(text.to_owned())
}

/// One of `choices`, by its name.
pub fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T> {
    let found = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        Error::usage(format!("{text:?} is unknown")).hint(format!("write one of {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_those_of_the_toolkit() {
        for text in ["true", "True", "TRUE"] {
            assert!(boolean(text).unwrap());
        }
        for text in ["false", "False", "FALSE"] {
            assert!(!boolean(text).unwrap());
        }
        for text in ["yes", "1", "on", "tRUE", "", "no"] {
            assert!(boolean(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_carry_a_unit() {
        for (text, millis) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1h0m1s5ms", 3_601_005),
            ("720h", 30 * 24 * 3_600_000),
        ] {
            assert_eq!(duration(text).unwrap(), Duration::from_millis(millis), "{text}");
        }
        for text in [
            "",
            "30",
            "0s",
            "s",
            "1.5h",
            "-1s",
            "30 s",
            "1m1h",
            "1s1s",
            "5d",
            "721h",
            "99999999999999999999h",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(duration("18446744073709551615h").is_err());
    }

    #[test]
    fn sizes_with_and_without_a_unit() {
        for (text, size) in [
            ("1", 1),
            ("500MB", 500_000_000),
            ("500 MB", 500_000_000),
            ("2GiB", 2 << 30),
            ("7B", 7),
            ("1kB", 1000),
            ("16777215TiB", 16_777_215 << 40),
        ] {
            assert_eq!(bytes(text).unwrap(), size, "{text}");
        }
        for text in ["", "0", "1.5GiB", "1G", "GiB", "-1", "16777216TiB", "1gib"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn pairs_keep_further_equal_signs_and_refuse_a_second_key() {
        let read = pairs(" a = b=c \n\n d=\r\n").unwrap();
        assert_eq!(
            read,
            [("a", "b=c"), ("d", "")].map(|(k, v)| (k.into(), v.into())).into()
        );
        assert!(pairs("a=1\na=2").unwrap_err().message().contains("stands twice"));
        assert!(pairs("a").is_err());
        assert!(pairs("=b").is_err());
    }

    #[test]
    fn numbers_stay_in_their_bounds() {
        assert_eq!(number("64", 1, 64).unwrap(), 64);
        for text in ["0", "65", "-1", "1e3", "", "99999999999999999999"] {
            assert!(number(text, 1u32, 64).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_a_parser(text in "\\PC{0,40}") {
            let _ = (boolean(&text), duration(&text), bytes(&text), pairs(&text), hosts(&text));
        }

        #[test]
        fn a_written_duration_reads_back(h in 0u64..100, m in 0u64..60, s in 0u64..60, ms in 1u64..1000) {
            let expected = Duration::from_millis(((h * 60 + m) * 60 + s) * 1000 + ms);
            proptest::prop_assert_eq!(duration(&format!("{h}h{m}m{s}s{ms}ms")).unwrap(), expected);
        }
    }
}
