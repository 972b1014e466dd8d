//! What is made of the table for a shell and for `man`: `--generate KIND`, as ripgrep has it.

use clap_complete::Shell;
use roff::{Inline, Roff, bold, italic, roman};

use super::Command;
use super::document;
use super::outputs::OUTPUTS;
use super::table::{INPUTS, Input, Kind};
use crate::error::{Error, Result};

/// The kinds that there are.
const KINDS: [(&str, Option<Shell>); 5] = [
    ("man", None),
    ("complete-bash", Some(Shell::Bash)),
    ("complete-zsh", Some(Shell::Zsh)),
    ("complete-fish", Some(Shell::Fish)),
    ("complete-powershell", Some(Shell::PowerShell)),
];

/// The names of the kinds, for the help.
pub fn kinds() -> [&'static str; 5] {
    KINDS.map(|(name, _)| name)
}

/// The text of `kind`, for the command line that is `definition`.
pub fn generate(kind: &str, mut definition: clap::Command) -> Result<String> {
    let found = KINDS.iter().find(|(name, _)| *name == kind);
    let Some((_, shell)) = found else {
        return Err(Error::usage(format!("--generate {kind:?} is unknown"))
            .hint(format!("write one of {}", kinds().join(", "))));
    };
    let Some(shell) = shell else {
        return Ok(man(&definition));
    };
    let mut script = Vec::new();
    let name = definition.get_name().to_owned();
    clap_complete::generate(*shell, &mut definition, name, &mut script);
    String::from_utf8(script).map_err(|error| Error::internal(format!("a completion script is not UTF-8: {error}")))
}

/// The page for section 1.
fn man(definition: &clap::Command) -> String {
    let name = definition.get_name();
    let version = definition.get_version().unwrap_or_default();
    let about = definition.get_about().map(ToString::to_string).unwrap_or_default();
    let mut page = Roff::new();
    page.control("TH", [name, "1", "", &format!("{name} {version}"), "User Commands"]);
    page.control("SH", ["NAME"]);
    page.text([roman(format!("{name} - {about}"))]);
    page.control("SH", ["SYNOPSIS"]);
    page.text([
        bold(name),
        roman(" "),
        italic("COMMAND"),
        roman(" [--"),
        italic("INPUT VALUE"),
        roman("]..."),
    ]);
    page.control("SH", ["COMMANDS"]);
    for command in Command::ALL {
        let positional = INPUTS.iter().filter(|input| input.is_positional(*command));
        let positional = positional.map(|input| match input.kind {
            Kind::Lines => format!(" [{}]...", input.value),
            _ => format!(" {}", input.value),
        });
        entry(
            &mut page,
            vec![bold(command.name()), italic(positional.collect::<String>())],
        );
        page.text([roman(command.about())]);
    }
    page.control("SH", ["INPUTS"]);
    page.text([roman(
        "Each is a flag and a variable: --artifact-type is OCI_ARTIFACT_ARTIFACT_TYPE. A list has one entry a line, \
         and its flag can be repeated. A flag goes before the CI system's own variables, these before \
         OCI_ARTIFACT_..., these before the spec. Secrets are variables alone.",
    )]);
    let mut section = "";
    for input in INPUTS {
        if input.section != section {
            section = input.section;
            page.control("SS", [section]);
        }
        entry(&mut page, names(input));
        page.text([roman(told(input))]);
    }
    page.control("SH", ["OUTPUTS"]);
    for (name, help) in OUTPUTS {
        entry(&mut page, vec![bold(*name)]);
        page.text([roman(format!("{help}.").replace('…', "..."))]);
    }
    page.control("SH", ["EXIT STATUS"]);
    for (code, what) in crate::error::EXIT_CODES {
        entry(&mut page, vec![bold(*code)]);
        page.text([roman(*what)]);
    }
    page.control("SH", ["FILES"]);
    entry(&mut page, vec![bold("oci-artifact.yaml")]);
    page.text([roman("The spec that is read where none is named.")]);
    page.to_roff()
}

fn entry(page: &mut Roff, head: Vec<Inline>) {
    page.control("TP", []);
    page.text(head);
}

/// How `input` is given.
fn names(input: &Input) -> Vec<Inline> {
    let mut names = Vec::new();
    if let Some(short) = input.short {
        names.extend([bold(format!("-{short}")), roman(", ")]);
    }
    if input.has_flag() {
        names.push(bold(format!("--{}", input.name)));
    } else {
        names.push(bold(format!("OCI_ARTIFACT_{}", input.variable())));
    }
    if input.has_variable() || input.kind != Kind::Bool {
        names.extend([roman(" "), italic(input.value)]);
    }
    names
}

/// In ASCII, which every roff reads.
fn told(input: &Input) -> String {
    document::with_default(document::help(input), input).replace('…', "...")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(kind: &str) -> String {
        generate(kind, crate::inputs::args::definition()).unwrap()
    }

    #[test]
    fn each_kind_has_every_flag_and_command() {
        for kind in kinds() {
            let text = made(kind).replace(r"\-", "-");
            for input in INPUTS.iter().filter(|input| input.has_flag()) {
                // fish leaves the hyphens to its own.
                assert!(text.contains(input.name), "{kind}: {}", input.name);
            }
            for command in Command::ALL {
                assert!(text.contains(command.name()), "{kind}: {}", command.name());
            }
        }
    }

    #[test]
    fn the_page_has_what_has_no_flag_too() {
        let page = made("man").replace(r"\-", "-");
        for input in INPUTS {
            assert!(
                page.contains(&format!("--{}", input.name)) || page.contains(&input.variable()),
                "{}",
                input.name
            );
        }
        for (name, _) in OUTPUTS {
            assert!(page.contains(name), "{name}");
        }
        assert!(page.is_ascii());
        assert!(page.starts_with(".ie") || page.starts_with(".TH"), "{}", &page[..80]);
    }

    #[test]
    fn another_kind_is_told_those_that_there_are() {
        let error = generate("complete-tcsh", crate::inputs::args::definition()).unwrap_err();
        assert!(error.way_out().unwrap().contains("complete-zsh"));
    }
}
