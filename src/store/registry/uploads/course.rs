//! Whole or in chunks: what the answers teach about a registry and the proxies before it.
//!
//! | what happens | what follows |
//! | --- | --- |
//! | `OCI-Chunk-Min-Length` is announced | chunks of 10 MiB, or of the minimum if that is larger |
//! | 413 | chunks of at most half, 64 MiB at first; remembered for the run |
//! | a PUT breaks twice, each time after 8 MiB or more | chunks of at most half of what got through |
//! | 416 to the first chunk | chunks of 4 MiB, all that GHCR takes; where they had at most that: no chunks |
//! | 405, 501, 400 UNSUPPORTED to a chunk, 404 to the first | no chunks; remembered for the run |
//!
//! Each row only ever makes chunks smaller or rules one way out, so that no two servers' rules send us in circles.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use url::Url;

use super::send::Failed;
use super::session::Session;
use crate::error::{Error, Result};
use crate::http::Failure;

const MIB: u64 = 1024 * 1024;

/// The size of chunks where nothing limits it: ECR's parts have 5 to 10 MiB.
const USUAL: u64 = 10 * MIB;

/// As many chunks a blob at most, by larger ones if need be: ECR takes 4200.
const MOST: u64 = 4000;

/// The largest chunk after a body was too large or was cut; common limits of proxies are 100 MB and less.
const LARGEST: u64 = 64 * MIB;

/// The smallest: a quarter of nginx's limit, which is the lowest common one.
const SMALLEST: u64 = MIB / 4;

/// GHCR's limit for a body with a Content-Range (ocx#237).
const RANGED: u64 = 4 * MIB;

/// As many bytes must have left for a break to count as a cut of a long upload: a front end that gives it ten minutes,
/// or one, lets far more through, and chunks of half of it are still quick.
const MOVED: u64 = 8 * MIB;

/// As many cuts of one blob are taken for a rule.
const CUTS: u32 = 2;

/// What registries turned out to take, by their root URLs; clones share it.
#[derive(Clone, Default)]
pub struct Limits(Arc<Mutex<HashMap<Url, Limit>>>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Limit {
    /// Larger bodies are sent in chunks of this size.
    chunk: Option<u64>,
    /// Chunks are refused.
    no_chunks: bool,
}

/// What to do next.
pub(super) enum Next {
    /// At once in another way.
    Otherwise,
    /// What the failure allows.
    Again(Failure),
}

/// How one blob is sent.
pub(super) struct Course {
    limits: Limits,
    root: Url,
    size: u64,
    limit: Limit,
    /// The first 413, which is told if nothing helps.
    too_large: Option<Error>,
    cuts: u32,
    /// The least that got through before a cut.
    moved: u64,
    /// The most bytes that any session took.
    furthest: u64,
}

impl Course {
    /// For a blob of `size` bytes to the registry at `root`.
    pub(super) fn new(limits: &Limits, root: Url, size: u64) -> Self {
        Course {
            limit: limits.lock().get(&root).copied().unwrap_or_default(),
            limits: limits.clone(),
            root,
            size,
            too_large: None,
            cuts: 0,
            moved: u64::MAX,
            furthest: 0,
        }
    }

    /// The size of chunks in this session; `None` for one PUT.
    pub(super) fn chunk(&self, session: &Session) -> Option<u64> {
        if self.limit.no_chunks {
            return None;
        }
        let usual = || session.least.map(|_| USUAL.max(self.size.div_ceil(MOST)));
        let chunk = self.limit.chunk.or_else(usual)?.max(session.least.unwrap_or(0));
        (chunk < self.size).then_some(chunk)
    }

    /// A session took so many bytes. Whether that is more than any before.
    pub(super) fn reaches(&mut self, offset: u64) -> bool {
        let further = offset > self.furthest;
        self.furthest = self.furthest.max(offset);
        further
    }

    /// The blob is there: what helped it helps the next.
    pub(super) fn arrived(&self) {
        if self.limit != Limit::default() {
            self.remember();
        }
    }

    /// What follows from a failure.
    ///
    /// # Errors
    /// The failure's own, where no other way is left.
    pub(super) fn after(&mut self, failed: Failed, session: &Session) -> Result<Next> {
        let least = session.least.unwrap_or(0).max(SMALLEST);
        if failed.status() == 413 {
            return self.smaller(failed, least);
        }
        if failed.acked.is_some() && refuses_chunks(&failed) {
            return self.without_chunks(&failed, least);
        }
        if failed.acked.is_none() && is_cut(&failed) && !self.limit.no_chunks {
            self.cuts += 1;
            self.moved = self.moved.min(failed.moved);
            if self.cuts == CUTS {
                self.shrink(halved(self.moved).max(least));
            }
        }
        Ok(Next::Again(failed.failure))
    }

    fn smaller(&mut self, failed: Failed, least: u64) -> Result<Next> {
        let error = self.too_large.take().unwrap_or(failed.failure.error);
        let half = halved(failed.length);
        if self.limit.no_chunks || half < least {
            return Err(error);
        }
        self.too_large = Some(error);
        self.shrink(half);
        self.remember();
        Ok(Next::Otherwise)
    }

    fn without_chunks(&mut self, failed: &Failed, least: u64) -> Result<Next> {
        if failed.status() == 416 && failed.length > RANGED && least <= RANGED {
            self.shrink(RANGED);
            return Ok(Next::Otherwise);
        }
        if let Some(error) = self.too_large.take() {
            // Neither whole nor in chunks.
            return Err(error);
        }
        tracing::debug!("chunks are refused ({}): in one PUT from now on", failed.status());
        self.limit.no_chunks = true;
        self.remember();
        Ok(Next::Otherwise)
    }

    fn shrink(&mut self, chunk: u64) {
        let chunk = self.limit.chunk.map_or(chunk, |before| before.min(chunk));
        tracing::debug!("larger bodies go in chunks of {chunk} bytes from now on");
        self.limit.chunk = Some(chunk);
    }

    fn remember(&self) {
        let mut limits = self.limits.lock();
        let known = limits.entry(self.root.clone()).or_default();
        known.no_chunks |= self.limit.no_chunks;
        known.chunk = known.chunk.into_iter().chain(self.limit.chunk).min();
    }
}

impl Limits {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Url, Limit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A power of two, at most half of `bytes`.
fn halved(bytes: u64) -> u64 {
    (bytes / 2).checked_ilog2().map_or(0, |power| 1 << power).min(LARGEST)
}

/// Whether the registry takes no chunks, or none of this size.
fn refuses_chunks(failed: &Failed) -> bool {
    let says = |code| failed.refusal().is_some_and(|refusal| refusal.has_code(code));
    // Later in a session 404 and 416 say that it is gone or holds other bytes.
    let first = failed.acked == Some(0);
    match failed.status() {
        405 | 501 => true,
        400 => says("UNSUPPORTED"),
        // Unless the session alone is gone.
        404 => first && !says("BLOB_UPLOAD_UNKNOWN") && !says("BLOB_UPLOAD_INVALID"),
        416 => first,
        _ => false,
    }
}

/// Whether a body was cut off: no answer, or that of a front end that had enough of waiting.
fn is_cut(failed: &Failed) -> bool {
    failed.moved >= MOVED && matches!(failed.status(), 0 | 408 | 502 | 504)
}
