//! How long tokens live, and what is done when one ends.

use std::sync::Mutex;
use std::time::Instant;

use super::*;
use crate::store::BlobSource;

/// A registry whose tokens end: `token` answers the token calls, `ended` says whether a token has.
pub(super) async fn mortal(
    token: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
    ended: impl Fn(&Seen, usize) -> bool + Send + Sync + 'static,
) -> Server {
    let given = Mutex::new(0usize);
    Server::start(move |seen| {
        if seen.target.starts_with("/token") {
            let mut given = given.lock().unwrap();
            *given += 1;
            return token(seen, *given);
        }
        let number = seen
            .header("authorization")
            .and_then(|value| value.strip_prefix("Bearer t"));
        match (number.and_then(|number| number.parse().ok()), seen.method.as_str()) {
            (Some(number), method) if !ended(seen, number) => match method {
                "HEAD" => Reply::new(404),
                "POST" => Reply::new(202).header("location", "/v2/a/b/blobs/uploads/1"),
                _ => Reply::new(201),
            },
            _ => Reply::new(401).header("www-authenticate", r#"Bearer realm="/token",error="invalid_token""#),
        }
    })
    .await
}

pub(super) fn token(number: usize, rest: &str) -> Reply {
    Reply::new(200).body(format!(r#"{{"token":"t{number}"{rest}}}"#))
}

pub(super) fn count(server: &Server, start: &str) -> usize {
    server.lines().iter().filter(|line| line.starts_with(start)).count()
}

pub(super) async fn push(registry: &Registry, bytes: &Bytes) {
    let (blob, source) = (blob(bytes), BlobSource::from(bytes.clone()));
    registry.put_blob(&blob, &source, None, "file").await.unwrap();
}

#[tokio::test]
async fn oras_456_oras_go_97_a_token_that_ends_in_mid_run_is_renewed_once_and_the_body_sent_again() {
    let server = mortal(
        |_, number| token(number, ""),
        |seen, number| seen.method == "PUT" && number == 1,
    )
    .await;
    let registry = open(
        &server,
        user(&server, "me"),
        &options(),
        Shared::default(),
        Access::Write,
    );
    let bytes = pattern(1000);
    push(&registry, &bytes).await;
    let puts: Vec<Seen> = server.seen().into_iter().filter(|seen| seen.method == "PUT").collect();
    assert_eq!(puts.len(), 2);
    assert!(puts.iter().all(|put| put.body == bytes));
    assert_eq!(count(&server, "GET /token"), 2);
}

#[tokio::test]
async fn a_short_stated_life_is_kept_to() {
    let server = mortal(|_, number| token(number, r#","expires_in":1"#), |_, _| false).await;
    let registry = anonymous(&server);
    let begun = Instant::now();
    while count(&server, "GET /token") < 3 {
        registry.has_blob(&blob(b"1")).await.unwrap();
        tokio::task::yield_now().await;
    }
    // Half of a life of one second is used: three tokens last for one second at least.
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(
        server
            .seen()
            .iter()
            .filter(|seen| seen.header("authorization").is_none())
            .count(),
        4
    );
}

#[tokio::test]
async fn where_tokens_end_unannounced_a_large_body_gets_a_new_one() {
    // The first token ends a while after it was made; from then on the registry is known for it.
    let made = Instant::now();
    let server = mortal(
        |_, number| token(number, ""),
        move |_, number| number == 1 && made.elapsed() > Duration::from_millis(1500),
    )
    .await;
    let registry = open(
        &server,
        user(&server, "me"),
        &options(),
        Shared::default(),
        Access::Write,
    );
    while count(&server, "GET /token") < 2 {
        registry.has_blob(&blob(b"1")).await.unwrap();
        tokio::task::yield_now().await;
    }
    push(&registry, &pattern(2 * 1024 * 1024)).await;
    assert_eq!(count(&server, "PUT"), 1, "the body is sent once");
}

#[tokio::test]
async fn m27_the_error_for_a_token_that_is_always_refused_names_the_credential() {
    let server = mortal(|_, number| token(number, ""), |_, _| true).await;
    let registry = open(
        &server,
        user(&server, "me"),
        &options(),
        Shared::default(),
        Access::Read,
    );
    let error = registry.has_blob(&blob(b"1")).await.unwrap_err();
    assert_eq!(error.class(), Class::Denied);
    assert!(
        error.way_out().unwrap().contains("`username` and `password`"),
        "{error:?}"
    );
    assert_eq!(server.lines().len(), 9);
}

#[tokio::test]
async fn ggcr_2396_a_refused_token_is_renewed_once_for_all_tasks() {
    let server = mortal(
        |_, number| token(number, ""),
        |seen, number| number == 1 && seen.target.ends_with("new"),
    )
    .await;
    let registry = anonymous(&server);
    assert!(registry.delete_tag(&"old".parse().unwrap()).await.unwrap());
    let gone: crate::reference::Tag = "new".parse().unwrap();
    let found = futures_util::future::join_all((0..8).map(|_| registry.delete_tag(&gone))).await;
    assert!(found.into_iter().all(|found| found.unwrap()));
    assert_eq!(count(&server, "GET /token"), 2);
}

#[tokio::test]
async fn insufficient_scope_is_met_with_the_scope_that_it_names() {
    let server = Server::start(|seen| {
        let wider = seen.target.contains("metadata_read");
        match (seen.target.starts_with("/token"), seen.header("authorization")) {
            (true, _) => Reply::new(200).body(if wider {
                r#"{"token":"wide"}"#
            } else {
                r#"{"token":"narrow"}"#
            }),
            (_, Some("Bearer wide")) => Reply::new(200),
            (_, Some(_)) => Reply::new(403).header(
                "www-authenticate",
                r#"Bearer realm="/token",error="insufficient_scope",scope="repository:a/b:metadata_read""#,
            ),
            _ => Reply::new(401).header("www-authenticate", r#"Bearer realm="/token""#),
        }
    })
    .await;
    let registry = anonymous(&server);
    assert!(registry.has_blob(&blob(b"1")).await.unwrap());
    assert!(registry.has_blob(&blob(b"1")).await.unwrap());
    assert_eq!(count(&server, "GET /token"), 2, "what was learned stays");
}

#[tokio::test]
async fn an_endpoint_without_post_is_asked_by_get() {
    for status in [404, 405] {
        let server = mortal(
            move |seen, number| match seen.method.as_str() {
                "POST" => Reply::new(status),
                _ => token(number, ""),
            },
            |_, _| false,
        )
        .await;
        let given = Given {
            host: Some(server.host.clone()),
            token: Some(secret("R")),
            ..Given::default()
        };
        let registry = open(&server, given, &options(), Shared::default(), Access::Read);
        assert!(!registry.has_blob(&blob(b"1")).await.unwrap());
        assert_eq!((count(&server, "POST /token"), count(&server, "GET /token")), (1, 1));
    }
}

#[tokio::test]
async fn what_a_token_endpoint_may_answer_and_what_it_is_told_as() {
    let told = async |token: fn(&Seen, usize) -> Reply| {
        let server = mortal(token, |_, _| false).await;
        let registry = open(
            &server,
            user(&server, "me"),
            &options(),
            Shared::default(),
            Access::Read,
        );
        match registry.has_blob(&blob(b"1")).await {
            Ok(_) => "fine".to_owned(),
            Err(error) => {
                assert!(error.way_out().is_some(), "{error}");
                let text = format!("exit {}: {error}", error.class().exit_code());
                text.replace(server.host.as_str(), "HOST")
                    .replace("?scope=repository%3Aa%2Fb%3Apull&account=…", "")
            }
        }
    };
    let answers: [fn(&Seen, usize) -> Reply; 9] = [
        |_, _| Reply::new(200).body("<html>Log in</html>"),
        |_, _| Reply::new(302).header("location", "https://elsewhere.example/login"),
        |_, _| Reply::new(200).body(r#"{"token":""}"#),
        |_, _| Reply::new(200).body(r#"{"token":"a\nX-Evil: 1"}"#),
        |_, _| Reply::new(200).body(vec![b' '; 300 * 1024]).chunked(),
        |_, _| Reply::new(401).body(r#"{"details":"incorrect username or password"}"#),
        |_, _| Reply::new(404),
        |_, number| if number < 3 { Reply::new(503) } else { token(number, "") },
        |_, number| token(number, r#","access_token":"","expires_in":"60","issued_at":7"#),
    ];
    let mut table = Vec::new();
    for answer in answers {
        table.push(told(answer).await);
    }
    insta::assert_snapshot!(table.join("\n"), @"
    exit 6: token endpoint at 127.0.0.1: its answer is not the JSON of a token
    exit 3: GET http://HOST/token: redirect refused: it leads to another server, elsewhere.example
    exit 6: token endpoint at 127.0.0.1: it answered without a token
    exit 6: token endpoint at 127.0.0.1: its token has characters that no token may have
    exit 6: token endpoint at 127.0.0.1: it answered with more than a token
    exit 3: GET http://HOST/token: 401 Unauthorized: incorrect username or password
    exit 6: GET http://HOST/token: 404 Not Found
    fine
    fine
    ");
}

#[tokio::test]
async fn tokens_of_one_realm_are_not_shared_by_registries() {
    let realm = Server::start(|seen| token(seen.before, "")).await;
    let challenge = format!(r#"Bearer realm="http://{}/token",service="s""#, realm.host);
    let port = realm.host.as_str().rsplit_once(':').unwrap().1.to_owned();
    let trusting = Options {
        trusted_realms: vec![format!("127.0.0.1:{port}").parse().unwrap()],
        ..options()
    };
    let shared = Shared::default();
    for _ in 0..2 {
        let challenge = challenge.clone();
        let server = Server::start(move |seen| match seen.header("authorization") {
            Some(_) => Reply::new(200),
            None => Reply::new(401).header("www-authenticate", &challenge),
        })
        .await;
        let registry = open(&server, user(&server, "me"), &trusting, shared.clone(), Access::Read);
        assert!(registry.has_blob(&blob(b"1")).await.unwrap());
    }
    assert_eq!(realm.lines().len(), 2);
}

#[tokio::test]
async fn containers_roadmap_2835_public_ecr_refuses_an_old_token_with_400() {
    let server = Server::start(
        |seen| match (seen.target.starts_with("/token"), seen.header("authorization")) {
            (true, _) => token(seen.before, ""),
            (_, Some("Bearer t0")) if seen.target.ends_with("late") => Reply::new(400)
                .body(r#"{"errors":[{"code":"DENIED","message":"Your authorization token is invalid"}]}"#),
            (_, Some(_)) => Reply::new(202),
            _ => Reply::new(401).header("www-authenticate", r#"Bearer realm="/token/",scope="aws""#),
        },
    )
    .await;
    let registry = anonymous(&server);
    for tag in ["early", "late"] {
        assert!(registry.delete_tag(&tag.parse().unwrap()).await.unwrap());
    }
    assert_eq!(
        count(
            &server,
            "GET /token/?scope=repository%3Aa%2Fb%3Adelete%2Cpull&scope=aws"
        ),
        2
    );
}

#[tokio::test]
async fn krustlet_469_and_regclient_28_a_realm_may_be_relative_and_stand_alone() {
    let server = mortal(|_, number| token(number, ""), |_, _| false).await;
    assert!(!anonymous(&server).has_blob(&blob(b"1")).await.unwrap());
    assert_eq!(server.lines()[1], "GET /token?scope=repository%3Aa%2Fb%3Apull");
}

#[tokio::test]
async fn ggcr_2411_a_push_uses_the_credential_of_its_repository() {
    let server = mortal(|_, number| token(number, ""), |_, _| false).await;
    let shared = Shared::default();
    for name in ["one", "two"] {
        let registry = open(&server, user(&server, name), &options(), shared.clone(), Access::Write);
        assert!(!registry.has_blob(&blob(b"1")).await.unwrap());
    }
    let asked = |name: &str| {
        let lines = server.lines();
        lines
            .iter()
            .filter(|line| line.ends_with(&format!("account={name}")))
            .count()
    };
    assert_eq!((asked("one"), asked("two")), (1, 1));
}
