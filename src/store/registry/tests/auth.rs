//! Tokens, Basic, realms.

use super::*;

/// A registry whose calls want the bearer token that `token` answers for the query of the token call.
async fn guarded(token: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |seen| {
        if seen.target.starts_with("/token") {
            return token(seen);
        }
        match seen.header("authorization") {
            Some("Bearer good") => Reply::new(200)
                .header("docker-content-digest", Digest::of(b"{}"))
                .header("content-type", "application/vnd.oci.image.manifest.v1+json")
                .body("{}"),
            _ => {
                let challenge = r#"Bearer realm="/token",service="reg",scope="repository:a/b:pull""#;
                Reply::new(401).header("www-authenticate", challenge)
            }
        }
    })
    .await
}

fn good(_: &Seen) -> Reply {
    Reply::new(200).body(r#"{"token":"good","expires_in":300}"#)
}

#[tokio::test]
async fn roci_14_anonymous_asks_for_a_token_too() {
    let server = guarded(good).await;
    let registry = anonymous(&server);
    assert!(registry.resolve(&tag("v1")).await.unwrap().is_some());
    assert!(registry.resolve(&tag("v1")).await.unwrap().is_some());
    let token = "GET /token?service=reg&scope=repository%3Aa%2Fb%3Apull";
    let head = "HEAD /v2/a/b/manifests/v1";
    assert_eq!(server.lines(), [head, token, head, head]);
    assert_eq!(server.seen()[1].header("authorization"), None);
}

#[tokio::test]
async fn argsh_135_a_push_asks_for_push_though_the_challenge_says_pull() {
    let server = guarded(good).await;
    let registry = open(
        &server,
        user(&server, "me"),
        &options(),
        Shared::default(),
        Access::Write,
    );
    registry.resolve(&tag("v1")).await.unwrap();
    let token = &server.seen()[1];
    assert_eq!(
        token.line(),
        "GET /token?service=reg&scope=repository%3Aa%2Fb%3Apull%2Cpush&account=me"
    );
    // me:pass:word
    assert_eq!(token.header("authorization"), Some("Basic bWU6cGFzczp3b3Jk"));
}

#[tokio::test]
async fn nebi_539_tasks_that_want_the_same_token_share_one_call() {
    let server = guarded(good).await;
    let registry = anonymous(&server);
    let pointers: Vec<Pointer> = (0..8).map(|i| tag(&format!("v{i}"))).collect();
    let found = futures_util::future::join_all(pointers.iter().map(|pointer| registry.resolve(pointer))).await;
    assert!(found.into_iter().all(|found| found.unwrap().is_some()));
    assert_eq!(
        server
            .seen()
            .iter()
            .filter(|seen| seen.target.starts_with("/token"))
            .count(),
        1
    );
}

#[tokio::test]
async fn roci_221_a_token_belongs_to_its_credential() {
    let server = guarded(|seen| match seen.target.contains("account=bad") {
        true => Reply::new(200).body(r#"{"token":"other"}"#),
        false => good(seen),
    })
    .await;
    let shared = Shared::default();
    let as_user = |name: &str| open(&server, user(&server, name), &options(), shared.clone(), Access::Read);
    assert!(as_user("good").resolve(&tag("v1")).await.is_ok());
    assert_eq!(class(as_user("bad").resolve(&tag("v1")).await), Class::Denied);
}

#[tokio::test]
async fn m27_a_token_that_is_always_refused_ends_the_run() {
    let server = guarded(|_| Reply::new(200).body(r#"{"token":"useless"}"#)).await;
    let error = anonymous(&server).get_manifest(&tag("v1")).await.unwrap_err();
    assert_eq!(error.class(), Class::Denied);
    assert!(error.way_out().unwrap().contains("no credential was found"));
    // Once without, and four times with a token.
    assert_eq!(server.lines().len(), 9);
}

#[tokio::test]
async fn ggcr_2406_a_failure_is_not_kept() {
    let server = guarded(|seen| if seen.before == 0 { Reply::new(403) } else { good(seen) }).await;
    let registry = anonymous(&server);
    assert_eq!(class(registry.get_manifest(&tag("v1")).await), Class::Denied);
    assert!(registry.get_manifest(&tag("v1")).await.unwrap().is_some());
}

#[tokio::test]
async fn flipt_3043_a_token_that_ended_is_renewed_though_the_status_is_403() {
    let server = Server::start(|seen| match (seen.method.as_str(), seen.header("authorization")) {
        ("GET", _) => Reply::new(200).body(format!(r#"{{"token":"t{}"}}"#, seen.before)),
        ("DELETE", Some("Bearer t0")) if seen.target.ends_with("v2") => {
            Reply::new(403).body(r#"{"errors":[{"code":"DENIED","message":"Your authorization token has expired."}]}"#)
        }
        ("DELETE", Some(_)) => Reply::new(202),
        _ => Reply::new(401).header("www-authenticate", r#"Bearer realm="/token""#),
    })
    .await;
    let registry = anonymous(&server);
    for tag in ["v1", "v2"] {
        assert!(registry.delete_tag(&tag.parse().unwrap()).await.unwrap());
    }
    let sent: Vec<_> = server
        .seen()
        .iter()
        .filter_map(|seen| seen.header("authorization").map(str::to_owned))
        .collect();
    assert_eq!(sent, ["Bearer t0", "Bearer t0", "Bearer t1"]);
}

#[tokio::test]
async fn rattler_2624_krustlet_665_basic_alone_is_enough() {
    let server = Server::start(|seen| match seen.header("authorization") {
        Some("Basic bWU6cGFzczp3b3Jk") => Reply::new(200),
        _ => Reply::new(401).header("WWW-Authenticate", r#"Basic realm="x",service="ecr.amazonaws.com""#),
    })
    .await;
    let shared = Shared::default();
    let registry = open(&server, user(&server, "me"), &options(), shared, Access::Read);
    assert!(registry.has_blob(&blob(b"1")).await.unwrap());
    assert!(registry.has_blob(&blob(b"1")).await.unwrap());
    assert_eq!(server.lines().len(), 3);
    // A wrong password is tried once, and an absent one not at all.
    let wrong = Given {
        username: Some("you".to_owned()),
        ..user(&server, "you")
    };
    let registry = open(&server, wrong, &options(), Shared::default(), Access::Read);
    let error = registry.has_blob(&blob(b"1")).await.unwrap_err();
    assert_eq!(error.class(), Class::Denied);
    assert!(error.way_out().unwrap().contains("`username` and `password`"));
    assert_eq!(server.lines().len(), 5);
    assert_eq!(class(anonymous(&server).has_blob(&blob(b"1")).await), Class::Denied);
    assert_eq!(server.lines().len(), 6);
}

#[tokio::test]
async fn oras_147_containerd_4622_open_reading_says_nothing_about_writing() {
    let server = Server::start(|seen| match (seen.method.as_str(), seen.header("authorization")) {
        ("GET", _) if seen.target.starts_with("/token") => good(seen),
        ("HEAD", _) => Reply::new(404),
        ("PUT", Some("Bearer good")) => Reply::new(201),
        _ => Reply::new(401).header("www-authenticate", r#"Bearer realm="/token""#),
    })
    .await;
    let registry = anonymous(&server);
    assert_eq!(registry.resolve(&tag("v1")).await.unwrap(), None);
    let manifest = crate::oci::RawManifest::new("a/b", Bytes::from_static(b"{}"));
    registry.put_manifest(&manifest, &tag("v1")).await.unwrap();
    let puts: Vec<Seen> = server.seen().into_iter().filter(|seen| seen.method == "PUT").collect();
    assert_eq!(puts.len(), 2);
    assert!(puts.iter().all(|put| put.body == "{}"));
}

#[tokio::test]
async fn a_refresh_token_goes_by_post_and_is_not_shown_to_others() {
    let form = "grant_type=refresh_token&refresh_token=R&scope=repository%3Aa%2Fb%3Apull";
    let form = format!("{form}&service=reg&client_id=oci-artifact");
    let server = guarded(move |seen| match seen.body == form {
        true => Reply::new(200).body(r#"{"access_token":"good"}"#),
        false => Reply::new(400).body(r#"{"error":"invalid_grant"}"#),
    })
    .await;
    let given = |token: &str| Given {
        host: Some(server.host.clone()),
        token: Some(secret(token)),
        ..Given::default()
    };
    let registry = open(&server, given("R"), &options(), Shared::default(), Access::Read);
    assert!(registry.resolve(&tag("v1")).await.unwrap().is_some());
    let registry = open(&server, given("wrong"), &options(), Shared::default(), Access::Read);
    let error = registry.resolve(&tag("v1")).await.unwrap_err();
    assert_eq!(error.class(), Class::Denied);
    assert!(error.message().contains("invalid_grant"), "{error}");
}

#[tokio::test]
async fn m3_a_realm_elsewhere_gets_nothing_unless_it_is_trusted() {
    let thief = Server::start(good).await;
    let realm = format!(
        "http://localhost:{}/token",
        thief.host.as_str().rsplit_once(':').unwrap().1
    );
    let challenge = format!(r#"Bearer realm="{realm}""#);
    let server = Server::start(move |seen| match seen.header("authorization") {
        Some("Bearer good") => Reply::new(200),
        _ => Reply::new(401).header("www-authenticate", &challenge),
    })
    .await;
    let with = |options: &Options| open(&server, user(&server, "me"), options, Shared::default(), Access::Read);
    assert_eq!(class(with(&options()).has_blob(&blob(b"1")).await), Class::Denied);
    assert!(thief.lines().is_empty());
    let port = thief.host.as_str().rsplit_once(':').unwrap().1;
    let trusting = Options {
        trusted_realms: vec![format!("localhost:{port}").parse().unwrap()],
        ..options()
    };
    assert!(with(&trusting).has_blob(&blob(b"1")).await.unwrap());
}

#[tokio::test]
async fn m5_m6_answers_of_a_hostile_token_endpoint() {
    let huge = guarded(|_| Reply::new(200).body(vec![b'x'; 1024 * 1024]).chunked()).await;
    assert_eq!(class(anonymous(&huge).resolve(&tag("v1")).await), Class::Network);
    let elsewhere = Server::start(good).await;
    let target = format!("http://{}/token", elsewhere.host);
    let redirecting = guarded(move |_| Reply::new(307).header("location", &target)).await;
    assert_eq!(class(anonymous(&redirecting).resolve(&tag("v1")).await), Class::Denied);
    assert!(elsewhere.lines().is_empty());
    for body in [
        r#"{"token":"a\r\nX-Evil: 1"}"#,
        r#"{"token":""}"#,
        "{}",
        "<html>",
        r#"{"token":7}"#,
    ] {
        let server = guarded(move |_| Reply::new(200).body(body)).await;
        let error = anonymous(&server).resolve(&tag("v1")).await.unwrap_err();
        assert_eq!(error.class(), Class::Network, "{body}: {error}");
    }
}

#[tokio::test]
async fn roci_5d50bef_debug_shows_no_secret() {
    let server = guarded(good).await;
    let given = Given {
        token: Some(secret("TOP-SECRET")),
        password: Some(secret("TOP-SECRET")),
        ..user(&server, "me")
    };
    let request = crate::http::Request::new(
        crate::http::Method::GET,
        format!("http://{}/v2/", server.host).parse().unwrap(),
        "a request",
    );
    let bearer = Some("Bearer TOP-SECRET".parse().unwrap());
    for shown in [format!("{given:?}"), format!("{:#?}", request.authorized(bearer))] {
        assert!(!shown.contains("TOP-SECRET"), "{shown}");
    }
}
