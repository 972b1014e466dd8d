//! A command that isn't known: what was probably meant.

use super::Command;
use crate::error::Error;
use crate::suggest::nearest;

/// Commands of later versions: known, and refused by name.
const LATER: &[&str] = &["attach", "discover", "index", "tag", "copy"];

/// Why `name` is no command.
pub fn command(name: &str) -> Error {
    let names = Command::ALL.iter().map(|command| command.name());
    if LATER.contains(&name) {
        let names: Vec<_> = names.collect();
        return Error::usage(format!("the command {name} isn't in this version"))
            .hint(format!("this version has {}", names.join(", ")));
    }
    let hint = match nearest(name, names.clone()) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("the commands are {}", names.collect::<Vec<_>>().join(", ")),
    };
    Error::usage(format!("{name:?} is not a command")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_command_is_told_apart_from_a_wrong_one() {
        assert_eq!(command("attach").message(), "the command attach isn't in this version");
        assert_eq!(command("pul").way_out(), Some("did you mean pull?"));
        assert!(
            command("frobnicate")
                .way_out()
                .unwrap()
                .starts_with("the commands are push, pull")
        );
    }
}
