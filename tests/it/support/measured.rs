//! A run with its time and its peak memory, ended where it takes too much of either.

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

pub struct Measured {
    pub outcome: Outcome,
    pub time: Duration,
    /// Peak resident memory in KiB; `None` where the system doesn't tell.
    pub peak: Option<u64>,
    /// Which bound was reached.
    pub killed: Option<&'static str>,
}

/// Runs the program to its end, or to a bound.
pub fn measured(run: &Run<'_>, bounds: Bounds) -> Measured {
    let begun = Instant::now();
    let running = run.start();
    let id = running.id();
    let done = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&done);
    let watch = std::thread::spawn(move || watch(id, bounds, &seen));
    let outcome = running.wait();
    let time = begun.elapsed();
    done.store(true, Ordering::SeqCst);
    let (peak, killed) = watch.join().unwrap();
    Measured {
        outcome,
        time,
        peak,
        killed,
    }
}

/// The kernel keeps the peak, so looking now and then misses only what happens after the last look.
fn watch(id: u32, bounds: Bounds, done: &AtomicBool) -> (Option<u64>, Option<&'static str>) {
    let begun = Instant::now();
    let (mut peak, mut killed) = (None, None);
    while !done.load(Ordering::SeqCst) {
        let status = fs_err::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        peak = peak.max(high_water(&status));
        let reached = match () {
            () if begun.elapsed() > bounds.time => Some("time"),
            () if peak > Some(bounds.memory) => Some("memory"),
            () => None,
        };
        if reached.is_some() && killed.is_none() {
            killed = reached;
            kill(id);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    (peak, killed)
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
