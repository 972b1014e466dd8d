//! Long transfers on real registries: tokens that expire on the way, a rate limit, a connection that is cut. The whole
//! by `scripts/long`, samples by `scripts/test-peers`.
#![allow(clippy::print_stdout, reason = "figures and a table, for who runs scripts/long")]

use std::time::{Duration, Instant};

use crate::faults::{Tool, cut_pull, push, random_files};
use crate::support::front::{Bearer, Counts, Front, Kind, Place, Plan};
use crate::support::peers::{Access, Peer};
use crate::support::runner::Workspace;

/// A push that outlives its tokens.
struct Tokens {
    blobs: usize,
    size: usize,
    /// Bytes a second.
    rate: u64,
    /// Seconds.
    lifetime: u64,
}

impl Tokens {
    fn push(&self, workspace: &Workspace, upstream: &str, repository: &str, plan: Plan) -> (Counts, f64) {
        let front = Front::start(upstream, plan);
        let begun = Instant::now();
        let reference = format!("{}/{repository}:v1", front.host());
        push(workspace, Tool::Ours, &reference, &["--concurrency", "1"])
            .env("OCI_ARTIFACT_IDLE_TIMEOUT", "60s")
            .call()
            .success();
        (front.counts(), begun.elapsed().as_secs_f64())
    }

    /// Pushes once without tokens, which says what a push needs, and once with them.
    fn hold(&self, stated: bool) {
        let peer = Peer::olareg(Access::default());
        let workspace = Workspace::new();
        let names: Vec<String> = (0..self.blobs).map(|at| format!("{at}.bin")).collect();
        let files: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), self.size)).collect();
        random_files(&workspace, &files);
        let (needed, _) = self.push(&workspace, peer.host(), "tokens/plain", Plan::default());
        let bearer = Bearer {
            lifetime: Duration::from_secs(self.lifetime),
            stated,
        };
        let plan = Plan {
            bearer: Some(bearer),
            rate: Some(self.rate),
            ..Plan::default()
        };
        let (counts, seconds) = self.push(&workspace, peer.host(), "tokens/bearer", plan);
        println!(
            "tokens: {} blobs of {} bytes, {} bytes/s, tokens of {} s, expires_in {}: {seconds:.1} s, {} token \
             requests, {} requests with an expired token, {} bytes of blobs accepted, {} refused",
            self.blobs,
            self.size,
            self.rate,
            self.lifetime,
            if stated { "stated" } else { "not stated" },
            counts.at(Place::Token),
            counts.expired,
            counts.sent - counts.refused,
            counts.refused
        );
        if stated {
            assert_eq!((counts.expired, counts.refused), (0, 0), "{counts:?}");
        } else {
            assert!(counts.expired > 0, "no token expired: {counts:?}");
        }
        // Each 401 costs one repeat, and nothing that was accepted is sent twice.
        let asked = counts.total() - counts.at(Place::Token);
        assert_eq!(asked, needed.total() + counts.unauthorized, "{counts:?} {needed:?}");
        assert_eq!(counts.sent - counts.refused, needed.sent, "{counts:?} {needed:?}");
    }
}

const SAMPLE: Tokens = Tokens {
    blobs: 4,
    size: 1 << 20,
    rate: 256 << 10,
    lifetime: 2,
};

const WHOLE: Tokens = Tokens {
    blobs: 16,
    size: 64 << 20,
    rate: 8_000_000,
    lifetime: 5,
};

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn no_request_has_an_expired_token_where_the_expiry_is_stated() {
    SAMPLE.hold(true);
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn an_expired_token_costs_one_repeat_where_no_expiry_is_stated() {
    SAMPLE.hold(false);
}

#[test]
#[ignore = "five minutes: scripts/long tokens"]
fn faults_long_tokens_stated() {
    WHOLE.hold(true);
}

#[test]
#[ignore = "five minutes: scripts/long tokens"]
fn faults_long_tokens_not_stated() {
    WHOLE.hold(false);
}

/// Small files to a registry that answers 429 above `limit` requests a second. The limit's own bound is the time that
/// the requests of an unlimited push take at the limit.
fn rate_limit(files: usize, limit: u64) {
    let workspace = Workspace::new();
    let names: Vec<String> = (0..files).map(|at| format!("{at}.txt")).collect();
    let list: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 100)).collect();
    random_files(&workspace, &list);
    let send = |peer: &Peer| {
        let front = Front::start(peer.host(), Plan::default());
        let begun = Instant::now();
        push(&workspace, Tool::Ours, &format!("{}/rate/limit:v1", front.host()), &[])
            .env("OCI_ARTIFACT_IDLE_TIMEOUT", "60s")
            .call()
            .success();
        (front.counts().total(), begun.elapsed().as_secs_f64())
    };
    let (needed, unlimited) = send(&Peer::olareg(Access::default()));
    let flags = ["--rate-limit", &limit.to_string()];
    let (requests, seconds) = send(&Peer::olareg_with(Access::default(), &flags));
    let bound = needed as f64 / limit as f64;
    println!(
        "rate-limit: {files} files at {limit} requests/s: {seconds:.1} s, the limit's own bound {bound:.1} s, \
         {requests} requests for {needed}; unlimited {unlimited:.1} s"
    );
    assert!(seconds < bound * 1.25 + unlimited, "{seconds} s against {bound} s");
}

#[test]
#[ignore = "a minute: scripts/long rate-limit"]
fn faults_long_rate_limit() {
    rate_limit(1000, 50);
}

#[test]
#[ignore = "a minute: scripts/long cut-pull"]
fn faults_long_cut_pull() {
    let peer = Peer::olareg(Access::default());
    for kind in [Kind::Eof, Kind::Reset] {
        cut_pull(peer.host(), 1 << 30, kind, 100 << 20);
    }
}
