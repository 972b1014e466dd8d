//! 401s that pass, and those that don't: how often we go on, and what is sent meanwhile.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::tokens::{count, mortal, push, token};
use super::*;

fn writing(server: &Server, options: &Options, shared: &Shared, name: &str) -> Registry {
    let given = user(server, name);
    open(server, given, options, shared.clone(), Access::Write)
}

/// Enough tries for each of a test's refusals.
fn patient() -> Options {
    Options {
        retries: 5,
        ..options()
    }
}

/// A registry that refuses the first three requests of one method that bring a token.
async fn flapping(method: &'static str) -> Server {
    let refusals = AtomicUsize::new(3);
    let refuses = move |seen: &Seen, _: usize| {
        let left = |left: usize| left.checked_sub(1);
        seen.method == method && refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_ok()
    };
    mortal(|_, number| token(number, ""), refuses).await
}

#[tokio::test]
async fn nebi_539_a_registry_that_refuses_three_new_tokens_takes_the_fourth() {
    for method in ["HEAD", "POST", "PUT"] {
        let server = flapping(method).await;
        let registry = writing(&server, &patient(), &Shared::default(), "me");
        registry.has_blob(&blob(b"1")).await.unwrap();
        push(&registry, &pattern(1000)).await;
        assert_eq!(count(&server, "GET /token"), 4, "{method}");
    }
}

#[tokio::test]
async fn without_retries_a_token_is_renewed_once() {
    let server = flapping("HEAD").await;
    let options = Options {
        retries: 0,
        ..options()
    };
    let registry = writing(&server, &options, &Shared::default(), "me");
    assert_eq!(class(registry.has_blob(&blob(b"1")).await), Class::Denied);
    assert_eq!((count(&server, "GET /token"), count(&server, "HEAD")), (2, 3));
}

#[tokio::test]
async fn a_large_body_is_not_sent_with_a_token_that_was_refused_twice() {
    let server = flapping("PUT").await;
    let registry = writing(&server, &patient(), &Shared::default(), "me");
    let bytes = pattern(2 * 1024 * 1024);
    push(&registry, &bytes).await;
    let methods: Vec<String> = server.seen().into_iter().map(|seen| seen.method).collect();
    let puts: Vec<usize> = (0..methods.len()).filter(|&at| methods[at] == "PUT").collect();
    assert_eq!(puts.len(), 4, "{methods:?}");
    let between = &methods[puts[1]..puts[2]];
    assert!(between.iter().any(|method| method == "POST"), "{methods:?}");
}

#[tokio::test]
async fn a_large_body_that_is_always_refused_is_denied() {
    let server = mortal(|_, number| token(number, ""), |seen, _| seen.method == "PUT").await;
    let registry = writing(&server, &options(), &Shared::default(), "me");
    let bytes = pattern(2 * 1024 * 1024);
    let (large, source) = (blob(&bytes), crate::store::BlobSource::from(bytes));
    let error = registry.put_blob(&large, &source, None, "file").await.unwrap_err();
    assert_eq!(error.class(), Class::Denied);
    assert!(
        error.way_out().unwrap().contains("`username` and `password`"),
        "{error:?}"
    );
    assert!(count(&server, "PUT") <= 6, "{:?}", server.lines());
}

#[tokio::test]
async fn a_token_endpoint_that_refuses_three_times_is_asked_a_fourth_time() {
    let server = mortal(
        |_, number| match number {
            1..=3 => Reply::new(401),
            _ => token(number, ""),
        },
        |_, _| false,
    )
    .await;
    let registry = writing(&server, &patient(), &Shared::default(), "me");
    assert!(!registry.has_blob(&blob(b"1")).await.unwrap());
    assert_eq!(count(&server, "GET /token"), 4);
}

#[tokio::test]
async fn a_wrong_password_is_not_tried_by_every_task() {
    let server = mortal(|_, _| Reply::new(401), |_, _| false).await;
    let shared = Shared::default();
    let registry = writing(&server, &patient(), &shared, "me");
    let wanted = blob(b"1");
    let found = futures_util::future::join_all((0..8).map(|_| registry.has_blob(&wanted))).await;
    assert!(found.into_iter().all(|found| class(found) == Class::Denied));
    assert_eq!(count(&server, "GET /token"), 4);
    // Another's is another matter.
    let other = writing(&server, &patient(), &shared, "you");
    assert_eq!(class(other.has_blob(&wanted).await), Class::Denied);
    assert_eq!(count(&server, "GET /token"), 8);
}

#[tokio::test]
async fn a_storage_that_refuses_three_times_is_asked_by_new_redirects() {
    let refusals = AtomicUsize::new(0);
    let storage = Server::start(move |_| match refusals.fetch_add(1, Ordering::SeqCst) {
        0..3 => Reply::new(401),
        _ => Reply::new(200).body("bytes"),
    })
    .await;
    let (to, redirects) = (storage.host.clone(), AtomicUsize::new(0));
    let server = Server::start(move |_| {
        let number = redirects.fetch_add(1, Ordering::SeqCst);
        Reply::new(307).header("location", format!("http://{to}/signed/{number}"))
    })
    .await;
    let registry = open(&server, Given::default(), &patient(), Shared::default(), Access::Read);
    let bytes = collect(registry.open_blob(&blob(b"bytes"), 0).await).await.unwrap();
    assert_eq!(bytes, b"bytes");
    let lines = storage.lines();
    assert_eq!(
        lines,
        ["GET /signed/0", "GET /signed/1", "GET /signed/2", "GET /signed/3"]
    );
    assert!(storage.seen().iter().all(|seen| seen.header("authorization").is_none()));
}

#[tokio::test]
async fn no_token_is_sent_past_its_stated_end_after_a_long_wait() {
    let (made, late) = (Mutex::new(Instant::now()), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&late);
    let server = Server::start(move |seen| {
        let mut made = made.lock().unwrap();
        if seen.target.starts_with("/token") {
            *made = Instant::now();
            return token(seen.before, r#","expires_in":1"#);
        }
        match seen.header("authorization") {
            None => Reply::new(401).header("www-authenticate", r#"Bearer realm="/token""#),
            Some(_) if made.elapsed() > Duration::from_secs(1) => {
                counted.fetch_add(1, Ordering::SeqCst);
                Reply::new(401)
            }
            Some(_) if seen.before == 1 => Reply::new(503).header("retry-after", "1"),
            Some(_) => Reply::new(200),
        }
    })
    .await;
    assert!(anonymous(&server).has_blob(&blob(b"1")).await.unwrap());
    assert_eq!((count(&server, "GET /token"), late.load(Ordering::SeqCst)), (2, 0));
}
