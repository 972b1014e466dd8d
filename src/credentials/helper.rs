//! Credential helpers: programs `docker-credential-NAME`, which keep credentials for docker and its like.
//!
//! Protocol of docker-credential-helpers: a verb as argument, the key or JSON on stdin, the answer on stdout.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Credential;
use crate::env::Env;
use crate::error::{Class, Error, Result};
use crate::program::{Bounds, Program, Trouble};
use crate::report::{Report, Secret};

/// As long as gardener's client waits, as some ask a person; real answers have a few KiB.
const BOUNDS: Bounds = Bounds {
    bytes: 256 * 1024,
    patience: Duration::from_secs(60),
};

/// As much as is shown of what a helper says.
const SHOWN: usize = 200;

/// The user name that stands for an identity token.
const TOKEN_USER: &str = "<token>";

/// Why a helper gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    class: Class,
    why: String,
}

impl Failure {
    /// It can't be used as it is: exit code 2.
    fn unusable(why: impl Into<String>) -> Self {
        Failure {
            class: Class::Usage,
            why: why.into(),
        }
    }

    /// It ran and said no: exit code 3.
    fn denied(why: impl Into<String>) -> Self {
        Failure {
            class: Class::Denied,
            why: why.into(),
        }
    }

    /// For the user; `origin` is the file that names the helper.
    pub(super) fn error(&self, name: &str, origin: &str) -> Error {
        Error::new(self.class, format!("{origin}: {}", self.text(name)))
    }

    /// `docker-credential-NAME: REASON`.
    pub(super) fn text(&self, name: &str) -> String {
        format!("docker-credential-{name}: {}", self.why)
    }
}

/// What helpers run in.
#[derive(Clone)]
pub(super) struct Helpers {
    env: Env,
    report: Report,
    bounds: Bounds,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    #[serde(rename = "ServerURL")]
    server_url: &'a str,
    username: &'a str,
    secret: &'a str,
}

impl Helpers {
    pub(super) fn new(env: &Env, report: &Report) -> Self {
        Helpers {
            env: env.clone(),
            report: report.clone(),
            bounds: BOUNDS,
        }
    }

    /// With another time limit than a minute.
    #[cfg(test)]
    pub(super) fn patience(mut self, patience: Duration) -> Self {
        self.bounds.patience = patience;
        self
    }

    /// The credential that `name` has under `key`.
    pub(super) async fn get(&self, name: &str, key: &str) -> Result<Option<Credential>, Failure> {
        let (success, answer) = self.call(name, "get", key.as_bytes()).await?;
        if !success {
            return match is_not_found(&answer) {
                true => Ok(None),
                false => Err(Failure::denied(complaint(&answer))),
            };
        }
        // The text isn't shown, nor that of the JSON error: either may quote the secret.
        let answer: Answer = serde_json::from_slice(&answer)
            .map_err(|_| Failure::unusable("its answer is not the JSON of a credential"))?;
        match (answer.username, answer.secret) {
            (_, secret) if secret.is_empty() => Err(Failure::unusable("its answer has no secret")),
            (username, _) if username.is_empty() => Err(Failure::unusable("its answer has no user name")),
            (username, secret) => {
                let secret = Secret::new(secret, &self.report);
                Ok(Some(if username == TOKEN_USER {
                    Credential::RefreshToken(secret)
                } else {
                    Credential::Basic {
                        username,
                        password: secret,
                    }
                }))
            }
        }
    }

    /// Has `name` keep a credential; `None` for the user is an identity token.
    pub(super) async fn store(
        &self,
        name: &str,
        key: &str,
        username: Option<&str>,
        secret: &Secret,
    ) -> Result<(), Failure> {
        let entry = Entry {
            server_url: key,
            username: username.unwrap_or(TOKEN_USER),
            secret: secret.expose(),
        };
        let json = serde_json::to_vec(&entry).map_err(|_| Failure::unusable("the credential is not text"))?;
        match self.call(name, "store", &json).await? {
            (true, _) => Ok(()),
            (false, answer) => Err(Failure::denied(complaint(&answer))),
        }
    }

    /// Has `name` forget what it has under `key`.
    pub(super) async fn erase(&self, name: &str, key: &str) -> Result<(), Failure> {
        match self.call(name, "erase", key.as_bytes()).await? {
            (false, answer) if !is_not_found(&answer) => Err(Failure::denied(complaint(&answer))),
            _ => Ok(()),
        }
    }

    /// Whether it succeeded, and what it printed.
    async fn call(&self, name: &str, verb: &str, input: &[u8]) -> Result<(bool, Vec<u8>), Failure> {
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if name.is_empty() || !name.bytes().all(sound) {
            return Err(Failure::unusable("its name has characters that no helper's name has"));
        }
        let ended = async {
            let program = Program::find(&format!("docker-credential-{name}"), &self.env).await?;
            program.run(&[verb], input, self.bounds).await
        };
        let output = ended.await.map_err(|trouble| match trouble {
            Trouble::Missing => Failure::unusable("there is no such program on PATH"),
            Trouble::Broken(error) => Failure::unusable(format!("it did not start: {error}")),
            Trouble::TooMuch => Failure::unusable(format!("it printed more than {} KiB", self.bounds.bytes / 1024)),
            Trouble::Hung => Failure::denied(format!("it gave no answer within {} s", self.bounds.patience.as_secs())),
        })?;
        Ok((output.success, output.stdout))
    }
}

/// Helpers write it with and without a newline (google/go-containerregistry#258).
fn is_not_found(answer: &[u8]) -> bool {
    String::from_utf8_lossy(answer)
        .trim()
        .to_ascii_lowercase()
        .starts_with("credentials not found")
}

/// The first line of what a helper printed as it failed; but for JSON, which may hold what it was asked for.
fn complaint(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let line = text.trim().lines().next().unwrap_or_default().trim();
    if line.is_empty() || line.contains(['{', '"']) {
        return "it failed without a reason".to_owned();
    }
    let shown: String = line.chars().take(SHOWN).collect();
    format!("it failed: {shown}")
}

#[cfg(all(test, unix))]
pub(super) mod tests;
