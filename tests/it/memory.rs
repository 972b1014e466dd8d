//! Peak memory: bounded whatever the size of what is moved, and however much of it there is. The whole by
//! `scripts/long memory`, samples by `scripts/test-peers`.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, reason = "figures, for who runs scripts/long")]

use crate::support::measured::{Bounds, measured};
use crate::support::peers::{Access, Peer};
use crate::support::runner::{Run, Workspace};

/// KiB that may be resident at the most.
const MOST: u64 = 64 * 1024;

const MIB: u64 = 1024 * 1024;

/// Runs the program to its end; its peak resident memory in KiB.
fn peak(run: &Run<'_>) -> u64 {
    let measured = measured(run, Bounds::NONE);
    measured.outcome.success();
    measured.most.memory.unwrap()
}

/// Pushes `names` of a workspace that `fill` has filled, and pulls them into another place.
fn moves(what: &str, fill: impl FnOnce(&Workspace), names: &[&str], flags: &[&str]) {
    let workspace = Workspace::new();
    fill(&workspace);
    let peer = Peer::distribution(Access::default());
    let reference = format!("{}/memory/test:v1", peer.host());
    let up = peak(&workspace.run().args(["push", &reference]).args(names).args(flags));
    let down = ["pull", &reference, "--output", "out"];
    let down = peak(&workspace.run().args(down).args(flags));
    println!("memory: {what}: push {} MiB, pull {} MiB", up / 1024, down / 1024);
    assert!(up <= MOST && down <= MOST, "{what}: push {up} KiB, pull {down} KiB");
}

/// Zeroes that take no room.
fn sparse(workspace: &Workspace, name: &str, size: u64) {
    let path = workspace.write(name, "");
    let file = fs_err::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(size).unwrap();
}

/// Bytes that don't compress.
fn noise(size: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(size).unwrap()];
    fastrand::Rng::with_seed(7).fill(&mut bytes);
    bytes
}

fn one_file(size: u64) {
    moves(
        &format!("a file of {} MiB", size / MIB),
        |workspace| sparse(workspace, "file", size),
        &["file"],
        &[],
    );
}

fn small_files(count: usize) {
    let fill = |workspace: &Workspace| {
        for at in 0..count {
            workspace.write(
                &format!("tree/{:03}/{:03}", at / 1000, at % 1000),
                format!("{at:01000}"),
            );
        }
    };
    moves(&format!("{count} files in a directory"), fill, &["tree"], &[]);
}

fn directories(count: usize, size: u64) {
    let names: Vec<String> = (0..count).map(|at| format!("d{at}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let fill = |workspace: &Workspace| {
        let bytes = noise(size);
        for name in &names {
            workspace.write(&format!("{name}/noise"), &bytes);
            workspace.write(&format!("{name}/name"), name);
        }
    };
    let what = format!("{count} directories of {} MiB", size / MIB);
    moves(&what, fill, &names, &[]);
}

fn at_once(count: usize, size: u64) {
    let names: Vec<String> = (0..count).map(|at| format!("f{at}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let fill = |workspace: &Workspace| {
        let mut bytes = noise(size);
        for name in &names {
            bytes.extend_from_slice(name.as_bytes());
            workspace.write(name, &bytes);
        }
    };
    let what = format!("{count} files of {} MiB at once", size / MIB);
    moves(&what, fill, &names, &["--concurrency", "64"]);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn memory_is_bounded_for_a_large_file() {
    one_file(1024 * MIB);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn memory_is_bounded_for_many_small_files() {
    small_files(20_000);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn memory_is_bounded_for_directories_that_wait_to_be_sent() {
    directories(4, 24 * MIB);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn memory_is_bounded_for_large_files_at_once() {
    at_once(64, 4 * MIB);
}

#[test]
#[ignore = "ten minutes and 40 GiB of disk: scripts/long memory"]
fn memory_long() {
    small_files(100_000);
    directories(16, 64 * MIB);
    at_once(64, 32 * MIB);
    one_file(20 * 1024 * MIB);
}
