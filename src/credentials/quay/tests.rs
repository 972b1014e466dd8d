//! Logins to Quay.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::*;
use crate::credentials::keyless::Cloud;
use crate::credentials::stand_in::{id_token, job, life, pair, repository, told, without_id_tokens};
use crate::http::server::{Reply, Server};

fn robot(name: &str) -> Cloud {
    Cloud {
        provider: Some(Provider::Quay),
        quay_robot: Some(name.to_owned()),
        ..Cloud::default()
    }
}

fn at(server: &Server) -> Repository {
    repository(&format!("{}/org/app", server.host))
}

#[tokio::test]
async fn the_robots_password_is_a_token_for_the_jobs_identity() {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let jwt = format!(
        "e30.{}.s",
        URL_SAFE_NO_PAD.encode(format!(r#"{{"exp":{}}}"#, now + 1800))
    );
    let body = format!(r#"{{"token":"{jwt}"}}"#);
    let server = Server::start(move |_| Reply::new(200).body(body.clone())).await;
    let job = job(&server, &[], robot("org+push"));
    let found = login(&job, &at(&server)).await.unwrap().unwrap();
    assert_eq!(pair(&found), format!("org+push:{jwt}"));
    assert!((1700..=1740).contains(&life(&found)), "{}", life(&found));
    insta::assert_snapshot!(found.origin, @"the job's identity as the robot org+push");
    let [seen] = server.seen().try_into().unwrap();
    assert_eq!(seen.line(), "GET /oauth2/federation/robot/token");
    let basic = STANDARD.encode(format!("org+push:{}", id_token(server.host.as_str())));
    assert_eq!(seen.header("authorization").unwrap(), format!("Basic {basic}"));
}

#[tokio::test]
async fn a_token_that_tells_no_end_is_used_for_an_hour() {
    let server = Server::start(|_| Reply::new(200).body(r#"{"token":"opaque"}"#)).await;
    let job = job(&server, &[], robot("org+push"));
    let found = login(&job, &at(&server)).await.unwrap().unwrap();
    assert_eq!(life(&found) / 60, 58);
}

#[tokio::test]
async fn refusals_say_what_the_federation_lacks() {
    let refused = |status: u16, body: &'static str| async move {
        let server = Server::start(move |_| Reply::new(status).body(body)).await;
        let outcome = login(&job(&server, &[], robot("org+push")), &at(&server)).await;
        told(outcome, &server).replace(server.host.as_str(), "HOST")
    };
    insta::assert_snapshot!(refused(401, r#"{"message":"Token does not match robot"}"#).await, @r#"
    Quay gave no token for the robot org+push: GET http://HOST/oauth2/federation/robot/token: 401
      Unauthorized: Token does not match robot; the ID token has iss "https://ci.example", aud "HOST",
      sub "repo:o/r:pull_request"
    = in Quay, set the robot's federation to the token's iss and sub, letter by letter
    "#);
    insta::assert_snapshot!(refused(404, "<html>Not Found</html>").await, @r#"
    Quay gave no token for the robot org+push: GET http://HOST/oauth2/federation/robot/token: 404 Not
      Found: Not Found; the ID token has iss "https://ci.example", aud "HOST", sub
      "repo:o/r:pull_request"
    = this server has no federation of robots: it takes Quay 3.13 or later
    "#);
}

#[tokio::test]
async fn answers_that_are_no_token_are_refused() {
    let junk: [fn() -> Reply; 7] = [
        || Reply::new(200),
        || Reply::new(200).body("<html>Welcome</html>"),
        || Reply::new(200).body(r#"{"token":""}"#),
        || Reply::new(200).body(r#"{"token":"a\nb"}"#),
        || Reply::new(200).body(r#"{"token":5}"#),
        || Reply::new(200).body(vec![b'x'; 200 * 1024]),
        || Reply::new(302).header("location", "https://evil.example/"),
    ];
    for (at_, answer) in junk.into_iter().enumerate() {
        let server = Server::start(move |_| answer()).await;
        let error = login(&job(&server, &[], robot("org+push")), &at(&server))
            .await
            .unwrap_err();
        assert!(error.message().contains(server.host.as_str()), "{at_}: {error}");
        assert!(!error.message().contains("e30."), "{at_}: {error}");
    }
}

#[tokio::test]
async fn a_robot_needs_a_name_and_an_id_token() {
    let server = Server::start(|_| Reply::new(500)).await;
    let outcome = login(&without_id_tokens(job(&server, &[], robot("org+push"))), &at(&server)).await;
    insta::assert_snapshot!(told(outcome, &server), @"
    `quay-robot` needs an ID token of the job: the job has no `permissions: id-token: write`
    = let the job have ID tokens, or give another credential: `username` and `password`, or `token`
    ");
    for name in ["push", "+push", "org+", "org+a:b", "org+a+b", "org/x+a"] {
        let outcome = login(&job(&server, &[], robot(name)), &at(&server)).await;
        assert!(told(outcome, &server).contains("is not a robot account"), "{name}");
    }
    let mut cloud = robot("");
    cloud.quay_robot = None;
    insta::assert_snapshot!(told(login(&job(&server, &[], cloud), &at(&server)).await, &server), @"
    `auth-provider` is quay, but `quay-robot` is not given
    = set `quay-robot` to ORGANISATION+ROBOT
    ");
    let outcome = login(&job(&server, &[], Cloud::default()), &at(&server)).await;
    assert!(outcome.unwrap().is_none());
    let outcome = login(&job(&server, &[], robot("org+push")), &repository("ghcr.io/o/r")).await;
    assert!(outcome.unwrap().is_none());
    assert!(server.seen().is_empty());
}

#[test]
fn quay_io_alone_is_known_by_its_host() {
    for (host, known) in [
        ("quay.io", true),
        ("x.quay.io", true),
        ("evilquay.io", false),
        ("quay.example", false),
    ] {
        assert_eq!(serves(&host.parse().unwrap()), known, "{host}");
    }
}
