//! Inputs: one table, several sources laid over each other, one parsed form.
//!
//! Order of the sources: flag, the CI system's variables, `OCI_ARTIFACT_*`, spec, default. Blank is unset.
//! [`table`] holds every input once; `args`, `layers` and `plugin` read the sources, `secrets` takes the secrets out,
//! `raw` and `parse` make values, `rules` tells what doesn't go together, [`document`] writes the tables of the
//! README and the blocks of `action.yml`.

mod args;
mod command;
pub mod document;
mod entries;
mod generate;
mod layers;
mod leftover;
mod oras;
pub mod outputs;
mod parse;
mod plugin;
mod raw;
mod rules;
mod secrets;
pub mod table;
mod value;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read;
use std::time::Duration;

use camino::Utf8PathBuf;

use crate::ci::{self, System};
use crate::credentials::Cloud;
use crate::env::Env;
use crate::error::{Errors, Result};
use crate::oci::{Annotations, MediaType, Platform};
use crate::ops::{IfDenied, Show};
use crate::reference::Host;
use crate::report::{Report, Secret};
use crate::spec::{IfExists, IfNoFilesFound};

pub use command::Command;
use layers::Layer;
use secrets::Secrets;

/// What the names of variables of the outputs begin with, unless `variable-prefix` says otherwise.
pub const VARIABLE_PREFIX: &str = "ARTIFACT_";

/// Where a spec comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpecSource {
    /// The input `spec`: the text itself.
    Inline(String),
    /// The input `spec-file`, or the argument of `check`.
    File(Utf8PathBuf),
}

/// How the result is written on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Format {
    /// For a person.
    #[default]
    Text,
    /// The versioned JSON of the output `json`.
    Json,
}

/// An annotation that is made of facts of the CI job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CiAnnotation {
    /// `org.opencontainers.image.source`: URL of the source repository.
    Source,
    /// `org.opencontainers.image.revision`: the commit.
    Revision,
    /// `org.opencontainers.image.created`: when the commit was made.
    Created,
}

/// A value and the source that gave it, such as `--retries` or `INPUT_RETRIES`, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct From<T> {
    /// The value.
    pub value: T,
    /// Its source.
    pub origin: String,
}

/// All inputs, parsed.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Inputs {
    pub command: Command,
    /// An explicit spec. The default file is looked for later, and only without `reference` and `files`.
    pub spec: Option<From<SpecSource>>,
    pub only: Vec<String>,
    /// The text of `from`: the `json` output of an earlier push.
    pub from: Option<From<String>>,
    pub registry: Option<Host>,
    /// The text; parsed where the command knows how (design §3 "Reference").
    pub reference: Option<From<String>>,
    /// What `attach` attaches to; the text, as of `reference`.
    pub subject: Option<From<String>>,
    /// Where `copy` goes; the text, as of `reference`.
    pub target: Option<From<String>>,
    /// What an index lists: `REFERENCE [PLATFORM]` each.
    pub manifests: Vec<String>,
    pub add: Vec<String>,
    pub remove: Vec<String>,
    pub platform: Vec<Platform>,
    /// Artifact types; `*` is all.
    pub include_referrers: Vec<String>,
    pub recursive: bool,
    pub depth: Option<u32>,
    pub exclude_digest_tags: bool,
    pub files: Vec<String>,
    pub artifact_type: Option<MediaType>,
    pub annotations: Annotations,
    pub tags: Vec<String>,
    pub output: Option<Utf8PathBuf>,
    pub username: Option<String>,
    pub password: Option<Secret>,
    /// `--password-stdin`: stdin was read.
    pub password_stdin: bool,
    pub token: Option<Secret>,
    pub registry_token: Option<Secret>,
    pub github_token: Option<Secret>,
    /// The text of `auth`; it may hold secrets.
    pub auth: Option<From<String>>,
    /// `auth-provider` and its ids; for which host is the run's to say.
    pub cloud: Cloud,
    /// Hosts of token services that may get the credentials, beside those of design §6.
    pub trusted_realms: Vec<Host>,
    pub vars: BTreeMap<String, String>,
    pub if_exists: Option<IfExists>,
    pub if_no_files_found: IfNoFilesFound,
    pub if_denied: IfDenied,
    /// `username` is given and its password is not, in a job that gets no secrets, with `if-denied: skip`.
    pub withheld: bool,
    pub force: bool,
    pub dry_run: bool,
    pub allow_outside: bool,
    /// Which annotations to add from CI facts; `None`: the default of design §4.
    pub ci_annotations: Option<Vec<CiAnnotation>>,
    /// `None`: by the sizes of the blobs.
    pub concurrency: Option<u32>,
    pub retries: u32,
    pub idle_timeout: Duration,
    pub timeout: Option<Duration>,
    pub unpack_limit: Option<u64>,
    pub plain_http: Vec<Host>,
    pub insecure: Vec<Host>,
    pub ca_file: Option<Utf8PathBuf>,
    pub client_cert: Option<Utf8PathBuf>,
    pub client_key: Option<Utf8PathBuf>,
    /// Absolute, or relative to the current directory; default `.`.
    pub working_directory: Utf8PathBuf,
    pub output_file: Option<Utf8PathBuf>,
    pub variables_file: Option<Utf8PathBuf>,
    pub variable_prefix: String,
    pub format: Format,
    pub summary: bool,
    pub debug: bool,
    pub show: Show,
    /// `--yes`: no question on a terminal before something is deleted.
    pub yes: bool,
}

impl Inputs {
    /// `output: -`: pull writes its one file to stdout, where nothing else may stand then.
    pub fn to_stdout(&self) -> bool {
        self.command == Command::Pull && self.output.as_ref().is_some_and(|output| output == "-")
    }
}

/// What the command line and the environment ask for.
#[derive(Debug)]
pub enum Request {
    /// Run a command.
    Run(Box<Inputs>),
    /// Print this text on stdout and end with the exit code: help, version.
    Print(String, u8),
    /// Print this text of ours on stdout as it is.
    PrintRaw(String),
}

/// Reads all sources. Secrets are announced to `report` before anything else can see them.
pub fn read(arguments: Vec<OsString>, env: &Env, report: &Report) -> Result<Request, Errors> {
    read_with(arguments, env, report, &mut std::io::stdin())
}

fn read_with(arguments: Vec<OsString>, env: &Env, report: &Report, stdin: &mut dyn Read) -> Result<Request, Errors> {
    let system = System::detect(env);
    let (plugin, mut warnings) = plugin::buildkite(env)?;
    warnings.extend(layers::unknown_variables(env));
    let mut sources = vec![layers::system_layer(env, system), plugin, layers::own_layer(env)];
    leftover::refuse(&sources, system)?;
    let mut secrets = Secrets::take(&mut sources, report);
    let is_named = |layer: &Layer| WORK.iter().any(|name| layer.contains_key(name));
    let is_ci = system != System::None || sources.iter().any(is_named);

    let default = match args::lacks_command(&arguments) {
        true => default_command(&sources, is_ci)?,
        false => None,
    };
    if default.is_none() && arguments.len() < 2 {
        return Ok(Request::Print(args::help(), 2));
    }
    let (command, flags) = match args::parse(arguments, default)? {
        args::Parsed::Command(command, flags) => (command, flags),
        args::Parsed::Text(text) => return Ok(Request::Print(text, 0)),
        args::Parsed::Generated(text) => return Ok(Request::PrintRaw(text)),
    };

    for warning in warnings {
        report.warning(warning);
    }
    for (name, given) in sources.iter().flatten().filter(|(name, _)| !is_of(name, command)) {
        // A variable of a whole job may well be meant for another step; one of this step can't.
        if !given.origin.starts_with("OCI_ARTIFACT_") && *name != "command" {
            report.warning(format!("{} is not used by {}", given.origin, command.name()));
        }
    }
    sources.insert(0, flags);
    let mut layer = layers::lay(sources);
    layer.retain(|name, _| is_of(name, command));
    secrets.retain(|name| is_of(name, command));

    if layer.contains_key("password-stdin") {
        rules::one_stdin(&layer)?;
        secrets.read_password(stdin, report)?;
    }
    let restricted = ci::detect(env).restricted();
    let withheld = rules::is_withheld(command, &layer, &secrets, restricted);
    if withheld {
        layer.remove("username");
    }
    let conflicts = rules::check(command, &layer, &secrets, restricted);
    let (mut inputs, warnings) = parse::parse(command, &layer, &secrets, env, conflicts)?;
    inputs.withheld = withheld;
    for warning in warnings {
        report.warning(warning);
    }
    Ok(Request::Run(Box::new(inputs)))
}

/// The command where none is typed: the input, in CI else push. A program must not publish because someone typed its
/// name, so on a terminal there is none.
fn default_command(sources: &[Layer], is_ci: bool) -> Result<Option<Command>> {
    match sources.iter().find_map(|layer| layer.get("command")) {
        Some(given) => {
            let command = given.text.trim().parse::<Command>();
            command
                .map(Some)
                .map_err(|error| error.context(format_args!("input command ({})", given.origin)))
        }
        None => Ok(is_ci.then_some(Command::Push)),
    }
}

/// The inputs that name work to do. Where one is set in a variable, a run without a command is meant; a password that
/// someone exported in a shell says nothing of the kind.
const WORK: &[&str] = &["command", "spec", "spec-file", "from", "reference", "files"];

fn is_of(name: &str, command: Command) -> bool {
    table::find(name).is_some_and(|input| input.is_of(command))
}

#[cfg(test)]
mod tests;
