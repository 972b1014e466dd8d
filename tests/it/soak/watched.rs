//! A process that is looked at while it runs.

use std::time::Duration;

use crate::support::runner::{Outcome, Run};

/// The most that was seen of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Most {
    /// KiB resident; the kernel keeps the peak.
    pub memory: u64,
    pub descriptors: u64,
}

/// Runs it to its end.
pub fn call(run: &Run<'_>) -> (Outcome, Most) {
    let running = run.start();
    let process = format!("/proc/{}", running.id());
    let mut most = Most::default();
    while let Some(memory) = memory(&process) {
        most.memory = most.memory.max(memory);
        let open = fs_err::read_dir(format!("{process}/fd")).map_or(0, Iterator::count);
        most.descriptors = most.descriptors.max(open as u64);
        std::thread::sleep(Duration::from_millis(5));
    }
    (running.wait(), most)
}

/// `VmHWM`; none once the process has ended.
fn memory(process: &str) -> Option<u64> {
    let status = fs_err::read_to_string(format!("{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
