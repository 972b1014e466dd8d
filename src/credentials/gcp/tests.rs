//! Logins to Google's registries, with one server for all of Google.

mod refusals;

use super::*;
use crate::credentials::keyless::Cloud;
use crate::credentials::stand_in::{id_token, job, life, pair, repository, told, without_id_tokens};
use crate::http::server::{Reply, Seen, Server};

const REPOSITORY: &str = "europe-docker.pkg.dev/project/repository/app";
const PROVIDER: &str = "projects/1/locations/global/workloadIdentityPools/p/providers/g";
const ACCOUNT: &str = "push@project.iam.gserviceaccount.com";
const ENDPOINTS: [(&str, &str); 2] = [
    ("CLOUDSDK_API_ENDPOINT_OVERRIDES_STS", "http://HOST/"),
    ("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", "http://HOST/"),
];

fn federated(account: Option<&str>) -> Cloud {
    Cloud {
        gcp_workload_identity_provider: Some(PROVIDER.to_owned()),
        gcp_service_account: account.map(str::to_owned),
        ..Cloud::default()
    }
}

fn named() -> Cloud {
    Cloud {
        provider: Some(Provider::Gcp),
        ..Cloud::default()
    }
}

fn answer(seen: &Seen) -> Reply {
    match seen.target.as_str() {
        "/v1/token" => Reply::new(200)
            .body(r#"{"access_token":"federated","expires_in":3600,"token_type":"Bearer","issued_token_type":"x"}"#),
        _ => Reply::new(200)
            .header("date", "Sun, 30 Aug 2015 12:36:00 GMT")
            .body(r#"{"accessToken":"of-the-account","expireTime":"2015-08-30T13:06:00Z"}"#),
    }
}

fn form(seen: &Seen, name: &str) -> String {
    let found = url::form_urlencoded::parse(&seen.body).find(|(key, _)| key == name);
    found.unwrap().1.into_owned()
}

#[tokio::test]
async fn the_jobs_identity_buys_a_token_of_its_own() {
    let server = Server::start(answer).await;
    let found = login(&job(&server, &ENDPOINTS, federated(None)), &repository(REPOSITORY)).await;
    let found = found.unwrap().unwrap();
    assert_eq!(pair(&found), "oauth2accesstoken:federated");
    assert_eq!(life(&found) / 60, 58);
    let [seen] = server.seen().try_into().unwrap();
    assert_eq!(seen.line(), "POST /v1/token");
    assert_eq!(form(&seen, "audience"), format!("//iam.googleapis.com/{PROVIDER}"));
    assert_eq!(
        form(&seen, "subject_token"),
        id_token(&format!("https://iam.googleapis.com/{PROVIDER}"))
    );
    assert_eq!(
        form(&seen, "grant_type"),
        "urn:ietf:params:oauth:grant-type:token-exchange"
    );
    assert_eq!(form(&seen, "scope"), "https://www.googleapis.com/auth/cloud-platform");
}

#[tokio::test]
async fn a_service_account_is_acted_as_where_one_is_given() {
    let server = Server::start(answer).await;
    let job = job(&server, &ENDPOINTS, federated(Some(ACCOUNT)));
    let found = login(&job, &repository(REPOSITORY)).await.unwrap().unwrap();
    assert_eq!(pair(&found), "oauth2accesstoken:of-the-account");
    assert_eq!(life(&found) / 60, 28);
    insta::assert_snapshot!(found.origin, @"the job's identity as push@project.iam.gserviceaccount.com");
    let seen = &server.seen()[1];
    assert_eq!(
        seen.line(),
        format!("POST /v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken")
    );
    assert_eq!(seen.header("authorization"), Some("Bearer federated"));
    assert_eq!(
        seen.body,
        r#"{"scope":["https://www.googleapis.com/auth/cloud-platform"],"lifetime":"3600s"}"#
    );
}

/// A job whose environment names a file with `json`, in which `HOST` stands for the server's.
async fn with_file(server: &Server, json: &str) -> (Result<Option<Found>>, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    fs_err::write(path("token"), "a.b.c\n").unwrap();
    fs_err::write(path("token.json"), r#"{"id":"d.e.f"}"#).unwrap();
    let json = json
        .replace("HOST", server.host.as_str())
        .replace("DIR", &path("").replace('\\', "/"));
    fs_err::write(path("credentials.json"), &json).unwrap();
    let file = path("credentials.json");
    let outcome = login(
        &job(server, &[(file::VARIABLE, &file)], named()),
        &repository(REPOSITORY),
    )
    .await;
    let ambient = login(
        &job(server, &[(file::VARIABLE, &file)], Cloud::default()),
        &repository(REPOSITORY),
    )
    .await;
    // What the environment holds is let go when it fails.
    assert_eq!(ambient.unwrap().is_some(), outcome.is_ok());
    (outcome, path(""))
}

#[tokio::test]
async fn a_key_of_a_service_account_is_used_as_it_is() {
    let server = Server::start(answer).await;
    let json = r#"{"type":"service_account","client_email":"a@b","private_key":"-----BEGIN"}"#;
    let found = with_file(&server, json).await.0.unwrap().unwrap();
    assert_eq!(pair(&found), format!("_json_key:{json}"));
    assert_eq!(found.expires, None);
    assert!(found.origin.ends_with("credentials.json, the key of a@b"));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_description_of_a_federation_is_followed() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/id?x=y" if seen.header("authorization") == Some("Bearer request-token") => {
            Reply::new(200).body(r#"{"value":"g.h.i"}"#)
        }
        _ => answer(seen),
    })
    .await;
    let start = r#"{"type":"external_account","audience":"//iam.googleapis.com/p","subject_token_type":
        "urn:ietf:params:oauth:token-type:jwt","token_url":"http://HOST/v1/token","credential_source":"#;
    for (source, subject) in [
        (r#"{"file":"DIR/token"}}"#, "a.b.c"),
        (
            r#"{"file":"DIR/token.json","format":{"type":"json","subject_token_field_name":"id"}}}"#,
            "d.e.f",
        ),
        (
            r#"{"url":"http://HOST/id?x=y","headers":{"Authorization":"Bearer request-token"},
                "format":{"type":"json","subject_token_field_name":"value"}},
                "service_account_impersonation_url":"http://HOST/v1/projects/-/serviceAccounts/a@b:generateAccessToken",
                "service_account_impersonation":{"token_lifetime_seconds":600}}"#,
            "g.h.i",
        ),
    ] {
        let (outcome, directory) = with_file(&server, &format!("{start}{source}")).await;
        let found = outcome.unwrap().unwrap();
        assert_eq!(found.origin, format!("the federation in {directory}credentials.json"));
        let seen = server.seen();
        let exchange = seen.iter().rfind(|seen| seen.target == "/v1/token").unwrap();
        assert_eq!(form(exchange, "subject_token"), subject);
        assert_eq!(form(exchange, "audience"), "//iam.googleapis.com/p");
    }
    let seen = server.seen();
    assert!(String::from_utf8_lossy(&seen.last().unwrap().body).contains(r#""lifetime":"600s""#));
}

#[tokio::test]
async fn files_that_are_of_no_use_are_named() {
    let server = Server::start(answer).await;
    for (json, why) in [
        ("", "it is empty"),
        ("{", "not the JSON of a credential"),
        (r#"{"type":"authorized_user"}"#, "its type is \"authorized_user\""),
        (
            r#"{"type":"service_account"}"#,
            "without `client_email` or `private_key`",
        ),
        (r#"{"type":"external_account"}"#, "has no `credential_source`"),
        (
            r#"{"type":"external_account","audience":"a","subject_token_type":"b","credential_source":{}}"#,
            "neither a file nor a URL",
        ),
        (
            r#"{"type":"external_account","audience":"a","subject_token_type":"b","credential_source":{"file":"x"},
                "token_url":"http://evil.example/token"}"#,
            "`token_url`: it is neither https nor an address of this machine",
        ),
        (
            r#"{"type":"external_account","audience":"a","subject_token_type":"b",
                "credential_source":{"url":"http://10.0.0.1/"}}"#,
            "`credential_source.url`",
        ),
    ] {
        let (outcome, _) = with_file(&server, json).await;
        let error = outcome.unwrap_err();
        assert!(error.message().contains(why), "{error}");
        assert!(error.message().contains("credentials.json"), "{error}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn the_machine_is_asked_where_it_is_announced() {
    let server = Server::start(|seen| match seen.header("metadata-flavor") {
        Some("Google") => Reply::new(200)
            .header("metadata-flavor", "Google")
            .body(r#"{"access_token":"machine","expires_in":300}"#),
        _ => Reply::new(403),
    })
    .await;
    let env = [("GCE_METADATA_HOST", "HOST")];
    let found = login(&job(&server, &env, Cloud::default()), &repository(REPOSITORY)).await;
    let found = found.unwrap().unwrap();
    assert_eq!(pair(&found), "oauth2accesstoken:machine");
    assert!((260..=270).contains(&life(&found)));
    assert_eq!(
        server.lines(),
        ["GET /computeMetadata/v1/instance/service-accounts/default/token"]
    );
    let other = Server::start(|_| Reply::new(200).body(r#"{"access_token":"x"}"#)).await;
    let found = login(&job(&other, &env, Cloud::default()), &repository(REPOSITORY)).await;
    assert!(found.unwrap().is_none());
    let nothing = login(&job(&server, &[], Cloud::default()), &repository(REPOSITORY)).await;
    assert!(nothing.unwrap().is_none());
}

#[tokio::test]
async fn what_was_named_must_be_there() {
    let server = Server::start(answer).await;
    let job = |cloud| job(&server, &ENDPOINTS, cloud);
    let outcome = login(&without_id_tokens(job(federated(None))), &repository(REPOSITORY)).await;
    insta::assert_snapshot!(told(outcome, &server), @"
    `gcp-workload-identity-provider` needs an ID token of the job: the job has no `permissions: id-token:
      write`
    = let the job have ID tokens, or give another credential: `username` and `password`, or `token`
    ");
    let cloud = Cloud {
        gcp_service_account: Some(ACCOUNT.to_owned()),
        ..Cloud::default()
    };
    insta::assert_snapshot!(told(login(&job(cloud), &repository(REPOSITORY)).await, &server), @r#"
    `gcp-service-account` is "push@project.iam.gserviceaccount.com", but `gcp-workload-identity-provider`
      is not given
    = give both, or only the provider
    "#);
    assert!(
        login(&job(Cloud::default()), &repository(REPOSITORY))
            .await
            .unwrap()
            .is_none()
    );
    assert!(server.seen().is_empty());
}

#[test]
fn hosts_of_google_alone() {
    for (host, known) in [
        ("europe-docker.pkg.dev", true),
        ("gcr.io", true),
        ("eu.gcr.io", true),
        ("evilgcr.io", false),
        ("pkg.dev", false),
        ("europe-npm.pkg.dev", false),
        ("europe-docker.pkg.dev.evil.example", false),
    ] {
        assert_eq!(serves(&host.parse().unwrap()), known, "{host}");
    }
}
