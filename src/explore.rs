//! For tests of what runs beside each other: every order of events, none left to chance.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;

/// All paths through a test that makes choices: it is run again from the start for each of them.
pub(crate) struct Paths {
    /// The choices of this path: which, of how many.
    taken: Vec<(usize, usize)>,
    at: usize,
}

impl Paths {
    /// Runs `test` on every path; how many there are.
    pub(crate) fn all(mut test: impl FnMut(&mut Paths)) -> usize {
        let mut paths = Paths {
            taken: Vec::new(),
            at: 0,
        };
        let mut count = 0;
        loop {
            paths.at = 0;
            test(&mut paths);
            count += 1;
            // The last choice that has another left; those behind it begin anew.
            while let Some((choice, among)) = paths.taken.pop() {
                if choice + 1 < among {
                    paths.taken.push((choice + 1, among));
                    break;
                }
            }
            if paths.taken.is_empty() {
                return count;
            }
        }
    }

    /// One of `options`, which must be the same whenever the path so far is.
    pub(crate) fn choose<T: Copy>(&mut self, options: &[T]) -> T {
        if self.at == self.taken.len() {
            self.taken.push((0, options.len()));
        }
        let (choice, among) = self.taken[self.at];
        assert_eq!(among, options.len(), "the test has a choice of its own");
        self.at += 1;
        options[choice]
    }
}

/// A model of threads that wait for each other: what each of them can do next.
pub(crate) trait Model: Clone + Debug + Eq + Hash {
    /// The states that one step of one thread leads to. None: nobody can go on.
    fn next(&self) -> Vec<Self>;

    /// Whether everybody has come to an end, as it should be.
    fn is_over(&self) -> bool;

    /// Fails if this must not be.
    fn check(&self);

    /// Visits every state that can be reached; fails in one where nobody goes on and not all is over. How many there
    /// are.
    fn explore(self) -> usize {
        let mut seen = HashSet::new();
        let mut open = vec![self];
        while let Some(state) = open.pop() {
            if !seen.insert(state.clone()) {
                continue;
            }
            state.check();
            let next = state.next();
            assert!(!next.is_empty() || state.is_over(), "everybody waits: {state:#?}");
            open.extend(next);
        }
        seen.len()
    }
}

#[test]
fn every_path_is_taken_once() {
    let mut seen = HashSet::new();
    let count = Paths::all(|paths| {
        let first = paths.choose(&[1, 2]);
        let second = if first == 1 { paths.choose(&[3, 4, 5]) } else { 0 };
        assert!(seen.insert((first, second)));
    });
    assert_eq!(count, 4);
}
