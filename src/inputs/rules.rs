//! Inputs that exclude or need each other.

use super::Command;
use super::layers::{Given, Layer};
use super::secrets::Secrets;
use crate::error::{Error, Result};
use crate::report::Secret;

/// What describes one artifact without a spec.
const ONE_ARTIFACT: &[&str] = &["reference", "files", "artifact-type", "tags"];

/// What `inspect` shows instead of the manifest.
pub(super) const SHOWS: &[&str] = &["raw", "descriptor", "digest", "config", "blob"];

/// Commands about one reference that is there, or is to be.
const NEED_REFERENCE: &[Command] = &[
    Command::Discover,
    Command::Inspect,
    Command::Index,
    Command::Tag,
    Command::Untag,
    Command::Copy,
    Command::Delete,
    Command::List,
];

/// What else a command can't do without, and how it is called.
const NEEDS: &[(Command, &str, &str)] = &[
    (Command::Attach, "subject", "HOST/REPOSITORY:TAG FILE..."),
    (
        Command::Attach,
        "artifact-type",
        "SUBJECT FILE... --artifact-type TYPE/SUBTYPE",
    ),
    (Command::Copy, "target", "HOST/REPOSITORY:TAG TARGET"),
    (Command::Tag, "tags", "HOST/REPOSITORY:TAG NEW-TAG..."),
];

/// What goes with a user's name.
const WAYS: &[&str] = &["password", "token", "registry-token"];

/// All the ways in which inputs of `command` don't go together. `restricted` is why the job gets no secrets.
pub fn check(command: Command, layer: &Layer, secrets: &Secrets, restricted: Option<&str>) -> Vec<Error> {
    let mut found = Vec::new();
    sources(command, layer, &mut found);
    reference(command, layer, &mut found);
    credentials(command, layer, secrets, restricted, &mut found);
    broken_tokens(secrets, &mut found);
    if let (Some(output), Some(format)) = (layer.get("output"), layer.get("format"))
        && command == Command::Pull
        && (output.text.trim(), format.text.trim()) == ("-", "json")
    {
        found.push(both(
            output,
            format,
            "stdout is for the file; `output-file` takes the JSON",
        ));
    }
    if let Some(platform) = layer.get("platform")
        && command != Command::Copy
        && super::value::lines(&platform.text).len() > 1
    {
        found.push(
            Error::usage(format!("{} names several platforms", platform.origin)).hint(format!(
                "{} is about one manifest; only copy takes several",
                command.name()
            )),
        );
    }
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

/// What a command can't do without.
fn needs(command: Command, layer: &Layer, found: &mut Vec<Error>) {
    let lacks = |name: &str| !layer.contains_key(name);
    for (_, name, form) in NEEDS.iter().filter(|(of, name, _)| *of == command && lacks(name)) {
        found.push(
            Error::usage(format!("{} needs {name}", command.name()))
                .hint(format!("oci-artifact {} {form}", command.name())),
        );
    }
    match command {
        Command::Attach if lacks("files") && lacks("annotations") => {
            found.push(Error::usage("attach needs files, or annotations").hint("oci-artifact attach SUBJECT FILE..."));
        }
        Command::Index if ["manifests", "add", "remove"].into_iter().all(lacks) => found
            .push(Error::usage("index needs manifests").hint(
                "oci-artifact index HOST/REPOSITORY:TAG MANIFEST..., or change an index with --add and --remove",
            )),
        _ => {}
    }
    let change = layer.get("add").or(layer.get("remove"));
    for (whole, why) in [
        (
            "manifests",
            "the first makes a new index, the second changes the one that is there",
        ),
        ("if-exists", "the second changes the index that exists"),
    ] {
        if let (Some(whole), Some(change)) = (layer.get(whole), change) {
            found.push(both(whole, change, why));
        }
    }
}

fn reference(command: Command, layer: &Layer, found: &mut Vec<Error>) {
    needs(command, layer, found);
    let lacks = |name: &str| !layer.contains_key(name);
    let Some(given) = layer.get("reference") else {
        let needs = NEED_REFERENCE.contains(&command);
        let described = ONE_ARTIFACT.iter().find_map(|name| layer.get(name));
        if needs {
            found.push(
                Error::usage(format!("{} needs a reference", command.name()))
                    .hint(format!("oci-artifact {} HOST/REPOSITORY:TAG", command.name())),
            );
        } else if let Some(described) = described
            && command != Command::Attach
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
    } else if command == Command::Push && ["files", "spec", "spec-file", "artifact-type"].into_iter().all(lacks) {
        found.push(
            Error::usage(format!(
                "{} is given without files, so there is nothing to push",
                given.origin
            ))
            .hint("name the files, or an artifact-type for one without files, or push by a spec"),
        );
    }
}

/// Stdin is read once: for a password before anything else, so that a file from it would come out empty.
pub fn one_stdin(layer: &Layer) -> Result<()> {
    let files = layer.get("files").filter(|given| {
        let lines = super::value::lines(&given.text);
        lines.iter().any(|line| line == "-" || line.starts_with("-:"))
    });
    match files {
        None => Ok(()),
        Some(files) => Err(Error::usage(format!(
            "{}: \"-\" is stdin, which --password-stdin reads already",
            files.origin
        ))
        .hint("set the password in the variable OCI_ARTIFACT_PASSWORD, or name a file")),
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

/// Whether a push is to be skipped for want of a secret: a user is named, and a job of this kind gets no password.
pub fn is_withheld(command: Command, layer: &Layer, secrets: &Secrets, restricted: Option<&str>) -> bool {
    let skips = layer.get("if-denied").is_some_and(|given| given.text.trim() == "skip");
    let has_secret = WAYS.iter().any(|name| secrets.origin(name).is_some());
    command == Command::Push && restricted.is_some() && skips && layer.contains_key("username") && !has_secret
}

fn credentials(command: Command, layer: &Layer, secrets: &Secrets, restricted: Option<&str>, found: &mut Vec<Error>) {
    let ways: Vec<_> = WAYS.iter().filter_map(|name| secrets.origin(name)).collect();
    if let [first, second, ..] = ways.as_slice() {
        found.push(
            Error::usage(format!("{first} and {second} are both given"))
                .hint("a registry takes one of them: leave one"),
        );
    }
    match (layer.get("username"), secrets.origin("password")) {
        (None, Some(password)) => found.push(
            Error::usage(format!("{password} is given without username"))
                .hint("set username too; a token that needs no user goes into the input token"),
        ),
        (Some(username), None) if ways.is_empty() => found.push(
            Error::usage(format!("{} is given without password or token", username.origin))
                .hint(no_password(command, username, restricted)),
        ),
        (Some(username), None) if secrets.origin("registry-token").is_some() => found.push(
            Error::usage(format!("{} is given beside registry-token", username.origin))
                .hint("a bearer token has no user: leave username out"),
        ),
        (Some(username), _) if username.text.contains(':') => found.push(
            Error::usage(format!("{} has a colon in it", username.origin))
                .hint("what stands behind the colon is probably the password, which goes into the input password"),
        ),
        _ => {}
    }
}

/// The way out for a user without a password.
fn no_password(command: Command, username: &Given, restricted: Option<&str>) -> String {
    match restricted {
        Some(why) if command == Command::Push => format!("{why}: push after the merge, or set `if-denied: skip`"),
        Some(why) => why.to_owned(),
        None if username.origin.starts_with("--") => {
            "set the variable OCI_ARTIFACT_PASSWORD, or pass the password on stdin with --password-stdin".to_owned()
        }
        None => "set the input password; a secret that this job may not read is blank".to_owned(),
    }
}

/// Tokens go into a header as they are.
fn broken_tokens(secrets: &Secrets, found: &mut Vec<Error>) {
    for name in ["token", "registry-token", "github-token"] {
        let is_broken = |secret: Secret| secret.expose().chars().any(char::is_control);
        if let (Some(origin), true) = (secrets.origin(name), secrets.get(name).is_some_and(is_broken)) {
            found.push(
                Error::usage(format!(
                    "{origin} has a line break, or another control character, in it"
                ))
                .hint("a token is one line: store the secret again without what was copied along"),
            );
        }
    }
}

fn both(first: &Given, second: &Given, why: &str) -> Error {
    Error::usage(format!("{} and {} are both given", first.origin, second.origin)).hint(format!("{why}: leave one out"))
}
