//! Several clouds in one run: each of them learns what is its own.

use std::sync::Arc;

use crate::support::cloud::ci::{GITHUB, GITHUB_MAIN, Issuers};
use crate::support::cloud::entra::{self, CLIENT, Entra, TENANT};
use crate::support::cloud::{Mint, aws};
use crate::support::connect::Internet;
use crate::support::personality::{acr, ecr, ghcr, quay};

use super::{confined, each, sources};

#[test]
fn four_registries_in_one_run_with_ids_alone() {
    let internet = Internet::new();
    let issuers = Issuers::start(&internet);
    let entra = Arc::new(Entra {
        believed: Arc::clone(&issuers.tokens),
        issued: Arc::default(),
        trusted: vec![(GITHUB, GITHUB_MAIN)],
    });
    let (keys, passwords) = (Arc::<Mint>::default(), Arc::<Mint>::default());
    let sts = aws::Sts {
        believed: Arc::clone(&issuers.tokens),
        keys: Arc::clone(&keys),
        subject: GITHUB_MAIN,
    };
    let api = aws::EcrApi {
        kind: aws::Ecr::Private,
        keys: Arc::clone(&keys),
        passwords: Arc::clone(&passwords),
        allowed: true,
        ending: 0.into(),
    };
    let _services = [
        internet.serve(entra::HOST, Arc::clone(&entra) as _),
        internet.serve(aws::STS_HOST, Arc::new(sts)),
        internet.serve(aws::ECR_API_HOST, Arc::new(api)),
    ];
    let azure = acr::Acr::start(&internet, &entra, acr::Settings::default());
    let settings = ecr::Settings {
        repositories: &["a"],
        ..ecr::Settings::default()
    };
    let amazon = ecr::Ecr::start(&internet, &passwords, settings);
    let red_hat = quay::Quay::start(&internet, &issuers.tokens, (GITHUB, GITHUB_MAIN));
    let github = ghcr::Ghcr::start(&internet, ghcr::Packages::Write);

    let workspace = sources();
    let places = [
        (format!("{}/a", acr::HOST), "a", &azure.registry),
        (format!("{}/a", ecr::HOST), "a", &amazon.registry),
        (format!("{}/me/a", quay::HOST), "me/a", &red_hat.registry),
        (format!("{}/me/a", ghcr::HOST), "me/a", &github.registry),
    ];
    let artifact = |(at, (place, ..)): (usize, &(String, _, _))| {
        format!("- {{name: n{at}, reference: '{place}:v1', files: [readme.md, details]}}\n")
    };
    let spec: String = places.iter().enumerate().map(artifact).collect();
    let outcome = issuers
        .github(&internet, &workspace)
        .env("OCI_ARTIFACT_AZURE_CLIENT_ID", CLIENT)
        .env("OCI_ARTIFACT_AZURE_TENANT_ID", TENANT)
        .env("OCI_ARTIFACT_AWS_ROLE_ARN", aws::ROLE)
        .env("OCI_ARTIFACT_QUAY_ROBOT", quay::ROBOT)
        .env("OCI_ARTIFACT_GITHUB_TOKEN", &github.github_token)
        .env("OCI_ARTIFACT_SPEC", format!("artifacts:\n{spec}"))
        .args(["push", "--log-level", "debug"])
        .call();
    outcome.success();
    let digests: Vec<_> = places.iter().map(|(_, name, registry)| registry.tags(name)).collect();
    assert!(
        digests.iter().all(|tags| tags.len() == 1 && tags[0].0 == "v1"),
        "{digests:?}"
    );
    // One ID token each: they have different audiences.
    assert_eq!(issuers.asked(&internet), 3);
    let quays_own = |token: &String| {
        issuers
            .tokens
            .claims(token)
            .is_some_and(|claims| claims["aud"] != entra::ASSERTION_AUDIENCE && claims["aud"] != aws::AUDIENCE)
    };
    let by_audience = |audience: &str| {
        let for_it = |token: &String| {
            issuers
                .tokens
                .claims(token)
                .is_some_and(|claims| claims["aud"] == audience)
        };
        issuers.tokens.all().into_iter().filter(for_it).collect::<Vec<_>>()
    };
    let for_quay = issuers.tokens.all().into_iter().filter(quays_own).collect();
    let tokens: Vec<_> = each(by_audience(entra::ASSERTION_AUDIENCE), &[entra::HOST])
        .chain(each(by_audience(aws::AUDIENCE), &[aws::STS_HOST]))
        .chain(each(for_quay, &[quay::HOST]))
        .chain(each(entra.issued.all(), &[acr::HOST]))
        .chain(each(azure.refresh.all(), &[acr::HOST]))
        .chain(each(azure.access.all(), &[acr::HOST]))
        .chain(each(passwords.all(), &[ecr::HOST]))
        .chain(each(red_hat.robot.all(), &[quay::HOST]))
        .chain(each(red_hat.access.all(), &[quay::HOST]))
        .chain(each(vec![github.github_token.clone()], &[ghcr::HOST]))
        .chain(each(github.access.all(), &[ghcr::HOST]))
        .collect();
    assert!(tokens.len() >= 11, "{}", tokens.len());
    confined(&internet, &workspace, &outcome, &tokens);
}
