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
use crate::pack::Budget;
use crate::report::Report;

/// What the transfers of a run share: how much may be under way at once.
#[derive(Clone)]
pub struct Engine {
    /// Where progress is told.
    pub report: Report,
    /// Blobs under way at once, over all artifacts.
    blobs: Arc<Semaphore>,
    /// Cores in use: a file takes one, a directory all.
    cores: Arc<Semaphore>,
    /// How many cores there are.
    pub(crate) threads: u32,
    /// Memory for what is packed and waits to be sent.
    pub(crate) budget: Budget,
}

impl Engine {
    /// An engine that moves `concurrency` blobs at once and packs on `threads` cores.
    pub fn new(report: Report, concurrency: usize, threads: usize) -> Self {
        let threads = u32::try_from(threads.clamp(1, 1024)).unwrap_or(1);
        Engine {
            report,
            blobs: Arc::new(Semaphore::new(concurrency.max(1))),
            cores: Arc::new(Semaphore::new(threads as usize)),
            threads,
            budget: Budget::beside(threads as usize),
        }
    }

    /// Waits until one more blob may be under way: for as long as the permit is held.
    pub(crate) async fn blob(&self) -> Result<SemaphorePermit<'_>> {
        permit(self.blobs.acquire().await)
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
