//! The clouds.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Browser, header, json, text};
use crate::support::cloud::ci::{GITHUB, GITHUB_MAIN, GITLAB, Issuers, REQUEST_TOKEN};
use crate::support::cloud::entra::{self, ASSERTION_AUDIENCE, CLIENT, Entra, REGISTRY_AUDIENCE, TENANT};
use crate::support::cloud::{Mint, aws, google};
use crate::support::connect::Internet;

const ID_TOKENS: &str = "https://run-actions-1-azure-eastus.actions.githubusercontent.com/114//idtoken/6f4a5d1c/\
                         00000000-0000-0000-0000-000000000000?api-version=2.0";

/// The ID token of a job on GitHub.
async fn id_token(browser: &Browser, audience: &str) -> String {
    let url = format!("{ID_TOKENS}&audience={audience}");
    let bearer = format!("bearer {REQUEST_TOKEN}");
    let reply = browser.get(&url, &[("authorization", &bearer)]).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    text(&reply, "value")
}

#[tokio::test]
async fn github_gives_id_tokens_to_its_jobs() {
    let internet = Internet::new();
    let issuers = Issuers::start(&internet);
    let browser = Browser::new(&internet);
    let token = id_token(&browser, "api%3A%2F%2FAzureADTokenExchange").await;
    let claims = issuers.tokens.claims(&token).unwrap();
    assert_eq!(
        [&claims["iss"], &claims["aud"], &claims["sub"]],
        [GITHUB, ASSERTION_AUDIENCE, GITHUB_MAIN]
    );
    let url = format!("{ID_TOKENS}&audience=a");
    assert_eq!(browser.get(&url, &[]).await.status, 401);
    assert_eq!(
        browser.get(&url, &[("authorization", "bearer other")]).await.status,
        401
    );
    let bearer = format!("bearer {REQUEST_TOKEN}");
    assert_eq!(browser.get(ID_TOKENS, &[("authorization", &bearer)]).await.status, 400);
}

#[tokio::test]
async fn entra_takes_a_federated_credential_and_says_what_does_not_match() {
    let internet = Internet::new();
    let issuers = Issuers::start(&internet);
    let entra = Arc::new(Entra {
        believed: Arc::clone(&issuers.tokens),
        issued: Arc::default(),
        trusted: vec![(GITHUB, GITHUB_MAIN)],
    });
    let _server = internet.serve(entra::HOST, Arc::clone(&entra) as _);
    let browser = Browser::new(&internet);
    let ask = async |tenant: &str, client: &str, assertion: &str| {
        let url = format!("https://{}/{tenant}/oauth2/v2.0/token", entra::HOST);
        let form = [
            ("client_id", client),
            ("grant_type", "client_credentials"),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", assertion),
            ("scope", "https://containerregistry.azure.net/.default"),
        ];
        browser.form(&url, &form).await
    };
    let good = id_token(&browser, "api%3A%2F%2FAzureADTokenExchange").await;
    let reply = ask(TENANT, CLIENT, &good).await;
    let claims = entra.issued.claims(&text(&reply, "access_token")).unwrap();
    assert_eq!([&claims["aud"], &claims["tid"]], [REGISTRY_AUDIENCE, TENANT]);

    let token = |issuer: &str, audience: &str, subject: &str| {
        issuers
            .tokens
            .jwt(json!({"iss": issuer, "aud": audience, "sub": subject}))
    };
    let wrong = [
        (ask("other", CLIENT, &good).await, "AADSTS90002: "),
        (ask(TENANT, "other", &good).await, "AADSTS700016: "),
        (ask(TENANT, CLIENT, "e30.e30.").await, "AADSTS700027: "),
        (
            ask(TENANT, CLIENT, &token(GITLAB, ASSERTION_AUDIENCE, GITHUB_MAIN)).await,
            "AADSTS700211: ",
        ),
        (
            ask(TENANT, CLIENT, &token(GITHUB, "other", GITHUB_MAIN)).await,
            "AADSTS700212: ",
        ),
        (
            ask(TENANT, CLIENT, &token(GITHUB, ASSERTION_AUDIENCE, "other")).await,
            "AADSTS700213: ",
        ),
    ];
    for (reply, code) in wrong {
        assert!(reply.status == 400 || reply.status == 401, "{reply:?}");
        assert!(text(&reply, "error_description").starts_with(code), "{code} {reply:?}");
    }
}

#[tokio::test]
async fn aws_gives_keys_for_an_id_token_and_wants_them_to_sign() {
    let internet = Internet::new();
    let issuers = Issuers::start(&internet);
    let (keys, passwords) = (Arc::<Mint>::default(), Arc::<Mint>::default());
    let sts = aws::Sts {
        believed: Arc::clone(&issuers.tokens),
        keys: Arc::clone(&keys),
        subject: GITHUB_MAIN,
    };
    let api = aws::EcrApi {
        kind: aws::Ecr::Private,
        keys: Arc::clone(&keys),
        passwords,
        allowed: true,
        ending: 0.into(),
    };
    let _servers = [
        internet.serve(aws::STS_HOST, Arc::new(sts)),
        internet.serve(aws::ECR_API_HOST, Arc::new(api)),
    ];
    let browser = Browser::new(&internet);
    let ask = async |role: &str, token: &str| {
        let form = [
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", role),
            ("RoleSessionName", "a-run"),
            ("WebIdentityToken", token),
        ];
        let reply = browser.form(&format!("https://{}/", aws::STS_HOST), &form).await;
        (reply.status, String::from_utf8(reply.body.to_vec()).unwrap())
    };
    let good = id_token(&browser, aws::AUDIENCE).await;
    let (status, xml) = ask(aws::ROLE, &good).await;
    assert_eq!(status, 200);
    for key in keys.all() {
        assert!(xml.contains(&format!(">{key}<")), "{xml}");
    }
    for (role, token, code) in [
        ("arn:aws:iam::1:role/other", good.as_str(), "AccessDenied"),
        (
            aws::ROLE,
            &issuers.tokens.jwt(json!({"aud": aws::AUDIENCE, "sub": "other"})),
            "AccessDenied",
        ),
        (
            aws::ROLE,
            &issuers.tokens.jwt(json!({"aud": "other", "sub": GITHUB_MAIN})),
            "InvalidIdentityToken",
        ),
        (aws::ROLE, "e30.e30.", "InvalidIdentityToken"),
    ] {
        let (status, xml) = ask(role, token).await;
        assert!(status >= 400 && xml.contains(&format!("<Code>{code}</Code>")), "{xml}");
    }
    // Right signatures are those of the published test suite (`cloud/sigv4.rs`).
    let headers = [
        ("content-type", "application/x-amz-json-1.1"),
        (
            "x-amz-target",
            "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
        ),
    ];
    let unsigned = browser
        .call(
            "POST",
            &format!("https://{}/", aws::ECR_API_HOST),
            &headers,
            b"{}".into(),
        )
        .await;
    assert_eq!(
        (unsigned.status, text(&unsigned, "__type")),
        (400, "InvalidSignatureException".to_owned())
    );
}

#[tokio::test]
async fn google_exchanges_an_id_token_and_impersonates() {
    let internet = Internet::new();
    let issuers = Issuers::start(&internet);
    let issued = Arc::<Mint>::default();
    let sts = google::Sts {
        believed: Arc::clone(&issuers.tokens),
        issued: Arc::clone(&issued),
        subject: GITHUB_MAIN,
    };
    let iam = google::Iam {
        issued: Arc::clone(&issued),
        allowed: true,
    };
    let _servers = [
        internet.serve(google::STS_HOST, Arc::new(sts)),
        internet.serve(google::IAM_HOST, Arc::new(iam)),
    ];
    let browser = Browser::new(&internet);
    let ask = async |provider: &str, token: &str| {
        let audience = format!("//iam.googleapis.com/{provider}");
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("audience", audience.as_str()),
            ("scope", "https://www.googleapis.com/auth/cloud-platform"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
            ("subject_token", token),
        ];
        browser
            .form(&format!("https://{}/v1/token", google::STS_HOST), &form)
            .await
    };
    let audience = format!("https%3A%2F%2Fiam.googleapis.com%2F{}", google::PROVIDER);
    let good = id_token(&browser, &audience).await;
    let federated = text(&ask(google::PROVIDER, &good).await, "access_token");
    let for_us = format!("//iam.googleapis.com/{}", google::PROVIDER);
    for (provider, token, error) in [
        ("projects/1", good.as_str(), "invalid_target"),
        (google::PROVIDER, "e30.e30.", "invalid_grant"),
        (
            google::PROVIDER,
            &issuers.tokens.jwt(json!({"aud": "other", "sub": GITHUB_MAIN})),
            "invalid_grant",
        ),
        (
            google::PROVIDER,
            &issuers.tokens.jwt(json!({"aud": for_us, "sub": "other"})),
            "unauthorized_client",
        ),
    ] {
        let reply = ask(provider, token).await;
        assert_eq!((reply.status, text(&reply, "error")), (400, error.to_owned()));
    }
    let url = format!(
        "https://{}/v1/projects/-/serviceAccounts/{}:generateAccessToken",
        google::IAM_HOST,
        google::ACCOUNT
    );
    let body = json!({"scope": ["https://www.googleapis.com/auth/cloud-platform"]}).to_string();
    let impersonate = async |token: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        browser.call("POST", &url, &headers, body.clone().into()).await
    };
    let reply = impersonate(&federated).await;
    let claims = issued.claims(&text(&reply, "accessToken")).unwrap();
    assert_eq!(claims["principal"], google::ACCOUNT);
    assert_eq!(header(&reply, "content-type"), "application/json");
    let refused = impersonate("ya29.other").await;
    assert_eq!(
        (refused.status, &json(&refused)["error"]["status"]),
        (401, &Value::from("UNAUTHENTICATED"))
    );
}
