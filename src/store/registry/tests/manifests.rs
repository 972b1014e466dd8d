//! Manifests, tags, deletes, and what every call has in common.

use super::*;
use crate::oci::{RawManifest, names};

const JSON: &str = r#"{"mediaType":"application/vnd.oci.image.manifest.v1+json"}"#;

fn manifest() -> Reply {
    Reply::new(200)
        .header("content-type", format!("{}; charset=utf-8", names::IMAGE_MANIFEST))
        .body(JSON)
}

#[tokio::test]
async fn one_head_resolves_and_a_digest_that_is_missing_costs_one_get() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/v2/a/b/manifests/whole" => manifest().header("docker-content-digest", Digest::of(JSON.as_bytes())),
        "/v2/a/b/manifests/bare" => manifest(),
        "/v2/a/b/manifests/empty" => manifest().header("docker-content-digest", ""),
        _ => Reply::new(404).body(r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#),
    })
    .await;
    let registry = anonymous(&server);
    let expected = Descriptor::new(names::IMAGE_MANIFEST, Digest::of(JSON.as_bytes()), JSON.len() as u64);
    for name in ["whole", "bare", "empty"] {
        assert_eq!(
            registry.resolve(&tag(name)).await.unwrap(),
            Some(expected.clone()),
            "{name}"
        );
    }
    assert_eq!(registry.resolve(&tag("none")).await.unwrap(), None);
    let path = |method: &str, name: &str| format!("{method} /v2/a/b/manifests/{name}");
    assert_eq!(
        server.lines(),
        [
            path("HEAD", "whole"),
            path("HEAD", "bare"),
            path("GET", "bare"),
            path("HEAD", "empty"),
            path("GET", "empty"),
            path("HEAD", "none"),
        ]
    );
    assert!(
        server.seen()[0]
            .header("accept")
            .unwrap()
            .contains(names::ARTIFACT_MANIFEST)
    );
}

#[tokio::test]
async fn ggcr_1662_where_head_is_refused_get_is_tried() {
    for status in [401, 403, 405, 406] {
        let server = Server::start(move |seen| match seen.method.as_str() {
            "HEAD" => Reply::new(status),
            _ => manifest(),
        })
        .await;
        assert!(
            anonymous(&server).resolve(&tag("v1")).await.unwrap().is_some(),
            "{status}"
        );
    }
}

#[tokio::test]
async fn m12_a_manifest_that_is_not_what_was_asked_for() {
    let other = Digest::of(b"other");
    let told = other.clone();
    let server = Server::start(move |_| manifest().header("docker-content-digest", &told)).await;
    let registry = anonymous(&server);
    let by_digest = |digest: &Digest| Pointer::Digest(digest.clone());
    assert_eq!(class(registry.get_manifest(&tag("v1")).await), Class::Integrity);
    assert_eq!(class(registry.get_manifest(&by_digest(&other)).await), Class::Integrity);
    assert_eq!(
        class(registry.resolve(&by_digest(&Digest::of(b"third"))).await),
        Class::Integrity
    );
    // What was asked for decides, not what the header says.
    let found = registry
        .get_manifest(&by_digest(&Digest::of(JSON.as_bytes())))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.bytes(), JSON);
}

#[tokio::test]
async fn m13_a_manifest_without_end_is_not_read_to_it() {
    let server = Server::start(|_| manifest().body(vec![b' '; crate::oci::MANIFEST_LIMIT + 1]).chunked()).await;
    assert_eq!(
        class(anonymous(&server).get_manifest(&tag("v1")).await),
        Class::Integrity
    );
}

#[tokio::test]
async fn a_missing_content_type_is_read_from_the_manifest() {
    let server = Server::start(|_| Reply::new(200).body(JSON)).await;
    let found = anonymous(&server).get_manifest(&tag("v1")).await.unwrap().unwrap();
    assert_eq!(found.media_type(), names::IMAGE_MANIFEST);
}

#[tokio::test]
async fn roci_40_a_stored_manifest_needs_no_location_and_m31_no_other_digest() {
    let server = Server::start(|seen| match seen.target.rsplit('/').next().unwrap() {
        "plain" => Reply::new(201),
        "indexed" => Reply::new(201).header("oci-subject", Digest::of(b"subject")),
        "other" => Reply::new(201).header("docker-content-digest", Digest::of(b"other")),
        _ => Reply::new(404).body(r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown"}]}"#),
    })
    .await;
    let registry = anonymous(&server);
    let raw = RawManifest::new(names::IMAGE_MANIFEST, Bytes::from_static(JSON.as_bytes()));
    assert!(!registry.put_manifest(&raw, &tag("plain")).await.unwrap());
    assert!(registry.put_manifest(&raw, &tag("indexed")).await.unwrap());
    assert_eq!(
        class(registry.put_manifest(&raw, &tag("other")).await),
        Class::Integrity
    );
    let error = registry.put_manifest(&raw, &tag("missing")).await.unwrap_err();
    assert!(super::super::is_blob_unknown(&error), "oras_go_1212: {error}");
    let put = &server.seen()[0];
    assert_eq!(
        (put.header("content-type"), &put.body[..]),
        (Some(names::IMAGE_MANIFEST), JSON.as_bytes())
    );
}

#[tokio::test]
async fn roci_code_a_push_by_digest_needs_no_location() {
    let server = Server::start(|_| Reply::new(201)).await;
    let raw = RawManifest::new(names::IMAGE_MANIFEST, Bytes::from_static(JSON.as_bytes()));
    let pointer = Pointer::Digest(raw.digest().clone());
    assert!(!anonymous(&server).put_manifest(&raw, &pointer).await.unwrap());
    assert_eq!(server.lines(), [format!("PUT /v2/a/b/manifests/{}", raw.digest())]);
}

#[tokio::test]
async fn ggcr_2301_429_is_tried_again_and_ggcr_2264_keeps_the_text_of_the_last_answer() {
    let server = Server::start(|seen| match (seen.target.as_str(), seen.before) {
        ("/v2/a/b/manifests/soon", 2) => manifest(),
        ("/v2/a/b/manifests/soon", _) => Reply::new(429).header("retry-after", "0"),
        ("/v2/a/b/manifests/cut", 0) => manifest().cut(10),
        ("/v2/a/b/manifests/cut", _) => manifest(),
        _ => Reply::new(503)
            .header("x-ms-correlation-request-id", "0b5d")
            .body(r#"{"errors":[{"code":"UNAVAILABLE","message":"egress is over budget"}]}"#),
    })
    .await;
    let registry = anonymous(&server);
    assert!(registry.get_manifest(&tag("soon")).await.unwrap().is_some());
    assert!(registry.get_manifest(&tag("cut")).await.unwrap().is_some());
    let error = registry.get_manifest(&tag("never")).await.unwrap_err();
    assert_eq!(error.class(), Class::Network);
    let text = error.to_string().replace(server.host.as_str(), "HOST");
    insta::assert_snapshot!(
        text.replace("/v2/a/b/manifests/never", "/PATH"),
        @"GET http://HOST/PATH: 503 Service Unavailable: UNAVAILABLE: egress is over budget (request 0b5d)"
    );
    assert!(error.way_out().unwrap().contains("tried 3 times"));
    assert_eq!(server.lines().len(), 3 + 2 + 3);
}

#[tokio::test]
async fn m21_a_server_that_does_not_go_on_is_left() {
    let server = Server::start(|_| manifest().stall(10)).await;
    let error = anonymous(&server).get_manifest(&tag("v1")).await.unwrap_err();
    assert_eq!(error.class(), Class::Network);
    assert!(error.message().contains("no progress"), "{error}");
    // One that takes the connection and never answers.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = Server::start(|_| Reply::new(200)).await;
    let repository = Repository {
        host: listener.local_addr().unwrap().to_string().parse().unwrap(),
        name: "a".to_owned(),
    };
    let (report, once) = (
        Report::silent(),
        Options {
            retries: 0,
            ..options()
        },
    );
    let client = Client::new(&once, &report).unwrap();
    let credentials = Credentials::new(Given::default().into(), &Env::default(), &client, &report).unwrap();
    let registry = Registry::new(
        repository,
        Access::Read,
        client,
        credentials.into(),
        report,
        Shared::default(),
    );
    let error = registry.get_manifest(&tag("v1")).await.unwrap_err();
    assert!(error.message().contains("no answer"), "{error}");
    drop(silent);
}

#[tokio::test]
async fn a_server_that_is_not_there() {
    let server = Server::start(|_| Reply::new(200)).await;
    let registry = anonymous(&server);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let free = listener.local_addr().unwrap();
    drop(listener);
    drop(server);
    let repository = Repository {
        host: free.to_string().parse().unwrap(),
        name: "a".to_owned(),
    };
    let credentials = Arc::clone(&registry.0.auth.credentials);
    let client = registry.client().clone();
    let registry = Registry::new(
        repository,
        Access::Read,
        client,
        credentials,
        Report::silent(),
        Shared::default(),
    );
    let error = registry.get_manifest(&tag("v1")).await.unwrap_err();
    assert_eq!(error.class(), Class::Network);
    assert!(error.message().contains("no connection: Connection refused"), "{error}");
}

#[tokio::test]
async fn harbor_11682_no_cookie_comes_back_and_every_request_is_plain() {
    let server = Server::start(|_| manifest().header("set-cookie", "sid=1")).await;
    let registry = anonymous(&server);
    for _ in 0..2 {
        registry.get_manifest(&tag("v1")).await.unwrap();
    }
    for seen in server.seen() {
        assert_eq!(seen.header("cookie"), None);
        assert_eq!(seen.header("accept-encoding"), Some("identity"));
        assert!(seen.header("user-agent").unwrap().starts_with("oci-artifact/"));
    }
}

#[tokio::test]
async fn roci_779dfe6_tags_may_be_null_and_pages_of_ggcr_1091_size_follow_links() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/v2/a/b/tags/list?n=1000" => Reply::new(200)
            .header("link", r#"</v2/a/b/tags/list?n=1000&last=v2>; rel="next""#)
            .body(r#"{"tags":["v1","not a tag","v2"]}"#),
        _ => Reply::new(200).body(r#"{"name":"a/b","tags":null}"#),
    })
    .await;
    let registry = anonymous(&server);
    let first = registry.tags(None).await.unwrap();
    assert_eq!(first.tags, ["v1".parse().unwrap(), "v2".parse().unwrap()]);
    let last = registry.tags(first.next.as_deref()).await.unwrap();
    assert_eq!(last, crate::store::TagPage::default());
    assert_eq!(server.lines()[1], "GET /v2/a/b/tags/list?n=1000&last=v2");
}

#[tokio::test]
async fn m11_links_elsewhere_and_to_themselves() {
    let elsewhere = Server::start(|_| Reply::new(200).body(r#"{"tags":[]}"#)).await;
    let away = format!(r#"<http://{}/v2/>; rel="next""#, elsewhere.host);
    let server = Server::start(move |_| Reply::new(200).header("link", &away).body(r#"{"tags":[]}"#)).await;
    assert_eq!(class(anonymous(&server).tags(None).await), Class::Denied);
    assert!(elsewhere.lines().is_empty());
    let itself = r#"</v2/a/b/tags/list?n=1000>; rel="next""#;
    let server = Server::start(move |_| Reply::new(200).header("link", itself).body(r#"{"tags":[]}"#)).await;
    assert_eq!(class(anonymous(&server).tags(None).await), Class::Network);
    // A page given back by a caller is checked like one from a server.
    assert_eq!(
        class(anonymous(&server).tags(Some("2 http://other.example/")).await),
        Class::Denied
    );
}

#[tokio::test]
async fn deletes_tell_done_from_absent_from_impossible() {
    let server = Server::start(|seen| match seen.target.rsplit('/').next().unwrap() {
        "there" => Reply::new(202),
        "locked" => Reply::new(405).body(r#"{"errors":[{"code":"REGISTRY_DISALLOWED_OPERATION"}]}"#),
        "tag" => Reply::new(405).body(r#"{"errors":[{"code":"UNSUPPORTED"}]}"#),
        "odd" => Reply::new(400).body(r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#),
        _ => Reply::new(404),
    })
    .await;
    let registry = anonymous(&server);
    let delete = async |name: &str| registry.delete_tag(&name.parse().unwrap()).await;
    assert!(delete("there").await.unwrap());
    assert!(!delete("none").await.unwrap());
    assert!(!registry.delete_manifest(&Digest::of(b"none")).await.unwrap());
    for (name, hint) in [
        ("tag", "its operator"),
        ("odd", "its operator"),
        ("locked", "use a new tag"),
    ] {
        let error = delete(name).await.unwrap_err();
        assert_eq!(error.class(), Class::Conflict);
        assert!(error.way_out().unwrap().contains(hint), "{name}");
    }
}

#[tokio::test]
async fn containers_roadmap_2380_an_immutable_tag_with_the_same_digest_is_a_success() {
    let answers = [
        (
            400,
            "TAG_INVALID",
            "The image tag 'v1' already exists in a repository that is immutable",
        ),
        (403, "DENIED", "tag is immutable"),
        (405, "REGISTRY_DISALLOWED_OPERATION", "locked"),
        (412, "PRECONDITION", "matched an immutable rule"),
        (400, "FAILED_PRECONDITION", "tag exists"),
    ];
    for (status, code, message) in answers {
        let server = Server::start(move |seen| match seen.method.as_str() {
            "PUT" => Reply::new(status).body(format!(r#"{{"errors":[{{"code":"{code}","message":"{message}"}}]}}"#)),
            _ => manifest().header("docker-content-digest", Digest::of(JSON.as_bytes())),
        })
        .await;
        let registry = anonymous(&server);
        let put = async |bytes: &'static str| {
            let raw = RawManifest::new(names::IMAGE_MANIFEST, Bytes::from_static(bytes.as_bytes()));
            registry.put_manifest(&raw, &tag("v1")).await
        };
        assert!(put(JSON).await.is_ok(), "{status} {code}");
        let error = put("{}").await.unwrap_err();
        assert_eq!(error.class(), Class::Conflict, "{status} {code}");
        assert!(error.way_out().unwrap().contains("use a new tag"));
    }
}

#[tokio::test]
async fn what_a_registry_says_of_itself_decides_what_its_no_means() {
    let server = Server::start(|_| {
        Reply::new(403)
            .header("x-ms-correlation-request-id", "0b5d")
            .body(r#"{"errors":[{"code":"DENIED","message":"client with IP '1.2.3.4' is not allowed access"}]}"#)
    })
    .await;
    let error = anonymous(&server).get_manifest(&tag("v1")).await.unwrap_err();
    assert!(
        error.message().ends_with("is not allowed access (request 0b5d)"),
        "{error}"
    );
    let told = error.way_out().unwrap().replace(server.host.as_str(), "HOST");
    let firewall = "the registry's firewall keeps this runner out: allow its address";
    assert!(
        told.starts_with(firewall) && told.ends_with("no credential was found for HOST"),
        "{told}"
    );
}

#[tokio::test]
async fn oras_go_1176_1177_a_head_with_a_wrong_length_refuses_nothing() {
    let server = Server::start(|seen| {
        let told = Digest::of(JSON.as_bytes());
        let reply = manifest().header("docker-content-digest", told);
        match seen.method.as_str() {
            "HEAD" => reply.header("content-length", JSON.len() + 7),
            _ => reply,
        }
    })
    .await;
    let registry = anonymous(&server);
    let found = registry.resolve(&tag("v1")).await.unwrap().unwrap();
    assert_eq!(found.digest, Digest::of(JSON.as_bytes()));
    let pointer = Pointer::Digest(found.digest);
    assert_eq!(registry.get_manifest(&pointer).await.unwrap().unwrap().bytes(), JSON);
}

#[tokio::test]
async fn oras_738_a_registry_that_refuses_the_type_is_told_as_that() {
    let server = Server::start(|_| {
        Reply::new(400)
            .header(
                "www-authenticate",
                r#"Bearer realm="https://quay.corp.example/v2/auth",service="quay""#,
            )
            .body(r#"{"errors":[{"code":"MANIFEST_INVALID","message":"manifest schema version not supported"}]}"#)
    })
    .await;
    let raw = RawManifest::new(names::ARTIFACT_MANIFEST, Bytes::from_static(JSON.as_bytes()));
    let error = anonymous(&server).put_manifest(&raw, &tag("v1")).await.unwrap_err();
    assert!(
        error.way_out().unwrap().contains("ALLOWED_OCI_ARTIFACT_TYPES"),
        "{error:?}"
    );
}

#[tokio::test]
async fn docker_hub_tells_its_limit() {
    let server = Server::start(|_| {
        Reply::new(429)
            .header("retry-after", "0")
            .header("ratelimit-limit", "100;w=21600")
            .header("docker-ratelimit-source", "192.0.2.1")
            .body("toomanyrequests")
    })
    .await;
    let error = anonymous(&server).get_manifest(&tag("v1")).await.unwrap_err();
    let told = "toomanyrequests (ratelimit-limit 100;w=21600, docker-ratelimit-source 192.0.2.1)";
    assert!(error.message().ends_with(told), "{error}");
}
