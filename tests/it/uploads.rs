//! Blobs up and down over networks and past front ends that break them, with the real binary.

use crate::support::faults::Fault;
use crate::support::gateway::Gateway;
use crate::support::message::Request;
use crate::support::peers::{Access, Peer};
use crate::support::registry::{Options, Registry};
use crate::support::runner::{Outcome, Workspace};
use crate::support::server::Server;

const MIB: usize = 1024 * 1024;

const SESSIONS: &str = "/blobs/uploads/session";

/// A workspace with a file of so many bytes that differ from place to place.
fn workspace(length: usize) -> Workspace {
    let workspace = Workspace::new();
    workspace.write("large", bytes(length));
    workspace
}

fn bytes(length: usize) -> Vec<u8> {
    let block: Vec<u8> = (0..MIB - 3).map(|i| (i * 31 % 251) as u8).collect();
    let mut bytes = block.repeat(length / MIB + 1);
    bytes.truncate(length);
    bytes
}

/// Part of the path of the request that ends the file's upload, and of the one that gets it.
fn digest(length: usize) -> String {
    oci_artifact::oci::Digest::of(&bytes(length)).to_string()
}

fn push(workspace: &Workspace, reference: &str) -> Outcome {
    workspace.run().args(["push", reference, "large"]).call()
}

/// Pulls into a fresh directory.
fn pull(workspace: &Workspace, reference: &str) -> Outcome {
    workspace.run().args(["pull", reference, "--output", "back"]).call()
}

/// Whether the registry has the file's bytes.
fn arrived(registry: &Registry, length: usize) {
    assert!(registry.blob("a", &digest(length)).unwrap() == bytes(length));
}

fn bodies(server: &Server) -> Vec<Request> {
    let requests = server.requests().into_iter();
    requests
        .filter(|request| request.path.contains("session-") && request.body.len() > MIB / 8)
        .collect()
}

fn sessions(server: &Server) -> usize {
    let opened = |line: &&String| line.starts_with("POST") && !line.contains("mount=");
    server.lines().iter().filter(opened).count()
}

#[test]
fn chunks_where_the_registry_announces_them() {
    let registry = Registry::with(Options {
        chunk_min: Some(5 * MIB),
        ..Options::default()
    });
    push(&workspace(23 * MIB), &registry.reference("a:v1")).success();
    arrived(&registry, 23 * MIB);
    let methods: Vec<(String, usize)> = bodies(&registry)
        .into_iter()
        .map(|request| (request.method, request.body.len() / MIB))
        .collect();
    let wanted = [("PATCH", 10), ("PATCH", 10), ("PUT", 3)];
    assert_eq!(methods, wanted.map(|(method, count)| (method.to_owned(), count)));
}

#[test]
fn a_body_limit_on_the_way_is_kept() {
    // nginx's own limit is 1 MiB.
    let registry = Registry::with(Options {
        body_limit: MIB,
        ..Options::default()
    });
    push(&workspace(5 * MIB), &registry.reference("a:v1")).success();
    arrived(&registry, 5 * MIB);
    // One that answers before it reads, and closes the connection: the answer may be lost to that.
    let unread = Registry::start();
    unread.fault(Fault::on("PUT", &digest(5 * MIB)).times(2).answer_unread(413));
    push(&workspace(5 * MIB), &unread.reference("a:v1")).success();
    arrived(&unread, 5 * MIB);
}

#[test]
fn a_cut_chunk_goes_on_and_a_lost_answer_is_found_out() {
    let registry = Registry::with(Options {
        chunk_min: Some(MIB),
        ..Options::default()
    });
    registry.fault(Fault::on("PATCH", SESSIONS).skip(1).cut_request(4 * MIB));
    registry.fault(Fault::on("PATCH", SESSIONS).lose_answer());
    registry.fault(Fault::on("PUT", &digest(33 * MIB)).lose_answer());
    push(&workspace(33 * MIB), &registry.reference("a:v1")).success();
    arrived(&registry, 33 * MIB);
    assert_eq!(sessions(&registry), 1, "{:#?}", registry.lines());
    let sent: usize = bodies(&registry).iter().map(|request| request.body.len()).sum();
    assert_eq!(sent, 33 * MIB, "nothing is sent twice");
}

#[test]
fn a_front_that_cuts_long_uploads_gets_short_ones() {
    let registry = Registry::start();
    registry.fault(Fault::on("PUT", &digest(32 * MIB)).times(2).cut_request(10 * MIB));
    push(&workspace(32 * MIB), &registry.reference("a:v1")).success();
    arrived(&registry, 32 * MIB);
    let chunks: Vec<usize> = bodies(&registry)[2..]
        .iter()
        .map(|request| request.body.len())
        .collect();
    assert!(
        chunks.len() > 1 && chunks.iter().all(|&length| length <= 16 * MIB),
        "{chunks:?}"
    );
    assert_eq!(sessions(&registry), 3);
}

#[test]
fn ggcr_2084_a_pull_that_is_cut_often_fetches_next_to_nothing_twice() {
    let (length, after) = (16 * MIB, 8 * MIB / 5);
    let (workspace, registry) = (workspace(length), Registry::start());
    let reference = registry.reference("a:v1");
    push(&workspace, &reference).success();
    registry.clear_requests();
    let digest = digest(length);
    // Nine cuts; the tenth part comes whole.
    registry.fault(Fault::on("GET", &digest).times(9).cut_answer(after));
    pull(&workspace, &reference).success();
    assert!(fs_err::read(workspace.path().join("back/large")).unwrap() == bytes(length));
    let starts: Vec<usize> = registry
        .requests()
        .iter()
        .filter(|request| request.path.contains(&digest))
        .map(|request| {
            let range = request.header("range").unwrap_or("bytes=0-");
            let (start, _) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
            start.parse().unwrap()
        })
        .collect();
    assert_eq!(starts.len(), 10, "{starts:?}");
    let twice: usize = starts.windows(2).map(|pair| pair[0] + after - pair[1]).sum();
    assert!(twice * 20 < length, "{twice} bytes came twice: {starts:?}");
}

#[test]
fn roci_149_152_oras_go_1185_a_wrong_blob_is_refused_and_leaves_nothing() {
    let (workspace, registry) = (workspace(3 * MIB), Registry::start());
    let reference = registry.reference("a:v1");
    push(&workspace, &reference).success();
    let digest = digest(3 * MIB);
    registry.fault(Fault::on("GET", &digest).corrupt(2 * MIB));
    pull(&workspace, &reference).exit(7);
    assert!(workspace.tree("back").is_empty(), "{:?}", workspace.tree("back").keys());
    registry.fault(Fault::on("GET", &digest).always().cut_answer(0));
    pull(&workspace, &reference).exit(6);
    assert!(workspace.tree("back").is_empty(), "{:?}", workspace.tree("back").keys());
    let left: Vec<_> = fs_err::read_dir(workspace.temporary()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn oras_go_1153_1223_helm_32247_roci_62a2f16_a_large_blob_is_whole_to_its_last_byte() {
    // More than any limit for metadata, and no multiple of a buffer.
    let length = 40 * MIB + 1;
    let (workspace, registry) = (workspace(length), Registry::start());
    let reference = registry.reference("a:v1");
    push(&workspace, &reference).success();
    pull(&workspace, &reference).success();
    assert!(fs_err::read(workspace.path().join("back/large")).unwrap() == bytes(length));
}

/// Pushes and pulls through a front before each real registry; the methods that brought bytes.
fn through(gateway: Gateway, faults: &[Fault]) -> Vec<(&'static str, Vec<String>)> {
    let peers = [
        ("olareg", Peer::olareg(Access::default())),
        ("distribution", Peer::distribution(Access::default())),
        ("crane", Peer::crane()),
    ];
    let mut outcomes = Vec::new();
    for (name, peer) in peers {
        let server = gateway.start(peer.host());
        for fault in faults {
            server.fault(fault.clone());
        }
        let (workspace, reference) = (workspace(23 * MIB), format!("{}/a:v1", server.host()));
        push(&workspace, &reference).success();
        let uploads = server
            .requests()
            .into_iter()
            .filter(|request| request.body.len() > MIB / 8);
        outcomes.push((name, uploads.map(|request| request.method).collect()));
        pull(&workspace, &reference).success();
        assert!(
            fs_err::read(workspace.path().join("back/large")).unwrap() == bytes(23 * MIB),
            "{name}"
        );
    }
    outcomes
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn real_registries_take_our_chunks() {
    let announced = Gateway {
        least: Some(5 * MIB),
        limit: usize::MAX,
    };
    for (name, methods) in through(announced, &[]) {
        assert_eq!(methods, ["PATCH", "PATCH", "PUT"], "{name}");
    }
    let limited = Gateway {
        least: None,
        limit: 5 * MIB,
    };
    for (name, methods) in through(limited, &[]) {
        assert!(methods.contains(&"PATCH".to_owned()), "{name}: {methods:?}");
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn real_registries_go_on_after_a_lost_answer_or_begin_anew() {
    let announced = Gateway {
        least: Some(5 * MIB),
        limit: usize::MAX,
    };
    let lost = Fault::on("PATCH", "/blobs/uploads/").skip(1).lose_answer();
    for (name, methods) in through(announced, &[lost]) {
        // crane's registry doesn't tell how far a session is.
        let count = if name == "crane" { 4 } else { 2 };
        let wanted = [vec!["PATCH"; count], vec!["PUT"]].concat();
        assert_eq!(methods, wanted, "{name}");
    }
    let cut = Fault::on("PATCH", "/blobs/uploads/").skip(1).cut_request(4 * MIB);
    through(announced, &[cut]);
    let refused = Fault::on("PUT", "/blobs/uploads/").times(2).answer(502);
    through(announced, &[refused]);
}
