//! What becomes of refusals, and of answers that are of no use.

use super::*;

/// What a person reads when STS answers `code` and `message`.
async fn refused(code: &'static str, message: &'static str) -> String {
    let server = Server::start(move |_| {
        let xml = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
             <RequestId>1</RequestId></ErrorResponse>"
        );
        Reply::new(400).body(xml)
    })
    .await;
    let outcome = login(&job(&server, &[ENDPOINT], with_role()), &repository(PRIVATE)).await;
    assert!(!format!("{outcome:?}").contains("signature"), "the token is shown");
    told(outcome, &server)
}

#[tokio::test]
async fn refusals_of_the_token_say_what_the_trust_policy_lacks() {
    insta::assert_snapshot!(
        refused("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity").await, @r#"
    AWS STS gave no keys for arn:aws:iam::123456789012:role/push: AccessDenied: Not authorized to perform
      sts:AssumeRoleWithWebIdentity; the ID token has iss "https://ci.example", aud "sts.amazonaws.com",
      sub "repo:o/r:pull_request"
    = the trust policy of the role must allow sts:AssumeRoleWithWebIdentity to the OIDC provider
      ci.example, with ci.example:aud and ci.example:sub as the token has them; and the role must exist
    "#);
    insta::assert_snapshot!(
        refused("InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://ci.example").await,
        @r#"
    AWS STS gave no keys for arn:aws:iam::123456789012:role/push: InvalidIdentityToken: No OpenIDConnect
      provider found in your account for https://ci.example; the ID token has iss "https://ci.example",
      aud "sts.amazonaws.com", sub "repo:o/r:pull_request"
    = add https://ci.example as an OIDC provider in IAM, in the account of the role
    "#);
    insta::assert_snapshot!(refused("InvalidIdentityToken", "Incorrect token audience").await, @r#"
    AWS STS gave no keys for arn:aws:iam::123456789012:role/push: InvalidIdentityToken: Incorrect token
      audience; the ID token has iss "https://ci.example", aud "sts.amazonaws.com", sub
      "repo:o/r:pull_request"
    = add the token's aud to the audiences of the OIDC provider ci.example in IAM
    "#);
    insta::assert_snapshot!(refused("ExpiredTokenException", "Token expired: current date &gt; exp").await, @r#"
    AWS STS gave no keys for arn:aws:iam::123456789012:role/push: ExpiredTokenException: Token expired:
      current date > exp; the ID token has iss "https://ci.example", aud "sts.amazonaws.com", sub
      "repo:o/r:pull_request"
    = the token ended before it was used: let the job get a new one
    "#);
    insta::assert_snapshot!(refused("IDPCommunicationError", "Unable to reach").await, @r#"
    AWS STS gave no keys for arn:aws:iam::123456789012:role/push: IDPCommunicationError: Unable to reach;
      the ID token has iss "https://ci.example", aud "sts.amazonaws.com", sub "repo:o/r:pull_request"
    = AWS can't reach https://ci.example: its discovery document must be public
    "#);
}

#[tokio::test]
async fn what_may_pass_is_asked_again() {
    let server = Server::start(|seen| match (target(seen), seen.before) {
        (None, 0) => Reply::new(400).body(
            "<ErrorResponse><Error><Code>IDPCommunicationError</Code><Message>x</Message></Error></ErrorResponse>",
        ),
        (None, _) => sts(),
        (Some(_), 2) => Reply::new(400).body(r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#),
        (Some(_), 3) => Reply::new(503),
        (Some(_), _) => ecr(),
    })
    .await;
    let found = login(&job(&server, &[ENDPOINT], with_role()), &repository(PRIVATE)).await;
    assert!(found.unwrap().is_some());
    assert_eq!(server.seen().len(), 5);
}

#[tokio::test]
async fn a_wrong_clock_of_the_job_is_set_right_by_the_servers() {
    let expired = || {
        let body = r#"{"__type":"InvalidSignatureException","message":"Signature expired: 1 is now earlier than 2"}"#;
        Reply::new(400).body(body)
    };
    let server = Server::start(move |seen| match seen.header("x-amz-date") {
        Some("20150830T123600Z") => ecr(),
        _ => expired().header("date", DATE),
    })
    .await;
    let found = login(&job(&server, &KEYS, named()), &repository(PRIVATE)).await;
    assert!(found.unwrap().is_some());
    assert_eq!(server.seen().len(), 2);
    // With the right time it is the key that is wrong: once is enough.
    let server = Server::start(move |_| {
        let now = httpdate::fmt_http_date(std::time::SystemTime::now());
        expired().header("date", now)
    })
    .await;
    assert!(
        login(&job(&server, &KEYS, named()), &repository(PRIVATE))
            .await
            .is_err()
    );
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn refusals_of_the_keys_say_what_the_identity_lacks() {
    let refused = |status: u16, body: &'static str, place: &'static str| async move {
        let server = Server::start(move |_| Reply::new(status).body(body)).await;
        told(login(&job(&server, &KEYS, named()), &repository(place)).await, &server)
    };
    let denied =
        r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"User: arn:… is not authorized"}"#;
    insta::assert_snapshot!(refused(400, denied, PRIVATE).await, @r#"
    Amazon ECR gave no password for the keys from AWS_ACCESS_KEY_ID: AccessDeniedException: User: arn:…
      is not authorized
    = allow ecr:GetAuthorizationToken on all resources ("*") to that identity
    "#);
    insta::assert_snapshot!(refused(400, denied, PUBLIC).await, @r#"
    Amazon ECR gave no password for the keys from AWS_ACCESS_KEY_ID: AccessDeniedException: User: arn:…
      is not authorized
    = allow ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken on all resources ("*") to that
      identity
    "#);
    let unknown = r#"{"__type":"UnrecognizedClientException","message":"The security token is invalid."}"#;
    insta::assert_snapshot!(refused(400, unknown, PRIVATE).await, @"
    Amazon ECR gave no password for the keys from AWS_ACCESS_KEY_ID: UnrecognizedClientException: The
      security token is invalid
    = AWS does not know the key: check it, its region's partition, and AWS_SESSION_TOKEN for a temporary
      one
    ");
    insta::assert_snapshot!(refused(400, r#"{"__type":"ExpiredTokenException"}"#, PRIVATE).await, @"
    Amazon ECR gave no password for the keys from AWS_ACCESS_KEY_ID: ExpiredTokenException
    = the keys have ended: let the job get new ones
    ");
    let signature = concat!(
        r#"{"__type":"InvalidSignatureException","message":"The signature does not match.\n\n"#,
        r#"The Canonical String for this request should have been\nx-amz-security-token:SESSION"}"#
    );
    insta::assert_snapshot!(refused(400, signature, PRIVATE).await, @"
    Amazon ECR gave no password for the keys from AWS_ACCESS_KEY_ID: InvalidSignatureException: The
      signature does not match
    = check AWS_SECRET_ACCESS_KEY, and the clock of this machine
    ");
    insta::assert_snapshot!(refused(403, "<html>Forbidden</html>", PRIVATE).await, @"
    Amazon ECR gave no password for the keys from AWS_ACCESS_KEY_ID: POST http://HOST/: 403 Forbidden:
      Forbidden
    = check the keys, the region, and the endpoint
    ");
}

#[tokio::test]
async fn answers_that_are_no_keys_or_no_password_are_refused() {
    let junk: [fn() -> Reply; 9] = [
        || Reply::new(200),
        || Reply::new(200).body("<html>Welcome</html>"),
        || Reply::new(200).body("{}"),
        || Reply::new(200).body(r#"{"authorizationData":[]}"#),
        || {
            Reply::new(200).body(format!(
                r#"{{"authorizationData":[{{"authorizationToken":"{}"}}]}}"#,
                "QVdTOg=="
            ))
        },
        || Reply::new(200).body(r#"{"authorizationData":[{"authorizationToken":"QVdTOmEKYg=="}]}"#),
        || Reply::new(200).body(r#"{"authorizationData":[{"authorizationToken":"!"}]}"#),
        || Reply::new(200).body(vec![b'x'; 200 * 1024]),
        || Reply::new(302).header("location", "https://login.example/"),
    ];
    for (at, answer) in junk.into_iter().enumerate() {
        let server = Server::start(move |_| answer()).await;
        for (env, cloud) in [(&KEYS[..], named()), (&[ENDPOINT], with_role())] {
            let error = login(&job(&server, env, cloud), &repository(PRIVATE))
                .await
                .unwrap_err();
            assert!(error.message().contains(server.host.as_str()), "{at}: {error}");
        }
        let ambient = login(&job(&server, &KEYS, Cloud::default()), &repository(PRIVATE)).await;
        assert!(ambient.unwrap().is_none(), "{at}");
        assert_eq!(server.seen().len(), 3, "{at}");
    }
    // Keys that would not fit into a header.
    let server = Server::start(|_| {
        let xml = "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\
                   <AccessKeyId>A/B</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
                   </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
        Reply::new(200).body(xml)
    })
    .await;
    assert!(
        login(&job(&server, &[ENDPOINT], with_role()), &repository(PRIVATE))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn metadata_services_that_answer_junk_are_refused() {
    let junk: [fn() -> Reply; 6] = [
        || Reply::new(200),
        || Reply::new(200).body("<html>Welcome</html>"),
        || Reply::new(200).body(r#"{"AccessKeyId":"A","SecretAccessKey":"s","Token":"a\nb"}"#),
        || Reply::new(200).body(vec![b'x'; 200 * 1024]),
        || Reply::new(302).header("location", "http://evil.example/"),
        || Reply::new(404),
    ];
    for (at, answer) in junk.into_iter().enumerate() {
        let server = Server::start(move |_| answer()).await;
        let container = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://HOST/keys");
        let machine = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://HOST");
        for place in [container, machine] {
            let job = job(&server, &[ENDPOINT, place], named());
            let error = login(&job, &repository(PRIVATE)).await.unwrap_err();
            assert!(error.message().contains(server.host.as_str()), "{at}: {error}");
            assert_ne!(error.class(), Class::NotFound, "{at}: {error}");
        }
    }
}
