//! Inputs that exclude or need each other.

use super::Command;
use super::layers::{Given, Layer};
use super::secrets::Secrets;
use crate::error::Error;

/// What describes one artifact without a spec.
const ONE_ARTIFACT: &[&str] = &["reference", "files", "artifact-type", "tags"];

/// What `inspect` shows instead of the manifest.
pub(super) const SHOWS: &[&str] = &["raw", "descriptor", "digest", "config", "blob"];

/// All the ways in which inputs of `command` don't go together.
pub fn check(command: Command, layer: &Layer, secrets: &Secrets) -> Vec<Error> {
    let mut found = Vec::new();
    sources(command, layer, &mut found);
    reference(command, layer, &mut found);
    credentials(layer, secrets, &mut found);
    let shown: Vec<_> = SHOWS.iter().filter_map(|name| layer.get(name)).collect();
    if let [first, second, ..] = shown.as_slice() {
        found.push(both(first, second, "inspect shows one thing at a time"));
    }
    found
}

fn sources(command: Command, layer: &Layer, found: &mut Vec<Error>) {
    let spec = layer.get("spec");
    let file = layer.get("spec-file");
    if let (Some(spec), Some(file)) = (spec, file) {
        found.push(both(spec, file, "a run has one spec"));
    }
    let described = ONE_ARTIFACT.iter().filter_map(|name| layer.get(name));
    if let Some(explicit) = spec.or(file) {
        for given in described {
            found.push(both(given, explicit, "the first describes an artifact without a spec"));
        }
    } else if let Some(from) = layer.get("from")
        && command == Command::Pull
        && let Some(reference) = layer.get("reference")
    {
        found.push(both(from, reference, "from already names what to pull"));
    }
}

fn reference(command: Command, layer: &Layer, found: &mut Vec<Error>) {
    let Some(given) = layer.get("reference") else {
        let needs = [Command::Inspect, Command::Untag, Command::Delete, Command::List].contains(&command);
        let described = ONE_ARTIFACT.iter().find_map(|name| layer.get(name));
        if needs {
            found.push(
                Error::usage(format!("{} needs a reference", command.name()))
                    .hint(format!("oci-artifact {} HOST/REPOSITORY:TAG", command.name())),
            );
        } else if let Some(described) = described
            && ["spec", "spec-file", "from"]
                .iter()
                .all(|name| !layer.contains_key(name))
        {
            found.push(
                Error::usage(format!("{} is given without a reference", described.origin))
                    .hint("add the input reference, such as ghcr.io/OWNER/NAME:TAG"),
            );
        }
        return;
    };
    if given.origin.starts_with("argument") && is_spec_file(&given.text) {
        found.push(
            Error::usage(format!(
                "{:?} looks like a spec, and {} takes a reference here",
                given.text,
                command.name()
            ))
            .hint(format!("oci-artifact {} --spec-file {}", command.name(), given.text)),
        );
    } else if command == Command::Push
        && ["files", "spec", "spec-file"]
            .iter()
            .all(|name| !layer.contains_key(name))
    {
        found.push(
            Error::usage(format!(
                "{} is given without files, so there is nothing to push",
                given.origin
            ))
            .hint("name the files, or leave the reference out and push by a spec"),
        );
    }
}

/// Whether a reference can only be meant as the path of a spec: its first part names no host.
fn is_spec_file(text: &str) -> bool {
    let is_path = match text.split_once('/') {
        None => true,
        Some((first, _)) => first.is_empty() || first.starts_with('.') || !first.contains('.'),
    };
    is_path && !text.contains(':') && [".yaml", ".yml"].iter().any(|ending| text.ends_with(ending))
}

fn credentials(layer: &Layer, secrets: &Secrets, found: &mut Vec<Error>) {
    let ways: Vec<_> = ["password", "token", "registry-token"]
        .iter()
        .filter_map(|name| secrets.origin(name))
        .collect();
    if let [first, second, ..] = ways.as_slice() {
        found.push(
            Error::usage(format!("{first} and {second} are both given"))
                .hint("a registry takes one of them: leave one"),
        );
    }
    // A user name alone is looked at later: in a fork's pull request it is no mistake.
    match (layer.get("username"), secrets.origin("password")) {
        (None, Some(password)) => found.push(
            Error::usage(format!("{password} is given without username"))
                .hint("set username too; a token that needs no user goes into the input token"),
        ),
        (Some(username), None) if secrets.origin("registry-token").is_some() => found.push(
            Error::usage(format!("{} is given beside registry-token", username.origin))
                .hint("a bearer token has no user: leave username out"),
        ),
        _ => {}
    }
}

fn both(first: &Given, second: &Given, why: &str) -> Error {
    Error::usage(format!("{} and {} are both given", first.origin, second.origin)).hint(format!("{why}: leave one out"))
}
