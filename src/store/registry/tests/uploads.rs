//! Uploads: mounts, sessions, what breaks on the way.

use super::*;
use crate::store::{BlobSource, PutBlob};

const LARGE: usize = 3_000_000;

/// Each session has a number of its own: the count of plain POSTs before.
fn session(seen: &Seen) -> Reply {
    Reply::new(202).header("location", format!("/upload/{}?_state=s%3D1", seen.before))
}

async fn put(registry: &Registry, bytes: &Bytes) -> Result<PutBlob> {
    registry
        .put_blob(&blob(bytes), &BlobSource::from(bytes.clone()), None, "dist/app")
        .await
}

#[tokio::test]
async fn roci_176_tart_179_krustlet_670_regclient_32d63bb_a_small_blob_is_one_post_and_one_put() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "POST" => session(seen),
        _ => Reply::new(201),
    })
    .await;
    let bytes = pattern(1000);
    assert_eq!(put(&anonymous(&server), &bytes).await.unwrap(), PutBlob::Uploaded);
    let digest = Digest::of(&bytes);
    let mount = format!(
        "POST /v2/a/b/blobs/uploads/?mount={}&from=a%2Fb",
        digest.to_string().replace(':', "%3A")
    );
    assert_eq!(
        server.lines(),
        [mount, format!("PUT /upload/0?_state=s%3D1&digest={digest}")]
    );
    let (post, put) = (&server.seen()[0], &server.seen()[1]);
    assert_eq!(post.header("content-length"), Some("0"), "roci_176");
    assert_eq!(put.header("content-length"), Some("1000"), "regclient 32d63bb");
    assert_eq!(put.header("content-range"), None, "tart_179");
    assert_eq!(put.header("content-type"), Some("application/octet-stream"));
    assert!(matches!(put.header("accept"), None | Some("*/*")), "krustlet_670");
    assert!(put.body == bytes);
}

#[tokio::test]
async fn what_is_there_is_not_sent() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "HEAD" => Reply::new(200),
        _ => Reply::new(201),
    })
    .await;
    let registry = anonymous(&server);
    assert_eq!(put(&registry, &pattern(10)).await.unwrap(), PutBlob::Present);
    assert_eq!(put(&registry, &pattern(LARGE)).await.unwrap(), PutBlob::Present);
    assert_eq!(
        server
            .seen()
            .iter()
            .map(|seen| seen.method.as_str())
            .collect::<Vec<_>>(),
        ["POST", "HEAD"]
    );
}

#[tokio::test]
async fn ggcr_1741_mounts_from_this_registry_alone() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "HEAD" => Reply::new(404),
        "POST" if seen.target.contains("from=c%2Fd") => Reply::new(201),
        "POST" => session(seen),
        _ => Reply::new(201),
    })
    .await;
    let registry = anonymous(&server);
    let bytes = pattern(LARGE);
    let from = |host: &str| Repository {
        host: host.parse().unwrap(),
        name: "c/d".to_owned(),
    };
    let source = BlobSource::from(bytes.clone());
    let own = from(server.host.as_str());
    let outcome = registry
        .put_blob(&blob(&bytes), &source, Some(&own), "x")
        .await
        .unwrap();
    assert_eq!(outcome, PutBlob::Mounted);
    let foreign = from("other.example");
    let outcome = registry
        .put_blob(&blob(&bytes), &source, Some(&foreign), "x")
        .await
        .unwrap();
    assert_eq!(outcome, PutBlob::Uploaded);
    assert!(!server.lines().iter().any(|line| line.contains("other.example")));
}

#[tokio::test]
async fn ggcr_1393_1609_a_refused_mount_is_an_upload() {
    for status in [400, 401, 403, 404, 405, 409, 422, 500, 503] {
        let server = Server::start(move |seen| match seen.method.as_str() {
            "POST" if seen.target.contains("mount=") => Reply::new(status),
            "POST" => session(seen),
            _ => Reply::new(201),
        })
        .await;
        assert_eq!(
            put(&anonymous(&server), &pattern(10)).await.unwrap(),
            PutBlob::Uploaded,
            "{status}"
        );
        assert_eq!(
            server
                .lines()
                .iter()
                .filter(|line| *line == "POST /v2/a/b/blobs/uploads/")
                .count(),
            1
        );
    }
}

#[tokio::test]
async fn ecr_a_session_in_answer_to_a_mount_is_the_one_that_is_used() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "HEAD" => Reply::new(404),
        "POST" => session(seen),
        _ => Reply::new(201),
    })
    .await;
    let from = Repository {
        host: server.host.clone(),
        name: "c/d".to_owned(),
    };
    let bytes = pattern(LARGE);
    let source = BlobSource::from(bytes.clone());
    let outcome = anonymous(&server)
        .put_blob(&blob(&bytes), &source, Some(&from), "x")
        .await;
    assert_eq!(outcome.unwrap(), PutBlob::Uploaded);
    let methods: Vec<String> = server.seen().into_iter().map(|seen| seen.method).collect();
    assert_eq!(methods, ["HEAD", "POST", "PUT"]);
}

#[tokio::test]
async fn acr_866_regclient_331_dagger_13749_a_broken_upload_begins_a_new_session_with_all_its_bytes() {
    for status in [404, 416, 500, 503] {
        let server = Server::start(move |seen| match seen.method.as_str() {
            "HEAD" => Reply::new(404),
            "POST" => session(seen),
            _ if seen.target.starts_with("/upload/1") => Reply::new(201),
            _ => Reply::new(status),
        })
        .await;
        let bytes = pattern(LARGE);
        assert_eq!(put(&anonymous(&server), &bytes).await.unwrap(), PutBlob::Uploaded);
        let puts: Vec<Seen> = server.seen().into_iter().filter(|seen| seen.method == "PUT").collect();
        assert_eq!(puts.len(), 2);
        assert!(puts[0].target.starts_with("/upload/0") && puts[1].target.starts_with("/upload/1"));
        assert!(puts.iter().all(|put| put.body == bytes));
    }
}

#[tokio::test]
async fn dagger_13749_429_in_an_upload_sends_all_bytes_again() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "HEAD" => Reply::new(404),
        "POST" => session(seen),
        _ if seen.target.starts_with("/upload/1") => Reply::new(201),
        _ => Reply::new(429).header("retry-after", "0"),
    })
    .await;
    // A file, which is opened again, where bytes in memory could not be exhausted.
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = camino::Utf8PathBuf::try_from(file.path().to_owned()).unwrap();
    let bytes = pattern(LARGE);
    fs_err::write(&path, &bytes).unwrap();
    let source = BlobSource::File(path);
    let outcome = anonymous(&server).put_blob(&blob(&bytes), &source, None, "x").await;
    assert_eq!(outcome.unwrap(), PutBlob::Uploaded);
    let puts: Vec<Seen> = server.seen().into_iter().filter(|seen| seen.method == "PUT").collect();
    assert_eq!(puts.len(), 2);
    assert!(puts.iter().all(|put| put.body == bytes));
}

#[tokio::test]
async fn a_session_that_is_given_up_is_ended_without_a_token_of_its_own() {
    for status in [204, 401, 403, 404, 503] {
        let server = Server::start(move |seen| match (seen.method.as_str(), seen.header("authorization")) {
            ("GET", _) => Reply::new(200).body(r#"{"token":"t"}"#),
            ("DELETE", Some("Bearer t")) => Reply::new(status).header(
                "www-authenticate",
                r#"Bearer realm="/token",scope="repository:a/b:delete""#,
            ),
            (_, None) => Reply::new(401).header("www-authenticate", r#"Bearer realm="/token""#),
            ("HEAD", _) => Reply::new(404),
            ("POST", _) => session(seen),
            _ if seen.target.starts_with("/upload/1") => Reply::new(201),
            _ => Reply::new(500),
        })
        .await;
        put(&anonymous(&server), &pattern(LARGE)).await.unwrap();
        let deleted: Vec<Seen> = server
            .seen()
            .into_iter()
            .filter(|seen| seen.method == "DELETE")
            .collect();
        assert_eq!(deleted.len(), 1, "{status}");
        assert_eq!(deleted[0].target, "/upload/0?_state=s%3D1");
        let asked = server
            .lines()
            .into_iter()
            .filter(|line| line.starts_with("GET /token"))
            .collect::<Vec<_>>();
        assert!(!asked.iter().any(|line| line.contains("delete")), "{asked:?}");
    }
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found_out() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "HEAD" if seen.before == 0 => Reply::new(404),
        "HEAD" => Reply::new(200),
        "POST" => session(seen),
        _ => Reply::new(502),
    })
    .await;
    assert_eq!(
        put(&anonymous(&server), &pattern(LARGE)).await.unwrap(),
        PutBlob::Uploaded
    );
    assert_eq!(server.seen().iter().filter(|seen| seen.method == "PUT").count(), 1);
}

#[tokio::test]
async fn an_upload_that_never_succeeds_ends() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "HEAD" => Reply::new(404),
        "POST" => session(seen),
        _ => Reply::new(503).body("try later"),
    })
    .await;
    let error = put(&anonymous(&server), &pattern(LARGE)).await.unwrap_err();
    assert_eq!(error.class(), Class::Network);
    assert!(error.message().contains("try later"), "{error}");
    assert!(!error.message().contains("s%3D1"), "{error}");
    assert_eq!(server.seen().iter().filter(|seen| seen.method == "PUT").count(), 3);
}

#[tokio::test]
async fn oras_456_a_token_that_ends_during_an_upload_is_renewed_and_the_body_sent_again() {
    let server = Server::start(|seen| match (seen.method.as_str(), seen.header("authorization")) {
        ("GET", _) => Reply::new(200).body(format!(r#"{{"token":"t{}"}}"#, seen.before)),
        ("POST", Some("Bearer t0")) => session(seen),
        ("PUT", Some("Bearer t1")) => Reply::new(201),
        _ => Reply::new(401).header("www-authenticate", r#"Bearer realm="/token",error="invalid_token""#),
    })
    .await;
    let bytes = pattern(900_000);
    assert_eq!(put(&anonymous(&server), &bytes).await.unwrap(), PutBlob::Uploaded);
    let puts: Vec<Seen> = server.seen().into_iter().filter(|seen| seen.method == "PUT").collect();
    assert_eq!(puts.len(), 2);
    assert!(puts[1].body == bytes);
}

#[tokio::test]
async fn m7_m8_roci_code_an_upload_stays_with_its_registry() {
    let other = Server::start(|_| Reply::new(201)).await;
    let host = other.host.clone();
    for location in [
        format!("http://{host}/upload"),
        "https://127.0.0.1/upload".to_owned(),
        "http://user:password@127.0.0.1/upload".to_owned(),
        "file:///upload".to_owned(),
        format!("/{}", "x".repeat(17 * 1024)),
        String::new(),
    ] {
        let server = Server::start(move |_| Reply::new(202).header("location", &location)).await;
        let error = put(&anonymous(&server), &pattern(10)).await.unwrap_err();
        assert!(matches!(error.class(), Class::Denied | Class::Network), "{error}");
        assert_eq!(server.lines().len(), 1);
    }
    assert!(other.lines().is_empty());
}

#[tokio::test]
async fn a_file_that_changes_is_told_as_such_and_not_tried_again() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "HEAD" => Reply::new(404),
        "POST" => session(seen),
        _ => Reply::new(201),
    })
    .await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = camino::Utf8PathBuf::try_from(file.path().to_owned()).unwrap();
    for (planned, found) in [
        (LARGE, pattern(LARGE).slice(1..)),
        (LARGE, pattern(LARGE + 1)),
        (10, pattern(9)),
    ] {
        fs_err::write(&path, &found).unwrap();
        let planned = blob(&pattern(planned));
        let source = BlobSource::File(path.clone());
        let error = anonymous(&server)
            .put_blob(&planned, &source, None, "dist/app")
            .await
            .unwrap_err();
        assert_eq!(error.class(), Class::Local, "{error}");
        assert!(error.message().contains(path.as_str()), "{error}");
    }
    let gone = BlobSource::File("/nowhere/file".into());
    let error = anonymous(&server)
        .put_blob(&blob(b"x"), &gone, None, "x")
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Local);
    assert_eq!(server.seen().iter().filter(|seen| seen.is("POST", "/v2/")).count(), 4);
}

#[tokio::test]
async fn roci_code_an_empty_blob_is_sent() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "POST" => session(seen),
        _ => Reply::new(201),
    })
    .await;
    assert_eq!(
        put(&anonymous(&server), &Bytes::new()).await.unwrap(),
        PutBlob::Uploaded
    );
    assert_eq!(server.seen()[1].header("content-length"), Some("0"));
}
