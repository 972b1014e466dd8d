//! The command line, made from the table: subcommands, positionals, flags and their help.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches};

use super::generate::{self, generate};
use super::layers::{Given, Layer};
use super::table::{INPUTS, Input, Kind};
use super::{Command, command, oras};
use crate::error::{Error, Result};

/// The name that the help shows.
const PROGRAM: &str = "oci-artifact";

/// The one flag that stands without a command.
const GENERATE: &str = "generate";

const ABOUT: &str = "Push build outputs to container registries as OCI artifacts, and pull them back";

/// What the arguments say.
#[derive(Debug)]
pub enum Parsed {
    /// A command and its flags.
    Command(Command, Layer),
    /// A text that was asked for: help or version.
    Text(String),
    /// A script or page that was asked for.
    Generated(String),
}

/// Reads the arguments, the program's name first. `default` is the command that holds when none is named; `None` asks
/// for one.
pub fn parse(mut arguments: Vec<OsString>, default: Option<Command>) -> Result<Parsed> {
    refuse_secrets(&arguments)?;
    // `help COMMAND`, as many programs know it. clap's own would also list itself as a command.
    if arguments.get(1).is_some_and(|first| first == "help") && arguments.len() <= 3 {
        arguments.remove(1);
        arguments.push("--help".into());
    }
    let implied = lacks_command(&arguments);
    match default {
        Some(command) if implied => arguments.insert(arguments.len().min(1), command.name().into()),
        None if implied && arguments.len() > 1 => return Err(flag_first(&arguments)),
        _ => {}
    }
    let command = arguments.get(1).map(|first| first.to_string_lossy().into_owned());
    hide_stdin(&mut arguments);
    match definition().try_get_matches_from(arguments) {
        Ok(matches) => match matches.subcommand() {
            Some((name, matches)) => {
                let command = name.parse()?;
                let flags = flags(command, matches);
                if implied {
                    refuse_late_command(&flags)?;
                }
                Ok(Parsed::Command(command, flags))
            }
            None if matches.contains_id(GENERATE) => {
                let kind = matches.get_one::<String>(GENERATE).map(String::as_str);
                generate(kind.unwrap_or_default(), definition()).map(Parsed::Generated)
            }
            None => Err(Error::usage("no command is named").hint(format!("{PROGRAM} --help lists the commands"))),
        },
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Ok(Parsed::Text(error.render().to_string()))
        }
        Err(error) => Err(explain(&error, command.as_deref())),
    }
}

/// Stands before `-:TYPE`, stdin with a media type, which clap would take for a flag. No argument can have one.
const NUL: char = '\0';

fn hide_stdin(arguments: &mut [OsString]) {
    for argument in arguments.iter_mut().skip(1) {
        if let Some(text) = argument.to_str().filter(|text| text.starts_with("-:")) {
            *argument = format!("{NUL}{text}").into();
        }
    }
}

/// The help of the program itself.
pub fn help() -> String {
    definition().render_help().to_string()
}

/// Whether the arguments begin with a flag, so that the command is left to the inputs.
pub fn lacks_command(arguments: &[OsString]) -> bool {
    let first = arguments.get(1).and_then(|argument| argument.to_str());
    let own = ["-h", "--help", "-V", "--version", "--generate"];
    first.is_none_or(|first| first.starts_with('-') && !own.contains(&first.split('=').next().unwrap_or_default()))
}

/// `-v list …`, where nothing else names a command.
fn flag_first(arguments: &[OsString]) -> Error {
    let first = arguments.get(1).map(|first| first.to_string_lossy());
    let first = first.as_deref().unwrap_or_default();
    let flag = first.split_once('=').map_or(first, |(flag, _)| flag);
    Error::usage(format!("{flag} stands before a command")).hint(format!(
        "name the command first, as in: {PROGRAM} push {flag}; {PROGRAM} --help lists the commands"
    ))
}

/// The same where the command is implied: `list` would be taken for a reference, which it can't be.
fn refuse_late_command(flags: &Layer) -> Result<()> {
    let reference = flags
        .get("reference")
        .filter(|given| given.origin.starts_with("argument"));
    match reference.map(|given| given.text.parse::<Command>()) {
        Some(Ok(command)) => Err(
            Error::usage(format!("the command {} stands behind a flag", command.name()))
                .hint(format!("name the command first: {PROGRAM} {} …", command.name())),
        ),
        _ => Ok(()),
    }
}

/// A secret on the command line can be read by every process of the machine and lands in shell histories. Its value is
/// not repeated.
fn refuse_secrets(arguments: &[OsString]) -> Result<()> {
    let texts = arguments.iter().skip(1).map(|argument| argument.to_string_lossy());
    for text in texts.take_while(|text| text != "--") {
        let name = text.split_once('=').map_or(&*text, |(name, _)| name);
        let secret = INPUTS
            .iter()
            .filter(|input| input.secret)
            .find(|input| name.strip_prefix("--") == Some(input.name));
        // `-p SECRET`: the short form that oras and docker know.
        let password = super::table::find("password").filter(|_| name.starts_with("-p"));
        if let Some(input) = secret.or(password) {
            let stdin = if input.name == "password" {
                ", or pass it on stdin with --password-stdin"
            } else {
                ""
            };
            return Err(
                Error::usage(format!("{} is secret and can't be an argument", input.name))
                    .hint(format!("set the variable OCI_ARTIFACT_{}{stdin}", input.variable())),
            );
        }
    }
    Ok(())
}

/// All commands with their flags.
pub fn definition() -> clap::Command {
    let root = clap::Command::new(PROGRAM)
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .after_help(format!("'{PROGRAM} COMMAND --help' explains a command and its inputs."))
        .disable_help_subcommand(true)
        .arg(
            Arg::new(GENERATE)
                .long(GENERATE)
                .value_name("KIND")
                .help(format!("Print a page or script: {}", generate::kinds().join(", "))),
        )
        // A fixed width: the help is the same in every log.
        .term_width(100);
    root.subcommands(Command::ALL.iter().map(|command| {
        let inputs = || INPUTS.iter().filter(|input| input.is_of(*command));
        clap::Command::new(command.name())
            .about(command.about())
            .after_long_help(variables(*command))
            .args(inputs().filter(|input| input.is_positional(*command)).map(positional))
            .args(
                inputs()
                    .filter(|input| input.has_flag())
                    .map(|input| flag(input, *command)),
            )
            .args(inputs().any(|input| input.name == "log-level").then(|| {
                Arg::new("verbose")
                    .short('v')
                    .action(ArgAction::SetTrue)
                    .conflicts_with("log-level")
                    .help("Log everything: --log-level debug")
                    .help_heading("Result")
            }))
    }))
}

/// The identifier of the positional form; that of the flag is the plain name.
fn positional_id(input: &Input) -> String {
    format!("@{}", input.name)
}

fn positional(input: &Input) -> Arg {
    let value = if input.name == "spec-file" { "SPEC" } else { input.value };
    let argument = Arg::new(positional_id(input)).value_name(value);
    let argument = match input.name {
        // Of `login` and `logout`, which have no references.
        "registry" => argument.help("The registry: HOST or HOST:PORT"),
        _ => argument.help(input.help).long_help(long_help(input)),
    };
    match input.kind {
        Kind::Lines => argument.num_args(0..).action(ArgAction::Append),
        _ => argument.conflicts_with(input.name),
    }
}

fn flag(input: &Input, command: Command) -> Arg {
    let argument = Arg::new(input.name)
        .long(input.name)
        .help(input.help)
        .long_help(long_help(input))
        .help_heading(input.section)
        .hide(input.is_positional(command))
        .action(if input.kind == Kind::Lines {
            ArgAction::Append
        } else {
            ArgAction::Set
        })
        .value_name(input.value);
    let argument = match input.short {
        Some(short) => argument.short(short),
        None => argument,
    };
    match input.kind {
        Kind::Bool if !input.has_variable() => argument.action(ArgAction::SetTrue),
        Kind::Bool => argument
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        // A YAML document may begin with `---`.
        Kind::Yaml => argument.allow_hyphen_values(true),
        _ => argument,
    }
}

fn long_help(input: &Input) -> String {
    let mut text = input.help.to_owned();
    if !input.more.is_empty() {
        text.push_str(". ");
        text.push_str(input.more.trim_end_matches('.'));
    }
    if input.kind == Kind::Lines {
        text.push_str(". Can be repeated");
    }
    if !input.default.is_empty() && input.default != "false" {
        text.push_str(&format!(" [default: {}]", input.default));
    }
    text
}

/// The end of the long help: how the same inputs are given in CI, and those that hold secrets, which have no flag.
fn variables(command: Command) -> String {
    let secrets: Vec<_> = INPUTS
        .iter()
        .filter(|input| !input.has_flag() && input.name != "command" && input.is_of(command))
        .map(|input| format!("  OCI_ARTIFACT_{:<16}{}\n", input.variable(), input.help))
        .collect();
    let mut text =
        "Every flag is also a variable: --artifact-type is OCI_ARTIFACT_ARTIFACT_TYPE. A list has one entry \
                    a line. A flag goes before the CI system's own variables (INPUT_…, PLUGIN_…), these before \
                    OCI_ARTIFACT_…, these before the spec."
            .to_owned();
    if !secrets.is_empty() {
        text = format!("Secrets, only as variables:\n{}\n{text}", secrets.concat());
    }
    text
}

/// What was given as arguments, lists joined by newlines.
fn flags(command: Command, matches: &ArgMatches) -> Layer {
    let mut layer = Layer::new();
    for input in INPUTS.iter().filter(|input| input.is_of(command) && input.has_flag()) {
        let typed = |id: &str| {
            let values = matches.get_many::<String>(id).into_iter().flatten();
            values
                .map(|value| value.strip_prefix(NUL).unwrap_or(value))
                .collect::<Vec<_>>()
        };
        if input.kind == Kind::Bool && !input.has_variable() {
            if matches.get_flag(input.name) {
                layer.insert(input.name, Given::new("true", format!("--{}", input.name)));
            }
            continue;
        }
        let flags = typed(input.name);
        let places = if input.is_positional(command) {
            typed(&positional_id(input))
        } else {
            Vec::new()
        };
        let origin = if flags.is_empty() {
            format!("argument {}", input.value)
        } else {
            format!("--{}", input.name)
        };
        let text = [places, flags].concat().join("\n");
        if !text.trim().is_empty() {
            layer.insert(input.name, Given::new(text, origin));
        }
    }
    if matches.get_flag("verbose") {
        layer.insert("log-level", Given::new("debug", "-v"));
    }
    layer
}

/// Clap's complaint in our form: the first line says what is wrong; a word of ORAS, or its tips, are the way out.
fn explain(error: &clap::Error, command: Option<&str>) -> Error {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    if error.kind() == ErrorKind::InvalidSubcommand
        && let Some(name) = context(ContextKind::InvalidSubcommand)
    {
        return command::unknown(name);
    }
    let text = error.render().to_string();
    let first = text.lines().next().unwrap_or_default();
    let message = first.strip_prefix("error: ").unwrap_or(first).trim_end_matches(':');
    let listed: Vec<_> = text
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .map(str::trim)
        .collect();
    let tips: Vec<_> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("tip: "))
        // `-- --tags` would make a file of a flag.
        .filter(|tip| !tip.starts_with("to pass"))
        .collect();
    let of_oras = match error.kind() {
        ErrorKind::UnknownArgument | ErrorKind::InvalidValue | ErrorKind::NoEquals => {
            context(ContextKind::InvalidArg).and_then(|flag| oras::flag(command.unwrap_or_default(), flag))
        }
        _ => None,
    };
    let hint = if let Some(hint) = of_oras {
        hint.to_owned()
    } else if tips.is_empty() {
        format!("{PROGRAM} COMMAND --help lists what a command takes")
    } else {
        tips.join("; ")
    };
    Error::usage([message, &listed.join(" ")].join(" ").trim().to_owned()).hint(hint)
}
