//! The threads that read ahead, as a model: two readers and the one they read for, each step in every order. Batches
//! come in the order of the files, nobody waits for ever, though the customer may leave at any time.

use std::collections::VecDeque;

use crate::explore::Model;

const READERS: usize = 2;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Reader {
    /// Wants the lock of the files that are left.
    Idle,
    /// Has it, and took a batch that is to be announced.
    Announces(usize),
    Reads(usize),
    Ended,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Customer {
    WaitsForOrder,
    WaitsForBatch(usize),
    /// Dropped its ends of the channels.
    Left,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Threads {
    batches: usize,
    /// Batches after which the customer leaves.
    wants: usize,
    /// The next one that nobody took.
    rest: usize,
    readers: [Reader; READERS],
    customer: Customer,
    order: VecDeque<usize>,
    done: Vec<usize>,
    taken: usize,
}

impl Threads {
    fn reader(&self, at: usize, next: &mut Vec<Self>) {
        let mut then = self.clone();
        let locked = self.readers.iter().any(|reader| matches!(reader, Reader::Announces(_)));
        match self.readers[at] {
            Reader::Idle if locked => return,
            Reader::Idle if self.rest == self.batches => then.readers[at] = Reader::Ended,
            Reader::Idle => {
                then.readers[at] = Reader::Announces(self.rest);
                then.rest += 1;
            }
            Reader::Announces(_) if self.customer == Customer::Left => then.readers[at] = Reader::Ended,
            Reader::Announces(batch) if self.order.len() < 2 * READERS => {
                then.order.push_back(batch);
                then.readers[at] = Reader::Reads(batch);
            }
            Reader::Reads(batch) => {
                then.done.push(batch);
                then.done.sort_unstable();
                then.readers[at] = Reader::Idle;
            }
            Reader::Announces(_) | Reader::Ended => return,
        }
        next.push(then);
    }

    fn customer(&self, next: &mut Vec<Self>) {
        let mut then = self.clone();
        match self.customer {
            Customer::WaitsForOrder if self.taken == self.wants => then.customer = Customer::Left,
            Customer::WaitsForOrder => match then.order.pop_front() {
                Some(batch) => then.customer = Customer::WaitsForBatch(batch),
                None => return,
            },
            Customer::WaitsForBatch(batch) => match self.done.iter().position(|done| *done == batch) {
                Some(at) => {
                    assert_eq!(batch, self.taken, "{self:#?}");
                    then.done.remove(at);
                    then.taken += 1;
                    then.customer = Customer::WaitsForOrder;
                }
                None => return,
            },
            Customer::Left => return,
        }
        next.push(then);
    }
}

impl Model for Threads {
    fn next(&self) -> Vec<Self> {
        let mut next = Vec::new();
        for at in 0..READERS {
            self.reader(at, &mut next);
        }
        self.customer(&mut next);
        next
    }

    fn is_over(&self) -> bool {
        self.customer == Customer::Left && self.readers.iter().all(|reader| *reader == Reader::Ended)
    }

    fn check(&self) {}
}

#[test]
fn in_no_order_do_batches_overtake_each_other_or_threads_wait_for_ever() {
    let mut states = 0;
    for batches in [1, 3, 9] {
        for wants in 0..=batches {
            let start = Threads {
                batches,
                wants,
                rest: 0,
                readers: [const { Reader::Idle }; READERS],
                customer: Customer::WaitsForOrder,
                order: VecDeque::new(),
                done: Vec::new(),
                taken: 0,
            };
            states += start.explore();
        }
    }
    assert!(states > 500, "{states}");
}
