//! What a cell pushes and pulls, by which program, and whether the registry has it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use oci_artifact::oci::Digest;
use serde_json::Value;

use crate::support::peers::program;
use crate::support::runner::{Run, Workspace};

/// Seconds after which a program is ended: ours, and ORAS, which has no timers.
const BOUND: [&str; 2] = ["600", "60"];

/// `timeout`'s exit code when it had to.
pub const HANGS: i32 = 124;

/// Who pushes and pulls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    Ours,
    Oras,
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
pub fn stored(host: &str, repository: &str, files: &[(String, String)]) -> Option<String> {
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
