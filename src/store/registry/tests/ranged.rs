//! Large blobs in parts: servers that can't, lie, break off, or have enough.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::blobs::Plan;
use super::*;

const SIZE: usize = 2_000_000;
const PART: usize = 100_000;

/// Parts from the first byte on, so that no test waits for a connection to be slow.
const PLAN: Plan = Plan {
    part: PART as u64,
    worthwhile: 2 * PART as u64,
    at_once: true,
};

/// First and last byte asked for, if it is a part.
fn asked(seen: &Seen) -> Option<(usize, usize)> {
    let range = seen.header("range")?.strip_prefix("bytes=")?;
    let (first, last) = range.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// What an honest server says.
fn honest(bytes: &Bytes, seen: &Seen) -> Reply {
    match asked(seen) {
        None => Reply::new(200).body(bytes.clone()),
        Some((first, last)) => Reply::new(206)
            .header("content-range", format!("bytes {first}-{last}/{}", bytes.len()))
            .body(bytes.slice(first..=last)),
    }
}

/// A first answer that breaks off and is then slow: the parts come first.
fn slow_at_first(bytes: &Bytes, seen: &Seen) -> Option<Reply> {
    (asked(seen).is_none() && seen.before == 0).then(|| Reply::new(200).body(bytes.clone()).drip(20_000))
}

async fn read(server: &Server, bytes: &Bytes) -> Result<Vec<u8>> {
    let registry = anonymous(server);
    collect(registry.open_blob_as(&blob(bytes), 0, PLAN).await).await
}

/// How many requests asked for a part.
fn parts(server: &Server) -> usize {
    server.seen().iter().filter(|seen| asked(seen).is_some()).count()
}

#[tokio::test]
async fn a_slow_blob_comes_in_parts_and_in_order() {
    let bytes = pattern(SIZE);
    let served = bytes.clone();
    let server = Server::start(move |seen| slow_at_first(&served, seen).unwrap_or_else(|| honest(&served, seen))).await;
    assert!(read(&server, &bytes).await.unwrap() == bytes);
    let asked: Vec<_> = server.seen().iter().filter_map(asked).collect();
    assert!(asked.len() > 10, "{asked:?}");
    assert!(asked.iter().all(|(first, last)| last - first < PART));
    // Nothing but the first stream and parts: no byte was asked for twice once the parts had begun.
    assert_eq!(server.seen().len(), asked.len() + 1);
}

#[tokio::test]
async fn a_connection_that_trickles_is_found_out_and_a_fast_one_left_alone() {
    let bytes = pattern(28 * 1024 * 1024);
    let served = bytes.clone();
    // About 5 MB in the second until it is looked at.
    let trickling = Server::start(move |seen| match asked(seen) {
        None => Reply::new(200).body(served.clone()).drip(16_000),
        Some(_) => honest(&served, seen),
    })
    .await;
    let read = collect(anonymous(&trickling).open_blob(&blob(&bytes), 0).await).await;
    assert!(read.unwrap() == bytes);
    assert!(parts(&trickling) >= 2);
    let served = bytes.clone();
    let fast = Server::start(move |seen| honest(&served, seen)).await;
    let read = collect(anonymous(&fast).open_blob(&blob(&bytes), 0).await).await;
    assert!(read.unwrap() == bytes);
    assert_eq!(fast.lines().len(), 1);
}

#[tokio::test]
async fn servers_that_send_no_parts_send_one_stream() {
    let bytes = pattern(SIZE);
    type Answer = fn(&Bytes, usize, usize) -> Reply;
    let answers: [(&str, Answer); 7] = [
        ("the whole", |bytes, _, _| Reply::new(200).body(bytes.clone())),
        ("no range", |_, _, _| Reply::new(416)),
        ("another place", |bytes, first, last| {
            let content = format!("bytes {}-{}/{}", first + 1, last + 1, bytes.len());
            Reply::new(206)
                .header("content-range", content)
                .body(bytes.slice(first..=last))
        }),
        ("the rest", |bytes, first, _| {
            let content = format!("bytes {first}-{}/{}", bytes.len() - 1, bytes.len());
            Reply::new(206)
                .header("content-range", content)
                .body(bytes.slice(first..))
        }),
        ("another total", |bytes, first, last| {
            let content = format!("bytes {first}-{last}/{}", u64::MAX);
            Reply::new(206)
                .header("content-range", content)
                .body(bytes.slice(first..=last))
        }),
        ("less than it says", |bytes, first, last| {
            let content = format!("bytes {first}-{last}/{}", bytes.len());
            Reply::new(206)
                .header("content-range", content)
                .body(bytes.slice(first..last))
        }),
        ("an error", |_, _, _| Reply::new(400)),
    ];
    for (what, answer) in answers {
        let served = bytes.clone();
        let server = Server::start(move |seen| match asked(seen) {
            None => slow_at_first(&served, seen).unwrap_or_else(|| honest(&served, seen)),
            Some((first, last)) => answer(&served, first, last),
        })
        .await;
        assert!(read(&server, &bytes).await.unwrap() == bytes, "{what}");
        // No more than are asked for at once.
        assert!((1..=8).contains(&parts(&server)), "{what}: {}", parts(&server));
        // The stream that was there went on: nothing was asked for again.
        assert_eq!(server.seen().len(), parts(&server) + 1, "{what}");
    }
}

#[tokio::test]
async fn a_part_that_is_cut_goes_on_where_it_was() {
    let bytes = pattern(SIZE);
    let served = bytes.clone();
    let server = Server::start(move |seen| match asked(seen) {
        Some((first, _)) if first % PART == 0 => honest(&served, seen).cut(PART / 3),
        _ => slow_at_first(&served, seen).unwrap_or_else(|| honest(&served, seen)),
    })
    .await;
    assert!(read(&server, &bytes).await.unwrap() == bytes);
    let resumed = server
        .seen()
        .iter()
        .filter_map(asked)
        .any(|(first, _)| first % PART == PART / 3);
    assert!(resumed);
}

#[tokio::test]
async fn parts_that_end_in_the_middle_of_the_blob_leave_one_stream() {
    let bytes = pattern(SIZE);
    let served = bytes.clone();
    let server = Server::start(move |seen| match asked(seen) {
        Some((first, last)) if first > SIZE / 2 && last < SIZE - 1 => Reply::new(400),
        _ => slow_at_first(&served, seen).unwrap_or_else(|| honest(&served, seen)),
    })
    .await;
    assert!(read(&server, &bytes).await.unwrap() == bytes);
    // One stream from there to the end.
    let (first, last) = server.seen().iter().filter_map(asked).next_back().unwrap();
    assert!(first > 0 && last == SIZE - 1, "{first} {last}");
}

#[tokio::test]
async fn too_many_requests_hold_parts_back_and_lose_nothing() {
    let bytes = pattern(SIZE);
    let served = bytes.clone();
    let refused = AtomicUsize::new(0);
    let server = Server::start(move |seen| match asked(seen) {
        Some(_) if refused.fetch_add(1, Ordering::Relaxed).is_multiple_of(3) => {
            Reply::new(429).header("retry-after", 0)
        }
        _ => slow_at_first(&served, seen).unwrap_or_else(|| honest(&served, seen)),
    })
    .await;
    assert!(read(&server, &bytes).await.unwrap() == bytes);
}

#[tokio::test]
async fn other_content_in_a_part_shows_in_the_whole() {
    let bytes = pattern(SIZE);
    let served = bytes.clone();
    let server = Server::start(move |seen| match asked(seen) {
        Some((first, last)) => {
            let other = vec![7; last + 1 - first];
            honest(&served, seen).body(other)
        }
        None => slow_at_first(&served, seen).unwrap_or_else(|| honest(&served, seen)),
    })
    .await;
    let read = read(&server, &bytes).await.unwrap();
    assert_eq!(read.len(), bytes.len());
    assert_ne!(Digest::of(&read), Digest::of(&bytes));
}

#[tokio::test]
async fn one_transfer_at_once_is_one_stream() {
    let bytes = pattern(SIZE);
    let served = bytes.clone();
    let server = Server::start(move |seen| honest(&served, seen)).await;
    let alone = Options {
        concurrency: 1,
        ..options()
    };
    let registry = open(&server, Given::default(), &alone, Shared::default(), Access::Read);
    assert!(
        collect(registry.open_blob_as(&blob(&bytes), 0, PLAN).await)
            .await
            .unwrap()
            == bytes
    );
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn blobs_at_once_share_the_room_for_parts() {
    let bytes = pattern(SIZE);
    let served = bytes.clone();
    let server = Server::start(move |seen| match asked(seen) {
        None => Reply::new(200).body(served.clone()).drip(20_000),
        Some(_) => honest(&served, seen),
    })
    .await;
    let registry = anonymous(&server);
    let read = || async {
        collect(registry.open_blob_as(&blob(&bytes), 0, PLAN).await)
            .await
            .unwrap()
            == bytes
    };
    let (one, two, three, four) = tokio::join!(read(), read(), read(), read());
    assert!(one && two && three && four);
}

#[tokio::test]
async fn a_part_that_stands_still_is_asked_for_again() {
    let bytes = pattern(SIZE);
    let served = bytes.clone();
    let server = Server::start(move |seen| match asked(seen) {
        Some((first, _)) if first == 5 * PART => honest(&served, seen).stall(10_000),
        _ => slow_at_first(&served, seen).unwrap_or_else(|| honest(&served, seen)),
    })
    .await;
    assert!(read(&server, &bytes).await.unwrap() == bytes);
    // Seven more wait in memory behind it, and no more are asked for.
    let order: Vec<_> = server.seen().iter().filter_map(asked).map(|(first, _)| first).collect();
    let again = order.iter().position(|first| *first == 5 * PART + 10_000).unwrap();
    assert!(order[..again].iter().all(|first| *first <= (5 + 7) * PART), "{order:?}");
}

#[tokio::test]
async fn an_offset_is_where_the_parts_begin_too() {
    let bytes = pattern(SIZE);
    let served = bytes.clone();
    let server = Server::start(move |seen| match asked(seen) {
        Some((_, last)) if last == SIZE - 1 && seen.before == 0 => honest(&served, seen).drip(20_000),
        _ => honest(&served, seen),
    })
    .await;
    let registry = anonymous(&server);
    let rest = collect(registry.open_blob_as(&blob(&bytes), 123_456, PLAN).await)
        .await
        .unwrap();
    assert!(rest == bytes[123_456..]);
    assert!(parts(&server) > 5);
}
