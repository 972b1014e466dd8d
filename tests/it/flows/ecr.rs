//! Amazon ECR, private.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::support::cloud::Mint;
use crate::support::cloud::aws::{self, AUDIENCE, ECR_API_HOST, EcrApi, REGION, ROLE, STS_HOST, Sts};
use crate::support::cloud::ci::{GITHUB, GITHUB_MAIN, Issuers};
use crate::support::connect::Internet;
use crate::support::personality::ecr::{Ecr, HOST, STORAGE, Settings};
use crate::support::runner::{Outcome, Run, Workspace};
use crate::support::server::Server;

use super::{Confined, article, confined, delete, each, oras_after_login, says, sources};

const REFERENCE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/samples/artifact:readme";

/// A registry, the services that give its password, and the CI system that the role trusts.
struct World {
    ecr: Ecr,
    keys: Arc<Mint>,
    passwords: Arc<Mint>,
    sts: Arc<Sts>,
    api: Arc<EcrApi>,
    issuers: Issuers,
    _services: [Server; 2],
    internet: Internet,
}

fn world(settings: Settings) -> World {
    with(GITHUB_MAIN, true, settings)
}

fn with(subject: &'static str, allowed: bool, settings: Settings) -> World {
    let internet = Internet::new();
    let issuers = Issuers::with_subject(&internet, subject);
    let (keys, passwords) = (Arc::<Mint>::default(), Arc::<Mint>::default());
    let sts = Arc::new(Sts {
        believed: Arc::clone(&issuers.tokens),
        keys: Arc::clone(&keys),
        subject: GITHUB_MAIN,
    });
    let api = Arc::new(EcrApi {
        kind: aws::Ecr::Private,
        keys: Arc::clone(&keys),
        passwords: Arc::clone(&passwords),
        allowed,
        ending: 0.into(),
    });
    World {
        ecr: Ecr::start(&internet, &passwords, settings),
        _services: [
            internet.serve(STS_HOST, Arc::clone(&sts) as _),
            internet.serve(ECR_API_HOST, Arc::clone(&api) as _),
        ],
        keys,
        passwords,
        sts,
        api,
        issuers,
        internet,
    }
}

fn there() -> Settings {
    Settings {
        repositories: &["samples/artifact"],
        ..Settings::default()
    }
}

impl World {
    fn github<'w>(&self, workspace: &'w Workspace) -> Run<'w> {
        let run = self.issuers.github(&self.internet, workspace);
        run.env("OCI_ARTIFACT_AWS_ROLE_ARN", ROLE)
    }

    /// With the password that `aws ecr get-login-password` prints.
    fn password<'w>(&self, workspace: &'w Workspace) -> Run<'w> {
        let password = self.passwords.opaque("eyJwYXlsb2FkIjoi", Value::Null);
        self.internet.run(workspace).env("OCI_ARTIFACT_TOKEN", password)
    }

    fn push<'w>(&self, workspace: &'w Workspace) -> Run<'w> {
        self.password(workspace).args(["push", REFERENCE, "readme.md"])
    }

    fn tokens(&self) -> Vec<Confined<'static>> {
        let session = |token: &String| token.starts_with("FwoGZXIvYXdzE");
        let (sessions, keys) = self.keys.all().into_iter().partition(session);
        // The id of an access key is no secret: it stands in each signature.
        let secrets = Vec::into_iter(keys)
            .filter(|key| !key.starts_with("ASIA") && !key.starts_with("AKIA"))
            .collect();
        each(self.issuers.tokens.all(), &[STS_HOST])
            .chain(each(sessions, &[ECR_API_HOST]))
            .chain(each(secrets, &[]))
            .chain(each(self.passwords.all(), &[HOST]))
            .collect()
    }

    fn check(&self, step: &str, workspace: &Workspace, outcome: &Outcome) {
        assert_eq!(self.internet.lines(STORAGE).is_empty(), step != "pull", "{step}");
        confined(&self.internet, workspace, outcome, &self.tokens());
    }
}

#[test]
fn the_article_in_a_job_on_github_with_a_role_alone() {
    let world = world(there());
    let check = |step: &str, workspace: &Workspace, outcome: &Outcome| {
        world.check(step, workspace, outcome);
        for host in [STS_HOST, ECR_API_HOST] {
            assert_eq!(world.internet.lines(host), ["POST /"], "{step}");
        }
        assert_eq!(world.issuers.asked(&world.internet), 1, "{step}");
    };
    article(
        &world.internet,
        &world.ecr.registry,
        REFERENCE,
        |w| world.github(w),
        check,
    );
    delete(&world.ecr.registry, REFERENCE, |w| world.github(w));
}

#[test]
fn the_article_with_the_password_that_aws_prints() {
    let world = world(there());
    let check = |step: &str, workspace: &Workspace, outcome: &Outcome| world.check(step, workspace, outcome);
    article(
        &world.internet,
        &world.ecr.registry,
        REFERENCE,
        |w| world.password(w),
        check,
    );
    delete(&world.ecr.registry, REFERENCE, |w| world.password(w));
}

#[test]
fn where_nothing_can_be_deleted_the_other_way_is_told() {
    let world = world(Settings {
        no_delete: true,
        ..there()
    });
    let workspace = sources();
    world.push(&workspace).call().success();
    let outcome = world.password(&workspace).args(["delete", REFERENCE]).call();
    says(&outcome, 5, &["aws ecr batch-delete-image"]);
}

/// `AWS_ENDPOINT_URL_STS` and `AWS_ENDPOINT_URL_ECR`, as the SDKs have them.
#[test]
fn endpoints_follow_awss_own_variables() {
    let world = world(there());
    let sts = world.internet.local("sts", false, Arc::clone(&world.sts) as _);
    let api = world.internet.local("api", false, Arc::clone(&world.api) as _);
    let workspace = sources();
    let run = world
        .issuers
        .github(&world.internet, &workspace)
        .env("AWS_ROLE_ARN", ROLE);
    let outcome = run
        .env("AWS_ENDPOINT_URL_STS", format!("http://{}", sts.host()))
        .env("AWS_ENDPOINT_URL_ECR", format!("http://{}", api.host()))
        .args(["push", REFERENCE, "readme.md"])
        .call();
    outcome.success();
    for (local, host) in [("sts", STS_HOST), ("api", ECR_API_HOST)] {
        assert_eq!(world.internet.lines(local), ["POST /"]);
        assert!(world.internet.seen(host).is_empty());
    }
}

/// Keys of a user or of a machine, as AWS's own tools read them.
#[test]
fn keys_in_the_environment_are_enough() {
    let world = world(there());
    let workspace = sources();
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let access = world.keys.opaque("AKIA", json!({"secret": secret}));
    let run = world.internet.run(&workspace).env("AWS_ACCESS_KEY_ID", access);
    let outcome = run
        .env("AWS_SECRET_ACCESS_KEY", secret)
        .env("AWS_REGION", REGION)
        .args(["push", REFERENCE, "readme.md"])
        .call();
    outcome.success();
    assert!(world.internet.seen(STS_HOST).is_empty());
    let tokens = [vec![(secret.to_owned(), &[][..])], world.tokens()].concat();
    confined(&world.internet, &workspace, &outcome, &tokens);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn oras_goes_on_from_our_login() {
    let world = world(there());
    let workspace = sources();
    oras_after_login(&world.internet, &workspace, world.github(&workspace), REFERENCE);
}

#[test]
fn a_subject_that_the_role_does_not_trust_is_told_with_its_claims() {
    let subject = "repo:Me/App:environment:production";
    let world = with(subject, true, there());
    let workspace = sources();
    let outcome = world.github(&workspace).args(["push", REFERENCE, "readme.md"]).call();
    says(
        &outcome,
        3,
        &[GITHUB, AUDIENCE, subject, "sts:AssumeRoleWithWebIdentity", "hint: "],
    );
    assert!(world.internet.seen(ECR_API_HOST).is_empty());
    confined(&world.internet, &workspace, &outcome, &world.tokens());
}

#[test]
fn a_role_that_may_not_get_a_password_is_told_which_permission_it_lacks() {
    let world = with(GITHUB_MAIN, false, there());
    let workspace = sources();
    let outcome = world.github(&workspace).args(["push", REFERENCE, "readme.md"]).call();
    says(&outcome, 3, &["ecr:GetAuthorizationToken", "hint: "]);
    confined(&world.internet, &workspace, &outcome, &world.tokens());
}

#[test]
fn a_repository_that_is_not_there_is_to_be_made_first() {
    let world = world(Settings::default());
    says(
        &world.push(&sources()).call(),
        4,
        &["samples/artifact", "aws ecr create-repository"],
    );
}

/// aws/containers-roadmap#2380: refused even for the same manifest.
#[test]
fn a_tag_that_does_not_change_is_no_problem_for_the_same_files() {
    let world = world(Settings {
        immutable: true,
        ..there()
    });
    let workspace = sources();
    world.push(&workspace).call().success();
    world.push(&workspace).call().success();
    workspace.write("readme.md", "Other Content\n");
    says(
        &world.push(&workspace).call(),
        5,
        &["keeps this tag or repository from being changed"],
    );
}

/// And where HEAD doesn't tell that it is there, the refusal of the PUT is judged by what is.
#[test]
fn ggcr_1662_a_head_that_is_refused_is_followed_by_a_get() {
    let world = world(Settings {
        head_refused: true,
        ..there()
    });
    let workspace = sources();
    world.push(&workspace).call().success();
    let outcome = world
        .password(&workspace)
        .args(["pull", REFERENCE, "-o", "download"])
        .call();
    outcome.success();
    world.push(&workspace).call().success();
}

/// flipt#3043: 403, and no challenge.
#[test]
fn flipt_3043_an_expired_password_is_named_as_such() {
    let world = world(there());
    let workspace = sources();
    let password = world.passwords.opaque("eyJwYXlsb2FkIjoi", json!({"expired": true}));
    let outcome = world.push(&workspace).env("OCI_ARTIFACT_TOKEN", &password).call();
    says(&outcome, 3, &["expired", "hint: "]);
    confined(&world.internet, &workspace, &outcome, &[(password, &[HOST])]);
}

/// A password that was got for this run and has ended is got once more; one that was given is not ours to replace.
#[test]
fn flipt_3043_a_password_that_ended_in_mid_run_is_got_once_more() {
    for (ending, code, logins) in [(1, 0, 2), (2, 3, 2)] {
        let world = world(there());
        world.api.ending.store(ending, Ordering::SeqCst);
        let workspace = sources();
        let outcome = world.github(&workspace).args(["push", REFERENCE, "readme.md"]).call();
        outcome.exit(code);
        assert_eq!(world.internet.lines(ECR_API_HOST).len(), logins);
        confined(&world.internet, &workspace, &outcome, &world.tokens());
    }
}

/// google/go-containerregistry#1091: no page of more than 1,000.
#[test]
fn ggcr_1091_pages_are_small_enough() {
    let world = world(there());
    let workspace = sources();
    world.push(&workspace).call().success();
    let outcome = world
        .password(&workspace)
        .args(["list", REFERENCE.trim_end_matches(":readme")])
        .call();
    assert_eq!(outcome.success().stdout, "readme\n");
}
