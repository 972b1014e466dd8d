//! The faked registry keeps its promises: spoken to by a plain HTTP client, so that a contract test that fails says
//! something about the store and not about the double.

use bytes::Bytes;
use oci_artifact::oci::{Digest, names};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::faults::Fault;
use crate::support::peers::{Access, Peer};
use crate::support::recorder::{asker, assert_no_credential, recorder};
use crate::support::registry::{Auth, Bearer, Options, Registry};
use crate::support::runner::Workspace;
use crate::support::tls::tls;

fn client() -> Client {
    // The error is that another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

async fn send(registry: &Registry, method: &str, path: &str, body: &'static str) -> Response {
    let url = format!("{}{path}", registry.origin());
    let method: Method = method.parse().unwrap();
    let mut request = client().request(method, url).header("accept", "*/*");
    // reqwest leaves the length of an empty body out.
    if body.is_empty() {
        request = request.header("content-length", 0);
    }
    request.body(body).send().await.unwrap()
}

async fn upload(registry: &Registry, repository: &str, bytes: &'static str) -> Digest {
    let digest = Digest::of(bytes.as_bytes());
    let opened = send(registry, "POST", &format!("/v2/{repository}/blobs/uploads/"), "").await;
    assert_eq!(opened.status(), 202);
    let put = send(
        registry,
        "PUT",
        &format!("{}&digest={digest}", location(&opened)),
        bytes,
    )
    .await;
    assert_eq!(put.status(), 201);
    digest
}

fn location(response: &Response) -> String {
    header(response, "location").unwrap()
}

fn header(response: &Response, name: &str) -> Option<String> {
    Some(response.headers().get(name)?.to_str().unwrap().to_owned())
}

async fn code(response: Response) -> (StatusCode, String) {
    let status = response.status();
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    (status, body["errors"][0]["code"].as_str().unwrap().to_owned())
}

fn manifest(blob: &Digest, subject: Option<&Digest>) -> String {
    let of = |digest: &Digest| json!({"mediaType": "a/b", "digest": digest, "size": 1});
    let mut manifest = json!({"schemaVersion": 2, "config": of(blob), "layers": []});
    if let Some(subject) = subject {
        manifest["subject"] = of(subject);
    }
    manifest.to_string()
}

async fn put_manifest(registry: &Registry, reference: &str, body: &str) -> Response {
    let url = format!("{}/v2/a/manifests/{reference}", registry.origin());
    client()
        .put(url)
        .header("content-type", names::IMAGE_MANIFEST)
        .body(body.to_owned())
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn blobs_are_uploaded_whole_and_in_pieces_and_read_by_range() {
    let registry = Registry::start();
    let digest = upload(&registry, "a/b", "hello").await;
    let blob = format!("/v2/a/b/blobs/{digest}");
    let head = send(&registry, "HEAD", &blob, "").await;
    assert_eq!(header(&head, "content-length").unwrap(), "5");
    assert_eq!(send(&registry, "GET", &blob, "").await.text().await.unwrap(), "hello");
    let ranged = |range: &'static str| {
        client()
            .get(format!("{}{blob}", registry.origin()))
            .header("range", range)
            .send()
    };
    let part = ranged("bytes=2-").await.unwrap();
    assert_eq!(
        (part.status().as_u16(), header(&part, "content-range").unwrap()),
        (206, "bytes 2-4/5".to_owned())
    );
    assert_eq!(part.text().await.unwrap(), "llo");
    assert_eq!(ranged("bytes=5-").await.unwrap().status(), 416);

    let opened = send(&registry, "POST", "/v2/a/b/blobs/uploads/", "").await;
    let patched = send(&registry, "PATCH", &location(&opened), "wor").await;
    assert_eq!(header(&patched, "range").unwrap(), "0-2");
    let stale = send(&registry, "PATCH", &location(&opened), "ld").await;
    assert_eq!(
        code(stale).await,
        (StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN".to_owned())
    );
    let out_of_order = client().patch(format!("{}{}", registry.origin(), location(&patched)));
    let out_of_order = out_of_order
        .header("content-range", "4-5")
        .body("ld")
        .send()
        .await
        .unwrap();
    assert_eq!(out_of_order.status(), 416);
    let whole = Digest::of(b"world");
    let put = send(
        &registry,
        "PUT",
        &format!("{}&digest={whole}", location(&patched)),
        "ld",
    )
    .await;
    assert_eq!(put.status(), 201);
    assert_eq!(registry.blob("a/b", &whole.to_string()).unwrap(), "world");
}

#[tokio::test]
async fn wrong_bytes_and_missing_blobs_are_refused() {
    let registry = Registry::start();
    let opened = send(&registry, "POST", "/v2/a/blobs/uploads/", "").await;
    let wrong = send(
        &registry,
        "PUT",
        &format!("{}&digest={}", location(&opened), Digest::of(b"x")),
        "y",
    )
    .await;
    assert_eq!(
        code(wrong).await,
        (StatusCode::BAD_REQUEST, "DIGEST_INVALID".to_owned())
    );
    let body = manifest(&Digest::of(b"x"), None);
    let missing = put_manifest(&registry, "v1", &body).await;
    assert_eq!(
        code(missing).await,
        (StatusCode::NOT_FOUND, "MANIFEST_BLOB_UNKNOWN".to_owned())
    );
    let blob = upload(&registry, "a", "x").await;
    let other = put_manifest(&registry, &blob.to_string(), &body).await;
    assert_eq!(
        code(other).await,
        (StatusCode::BAD_REQUEST, "DIGEST_INVALID".to_owned())
    );
    assert_eq!(put_manifest(&registry, "v1", &body).await.status(), 201);
    assert_eq!(
        registry.tags("a"),
        [("v1".to_owned(), Digest::of(body.as_bytes()).to_string())]
    );
}

#[tokio::test]
async fn tags_and_referrers_come_in_pages() {
    let registry = Registry::with(Options {
        page: 2,
        ..Options::default()
    });
    let blob = upload(&registry, "a", "x").await;
    let body = manifest(&blob, None);
    for tag in ["a", "b", "c", "d", "e"] {
        assert_eq!(put_manifest(&registry, tag, &body).await.status(), 201);
    }
    let subject = Digest::of(body.as_bytes());
    for number in 0..3 {
        let referrer = manifest(&blob, Some(&subject)) + &" ".repeat(number);
        let put = put_manifest(&registry, &Digest::of(referrer.as_bytes()).to_string(), &referrer).await;
        assert_eq!(header(&put, "oci-subject").unwrap(), subject.to_string());
    }
    for (path, key, count) in [
        ("/v2/a/tags/list?n=9".to_owned(), "tags", 5),
        (format!("/v2/a/referrers/{subject}"), "manifests", 3),
    ] {
        let (mut next, mut seen) = (Some(path), Vec::new());
        while let Some(path) = next {
            let page = send(&registry, "GET", &path, "").await;
            let link = header(&page, "link");
            next = link.map(|link| link.trim_start_matches('<').split('>').next().unwrap().to_owned());
            let page: Value = serde_json::from_slice(&page.bytes().await.unwrap()).unwrap();
            seen.extend(page[key].as_array().unwrap().clone());
        }
        assert_eq!(seen.len(), count, "{key}");
    }
}

#[tokio::test]
async fn mounts_deletes_and_what_is_gone() {
    let registry = Registry::start();
    let digest = upload(&registry, "a", "x").await;
    let mount = |digest: &Digest, from: &str| format!("/v2/b/blobs/uploads/?mount={digest}&from={from}");
    assert_eq!(send(&registry, "POST", &mount(&digest, "a"), "").await.status(), 201);
    assert_eq!(
        send(&registry, "POST", &mount(&Digest::of(b"y"), "a"), "")
            .await
            .status(),
        202
    );
    assert_eq!(registry.blobs("b"), [digest.to_string()]);
    let body = manifest(&digest, None);
    put_manifest(&registry, "v1", &body).await;
    put_manifest(&registry, "v2", &body).await;
    assert_eq!(send(&registry, "DELETE", "/v2/a/manifests/v1", "").await.status(), 202);
    let path = format!("/v2/a/manifests/{}", Digest::of(body.as_bytes()));
    assert_eq!(send(&registry, "GET", &path, "").await.status(), 200);
    assert_eq!(send(&registry, "DELETE", &path, "").await.status(), 202);
    assert!(registry.tags("a").is_empty());
    assert_eq!(send(&registry, "GET", "/v2/none/tags/list", "").await.status(), 404);
}

#[tokio::test]
async fn basic_and_bearer_are_asked_for_by_scope() {
    let basic = Registry::with(Options {
        auth: Auth::Basic("user", "secret"),
        ..Options::default()
    });
    let refused = send(&basic, "GET", "/v2/", "").await;
    assert_eq!(
        (refused.status().as_u16(), header(&refused, "www-authenticate").unwrap()),
        (401, "Basic realm=\"test\"".to_owned())
    );
    let let_in = client()
        .get(format!("{}/v2/", basic.origin()))
        .basic_auth("user", Some("secret"))
        .send()
        .await;
    assert_eq!(let_in.unwrap().status(), 200);

    let bearer = Registry::with(Options {
        auth: Auth::Bearer(Bearer {
            refresh_token: Some("refresh"),
            token_uses: Some(1),
            ..Bearer::default()
        }),
        ..Options::default()
    });
    let url = format!("{}/v2/a/blobs/uploads/", bearer.origin());
    let challenge = header(
        &send(&bearer, "POST", "/v2/a/blobs/uploads/", "").await,
        "www-authenticate",
    )
    .unwrap();
    let realm = format!("{}/token", bearer.origin());
    assert_eq!(
        challenge,
        format!("Bearer realm=\"{realm}\",service=\"test\",scope=\"repository:a:pull,push\"")
    );
    let scope = "repository:a:pull,push";
    let wrong = client()
        .get(format!("{realm}?scope={scope}"))
        .basic_auth("user", Some("x"))
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), 401);
    let by_password = client()
        .get(format!("{realm}?scope={scope}"))
        .basic_auth("user", Some("secret"));
    let by_refresh = client()
        .post(&realm)
        .body(format!("grant_type=refresh_token&refresh_token=refresh&scope={scope}"));
    // Each answer has a name of its own for the token.
    for (request, name) in [(by_password, "token"), (by_refresh, "access_token")] {
        let answer = request.send().await.unwrap().bytes().await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let token = answer[name].as_str().unwrap();
        let post = || {
            client()
                .post(&url)
                .bearer_auth(token)
                .header("content-length", 0)
                .send()
        };
        assert_eq!(post().await.unwrap().status(), 202);
        // Its one use is over.
        assert_eq!(post().await.unwrap().status(), 401);
    }
    assert_eq!(bearer.token_requests(), 3);
}

#[tokio::test]
async fn faults_act_as_often_as_they_should() {
    let registry = Registry::start();
    let digest = upload(&registry, "a", "hello world").await;
    let path = format!("/v2/a/blobs/{digest}");
    registry.fault(
        Fault::on("GET", "/blobs/")
            .skip(1)
            .times(2)
            .answer(503)
            .header("retry-after", "0")
            .body("no"),
    );
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(send(&registry, "GET", &path, "").await.status().as_u16());
    }
    assert_eq!(statuses, [200, 503, 503, 200]);
    registry.clear_requests();
    registry.fault(Fault::on("GET", "/blobs/").cut_answer(5));
    let mut cut = send(&registry, "GET", &path, "").await;
    assert_eq!(header(&cut, "content-length").unwrap(), "11");
    assert_eq!(cut.chunk().await.unwrap().unwrap(), Bytes::from("hello"));
    assert!(cut.chunk().await.is_err());
    registry.fault(Fault::on("GET", "/blobs/").corrupt(0));
    assert_eq!(
        send(&registry, "GET", &path, "").await.text().await.unwrap(),
        "iello world"
    );
    registry.fault(Fault::on("*", "/blobs/").drop_header("docker-content-digest"));
    assert_eq!(
        header(&send(&registry, "HEAD", &path, "").await, "docker-content-digest"),
        None
    );
    assert_eq!(
        registry.lines(),
        [format!("GET {path}"), format!("GET {path}"), format!("HEAD {path}")]
    );

    registry.fault(Fault::on("GET", "/blobs/").stall());
    let stalled = tokio::spawn({
        let request = client().get(format!("{}{path}", registry.origin()));
        async move { request.send().await }
    });
    registry.clear_requests();
    let waiting = tokio::task::spawn_blocking(move || {
        registry.wait_for("the request that gets no answer", |request| request.method == "GET");
        drop(registry);
    });
    waiting.await.unwrap();
    assert!(
        stalled.await.unwrap().is_err(),
        "a stopped server closes its connections"
    );
}

#[tokio::test]
async fn a_cut_upload_leaves_what_came_of_it() {
    let registry = Registry::start();
    let opened = send(&registry, "POST", "/v2/a/blobs/uploads/", "").await;
    registry.fault(Fault::on("PATCH", "/blobs/uploads/").cut_request(7));
    let patch = client()
        .patch(format!("{}{}", registry.origin(), location(&opened)))
        .body("hello world");
    assert!(patch.send().await.is_err());
    let status = send(&registry, "GET", &location(&opened), "").await;
    assert_eq!(
        (status.status().as_u16(), header(&status, "range").unwrap()),
        (204, "0-6".to_owned())
    );
    let rest = send(
        &registry,
        "PUT",
        &format!("{}&digest={}", location(&status), Digest::of(b"hello world")),
        "orld",
    )
    .await;
    assert_eq!(rest.status(), 201);
}

#[tokio::test]
async fn tls_is_trusted_by_its_authority_alone() {
    let registry = Registry::with(Options {
        tls: true,
        ..Options::default()
    });
    let url = format!("{}/v2/", registry.origin());
    assert!(client().get(&url).send().await.is_err());
    let authority = reqwest::Certificate::from_pem(tls().authority.as_bytes()).unwrap();
    let trusting = Client::builder()
        .no_proxy()
        .tls_certs_only([authority])
        .build()
        .unwrap();
    assert_eq!(trusting.get(&url).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn recorders_record() {
    let server = recorder(404);
    let url = format!("http://{}/x?y", server.host());
    assert_eq!(client().get(&url).send().await.unwrap().status(), 404);
    assert_eq!(server.lines(), ["GET /x?y"]);
    assert_no_credential(&server, &["secret"]);
    client().get(&url).header("x-any", "secret").send().await.unwrap();
    assert!(
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| assert_no_credential(
            &server,
            &["secret"]
        )))
        .is_err()
    );
    let asking = asker(Some("http://example.com/token"));
    let answer = client()
        .get(format!("http://{}/v2/", asking.host()))
        .send()
        .await
        .unwrap();
    assert!(
        header(&answer, "www-authenticate")
            .unwrap()
            .contains("http://example.com/token")
    );
}

#[cfg(unix)]
#[test]
fn the_runner_hands_on_nothing_of_this_process() {
    let workspace = Workspace::new();
    workspace.write("folder/a.txt", "hello");
    let env = workspace.run().program("/usr/bin/env").env("A", "b").call();
    let mut lines: Vec<String> = env.success().stdout().lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["A=b", "HOME=[ROOT]/home", "TMPDIR=[ROOT]/tmp"]);
    let script = "cat; pwd; cat a.txt; echo example.com >&2; exit 3";
    let shell = workspace
        .run()
        .program("/bin/sh")
        .args(["-c", script])
        .stdin("in\n")
        .directory("folder");
    let outcome = shell.placeholder("example.com", "HOST").call();
    let expected = "exit: 3\n--- stdout\nin\n[WORK]/folder\nhello--- stderr\n[HOST]\n";
    assert_eq!(outcome.exit(3).snapshot(), expected);
    assert_eq!(
        workspace.tree("").into_keys().collect::<Vec<_>>(),
        ["folder/", "folder/a.txt"]
    );
}

#[tokio::test]
#[ignore = "needs the peers: scripts/test-peers"]
async fn a_real_registry_asks_for_its_login_over_tls() {
    let access = Access {
        login: Some(("user", "secret")),
        tls: true,
    };
    let peer = Peer::distribution(access);
    client();
    let authority = reqwest::Certificate::from_pem(tls().authority.as_bytes()).unwrap();
    let trusting = Client::builder()
        .no_proxy()
        .tls_certs_only([authority])
        .build()
        .unwrap();
    let get = || trusting.get(format!("https://{}/v2/", peer.host()));
    assert_eq!(get().send().await.unwrap().status(), 401);
    assert_eq!(
        get().basic_auth("user", Some("secret")).send().await.unwrap().status(),
        200
    );
    assert_eq!(
        get().basic_auth("user", Some("wrong")).send().await.unwrap().status(),
        401
    );
}
