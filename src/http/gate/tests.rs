//! The gate in paused time.

use futures_util::FutureExt;
use proptest::prelude::*;

use super::*;

fn gate(most: usize) -> Arc<Gate> {
    Arc::new(Gate::new(most))
}

fn try_enter(gate: &Arc<Gate>, lane: Lane) -> Option<Permit> {
    gate.clone().enter(lane).now_or_never()
}

/// Lets time pass between what the gate is told.
async fn tick() {
    tokio::time::advance(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_limit_enter() {
    let gate = gate(2);
    let first = try_enter(&gate, Lane::Read).unwrap();
    let _second = try_enter(&gate, Lane::Read).unwrap();
    assert!(try_enter(&gate, Lane::Read).is_none());
    drop(first);
    assert!(try_enter(&gate, Lane::Read).is_some());
}

#[tokio::test(start_paused = true)]
async fn an_upload_does_not_wait_for_the_downloads_it_reads_from_nor_a_token_for_either() {
    let gate = gate(1);
    let _read = try_enter(&gate, Lane::Read).unwrap();
    let _write = try_enter(&gate, Lane::Write).unwrap();
    assert!(try_enter(&gate, Lane::Token).is_some());
}

#[tokio::test(start_paused = true)]
async fn refusals_of_one_round_trip_halve_once() {
    let gate = gate(8);
    let permits: Vec<_> = (0..8).map(|_| try_enter(&gate, Lane::Write).unwrap()).collect();
    tick().await;
    for permit in permits {
        permit.refused(None);
    }
    assert_eq!(gate.lock().limit, 4);
    tick().await;
    let permit = try_enter(&gate, Lane::Write).unwrap();
    tick().await;
    permit.refused(None);
    assert_eq!(gate.lock().limit, 2);
}

#[tokio::test(start_paused = true)]
async fn successes_bring_back_what_was_taken_and_no_more() {
    let gate = gate(3);
    (gate.lock().limit, gate.lock().fresh) = (1, false);
    let permit = try_enter(&gate, Lane::Read).unwrap();
    for _ in 0..GROW_AFTER - 1 {
        permit.succeeded();
    }
    assert_eq!(gate.lock().limit, 1);
    permit.succeeded();
    assert_eq!(gate.lock().limit, 2);
    for _ in 0..100 {
        permit.succeeded();
    }
    assert_eq!(gate.lock().limit, 3);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_only_succeeds_soon_gets_all_that_it_may() {
    let gate = gate(64);
    for expected in [START, 2 * START, 4 * START, 64, 64] {
        let permits: Vec<_> = std::iter::from_fn(|| try_enter(&gate, Lane::Write)).collect();
        assert_eq!(permits.len(), expected);
        permits.iter().for_each(Permit::succeeded);
    }
    tick().await;
    try_enter(&gate, Lane::Write).unwrap().refused(None);
    try_enter(&gate, Lane::Write).unwrap().succeeded();
    assert_eq!(gate.lock().limit, 32, "one success no longer brings one more");
}

#[tokio::test(start_paused = true)]
async fn retry_after_holds_back_every_task_and_token_requests_too() {
    for lane in [Lane::Read, Lane::Write, Lane::Token] {
        let gate = gate(4);
        try_enter(&gate, Lane::Read)
            .unwrap()
            .refused(Some(Duration::from_secs(30)));
        let begun = Instant::now();
        drop(gate.clone().enter(lane).await);
        assert_eq!(begun.elapsed().as_secs(), 30, "{lane:?}");
    }
}

/// google/go-containerregistry#2373: a limit whose permits get lost ends in a hang.
#[tokio::test(start_paused = true)]
async fn ggcr_2373_a_cancelled_wait_loses_no_permit() {
    let gate = gate(1);
    let held = try_enter(&gate, Lane::Read).unwrap();
    let cancelled = tokio::spawn(gate.clone().enter(Lane::Read));
    let waiting = tokio::spawn(gate.clone().enter(Lane::Read));
    tokio::task::yield_now().await;
    // The freed permit's turn goes to a task that is cancelled before it takes it.
    drop(held);
    cancelled.abort();
    drop(waiting.await.unwrap());
    // And one that is cancelled in a pause gives its permit back.
    try_enter(&gate, Lane::Read)
        .unwrap()
        .refused(Some(Duration::from_secs(1)));
    assert!(try_enter(&gate, Lane::Read).is_none());
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(try_enter(&gate, Lane::Read).is_some());
}

proptest! {
    /// Tasks that succeed, are refused, or are cancelled at any point: all others end, and no permit is missing.
    #[test]
    fn no_order_of_events_loses_a_permit(tasks in proptest::collection::vec((0u64..20, 0u64..20, 0u8..4), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let gate = gate(3);
            let all: Vec<_> = tasks
                .into_iter()
                .map(|(begin, hold, end)| {
                    let gate = gate.clone();
                    let task = async move {
                        tokio::time::sleep(Duration::from_millis(begin)).await;
                        let permit = gate.enter(Lane::Write).await;
                        tokio::time::sleep(Duration::from_millis(hold)).await;
                        if end == 1 { permit.refused(None) } else { permit.succeeded() }
                    };
                    // Cancelled where `end` is 0.
                    let limit = Duration::from_millis(if end == 0 { hold } else { 3_600_000 });
                    tokio::spawn(async move { tokio::time::timeout(limit, task).await.is_ok() || end == 0 })
                })
                .collect();
            for task in all {
                prop_assert!(task.await.unwrap());
            }
            prop_assert_eq!(gate.lock().writes, 0);
            prop_assert!((1..=3).contains(&gate.lock().limit));
            Ok(())
        })?;
    }
}
