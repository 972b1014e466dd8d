//! What an input is. The table itself is in `entries.rs`; flags, variables, `action.yml` and README follow it.

use super::Command;
pub use super::entries::INPUTS;

/// How the text of an input is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One text, trimmed.
    Text,
    /// A list: one entry a line, trimmed, blank ones dropped. As a flag: repeatable.
    Lines,
    /// YAML or JSON, taken as it is.
    Yaml,
    /// `true` or `false`, in the spellings of YAML 1.2's core schema, as GitHub's toolkit reads them.
    Bool,
    /// A whole number.
    Number,
    /// A span of time with its unit: `30s`, `1h30m`.
    Duration,
    /// A number of bytes: `500MB`, `2GiB`, or bare.
    Bytes,
}

/// How an input can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// As a flag, and as a variable.
    Both,
    /// As a variable alone: secrets, which must not stand in a process list, and `command`.
    Variable,
    /// As a flag alone: what only makes sense on a command line.
    Flag,
}

/// One input.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    /// Its name, in kebab-case: the flag's, the variable's and the action's alike.
    pub name: &'static str,
    /// How its text is read.
    pub kind: Kind,
    /// What stands for its value in the help.
    pub value: &'static str,
    /// What holds when it isn't given, as text for a reader; blank if nothing does.
    pub default: &'static str,
    /// One line, without a full stop.
    pub help: &'static str,
    /// What `--help` and README say beyond that; may be blank.
    pub more: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// The commands that use it.
    pub commands: &'static [Command],
    /// The commands that take it without its flag, in the order of the table.
    pub positional: &'static [Command],
    /// How it can be given.
    pub channel: Channel,
    /// Its short flag.
    pub short: Option<char>,
    /// The heading that it stands under in the help.
    pub section: &'static str,
}

impl Input {
    pub(super) const fn new(name: &'static str, kind: Kind, value: &'static str, help: &'static str) -> Self {
        Input {
            name,
            kind,
            value,
            default: "",
            help,
            more: "",
            secret: false,
            commands: Command::ALL,
            positional: &[],
            channel: Channel::Both,
            short: None,
            section: "Options",
        }
    }

    pub(super) const fn text(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Input::new(name, Kind::Text, value, help)
    }

    pub(super) const fn lines(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Input::new(name, Kind::Lines, value, help)
    }

    pub(super) const fn flag(name: &'static str, help: &'static str) -> Self {
        let mut input = Input::new(name, Kind::Bool, "BOOL", help);
        input.default = "false";
        input
    }

    pub(super) const fn hidden(name: &'static str, help: &'static str) -> Self {
        let mut input = Input::new(name, Kind::Text, "SECRET", help);
        input.secret = true;
        input.channel = Channel::Variable;
        input
    }

    pub(super) const fn default(mut self, text: &'static str) -> Self {
        self.default = text;
        self
    }

    pub(super) const fn more(mut self, text: &'static str) -> Self {
        self.more = text;
        self
    }

    pub(super) const fn of(mut self, commands: &'static [Command]) -> Self {
        self.commands = commands;
        self
    }

    pub(super) const fn positional(mut self, commands: &'static [Command]) -> Self {
        self.positional = commands;
        self
    }

    pub(super) const fn by(mut self, channel: Channel) -> Self {
        self.channel = channel;
        self
    }

    pub(super) const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }

    pub(super) const fn under(mut self, section: &'static str) -> Self {
        self.section = section;
        self
    }

    /// Whether `command` uses it.
    pub fn is_of(&self, command: Command) -> bool {
        self.commands.contains(&command)
    }

    /// Whether `command` takes it without its flag.
    pub fn is_positional(&self, command: Command) -> bool {
        self.positional.contains(&command)
    }

    /// Whether a variable or the action can give it.
    pub fn has_variable(&self) -> bool {
        self.channel != Channel::Flag
    }

    /// Whether a flag can give it.
    pub fn has_flag(&self) -> bool {
        self.channel != Channel::Variable
    }

    /// The name in upper case with underscores: what stands behind a prefix such as `OCI_ARTIFACT_`.
    pub fn variable(&self) -> String {
        self.name.to_ascii_uppercase().replace('-', "_")
    }
}

/// The input named `name`.
pub fn find(name: &str) -> Option<&'static Input> {
    INPUTS.iter().find(|input| input.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_entry_is_sound() {
        let mut names = BTreeSet::new();
        for input in INPUTS {
            let name = input.name;
            assert!(names.insert(name), "{name} stands twice");
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'),
                "{name} is kebab-case"
            );
            assert!(!input.help.is_empty() && !input.help.ends_with('.'), "help of {name}");
            assert!(input.help.len() <= 90, "help of {name} is one line");
            assert!(!input.commands.is_empty(), "{name} is of some command");
            assert!(
                input.positional.iter().all(|command| input.is_of(*command)),
                "{name} is positional only where it is used"
            );
            assert_eq!(input.secret, input.value == "SECRET", "{name}");
            if input.secret {
                assert_eq!(input.channel, Channel::Variable, "a secret is no argument: {name}");
            }
        }
    }

    #[test]
    fn a_list_is_the_last_positional() {
        for command in Command::ALL {
            let positional: Vec<_> = INPUTS.iter().filter(|input| input.is_positional(*command)).collect();
            let before_last = positional.len().saturating_sub(1);
            assert!(
                positional
                    .iter()
                    .take(before_last)
                    .all(|input| input.kind == Kind::Text)
            );
        }
    }
}
