//! The secret inputs, kept apart from the others from the moment they are read.

use std::collections::BTreeMap;
use std::io::Read;

use super::layers::Layer;
use super::table::INPUTS;
use crate::error::{Error, Result};
use crate::report::{Report, Secret};

/// The most bytes that stdin may give for a password.
const STDIN_LIMIT: u64 = 64 * 1024;

/// Secrets by the input's name, each with its origin.
#[derive(Debug, Default)]
pub struct Secrets(BTreeMap<&'static str, (Secret, String)>);

impl Secrets {
    /// Takes the secrets out of `layers`, of which the first wins. All are announced to `report`, also those that an
    /// earlier layer hides.
    pub fn take(layers: &mut [Layer], report: &Report) -> Self {
        let mut secrets = Secrets::default();
        for layer in layers {
            for input in INPUTS.iter().filter(|input| input.secret) {
                if let Some(given) = layer.remove(input.name) {
                    // A secret that was stored from a file ends with a newline, which no header can carry.
                    let secret = Secret::new(given.text.trim_matches(['\r', '\n']), report);
                    secrets.0.entry(input.name).or_insert((secret, given.origin));
                }
            }
        }
        secrets
    }

    /// Reads the password from `stdin`: all of it, without the newline at its end.
    pub fn read_password(&mut self, stdin: &mut dyn Read, report: &Report) -> Result<()> {
        let mut text = String::new();
        let mut limited = stdin.take(STDIN_LIMIT + 1);
        let read = limited.read_to_string(&mut text);
        if let Err(error) = read {
            return Err(Error::usage(format!(
                "--password-stdin: stdin can't be read as UTF-8 text: {}",
                error.kind()
            )));
        }
        let password = text.strip_suffix('\n').unwrap_or(&text);
        let password = password.strip_suffix('\r').unwrap_or(password);
        if text.len() as u64 > STDIN_LIMIT {
            return Err(Error::usage("--password-stdin: stdin has more than 64 KiB"));
        }
        if password.trim().is_empty() {
            return Err(Error::usage("--password-stdin: stdin is empty").hint("pipe the password into the command"));
        }
        let secret = Secret::new(password, report);
        self.0.insert("password", (secret, "--password-stdin".to_owned()));
        Ok(())
    }

    /// Drops those that `keep` doesn't name.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| keep(name));
    }

    /// Where `name` came from, if it was given.
    pub fn origin(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|(_, origin)| origin.as_str())
    }

    /// The secret `name`, if it was given.
    pub fn get(&self, name: &str) -> Option<Secret> {
        self.0.get(name).map(|(secret, _)| secret.clone())
    }
}
