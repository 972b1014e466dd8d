//! What all tasks of a run know of lists of referrers, and how long they wait for others.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use url::Url;

use crate::oci::{Descriptor, Digest};
use crate::reference::Repository;

/// The longest wait between two looks at a list.
const LONGEST: Duration = Duration::from_secs(5);

/// All lists of a run.
#[derive(Clone, Default)]
pub(in crate::store::registry) struct Lists(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// Repositories, by their registry's root URL, where the API was asked for and isn't there.
    without_api: HashSet<(Url, String)>,
    lists: HashMap<(Url, String, Digest), Arc<List>>,
}

impl Lists {
    pub(super) fn may_have_api(&self, root: &Url, repository: &Repository) -> bool {
        !self
            .lock()
            .without_api
            .contains(&(root.clone(), repository.name.clone()))
    }

    pub(super) fn has_no_api(&self, root: &Url, repository: &Repository) {
        self.lock().without_api.insert((root.clone(), repository.name.clone()));
    }

    /// The list of `subject`.
    pub(super) fn of(&self, root: Url, repository: &Repository, subject: &Digest) -> Arc<List> {
        let key = (root, repository.name.clone(), subject.clone());
        Arc::clone(self.lock().lists.entry(key).or_default())
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who of this run writes to one list.
#[derive(Default)]
pub(super) struct List {
    turn: tokio::sync::Mutex<()>,
    waiting: Mutex<Vec<Descriptor>>,
}

impl List {
    /// Waits until no other task of this run writes to the list.
    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Leaves an entry to be written: by the task whose turn is next, together with all others that wait.
    pub(super) fn leave(&self, entry: Descriptor) {
        self.lock().push(entry);
    }

    /// What is left to be written.
    pub(super) fn left(&self) -> Vec<Descriptor> {
        self.lock().clone()
    }

    /// These are written.
    pub(super) fn written(&self, entries: &[Descriptor]) {
        self.lock().retain(|left| !entries.contains(left));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Descriptor>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits that grow, each random: writers who met once must not meet again.
pub(super) struct Waits {
    base: Duration,
}

impl Waits {
    pub(super) fn new(base: Duration) -> Self {
        Waits { base }
    }

    /// No wait is shorter from now on.
    pub(super) fn at_least(&mut self, base: Duration) {
        self.base = self.base.max(base).min(LONGEST);
    }

    /// Waits between the base and twice as long; the next time a little longer.
    pub(super) async fn pause(&mut self) {
        tokio::time::sleep(self.base.mul_f64(1.0 + fastrand::f64())).await;
        self.base = self.base.mul_f64(1.3).min(LONGEST);
    }
}
