//! Another program at the fakes: what ORAS takes for the real ones is real enough, and where it fails we know why.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::flows::{says, sources};
use crate::support::cloud::ci::{GITHUB, GITHUB_MAIN};
use crate::support::cloud::entra::Entra;
use crate::support::cloud::{Mint, aws};
use crate::support::connect::Internet;
use crate::support::peers::program;
use crate::support::personality::{acr, ecr, gar, ghcr, quay};
use crate::support::runner::{Outcome, Workspace};

/// The article's commands as they stand there, with user and password; the last one's outcome.
fn oras(internet: &Internet, reference: &str, user: &str, password: &str) -> Outcome {
    let workspace = sources();
    let authority = workspace.home().join("authority.pem");
    fs_err::write(&authority, internet.authority()).unwrap();
    let oras = |args: &[&str]| {
        let run = workspace
            .run()
            .program(program("oras"))
            .env("HTTPS_PROXY", internet.proxy_url());
        run.args(args).args(["--ca-file", authority.as_str()]).call()
    };
    let host = reference.split('/').next().unwrap();
    oras(&["login", host, "--username", user, "--password", password]).success();
    let typed = ["--artifact-type", "readme/example"];
    let push = ["push", reference, "./readme.md:application/markdown", "./details"];
    oras(&[&push[..], &typed[..]].concat()).success();
    oras(&["manifest", "fetch", "--pretty", reference]).success();
    oras(&["pull", "-o", "./download", reference]).success();
    assert_eq!(pulled(&workspace), "More detailed Content\n");
    oras(&["manifest", "delete", "--force", reference])
}

fn pulled(workspace: &Workspace) -> String {
    workspace.read("download/details/readme-more-details.md")
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn oras_does_the_article_on_acr() {
    let internet = Internet::new();
    let entra = Entra {
        believed: Arc::default(),
        issued: Arc::default(),
        trusted: Vec::new(),
    };
    let registry = acr::Acr::start(&internet, &entra, acr::Settings::default());
    let token = registry.refresh.jwt(json!({"iss": "Azure Container Registry"}));
    oras(
        &internet,
        "myregistry.azurecr.io/samples/artifact:readme",
        acr::TOKEN_USER,
        &token,
    )
    .success();
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn oras_does_the_article_on_ecr() {
    let internet = Internet::new();
    let passwords = Arc::<Mint>::default();
    let settings = ecr::Settings {
        repositories: &["samples/artifact"],
        ..ecr::Settings::default()
    };
    let _registry = ecr::Ecr::start(&internet, &passwords, settings);
    let password = passwords.opaque("p", Value::Null);
    let reference = format!("{}/samples/artifact:readme", ecr::HOST);
    oras(&internet, &reference, "AWS", &password).success();
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn oras_does_the_article_on_gar_but_for_the_delete() {
    let internet = Internet::new();
    let google = Arc::<Mint>::default();
    let settings = gar::Settings {
        principal: "me",
        wrong_sizes: false,
    };
    let _registry = gar::Gar::start(&internet, &google, settings);
    let token = google.opaque("ya29.", json!({"principal": "me"}));
    let reference = "europe-docker.pkg.dev/my-project/samples/artifact:readme";
    let outcome = oras(&internet, reference, "oauth2accesstoken", &token);
    says(&outcome, 1, &["still referenced by one or more tags"]);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn oras_does_the_article_on_quay() {
    let internet = Internet::new();
    let registry = quay::Quay::start(&internet, &Arc::default(), (GITHUB, GITHUB_MAIN));
    let password = registry.robot.opaque("", Value::Null);
    oras(&internet, "quay.io/me/artifact:readme", quay::ROBOT, &password).success();
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn oras_does_the_article_on_ghcr_but_for_the_delete() {
    let internet = Internet::new();
    let registry = ghcr::Ghcr::start(&internet, ghcr::Packages::Write);
    let outcome = oras(
        &internet,
        "ghcr.io/me/app/artifact:readme",
        "octocat",
        &registry.github_token,
    );
    assert_ne!(outcome.code, Some(0));
}

/// curl signs requests, too.
#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn curl_signs_as_aws_wants_it() {
    let internet = Internet::new();
    let (keys, passwords) = (Arc::<Mint>::default(), Arc::<Mint>::default());
    let api = aws::EcrApi {
        kind: aws::Ecr::Private,
        keys: Arc::clone(&keys),
        passwords: Arc::clone(&passwords),
        allowed: true,
        ending: 0.into(),
    };
    let _server = internet.serve(aws::ECR_API_HOST, Arc::new(api));
    let workspace = Workspace::new();
    workspace.write("authority.pem", internet.authority());
    let key = keys.opaque("ASIA", json!({"secret": "a/secret+key", "session": "a//session=="}));
    let ask = |user: &str| {
        let run = workspace
            .run()
            .program("curl")
            .args(["--silent", "--cacert", "authority.pem"]);
        run.args(["--proxy", &internet.proxy_url(), "--user", user, "--data", "{}"])
            .args(["--aws-sigv4", &format!("aws:amz:{}:ecr", aws::REGION)])
            .args(["--header", "Content-Type: application/x-amz-json-1.1"])
            .args([
                "--header",
                "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
            ])
            .args(["--header", "X-Amz-Security-Token: a//session=="])
            .arg(format!("https://{}/", aws::ECR_API_HOST))
            .call()
            .json()
    };
    assert!(ask(&format!("{key}:a/secret+key"))["authorizationData"][0]["authorizationToken"].is_string());
    assert_eq!(ask(&format!("{key}:another"))["__type"], "InvalidSignatureException");
}
