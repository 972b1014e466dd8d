//! How much goes to one host at once: one gate a host, shared by all tasks of a run.
//!
//! It begins with a few requests, and each success adds one, until the first refusal: a registry meets no crowd of
//! connections for nothing, and where answers take long there are enough after three of them.
//!
//! A host that says "too much" (429, 503) gets half as many requests at once, and slowly more again as they succeed. A
//! `Retry-After` holds all tasks back, since the limit is the host's and not that of the request that met it.
//!
//! Reading and writing have permits of their own: an upload within one registry reads its bytes from a download that
//! holds a permit, and would wait for ever behind such downloads. Token requests need no permit, as those that hold
//! one may wait for them; they only respect a pause.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Method;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use url::Url;

use super::{Follow, Request};

/// Requests at once in the beginning.
const START: usize = 8;

/// Successes for each permit that there is, before there is one more.
const GROW_AFTER: usize = 4;

/// The first pause where the host names none and has only one request at a time already; doubled each time.
const PAUSE: Duration = Duration::from_millis(250);

/// The longest of them.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// What a request does, as far as permits go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    Read,
    Write,
    /// Needs no permit.
    Token,
}

impl Lane {
    pub(super) fn of(request: &Request) -> Self {
        match request.method {
            _ if request.follow == Follow::SameOrigin => Lane::Token,
            Method::GET | Method::HEAD => Lane::Read,
            _ => Lane::Write,
        }
    }
}

/// The gates of a run, by host and port.
#[derive(Debug)]
pub(super) struct Gates {
    most: usize,
    gates: Mutex<HashMap<String, Arc<Gate>>>,
}

impl Gates {
    /// Gates with at most `most` permits a lane.
    pub(super) fn new(most: usize) -> Self {
        Gates {
            most: most.max(1),
            gates: Mutex::default(),
        }
    }

    /// The gate of the server of `url`.
    pub(super) fn of(&self, url: &Url) -> Arc<Gate> {
        let port = url.port_or_known_default().unwrap_or_default();
        let key = format!("{}:{port}", url.host_str().unwrap_or_default());
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gates
            .entry(key)
            .or_insert_with(|| Arc::new(Gate::new(self.most)))
            .clone()
    }
}

/// The gate of one host.
#[derive(Debug)]
pub(super) struct Gate {
    most: usize,
    state: Mutex<State>,
    read: Notify,
    write: Notify,
}

#[derive(Debug)]
struct State {
    limit: usize,
    /// Nothing was refused yet.
    fresh: bool,
    reads: usize,
    writes: usize,
    /// Successes since the limit last changed.
    successes: usize,
    /// Refusals in a row while the limit was one.
    refusals: u32,
    /// When it was last cut: what began earlier says nothing about the new limit.
    cut: Option<Instant>,
    paused: Option<Instant>,
}

impl State {
    fn used(&mut self, lane: Lane) -> Option<&mut usize> {
        match lane {
            Lane::Read => Some(&mut self.reads),
            Lane::Write => Some(&mut self.writes),
            Lane::Token => None,
        }
    }
}

impl Gate {
    fn new(most: usize) -> Self {
        Gate {
            most,
            state: Mutex::new(State {
                limit: most.min(START),
                fresh: true,
                reads: 0,
                writes: 0,
                successes: 0,
                refusals: 0,
                cut: None,
                paused: None,
            }),
            read: Notify::new(),
            write: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self, lane: Lane) -> &Notify {
        if lane == Lane::Write { &self.write } else { &self.read }
    }

    /// Waits for a permit, and for the end of a pause. May be cancelled at any time.
    pub(super) async fn enter(self: Arc<Self>, lane: Lane) -> Permit {
        let mut permit = loop {
            let mut turn = pin!(self.queue(lane).notified());
            // In the queue before the look at the count: a permit that is freed in between isn't missed. A turn that
            // is not needed in the end goes to the next in the queue when it is dropped.
            turn.as_mut().enable();
            if self.take(lane) {
                break Permit {
                    gate: self.clone(),
                    lane,
                    begun: Instant::now(),
                };
            }
            turn.await;
        };
        loop {
            let paused = self.lock().paused;
            match paused.filter(|until| *until > Instant::now()) {
                Some(until) => sleep_until(until).await,
                None => break,
            }
        }
        permit.begun = Instant::now();
        permit
    }

    fn take(&self, lane: Lane) -> bool {
        let mut state = self.lock();
        let limit = state.limit;
        match state.used(lane) {
            Some(used) if *used >= limit => false,
            Some(used) => {
                *used += 1;
                true
            }
            None => true,
        }
    }
}

/// The right to one request, until it is dropped: for a streamed answer, with the last of its body.
#[derive(Debug)]
pub(super) struct Permit {
    gate: Arc<Gate>,
    lane: Lane,
    begun: Instant,
}

impl Permit {
    /// The host answered as it should.
    pub(super) fn succeeded(&self) {
        let mut state = self.gate.lock();
        state.refusals = 0;
        state.successes += 1;
        let enough = if state.fresh { 1 } else { GROW_AFTER * state.limit };
        if state.limit < self.gate.most && state.successes >= enough {
            state.limit += 1;
            state.successes = 0;
            drop(state);
            self.gate.read.notify_one();
            self.gate.write.notify_one();
        }
    }

    /// The host has too much to do. Halves what goes to it, unless that happened since this request began.
    pub(super) fn refused(&self, retry_after: Option<Duration>) {
        let now = Instant::now();
        let mut state = self.gate.lock();
        let late = state.cut.is_some_and(|cut| self.begun <= cut);
        let own = (!late && state.limit == 1).then(|| {
            let pause = PAUSE.saturating_mul(1 << state.refusals.min(10)).min(LONGEST_PAUSE);
            state.refusals += 1;
            pause
        });
        if let Some(pause) = retry_after.or(own) {
            state.paused = state.paused.max(Some(now + pause));
        }
        if !late {
            state.fresh = false;
            state.limit = (state.limit / 2).max(1);
            state.successes = 0;
            state.cut = Some(now);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.gate.lock();
        if let Some(used) = state.used(self.lane) {
            *used = used.saturating_sub(1);
        }
        drop(state);
        if self.lane != Lane::Token {
            self.gate.queue(self.lane).notify_one();
        }
    }
}

#[cfg(test)]
#[path = "gate/orders.rs"]
mod orders;
#[cfg(test)]
#[path = "gate/tests.rs"]
mod tests;
