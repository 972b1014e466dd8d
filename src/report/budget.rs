//! How many annotations a CI system shows: what is over it goes to the log at once, and into one last annotation a
//! level when the run ends (GitHub: ten a level and step; orgs/community discussions 26680 and 68471).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Level;
use crate::error::Place;

/// The most that one annotation tells of the others, in bytes.
const TOLD: usize = 3000;

/// Counts annotations and keeps those that wait.
pub struct Budget {
    most: Option<usize>,
    levels: BTreeMap<Level, Counted>,
}

#[derive(Default)]
struct Counted {
    shown: usize,
    waiting: Vec<Held>,
}

/// An annotation that waits for the end of the run.
pub struct Held {
    /// Its level.
    pub level: Level,
    /// Its text.
    pub message: String,
    /// Where it belongs.
    pub place: Option<Place>,
}

impl Budget {
    /// For a system that shows `most` of each level; `None` for one that shows all.
    pub fn new(most: Option<usize>) -> Self {
        Budget {
            most,
            levels: BTreeMap::new(),
        }
    }

    /// Whether the next one of `level` may be written now; else it waits. The last one allowed always waits, as
    /// more may come.
    pub fn admit(&mut self, level: Level, message: &str, place: Option<&Place>) -> bool {
        let counted = self.levels.entry(level).or_default();
        if self.most.is_none_or(|most| counted.shown + 1 < most) {
            counted.shown += 1;
            return true;
        }
        counted.waiting.push(Held {
            level,
            message: message.to_owned(),
            place: place.cloned(),
        });
        false
    }

    /// What waited, as one annotation a level.
    pub fn take(&mut self) -> Vec<Held> {
        let levels = std::mem::take(&mut self.levels);
        levels
            .into_values()
            .filter_map(|counted| one(counted.waiting))
            .collect()
    }
}

/// One annotation for all of `waiting`.
fn one(mut waiting: Vec<Held>) -> Option<Held> {
    if waiting.len() < 2 {
        return waiting.pop();
    }
    let level = waiting.first()?.level;
    let mut message = format!("{} more {}s, which the log has whole:", waiting.len(), level.name());
    for held in &waiting {
        let first = held.message.lines().next().unwrap_or_default();
        let place = held
            .place
            .as_ref()
            .map(|place| format!("{place}: "))
            .unwrap_or_default();
        if message.len() + place.len() + first.len() > TOLD {
            message.push_str("\n- …");
            break;
        }
        let _ = write!(message, "\n- {place}{first}");
    }
    Some(Held {
        level,
        message,
        place: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(most: Option<usize>, errors: usize) -> (usize, Vec<Held>) {
        let mut budget = Budget::new(most);
        let shown = (0..errors).filter(|n| budget.admit(Level::Error, &format!("error {n}\nhint"), None));
        (shown.count(), budget.take())
    }

    #[test]
    fn all_are_shown_where_there_is_room() {
        for errors in [0, 1, 9] {
            let (shown, held) = run(Some(10), errors);
            assert_eq!((shown, held.len()), (errors, 0));
        }
        let (shown, held) = run(Some(10), 10);
        assert_eq!((shown, held.len()), (9, 1));
        assert_eq!(held[0].message, "error 9\nhint");
        assert_eq!(run(None, 100).0, 100);
    }

    #[test]
    fn the_last_one_tells_of_the_others() {
        let (shown, held) = run(Some(10), 12);
        assert_eq!((shown, held.len()), (9, 1));
        insta::assert_snapshot!(held[0].message, @"
        3 more errors, which the log has whole:
        - error 9
        - error 10
        - error 11
        ");
        let (_, held) = run(Some(10), 5000);
        assert!(held[0].message.len() < TOLD + 10 && held[0].message.ends_with('…'));
    }

    #[test]
    fn each_level_has_its_own() {
        let mut budget = Budget::new(Some(2));
        assert!(budget.admit(Level::Error, "a", None));
        assert!(budget.admit(Level::Warning, "b", None));
        assert!(!budget.admit(Level::Warning, "c", None));
        assert_eq!(budget.take().len(), 1);
    }
}
