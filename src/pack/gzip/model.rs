//! The threads that compress, as a model: the producer, two workers and the collector, each step in every order. Blocks
//! come out in their order, nobody waits for ever, whoever stops early.
//!
//! The bounds are those of [`super::compress`]: as many buffers, jobs and parts under way as there are workers and two.

use std::collections::VecDeque;

use crate::explore::Model;

const WORKERS: usize = 2;
const BUFFERS: usize = WORKERS + 2;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Producer {
    /// Wants a buffer for the next block.
    Fills,
    /// Has one to announce to the collector, in its order.
    Announces,
    /// Has one to hand to the workers.
    HandsOut,
    Ended,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Worker {
    /// Wants the lock of the jobs, or has it and waits for one.
    Idle,
    Locked,
    Compresses(usize),
    Ended,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Collector {
    WaitsForOrder,
    WaitsForPart(usize),
    Ended,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Threads {
    blocks: usize,
    producer: Producer,
    next: usize,
    workers: [Worker; WORKERS],
    collector: Collector,
    jobs: VecDeque<usize>,
    order: VecDeque<usize>,
    /// Parts that are done and were not taken.
    done: Vec<usize>,
    /// Buffers that may still be made, and those that came back.
    fresh: usize,
    back: usize,
    collected: Vec<usize>,
    /// The block at which the producer, and the collector, fails.
    producer_fails: usize,
    collector_fails: usize,
}

impl Threads {
    fn new(blocks: usize, producer_fails: usize, collector_fails: usize) -> Self {
        Threads {
            blocks,
            producer: Producer::Fills,
            next: 0,
            workers: [const { Worker::Idle }; WORKERS],
            collector: Collector::WaitsForOrder,
            jobs: VecDeque::new(),
            order: VecDeque::new(),
            done: Vec::new(),
            fresh: BUFFERS,
            back: 0,
            collected: Vec::new(),
            producer_fails,
            collector_fails,
        }
    }

    /// The producer's senders are gone.
    fn is_closed(&self) -> bool {
        self.producer == Producer::Ended
    }

    fn producer(&self, next: &mut Vec<Self>) {
        let mut then = self.clone();
        match self.producer {
            Producer::Ended => return,
            Producer::Fills if self.next == self.blocks || self.next == self.producer_fails => {
                then.producer = Producer::Ended;
            }
            Producer::Fills if self.back > 0 => {
                then.back -= 1;
                then.producer = Producer::Announces;
            }
            Producer::Fills if self.fresh > 0 => {
                then.fresh -= 1;
                then.producer = Producer::Announces;
            }
            // `recv` on what comes back fails once the collector is gone.
            Producer::Fills if self.collector == Collector::Ended => then.producer = Producer::Ended,
            Producer::Announces if self.collector == Collector::Ended => then.producer = Producer::Ended,
            Producer::Announces if self.order.len() < BUFFERS => {
                then.order.push_back(self.next);
                then.producer = Producer::HandsOut;
            }
            Producer::HandsOut if self.jobs.len() < BUFFERS => {
                then.jobs.push_back(self.next);
                then.next += 1;
                then.producer = Producer::Fills;
            }
            _ => return,
        }
        next.push(then);
    }

    fn worker(&self, at: usize, next: &mut Vec<Self>) {
        let mut then = self.clone();
        match self.workers[at] {
            Worker::Ended => return,
            Worker::Idle if self.workers.contains(&Worker::Locked) => return,
            Worker::Idle => then.workers[at] = Worker::Locked,
            Worker::Locked => match then.jobs.pop_front() {
                Some(job) => then.workers[at] = Worker::Compresses(job),
                None if self.is_closed() => then.workers[at] = Worker::Ended,
                None => return,
            },
            // A channel of one place: this never waits.
            Worker::Compresses(job) => {
                then.done.push(job);
                then.done.sort_unstable();
                then.workers[at] = Worker::Idle;
            }
        }
        next.push(then);
    }

    fn collector(&self, next: &mut Vec<Self>) {
        let mut then = self.clone();
        match self.collector {
            Collector::Ended => return,
            Collector::WaitsForOrder => match then.order.pop_front() {
                Some(block) => then.collector = Collector::WaitsForPart(block),
                None if self.is_closed() => then.collector = Collector::Ended,
                None => return,
            },
            Collector::WaitsForPart(block) => match self.done.iter().position(|done| *done == block) {
                Some(_) if block == self.collector_fails => then.collector = Collector::Ended,
                Some(at) => {
                    then.done.remove(at);
                    then.back += 1;
                    then.collected.push(block);
                    then.collector = Collector::WaitsForOrder;
                }
                // Announced and never handed out: its sender went with the producer.
                None if self.is_closed() && block >= self.next => then.collector = Collector::Ended,
                None => return,
            },
        }
        next.push(then);
    }
}

impl Model for Threads {
    fn next(&self) -> Vec<Self> {
        let mut next = Vec::new();
        self.producer(&mut next);
        for at in 0..WORKERS {
            self.worker(at, &mut next);
        }
        self.collector(&mut next);
        next
    }

    fn is_over(&self) -> bool {
        let whole = self.collected.len() == self.blocks.min(self.producer_fails).min(self.collector_fails);
        let ended = self.workers.iter().all(|worker| *worker == Worker::Ended);
        whole && ended && self.is_closed() && self.collector == Collector::Ended
    }

    fn check(&self) {
        assert!(self.collected.iter().copied().eq(0..self.collected.len()), "{self:#?}");
    }
}

#[test]
fn in_no_order_do_blocks_overtake_each_other_or_threads_wait_for_ever() {
    let never = usize::MAX;
    let mut states = 0;
    for blocks in [0, 1, 7] {
        states += Threads::new(blocks, never, never).explore();
        for at in 0..blocks {
            states += Threads::new(blocks, at, never).explore();
            states += Threads::new(blocks, never, at).explore();
            states += Threads::new(blocks, at, at / 2).explore();
        }
    }
    assert!(states > 10_000, "{states}");
}
