//! A terminal, or a CI system whose own channels aren't used yet: plain text, and results on stdout and in files.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Ci, System, id_token};
use crate::credentials::IdTokens;
use crate::env::Env;
use crate::error::Result;
use crate::report::{Dialect, Plain};

/// No channel but the log.
pub struct Generic {
    system: System,
    env: Env,
}

impl Generic {
    /// For `system`, whose variables are in `env`.
    pub fn new(system: System, env: &Env) -> Self {
        Generic {
            system,
            env: env.clone(),
        }
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

    fn id_tokens(&self) -> Option<Arc<dyn IdTokens>> {
        id_token::source(self.system, &self.env)
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
