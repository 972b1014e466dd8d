//! Moving artifacts: hash and pack ([`prepare`]), then store what is missing, the manifest and what refers to it
//! ([`push`], [`attach`]), the [`tags`] last; the way back is [`pull`]; [`copy`] goes from store to store.
//! [`referrers`] is what refers to a manifest.
//!
//! [`prepare`]: prepare::prepare
//! [`push`]: push::push
//! [`copy`]: copy::copy

pub mod attach;
pub mod copy;
pub mod platform;
pub mod prepare;
pub mod pull;
pub mod push;
pub mod referrers;
pub mod tags;

use std::sync::Arc;

use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

use crate::error::{Error, Result};
use crate::http::AT_ONCE;
use crate::pack::Budget;
use crate::report::Report;

/// Blobs under way at once that aren't small, where the user names no number: a few streams fill the way to a registry.
const LARGE_AT_ONCE: u32 = 5;

/// The most of them, whatever number the user names: each may take two MiB of memory on its way to the disk.
const LARGE_AT_MOST: u32 = 16;

/// Up to this many bytes a blob is a small one, and it is round trips that count.
const SMALL: u64 = 1024 * 1024;

/// Descriptors that a run needs whatever it moves, and those of a blob: a connection, a file, directories on its way.
#[cfg(unix)]
const DESCRIPTORS: (u64, u64) = (24, 4);

/// Blobs and requests at once where the user names no number: fewer where few files may be open.
pub fn at_once() -> u32 {
    #[cfg(unix)]
    if let Some(limit) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        let (run, blob) = DESCRIPTORS;
        let room = limit.saturating_sub(run) / blob;
        return u32::try_from(room).unwrap_or(AT_ONCE).clamp(1, AT_ONCE);
    }
    AT_ONCE
}

/// What the transfers of a run share: how much may be under way at once.
#[derive(Clone)]
pub struct Engine {
    /// Where progress is told.
    pub report: Report,
    /// Blobs under way at once, over all artifacts.
    blobs: Arc<Semaphore>,
    /// How many permits a blob takes that isn't small.
    large: u32,
    /// Cores in use: a file takes one, a directory all.
    cores: Arc<Semaphore>,
    /// Zstd windows of more than the usual size: one at a time.
    windows: Arc<Semaphore>,
    /// How many cores there are.
    pub(crate) threads: u32,
    /// Memory for what is hashed or packed and waits to be sent.
    pub(crate) budget: Budget,
}

impl Engine {
    /// An engine that moves `concurrency` blobs at once, by default as many as their sizes suggest, and packs on
    /// `threads` cores.
    pub fn new(report: Report, concurrency: Option<u32>, threads: usize) -> Self {
        let (blobs, large) = match concurrency {
            Some(number) => (number.max(1), number.div_ceil(LARGE_AT_MOST).max(1)),
            None => (at_once(), (at_once() / LARGE_AT_ONCE).max(1)),
        };
        let threads = u32::try_from(threads.clamp(1, 1024)).unwrap_or(1);
        Engine {
            report,
            blobs: Arc::new(Semaphore::new(blobs as usize)),
            large,
            windows: Arc::new(Semaphore::new(1)),
            cores: Arc::new(Semaphore::new(threads as usize)),
            threads,
            budget: Budget::beside(threads as usize),
        }
    }

    /// Waits until one more blob of `size` bytes may be under way: for as long as the permit is held.
    pub(crate) async fn blob(&self, size: u64) -> Result<SemaphorePermit<'_>> {
        let permits = if size > SMALL { self.large } else { 1 };
        permit(self.blobs.acquire_many(permits).await)
    }

    /// Waits until no other layer is unpacked whose zstd window is larger than usual.
    pub(crate) async fn large_window(&self) -> Result<SemaphorePermit<'_>> {
        permit(self.windows.acquire().await)
    }

    /// Waits for as many cores.
    pub(crate) async fn cores(&self, cores: u32) -> Result<SemaphorePermit<'_>> {
        permit(self.cores.acquire_many(cores).await)
    }
}

/// Nobody closes the semaphores.
fn permit<'e>(permit: Result<SemaphorePermit<'e>, AcquireError>) -> Result<SemaphorePermit<'e>> {
    permit.map_err(|_| Error::internal("the engine was closed"))
}
