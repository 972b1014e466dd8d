//! Packed directories as a whole: headers in each other's way, what is cut off or behind the end, bombs, digests.

use std::io::Write as _;

use serde_json::json;

use super::case::{Case, Seen};
use super::scene::{Scene, UNPACK, UNPACKED_DIGEST, title};
use crate::support::faults::Fault;
use crate::support::tar::{Tar, gzip, zstd};

fn refused(case: &Case, what: &str, says: &str, blob: &[u8]) {
    case.refuses(what, 7, says, || Scene::new().packed(blob, &[]));
}

fn there(path: &'static str) -> impl Fn(&Seen) {
    move |seen| assert!(seen.scene.workspace.exists(&format!("out/{path}")), "{}", seen.told())
}

#[test]
fn a09_headers_that_overrule_headers() {
    let case = Case::new("A9", "PAX sizes and paths, GNU long names, sparse files");
    let long = |kind| Tar::docs().entry(kind, "././@LongLink", "", b"docs/long\0", |_| {});
    let names = long(b'L').pax(b'x', &[("path", "docs/other")]).file("docs/x", "");
    refused(&case, "two long names", "two names", &gzip(&names.end()));
    let global = Tar::docs().pax(b'g', &[("path", "docs/y")]).file("docs/x", "");
    refused(&case, "a global path", "global pax header", &gzip(&global.end()));
    for size in ["18446744073709551615", "-1", "x"] {
        let tar = Tar::docs().pax(b'x', &[("size", size)]).file("docs/x", "x");
        refused(&case, &format!("size {size}"), "a size is", &gzip(&tar.end()));
    }
    let sparse = Tar::docs().pax(b'x', &[("GNU.sparse.major", "1")]).file("docs/x", "x");
    refused(&case, "sparse", "sparse", &gzip(&sparse.end()));
    let huge = Tar::docs()
        .entry(b'L', "huge", "", &vec![b'x'; 2 * 1024 * 1024], |_| {})
        .file("docs/x", "");
    refused(&case, "a name of 2 MiB", "more than 1 MiB", &gzip(&huge.end()));
    let claimed = Tar::docs().entry(b'x', "huge", "", b"", |header| header.set_size(1 << 60));
    refused(
        &case,
        "a name that claims 2^60",
        "more than 1 MiB",
        &gzip(&claimed.end()),
    );
    // CVE-2025-62518: two sizes must not give two readings.
    let hidden = Tar::default().file("docs/hidden", "x").open_ended();
    let outer = Tar::docs()
        .pax(b'x', &[("size", &hidden.len().to_string())])
        .entry(b'0', "docs/x", "", &hidden, |header| header.set_size(0))
        .end();
    case.ends(
        "two sizes",
        0,
        "",
        || Scene::new().packed(&gzip(&outer), &[]),
        |seen| {
            assert!(!seen.scene.workspace.exists("out/docs/hidden"));
        },
    );
}

#[test]
fn a10_archives_that_are_cut_off_or_go_on() {
    let case = Case::new("A10", "truncated, trailing bytes, several gzip members, no end blocks");
    let tar = Tar::docs().file("docs/x", &"x".repeat(3000)).end();
    refused(&case, "a tar cut off", "cut off", &gzip(&tar[..1500]));
    let zipped = gzip(&tar);
    refused(&case, "gzip cut off", "damaged", &zipped[..zipped.len() - 4]);
    refused(
        &case,
        "bytes behind gzip",
        "damaged",
        &[&zipped, &b"garbage"[..]].concat(),
    );
    refused(
        &case,
        "bytes behind the tar",
        "damaged",
        &gzip(&[&tar, &b"garbage"[..]].concat()),
    );
    let second = Tar::docs().file("docs/hidden", "x").end();
    refused(
        &case,
        "a second tar behind",
        "behind the end",
        &gzip(&[tar.as_slice(), &second].concat()),
    );
    let frame = zstd(&tar);
    refused(
        &case,
        "zstd cut off",
        "zstd stream is damaged",
        &frame[..frame.len() - 4],
    );
    let members = [gzip(&tar[..1000]), gzip(&tar[1000..])].concat();
    case.ends(
        "two members",
        0,
        "",
        || Scene::new().packed(&members, &[]),
        there("docs/x"),
    );
    let open = Tar::docs().file("docs/x", "x").open_ended();
    case.ends(
        "no end blocks",
        0,
        "",
        || Scene::new().packed(&gzip(&open), &[]),
        there("docs/x"),
    );
}

/// So many zeroes in a file `docs/x` that claims them, in gzip members of a MiB each.
fn gzip_bomb(size: u64) -> Vec<u8> {
    let head = Tar::docs()
        .entry(b'0', "docs/x", "", b"", |header| header.set_size(size))
        .open_ended();
    let zeroes = gzip(&vec![0; 1024 * 1024]);
    let count = usize::try_from(size / 1024 / 1024).unwrap();
    [gzip(&head), zeroes.repeat(count)].concat()
}

/// The same as zstd, which packs zeroes much better.
fn zstd_bomb(size: u64) -> Vec<u8> {
    let head = Tar::docs()
        .entry(b'0', "docs/x", "", b"", |header| header.set_size(size))
        .open_ended();
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(&head).unwrap();
    let zeroes = vec![0; 1024 * 1024];
    for _ in 0..size / 1024 / 1024 {
        encoder.write_all(&zeroes).unwrap();
    }
    encoder.finish().unwrap()
}

const GIB: u64 = 1024 * 1024 * 1024;

#[test]
fn a11_bombs_of_bytes_and_of_entries() {
    let case = Case::new("A11", "gzip and zstd bombs, entries and directories without end");
    let limits = "unpacks to more than";
    refused(&case, "gzip, 2 GiB", limits, &gzip_bomb(2 * GIB));
    refused(&case, "zstd, 2 GiB", limits, &zstd_bomb(2 * GIB));
    case.refuses("a limit of one's own", 7, limits, || {
        Scene::new()
            .packed(&gzip_bomb(64 * 1024 * 1024), &[])
            .flags(&["--unpack-limit", "1MiB"])
    });
    let claimed = Tar::docs().entry(b'0', "docs/x", "", b"x", |header| header.set_size(1 << 60));
    refused(&case, "2^60 claimed", "cut off", &gzip(&claimed.end()));
    let deep = format!("docs/{}x", "d/".repeat(200));
    let deep = Tar::docs().pax(b'x', &[("path", &deep)]).file("docs/x", "");
    refused(&case, "200 directories deep", "directories deep", &gzip(&deep.end()));
    // Zstandard with a window of 2 GiB.
    let window = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00];
    refused(&case, "a window of 2 GiB", "a window of more than 128 MiB", &window);
    for log in [22, 23, 27] {
        let what = format!("24 at once, each with a window of 2^{log}");
        case.ends(&what, 0, "", || many_windows(log), |_| {});
    }
    case.refuses("10^7 headers", 7, limits, || {
        Scene::new().packed(&headers(), &[]).flags(&["--unpack-limit", "64MiB"])
    });
}

/// Directories, each a few KiB that unpack to 20 MiB of headers: with 64 small blobs at once, a window each would be
/// gigabytes.
fn many_windows(log: u32) -> Scene {
    Scene::new().artifact(|graph| {
        let packed = |number: usize| {
            let name = format!("d{number}");
            let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
            encoder.window_log(log).unwrap();
            encoder.write_all(&Tar::default().dir(&name).open_ended()).unwrap();
            let many = Tar::default().pax(b'g', &[("comment", "x")]).open_ended().repeat(1024);
            for _ in 0..20 {
                encoder.write_all(&many).unwrap();
            }
            let mut layer = graph.blob(
                "application/vnd.oci.image.layer.v1.tar+zstd",
                &encoder.finish().unwrap(),
            );
            layer["annotations"] = title(&name);
            layer["annotations"][UNPACK] = json!("true");
            layer
        };
        (0..24).map(packed).collect()
    })
}

/// Ten million global headers, packed.
fn headers() -> Vec<u8> {
    let one = Tar::default().pax(b'g', &[("comment", "x")]).open_ended();
    let many = one.repeat(1000);
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(&Tar::docs().open_ended()).unwrap();
    for _ in 0..10_000 {
        encoder.write_all(&many).unwrap();
    }
    encoder.finish().unwrap()
}

#[test]
fn a12_the_digest_of_what_is_unpacked() {
    let case = Case::new("A12", "digest of the tar that is wrong, junk, absent");
    let tar = Tar::docs().file("docs/x", "x").end();
    let wrong = format!("sha256:{}", "4".repeat(64));
    for (what, blob) in [("tar", tar.clone()), ("gzip", gzip(&tar)), ("zstd", zstd(&tar))] {
        case.refuses(&format!("wrong, {what}"), 7, "unpacked tar has the digest", || {
            Scene::new().packed(&blob, &[(UNPACKED_DIGEST, &wrong)])
        });
    }
    case.refuses("junk", 7, "digest", || {
        Scene::new().packed(&tar, &[(UNPACKED_DIGEST, "md5:../x")])
    });
    case.ends(
        "absent",
        0,
        "",
        || Scene::new().packed(&gzip(&tar), &[]),
        there("docs/x"),
    );
}

#[test]
fn a13_what_is_no_tar() {
    let case = Case::new("A13", "a layer to be unpacked that is no tar");
    refused(&case, "nothing", "empty", b"");
    refused(&case, "end blocks alone", "empty", &[0; 1024]);
    refused(&case, "a line", "cut off", b"# a readme");
    refused(&case, "a text", "not a tar", "# a readme\n".repeat(100).as_bytes());
    refused(
        &case,
        "a text, packed",
        "not a tar",
        &gzip("# a readme\n".repeat(100).as_bytes()),
    );
}

#[test]
fn a18_nothing_partial_when_it_fails() {
    let case = Case::new("A18", "a pull that fails leaves what was there, and nothing of its own");
    let tar = Tar::docs()
        .file("docs/x", "new")
        .file("docs/y", &"y".repeat(100_000))
        .end();
    let before = |scene: Scene| {
        scene.workspace.write("out/app", "old");
        scene.workspace.write("out/docs/x", "old");
        scene
    };
    for at in [0, 5, 19] {
        case.refuses(&format!("a file damaged at {at}"), 7, "digest", || {
            before(Scene::new()).fault(Fault::on("GET", "/blobs/").always().corrupt(at))
        });
    }
    case.refuses("a file cut for ever", 6, "the connection broke", || {
        let scene = before(Scene::new());
        scene
            .fault(Fault::on("GET", "/blobs/").always().cut_answer(0))
            .flags(&["--retries", "1"])
    });
    for at in [600, 1100, 60_000] {
        case.refuses(&format!("a directory damaged at {at}"), 7, "digest", || {
            let scene = before(Scene::new()).packed(&tar, &[]);
            scene.fault(Fault::on("GET", "/blobs/").always().corrupt(at))
        });
    }
    case.refuses("a directory's end is missing", 7, "cut off", || {
        before(Scene::new()).packed(&gzip(&tar[..50_000]), &[])
    });
}
