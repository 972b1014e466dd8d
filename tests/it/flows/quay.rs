//! Quay.

use crate::support::cloud::ci::{GITHUB, GITHUB_MAIN, Issuers};
use crate::support::connect::Internet;
use crate::support::personality::quay::{HOST, Quay, ROBOT, STORAGE};
use crate::support::runner::{Outcome, Run, Workspace};

use super::{Confined, article, confined, delete, each, oras_after_login, says, sources};

const REFERENCE: &str = "quay.io/me/artifact:readme";

/// A registry, and the CI system that its robot trusts.
struct World {
    quay: Quay,
    issuers: Issuers,
    internet: Internet,
}

fn world(subject: &'static str) -> World {
    let internet = Internet::new();
    let issuers = Issuers::with_subject(&internet, subject);
    World {
        quay: Quay::start(&internet, &issuers.tokens, (GITHUB, GITHUB_MAIN)),
        issuers,
        internet,
    }
}

impl World {
    fn github<'w>(&self, workspace: &'w Workspace) -> Run<'w> {
        let run = self.issuers.github(&self.internet, workspace);
        run.env("OCI_ARTIFACT_QUAY_ROBOT", ROBOT)
    }

    /// With the robot's own password.
    fn password<'w>(&self, workspace: &'w Workspace) -> Run<'w> {
        let password = self.quay.robot.opaque("", serde_json::Value::Null);
        let run = self.internet.run(workspace).env("OCI_ARTIFACT_USERNAME", ROBOT);
        run.env("OCI_ARTIFACT_PASSWORD", password)
    }

    fn tokens(&self) -> Vec<Confined<'static>> {
        each(self.issuers.tokens.all(), &[HOST])
            .chain(each(self.quay.robot.all(), &[HOST]))
            .chain(each(self.quay.access.all(), &[HOST]))
            .collect()
    }

    fn check(&self, step: &str, workspace: &Workspace, outcome: &Outcome) {
        assert_eq!(self.internet.lines(STORAGE).is_empty(), step != "pull", "{step}");
        confined(&self.internet, workspace, outcome, &self.tokens());
    }
}

#[test]
fn the_article_in_a_job_on_github_with_a_robots_name_alone() {
    let world = world(GITHUB_MAIN);
    let check = |step: &str, workspace: &Workspace, outcome: &Outcome| {
        world.check(step, workspace, outcome);
        let logins = world.internet.lines(HOST);
        let logins = logins
            .iter()
            .filter(|line| *line == "GET /oauth2/federation/robot/token");
        assert_eq!(logins.count(), 1, "{step}");
        assert_eq!(world.issuers.asked(&world.internet), 1, "{step}");
    };
    article(
        &world.internet,
        &world.quay.registry,
        REFERENCE,
        |w| world.github(w),
        check,
    );
    delete(&world.quay.registry, REFERENCE, |w| world.github(w));
}

#[test]
fn the_article_with_a_robots_password() {
    let world = world(GITHUB_MAIN);
    let check = |step: &str, workspace: &Workspace, outcome: &Outcome| world.check(step, workspace, outcome);
    article(
        &world.internet,
        &world.quay.registry,
        REFERENCE,
        |w| world.password(w),
        check,
    );
    delete(&world.quay.registry, REFERENCE, |w| world.password(w));
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn oras_goes_on_from_our_login() {
    let world = world(GITHUB_MAIN);
    let workspace = sources();
    oras_after_login(&world.internet, &workspace, world.github(&workspace), REFERENCE);
}

#[test]
fn a_subject_that_the_robot_does_not_trust_is_told_with_its_claims() {
    let subject = "repo:Me/App:ref:refs/heads/feature";
    let world = world(subject);
    let workspace = sources();
    let outcome = world.github(&workspace).args(["push", REFERENCE, "readme.md"]).call();
    says(&outcome, 3, &[GITHUB, subject, ROBOT, "hint: "]);
    confined(&world.internet, &workspace, &outcome, &world.tokens());
}

#[test]
fn another_organisation_is_denied_in_bounded_time() {
    let world = world(GITHUB_MAIN);
    let workspace = sources();
    let outcome = world
        .password(&workspace)
        .args(["push", "quay.io/other/artifact:v1", "readme.md"])
        .call();
    says(&outcome, 3, &["hint: "]);
    assert!(world.internet.seen(HOST).len() < 20, "{:?}", world.internet.lines(HOST));
}

/// nebi#539: fetched in parallel, tokens for a repository that isn't there yet are refused now and then.
#[test]
fn nebi_539_many_blobs_want_one_token() {
    let world = world(GITHUB_MAIN);
    let workspace = sources();
    for number in 0..20 {
        workspace.write(&format!("files/{number}"), format!("{number}"));
    }
    let run = world
        .password(&workspace)
        .args(["push", REFERENCE, "files/*", "--concurrency", "8"]);
    run.call().success();
    let asked: Vec<_> = world
        .internet
        .seen(HOST)
        .iter()
        .flat_map(|seen| seen.query("scope"))
        .collect();
    let mut scopes = asked.clone();
    scopes.sort_unstable();
    scopes.dedup();
    assert_eq!(scopes.len(), asked.len(), "{asked:?}");
}
