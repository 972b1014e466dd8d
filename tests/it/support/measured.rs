//! A run with its time, its peak memory and its descriptors, ended where it takes too much.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::runner::{Outcome, Run};

/// What a run may take before it is killed.
#[derive(Clone, Copy)]
pub struct Bounds {
    pub time: Duration,
    /// KiB that may be resident.
    pub memory: u64,
}

impl Bounds {
    /// For a run that is looked at and left alone.
    pub const NONE: Bounds = Bounds {
        time: Duration::MAX,
        memory: u64::MAX,
    };
}

pub struct Measured {
    pub outcome: Outcome,
    pub time: Duration,
    pub most: Most,
    /// Which bound was reached.
    pub killed: Option<&'static str>,
}

/// The most that was seen of a process.
#[derive(Clone, Copy, Default)]
pub struct Most {
    /// Peak resident memory in KiB; `None` where the system doesn't tell, or it was over before it was looked at.
    pub memory: Option<u64>,
    /// Open at once.
    pub descriptors: usize,
}

/// Runs the program to its end, or to a bound.
pub fn measured(run: &Run<'_>, bounds: Bounds) -> Measured {
    let begun = Instant::now();
    let running = run.start();
    let (id, name) = (running.id(), running.name());
    let done = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&done);
    let watch = std::thread::spawn(move || watch(id, &name, bounds, &seen));
    let outcome = running.wait();
    let time = begun.elapsed();
    done.store(true, Ordering::SeqCst);
    let (most, killed) = watch.join().unwrap();
    Measured {
        outcome,
        time,
        most,
        killed,
    }
}

/// The kernel keeps the peak of memory, so looking now and then misses only what happens after the last look.
fn watch(id: u32, name: &str, bounds: Bounds, done: &AtomicBool) -> (Most, Option<&'static str>) {
    let begun = Instant::now();
    let (mut most, mut killed) = (Most::default(), None);
    while !done.load(Ordering::SeqCst) {
        if let Some(status) = status(id, name) {
            most.memory = most.memory.max(high_water(&status));
            let open = fs_err::read_dir(format!("/proc/{id}/fd")).map_or(0, Iterator::count);
            most.descriptors = most.descriptors.max(open);
        }
        let reached = match () {
            () if begun.elapsed() > bounds.time => Some("time"),
            () if most.memory > Some(bounds.memory) => Some("memory"),
            () => None,
        };
        if reached.is_some() && killed.is_none() {
            killed = reached;
            kill(id);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    (most, killed)
}

/// What the kernel tells of the process; `None` as long as it has the name, the memory and the descriptors of the test
/// that starts it. The name comes last: a process is itself once it has its own.
fn status(id: u32, name: &str) -> Option<String> {
    let status = fs_err::read_to_string(format!("/proc/{id}/status")).ok()?;
    let named = status.lines().find_map(|line| line.strip_prefix("Name:"))?.trim();
    // The kernel keeps 15 bytes.
    (name.starts_with(named) && !named.is_empty()).then_some(status)
}

#[cfg(unix)]
fn kill(id: u32) {
    let id = rustix::process::Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
    let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
}

/// Only tests of Unix run what may not end.
#[cfg(not(unix))]
fn kill(_: u32) {}

/// `VmHWM` of a process's status, in KiB; none once it has ended.
fn high_water(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
