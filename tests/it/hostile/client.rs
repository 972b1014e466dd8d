//! Who is attacked: this program, and ORAS for comparison.

use std::time::Duration;

use super::scene::{PASSWORD, Scene, USER};
use crate::support::measured::{Bounds, Measured, measured};
use crate::support::peers::program;
use crate::support::runner::Run;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    Ours,
    Oras,
}

/// What a client is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `file.txt`
    Push,
    /// into `out`
    Pull,
    /// with everything that refers to it
    PullReferrers,
    Tags,
    Discover,
    /// into a layout, with everything that refers to it
    Copy,
}

/// Far more than either needs, so that who reaches a bound would not have ended. A test of ours may run on a machine
/// that has much else to do.
fn bounds(client: Client) -> Bounds {
    let seconds = match client {
        Client::Ours => 60,
        Client::Oras => 20,
    };
    Bounds {
        time: Duration::from_secs(seconds),
        memory: 2 * 1024 * 1024,
    }
}

impl Client {
    /// What it did; none if it has no way to do this.
    pub fn attacked(self, scene: &Scene) -> Option<Measured> {
        let run = match self {
            Client::Ours => ours(scene),
            Client::Oras if scene.beyond => return None,
            Client::Oras => oras(scene)?,
        };
        let run = match &scene.internet {
            Some(internet) => run.env("HTTPS_PROXY", internet.proxy_url()),
            None => run,
        };
        let run = if scene.job {
            run.env("GITHUB_ACTIONS", "true")
        } else {
            run
        };
        Some(measured(&run, bounds(self)))
    }
}

fn ours(scene: &Scene) -> Run<'_> {
    let reference = scene.reference();
    let args: &[&str] = match scene.action {
        Action::Push => &["push", &reference, "file.txt"],
        Action::Pull => &["pull", &reference, "--output", "out"],
        Action::PullReferrers => &[
            "pull",
            &reference,
            "--output",
            "out",
            "--include-referrers",
            "test/sbom",
        ],
        Action::Tags => &["list", &reference],
        Action::Discover => &["discover", &reference],
        Action::Copy => &["copy", &reference, "oci:out/layout:v1", "--recursive"],
    };
    // What would be waited for is waited for, but not for minutes.
    let run = scene.workspace.run().args(args.iter().copied());
    let run = run
        .env("OCI_ARTIFACT_RETRIES", "2")
        .env("OCI_ARTIFACT_IDLE_TIMEOUT", "2s");
    let run = if scene.tls {
        run.args(["--ca-file", "ca.pem"])
    } else {
        run
    };
    run.args(&scene.flags)
        .env("OCI_ARTIFACT_USERNAME", USER)
        .env("OCI_ARTIFACT_PASSWORD", PASSWORD)
}

fn oras(scene: &Scene) -> Option<Run<'_>> {
    let reference = scene.reference();
    let args: &[&str] = match scene.action {
        Action::Push => &["push", &reference, "file.txt"],
        Action::Pull => &["pull", &reference, "--output", "out"],
        Action::PullReferrers => return None,
        Action::Tags => &["repo", "tags", reference.split(':').next().unwrap_or_default()],
        Action::Discover => &["discover", &reference],
        Action::Copy => &["cp", "--recursive", &reference, "--to-oci-layout", "out/layout:v1"],
    };
    let from = if scene.action == Action::Copy { "from-" } else { "" };
    let mut flags = vec![
        format!("--{from}username={USER}"),
        format!("--{from}password={PASSWORD}"),
    ];
    flags.push(match scene.tls {
        true => format!("--{from}ca-file=ca.pem"),
        false => format!("--{from}plain-http"),
    });
    let run = scene.workspace.run().program(program("oras"));
    Some(run.args(args.iter().copied()).args(flags))
}
