//! Logins against a server that stands in for Entra, and for the services of managed identities.

mod platform;

use super::*;
use crate::credentials::keyless::Cloud as Inputs;
use crate::credentials::stand_in::{id_token, job, life, repository, told, without_id_tokens};
use crate::http::server::{Reply, Seen, Server};

const REPOSITORY: &str = "my.azurecr.io/a";
const AUTHORITY: (&str, &str) = ("AZURE_AUTHORITY_HOST", "http://HOST");
const GRANTED: &str = r#"{"token_type":"Bearer","expires_in":3599,"access_token":"entra"}"#;

fn ids() -> Inputs {
    Inputs {
        azure_client_id: Some("client".to_owned()),
        azure_tenant_id: Some("tenant".to_owned()),
        ..Inputs::default()
    }
}

fn named(cloud: Inputs) -> Inputs {
    Inputs {
        provider: Some(Provider::Azure),
        ..cloud
    }
}

fn form(seen: &Seen) -> Vec<(String, String)> {
    url::form_urlencoded::parse(&seen.body).into_owned().collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

async fn entra(status: u16, body: &'static str) -> Server {
    Server::start(move |_| Reply::new(status).body(body)).await
}

#[tokio::test]
async fn the_id_token_of_the_job_buys_an_access_token() {
    let server = entra(200, GRANTED).await;
    let job = job(&server, &[AUTHORITY], ids());
    let found = login(&job, &repository(REPOSITORY)).await.unwrap().unwrap();
    assert_eq!(
        found.credential,
        Credential::EntraToken(Secret::new("entra", &Report::silent()))
    );
    assert_eq!(found.origin, "the job's identity as the application client at Azure");
    assert!((3500..3600).contains(&life(&found)));
    assert_eq!(server.lines(), ["POST /tenant/oauth2/v2.0/token"]);
    let token = id_token("api://AzureADTokenExchange");
    let expected = pairs(&[
        ("client_id", "client"),
        ("grant_type", "client_credentials"),
        ("scope", "https://containerregistry.azure.net/.default"),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", &token),
    ]);
    assert_eq!(form(&server.seen()[0]), expected);
}

#[tokio::test]
async fn sovereign_clouds_have_an_audience_of_their_own() {
    for (host, audience) in [
        ("my.azurecr.us", "api://AzureADTokenExchangeUSGov"),
        ("my.azurecr.cn", "api://AzureADTokenExchangeChina"),
    ] {
        let server = entra(200, GRANTED).await;
        let job = job(&server, &[AUTHORITY], ids());
        login(&job, &repository(&format!("{host}/a"))).await.unwrap().unwrap();
        assert!(form(&server.seen()[0]).contains(&("client_assertion".to_owned(), id_token(audience))));
    }
}

#[tokio::test]
async fn without_ids_from_inputs_the_platform_s_own_come_first() {
    let server = entra(200, GRANTED).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), "aks.token\n").unwrap();
    let path = file.path().to_str().unwrap();
    let workload = [
        AUTHORITY,
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_FEDERATED_TOKEN_FILE", path),
    ];
    login(&job(&server, &workload, Inputs::default()), &repository(REPOSITORY))
        .await
        .unwrap()
        .unwrap();
    assert!(form(&server.seen()[0]).contains(&("client_assertion".to_owned(), "aks.token".to_owned())));
    let secret = [
        AUTHORITY,
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_SECRET", "s"),
    ];
    login(&job(&server, &secret, Inputs::default()), &repository(REPOSITORY))
        .await
        .unwrap()
        .unwrap();
    assert!(form(&server.seen()[1]).contains(&("client_secret".to_owned(), "s".to_owned())));
}

#[tokio::test]
async fn the_secret_of_another_application_is_not_sent_for_the_one_of_the_inputs() {
    let server = entra(200, GRANTED).await;
    let env = [AUTHORITY, ("AZURE_CLIENT_ID", "other"), ("AZURE_CLIENT_SECRET", "s")];
    let outcome = login(&without_id_tokens(job(&server, &env, ids())), &repository(REPOSITORY)).await;
    assert_eq!(outcome.unwrap_err().class(), Class::Denied);
    assert!(server.lines().is_empty());
}

#[tokio::test]
async fn managed_identities_are_asked_when_announced_or_named() {
    let server = entra(200, r#"{"access_token":"mi","expires_in":"86400","expires_on":"1"}"#).await;
    let announced = [("IDENTITY_ENDPOINT", "http://HOST/msi"), ("IDENTITY_HEADER", "key")];
    login(&job(&server, &announced, Inputs::default()), &repository(REPOSITORY))
        .await
        .unwrap()
        .unwrap();
    let imds = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://HOST")];
    let cloud = Inputs {
        azure_client_id: Some("mine".to_owned()),
        ..named(Inputs::default())
    };
    let found = login(&without_id_tokens(job(&server, &imds, cloud)), &repository(REPOSITORY)).await;
    assert_eq!(found.unwrap().unwrap().origin, "the managed identity mine at Azure");
    let outcome = login(&job(&server, &imds, Inputs::default()), &repository(REPOSITORY)).await;
    assert!(
        outcome.unwrap().is_none(),
        "the metadata service is not asked unless named"
    );
    let resource = "resource=https%3A%2F%2Fcontainerregistry.azure.net";
    assert_eq!(
        server.lines(),
        [
            format!("GET /msi?api-version=2019-08-01&{resource}"),
            format!("GET /metadata/identity/oauth2/token?api-version=2018-02-01&{resource}&client_id=mine"),
        ]
    );
    let [app, machine] = &server.seen()[..] else {
        unreachable!()
    };
    assert_eq!(app.header("x-identity-header"), Some("key"));
    assert_eq!(machine.header("metadata"), Some("true"));
}

#[tokio::test]
async fn what_is_named_fails_and_what_is_ambient_is_passed_over() {
    let server = entra(401, r#"{"error":"invalid_client","error_codes":[7000215]}"#).await;
    let ambient = [
        AUTHORITY,
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_SECRET", "s"),
    ];
    let passed = job(&server, &ambient, Inputs::default());
    assert!(login(&passed, &repository(REPOSITORY)).await.unwrap().is_none());
    let reasons = passed.reasons.lock().unwrap().clone();
    assert!(
        reasons[&repository(REPOSITORY).host].contains("invalid_client"),
        "{reasons:?}"
    );
    let outcome = login(
        &job(&server, &ambient, named(Inputs::default())),
        &repository(REPOSITORY),
    )
    .await;
    insta::assert_snapshot!(told(outcome, &server), @"
    Microsoft Entra did not let the application c in: invalid_client
    = AZURE_CLIENT_SECRET is wrong: it is the secret's value, not its id
    ");
    let half = Inputs {
        azure_tenant_id: None,
        ..ids()
    };
    let outcome = login(&job(&server, &[AUTHORITY], half), &repository(REPOSITORY)).await;
    insta::assert_snapshot!(told(outcome, &server), @"
    the login at Azure lacks `azure-tenant-id`
    = set `azure-tenant-id`, or the variable AZURE_TENANT_ID; it stands on the overview page of the
      application
    ");
    let denied = without_id_tokens(job(&server, &[AUTHORITY], ids()));
    insta::assert_snapshot!(told(login(&denied, &repository(REPOSITORY)).await, &server), @"
    the login at Azure needs an ID token of the job: the job has no `permissions: id-token: write`
    = let the job have ID tokens, or give another credential: `username` and `password`, or `token`
    ");
    let elsewhere = Inputs {
        host: Some("other.example".parse().unwrap()),
        ..named(ids())
    };
    let outcome = login(&job(&server, &[AUTHORITY], elsewhere), &repository("r.example/a")).await;
    assert!(
        outcome.unwrap().is_none(),
        "no registry of Azure, and not the one that was named"
    );
}

/// What a person reads when Entra refuses the ID token.
async fn refused(code: u64) -> String {
    let body = format!(
        r#"{{"error":"invalid_request","error_codes":[{code}],
            "error_description":"AADSTS{code}: No. Trace ID: 1 \r\nTimestamp: x"}}"#
    );
    let server = Server::start(move |_| Reply::new(400).body(body.clone())).await;
    let outcome = login(&job(&server, &[AUTHORITY], ids()), &repository(REPOSITORY)).await;
    assert!(!format!("{outcome:?}").contains("signature"), "the token is shown");
    told(outcome, &server)
}

#[tokio::test]
async fn refusals_say_what_the_trust_lacks() {
    insta::assert_snapshot!(refused(700213).await, @r#"
    Microsoft Entra did not let the application client in: invalid_request: AADSTS700213: No; the ID
      token has iss "https://ci.example", aud "api://AzureADTokenExchange", sub "repo:o/r:pull_request"
    = no federated credential of the application has the token's sub: make one with just that; this is a
      pull request, for which one of a branch does not count
    "#);
    let hint = |text: String| text.split_once("= ").unwrap().1.replace("\n  ", " ");
    for (code, expected) in [
        (
            700016,
            "the tenant tenant has no application client: check `azure-client-id`\n",
        ),
        (70021, "no federated credential of the application has the token's sub"),
        (700211, "no federated credential of the application has the token's iss"),
        (700212, "no federated credential of the application has the token's aud"),
        (
            90002,
            "there is no tenant tenant in this cloud: check `azure-tenant-id`\n",
        ),
        (
            1,
            "check the federated credentials of the application client, and its tenant tenant\n",
        ),
    ] {
        let text = hint(refused(code).await);
        assert!(text.starts_with(expected), "{code}: {text}");
    }
}

#[tokio::test]
async fn answers_that_are_no_token_are_refused() {
    for (status, body) in [
        (200, "<html>sign in</html>"),
        (200, r#"{"access_token":""}"#),
        (200, r#"{"access_token":"a\nb"}"#),
        (200, "{}"),
        (302, ""),
        (503, "busy"),
    ] {
        let server = Server::start(move |_| {
            Reply::new(status)
                .header("location", "http://other.example/")
                .body(body)
        });
        let server = server.await;
        let outcome = login(&job(&server, &[AUTHORITY], ids()), &repository(REPOSITORY)).await;
        let error = outcome.unwrap_err();
        assert!(
            matches!(error.class(), Class::Network | Class::Denied),
            "{body}: {error}"
        );
        assert!(
            error.to_string().contains("/tenant/oauth2/v2.0/token"),
            "{body}: {error}"
        );
    }
    let server = Server::start(|_| Reply::new(200).chunked().body(vec![b' '; 1 << 20])).await;
    let outcome = login(&job(&server, &[AUTHORITY], ids()), &repository(REPOSITORY)).await;
    assert!(outcome.unwrap_err().to_string().contains("larger than"));
}

#[test]
fn registries_by_their_hosts() {
    let host = |text: &str| text.parse::<Host>().unwrap();
    for text in [
        "my.azurecr.io",
        "my.azurecr.us",
        "my.azurecr.cn",
        "my.eastus.geo.azurecr.io",
    ] {
        assert!(serves(&host(text)), "{text}");
    }
    for text in ["azurecr.io", "my.azurecr.io.evil.example", "myazurecr.io", "ghcr.io"] {
        assert!(!serves(&host(text)), "{text}");
    }
    assert_eq!(realm(&host("a.azurecr.io")), realm(&host("b.azurecr.io")));
    assert_ne!(realm(&host("a.azurecr.io")), realm(&host("a.azurecr.cn")));
    assert_ne!(realm(&host("a.example")), realm(&host("b.example")));
}
