//! The wire, with the real binary: answers that come early, bodies that drip, warnings, lines about tries, authorities.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::faults::Fault;
use crate::support::message::{Reply, Request};
use crate::support::recorder::recorder_with_tls;
use crate::support::registry::{Options, Registry};
use crate::support::runner::Workspace;
use crate::support::server::Server;
use crate::support::tls::tls;

const MIB: usize = 1024 * 1024;

/// A client that sends nothing for so long has stopped.
const QUIET: Duration = Duration::from_millis(200);

#[test]
fn a_retry_is_one_calm_line() {
    let registry = Registry::start();
    registry.fault(Fault::on("PUT", "/blobs/uploads/").answer(503));
    let workspace = Workspace::new();
    workspace.write("app.bin", vec![7; 4096]);
    let run = workspace.run().placeholder(registry.host(), "HOST");
    let outcome = run.args(["push", &registry.reference("a:v1"), "app.bin"]).call();
    outcome.success();
    let lines: Vec<String> = outcome
        .stderr()
        .lines()
        .filter(|line| line.contains("again"))
        .map(str::to_owned)
        .collect();
    assert_eq!(lines.len(), 1, "{}", outcome.snapshot());
    // The blobs race for the one fault.
    let filters = vec![(r"\d+\.\d s", "[WAIT] s"), ("app.bin|empty config", "[TITLE]")];
    insta::with_settings!({filters => filters}, {
        insta::assert_snapshot!(lines[0], @"  [HOST]: [TITLE]: 503 Service Unavailable; trying again in [WAIT] s");
    });
}

#[test]
fn warnings_of_a_registry_are_told_once_escaped_and_not_without_end() {
    let count = Arc::new(AtomicUsize::new(0));
    let server = Server::start(None, |_| {
        Box::new(move |request: &Request| {
            let page = count.fetch_add(1, Ordering::SeqCst);
            let mut reply = Reply::new(200).body("application/json", r#"{"name":"a","tags":["v1"]}"#);
            if page < 40 {
                reply.set("link", &format!("<{}?last={page}>; rel=\"next\"", request.bare_path()));
            }
            for text in [
                "299 - \"this tag is old \t::error::\"".to_owned(),
                format!("299 - \"page {page}\""),
            ] {
                reply.headers.push(("warning".to_owned(), text));
            }
            reply
        })
    });
    let workspace = Workspace::new();
    let run = workspace.run().env("GITHUB_ACTIONS", "true");
    let outcome = run.args(["list", &format!("{}/a", server.host())]).call();
    let output = format!("{}{}", outcome.stdout, outcome.stderr);
    // The last annotation tells of those before it once more.
    let output: String = output
        .lines()
        .filter(|line| !line.contains("which the log has whole"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(output.matches("this tag is old").count(), 1, "{output}");
    assert_eq!(output.matches(" warns: ").count(), 20, "{output}");
    assert!(!output.lines().any(|line| line.starts_with("::error::")), "{output}");
    for request in server.requests() {
        assert_eq!(request.header("referer"), None);
        assert_eq!(request.header("accept-encoding"), Some("identity"));
        assert_eq!(request.header("cookie"), None);
    }
}

/// Answers each PUT of a blob when a part of it came; says how many bytes of all PUTs were read.
fn early(status: &'static str, resets: bool) -> (String, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let read = Arc::new(Mutex::new(0));
    let count = Arc::clone(&read);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let count = Arc::clone(&count);
            std::thread::spawn(move || serve_early(stream, status, resets, &count));
        }
    });
    (host, read)
}

fn serve_early(mut stream: TcpStream, status: &str, resets: bool, count: &Mutex<usize>) -> std::io::Result<()> {
    loop {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        if head.starts_with("POST") {
            let location = "location: /v2/a/blobs/uploads/1";
            write!(
                stream,
                "HTTP/1.1 202 Accepted\r\n{location}\r\ncontent-length: 0\r\n\r\n"
            )?;
            continue;
        }
        if !head.starts_with("PUT") {
            write!(stream, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")?;
            continue;
        }
        write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")?;
        let mut buffer = vec![0; 64 * 1024];
        if resets {
            // Nothing comes once the answer was read; a reset before that would take it away.
            stream.set_read_timeout(Some(QUIET))?;
            while stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
            rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
            return Ok(());
        }
        // Its buffers are full meanwhile: it has nothing to do but read the answer.
        std::thread::sleep(QUIET);
        loop {
            match stream.read(&mut buffer)? {
                0 => return Ok(()),
                some => *count.lock().unwrap() += some,
            }
        }
    }
}

#[test]
fn an_answer_that_comes_early_is_taken_and_the_rest_of_the_body_is_not_sent() {
    const SIZE: usize = 256 * MIB;
    let (host, read) = early("403 Forbidden", false);
    let workspace = Workspace::new();
    let file = fs_err::File::create(workspace.path().join("large")).unwrap();
    file.set_len(SIZE as u64).unwrap();
    let outcome = workspace.run().args(["push", &format!("{host}/a:v1"), "large"]).call();
    outcome.exit(3);
    assert!(outcome.stderr.contains("403"), "{}", outcome.snapshot());
    let read = *read.lock().unwrap();
    assert!(read < SIZE / 4, "{read} bytes were sent");
}

#[test]
fn an_early_answer_that_a_reset_follows_is_told() {
    let (host, _) = early("403 Forbidden", true);
    let workspace = Workspace::new();
    workspace.write("large", vec![1; 32 * MIB]);
    let run = workspace.run().args(["push", &format!("{host}/a:v1"), "large"]);
    let outcome = run.call();
    outcome.exit(3);
    assert!(outcome.stderr.contains("403"), "{}", outcome.snapshot());
}

#[test]
fn a_certificate_of_an_unknown_authority_is_named_and_so_is_a_variable_that_yields_none() {
    let server = recorder_with_tls(404);
    let workspace = Workspace::new();
    let list = |name: &str, value: &str| {
        let run = workspace
            .run()
            .env("OCI_ARTIFACT_INSECURE", "127.0.0.1:1")
            .env("OCI_ARTIFACT_RETRIES", "0");
        let run = run.env(name, value).placeholder(server.host(), "HOST");
        run.args(["list", &format!("{}/a", server.host())]).call()
    };
    workspace.write("ca.pem", &tls().authority);
    workspace.write("empty.pem", "");
    let work = workspace.path();
    // Only TLS reaches a server that then answers 404.
    let trusted = list("OCI_ARTIFACT_CA_FILE", "ca.pem");
    assert!(trusted.stderr.contains("404"), "{}", trusted.snapshot());
    let empty = work.join("empty.pem").into_string();
    let run = workspace
        .run()
        .env("SSL_CERT_FILE", empty)
        .args(["list", "r.invalid/a"]);
    insta::assert_snapshot!(run.call().snapshot(), @"
    exit: 2
    --- stdout
    --- stderr
    error: SSL_CERT_FILE: no certificate of an authority was found there
      hint: let SSL_CERT_FILE name certificates in PEM form, or unset it and use `ca-file`
    ");
}

#[test]
fn plain_registries_need_no_authorities() {
    let registry = Registry::with(Options::default());
    let workspace = Workspace::new();
    let run = workspace.run().env("SSL_CERT_FILE", "/nowhere.pem");
    workspace.write("a", "a");
    run.args(["push", &registry.reference("a:v1"), "a"]).call().success();
}

#[test]
fn a_server_that_wants_a_client_certificate_gets_it_or_the_error_says_what_to_set() {
    let tags = |_: &Request| Reply::new(200).body("application/json", r#"{"name":"a","tags":["v1"]}"#);
    let server = Server::start(Some(tls().strict()), |_| Box::new(tags));
    let workspace = Workspace::new();
    workspace.write("ca.pem", &tls().authority);
    workspace.write("right.pem", &tls().client);
    let stranger = rcgen::generate_simple_self_signed(["client".to_owned()]).unwrap();
    let wrong = format!("{}{}", stranger.cert.pem(), stranger.signing_key.serialize_pem());
    workspace.write("wrong.pem", wrong);
    let list = |certificate: &str| {
        let run = workspace
            .run()
            .env("OCI_ARTIFACT_CA_FILE", "ca.pem")
            .env("OCI_ARTIFACT_RETRIES", "2");
        let run = run.env("OCI_ARTIFACT_CLIENT_CERT", certificate);
        run.args(["list", &format!("{}/a", server.host())]).call()
    };
    list("right.pem").success();
    for certificate in ["", "wrong.pem"] {
        let outcome = list(certificate);
        assert_ne!(outcome.code, Some(0));
        assert!(outcome.stderr.contains("`client-cert`"), "{}", outcome.snapshot());
    }
}
