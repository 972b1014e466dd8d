//! Tokens of each system, from variables, a server and a program that stand in for it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::http::Options;
use crate::http::server::{Reply, Server};
use crate::report::Report;

const ENTRA: &str = "api://AzureADTokenExchange";

fn client() -> Client {
    let options = Options {
        retries: 1,
        backoff: Duration::from_millis(1),
        ..Options::default()
    };
    Client::new(&options, &Report::silent()).unwrap()
}

fn jwt(issuer: &str, audience: &str) -> String {
    let claims = format!(r#"{{"iss":"{issuer}","aud":"{audience}","sub":"s"}}"#);
    format!("e30.{}.signature", URL_SAFE_NO_PAD.encode(claims))
}

/// The token of a job of `system`, and what a person reads without one.
async fn token_of(system: System, env: &[(&str, &str)], audience: &str) -> Result<String, String> {
    let source = source(system, &env.iter().copied().collect()).unwrap();
    let found = source.token(&client(), audience).await;
    assert!(!format!("{source:?}").contains("bearer-of-the-job"));
    found
        .map(|secret| secret.expose().to_owned())
        .map_err(|error| format!("{error}\n= {}", error.way_out().unwrap_or("-")))
}

fn available(system: System, env: &[(&str, &str)]) -> Result<(), String> {
    source(system, &env.iter().copied().collect()).unwrap().available()
}

#[tokio::test]
async fn github_is_asked_for_the_audience() {
    let server = Server::start(|_| Reply::new(200).body(r#"{"count":1,"value":"the.id.token"}"#)).await;
    let url = format!("http://{}/token?api-version=2.0", server.host);
    let env = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "bearer-of-the-job"),
    ];
    for system in [System::GitHub, System::Forgejo] {
        assert_eq!(available(system, &env), Ok(()));
        assert_eq!(token_of(system, &env, ENTRA).await.unwrap(), "the.id.token");
    }
    let line = "GET /token?api-version=2.0&audience=api%3A%2F%2FAzureADTokenExchange";
    assert_eq!(server.lines(), [line, line]);
    assert_eq!(
        server.seen()[0].header("authorization"),
        Some("Bearer bearer-of-the-job")
    );
}

#[tokio::test]
async fn github_s_server_is_not_trusted() {
    for (status, body) in [
        (200, "<html>sign in</html>"),
        (200, r#"{"value":""}"#),
        (200, r#"{"value":"a\n::set-output name=x::y"}"#),
        (200, "{}"),
        (302, ""),
        (403, "no"),
        (404, ""),
        (500, ""),
    ] {
        let server = Server::start(move |_| {
            Reply::new(status)
                .header("location", "http://other.example/")
                .body(body)
        });
        let server = server.await;
        let url = format!("http://{}/token?x=y", server.host);
        let env = [
            ("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "bearer-of-the-job"),
        ];
        let error = token_of(System::GitHub, &env, ENTRA).await.unwrap_err();
        assert!(
            !error.contains("bearer-of-the-job") && !error.contains("set-output"),
            "{error}"
        );
    }
}

#[test]
fn a_job_without_tokens_is_told_why() {
    let folder = tempfile::tempdir().unwrap();
    let event = |name: &str, head: &str| {
        let file = folder.path().join(name);
        let json =
            format!(r#"{{"pull_request":{{"head":{{"repo":{head}}},"base":{{"repo":{{"full_name":"o/r"}}}}}}}}"#);
        fs_err::write(&file, json).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let why = |env: &[(&str, &str)]| available(System::GitHub, env).unwrap_err();
    let pull = ("GITHUB_EVENT_NAME", "pull_request");
    for (name, head) in [("fork", r#"{"full_name":"me/r"}"#), ("deleted", "null")] {
        let reason = why(&[pull, ("GITHUB_EVENT_PATH", &event(name, head))]);
        assert_eq!(reason, "GitHub gives none to a pull request from a fork");
    }
    let own = why(&[pull, ("GITHUB_EVENT_PATH", &event("own", r#"{"full_name":"o/r"}"#))]);
    assert!(
        own.starts_with("the job has no `permissions: id-token: write`"),
        "{own}"
    );
    let dependabot = why(&[("GITHUB_ACTOR", "dependabot[bot]")]);
    assert_eq!(dependabot, "GitHub gives none to a job that Dependabot started");
    for (system, reason) in [
        (System::Forgejo, "the workflow has no `enable-openid-connect: true`"),
        (System::Gitea, "Gitea Actions gives jobs no ID tokens"),
        (System::GitLab, "the job has no `id_tokens:`"),
        (System::Azure, "the step has no variable AZURE_SERVICE_CONNECTION_ID"),
        (System::Bitbucket, "the step has no `oidc: true`"),
        (System::Drone, "the step has no variable PLUGIN_OIDC_TOKEN_ID"),
    ] {
        assert_eq!(available(system, &[]).unwrap_err(), reason);
    }
    assert!(available(System::Circle, &[]).is_err());
    assert!(source(System::Jenkins, &Env::default()).is_none());
}

#[tokio::test]
async fn gitlab_s_token_is_the_one_for_the_audience() {
    let server = ("CI_SERVER_URL", "https://gitlab.example");
    let (aws, azure) = (
        jwt("https://gitlab.example", "sts.amazonaws.com"),
        jwt("https://gitlab.example", ENTRA),
    );
    let (foreign, named) = (
        jwt("https://evil.example", ENTRA),
        jwt("https://other.example", "named"),
    );
    let env = [
        server,
        ("AAA", foreign.as_str()),
        ("AWS_TOKEN", aws.as_str()),
        ("AZURE_TOKEN", azure.as_str()),
        ("OCI_ARTIFACT_ID_TOKEN", named.as_str()),
    ];
    assert_eq!(token_of(System::GitLab, &env, ENTRA).await.unwrap(), azure);
    assert_eq!(token_of(System::GitLab, &env, "named").await.unwrap(), named);
    insta::assert_snapshot!(token_of(System::GitLab, &env[..3], ENTRA).await.unwrap_err(), @r#"
    no ID token of this job has the audience "api://AzureADTokenExchange": its own are for others: `AWS_TOKEN`
    = add to the job: id_tokens: {OCI_ARTIFACT_ID_TOKEN: {aud: "api://AzureADTokenExchange"}}
    "#);
}

#[tokio::test]
async fn azure_pipelines_is_asked_for_the_service_connection_s_token() {
    let server = Server::start(|_| Reply::new(200).body(r#"{"oidcToken":"the.id.token"}"#)).await;
    let url = format!("http://{}/o/_apis/oidctoken", server.host);
    let given = jwt("https://vstoken.dev.azure.com/o", ENTRA);
    let env = [
        ("SYSTEM_OIDCREQUESTURI", url.as_str()),
        ("SYSTEM_ACCESSTOKEN", "bearer-of-the-job"),
        ("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "the-connection"),
        ("idToken", given.as_str()),
    ];
    assert_eq!(token_of(System::Azure, &env[..3], ENTRA).await.unwrap(), "the.id.token");
    assert_eq!(token_of(System::Azure, &env, ENTRA).await.unwrap(), given);
    let line = "POST /o/_apis/oidctoken?api-version=7.1&serviceConnectionId=the-connection";
    assert_eq!(server.lines(), [line]);
    let seen = server.seen().remove(0);
    assert_eq!(seen.header("authorization"), Some("Bearer bearer-of-the-job"));
    assert_eq!(seen.header("x-tfs-fedauthredirect"), Some("Suppress"));
    insta::assert_snapshot!(token_of(System::Azure, &[env[0], env[2]], ENTRA).await.unwrap_err(), @"
    no ID token: the step has no variable SYSTEM_ACCESSTOKEN
    = set `env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)` on the step, and allow the pipeline to use the service connection
    ");
}

#[tokio::test]
async fn tokens_with_a_fixed_audience_are_given_as_they_are() {
    let given = jwt("https://oidc.example", "ari:cloud:bitbucket::workspace/1");
    let env = [("BITBUCKET_STEP_OIDC_TOKEN", given.as_str())];
    assert_eq!(token_of(System::Bitbucket, &env, ENTRA).await.unwrap(), given);
    let env = [("PLUGIN_OIDC_TOKEN_ID", given.as_str())];
    assert_eq!(token_of(System::Drone, &env, ENTRA).await.unwrap(), given);
    let env = [("CIRCLE_OIDC_TOKEN_V2", given.as_str())];
    let fixed = token_of(System::Circle, &env, "ari:cloud:bitbucket::workspace/1").await;
    assert_eq!(fixed.unwrap(), given);
}

#[cfg(unix)]
mod programs {
    use super::*;

    /// A directory with `name`; a link, as a file that was just written may still be busy when it is to run.
    fn folder_with(name: &str) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/helpers/ci-agent");
        std::os::unix::fs::symlink(program, folder.path().join(name)).unwrap();
        let path = format!("relative:{}:/usr/bin:/bin", folder.path().display());
        (folder, path)
    }

    #[tokio::test]
    async fn agents_are_asked_for_the_audience_without_a_shell() {
        let (_folder, path) = folder_with("buildkite-agent");
        let token = token_of(System::Buildkite, &[("PATH", &path)], "a;$(b)").await;
        assert_eq!(token.unwrap(), "called:oidc,request-token,--audience,a;$(b),");
        let (_folder, path) = folder_with("circleci");
        let token = token_of(System::Circle, &[("PATH", &path)], ENTRA).await.unwrap();
        assert_eq!(
            token,
            r#"called:run,oidc,get,--claims,{"aud":"api://AzureADTokenExchange"},"#
        );
    }

    #[tokio::test]
    async fn agents_that_fail_end_in_an_error() {
        let (_folder, path) = folder_with("buildkite-agent");
        for (mode, expected) in [
            ("fails", "no ID token: `buildkite-agent`: no such job\n"),
            (
                "floods",
                "no ID token: `buildkite-agent`: it printed more than 65536 bytes\n",
            ),
            (
                "lines",
                "buildkite-agent: its token has characters that no token may have\n",
            ),
            ("silent", "buildkite-agent: it gave an empty token\n"),
        ] {
            let error = token_of(System::Buildkite, &[("PATH", &path), ("MODE", mode)], ENTRA)
                .await
                .unwrap_err();
            assert!(error.starts_with(expected), "{mode}: {error}");
        }
        let error = token_of(System::Buildkite, &[("PATH", "/nonexistent")], ENTRA)
            .await
            .unwrap_err();
        assert!(error.contains("there is none on PATH"), "{error}");
        let env = [("PATH", path.as_str()), ("MODE", "hangs")].into_iter().collect();
        let hanging = program::Program::new("buildkite-agent", &env).patience(Duration::from_millis(100));
        let error = hanging.run(&[]).await.unwrap_err();
        assert!(error.to_string().contains("it gave no token in"), "{error}");
    }
}
