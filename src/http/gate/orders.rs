//! The gate in every order of events: tasks come, wait, are woken, are cancelled, end well or are refused.
//!
//! A task is polled only when it was woken, as a runtime does it: a wake-up that is lost leaves it waiting for ever.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::*;
use crate::explore::Paths;

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

enum Task {
    Waiting(Pin<Box<dyn Future<Output = Permit>>>, Arc<Woken>),
    Holding(Permit),
    Over,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Come,
    Poll(usize),
    Cancel(usize),
    Leave(usize),
    Succeed(usize),
    Refuse(usize),
}

struct Run {
    gate: Arc<Gate>,
    tasks: Vec<Task>,
    most: usize,
    /// How many more may be cancelled, and refused.
    cancels: usize,
    refusals: usize,
}

impl Run {
    fn poll(&mut self, at: usize) {
        let Task::Waiting(future, woken) = &mut self.tasks[at] else {
            return;
        };
        woken.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(woken));
        if let Poll::Ready(permit) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            self.tasks[at] = Task::Holding(permit);
        }
    }

    fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        if self.tasks.len() < self.most {
            events.push(Event::Come);
        }
        for (at, task) in self.tasks.iter().enumerate() {
            match task {
                Task::Waiting(_, woken) => {
                    if woken.0.load(Ordering::Relaxed) {
                        events.push(Event::Poll(at));
                    }
                    if self.cancels > 0 {
                        events.push(Event::Cancel(at));
                    }
                }
                Task::Holding(_) => {
                    events.extend([Event::Leave(at), Event::Succeed(at)]);
                    if self.refusals > 0 {
                        events.push(Event::Refuse(at));
                    }
                }
                Task::Over => {}
            }
        }
        events
    }

    fn happen(&mut self, event: Event) {
        let end = |run: &mut Self, at: usize| match std::mem::replace(&mut run.tasks[at], Task::Over) {
            Task::Holding(permit) => permit,
            _ => unreachable!("it holds a permit"),
        };
        match event {
            Event::Come => {
                let woken = Arc::new(Woken::default());
                let future = Box::pin(Arc::clone(&self.gate).enter(Lane::Write));
                self.tasks.push(Task::Waiting(future, woken));
                self.poll(self.tasks.len() - 1);
            }
            Event::Poll(at) => self.poll(at),
            Event::Cancel(at) => {
                self.cancels -= 1;
                self.tasks[at] = Task::Over;
            }
            Event::Leave(at) => drop(end(self, at)),
            Event::Succeed(at) => end(self, at).succeeded(),
            Event::Refuse(at) => {
                self.refusals -= 1;
                end(self, at).refused(None);
            }
        }
    }

    fn holding(&self) -> usize {
        self.tasks
            .iter()
            .filter(|task| matches!(task, Task::Holding(_)))
            .count()
    }
}

/// Every order for `tasks` before a gate of `most` permits; how many there are.
fn orders(most: usize, tasks: usize, cancels: usize, refusals: usize) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let runtime = runtime.unwrap();
    let _inside = runtime.enter();
    Paths::all(|paths| {
        let gate = Arc::new(Gate::new(most));
        let mut run = Run {
            gate,
            tasks: Vec::new(),
            most: tasks,
            cancels,
            refusals,
        };
        loop {
            let events = run.events();
            if events.is_empty() {
                break;
            }
            let held = run.holding();
            run.happen(paths.choose(&events));
            assert!(run.holding() <= most);
            assert_eq!(run.gate.lock().writes, run.holding());
            // A lower limit takes nothing from those who are in, but lets nobody in above it.
            assert!(run.holding() <= held || run.holding() <= run.gate.lock().limit);
        }
        let waiting = run.tasks.iter().filter(|task| !matches!(task, Task::Over)).count();
        assert_eq!(waiting, 0, "nobody is in, and somebody waits");
        assert!(run.gate.lock().limit >= 1);
    })
}

#[test]
fn in_no_order_does_anybody_wait_for_ever() {
    let counts = [orders(1, 4, 2, 0), orders(2, 4, 1, 1), orders(3, 4, 1, 1)];
    assert!(counts.iter().all(|count| *count > 500), "{counts:?}");
}
