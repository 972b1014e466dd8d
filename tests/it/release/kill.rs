//! A release push that is killed at any moment leaves no tag that names something incomplete, and the next run
//! completes it.

use std::time::{Duration, Instant};

use super::{PLATFORMS, Release, digest};
use crate::support::peers::{Access, Peer};
use crate::support::registry::{Options, Registry};

/// Kills a push at `times` moments spread over the time that a whole one takes. `fresh` gives a place that is empty.
fn kill_at_random_moments(times: u32, fresh: impl Fn(u32) -> String) {
    let whole = Release::at(&fresh(0));
    let begun = Instant::now();
    let artifacts = whole.pushed();
    let takes = begun.elapsed();
    let mut random = fastrand::Rng::with_seed(7);
    let mut killed = 0;
    for round in 1..=times {
        let release = Release::at(&fresh(round));
        let running = release.push().start();
        let wait = takes.mul_f64(random.f64());
        std::thread::sleep(wait.max(Duration::from_millis(1)));
        // SIGKILL: nothing of the program can tidy up.
        drop(running);
        let reader = release.reader();
        reader.check_whole();
        let tags = reader.tags();
        // A tag of the release is the last thing that is written: all around it is there.
        if tags.iter().any(|(tag, _)| !tag.starts_with("sha256-")) {
            for name in PLATFORMS.into_iter().chain(["app"]) {
                for attachment in artifacts[name]["attachments"].as_array().unwrap() {
                    let listed = reader.referrers(digest(&artifacts[name]));
                    let is_listed = listed.iter().any(|entry| entry["digest"] == attachment["digest"]);
                    assert!(
                        is_listed,
                        "round {round}, after {wait:?}: {name} has a tag before its attachment"
                    );
                }
            }
        }
        killed += u32::from(tags.iter().filter(|(tag, _)| !tag.starts_with("sha256-")).count() < 3);
        let next = release.pushed();
        for (name, artifact) in next.as_object().unwrap() {
            assert_eq!(artifact["digest"], artifacts[name]["digest"]);
        }
        release.check(&next);
    }
    // Else the moments were no moments of the push.
    assert!(killed * 4 > times, "{killed} of {times} were killed before the end");
}

#[test]
fn killed_in_a_layout() {
    // Each release has a workspace, and so a layout, of its own.
    kill_at_random_moments(8, |_| "oci:layout".to_owned());
}

#[test]
fn killed_before_a_registry_with_and_without_the_referrers_api() {
    for referrers in [true, false] {
        let registry = Registry::with(Options {
            referrers,
            ..Options::default()
        });
        kill_at_random_moments(6, |round| registry.reference(&format!("app{round}")));
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn killed_at_50_moments_before_olareg() {
    let peer = Peer::olareg(Access::default());
    kill_at_random_moments(50, |round| format!("{}/app{round}", peer.host()));
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn killed_at_50_moments_before_distribution() {
    let peer = Peer::distribution(Access::default());
    kill_at_random_moments(50, |round| format!("{}/app{round}", peer.host()));
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn killed_at_50_moments_in_a_layout() {
    kill_at_random_moments(50, |_| "oci:layout".to_owned());
}
