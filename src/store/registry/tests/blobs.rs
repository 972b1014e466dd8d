//! Downloads: cut, lied about, sent elsewhere.

use super::*;

/// The rest of `bytes` as `seen` asks for it.
fn ranged(bytes: &Bytes, seen: &Seen) -> (usize, Reply) {
    let Some(range) = seen.header("range") else {
        return (0, Reply::new(200).body(bytes.clone()));
    };
    let (start, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let start: usize = start.parse().unwrap();
    assert_eq!(last, (bytes.len() - 1).to_string());
    let content = format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len());
    (
        start,
        Reply::new(206)
            .header("content-range", content)
            .body(bytes.slice(start..)),
    )
}

#[tokio::test]
async fn ggcr_2084_a_cut_download_goes_on_where_it_was() {
    let bytes = pattern(2_500_000);
    let served = bytes.clone();
    // Each answer breaks after a third of a megabyte: more often than there are retries, but each time with progress.
    let server = Server::start(move |seen| {
        let (start, reply) = ranged(&served, seen);
        if served.len() - start > 300_000 {
            reply.cut(300_000)
        } else {
            reply
        }
    })
    .await;
    let registry = anonymous(&server);
    assert!(collect(registry.open_blob(&blob(&bytes), 0).await).await.unwrap() == bytes);
    assert!(server.lines().len() > 5);
    assert!(server.seen()[1].header("range").is_some());
    assert!(
        collect(registry.open_blob(&blob(&bytes), 2_400_000).await)
            .await
            .unwrap()
            == bytes[2_400_000..]
    );
}

#[tokio::test]
async fn a_download_without_progress_ends() {
    let bytes = pattern(1000);
    let served = bytes.clone();
    let server = Server::start(move |seen| match ranged(&served, seen) {
        (0, reply) => reply.cut(100),
        (_, reply) => reply.cut(0),
    })
    .await;
    let registry = anonymous(&server);
    assert_eq!(
        class(collect(registry.open_blob(&blob(&bytes), 0).await).await),
        Class::Network
    );
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn m21_a_byte_a_connection_is_no_progress() {
    let bytes = pattern(1000);
    let served = bytes.clone();
    let server = Server::start(move |seen| ranged(&served, seen).1.cut(1)).await;
    let registry = anonymous(&server);
    assert_eq!(
        class(collect(registry.open_blob(&blob(&bytes), 0).await).await),
        Class::Network
    );
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn m16_ranges_that_are_ignored_or_wrong() {
    let bytes = pattern(100_000);
    let served = bytes.clone();
    let ignoring = Server::start(move |seen| {
        let reply = Reply::new(200).body(served.clone());
        if seen.before == 0 { reply.cut(60_000) } else { reply }
    })
    .await;
    assert!(
        collect(anonymous(&ignoring).open_blob(&blob(&bytes), 0).await)
            .await
            .unwrap()
            == bytes
    );
    assert!(
        collect(anonymous(&ignoring).open_blob(&blob(&bytes), 99_000).await)
            .await
            .unwrap()
            == bytes[99_000..]
    );
    for content in [
        "bytes 0-99999/100000",
        "bytes 51-99999/100000",
        "bytes 50-99999/100001",
        "",
    ] {
        let served = bytes.clone();
        let server = Server::start(move |_| {
            Reply::new(206)
                .header("content-range", content)
                .body(served.slice(50..))
        })
        .await;
        let result = collect(anonymous(&server).open_blob(&blob(&bytes), 50).await).await;
        assert_eq!(class(result), Class::Integrity, "{content}");
    }
}

#[tokio::test]
async fn a_server_that_knows_no_ranges_is_asked_for_the_whole() {
    let bytes = pattern(1000);
    let served = bytes.clone();
    let server = Server::start(move |seen| match seen.header("range") {
        Some(_) => Reply::new(416),
        None => Reply::new(200).body(served.clone()),
    })
    .await;
    assert!(
        collect(anonymous(&server).open_blob(&blob(&bytes), 999).await)
            .await
            .unwrap()
            == bytes[999..]
    );
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn m15_m17_bodies_that_are_not_the_blob() {
    let bytes = pattern(1000);
    for (length, chunked) in [(999, false), (1001, false), (999, true), (1001, true), (200_000, true)] {
        let server = Server::start(move |_| {
            let reply = Reply::new(200).body(pattern(length));
            if chunked { reply.chunked() } else { reply }
        })
        .await;
        let result = collect(anonymous(&server).open_blob(&blob(&bytes), 0).await).await;
        assert_eq!(class(result), Class::Integrity, "{length} {chunked}");
        assert_eq!(server.lines().len(), 1);
    }
    // Of what is too long nothing beyond the size is handed on.
    let endless = Server::start(|_| Reply::new(200).body(pattern(5_000_000)).chunked()).await;
    let mut stream = anonymous(&endless).open_blob(&blob(&bytes), 0).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap_err().class(), Class::Integrity);
    assert!(stream.next().await.is_none());
    let served = bytes.clone();
    let server = Server::start(move |_| Reply::new(200).header("content-encoding", "gzip").body(served.clone())).await;
    assert_eq!(
        class(collect(anonymous(&server).open_blob(&blob(&bytes), 0).await).await),
        Class::Integrity
    );
    let server = Server::start(|_| Reply::new(404)).await;
    assert_eq!(
        class(collect(anonymous(&server).open_blob(&blob(&bytes), 0).await).await),
        Class::NotFound
    );
}

#[tokio::test]
async fn roci_code_a_blob_may_be_empty() {
    let server = Server::start(|_| Reply::new(200)).await;
    assert!(
        collect(anonymous(&server).open_blob(&blob(b""), 0).await)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn m9_where_we_are_sent_gets_no_credential_and_is_not_answered() {
    let storage = Server::start(|seen| match seen.target.as_str() {
        "/open?sig=1" => Reply::new(200).body("bytes"),
        _ => Reply::new(401).header("www-authenticate", r#"Basic realm="storage""#),
    })
    .await;
    let to = storage.host.clone();
    let server = Server::start(move |seen| match seen.header("authorization") {
        Some(_) if seen.target.contains(Digest::of(b"bytes").hex()) => {
            Reply::new(307).header("location", format!("http://{to}/open?sig=1"))
        }
        Some(_) => Reply::new(302).header("location", format!("http://{to}/closed?sig=SECRET")),
        None => Reply::new(401).header("www-authenticate", "Basic"),
    })
    .await;
    let registry = open(
        &server,
        user(&server, "me"),
        &options(),
        Shared::default(),
        Access::Read,
    );
    assert_eq!(
        collect(registry.open_blob(&blob(b"bytes"), 0).await).await.unwrap(),
        b"bytes"
    );
    let error = collect(registry.open_blob(&blob(b"closed"), 0).await)
        .await
        .unwrap_err();
    assert!(!error.to_string().contains("SECRET"), "{error}");
    let lines = storage.lines();
    assert_eq!(lines[..2], ["GET /open?sig=1", "GET /closed?sig=SECRET"]);
    assert_eq!(lines.len(), 5, "a new redirect may be better, but not for ever");
    for seen in storage.seen() {
        assert_eq!((seen.header("authorization"), seen.header("referer")), (None, None));
    }
}

#[tokio::test]
async fn a_storage_that_fails_is_asked_through_the_registry_again() {
    let storage = Server::start(|seen| match seen.target.as_str() {
        "/signed/1" => Reply::new(200).body("bytes"),
        _ => Reply::new(503),
    })
    .await;
    let to = storage.host.clone();
    let server =
        Server::start(move |seen| Reply::new(307).header("location", format!("http://{to}/signed/{}", seen.before)))
            .await;
    assert_eq!(
        collect(anonymous(&server).open_blob(&blob(b"bytes"), 0).await)
            .await
            .unwrap(),
        b"bytes"
    );
}

#[tokio::test]
async fn m10_redirects_without_end_and_to_the_machines_own_secrets() {
    let server = Server::start(|seen| Reply::new(307).header("location", format!("{}x", seen.target))).await;
    assert_eq!(
        class(collect(anonymous(&server).open_blob(&blob(b"1"), 0).await).await),
        Class::Network
    );
    assert_eq!(server.lines().len(), 11);
    for target in [
        "http://169.254.169.254/latest/",
        "http://[fe80::1]/",
        "http://168.63.129.16/",
    ] {
        let server = Server::start(move |_| Reply::new(307).header("location", target)).await;
        let error = collect(anonymous(&server).open_blob(&blob(b"1"), 0).await)
            .await
            .unwrap_err();
        assert_eq!(error.class(), Class::Denied, "{target}: {error}");
    }
}

#[tokio::test]
async fn a_signed_url_that_ended_is_asked_for_anew() {
    let bytes = pattern(1_000_000);
    let served = bytes.clone();
    // Each URL is good once; the second one has ended already when it is given out.
    let storage = Server::start(move |seen| match seen.target.as_str() {
        "/signed/0" if seen.before == 0 => ranged(&served, seen).1.cut(400_000),
        "/signed/2" => ranged(&served, seen).1,
        "/signed/1" => Reply::new(400).body("<Error><Code>ExpiredToken</Code></Error>"),
        _ => Reply::new(403).body("<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"),
    })
    .await;
    let to = storage.host.clone();
    let signing = move |seen: &Seen| Reply::new(307).header("location", format!("http://{to}/signed/{}", seen.before));
    let server = Server::start(signing).await;
    let found = collect(anonymous(&server).open_blob(&blob(&bytes), 0).await)
        .await
        .unwrap();
    assert!(found == bytes);
    assert_eq!(storage.lines(), ["GET /signed/0", "GET /signed/1", "GET /signed/2"]);
    // One that never is good is no reason to go on asking.
    let error = collect(anonymous(&server).open_blob(&blob(&bytes), 0).await)
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Denied, "{error}");
    assert_eq!(server.lines().len(), 5);
}

#[tokio::test]
async fn parts_with_two_etags_are_judged_by_the_digest() {
    let bytes = pattern(1_000_000);
    let served = bytes.clone();
    let server = Server::start(move |seen| {
        let reply = ranged(&served, seen).1.header("etag", format!("\"{}\"", seen.before));
        if seen.before == 0 { reply.cut(400_000) } else { reply }
    })
    .await;
    let found = collect(anonymous(&server).open_blob(&blob(&bytes), 0).await)
        .await
        .unwrap();
    assert!(found == bytes);
    assert_eq!(server.lines().len(), 2);
    assert!(server.seen().iter().all(|seen| seen.header("if-range").is_none()));
}

#[tokio::test]
async fn roci_171_a_part_is_not_held_to_the_digest_of_the_whole() {
    let bytes = pattern(100_000);
    let served = bytes.clone();
    let server = Server::start(move |seen| ranged(&served, seen).1).await;
    let found = collect(anonymous(&server).open_blob(&blob(&bytes), 60_000).await)
        .await
        .unwrap();
    assert!(found == bytes[60_000..]);
}
