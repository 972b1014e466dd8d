//! What logins of one run share, and what is said where there is none.

use super::*;
use crate::credentials::stand_in::{job, plain_job, repository};
use crate::http::server::{Reply, Server};

const AUTHORITY: (&str, &str) = ("AZURE_AUTHORITY_HOST", "http://HOST");

fn keyless(job: Job) -> Keyless {
    Keyless {
        job,
        slots: Mutex::default(),
    }
}

async fn entra(status: u16, body: &'static str) -> Server {
    Server::start(move |_| Reply::new(status).body(body)).await
}

#[tokio::test]
async fn registries_of_one_cloud_share_one_login_until_it_is_refused() {
    let server = entra(200, r#"{"expires_in":3599,"access_token":"entra"}"#).await;
    let ids = Cloud {
        azure_client_id: Some("client".to_owned()),
        azure_tenant_id: Some("tenant".to_owned()),
        ..Cloud::default()
    };
    let keyless = keyless(job(&server, &[AUTHORITY], ids));
    let [first, second, third] = ["a.azurecr.io/a", "b.azurecr.io/a", "a.azurecr.io/b"].map(repository);
    let (found, other, again) = tokio::join!(keyless.find(&first), keyless.find(&second), keyless.find(&third));
    let found = found.unwrap().unwrap();
    for shared in [other, again] {
        assert_eq!(shared.unwrap().unwrap().credential, found.credential);
    }
    assert_eq!(server.lines().len(), 1);

    assert!(!keyless.forget(&Credential::Anonymous));
    assert!(keyless.forget(&found.credential));
    keyless.find(&second).await.unwrap().unwrap();
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn another_cloud_of_azure_is_another_login() {
    let server = entra(200, r#"{"expires_in":3599,"access_token":"entra"}"#).await;
    let ids = Cloud {
        azure_client_id: Some("client".to_owned()),
        azure_tenant_id: Some("tenant".to_owned()),
        ..Cloud::default()
    };
    let keyless = keyless(job(&server, &[AUTHORITY], ids));
    for host in ["a.azurecr.io/a", "a.azurecr.us/a"] {
        keyless.find(&repository(host)).await.unwrap().unwrap();
    }
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn what_the_environment_holds_in_vain_is_asked_once_for_a_run() {
    let server = entra(
        401,
        r#"{"error":"invalid_client","error_description":"AADSTS7000215: no"}"#,
    )
    .await;
    let env = [
        AUTHORITY,
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_SECRET", "s"),
    ];
    let keyless = keyless(job(&server, &env, Cloud::default()));
    for host in ["a.azurecr.io", "b.azurecr.io", "a.azurecr.io"] {
        assert!(keyless.find(&repository(&format!("{host}/a"))).await.unwrap().is_none());
        let why = keyless.why_not(&host.parse().unwrap());
        assert!(why.starts_with("no credential from Azure: "), "{host}: {why}");
    }
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn each_cloud_tells_why_it_has_nothing() {
    let keyless = keyless(plain_job(&[]));
    let mut told = String::new();
    for host in [
        "my.azurecr.io",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "europe-docker.pkg.dev",
        "quay.io",
        "r.example",
    ] {
        assert!(keyless.find(&repository(&format!("{host}/a"))).await.unwrap().is_none());
        told += &format!("{}\n", keyless.why_not(&host.parse().unwrap()));
    }
    insta::assert_snapshot!(told, @r"
    no identity at Azure: no `azure-client-id`, no AZURE_CLIENT_ID
    no keys of AWS: no `aws-role-arn`, no AWS_ACCESS_KEY_ID, no container credentials
    no identity at Google: no `gcp-workload-identity-provider`, no GOOGLE_APPLICATION_CREDENTIALS
    no robot of Quay: `quay-robot` is not given
    no cloud that it has one at
    ");
}
