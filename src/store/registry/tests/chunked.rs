//! Uploads in chunks: when, how, and what becomes of them where they break.

use std::sync::{Arc, Mutex};

use super::*;
use crate::store::{BlobSource, PutBlob};

const MIB: usize = 1024 * 1024;

/// What a registry keeps of uploads, strictly by the specification: the newest Location alone is good, and bytes come
/// in order. Nothing that is asked for is there.
#[derive(Clone, Default)]
struct Sessions(Arc<Mutex<Vec<Vec<u8>>>>);

impl Sessions {
    fn answer(&self, seen: &Seen) -> Reply {
        let mut sessions = self.0.lock().unwrap();
        let Some(rest) = seen.target.strip_prefix("/upload/") else {
            if seen.method != "POST" || seen.target.contains("mount=") {
                return Reply::new(404);
            }
            sessions.push(Vec::new());
            return Reply::new(202).header("location", format!("/upload/{}?at=0", sessions.len() - 1));
        };
        let (name, query) = rest.split_once('?').unwrap();
        let session = &mut sessions[name.parse::<usize>().unwrap()];
        let at = query.split('&').next().unwrap().strip_prefix("at=").unwrap();
        if seen.method == "GET" {
            return status(204, name, session.len());
        }
        if seen.method == "DELETE" {
            return Reply::new(204);
        }
        let first = seen
            .header("content-range")
            .map_or("0", |range| range.split_once('-').unwrap().0);
        if at != session.len().to_string() || first != at {
            return Reply::new(416);
        }
        session.extend_from_slice(&seen.body);
        match seen.method.as_str() {
            "PATCH" => status(202, name, session.len()),
            _ if query.ends_with(&format!("digest={}", Digest::of(session))) => Reply::new(201),
            _ => Reply::new(400).body(r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#),
        }
    }

    /// The session takes the first `count` bytes of a chunk that then fails.
    fn take(&self, seen: &Seen, count: usize) {
        self.0
            .lock()
            .unwrap()
            .last_mut()
            .unwrap()
            .extend_from_slice(&seen.body[..count]);
    }
}

fn status(code: u16, name: &str, length: usize) -> Reply {
    Reply::new(code)
        .header("location", format!("/upload/{name}?at={length}"))
        .header("range", format!("0-{}", length.saturating_sub(1)))
}

/// A registry that announces chunks of at least `least`, except for what `other` answers.
async fn registry(
    least: &'static str,
    other: impl Fn(&Seen, &Sessions) -> Option<Reply> + Send + Sync + 'static,
) -> Server {
    let sessions = Sessions::default();
    Server::start(move |seen| match other(seen, &sessions) {
        Some(reply) => reply,
        None if seen.method == "POST" => sessions.answer(seen).header("oci-chunk-min-length", least),
        None => sessions.answer(seen),
    })
    .await
}

/// [`pattern`], made faster.
fn large(length: usize) -> Bytes {
    let mut bytes = pattern(MIB - 3).repeat(length / MIB + 1);
    bytes.truncate(length);
    bytes.into()
}

async fn put(registry: &Registry, bytes: &Bytes) -> Result<PutBlob> {
    let source = BlobSource::from(bytes.clone());
    registry.put_blob(&blob(bytes), &source, None, "dist/app").await
}

/// Method, Content-Range, length of the body of each request that brought bytes.
fn sent(server: &Server) -> Vec<(String, String, usize)> {
    let range = |seen: &Seen| seen.header("content-range").unwrap_or_default().to_owned();
    let seen = server.seen().into_iter();
    seen.filter(|seen| seen.is("PATCH", "/") || seen.is("PUT", "/"))
        .map(|seen| (seen.method.clone(), range(&seen), seen.body.len()))
        .collect()
}

fn count(server: &Server, method: &str) -> usize {
    server.seen().iter().filter(|seen| seen.method == method).count()
}

fn wanted(rows: &[(&str, &str, usize)]) -> Vec<(String, String, usize)> {
    rows.iter()
        .map(|&(method, range, length)| (method.to_owned(), range.to_owned(), length))
        .collect()
}

#[tokio::test]
async fn tart_159_chunks_where_a_minimum_is_announced_and_the_last_bytes_ride_in_the_put() {
    // ECR's 201 to a chunk.
    let server = registry("5242880", |seen, sessions| {
        (seen.method == "PATCH").then(|| {
            let taken = sessions.answer(seen);
            assert_eq!(seen.header("content-length").unwrap(), seen.body.len().to_string());
            taken.status(201)
        })
    })
    .await;
    let bytes = large(21 * MIB);
    assert_eq!(put(&anonymous(&server), &bytes).await.unwrap(), PutBlob::Uploaded);
    let rows = [
        ("PATCH", "0-10485759", 10 * MIB),
        ("PATCH", "10485760-20971519", 10 * MIB),
        ("PUT", "20971520-22020095", MIB),
    ];
    assert_eq!(sent(&server), wanted(&rows));
    assert_eq!((count(&server, "POST"), count(&server, "DELETE")), (1, 0));
}

#[tokio::test]
async fn m23_a_minimum_out_of_bounds_is_none() {
    for least in ["0", "-1", "junk", "9223372036854775808"] {
        let server = registry(least, |_, _| None).await;
        put(&anonymous(&server), &large(11 * MIB)).await.unwrap();
        assert_eq!(sent(&server), wanted(&[("PUT", "", 11 * MIB)]), "{least}");
    }
}

#[tokio::test]
async fn a_body_limit_is_found_once_a_run() {
    let server = registry("", |seen, _| (seen.body.len() > 3 * MIB / 2).then(|| Reply::new(413))).await;
    let registry = anonymous(&server);
    let bytes = large(5 * MIB);
    assert_eq!(put(&registry, &bytes).await.unwrap(), PutBlob::Uploaded);
    let refused = sent(&server)
        .iter()
        .filter(|(.., length)| *length > 3 * MIB / 2)
        .count();
    assert_eq!(refused, 2, "the whole, then 2 MiB");
    let before = sent(&server).len();
    assert_eq!(put(&registry, &bytes.slice(1..)).await.unwrap(), PutBlob::Uploaded);
    assert!(sent(&server)[before..].iter().all(|(.., length)| *length <= MIB));
    assert_eq!(sent(&server).len() - before, 5);
}

#[tokio::test]
async fn a_body_limit_that_nothing_fits_is_told() {
    // By size, by chunks that are refused, by a minimum above the limit.
    for (least, status) in [("", 413), ("", 405), ("", 404), ("", 416), ("4194304", 413)] {
        let server = registry(least, move |seen, _| match seen.method.as_str() {
            "PUT" => Some(Reply::new(413)),
            "PATCH" => Some(Reply::new(status)),
            _ => None,
        })
        .await;
        let error = put(&anonymous(&server), &large(9 * MIB)).await.unwrap_err();
        assert!(
            error.message().contains("PUT") && error.message().contains("413"),
            "{error}"
        );
        assert!(error.way_out().unwrap().contains("limit"), "{error}");
        assert!(sent(&server).len() <= 6, "{least} {status}: {:?}", sent(&server));
        assert_eq!(count(&server, "POST"), count(&server, "DELETE"), "{least} {status}");
    }
}

#[tokio::test]
async fn gar_refuses_chunks_and_is_not_asked_again() {
    let unsupported = r#"{"errors":[{"code":"UNSUPPORTED"}]}"#;
    for status in [400, 404, 405, 416, 501] {
        let server = registry("1", move |seen, _| {
            (seen.method == "PATCH").then(|| Reply::new(status).body(unsupported))
        })
        .await;
        let registry = anonymous(&server);
        assert_eq!(put(&registry, &large(11 * MIB)).await.unwrap(), PutBlob::Uploaded);
        let chunks = count(&server, "PATCH");
        assert!(chunks <= 2, "{status}");
        assert_eq!(put(&registry, &large(12 * MIB)).await.unwrap(), PutBlob::Uploaded);
        assert_eq!(
            (count(&server, "PATCH"), count(&server, "PUT")),
            (chunks, 2),
            "{status}"
        );
    }
}

#[tokio::test]
async fn ocx_237_ghcr_takes_four_mebibytes_with_a_range() {
    let server = registry("1", |seen, _| {
        (seen.header("content-range").is_some() && seen.body.len() > 4 * MIB).then(|| Reply::new(416))
    })
    .await;
    assert_eq!(
        put(&anonymous(&server), &large(11 * MIB)).await.unwrap(),
        PutBlob::Uploaded
    );
    let lengths: Vec<usize> = sent(&server).into_iter().map(|(.., length)| length).collect();
    assert_eq!(lengths, [10 * MIB, 4 * MIB, 4 * MIB, 3 * MIB]);
}

#[tokio::test]
async fn ghcr_long_uploads_that_are_cut_go_in_chunks() {
    let server = registry("", |seen, _| (seen.body.len() > 12 * MIB).then(|| Reply::new(504))).await;
    let registry = anonymous(&server);
    assert_eq!(put(&registry, &large(20 * MIB)).await.unwrap(), PutBlob::Uploaded);
    let lengths = |from: usize| sent(&server)[from..].iter().map(|row| row.2 / MIB).collect::<Vec<_>>();
    assert_eq!(lengths(0), [20, 20, 8, 8, 4]);
    assert_eq!(put(&registry, &large(16 * MIB)).await.unwrap(), PutBlob::Uploaded);
    assert_eq!(lengths(5), [8, 8]);
}

#[tokio::test]
async fn a_broken_chunk_goes_on_where_the_session_says() {
    let server = registry("1", |seen, sessions| {
        let breaks = seen.is("PATCH", "/upload/0?at=10485760");
        breaks.then(|| {
            sessions.take(seen, 3 * MIB);
            Reply::new(502)
        })
    })
    .await;
    assert_eq!(
        put(&anonymous(&server), &large(25 * MIB)).await.unwrap(),
        PutBlob::Uploaded
    );
    let rows = [
        ("PATCH", "0-10485759", 10 * MIB),
        ("PATCH", "10485760-20971519", 10 * MIB),
        ("PATCH", "13631488-24117247", 10 * MIB),
        ("PUT", "24117248-26214399", 2 * MIB),
    ];
    assert_eq!(sent(&server), wanted(&rows));
    assert_eq!(count(&server, "POST"), 1);
}

/// A second chunk that fails, whereafter the session says `range`; all begins anew, in a session of its own.
async fn begins_anew(range: Option<&'static str>, status: u16) -> Server {
    let server = registry("1", move |seen, _| match seen.method.as_str() {
        // Ranges of chunks are as wrong, and nobody looks at them.
        "PATCH" if seen.target.starts_with("/upload/0?at=10485760") => Some(Reply::new(500)),
        "GET" => Some(match range {
            Some(range) => Reply::new(status).header("range", range),
            None => Reply::new(status),
        }),
        _ => None,
    })
    .await;
    assert_eq!(
        put(&anonymous(&server), &large(21 * MIB)).await.unwrap(),
        PutBlob::Uploaded
    );
    server
}

#[tokio::test]
async fn regclient_627_961_228_a_status_out_of_bounds_is_a_new_session() {
    // Relative to the chunk; none or one byte; one past the end; nothing; junk; beyond the blob.
    let ranges = [
        Some("0-1048575"),
        Some("0-0"),
        Some("0-20971520"),
        None,
        Some("bytes"),
        Some("0-99999999"),
    ];
    for range in ranges {
        let server = begins_anew(range, 204).await;
        let rows = [
            ("PATCH", "0-10485759", 10 * MIB),
            ("PATCH", "10485760-20971519", 10 * MIB),
            ("PATCH", "0-10485759", 10 * MIB),
            ("PATCH", "10485760-20971519", 10 * MIB),
            ("PUT", "20971520-22020095", MIB),
        ];
        assert_eq!(sent(&server), wanted(&rows), "{range:?}");
    }
}

#[tokio::test]
async fn dist_2593_buildah_1133_containerization_790_byte_0_never_goes_into_the_old_session() {
    let server = begins_anew(Some("0-0"), 204).await;
    let mut seen = server.seen();
    seen.retain(|seen| {
        seen.header("content-range")
            .is_some_and(|range| range.starts_with("0-"))
    });
    let targets: Vec<String> = seen.into_iter().map(|seen| seen.target).collect();
    assert_eq!(targets, ["/upload/0?at=0", "/upload/1?at=0"]);
    assert!(server.lines().contains(&"DELETE /upload/0?at=10485760".to_owned()));
}

#[tokio::test]
async fn azure_sdk_29738_34276_25448_a_session_that_is_gone_is_a_new_session() {
    begins_anew(None, 404).await;
}

#[tokio::test]
async fn regclient_228_an_offset_that_only_seems_right_is_found_out() {
    // Nothing of the chunk was taken, a byte of it is claimed: the digest is wrong in the end.
    let server = registry("1", |seen, sessions| match seen.method.as_str() {
        "PATCH" if seen.before == 0 && seen.target == "/upload/0?at=10485760" => Some(Reply::new(502)),
        "GET" => Some(Reply::new(204).header("range", "0-10485760")),
        "PATCH" | "PUT"
            if seen.target.starts_with("/upload/0")
                && seen
                    .header("content-range")
                    .is_some_and(|range| !range.starts_with("0-")) =>
        {
            sessions.take(seen, 0);
            Some(match seen.method.as_str() {
                "PUT" => Reply::new(400).body(r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#),
                _ => Reply::new(202),
            })
        }
        _ => None,
    })
    .await;
    assert_eq!(
        put(&anonymous(&server), &large(21 * MIB)).await.unwrap(),
        PutBlob::Uploaded
    );
    assert_eq!(count(&server, "POST"), 2);
}

#[tokio::test]
async fn tries_are_counted_without_progress() {
    // Each chunk but the first fails once: more often than there are retries, but never twice at one place.
    let server = registry("1", |seen, _| {
        (seen.is("PATCH", "/") && seen.before == 0 && !seen.target.ends_with("at=0")).then(|| Reply::new(503))
    })
    .await;
    assert_eq!(
        put(&anonymous(&server), &large(41 * MIB)).await.unwrap(),
        PutBlob::Uploaded
    );
    assert_eq!(count(&server, "PATCH"), 1 + 2 * 3);
    // One chunk fails for ever, in whatever session.
    let server = registry("1", |seen, _| {
        (seen.is("PATCH", "/") && seen.target.ends_with("at=10485760")).then(|| Reply::new(503))
    })
    .await;
    let error = put(&anonymous(&server), &large(21 * MIB)).await.unwrap_err();
    assert!(error.message().contains("503"), "{error}");
    assert!(count(&server, "PATCH") <= 6);
}

#[tokio::test]
async fn a_file_that_changes_between_chunks_is_told() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = camino::Utf8PathBuf::try_from(file.path().to_owned()).unwrap();
    let bytes = large(21 * MIB);
    fs_err::write(&path, &bytes).unwrap();
    let changing = path.clone();
    let server = registry("1", move |seen, _| {
        if seen.is("PATCH", "/upload/0?at=0") {
            fs_err::write(&changing, large(21 * MIB + 1).slice(1..)).unwrap();
        }
        None
    })
    .await;
    let source = BlobSource::File(path.clone());
    let error = anonymous(&server)
        .put_blob(&blob(&bytes), &source, None, "x")
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Local, "{error}");
    assert!(error.message().contains(path.as_str()), "{error}");
    assert_eq!(count(&server, "POST"), 1);
}

#[tokio::test]
async fn a_token_that_ends_between_chunks_is_renewed_and_its_chunk_sent_again() {
    let server = registry("1", |seen, _| {
        match (seen.method.as_str(), seen.header("authorization")) {
            ("GET", _) if seen.target.starts_with("/token") => {
                Some(Reply::new(200).body(format!(r#"{{"token":"t{}"}}"#, seen.before)))
            }
            ("PATCH" | "PUT", Some("Bearer t0")) if !seen.target.contains("at=0") => Some(unauthorized()),
            (_, None) => Some(unauthorized()),
            _ => None,
        }
    })
    .await;
    assert_eq!(
        put(&anonymous(&server), &large(21 * MIB)).await.unwrap(),
        PutBlob::Uploaded
    );
    let lengths: Vec<usize> = sent(&server).into_iter().map(|(.., length)| length / MIB).collect();
    assert_eq!((lengths, count(&server, "POST")), (vec![10, 10, 10, 1], 1));
}

fn unauthorized() -> Reply {
    Reply::new(401).header("www-authenticate", r#"Bearer realm="/token",error="invalid_token""#)
}
