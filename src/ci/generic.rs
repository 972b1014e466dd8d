//! A terminal, or a CI system whose own channels aren't used yet: plain text, and results on stdout and in files.

use std::collections::BTreeMap;

use super::{Ci, System};
use crate::error::Result;
use crate::report::{Dialect, Plain};

/// No channel but the log.
pub struct Generic {
    system: System,
}

impl Generic {
    /// For `system`.
    pub fn new(system: System) -> Self {
        Generic { system }
    }
}

impl Ci for Generic {
    fn name(&self) -> &'static str {
        self.system.name()
    }

    fn dialect(&self) -> Box<dyn Dialect> {
        Box::new(Plain)
    }

    fn facts(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::new()
    }

    fn source_url(&self) -> Option<String> {
        None
    }

    fn outputs(&self, _: &[(&str, String)]) -> Result<()> {
        Ok(())
    }

    fn summary(&self, _: &str) -> Result<()> {
        Ok(())
    }

    fn is_ci(&self) -> bool {
        self.system != System::None
    }
}
