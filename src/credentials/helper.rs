//! Credential helpers: programs `docker-credential-NAME`, which keep credentials for docker and its like.
//!
//! Protocol of docker-credential-helpers: a verb as argument, the key or JSON on stdin, the answer on stdout. Run
//! without a shell, found on `PATH` alone, with a time limit and a cap: what a build machine's configuration names need
//! not be sound, or there.

use std::process::Stdio;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::Credential;
use crate::env::Env;
use crate::error::{Class, Error, Result};
use crate::report::{Report, Secret};

/// As long as gardener's client waits; some ask a person.
const PATIENCE: Duration = Duration::from_secs(60);

/// Real answers have a few KiB.
const ANSWER_LIMIT: u64 = 256 * 1024;

/// As much as is shown of what a helper says.
const SHOWN: usize = 200;

/// The user name that stands for an identity token.
const TOKEN_USER: &str = "<token>";

/// Our own inputs: they may hold secrets that a helper has no use for.
const OURS: &str = "OCI_ARTIFACT_";

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
    variables: Vec<(String, String)>,
    path: Option<String>,
    report: Report,
    patience: Duration,
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
        let variables = env.iter().filter(|(name, _)| !name.starts_with(OURS));
        Helpers {
            variables: variables
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            path: env.get("PATH").map(str::to_owned),
            report: report.clone(),
            patience: PATIENCE,
        }
    }

    /// With another time limit than a minute.
    #[cfg(test)]
    pub(super) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
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
        let program = self.find(name).await?;
        let mut command = Command::new(program);
        command
            .arg(verb)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        // A group of its own, to be ended with all that it starts.
        #[cfg(unix)]
        command.process_group(0);
        let unstarted = |error: std::io::Error| Failure::unusable(format!("it did not start: {error}"));
        let mut child = command.spawn().map_err(unstarted)?;
        let group = Group(child.id());
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (Some(mut stdin), Some(stdout)) = (stdin, stdout) else {
            return Err(Failure::unusable("it has no stdin or stdout"));
        };
        let mut answer = Vec::new();
        let talk = async {
            let write = async move {
                // A helper that knows its only credential doesn't read.
                let _ = stdin.write_all(input).await;
                drop(stdin);
            };
            let mut limited = stdout.take(ANSWER_LIMIT + 1);
            let ((), read) = tokio::join!(write, limited.read_to_end(&mut answer));
            read.map_err(unstarted)?;
            if answer.len() as u64 > ANSWER_LIMIT {
                return Err(Failure::unusable("it printed more than 256 KiB"));
            }
            child.wait().await.map_err(unstarted)
        };
        let seconds = self.patience.as_secs();
        let status = tokio::time::timeout(self.patience, talk)
            .await
            .map_err(|_| Failure::denied(format!("it gave no answer within {seconds} s")))??;
        group.ended();
        Ok((status.success(), answer))
    }

    /// The program, in a folder of `PATH`: those that are relative name whatever the job checked out.
    async fn find(&self, name: &str) -> Result<Utf8PathBuf, Failure> {
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if name.is_empty() || !name.bytes().all(sound) {
            return Err(Failure::unusable("its name has characters that no helper's name has"));
        }
        let file = format!("docker-credential-{name}{}", std::env::consts::EXE_SUFFIX);
        let path = self.path.clone().unwrap_or_default();
        let found = tokio::task::spawn_blocking(move || {
            let folders = std::env::split_paths(&path).filter_map(|folder| Utf8PathBuf::from_path_buf(folder).ok());
            let mut programs = folders
                .filter(|folder| folder.is_absolute())
                .map(|folder| folder.join(&file));
            programs.find(|program| is_executable(program))
        });
        let found = found.await.ok().flatten();
        found.ok_or_else(|| Failure::unusable("there is no such program on PATH"))
    }
}

fn is_executable(path: &Utf8Path) -> bool {
    let Ok(metadata) = fs_err::metadata(path) else {
        return false;
    };
    #[cfg(unix)]
    let may_run = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let may_run = true;
    metadata.is_file() && may_run
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

/// A helper under way; dropped, it and its children are killed.
struct Group(Option<u32>);

impl Group {
    /// It ended by itself.
    fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The child hasn't been waited for, so that its id is still its own.
        #[cfg(unix)]
        if let Some(id) = self
            .0
            .and_then(|id| rustix::process::Pid::from_raw(id.try_into().ok()?))
        {
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
        // Elsewhere tokio ends the helper alone.
        #[cfg(not(unix))]
        let _ = self.0;
    }
}

#[cfg(all(test, unix))]
pub(super) mod tests;
