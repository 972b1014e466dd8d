//! How much memory all that waits to be sent may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use super::gzip;

/// Memory for packing, in bytes: the rest of a process takes 10 to 20 MiB, and all of it should stay within 64.
const ALL: usize = 36 * 1024 * 1024;

/// Memory that the spools and the small files of a run share, in bytes.
#[derive(Clone, Debug)]
pub struct Budget(Arc<AtomicUsize>);

impl Budget {
    /// A budget of `bytes`.
    pub fn new(bytes: usize) -> Self {
        Budget(Arc::new(AtomicUsize::new(bytes)))
    }

    /// What a run has while as many threads pack: their own memory is taken off.
    pub fn beside(threads: usize) -> Self {
        Budget::new(ALL - threads.min(gzip::MOST_THREADS) * gzip::MEMORY)
    }

    /// Takes the size of `bytes` until they and all clones are gone; gives them back if that isn't left.
    pub(super) fn keep(&self, bytes: Bytes) -> Result<Bytes, Bytes> {
        let taken = bytes.len();
        let take = |left: usize| left.checked_sub(taken);
        match self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Ok(Bytes::from_owner(Kept {
                bytes,
                budget: self.clone(),
            })),
            Err(_) => Err(bytes),
        }
    }
}

/// Bytes that give their size back to the budget.
struct Kept {
    bytes: Bytes,
    budget: Budget,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.budget.0.fetch_add(self.bytes.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::Paths;

    /// Taking and giving back are one step each on one number, so that every order of these steps is every way in
    /// which threads can meet.
    #[test]
    fn in_no_order_is_more_taken_than_there_is_or_less_given_back() {
        #[derive(Clone, Copy)]
        enum Step {
            Keep(usize),
            Drop(usize),
        }
        let sizes = [3, 4, 5, 3];
        let count = Paths::all(|paths| {
            let budget = Budget::new(10);
            let mut asked = [false; 4];
            let mut held: [Option<Bytes>; 4] = Default::default();
            loop {
                let keep = (0..4).filter(|at| !asked[*at]).map(Step::Keep);
                let drop = (0..4).filter(|at| held[*at].is_some()).map(Step::Drop);
                let steps: Vec<Step> = keep.chain(drop).collect();
                if steps.is_empty() {
                    break;
                }
                let taken = |held: &[Option<Bytes>; 4]| held.iter().flatten().map(Bytes::len).sum::<usize>();
                match paths.choose(&steps) {
                    Step::Keep(at) => {
                        let fits = taken(&held) + sizes[at] <= 10;
                        asked[at] = true;
                        held[at] = budget.keep(Bytes::from(vec![0; sizes[at]])).ok();
                        assert_eq!(held[at].is_some(), fits);
                    }
                    Step::Drop(at) => held[at] = None,
                }
                assert_eq!(budget.0.load(Ordering::Relaxed), 10 - taken(&held));
            }
        });
        assert!(count > 1000, "{count}");
    }

    #[test]
    fn what_is_dropped_can_be_taken_again() {
        let budget = Budget::new(10);
        let first = budget.keep(Bytes::from_static(b"123456")).unwrap();
        assert_eq!(first, "123456");
        assert_eq!(
            budget.keep(Bytes::from_static(b"12345")).unwrap_err(),
            "12345",
            "five of four"
        );
        let second = budget.keep(Bytes::from_static(b"1234")).unwrap();
        let clone = first.slice(1..);
        drop((first, second));
        assert!(
            budget.keep(Bytes::from_static(b"12345")).is_err(),
            "a part of it is still there"
        );
        drop(clone);
        drop(budget.keep(Bytes::from_static(b"1234567890")).unwrap());
        assert!(budget.keep(Bytes::from_static(b"1234567890")).is_ok());
    }
}
