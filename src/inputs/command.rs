//! The commands.

use std::str::FromStr;

use super::oras;
use crate::error::{Error, Result};
use crate::suggest::nearest;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Command {
    Push,
    Pull,
    Attach,
    Discover,
    Inspect,
    Index,
    Tag,
    Untag,
    Copy,
    Delete,
    List,
    Login,
    Logout,
    Check,
    Schema,
}

impl Command {
    /// All of them, in the order of the help.
    pub const ALL: &'static [Command] = &[
        Command::Push,
        Command::Pull,
        Command::Attach,
        Command::Discover,
        Command::Inspect,
        Command::Index,
        Command::Tag,
        Command::Untag,
        Command::Copy,
        Command::Delete,
        Command::List,
        Command::Login,
        Command::Logout,
        Command::Check,
        Command::Schema,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Command::Push => "push",
            Command::Pull => "pull",
            Command::Attach => "attach",
            Command::Discover => "discover",
            Command::Inspect => "inspect",
            Command::Index => "index",
            Command::Tag => "tag",
            Command::Untag => "untag",
            Command::Copy => "copy",
            Command::Delete => "delete",
            Command::List => "list",
            Command::Login => "login",
            Command::Logout => "logout",
            Command::Check => "check",
            Command::Schema => "schema",
        }
    }

    /// What it does, in one line.
    pub fn about(self) -> &'static str {
        match self {
            Command::Push => "Push every artifact of a spec, or one from a reference and files",
            Command::Pull => "Fetch artifacts, check their digests, write their files",
            Command::Attach => "Push files as a referrer of an artifact that is there",
            Command::Discover => "Show what refers to an artifact, as a tree",
            Command::Inspect => "Show a manifest",
            Command::Index => "Push an index over manifests that are there",
            Command::Tag => "Add tags to a manifest",
            Command::Untag => "Remove tags and leave the manifest",
            Command::Copy => "Copy an artifact to another repository, registry, layout or archive",
            Command::Delete => "Delete a manifest",
            Command::List => "List the tags of a repository",
            Command::Login => "Store a credential in the docker configuration, for other tools",
            Command::Logout => "Remove a credential from the docker configuration",
            Command::Check => "Check a spec and print what it would push; sends nothing",
            Command::Schema => "Print the JSON schema of the spec, for editors",
        }
    }
}

impl FromStr for Command {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Command::ALL.iter().find(|command| command.name() == text);
        found.copied().ok_or_else(|| unknown(text))
    }
}

/// Why `name` is no command.
pub fn unknown(name: &str) -> Error {
    let names = Command::ALL.iter().map(|command| command.name());
    let hint = match (oras::command(name), nearest(name, names.clone())) {
        (Some(hint), _) => hint.to_owned(),
        (None, Some(meant)) => format!("did you mean {meant}?"),
        (None, None) => format!("the commands are {}", names.collect::<Vec<_>>().join(", ")),
    };
    Error::usage(format!("{name:?} is not a command")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_command_is_meant() {
        assert_eq!(unknown("pul").way_out(), Some("did you mean pull?"));
        assert!(
            unknown("frobnicate")
                .way_out()
                .unwrap()
                .starts_with("the commands are push, pull")
        );
    }
}
