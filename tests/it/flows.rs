//! The flow of Azure's article "Push and pull OCI artifacts", in our terms, on five kinds of registry under their real
//! names: a job that knows nothing but ids, no login step, no tool of a cloud. And what each of them refuses.

mod acr;
mod ecr;
mod ecr_public;
mod fakes;
mod gar;
mod ghcr;
mod quay;
mod several;

use crate::secrets::search::{find, without_masks};
use crate::support::cloud::ci::REQUEST_TOKEN;
use crate::support::connect::Internet;
use crate::support::peers::program;
use crate::support::registry::Registry;
use crate::support::runner::{Outcome, Run, Workspace};

/// A token, and the hosts that may see it.
type Confined<'a> = (String, &'a [&'a str]);

/// What the article pushes.
fn sources() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("readme.md", "Readme Content\n");
    workspace.write("details/readme-details.md", "Detailed Content\n");
    workspace.write("details/readme-more-details.md", "More detailed Content\n");
    workspace
}

/// Steps of the article for `reference`, up to what it pulls. `job` gives a run each; `check` sees what came of it,
/// while the requests of that run alone are on record.
fn article<J, C>(internet: &Internet, registry: &Registry, reference: &str, job: J, check: C)
where
    J: for<'w> Fn(&'w Workspace) -> Run<'w>,
    C: Fn(&str, &Workspace, &Outcome),
{
    let workspace = sources();
    let step = |name: &str, args: &[&str]| {
        internet.forget();
        let outcome = job(&workspace).args(args).args(["--log-level", "debug"]).call();
        outcome.success();
        assert_eq!(internet.unknown(), Vec::<String>::new(), "{}", outcome.snapshot());
        check(name, &workspace, &outcome);
        outcome
    };
    let (repository, tag) = reference.split_once('/').unwrap().1.split_once(':').unwrap();
    let typed = ["--artifact-type", "readme/example"];
    let readme = "./readme.md:application/markdown";

    step("push a file", &[&["push", reference, readme], &typed[..]].concat());
    let (_, one) = registry.manifest(repository, tag).unwrap();
    step(
        "push files",
        &[&["push", reference, readme, "./details"], &typed[..]].concat(),
    );
    let (media_type, manifest) = registry.manifest(repository, tag).unwrap();
    assert_eq!(media_type, "application/vnd.oci.image.manifest.v1+json");
    assert_ne!(manifest, one);

    let shown = step("inspect", &["inspect", reference]).json();
    let stored: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(shown, stored);
    assert_eq!(shown["artifactType"], "readme/example");
    let layers = shown["layers"].as_array().unwrap();
    let titled = |layer: &serde_json::Value| {
        let title = &layer["annotations"]["org.opencontainers.image.title"];
        [&layer["mediaType"], title].map(|text| text.as_str().unwrap().to_owned())
    };
    let titles: Vec<_> = layers.iter().map(titled).collect();
    let expected = [
        ["application/markdown", "readme.md"],
        ["application/vnd.oci.image.layer.v1.tar+gzip", "details"],
    ];
    assert_eq!(titles, expected);

    step("pull", &["pull", reference, "-o", "./download"]);
    let pulled = workspace.tree("download");
    assert_eq!(pulled["readme.md"], b"Readme Content\n");
    assert_eq!(pulled["details/readme-details.md"], b"Detailed Content\n");
    assert_eq!(pulled["details/readme-more-details.md"], b"More detailed Content\n");
    assert_eq!(pulled.len(), 4, "{:?}", pulled.keys());
}

/// The article's last step, where the registry has it.
fn delete<J>(registry: &Registry, reference: &str, job: J)
where
    J: for<'w> Fn(&'w Workspace) -> Run<'w>,
{
    let workspace = Workspace::new();
    job(&workspace).args(["delete", reference]).call().success();
    let (repository, tag) = reference.split_once('/').unwrap().1.split_once(':').unwrap();
    assert_eq!(registry.manifest(repository, tag), None);
}

/// Logs in as the job's identity, for another tool: ORAS goes on from there.
fn oras_after_login(internet: &Internet, workspace: &Workspace, job: Run<'_>, reference: &str) {
    let (host, _) = reference.split_once('/').unwrap();
    job.args(["login", host]).call().success();
    let authority = workspace.home().join("authority.pem");
    let oras = |args: &[&str]| {
        let run = workspace
            .run()
            .program(program("oras"))
            .env("HTTPS_PROXY", internet.proxy_url());
        run.args(args).args(["--ca-file", authority.as_str()]).call().success();
    };
    oras(&["push", reference, "./readme.md:application/markdown", "./details"]);
    oras(&["pull", "-o", "./download", reference]);
    assert_eq!(workspace.read("download/readme.md"), "Readme Content\n");
}

/// Fails if a token went elsewhere than to its own hosts, or stands, in any form, in what was printed but for masks, or
/// in a file other than where `login` puts it.
#[track_caller]
fn confined(internet: &Internet, workspace: &Workspace, outcome: &Outcome, tokens: &[Confined<'_>]) {
    let own = "run-actions-1-azure-eastus.actions.githubusercontent.com";
    let request_token: Confined<'_> = (REQUEST_TOKEN.to_owned(), &[own]);
    for (token, hosts) in tokens.iter().chain([&request_token]) {
        for host in internet.carriers(token) {
            assert!(hosts.contains(&host.as_str()), "{host} got {token}");
        }
    }
    let tokens = tokens.iter().map(|(token, _)| token.as_str());
    let secrets: Vec<&str> = tokens.chain([REQUEST_TOKEN]).collect();
    for printed in [&outcome.stdout, &outcome.stderr] {
        let leak = find(without_masks(printed, "github").as_bytes(), &secrets);
        assert_eq!(leak, None, "{}", outcome.snapshot());
    }
    for (name, bytes) in workspace.tree("..") {
        if name != "home/.docker/config.json" {
            assert_eq!(find(&bytes, &secrets), None, "{name}");
        }
    }
}

/// Tokens that may be seen by `hosts`.
fn each<'a>(tokens: Vec<String>, hosts: &'a [&'a str]) -> impl Iterator<Item = Confined<'a>> {
    tokens.into_iter().map(move |token| (token, hosts))
}

/// Fails unless the run ended with this exit code, and said each of these.
#[track_caller]
fn says(outcome: &Outcome, code: i32, texts: &[&str]) {
    outcome.exit(code);
    for text in texts {
        assert!(outcome.stderr.contains(text), "no {text:?}: {}", outcome.snapshot());
    }
}
