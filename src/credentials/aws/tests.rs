//! Logins to Amazon ECR, with one server for all of AWS.

mod refusals;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::credentials::keyless::Cloud;
use crate::credentials::stand_in::{id_token, job, life, pair, repository, told, without_id_tokens};
use crate::http::server::{Reply, Seen, Server};

const PRIVATE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app";
const PUBLIC: &str = "public.ecr.aws/alias/app";
const ENDPOINT: (&str, &str) = ("AWS_ENDPOINT_URL", "http://HOST");
const ROLE: &str = "arn:aws:iam::123456789012:role/push";
const DATE: &str = "Sun, 30 Aug 2015 12:36:00 GMT";

fn with_role() -> Cloud {
    Cloud {
        aws_role_arn: Some(ROLE.to_owned()),
        ..Cloud::default()
    }
}

fn named() -> Cloud {
    Cloud {
        provider: Some(Provider::Aws),
        ..Cloud::default()
    }
}

const KEYS: [(&str, &str); 3] = [
    ENDPOINT,
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "s3cr3t"),
];

fn sts() -> Reply {
    Reply::new(200).body(
        r#"<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
          <AssumeRoleWithWebIdentityResult>
            <AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/push/oci-artifact</Arn></AssumedRoleUser>
            <Credentials>
              <AccessKeyId>ASIAEXAMPLE</AccessKeyId>
              <SecretAccessKey>a/b&#43;c</SecretAccessKey>
              <SessionToken>session==</SessionToken>
              <Expiration>2015-08-30T13:36:00Z</Expiration>
            </Credentials>
          </AssumeRoleWithWebIdentityResult>
        </AssumeRoleWithWebIdentityResponse>"#,
    )
}

fn ecr() -> Reply {
    let token = STANDARD.encode("AWS:pass:word");
    // 12 hours after DATE.
    let body = format!(r#"{{"authorizationData":[{{"authorizationToken":"{token}","expiresAt":1.44098136E9}}]}}"#);
    Reply::new(200).header("date", DATE).body(body)
}

fn target(seen: &Seen) -> Option<&str> {
    seen.header("x-amz-target")
}

/// A server for STS and ECR alike.
async fn aws() -> Server {
    Server::start(|seen| if target(seen).is_some() { ecr() } else { sts() }).await
}

fn form(seen: &Seen) -> Vec<(String, String)> {
    url::form_urlencoded::parse(&seen.body).into_owned().collect()
}

#[tokio::test]
async fn the_jobs_identity_buys_keys_and_these_a_password() {
    let server = aws().await;
    let job = job(&server, &[ENDPOINT], with_role());
    let found = login(&job, &repository(PRIVATE)).await.unwrap().unwrap();
    assert_eq!(pair(&found), "AWS:pass:word");
    assert_eq!(life(&found) / 60, 12 * 60 - 2);
    insta::assert_snapshot!(
        found.origin,
        @"Amazon ECR, for the job's identity as arn:aws:iam::123456789012:role/push"
    );
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].header("authorization"), None);
    let expected = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", "2011-06-15"),
        ("RoleArn", ROLE),
        ("RoleSessionName", "oci-artifact"),
        ("WebIdentityToken", &id_token("sts.amazonaws.com")),
    ];
    assert_eq!(
        form(&seen[0]),
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert_eq!(
        target(&seen[1]),
        Some("AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken")
    );
    assert_eq!(seen[1].header("content-type"), Some("application/x-amz-json-1.1"));
    assert_eq!(seen[1].header("x-amz-security-token"), Some("session=="));
    assert_eq!(seen[1].body, "{}");
    let authorization = seen[1].header("authorization").unwrap();
    let (start, rest) = authorization.split_once('/').unwrap();
    assert_eq!(start, "AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE");
    assert!(rest.contains(
        "/eu-west-1/ecr/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature="
    ));
}

#[tokio::test]
async fn public_ecr_is_in_one_region_and_answers_an_object() {
    let server = Server::start(|seen| match target(seen) {
        Some(_) => {
            let token = STANDARD.encode("AWS:public");
            Reply::new(200).body(format!(r#"{{"authorizationData":{{"authorizationToken":"{token}"}}}}"#))
        }
        None => sts(),
    })
    .await;
    let job = job(&server, &[ENDPOINT, ("AWS_REGION", "eu-west-1")], with_role());
    let found = login(&job, &repository(PUBLIC)).await.unwrap().unwrap();
    assert_eq!(pair(&found), "AWS:public");
    assert_eq!(life(&found) / 60, 12 * 60 - 2);
    let seen = server.seen();
    assert_eq!(target(&seen[1]), Some("SpencerFrontendService.GetAuthorizationToken"));
    let authorization = seen[1].header("authorization").unwrap();
    assert!(
        authorization.contains("/us-east-1/ecr-public/aws4_request"),
        "{authorization}"
    );
}

#[tokio::test]
async fn a_token_in_a_file_goes_with_the_role_of_the_environment() {
    let server = aws().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), "a.b.c\n").unwrap();
    let path = file.path().to_str().unwrap();
    let env = [
        ENDPOINT,
        ("AWS_ROLE_ARN", ROLE),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", path),
        ("AWS_ROLE_SESSION_NAME", "run-1"),
    ];
    let found = login(&job(&server, &env, Cloud::default()), &repository(PRIVATE)).await;
    assert_eq!(pair(&found.unwrap().unwrap()), "AWS:pass:word");
    let form = form(&server.seen()[0]);
    assert_eq!(form[3].1, "run-1");
    assert_eq!(form[4].1, "a.b.c");
}

#[tokio::test]
async fn keys_of_the_environment_sign_the_one_request() {
    let server = aws().await;
    let mut env = KEYS.to_vec();
    env.push(("AWS_SESSION_TOKEN", "abc"));
    let found = login(&job(&server, &env, Cloud::default()), &repository(PRIVATE)).await;
    insta::assert_snapshot!(found.unwrap().unwrap().origin, @"Amazon ECR, for AWS_ACCESS_KEY_ID");
    let [seen] = server.seen().try_into().unwrap();
    assert_eq!(seen.header("x-amz-security-token"), Some("abc"));
}

#[tokio::test]
async fn a_container_asks_its_own_service() {
    let server = Server::start(|seen| match (seen.target.as_str(), seen.header("authorization")) {
        ("/keys", Some("Bearer token-of-the-pod")) => {
            Reply::new(200).body(r#"{"AccessKeyId":"ASIA","SecretAccessKey":"s","Token":"t","Expiration":"x"}"#)
        }
        ("/keys", _) => Reply::new(403),
        _ => ecr(),
    })
    .await;
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), "Bearer token-of-the-pod\n").unwrap();
    let env = [
        ENDPOINT,
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://HOST/keys"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.path().to_str().unwrap()),
    ];
    let found = login(&job(&server, &env, Cloud::default()), &repository(PRIVATE)).await;
    assert_eq!(pair(&found.unwrap().unwrap()), "AWS:pass:word");
    assert!(
        server.seen()[1]
            .header("authorization")
            .unwrap()
            .contains("Credential=ASIA/")
    );
    // Without the token it is refused, and the environment was not an order.
    let found = login(&job(&server, &env[..2], Cloud::default()), &repository(PRIVATE)).await;
    assert!(found.unwrap().is_none());
}

#[tokio::test]
async fn a_machine_is_asked_only_where_aws_was_named() {
    let server = Server::start(|seen| match (seen.method.as_str(), seen.target.as_str()) {
        ("PUT", "/latest/api/token") => {
            assert!(seen.header("x-aws-ec2-metadata-token-ttl-seconds").is_some());
            Reply::new(200).body("session-of-imds")
        }
        ("GET", path) if seen.header("x-aws-ec2-metadata-token") == Some("session-of-imds") => match path {
            "/latest/meta-data/iam/security-credentials/" => Reply::new(200).body("runner\n"),
            "/latest/meta-data/iam/security-credentials/runner" => {
                Reply::new(200).body(r#"{"Code":"Success","AccessKeyId":"ASIAM","SecretAccessKey":"s","Token":"t"}"#)
            }
            _ => Reply::new(404),
        },
        ("POST", _) => ecr(),
        _ => Reply::new(401),
    })
    .await;
    let env = [ENDPOINT, ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://HOST")];
    let found = login(&job(&server, &env, Cloud::default()), &repository(PRIVATE)).await;
    assert!(found.unwrap().is_none());
    assert!(server.seen().is_empty());
    let found = login(&job(&server, &env, named()), &repository(PRIVATE))
        .await
        .unwrap()
        .unwrap();
    insta::assert_snapshot!(found.origin, @"Amazon ECR, for the machine's role runner");
    let off = [env[0], env[1], ("AWS_EC2_METADATA_DISABLED", "true")];
    insta::assert_snapshot!(
        told(login(&job(&server, &off, named()), &repository(PRIVATE)).await, &server),
        @"
    `auth-provider: aws` found no keys of AWS for 123456789012.dkr.ecr.eu-west-1.amazonaws.com
    = set `aws-role-arn` and let the job have ID tokens, or set AWS_ACCESS_KEY_ID and
      AWS_SECRET_ACCESS_KEY, or run where AWS gives credentials
    "
    );
}

#[tokio::test]
async fn the_region_of_a_name_of_ones_own_is_that_of_the_input() {
    let server = aws().await;
    let region = |cloud: Cloud, variable: (&'static str, &'static str)| {
        let mut env = KEYS.to_vec();
        env.push(variable);
        let host = Some("images.example".parse().unwrap());
        let job = job(&server, &env, Cloud { host, ..cloud });
        let server = &server;
        async move {
            match login(&job, &repository("images.example/app")).await {
                Ok(_) => {
                    let seen = server.seen();
                    let authorization = seen.last().unwrap().header("authorization").unwrap().to_owned();
                    authorization.split('/').nth(2).unwrap().to_owned()
                }
                Err(error) => error.to_string(),
            }
        }
    };
    let with_region = |region: &str| Cloud {
        aws_region: Some(region.to_owned()),
        ..named()
    };
    assert_eq!(
        region(with_region("eu-north-1"), ("AWS_REGION", "us-east-2")).await,
        "eu-north-1"
    );
    assert_eq!(region(named(), ("AWS_REGION", "us-east-2")).await, "us-east-2");
    assert_eq!(region(named(), ("AWS_DEFAULT_REGION", "us-west-2")).await, "us-west-2");
    insta::assert_snapshot!(region(named(), ("X", "y")).await, @"the region of Amazon ECR is not known");
    insta::assert_snapshot!(
        region(with_region("evil.example/"), ("X", "y")).await,
        @r#"`aws-region`: "evil.example/" is not a region of AWS"#
    );
}

#[tokio::test]
async fn a_named_provider_has_no_password_for_every_host() {
    let server = aws().await;
    let found = login(&job(&server, &KEYS, named()), &repository("ghcr.io/o/r")).await;
    assert!(found.unwrap().is_none());
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_role_without_a_token_is_told_of_and_ambient_trouble_is_not() {
    let server = aws().await;
    let no_token = without_id_tokens(job(&server, &[ENDPOINT], with_role()));
    insta::assert_snapshot!(told(login(&no_token, &repository(PRIVATE)).await, &server), @"
    `aws-role-arn` needs an ID token of the job: the job has no `permissions: id-token: write`
    = let the job have ID tokens, or give another credential: `username` and `password`, or `token`
    ");
    let ambient = without_id_tokens(job(&server, &[ENDPOINT, ("AWS_ROLE_ARN", ROLE)], Cloud::default()));
    assert!(login(&ambient, &repository(PRIVATE)).await.unwrap().is_none());
    let half = &KEYS[..2];
    assert!(
        login(&job(&server, half, Cloud::default()), &repository(PRIVATE))
            .await
            .unwrap()
            .is_none()
    );
    insta::assert_snapshot!(told(login(&job(&server, half, named()), &repository(PRIVATE)).await, &server), @"
    AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not
    = set AWS_SECRET_ACCESS_KEY; a secret that this job may not read is blank
    ");
    let bad = Cloud {
        aws_role_arn: Some("push".to_owned()),
        ..Cloud::default()
    };
    insta::assert_snapshot!(told(login(&job(&server, &[ENDPOINT], bad), &repository(PRIVATE)).await, &server), @r#"
    `aws-role-arn`: "push" is not the ARN of a role
    = write arn:aws:iam::ACCOUNT:role/NAME, with the account's 12 digits
    "#);
    assert!(server.seen().is_empty());
}
