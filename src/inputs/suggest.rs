//! Names that are not ours: what was probably meant.

use super::Command;
use crate::error::Error;

/// Commands of later versions: known, and refused by name.
const LATER: &[&str] = &["attach", "discover", "index", "tag", "copy", "login", "logout"];

/// Why `name` is no command.
pub fn command(name: &str) -> Error {
    let names = Command::ALL.iter().map(|command| command.name());
    if LATER.contains(&name) {
        let names: Vec<_> = names.collect();
        return Error::usage(format!("the command {name} isn't in this version"))
            .hint(format!("this version has {}", names.join(", ")));
    }
    let hint = match closest(name, names.clone()) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("the commands are {}", names.collect::<Vec<_>>().join(", ")),
    };
    Error::usage(format!("{name:?} is not a command")).hint(hint)
}

/// The candidate that `name` was probably meant to be: at most a third of its letters differ.
pub fn closest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, candidate)| distance * 3 <= candidate.chars().count().max(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, left out, replaced or swapped with their neighbour to make `to` of `from`
/// (Damerau and Levenshtein, each place edited once).
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![(0..=to.len()).collect::<Vec<usize>>()];
    let at = |rows: &[Vec<usize>], i: usize, j: usize| rows.get(i).and_then(|row| row.get(j)).copied();
    for (i, left) in from.iter().enumerate() {
        rows.push(vec![i + 1]);
        for (j, upper) in to.iter().enumerate() {
            let is_swap = i > 0 && j > 0 && from.get(i - 1) == Some(upper) && to.get(j - 1) == Some(left);
            let costs = [
                at(&rows, i, j + 1).map(|cost| cost + 1),
                at(&rows, i + 1, j).map(|cost| cost + 1),
                at(&rows, i, j).map(|cost| cost + usize::from(left != upper)),
                is_swap.then(|| at(&rows, i - 1, j - 1)).flatten().map(|cost| cost + 1),
            ];
            let least = costs.into_iter().flatten().min().unwrap_or_default();
            if let Some(row) = rows.last_mut() {
                row.push(least);
            }
        }
    }
    at(&rows, from.len(), to.len()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (from, to, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("push", "push", 0),
            ("pusk", "push", 1),
            ("psuh", "push", 1),
            ("ab", "ba", 1),
            ("retrys", "retries", 2),
        ] {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
    }

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
