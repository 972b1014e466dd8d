//! Headers of answers.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use super::texts;
use crate::http::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use crate::http::retry::{LONGEST_WAIT, parse_retry_after};
use crate::store::registry::auth::challenge::{Challenge, Raw, parse};
use crate::store::registry::blobs::reader::range_start;
use crate::store::registry::link;
use crate::store::registry::uploads::session::{least, reached};

/// What is read, written with all its quotes, reads the same; and what a registry quotes arrives.
pub(super) fn challenge(data: &[u8]) {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(data) {
        headers.append(WWW_AUTHENTICATE, value);
        if let Some(Challenge::Bearer { realm, .. }) = Challenge::best(&headers) {
            assert!(!realm.is_empty());
        }
    }
    let read = parse(&String::from_utf8_lossy(data));
    assert_eq!(parse(&written(&read)), read);
    let Some([realm, service, scope]) = texts(data) else {
        return;
    };
    let parameters = [("realm", realm), ("service", service), ("scope", scope)];
    let own = Raw {
        scheme: "Bearer".to_owned(),
        parameters: parameters.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
    };
    assert_eq!(parse(&written(std::slice::from_ref(&own))), [own]);
}

fn written(challenges: &[Raw]) -> String {
    let mut text = String::new();
    for challenge in challenges {
        let _ = write!(text, "{} ", challenge.scheme);
        for (key, value) in &challenge.parameters {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            let _ = write!(text, "{key}=\"{value}\", ");
        }
    }
    text
}

/// A target stands in the header, between brackets; and the one that a registry writes is found.
pub(super) fn link(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(target) = link::next(text) {
        assert!(!target.contains('>'));
        assert!(text.contains(target));
        assert!(text.to_ascii_lowercase().contains("next"));
    }
    if !text.contains(['<', '>']) {
        let header = format!("</first>; rel=\"prev\"; title=\"<,>\", <{text}>; rel=\"next\"");
        assert_eq!(link::next(&header), Some(text.trim()));
    }
}

/// Bounds: what is believed of `Content-Range`, `Range` and `OCI-Chunk-Min-Length` lies in the blob.
pub(super) fn range(data: &[u8]) {
    let (numbers, text) = data.split_at(data.len().min(2));
    let Ok(text) = std::str::from_utf8(text) else { return };
    let size = numbers.iter().fold(0, |size, &byte| size << 8 | u64::from(byte));
    for (end, size) in [(size, size), (size / 2, size), (u64::MAX, u64::MAX), (0, 0)] {
        if let Some(first) = range_start(text, end, size) {
            assert!(first < end && end <= size);
            assert_eq!(
                range_start(&format!("bytes {first}-{}/{size}", end - 1), end, size),
                Some(first)
            );
            assert_eq!(range_start(text, end - 1, size), None);
        }
    }
    if let Some(bytes) = reached(text) {
        assert!(bytes > 1);
        assert_eq!(reached(&format!("0-{}", bytes - 1)), Some(bytes));
    }
    if let Some(least) = least(text) {
        assert!((1..=1 << 30).contains(&least));
    }
}

/// Never longer than the longest wait, and the later the clock, the shorter the rest.
pub(super) fn retry_after(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_760_000_000);
    let wait = parse_retry_after(text, now);
    assert!(wait.is_none_or(|wait| wait <= LONGEST_WAIT));
    let (later, earlier) = (now + Duration::from_secs(7), SystemTime::UNIX_EPOCH);
    let at = |clock| parse_retry_after(text, clock);
    assert_eq!(wait.is_some(), at(later).is_some());
    assert!(at(later) <= wait && wait <= at(earlier), "{text:?}");
}
