//! Amazon ECR Public.

use std::sync::Arc;

use serde_json::Value;

use crate::support::cloud::Mint;
use crate::support::cloud::aws::{self, Ecr, EcrApi, ROLE, Sts};
use crate::support::cloud::ci::{GITHUB_MAIN, Issuers};
use crate::support::connect::Internet;
use crate::support::faults::Fault;
use crate::support::personality::ecr_public::{EcrPublic, HOST};
use crate::support::runner::{Outcome, Run, Workspace};
use crate::support::server::Server;

use super::{Confined, article, confined, delete, each, says, sources};

const REFERENCE: &str = "public.ecr.aws/me/artifact:readme";

/// The registry, the services that give its password, and the CI system that the role trusts.
struct World {
    ecr: EcrPublic,
    passwords: Arc<Mint>,
    issuers: Issuers,
    /// STS in the one region of the registry, and where a job may have it.
    _services: [Server; 3],
    internet: Internet,
}

fn world() -> World {
    let internet = Internet::new();
    let issuers = Issuers::start(&internet);
    let (keys, passwords) = (Arc::<Mint>::default(), Arc::<Mint>::default());
    let sts = Arc::new(Sts {
        believed: Arc::clone(&issuers.tokens),
        keys: Arc::clone(&keys),
        subject: GITHUB_MAIN,
    });
    let api = EcrApi {
        kind: Ecr::Public,
        keys,
        passwords: Arc::clone(&passwords),
        allowed: true,
        ending: 0.into(),
    };
    World {
        ecr: EcrPublic::start(&internet, &passwords),
        _services: [
            internet.serve(aws::STS_HOST, Arc::clone(&sts) as _),
            internet.serve(aws::STS_HOST_OF_PUBLIC, sts),
            internet.serve(aws::ECR_PUBLIC_API_HOST, Arc::new(api)),
        ],
        passwords,
        issuers,
        internet,
    }
}

impl World {
    fn github<'w>(&self, workspace: &'w Workspace) -> Run<'w> {
        let run = self.issuers.github(&self.internet, workspace);
        run.env("OCI_ARTIFACT_AWS_ROLE_ARN", ROLE)
    }

    /// With what `aws ecr-public get-login-password` prints.
    fn password<'w>(&self, workspace: &'w Workspace) -> Run<'w> {
        let password = self.passwords.opaque("eyJwYXlsb2FkIjoi", Value::Null);
        self.internet.run(workspace).env("OCI_ARTIFACT_TOKEN", password)
    }

    fn tokens(&self) -> Vec<Confined<'static>> {
        each(self.issuers.tokens.all(), &[aws::STS_HOST, aws::STS_HOST_OF_PUBLIC])
            .chain(each(self.passwords.all(), &[HOST]))
            .chain(each(self.ecr.access.all(), &[HOST]))
            .collect()
    }
}

#[test]
fn the_article_in_a_job_on_github_with_a_role_alone() {
    let world = world();
    let check = |step: &str, workspace: &Workspace, outcome: &Outcome| {
        confined(&world.internet, workspace, outcome, &world.tokens());
        let logins = [aws::STS_HOST, aws::STS_HOST_OF_PUBLIC].map(|host| world.internet.seen(host).len());
        assert_eq!(logins.iter().sum::<usize>(), 1, "{step}");
        assert_eq!(world.internet.lines(aws::ECR_PUBLIC_API_HOST), ["POST /"], "{step}");
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
    let world = world();
    let check = |_: &str, workspace: &Workspace, outcome: &Outcome| {
        confined(&world.internet, workspace, outcome, &world.tokens());
    };
    article(
        &world.internet,
        &world.ecr.registry,
        REFERENCE,
        |w| world.password(w),
        check,
    );
}

#[test]
fn anyone_may_read() {
    let world = world();
    let workspace = sources();
    world
        .password(&workspace)
        .args(["push", REFERENCE, "readme.md"])
        .call()
        .success();
    let outcome = world
        .internet
        .run(&workspace)
        .args(["pull", REFERENCE, "-o", "download"])
        .call();
    outcome.success();
    let refused = world
        .internet
        .run(&workspace)
        .args(["push", REFERENCE, "details"])
        .call();
    says(&refused, 3, &["no credential was found"]);
}

/// aws/containers-roadmap#2835: a token that has expired is 400, and no challenge.
#[test]
fn containers_roadmap_2835_an_expired_token_is_renewed() {
    let world = world();
    let workspace = sources();
    let expired = r#"{"errors":[{"code":"DENIED","message":"Your authorization token has expired. Reauthenticate."}]}"#;
    let fault = Fault::on("PUT", "/manifests/")
        .answer(400)
        .header("content-type", "application/json")
        .body(expired);
    world.ecr.registry.fault(fault);
    world
        .password(&workspace)
        .args(["push", REFERENCE, "readme.md"])
        .call()
        .success();
    let lines = world.internet.lines(HOST);
    let count = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
    assert_eq!(
        [count("GET /token/"), count("PUT /v2/me/artifact/blobs/")],
        [2, 2],
        "{lines:?}"
    );
}
