//! A program of the CI system that prints a token.

use std::time::Duration;

use super::LIMIT;
use crate::env::Env;
use crate::error::{Class, Error, Result};
use crate::program::{self, Bounds, Trouble};

/// It asks a server, no person.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program, and what it runs in.
pub(super) struct Program {
    name: &'static str,
    env: Env,
    patience: Duration,
}

impl std::fmt::Debug for Program {
    /// Without the environment.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Program {
    pub(super) fn new(name: &'static str, env: &Env) -> Self {
        Program {
            name,
            env: env.clone(),
            patience: PATIENCE,
        }
    }

    /// With another time limit.
    #[cfg(test)]
    pub(super) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// What it prints, without white space around it.
    ///
    /// # Errors
    /// It is missing, fails, hangs, prints too much or no text. Class `Denied`; its stdout is never shown.
    pub(super) async fn run(&self, arguments: &[&str]) -> Result<String> {
        let name = self.name;
        let refuse = |why: &str| {
            Error::new(Class::Denied, format!("no ID token: `{name}`: {why}")).hint(format!(
                "the CI system's agent brings `{name}`: it must be on PATH, and allowed to give tokens"
            ))
        };
        let bounds = Bounds {
            bytes: LIMIT as u64,
            patience: self.patience,
        };
        let ended = async {
            program::Program::find(name, &self.env)
                .await?
                .run(arguments, b"", bounds)
                .await
        };
        let output = ended.await.map_err(|trouble| match trouble {
            Trouble::Missing => refuse("there is none on PATH"),
            Trouble::Broken(error) => refuse(&error.to_string()),
            Trouble::TooMuch => refuse(&format!("it printed more than {LIMIT} bytes")),
            Trouble::Hung => refuse(&format!("it gave no token in {:.0?}", self.patience)),
        })?;
        if !output.success {
            return Err(refuse(&output.last_complaint()));
        }
        let text = String::from_utf8(output.stdout).map_err(|_| refuse("it printed no text"))?;
        Ok(text.trim().to_owned())
    }
}
