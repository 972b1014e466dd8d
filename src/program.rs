//! Programs of others: credential helpers, the agent of a CI system. Run without a shell, with a time limit and a cap,
//! and ended with all that they started: what a build machine's configuration names need not be sound.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::env::Env;

/// Of what a program complains about, so many bytes are kept.
const COMPLAINT: usize = 64 * 1024;

/// How variables begin that may be inputs of ours, secret ones too: no program of others needs them.
const OURS: [&str; 4] = ["OCI_ARTIFACT_", "INPUT_", "PLUGIN_", "BUILDKITE_PLUGIN_"];

/// Of a complaint, so many characters are shown.
const SHOWN: usize = 300;

/// Why a program gave nothing.
#[derive(Debug)]
pub enum Trouble {
    /// There is none of that name on `PATH`.
    Missing,
    /// It did not start, or could not be waited for.
    Broken(io::Error),
    /// It printed more than it may.
    TooMuch,
    /// It did not end in time.
    Hung,
}

/// A program that ended by itself.
#[derive(Debug)]
pub struct Output {
    /// Whether its exit code is 0.
    pub success: bool,
    /// All that it printed.
    pub stdout: Vec<u8>,
    /// The first 64 KiB of what it complained about.
    pub stderr: Vec<u8>,
}

impl Output {
    /// The last line that it complained with, cut to 300 characters.
    pub fn last_complaint(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        let last = text.lines().rev().find(|line| !line.trim().is_empty());
        last.unwrap_or("it failed").trim().chars().take(SHOWN).collect()
    }
}

/// How much of others' time and words is taken.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The most that it may print, in bytes.
    pub bytes: u64,
    /// As long as it may take.
    pub patience: Duration,
}

/// A program that is there, and what it runs in.
pub struct Program {
    path: Utf8PathBuf,
    variables: Vec<(String, String)>,
}

impl Program {
    /// The program `name` in an absolute folder of `PATH`: those that are relative name whatever the job checked out.
    /// It gets all variables but our inputs.
    ///
    /// # Errors
    /// [`Trouble::Missing`].
    pub async fn find(name: &str, env: &Env) -> Result<Self, Trouble> {
        let folders = env.get("PATH").unwrap_or_default().to_owned();
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        let look = move || {
            let folders = std::env::split_paths(&folders).filter_map(|folder| Utf8PathBuf::from_path_buf(folder).ok());
            let mut programs = folders.filter(|folder| folder.is_absolute());
            programs.find_map(|folder| Some(folder.join(&file)).filter(|program| is_executable(program)))
        };
        let path = tokio::task::spawn_blocking(look).await.ok().flatten();
        let theirs = env
            .iter()
            .filter(|(name, _)| !OURS.iter().any(|prefix| name.starts_with(prefix)));
        let variables = theirs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Program {
            path: path.ok_or(Trouble::Missing)?,
            variables: variables.collect(),
        })
    }

    /// Runs it to its end with `input` on stdin.
    ///
    /// # Errors
    /// What kept it from ending by itself.
    pub async fn run(&self, arguments: &[&str], input: &[u8], bounds: Bounds) -> Result<Output, Trouble> {
        let mut command = Command::new(self.path.as_std_path());
        command
            .args(arguments)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // A group of its own, to be ended with all that it starts.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(Trouble::Broken)?;
        let group = Group(child.id());
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let talk = async {
            let write = async move {
                // One that knows its answer doesn't read.
                if let Some(mut stdin) = stdin {
                    let _ = stdin.write_all(input).await;
                }
            };
            let mut printed = Vec::new();
            let read = async {
                match stdout {
                    Some(stdout) => stdout.take(bounds.bytes + 1).read_to_end(&mut printed).await,
                    None => Ok(0),
                }
            };
            let talk = async {
                let ((), read) = tokio::join!(write, read);
                let read = read.map_err(Trouble::Broken)?;
                // One that was cut short may wait for ever to write the rest.
                if read as u64 > bounds.bytes {
                    return Err(Trouble::TooMuch);
                }
                Ok(())
            };
            let ((), complaint) = tokio::try_join!(talk, complaint(stderr))?;
            let status = child.wait().await.map_err(Trouble::Broken)?;
            Ok(Output {
                success: status.success(),
                stdout: printed,
                stderr: complaint,
            })
        };
        let output = tokio::time::timeout(bounds.patience, talk)
            .await
            .map_err(|_| Trouble::Hung)??;
        group.ended();
        Ok(output)
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

/// The beginning of what it complains about; all of it is read, so that it never waits to be heard.
async fn complaint(stderr: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, Trouble> {
    let (mut kept, mut piece) = (Vec::new(), [0; 4096]);
    let Some(mut stderr) = stderr else { return Ok(kept) };
    loop {
        let count = stderr.read(&mut piece).await.map_err(Trouble::Broken)?;
        let read = piece.get(..count).unwrap_or_default();
        if read.is_empty() {
            return Ok(kept);
        }
        let room = COMPLAINT.saturating_sub(kept.len()).min(read.len());
        kept.extend_from_slice(read.get(..room).unwrap_or_default());
    }
}

/// A program under way; dropped, it and its children are killed.
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
        // Elsewhere tokio ends the program alone.
        #[cfg(not(unix))]
        let _ = self.0;
    }
}
