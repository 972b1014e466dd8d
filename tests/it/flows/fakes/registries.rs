//! The registries' own ways.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oci_artifact::oci::{Digest, names};
use serde_json::{Value, json};

use super::{Browser, code, header, text};
use crate::support::cloud::Mint;
use crate::support::cloud::ci::{GITHUB, GITHUB_MAIN, Issuers};
use crate::support::cloud::entra::{Entra, REGISTRY_AUDIENCE, TENANT};
use crate::support::connect::Internet;
use crate::support::faults::Fault;
use crate::support::message::Reply;
use crate::support::personality::{acr, ecr, gar, ghcr, quay};

/// `Basic` of a user and a password.
fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// One identity at one registry.
struct Visitor<'b> {
    browser: &'b Browser,
    host: &'static str,
    authorization: String,
}

impl Visitor<'_> {
    async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let url = format!("https://{}{path}", self.host);
        let length = body.len().to_string();
        let mut all = vec![("authorization", self.authorization.as_str()), ("accept", "*/*")];
        all.extend(headers);
        if body.is_empty() && ["POST", "PUT"].contains(&method) {
            // reqwest leaves the length of an empty body out.
            all.push(("content-length", &length));
        }
        self.browser.call(method, &url, &all, body.into()).await
    }

    /// A new session of `repository`: its Location.
    async fn begin(&self, repository: &str) -> String {
        let reply = self
            .call("POST", &format!("/v2/{repository}/blobs/uploads/"), &[], b"")
            .await;
        assert_eq!(reply.status, 202, "{reply:?}");
        header(&reply, "location").to_owned()
    }

    async fn upload(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let reply = self.finish(&self.begin(repository).await, bytes).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        digest
    }

    async fn finish(&self, location: &str, bytes: &[u8]) -> Reply {
        let joint = if location.contains('?') { '&' } else { '?' };
        let path = format!("{location}{joint}digest={}", Digest::of(bytes));
        self.call("PUT", &path, &[], bytes).await
    }

    async fn put_manifest(&self, repository: &str, tag: &str, blob: &Digest) -> Reply {
        let of = json!({"mediaType": "a/b", "digest": blob, "size": 1});
        let body = json!({"schemaVersion": 2, "config": of, "layers": []}).to_string();
        let kind = [("content-type", names::IMAGE_MANIFEST)];
        self.call(
            "PUT",
            &format!("/v2/{repository}/manifests/{tag}"),
            &kind,
            body.as_bytes(),
        )
        .await
    }

    /// Where a GET of a blob leads: followed without credential it gives the bytes, with one it is refused.
    async fn stored(&self, repository: &str, blob: &Digest, status: u16, storage: &str) {
        let reply = self
            .call("GET", &format!("/v2/{repository}/blobs/{blob}"), &[], b"")
            .await;
        let location = header(&reply, "location");
        assert_eq!(reply.status, status);
        assert!(location.starts_with(&format!("https://{storage}/")), "{location}");
        let part = self.browser.get(location, &[("range", "bytes=1-")]).await;
        assert_eq!((part.status, &part.body[..]), (206, &b"ello"[..]));
        let refused = self
            .browser
            .get(location, &[("authorization", &self.authorization)])
            .await;
        assert_eq!(refused.status, 400);
    }
}

/// A token of the registry's own for `scope`, by GET.
async fn token(browser: &Browser, realm: &str, service: &str, scope: &str, authorization: &str) -> Reply {
    let url = format!("{realm}?service={service}&scope={scope}");
    browser.get(&url, &[("authorization", authorization)]).await
}

#[tokio::test]
async fn acr_has_tokens_by_exchange_and_sessions_without_a_second_chance() {
    let internet = Internet::new();
    let entra = Entra {
        believed: Arc::default(),
        issued: Arc::default(),
        trusted: Vec::new(),
    };
    let registry = acr::Acr::start(&internet, &entra, acr::Settings::default());
    let browser = Browser::new(&internet);
    let host = acr::HOST;
    let asked = browser.get(&format!("https://{host}/v2/a/tags/list"), &[]).await;
    assert_eq!(
        (asked.status, header(&asked, "www-authenticate")),
        (
            401,
            "Bearer realm=\"https://myregistry.azurecr.io/oauth2/token\",service=\"myregistry.azurecr.io\",\
               scope=\"repository:a:metadata_read\""
        )
    );
    assert!(!header(&asked, "x-ms-correlation-request-id").is_empty());
    let exchange = async |audience: &str| {
        let aad = entra.issued.jwt(json!({"aud": audience, "tid": TENANT}));
        let form = [
            ("grant_type", "access_token"),
            ("service", host),
            ("tenant", TENANT),
            ("access_token", &aad),
        ];
        browser.form(&format!("https://{host}/oauth2/exchange"), &form).await
    };
    assert_eq!(
        code(&exchange("https://management.azure.com/").await),
        (401, "UNAUTHORIZED".to_owned())
    );
    let refresh = text(&exchange(REGISTRY_AUDIENCE).await, "refresh_token");
    let scopes = [("scope", "repository:a:pull"), ("scope", "repository:b:pull,push")];
    let form = [
        &[
            ("grant_type", "refresh_token"),
            ("service", host),
            ("refresh_token", &refresh),
        ][..],
        &scopes,
    ]
    .concat();
    let reply = browser.form(&format!("https://{host}/oauth2/token"), &form).await;
    assert_eq!(
        super::json(&reply).as_object().unwrap().len(),
        1,
        "only the token, no expires_in"
    );
    let access = text(&reply, "access_token");
    let visitor = Visitor {
        browser: &browser,
        host,
        authorization: format!("Bearer {access}"),
    };
    let refused = visitor.call("POST", "/v2/a/blobs/uploads/", &[], b"").await;
    assert!(header(&refused, "www-authenticate").ends_with(",error=\"insufficient_scope\""));

    let blob = visitor.upload("b", b"hello").await;
    visitor.stored("b", &blob, 307, acr::STORAGE).await;
    let location = visitor.begin("b").await;
    assert!(location.contains("?_nouploadcache=false&_state="), "{location}");
    // The query must survive.
    let bare = location.split('?').next().unwrap();
    assert_eq!(
        code(&visitor.finish(bare, b"other").await),
        (404, "BLOB_UPLOAD_INVALID".to_owned())
    );
    registry
        .registry
        .fault(Fault::on("PUT", "/blobs/uploads/").cut_request(2));
    let call = super::Call {
        method: "PUT",
        url: &format!("https://{host}{location}&digest={}", Digest::of(b"other")),
        headers: &[("authorization", &visitor.authorization)],
        body: b"other".into(),
    };
    assert!(browser.send(call).await.is_err());
    assert_eq!(visitor.finish(&location, b"other").await.status, 416);
    for method in ["GET", "PATCH"] {
        let reply = visitor.call(method, &location, &[], b"").await;
        assert_eq!(code(&reply), (404, "BLOB_UPLOAD_INVALID".to_owned()), "{method}");
    }
}

#[tokio::test]
async fn ecr_has_basic_and_leaves_headers_out() {
    let internet = Internet::new();
    let passwords = Arc::<Mint>::default();
    let settings = ecr::Settings {
        repositories: &["a"],
        immutable: true,
        head_refused: true,
        no_delete: false,
    };
    let _registry = ecr::Ecr::start(&internet, &passwords, settings);
    let browser = Browser::new(&internet);
    let asked = browser.get(&format!("https://{}/v2/", ecr::HOST), &[]).await;
    assert!(header(&asked, "www-authenticate").starts_with("Basic "));
    let visitor = Visitor {
        browser: &browser,
        host: ecr::HOST,
        authorization: basic("AWS", &passwords.opaque("p", Value::Null)),
    };
    let none = visitor.call("POST", "/v2/none/blobs/uploads/", &[], b"").await;
    assert_eq!(code(&none), (404, "NAME_UNKNOWN".to_owned()));
    let blob = visitor.upload("a", b"hello").await;
    visitor.stored("a", &blob, 307, ecr::STORAGE).await;
    let put = visitor.put_manifest("a", "v1", &blob).await;
    assert_eq!(
        (
            put.status,
            header(&put, "location"),
            header(&put, "docker-content-digest")
        ),
        (201, "", "")
    );
    let again = visitor.put_manifest("a", "v1", &blob).await;
    assert_eq!(code(&again), (400, "TAG_INVALID".to_owned()));
    assert_eq!(visitor.call("HEAD", "/v2/a/manifests/v1", &[], b"").await.status, 401);
    assert_eq!(visitor.call("GET", "/v2/a/manifests/v1", &[], b"").await.status, 200);
    assert_eq!(
        visitor.call("GET", "/v2/a/tags/list?n=1001", &[], b"").await.status,
        405
    );
    let patched = visitor.call("PATCH", &visitor.begin("a").await, &[], b"part").await;
    assert_eq!(patched.status, 201);
    let empty = visitor
        .call(
            "PUT",
            &format!("{}&digest={blob}", header(&patched, "location")),
            &[],
            b"",
        )
        .await;
    assert_eq!(empty.status, 500);
    let expired = Visitor {
        authorization: basic("AWS", &passwords.opaque("p", json!({"expired": true}))),
        ..visitor
    };
    assert_eq!(
        code(&expired.call("GET", "/v2/a/tags/list", &[], b"").await),
        (403, "DENIED".to_owned())
    );
}

#[tokio::test]
async fn gar_wants_lengths_and_has_its_sessions_elsewhere() {
    let internet = Internet::new();
    let google = Arc::<Mint>::default();
    let settings = gar::Settings {
        principal: "me",
        wrong_sizes: true,
    };
    let _registry = gar::Gar::start(&internet, &google, settings);
    let browser = Browser::new(&internet);
    let (host, repository) = (gar::HOST, "project/samples/a");
    let scope = format!("repository:{repository}:pull,push,delete");
    let mine = basic("oauth2accesstoken", &google.opaque("ya29.", json!({"principal": "me"})));
    let reply = token(&browser, &format!("https://{host}/v2/token"), host, &scope, &mine).await;
    let visitor = Visitor {
        browser: &browser,
        host,
        authorization: format!("Bearer {}", text(&reply, "token")),
    };
    // reqwest sends no length with an empty body.
    let url = format!("https://{host}/v2/{repository}/blobs/uploads/");
    let bare = browser
        .call("POST", &url, &[("authorization", &visitor.authorization)], Vec::new())
        .await;
    assert_eq!(bare.status, 411);
    let location = visitor.begin(repository).await;
    assert!(
        location.starts_with("/artifacts-uploads/namespaces/project/repositories/samples/a/uploads/"),
        "{location}"
    );
    let chunk = visitor
        .call("PATCH", &location, &[("content-range", "0-3")], b"part")
        .await;
    assert_eq!(chunk.status, 405);
    let blob = visitor.upload(repository, b"hello").await;
    let put = visitor.put_manifest(repository, "v1", &blob).await;
    assert_eq!(put.status, 201);
    let head = visitor
        .call("HEAD", &format!("/v2/{repository}/manifests/v1"), &[], b"")
        .await;
    assert_eq!(header(&head, "content-length"), "1626");
    for (name, status) in [(header(&put, "docker-content-digest"), 400), ("v1", 202)] {
        let reply = visitor
            .call("DELETE", &format!("/v2/{repository}/manifests/{name}"), &[], b"")
            .await;
        assert_eq!(reply.status, status, "{name}");
    }
    let other = basic("oauth2accesstoken", "ya29.other");
    assert_eq!(
        token(&browser, &format!("https://{host}/v2/token"), host, &scope, &other)
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn quay_gives_its_robot_a_password_for_an_id_token() {
    let internet = Internet::new();
    let issuers = Issuers::start(&internet);
    let _registry = quay::Quay::start(&internet, &issuers.tokens, (GITHUB, GITHUB_MAIN));
    let browser = Browser::new(&internet);
    let host = quay::HOST;
    let federate = async |subject: &str| {
        let id_token = issuers.tokens.jwt(json!({"iss": GITHUB, "aud": "any", "sub": subject}));
        let headers = [("authorization", basic(quay::ROBOT, &id_token))];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        browser
            .get(&format!("https://{host}/oauth2/federation/robot/token"), &headers)
            .await
    };
    assert_eq!(federate("other").await.status, 401);
    let password = basic(quay::ROBOT, &text(&federate(GITHUB_MAIN).await, "token"));
    let reply = token(
        &browser,
        &format!("https://{host}/v2/auth"),
        host,
        "repository:me/a:pull,push",
        &password,
    )
    .await;
    let visitor = Visitor {
        browser: &browser,
        host,
        authorization: format!("Bearer {}", text(&reply, "token")),
    };
    let blob = visitor.upload("me/a", b"hello").await;
    visitor.stored("me/a", &blob, 302, quay::STORAGE).await;
    let mount = visitor
        .call("POST", &format!("/v2/me/a/blobs/uploads/?mount={blob}"), &[], b"")
        .await;
    assert_eq!(mount.status, 400);
}

#[tokio::test]
async fn ghcr_asks_for_pull_and_wants_push() {
    let internet = Internet::new();
    let registry = ghcr::Ghcr::start(&internet, ghcr::Packages::Write);
    let browser = Browser::new(&internet);
    let host = ghcr::HOST;
    let visit = async |actions: &str, given: &str| {
        let scope = format!("repository:me/a:{actions}");
        let reply = token(
            &browser,
            &format!("https://{host}/token"),
            host,
            &scope,
            &basic("me", given),
        )
        .await;
        let authorization = if reply.status == 200 {
            format!("Bearer {}", text(&reply, "token"))
        } else {
            String::new()
        };
        (reply.status, authorization)
    };
    assert_eq!(visit("pull", "ghs_other").await.0, 403);
    let visitor = |authorization: String| Visitor {
        browser: &browser,
        host,
        authorization,
    };
    let reader = visitor(visit("pull", &registry.github_token).await.1);
    let refused = reader.call("POST", "/v2/me/a/blobs/uploads/", &[], b"").await;
    assert_eq!(
        header(&refused, "www-authenticate"),
        "Bearer realm=\"https://ghcr.io/token\",service=\"ghcr.io\",scope=\"repository:me/a:pull\",\
         error=\"insufficient_scope\""
    );
    let writer = visitor(visit("pull,push", &registry.github_token).await.1);
    let blob = writer.upload("me/a", b"hello").await;
    writer.stored("me/a", &blob, 307, ghcr::STORAGE).await;
    let location = writer.begin("me/a").await;
    let path = format!("{location}&digest={blob}");
    let ranged = writer.call("PUT", &path, &[("content-range", "0-4")], b"hello").await;
    assert_eq!(ranged.status, 416);
    let referrers = writer
        .call("GET", &format!("/v2/me/a/referrers/{blob}"), &[], b"")
        .await;
    assert_eq!(referrers.status, 303);
    assert!(header(&referrers, "location").starts_with("https://github.com/-/v2/packages/"));
}
