//! A command that isn't known: what was probably meant.

use super::{Command, oras};
use crate::error::Error;
use crate::suggest::nearest;

/// Why `name` is no command.
pub fn command(name: &str) -> Error {
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
        assert_eq!(command("pul").way_out(), Some("did you mean pull?"));
        assert!(
            command("frobnicate")
                .way_out()
                .unwrap()
                .starts_with("the commands are push, pull")
        );
    }
}
