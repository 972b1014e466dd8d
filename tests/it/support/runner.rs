//! Runs the real binary in a temporary directory, with nothing of this process's environment.
//!
//! ```ignore
//! let workspace = Workspace::new();
//! workspace.write("a.txt", "hello");
//! let outcome = workspace.run().args(["push", "oci:layout:v1", "a.txt"]).call();
//! outcome.success();
//! insta::assert_snapshot!(outcome.stdout(), @"…");
//! ```

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};

/// A temporary directory with a working directory and a home, gone when dropped.
pub struct Workspace {
    _keep: tempfile::TempDir,
    root: Utf8PathBuf,
}

impl Workspace {
    pub fn new() -> Self {
        let keep = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(fs_err::canonicalize(keep.path()).unwrap()).unwrap();
        for name in ["work", "home", "tmp"] {
            fs_err::create_dir(root.join(name)).unwrap();
        }
        Workspace { _keep: keep, root }
    }

    /// The working directory of the program.
    pub fn path(&self) -> Utf8PathBuf {
        self.root.join("work")
    }

    /// Its home.
    pub fn home(&self) -> Utf8PathBuf {
        self.root.join("home")
    }

    /// Where it puts temporary files.
    pub fn temporary(&self) -> Utf8PathBuf {
        self.root.join("tmp")
    }

    /// Writes a file below the working directory, its folders too.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> Utf8PathBuf {
        let path = self.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, bytes).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path().join(name)).unwrap()
    }

    pub fn exists(&self, name: &str) -> bool {
        fs_err::symlink_metadata(self.path().join(name)).is_ok()
    }

    /// Every file and link below `name`, by its path, with what it holds; directories end in `/`.
    pub fn tree(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let top = self.path().join(name);
        let mut tree = BTreeMap::new();
        for entry in walkdir::WalkDir::new(&top).min_depth(1) {
            let entry = entry.unwrap();
            let path = Utf8Path::from_path(entry.path()).unwrap();
            let name = path.strip_prefix(&top).unwrap();
            if entry.file_type().is_dir() {
                tree.insert(format!("{name}/"), Vec::new());
            } else if entry.file_type().is_symlink() {
                let target = fs_err::read_link(path).unwrap();
                tree.insert(name.to_string(), format!("-> {}", target.display()).into());
            } else {
                tree.insert(name.to_string(), fs_err::read(path).unwrap());
            }
        }
        tree
    }

    /// A `PATH` with `tests/helpers/docker-credential` under these names.
    #[cfg(unix)]
    pub fn helpers(&self, names: &[&str]) -> String {
        let folder = self.root.join("helpers");
        fs_err::create_dir_all(&folder).unwrap();
        for name in names {
            let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/helpers/docker-credential");
            let link = folder.join(format!("docker-credential-{name}"));
            std::os::unix::fs::symlink(program, link).unwrap();
        }
        format!("{folder}:/usr/bin:/bin")
    }

    /// Writes docker's configuration into the home.
    pub fn docker_config(&self, json: &str) {
        fs_err::create_dir_all(self.home().join(".docker")).unwrap();
        fs_err::write(self.home().join(".docker/config.json"), json).unwrap();
    }

    /// A call of the program, in the working directory.
    pub fn run(&self) -> Run<'_> {
        Run {
            workspace: self,
            program: env!("CARGO_BIN_EXE_oci-artifact").into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            directory: self.path(),
            stdin: Vec::new(),
            placeholders: Vec::new(),
        }
    }
}

/// A call to be made.
#[derive(Clone)]
pub struct Run<'a> {
    workspace: &'a Workspace,
    program: OsString,
    args: Vec<OsString>,
    env: BTreeMap<OsString, OsString>,
    directory: Utf8PathBuf,
    stdin: Vec<u8>,
    placeholders: Vec<(String, String)>,
}

impl<'a> Run<'a> {
    /// Another program (a peer), in the same surroundings.
    pub fn program(mut self, program: impl Into<OsString>) -> Self {
        self.program = program.into();
        self
    }

    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub fn args<T: Into<OsString>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable; only those set so, HOME and TMPDIR are there.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Runs in a directory below the working directory.
    pub fn directory(mut self, name: &str) -> Self {
        self.directory = self.workspace.path().join(name);
        self
    }

    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Shows `text` (a registry's host, say) as `[NAME]` in what the program prints.
    pub fn placeholder(mut self, text: impl Into<String>, name: &str) -> Self {
        self.placeholders.push((text.into(), format!("[{name}]")));
        self
    }

    /// Starts the program without waiting: to signal it while it works.
    pub fn start(&self) -> Running {
        let mut command = Command::new(&self.program);
        command.args(&self.args).current_dir(&self.directory).env_clear();
        command
            .env("HOME", self.workspace.home())
            .env("TMPDIR", self.workspace.temporary())
            .envs(&self.env);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{:?}: {error}", self.program));
        let mut stdin = child.stdin.take().unwrap();
        let bytes = self.stdin.clone();
        // In a thread of its own: a program that doesn't read must not block the test.
        std::thread::spawn(move || {
            let _ = stdin.write_all(&bytes);
        });
        let mut placeholders = self.placeholders.clone();
        placeholders.push((self.workspace.path().into_string(), "[WORK]".to_owned()));
        placeholders.push((self.workspace.root.to_string(), "[ROOT]".to_owned()));
        let program = Utf8Path::from_path(self.program.as_ref()).and_then(Utf8Path::file_name);
        Running {
            child: Some(child),
            name: program.unwrap_or_default().to_owned(),
            ours: self.program == env!("CARGO_BIN_EXE_oci-artifact"),
            placeholders,
        }
    }

    /// Runs the program to its end.
    pub fn call(&self) -> Outcome {
        self.start().wait()
    }
}

/// A program under way; killed when dropped.
pub struct Running {
    child: Option<Child>,
    name: String,
    ours: bool,
    placeholders: Vec<(String, String)>,
}

impl Running {
    pub fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// The file name of the program.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// Sends a signal: to a program that has ended too, as nobody else has its id until it is waited for.
    #[cfg(unix)]
    pub fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_raw(self.id().try_into().unwrap()).unwrap();
        rustix::process::kill_process(id, signal).unwrap();
    }

    pub fn wait(mut self) -> Outcome {
        let output = self.child.take().unwrap().wait_with_output().unwrap();
        Outcome {
            code: output.status.code(),
            stdout: text(output.stdout, self.ours),
            stderr: text(output.stderr, self.ours),
            placeholders: std::mem::take(&mut self.placeholders),
        }
    }
}

/// Ours prints nothing but UTF-8; what others print may hold what a hostile server sent.
fn text(bytes: Vec<u8>, ours: bool) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        assert!(!ours, "{error}");
        String::from_utf8_lossy(error.as_bytes()).into_owned()
    })
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a program did.
#[derive(Debug)]
pub struct Outcome {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    /// As printed.
    pub stdout: String,
    /// As printed.
    pub stderr: String,
    placeholders: Vec<(String, String)>,
}

impl Outcome {
    /// Fails unless the exit code is 0.
    #[track_caller]
    pub fn success(&self) -> &Self {
        self.exit(0)
    }

    /// Fails unless the exit code is this.
    #[track_caller]
    pub fn exit(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}", self.snapshot());
        self
    }

    /// Standard output with placeholders: what a snapshot holds.
    pub fn stdout(&self) -> String {
        self.masked(&self.stdout)
    }

    /// Standard error with placeholders.
    pub fn stderr(&self) -> String {
        self.masked(&self.stderr)
    }

    /// Exit code and both streams, with placeholders.
    pub fn snapshot(&self) -> String {
        let code = self.code.map_or("signal".to_owned(), |code| code.to_string());
        format!(
            "exit: {code}\n--- stdout\n{}--- stderr\n{}",
            self.stdout(),
            self.stderr()
        )
    }

    /// Standard output as JSON; a result is held to its schema.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        let json: serde_json::Value =
            serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.snapshot()));
        if json.get("exit-code").is_some() {
            super::schema::check(&json);
        }
        json
    }

    /// Fails if any of the texts was printed.
    #[track_caller]
    pub fn keeps_secret(&self, secrets: &[&str]) -> &Self {
        for secret in secrets {
            assert!(
                !self.stdout.contains(secret) && !self.stderr.contains(secret),
                "{}",
                self.snapshot()
            );
        }
        self
    }

    fn masked(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (from, to) in &self.placeholders {
            text = text.replace(from, to);
        }
        text
    }
}
