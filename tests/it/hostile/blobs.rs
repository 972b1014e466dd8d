//! Blobs that are not what their digest says, at whatever place of the transfer.

use std::io::Write as _;

use super::auth::on;
use super::case::{Case, Seen};
use super::scene::{APP, Scene};
use super::wire::{Wire, flood};
use crate::support::faults::{Action, Fault};
use crate::support::message::Reply;
use crate::support::tar::gzip;

fn blobs() -> Fault {
    Fault::on("GET", "/blobs/").always()
}

/// Blobs are answered with these bytes.
fn served(bytes: impl Into<bytes::Bytes>) -> Scene {
    let reply = Reply::new(200).body("application/octet-stream", bytes);
    Scene::new().fault(blobs().act(Action::Answer(reply)))
}

/// Blobs are answered by hand.
fn by_hand(head: &'static str, piece: Vec<u8>) -> Scene {
    let scene = Scene::new();
    let wire = Wire::before(scene.registry.address(), move |first, stream| {
        if !first.starts_with("GET /v2/a/blobs/") {
            return Ok(false);
        }
        write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\n")?;
        flood(stream, &piece)
    });
    on(scene, wire)
}

#[test]
fn m15_a_blob_of_other_bytes() {
    let case = Case::new("M15", "blob shorter, longer, other bytes, without end");
    case.refuses("shorter", 7, "instead of", || served(&APP[..10]));
    case.refuses("longer", 7, "is not the 20 bytes", || {
        served([APP, b"and more"].concat())
    });
    case.refuses("other bytes", 7, "digest", || served(vec![b'x'; APP.len()]));
    case.refuses("empty", 7, "instead of", || served(""));
    case.refuses("without end", 7, "is not the 20 bytes", || {
        by_hand("", vec![b'x'; 65536])
    });
    case.refuses("64 GiB announced", 7, "is not the 20 bytes", || {
        by_hand("content-length: 68719476736\r\n", vec![b'x'; 65536])
    });
    case.refuses("chunks without end", 7, "is not the 20 bytes", || {
        let mut chunk = b"10000\r\n".to_vec();
        chunk.extend([b'x'; 65536]);
        chunk.extend(b"\r\n");
        by_hand("transfer-encoding: chunked\r\n", chunk)
    });
}

/// A large file, which is taken up again where it was cut.
const LARGE: usize = 1_000_000;

fn large() -> Scene {
    let bytes: Vec<u8> = (0..LARGE).map(|at| (at * 7 % 251) as u8).collect();
    Scene::new().artifact(|graph| {
        let mut layer = graph.blob("application/octet-stream", &bytes);
        layer["annotations"] = super::scene::title("app");
        vec![layer]
    })
}

fn cut() -> Scene {
    large().fault(Fault::on("GET", "/blobs/").cut_answer(400_000))
}

fn right(seen: &Seen) {
    let bytes = &seen.scene.output()["app"];
    assert!(bytes.len() == LARGE && bytes[999_999] == (999_999 * 7 % 251) as u8);
}

#[test]
fn m16_ranges_that_are_not_those_asked_for() {
    let case = Case::new("M16", "206 of another range, 200 for a range, part of another version");
    case.ends(
        "200 for a range",
        0,
        "",
        || {
            let mut bytes = Vec::new();
            bytes.extend((0..LARGE).map(|at| (at * 7 % 251) as u8));
            let whole = Reply::new(200).body("application/octet-stream", bytes);
            cut().fault(Fault::on("GET", "/blobs/").act(Action::Answer(whole)))
        },
        right,
    );
    let part = |range: &str, length: usize| {
        let reply = Reply::new(206).header("content-range", range);
        let reply = reply.body("application/octet-stream", vec![b'x'; length]);
        blobs().act(Action::Answer(reply))
    };
    for (what, range, length) in [
        ("another place", "bytes 0-599999/1000000", 600_000),
        ("beyond the end", "bytes 400000-1999999/2000000", 1_600_000),
        ("no range at all", "x", 600_000),
        ("of another size", "bytes 400000-999999/999999999999", 600_000),
    ] {
        case.refuses(what, 7, "is not the 1000000 bytes", || cut().fault(part(range, length)));
    }
    case.refuses("part of another version", 7, "digest", || {
        cut().fault(part("bytes 400000-999999/1000000", 600_000))
    });
    case.refuses("206 to the first request", 7, "is not the 1000000 bytes", || {
        large().fault(part("bytes 500000-999999/1000000", 500_000))
    });
}

#[test]
fn m17_a_blob_that_says_it_is_encoded() {
    let case = Case::new("M17", "Content-Encoding: gzip on a blob, to be unpacked unasked");
    let says = "it was sent with Content-Encoding gzip";
    case.refuses("packed bytes", 7, says, || {
        let reply = Reply::new(200).body("application/octet-stream", gzip(APP));
        Scene::new().fault(blobs().act(Action::Answer(reply.header("content-encoding", "gzip"))))
    });
    case.refuses("a bomb", 7, says, || {
        let reply = Reply::new(200).body("application/octet-stream", gzip(&vec![0; 200_000_000]));
        Scene::new().fault(blobs().act(Action::Answer(reply.header("content-encoding", "gzip"))))
    });
    case.refuses("the right bytes all the same", 7, says, || {
        Scene::new().fault(blobs().header("content-encoding", "gzip"))
    });
}
