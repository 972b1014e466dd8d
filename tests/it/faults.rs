//! A push and a pull through a front that goes wrong once, three times or for ever: one cell of the fault matrix.
//! Some cells and a pull over connections that are cut run here; the whole is `faults_matrix.rs`.
#![allow(clippy::print_stdout, reason = "figures and a table, for who runs scripts/long")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use oci_artifact::oci::Digest;
use serde_json::Value;

use crate::support::front::{Bearer, Counts, Front, Kind, Place, Plan, Trouble};
use crate::support::peers::program;
use crate::support::registry::Registry;
use crate::support::runner::{Run, Workspace};

/// Seconds after which a program is ended: ours waits a minute for an answer, six times over; ORAS for ever.
const BOUND: [&str; 2] = ["600", "60"];

/// `timeout`'s exit code when it had to.
const HANGS: i32 = 124;

/// A session of an upload takes PATCH for bodies above this, where the cell is about PATCH.
const BODY_LIMIT: u64 = 128 * 1024;

/// The files of a cell; the larger one is several pieces of the front.
const FILES: [(&str, usize); 2] = [("large.bin", 512 * 1024), ("small.txt", 20)];

/// Who pushes and pulls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    Ours,
    Oras,
}

/// A square of the matrix.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    pub kind: Kind,
    pub place: Place,
    /// `usize::MAX`: for ever.
    pub times: usize,
}

/// What came of it.
#[derive(Debug)]
pub struct Result {
    /// Of the push, if it failed, else of the pull.
    pub code: i32,
    pub seconds: f64,
    pub counts: Counts,
    /// Bytes of blobs beyond those that a run without faults moves.
    pub again: u64,
    /// What is wrong with what arrived, the end that it came to or the way there.
    pub wrong: Option<String>,
    pub stderr: String,
}

impl Cell {
    pub fn for_ever(&self) -> bool {
        self.times == usize::MAX
    }

    /// The exit codes that are right.
    fn allowed(&self) -> &'static [i32] {
        match self.kind {
            // Bytes that keep coming are no fault.
            Kind::Slow => &[0],
            _ if !self.for_ever() => &[0],
            Kind::Unauthorized => &[3],
            _ => &[6],
        }
    }

    fn plan(&self) -> Plan {
        let patch = self.place == Place::Patch;
        Plan {
            bearer: Some(Bearer::default()),
            redirect: self.place == Place::Redirect,
            chunk_min: patch.then_some(BODY_LIMIT / 2),
            body_limit: patch.then_some(BODY_LIMIT),
            ..Plan::default()
        }
    }

    /// Pushes and pulls with `tool`, through a front of its own before the registry at `upstream`.
    pub fn run(&self, upstream: &str, tool: Tool) -> Result {
        let front = Front::start(upstream, self.plan());
        front.fault(Trouble {
            kind: self.kind,
            place: self.place,
            times: self.times,
        });
        let workspace = Workspace::new();
        let files = random_files(&workspace, &FILES);
        // Each cell has blobs and a repository of its own.
        let repository = format!("faults/{}", &files[0].1[7..27]);
        let reference = format!("{}/{repository}:v1", front.host());
        let begun = Instant::now();
        let mut outcome = push(&workspace, tool, &reference, &[]).call();
        let mut wrong = None;
        if outcome.code == Some(0) {
            wrong = stored(upstream, &repository, &files);
            outcome = pull(&workspace, tool, &reference, &[]).call();
        }
        let seconds = begun.elapsed().as_secs_f64();
        if wrong.is_none() && outcome.code == Some(0) && workspace.tree("src") != workspace.tree("out") {
            wrong = Some("other files were pulled than pushed".to_owned());
        }
        let code = outcome.code.unwrap_or(-1);
        let counts = front.counts();
        // ORAS has one exit code for all that fails.
        let may_fail = self.allowed().iter().any(|code| *code != 0);
        let failed = tool == Tool::Oras && may_fail && ![0, HANGS].contains(&code);
        let right = self.allowed().contains(&code) || failed;
        if wrong.is_none() && !right {
            let hangs = if code == HANGS { " (hangs)" } else { "" };
            wrong = Some(format!("exit {code}{hangs}, not {:?}", self.allowed()));
        }
        if wrong.is_none() && counts.struck == 0 {
            wrong = Some(format!("no {} was sent", self.place));
        }
        if wrong.is_none() && counts.leaked > 0 {
            wrong = Some("the storage was sent a credential".to_owned());
        }
        let size: usize = FILES.iter().map(|(_, size)| size).sum();
        // The config of an artifact: `{}`, sent and fetched by some.
        let beyond = |bytes: u64| bytes.saturating_sub(size as u64 + 2);
        Result {
            again: beyond(counts.sent) + beyond(counts.fetched),
            code,
            seconds,
            counts,
            wrong,
            stderr: outcome.stderr(),
        }
    }
}

/// Random files in `src`: names, digests.
pub fn random_files(workspace: &Workspace, files: &[(&str, usize)]) -> Vec<(String, String)> {
    files
        .iter()
        .map(|(name, size)| {
            let mut bytes = vec![0; *size];
            fastrand::fill(&mut bytes);
            workspace.write(&format!("src/{name}"), &bytes);
            ((*name).to_owned(), Digest::of(&bytes).to_string())
        })
        .collect()
}

fn bounded<'a>(workspace: &'a Workspace, tool: Tool) -> Run<'a> {
    let program_path = match tool {
        Tool::Ours => env!("CARGO_BIN_EXE_oci-artifact").to_owned(),
        Tool::Oras => program("oras").into_string(),
    };
    let run = workspace
        .run()
        .program("timeout")
        .args(["--kill-after=5", BOUND[tool as usize]]);
    run.arg(program_path)
        .env("OCI_ARTIFACT_IDLE_TIMEOUT", "1s")
        .directory("src")
}

/// All of `src` to `reference`.
pub fn push<'a>(workspace: &'a Workspace, tool: Tool, reference: &str, more: &[&str]) -> Run<'a> {
    let names = workspace.tree("src").into_keys();
    let run = bounded(workspace, tool).arg("push").args(plain(tool));
    run.args(more.iter().copied()).arg(reference).args(names)
}

/// `reference` into `out`.
pub fn pull<'a>(workspace: &'a Workspace, tool: Tool, reference: &str, more: &[&str]) -> Run<'a> {
    let run = bounded(workspace, tool).arg("pull").args(plain(tool));
    let run = run.args(more.iter().copied()).arg("--output").arg("../out");
    fs_err::create_dir_all(workspace.path().join("out")).unwrap();
    run.arg(reference)
}

fn plain(tool: Tool) -> &'static [&'static str] {
    match tool {
        Tool::Ours => &[],
        Tool::Oras => &["--plain-http", "--no-tty"],
    }
}

/// What is wrong with the artifact as the registry itself has it; nothing of ours reads it.
fn stored(host: &str, repository: &str, files: &[(String, String)]) -> Option<String> {
    let get = |path: String| read(host, &format!("/v2/{repository}/{path}"));
    let manifest = match get("manifests/v1".to_owned()) {
        (200, bytes) => bytes,
        (status, _) => return Some(format!("the registry answers {status} for the manifest")),
    };
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let layers = manifest["layers"].as_array().unwrap();
    for blob in layers.iter().chain([&manifest["config"]]) {
        let digest = blob["digest"].as_str().unwrap();
        let (status, bytes) = get(format!("blobs/{digest}"));
        if status != 200 || Digest::of(&bytes).to_string() != digest {
            return Some(format!("the registry's {digest} is wrong ({status})"));
        }
    }
    let title = |layer: &Value| layer["annotations"]["org.opencontainers.image.title"].clone();
    let mut there: Vec<_> = layers
        .iter()
        .map(|layer| (title(layer), layer["digest"].clone()))
        .collect();
    there.sort_by_key(|(title, _)| title.to_string());
    let mut wanted: Vec<_> = files
        .iter()
        .map(|(name, digest)| (Value::from(name.as_str()), Value::from(digest.as_str())))
        .collect();
    wanted.sort_by_key(|(title, _)| title.to_string());
    (there != wanted).then(|| format!("the manifest lists {there:?}"))
}

/// A GET in HTTP/1.0, whose answer ends with the connection: status and body.
fn read(host: &str, path: &str) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(host).unwrap();
    let accept = "application/vnd.oci.image.manifest.v1+json";
    write!(
        stream,
        "GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: {accept}\r\n\r\n"
    )
    .unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").unwrap() + 4;
    let status = String::from_utf8_lossy(&bytes[9..12]).parse().unwrap();
    (status, bytes.split_off(end))
}

#[track_caller]
fn holds(kind: Kind, place: Place, times: usize) {
    let registry = Registry::start();
    let result = Cell { kind, place, times }.run(&registry.host(), Tool::Ours);
    assert!(result.wrong.is_none(), "{result:#?}");
}

#[test]
fn a_token_endpoint_that_is_unavailable_once_is_asked_again() {
    holds(Kind::Unavailable, Place::Token, 1);
}

#[test]
fn a_reset_in_the_middle_of_a_blob_sends_it_again() {
    holds(Kind::Reset, Place::Put, 1);
}

#[test]
fn an_expired_token_in_the_middle_of_a_push_is_renewed_once() {
    holds(Kind::Unauthorized, Place::Put, 1);
}

#[test]
fn a_blob_that_stalls_three_times_is_fetched_on() {
    holds(Kind::Stall, Place::Get, 3);
}

#[test]
fn a_manifest_put_cut_in_its_answer_is_repeated() {
    holds(Kind::Eof, Place::ManifestPut, 1);
}

#[test]
fn a_blob_that_ends_early_is_fetched_on() {
    holds(Kind::Eof, Place::Get, 1);
}

#[test]
fn a_storage_that_resets_is_asked_again_without_credential() {
    holds(Kind::Reset, Place::Redirect, 1);
}

#[test]
fn slow_bytes_are_no_fault() {
    holds(Kind::Slow, Place::Get, usize::MAX);
}

#[test]
fn a_refusal_for_ever_is_denied() {
    holds(Kind::Unauthorized, Place::Post, usize::MAX);
}

/// nebi#539: once and three times it passes, wherever it comes from. The limit of the cell for PATCH is below our
/// smallest chunk.
#[test]
fn a_refusal_that_passes_is_no_denial() {
    for place in Place::ALL.into_iter().filter(|place| *place != Place::Patch) {
        holds(Kind::Unauthorized, place, 3);
    }
}

#[test]
fn a_pull_over_cut_connections_fetches_little_twice() {
    let registry = Registry::start();
    cut_pull(&registry.host(), 8 << 20, 800 << 10);
}

/// Pulls a file of `size` bytes, whose connection is cut every so many, and fails if 5 % are fetched twice.
pub fn cut_pull(upstream: &str, size: usize, every: u64) {
    let workspace = Workspace::new();
    random_files(&workspace, &[("large.bin", size)]);
    push(&workspace, Tool::Ours, &format!("{upstream}/cut/pull:v1"), &[])
        .env("OCI_ARTIFACT_IDLE_TIMEOUT", "60s")
        .call()
        .success();
    let plan = Plan {
        cut_every: Some(every),
        ..Plan::default()
    };
    let front = Front::start(upstream, plan);
    let begun = Instant::now();
    pull(&workspace, Tool::Ours, &format!("{}/cut/pull:v1", front.host()), &[])
        .call()
        .success();
    let digest = |name: &str| Digest::of(&fs_err::read(workspace.path().join(name)).unwrap());
    assert_eq!(digest("src/large.bin"), digest("out/large.bin"));
    let counts = front.counts();
    let twice = counts.fetched.saturating_sub(size as u64);
    let percent = twice as f64 / size as f64 * 100.0;
    println!(
        "cut-pull: {size} bytes, cut every {every}: {twice} bytes ({percent:.2} %) fetched twice, {} GETs, {:.1} s",
        counts.at(Place::Get),
        begun.elapsed().as_secs_f64()
    );
    assert!(counts.at(Place::Get) > 1, "nothing was cut: {counts:?}");
    assert!(percent < 5.0, "{counts:?}");
}
