//! The GitHub container registry, with the token that each job has.

use std::sync::Arc;

use crate::support::cloud::ci::{fork, github};
use crate::support::connect::Internet;
use crate::support::message::{Reply, Request};
use crate::support::personality::ghcr::{Ghcr, HOST, Packages, STORAGE};
use crate::support::recorder::assert_no_credential;
use crate::support::runner::{Outcome, Run, Workspace};

use super::{Confined, article, confined, each, says, sources};

const REFERENCE: &str = "ghcr.io/me/app/artifact:readme";

struct World {
    ghcr: Ghcr,
    internet: Internet,
}

fn world(packages: Packages) -> World {
    let internet = Internet::new();
    World {
        ghcr: Ghcr::start(&internet, packages),
        internet,
    }
}

impl World {
    /// As the action hands the token over: by its default.
    fn github<'w>(&self, workspace: &'w Workspace) -> Run<'w> {
        github(&self.internet, workspace).env("OCI_ARTIFACT_GITHUB_TOKEN", &self.ghcr.github_token)
    }

    /// A pull request from a fork: the token may read, whatever the workflow asks for, and there is no ID token.
    fn fork<'w>(&self, workspace: &'w Workspace) -> Run<'w> {
        fork(self.github(workspace), workspace).args(["push", REFERENCE, "readme.md"])
    }

    fn tokens(&self) -> Vec<Confined<'static>> {
        each(vec![self.ghcr.github_token.clone()], &[HOST])
            .chain(each(self.ghcr.access.all(), &[HOST]))
            .collect()
    }

    fn check(&self, step: &str, workspace: &Workspace, outcome: &Outcome) {
        assert_eq!(self.internet.lines(STORAGE).is_empty(), step != "pull", "{step}");
        confined(&self.internet, workspace, outcome, &self.tokens());
    }
}

#[test]
fn the_article_in_a_job_on_github_with_nothing_set_at_all() {
    let world = world(Packages::Write);
    let check = |step: &str, workspace: &Workspace, outcome: &Outcome| world.check(step, workspace, outcome);
    article(
        &world.internet,
        &world.ghcr.registry,
        REFERENCE,
        |w| world.github(w),
        check,
    );
    // The package is linked to its repository when it is made, by this annotation.
    let (_, manifest) = world.ghcr.registry.manifest("me/app/artifact", "readme").unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let source = &manifest["annotations"]["org.opencontainers.image.source"];
    assert_eq!(source, "https://github.com/Me/App");
    let outcome = world.github(&sources()).args(["delete", REFERENCE]).call();
    says(&outcome, 5, &["github.com"]);
}

#[test]
fn a_job_without_the_permission_is_told_both_ways_out() {
    let world = world(Packages::Read);
    let workspace = sources();
    let outcome = world.github(&workspace).args(["push", REFERENCE, "readme.md"]).call();
    says(
        &outcome,
        3,
        &[
            "permission_denied: write_package",
            "packages: write",
            "Manage Actions access",
        ],
    );
    confined(&world.internet, &workspace, &outcome, &world.tokens());
}

#[test]
fn the_pull_request_of_a_fork_is_told_that_it_is_one() {
    let world = world(Packages::Read);
    let workspace = sources();
    let outcome = world.fork(&workspace).call();
    says(&outcome, 3, &["fork", "if-denied"]);
    confined(&world.internet, &workspace, &outcome, &world.tokens());
}

#[test]
fn the_pull_request_of_a_fork_may_be_skipped() {
    let world = world(Packages::Read);
    let workspace = sources();
    let outcome = world
        .fork(&workspace)
        .args(["--if-denied", "skip", "--format", "json"])
        .call();
    says(&outcome, 0, &["fork"]);
    assert_eq!(outcome.json()["artifacts"]["artifact"]["state"], "skipped");
    assert!(world.ghcr.registry.tags("me/app/artifact").is_empty());
    confined(&world.internet, &workspace, &outcome, &world.tokens());
}

/// A denial that is no fork's is a mistake in the set-up, which nobody wants passed over.
#[test]
fn a_denial_elsewhere_is_not_skipped() {
    let world = world(Packages::Read);
    let workspace = sources();
    let run = world
        .github(&workspace)
        .args(["push", REFERENCE, "readme.md", "--if-denied", "skip"]);
    says(&run.call(), 3, &["packages: write"]);
}

/// The token is that registry's alone, whatever the reference names.
#[test]
fn the_token_goes_to_no_other_registry() {
    let world = world(Packages::Write);
    let workspace = sources();
    let ask = |_: &Request| Reply::new(401).header("www-authenticate", "Basic realm=\"other\"");
    let other = world.internet.serve("registry.example", Arc::new(ask));
    let outcome = world
        .github(&workspace)
        .args(["push", "registry.example/a:v1", "readme.md"])
        .call();
    outcome.exit(3);
    assert_no_credential(&other, &[&world.ghcr.github_token]);
}
