//! What becomes of refusals, and of answers that are of no use.

use super::*;

/// What a person reads when the token service, or that of the accounts, refuses.
async fn refused(path: &'static str, status: u16, body: &'static str) -> String {
    let server = Server::start(move |seen| match seen.target.starts_with(path) {
        true => Reply::new(status).body(body),
        false => answer(seen),
    })
    .await;
    let outcome = login(
        &job(&server, &ENDPOINTS, federated(Some(ACCOUNT))),
        &repository(REPOSITORY),
    )
    .await;
    assert!(!format!("{outcome:?}").contains("signature"), "the token is shown");
    told(outcome, &server)
}

#[tokio::test]
async fn refusals_of_the_token_say_what_the_provider_lacks() {
    let refused = |body| refused("/v1/token", 400, body);
    insta::assert_snapshot!(
        refused(r#"{"error":"invalid_target","error_description":"The target service is invalid."}"#).await, @r#"
    Google's token service did not take the ID token: invalid_target: The target service is invalid; the
      ID token has iss "https://ci.example", aud
      "https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/g", sub
      "repo:o/r:pull_request"
    = there is no such provider, or it is disabled: check
      projects/1/locations/global/workloadIdentityPools/p/providers/g
    "#);
    insta::assert_snapshot!(
        refused(r#"{"error":"invalid_grant","error_description":"The audience does not match."}"#).await, @r#"
    Google's token service did not take the ID token: invalid_grant: The audience does not match; the ID
      token has iss "https://ci.example", aud
      "https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/g", sub
      "repo:o/r:pull_request"
    = the provider's issuer must be the token's iss, and its allowed audiences must hold the token's aud
      (its default is the provider's own name)
    "#);
    insta::assert_snapshot!(
        refused(r#"{"error":"unauthorized_client","error_description":"Rejected by the attribute condition."}"#).await,
        @r#"
    Google's token service did not take the ID token: unauthorized_client: Rejected by the attribute
      condition; the ID token has iss "https://ci.example", aud
      "https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/g", sub
      "repo:o/r:pull_request"
    = the attribute condition of the provider must accept the token
    "#);
    insta::assert_snapshot!(refused("<html>proxy</html>").await, @r#"
    Google's token service did not take the ID token: POST http://HOST/v1/token: 400 Bad Request: proxy;
      the ID token has iss "https://ci.example", aud
      "https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/g", sub
      "repo:o/r:pull_request"
    = check projects/1/locations/global/workloadIdentityPools/p/providers/g: its issuer, allowed
      audiences and attribute condition
    "#);
}

#[tokio::test]
async fn refusals_of_the_account_say_what_it_lacks() {
    let refused = |status, body| refused("/v1/projects", status, body);
    let denied = r#"{"error":{"code":403,"status":"PERMISSION_DENIED",
        "message":"Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist)."}}"#;
    insta::assert_snapshot!(refused(403, denied).await, @r#"
    the job's identity may not act as push@project.iam.gserviceaccount.com (unable to acquire
      impersonated credentials): PERMISSION_DENIED: Permission 'iam.serviceAccounts.getAccessToken'
      denied on resource (or it may not exist); the ID token has iss "https://ci.example", aud
      "https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/g", sub
      "repo:o/r:pull_request"
    = grant roles/iam.workloadIdentityUser on the service account to
      principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/subject/repo:o/r:pull_request,
      or to a principalSet that holds it; it gives iam.serviceAccounts.getAccessToken
    "#);
    let disabled = r#"{"error":{"code":403,"status":"PERMISSION_DENIED",
        "message":"IAM Service Account Credentials API has not been used in project 123 before or it is disabled."}}"#;
    insta::assert_snapshot!(refused(403, disabled).await, @r#"
    the job's identity may not act as push@project.iam.gserviceaccount.com (unable to acquire
      impersonated credentials): PERMISSION_DENIED: IAM Service Account Credentials API has not been used
      in project 123 before or it is disabled; the ID token has iss "https://ci.example", aud
      "https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/g", sub
      "repo:o/r:pull_request"
    = enable the IAM Service Account Credentials API in the project of the service account
    "#);
    insta::assert_snapshot!(refused(404, r#"{"error":{"status":"NOT_FOUND","message":"x"}}"#).await, @r#"
    the job's identity may not act as push@project.iam.gserviceaccount.com (unable to acquire
      impersonated credentials): NOT_FOUND: x; the ID token has iss "https://ci.example", aud
      "https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/g", sub
      "repo:o/r:pull_request"
    = there is no such service account: check `gcp-service-account`
    "#);
}

#[tokio::test]
async fn answers_that_are_no_token_are_refused() {
    let junk: [fn() -> Reply; 7] = [
        || Reply::new(200),
        || Reply::new(200).body("<html>Welcome</html>"),
        || Reply::new(200).body(r#"{"access_token":"","accessToken":""}"#),
        || Reply::new(200).body(r#"{"access_token":"a\nb","accessToken":"a\nb"}"#),
        || Reply::new(200).body(r#"{"access_token":5,"accessToken":5}"#),
        || Reply::new(200).body(vec![b'x'; 200 * 1024]),
        || Reply::new(302).header("location", "https://evil.example/"),
    ];
    for (at, junk) in junk.into_iter().enumerate() {
        for path in ["/v1/token", "/v1/projects"] {
            let server = Server::start(move |seen| match seen.target.starts_with(path) {
                true => junk(),
                false => answer(seen),
            })
            .await;
            let job = job(&server, &ENDPOINTS, federated(Some(ACCOUNT)));
            let error = login(&job, &repository(REPOSITORY)).await.unwrap_err();
            assert!(error.message().contains(server.host.as_str()), "{at}: {error}");
        }
    }
}

#[tokio::test]
async fn metadata_services_that_answer_junk_are_refused() {
    let junk: [fn() -> Reply; 5] = [
        || Reply::new(200).body(r#"{"access_token":"of another server"}"#),
        || {
            Reply::new(200)
                .header("metadata-flavor", "Google")
                .body("<html>Welcome</html>")
        },
        || {
            Reply::new(200)
                .header("metadata-flavor", "Google")
                .body(r#"{"access_token":"a\nb"}"#)
        },
        || Reply::new(302).header("location", "http://evil.example/"),
        || Reply::new(404),
    ];
    for (at, answer) in junk.into_iter().enumerate() {
        let server = Server::start(move |_| answer()).await;
        let job = job(&server, &[("GCE_METADATA_HOST", "HOST")], named());
        let error = login(&job, &repository(REPOSITORY)).await.unwrap_err();
        assert!(error.message().contains(server.host.as_str()), "{at}: {error}");
        assert_ne!(error.class(), Class::NotFound, "{at}: {error}");
    }
}
