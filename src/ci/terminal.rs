//! A terminal, or a CI system that says no more than `CI=true`: plain text, and results on stdout and in files.

use super::{Ci, System};

/// No channel but the log.
pub struct Terminal(pub System);

impl Ci for Terminal {
    fn system(&self) -> System {
        self.0
    }
}
