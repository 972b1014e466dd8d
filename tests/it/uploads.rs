//! Blobs up and down over networks and past front ends that break them, with the real binary.

use crate::support::faults::Fault;
use crate::support::front::{Front, Kind, Place, Plan, Trouble};
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
fn a_session_that_breaks_twice_where_it_was_taken_up_is_given_up() {
    let registry = Registry::with(Options {
        chunk_min: Some(MIB),
        ..Options::default()
    });
    registry.fault(Fault::on("PATCH", SESSIONS).skip(1).cut_request(4 * MIB));
    registry.fault(Fault::on("PATCH", SESSIONS).times(2).cut_request(0));
    push(&workspace(33 * MIB), &registry.reference("a:v1")).success();
    arrived(&registry, 33 * MIB);
    assert_eq!(sessions(&registry), 2, "{:#?}", registry.lines());
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

/// Pushes and pulls through a front before each real registry; the requests that brought bytes of the file.
fn through(plan: Plan, trouble: Option<Trouble>) -> Vec<(&'static str, Vec<Place>)> {
    let peers = [
        ("olareg", Peer::olareg(Access::default())),
        ("distribution", Peer::distribution(Access::default())),
        ("crane", Peer::crane()),
    ];
    let mut outcomes = Vec::new();
    for (name, peer) in peers {
        let front = Front::start(peer.host(), plan);
        if let Some(trouble) = trouble {
            front.fault(trouble);
        }
        let (workspace, reference) = (workspace(23 * MIB), format!("{}/a:v1", front.host()));
        push(&workspace, &reference).success();
        let counts = front.counts();
        assert_eq!(counts.struck, trouble.map_or(0, |trouble| trouble.times), "{name}");
        let large = counts.bodies.into_iter().filter(|(_, length)| *length > MIB as u64 / 8);
        outcomes.push((name, large.map(|(place, _)| place).collect()));
        pull(&workspace, &reference).success();
        assert!(
            fs_err::read(workspace.path().join("back/large")).unwrap() == bytes(23 * MIB),
            "{name}"
        );
    }
    outcomes
}

fn announced() -> Plan {
    Plan {
        chunk_min: Some(5 * MIB as u64),
        ..Plan::default()
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn real_registries_take_our_chunks() {
    for (name, places) in through(announced(), None) {
        assert_eq!(places, [Place::Patch, Place::Patch, Place::Put], "{name}");
    }
    let limited = Plan {
        body_limit: Some(5 * MIB as u64),
        ..Plan::default()
    };
    for (name, places) in through(limited, None) {
        assert!(places.contains(&Place::Patch), "{name}: {places:?}");
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn real_registries_go_on_after_a_lost_answer_or_begin_anew() {
    let second_patch = |kind| Trouble {
        kind,
        place: Place::Patch,
        skip: 1,
        times: 1,
    };
    for (name, places) in through(announced(), Some(second_patch(Kind::Lost))) {
        // crane's registry doesn't tell how far a session is.
        let count = if name == "crane" { 4 } else { 2 };
        let wanted = [vec![Place::Patch; count], vec![Place::Put]].concat();
        assert_eq!(places, wanted, "{name}");
    }
    through(announced(), Some(second_patch(Kind::Eof)));
    let refused = Trouble {
        kind: Kind::Unavailable,
        place: Place::Put,
        skip: 0,
        times: 2,
    };
    through(announced(), Some(refused));
}
