//! Servers that take their time, or set ours.

use std::io::Write as _;
use std::time::Duration;

use super::auth::on;
use super::case::{Case, Seen};
use super::scene::{APP, Scene};
use super::wire::{Wire, drip, flood};
use crate::support::faults::Fault;

/// A pull whose requests with `first` in their first line are answered by hand.
fn slow(
    first: &'static str,
    answer: impl Fn(&mut std::net::TcpStream) -> std::io::Result<bool> + Send + Sync + 'static,
) -> Scene {
    let scene = Scene::new();
    let wire = Wire::before(scene.registry.address(), move |line, stream| {
        match line.contains(first) {
            true => answer(stream),
            false => Ok(false),
        }
    });
    on(scene, wire)
}

const PAUSE: Duration = Duration::from_millis(300);

#[test]
fn m21_a_server_that_does_not_go_on() {
    let case = Case::new("M21", "a byte now and then, of head or body; no answer");
    let flags = ["--retries", "0", "--timeout", "8s"];
    for (what, first) in [("the manifest", "/manifests/"), ("a blob", "/blobs/")] {
        case.refuses(&format!("no answer, {what}"), 6, "no answer", || {
            slow(first, |_| {
                std::thread::sleep(Duration::from_secs(10));
                Ok(true)
            })
            .flags(&flags[..2])
        });
        case.refuses(&format!("a head that drips, {what}"), 6, "no answer", || {
            slow(first, |stream| {
                stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
                drip(stream, b"x-y: z\r\n", PAUSE)
            })
            .flags(&flags)
        });
    }
    case.refuses("a body that stands still", 6, "no progress", || {
        Scene::new()
            .fault(Fault::on("GET", "/blobs/").always().stall_answer(5))
            .flags(&flags[..2])
    });
    case.refuses("a body that drips", 6, "no progress", || {
        slow("/blobs/", |stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n")?;
            drip(stream, APP, Duration::from_secs(1))
        })
        .flags(&flags)
    });
}

#[test]
fn m22_pauses_that_a_server_sets() {
    let case = Case::new("M22", "Retry-After of 10^9 seconds, negative, a date, junk");
    for value in ["-1", "junk", "0", "1e9", "Thu, 01 Jan 1970 00:00:00 GMT"] {
        case.ends(
            &format!("once {value}"),
            0,
            "",
            || {
                let answer = Fault::on("GET", "/blobs/").answer(429).header("retry-after", value);
                Scene::new().fault(answer).flags(&["--timeout", "10s"])
            },
            |seen| assert_eq!(seen.scene.output()["app"], APP),
        );
    }
    for value in ["1000000000", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        case.refuses(&format!("once {value}"), 6, "longer than its `timeout`", || {
            let answer = Fault::on("GET", "/blobs/").answer(429).header("retry-after", value);
            Scene::new().fault(answer).flags(&["--timeout", "3s"])
        });
    }
}

#[test]
fn m32_floods_below_the_answer() {
    let case = Case::new(
        "M32",
        "1xx without end, a head without end, HTTP/2 where none was asked for",
    );
    case.refuses("1xx", 6, "no answer", || {
        slow("/manifests/", |stream| {
            flood(stream, b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
        })
        .flags(&["--timeout", "8s"])
    });
    case.refuses("a head without end", 6, "head is too large", || {
        slow("/manifests/", |stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
            flood(stream, "x-y: zzzzzzzzzzzzzzzzzzzz\r\n".repeat(2000).as_bytes())
        })
        .flags(&["--timeout", "8s"])
    });
    case.refuses("one line without end", 6, "head is too large", || {
        slow("/manifests/", |stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nx: ")?;
            flood(stream, &[b'x'; 65536])
        })
        .flags(&["--timeout", "8s"])
    });
    case.refuses("HTTP/2", 6, "invalid HTTP version", || {
        slow("/manifests/", |stream| {
            // SETTINGS, then RST_STREAM without end.
            stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])?;
            flood(stream, &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8].repeat(1000))
        })
        .flags(&["--timeout", "8s"])
    });
    case.ends(
        "1xx, some",
        0,
        "",
        || {
            let scene = Scene::new();
            let registry = scene.registry.address();
            let wire = Wire::before(registry, |_, stream| {
                for _ in 0..5 {
                    stream.write_all(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")?;
                }
                Ok(false)
            });
            on(scene, wire)
        },
        |seen: &Seen| assert_eq!(seen.scene.output()["app"], APP),
    );
}
