//! Push, pull, attach and copy, ended at any moment: by SIGKILL, and by SIGTERM and SIGINT as runners send them. What
//! is left names nothing broken and doesn't grow, a signal that can be caught gives one message in time, and the next
//! run completes. The whole by `scripts/long crash`, a sample by `scripts/test-peers`.
#![cfg(unix)]

mod action;
mod moments;
mod sessions;

use action::Action;
use moments::{How, Row};

use crate::support::long;
use crate::support::peers::{Access, Peer};
use crate::support::table::{Table, Verdict};

/// A kind of store, and the registry if it is one.
type Store<'a> = (&'static str, Option<&'a Peer>);

/// Runs every case at `times` moments, prints a row each, and fails at the end if one of them did.
fn table(times: u32, stores: &[Store<'_>]) {
    let mut table = Table::new("crash");
    for (store, peer) in stores.iter().copied() {
        for action in Action::ALL {
            for how in How::ALL {
                table.case(&format!("{how}, {action}, {store}"), || {
                    let row = Row::run(action, how, peer, times);
                    assert!(row.wrong.is_empty(), "{row}\n{}", row.wrong.join("\n"));
                    Verdict::Held(row.to_string())
                });
            }
        }
    }
    table.end();
}

#[test]
fn a_run_that_is_ended_at_any_moment_leaves_a_layout_whole() {
    table(2, &[("layout", None)]);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn a_run_that_is_ended_at_any_moment_leaves_a_registry_whole() {
    let peer = Peer::distribution(Access::default());
    table(2, &[("distribution", Some(&peer))]);
}

#[test]
#[ignore = "half an hour: scripts/long crash"]
fn crash_long() {
    let (olareg, distribution) = (Peer::olareg(Access::default()), Peer::distribution(Access::default()));
    let stores = [
        ("layout", None),
        ("olareg", Some(&olareg)),
        ("distribution", Some(&distribution)),
    ];
    table(long::amount(200), &stores);
}
