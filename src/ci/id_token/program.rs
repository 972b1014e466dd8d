//! A program of the CI system that prints a token: run without a shell, with a time limit and a cap.

use std::process::Stdio;
use std::time::Duration;

use camino::Utf8PathBuf;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::LIMIT;
use crate::env::Env;
use crate::error::{Class, Error, Result};

/// It asks a server, no person.
const PATIENCE: Duration = Duration::from_secs(60);

/// Of what it complains about, this much is shown.
const SHOWN: usize = 300;

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
        let refuse = |why: String| {
            Error::new(Class::Denied, format!("no ID token: `{name}`: {why}")).hint(format!(
                "the CI system's agent brings `{name}`: it must be on PATH, and allowed to give tokens"
            ))
        };
        let path = self
            .find()
            .await?
            .ok_or_else(|| refuse("there is none on PATH".to_owned()))?;
        let mut child = Command::new(path.as_std_path())
            .args(arguments)
            .env_clear()
            .envs(self.env.iter())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| refuse(error.to_string()))?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let all = async {
            let (out, err) = tokio::join!(capped(out), capped(err));
            // A program that was cut short may wait for ever to write the rest.
            if out.len() > LIMIT {
                return Err(refuse(format!("it printed more than {LIMIT} bytes")));
            }
            let status = child.wait().await.map_err(|error| refuse(error.to_string()))?;
            Ok((status, out, err))
        };
        let (status, out, err) = tokio::time::timeout(self.patience, all)
            .await
            .map_err(|_| refuse(format!("it gave no token in {:.0?}", self.patience)))??;
        if !status.success() {
            let text = String::from_utf8_lossy(&err);
            let line = text
                .lines()
                .rev()
                .find(|line| !line.trim().is_empty())
                .unwrap_or("it failed");
            return Err(refuse(line.trim().chars().take(SHOWN).collect()));
        }
        let text = String::from_utf8(out).map_err(|_| refuse("it printed no text".to_owned()))?;
        Ok(text.trim().to_owned())
    }

    /// On absolute directories of `PATH` alone: a checkout must not bring its own.
    async fn find(&self) -> Result<Option<Utf8PathBuf>> {
        let path = self.env.get("PATH").unwrap_or_default().to_owned();
        let file = format!("{}{}", self.name, std::env::consts::EXE_SUFFIX);
        let look = move || {
            let found = std::env::split_paths(&path)
                .filter_map(|folder| Utf8PathBuf::from_path_buf(folder).ok())
                .filter(|folder| folder.is_absolute());
            found.map(|folder| folder.join(&file)).find(|file| file.is_file())
        };
        tokio::task::spawn_blocking(look)
            .await
            .map_err(|_| Error::internal("looking for a program panicked"))
    }
}

/// Up to one byte over the cap; then the pipe is closed.
async fn capped(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What was read up to a failure is judged as it is.
        let _ = pipe.take(LIMIT as u64 + 1).read_to_end(&mut bytes).await;
    }
    bytes
}
