//! Google Artifact Registry.

use std::sync::Arc;

use serde_json::json;

use crate::support::cloud::Mint;
use crate::support::cloud::ci::{GITHUB, GITHUB_MAIN, Issuers};
use crate::support::cloud::google::{ACCOUNT, IAM_HOST, Iam, PROVIDER, STS_HOST, Sts};
use crate::support::connect::Internet;
use crate::support::personality::gar::{Gar, HOST, Settings};
use crate::support::runner::{Outcome, Run, Workspace};
use crate::support::server::Server;

use super::{Confined, article, confined, delete, each, oras_after_login, says, sources};

const REFERENCE: &str = "europe-docker.pkg.dev/my-project/samples/artifact:readme";

/// A registry, the services that give its tokens, and the CI system that the provider trusts.
struct World {
    gar: Gar,
    google: Arc<Mint>,
    issuers: Issuers,
    _services: [Server; 2],
    internet: Internet,
}

/// For a job whose ID token says `subject`, and a registry that lets `principal` in.
fn world(subject: &'static str, principal: &'static str, may_impersonate: bool) -> World {
    let internet = Internet::new();
    let issuers = Issuers::with_subject(&internet, subject);
    let google = Arc::<Mint>::default();
    let sts = Sts {
        believed: Arc::clone(&issuers.tokens),
        issued: Arc::clone(&google),
        subject: GITHUB_MAIN,
    };
    let iam = Iam {
        issued: Arc::clone(&google),
        allowed: may_impersonate,
    };
    World {
        gar: Gar::start(
            &internet,
            &google,
            Settings {
                principal,
                wrong_sizes: true,
            },
        ),
        _services: [
            internet.serve(STS_HOST, Arc::new(sts)),
            internet.serve(IAM_HOST, Arc::new(iam)),
        ],
        google,
        issuers,
        internet,
    }
}

impl World {
    fn github<'w>(&self, workspace: &'w Workspace) -> Run<'w> {
        let run = self.issuers.github(&self.internet, workspace);
        run.env("OCI_ARTIFACT_GCP_WORKLOAD_IDENTITY_PROVIDER", PROVIDER)
    }

    fn as_account<'w>(&self, workspace: &'w Workspace) -> Run<'w> {
        self.github(workspace).env("OCI_ARTIFACT_GCP_SERVICE_ACCOUNT", ACCOUNT)
    }

    /// With what `gcloud auth print-access-token` prints.
    fn token<'w>(&self, workspace: &'w Workspace) -> Run<'w> {
        let token = self.google.opaque("ya29.a0.", json!({"principal": ACCOUNT}));
        self.internet.run(workspace).env("OCI_ARTIFACT_TOKEN", token)
    }

    fn tokens(&self) -> Vec<Confined<'static>> {
        let federated = |token: &String| token.starts_with("ya29.d.");
        let (federated, own) = self.google.all().into_iter().partition(federated);
        each(self.issuers.tokens.all(), &[STS_HOST])
            .chain(each(federated, &[IAM_HOST, HOST]))
            .chain(each(own, &[HOST]))
            .chain(each(self.gar.access.all(), &[HOST]))
            .collect()
    }

    fn check(&self, workspace: &Workspace, outcome: &Outcome) {
        confined(&self.internet, workspace, outcome, &self.tokens());
    }
}

#[test]
fn the_article_in_a_job_on_github_with_a_provider_alone() {
    let world = world(GITHUB_MAIN, "federated", true);
    let check = |step: &str, workspace: &Workspace, outcome: &Outcome| {
        world.check(workspace, outcome);
        assert_eq!(world.internet.lines(STS_HOST), ["POST /v1/token"], "{step}");
        assert!(world.internet.seen(IAM_HOST).is_empty(), "{step}");
        assert_eq!(world.issuers.asked(&world.internet), 1, "{step}");
    };
    article(
        &world.internet,
        &world.gar.registry,
        REFERENCE,
        |w| world.github(w),
        check,
    );
}

#[test]
fn the_article_in_a_job_on_github_as_a_service_account() {
    let world = world(GITHUB_MAIN, ACCOUNT, true);
    let check = |step: &str, workspace: &Workspace, outcome: &Outcome| {
        world.check(workspace, outcome);
        assert_eq!(world.internet.lines(STS_HOST), ["POST /v1/token"], "{step}");
        assert_eq!(world.internet.seen(IAM_HOST).len(), 1, "{step}");
    };
    article(
        &world.internet,
        &world.gar.registry,
        REFERENCE,
        |w| world.as_account(w),
        check,
    );
}

#[test]
fn the_article_with_an_access_token() {
    let world = world(GITHUB_MAIN, ACCOUNT, true);
    let check = |_: &str, workspace: &Workspace, outcome: &Outcome| world.check(workspace, outcome);
    article(
        &world.internet,
        &world.gar.registry,
        REFERENCE,
        |w| world.token(w),
        check,
    );
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn oras_goes_on_from_our_login() {
    let world = world(GITHUB_MAIN, "federated", true);
    let workspace = sources();
    oras_after_login(&world.internet, &workspace, world.github(&workspace), REFERENCE);
}

#[test]
fn a_subject_that_the_provider_does_not_trust_is_told_with_its_claims() {
    let subject = "repo:Me/App:pull_request";
    let world = world(subject, "federated", true);
    let workspace = sources();
    let outcome = world.github(&workspace).args(["push", REFERENCE, "readme.md"]).call();
    says(
        &outcome,
        3,
        &[GITHUB, PROVIDER, subject, "attribute condition", "hint: "],
    );
    world.check(&workspace, &outcome);
}

#[test]
fn a_provider_that_may_not_be_the_service_account_is_told_which_permission_it_lacks() {
    let world = world(GITHUB_MAIN, ACCOUNT, false);
    let workspace = sources();
    let outcome = world
        .as_account(&workspace)
        .args(["push", REFERENCE, "readme.md"])
        .call();
    says(&outcome, 3, &["iam.serviceAccounts.getAccessToken", ACCOUNT, "hint: "]);
    world.check(&workspace, &outcome);
}

/// genuinetools/reg#136, enix/kube-image-keeper#636: a manifest that has a tag is not deleted.
#[test]
fn reg_136_the_tag_is_deleted_before_the_manifest() {
    let world = world(GITHUB_MAIN, ACCOUNT, true);
    let workspace = sources();
    let run = world.token(&workspace).args(["push", REFERENCE, "readme.md"]);
    run.call().success();
    delete(&world.gar.registry, REFERENCE, |w| world.token(w));
    assert!(world.gar.registry.tags("my-project/samples/artifact").is_empty());
}

/// Whoever the registry doesn't know gets a token from it all the same, that is good for nothing.
#[test]
fn a_token_that_is_good_for_nothing_is_denied_in_bounded_time() {
    let world = world(GITHUB_MAIN, "another", true);
    let workspace = sources();
    let outcome = world.token(&workspace).args(["push", REFERENCE, "readme.md"]).call();
    says(&outcome, 3, &["hint: "]);
    assert!(world.internet.seen(HOST).len() < 20, "{:?}", world.internet.lines(HOST));
    world.check(&workspace, &outcome);
}
