//! A gateway before a real registry, as a proxy or a load balancer is one: limits bodies, announces chunks, has faults.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::message::{Reply, Request};
use super::server::Server;

/// What the gateway adds.
#[derive(Clone, Copy, Debug)]
pub struct Gateway {
    /// `OCI-Chunk-Min-Length` for each session.
    pub least: Option<usize>,
    /// The largest body; 413 above.
    pub limit: usize,
}

impl Gateway {
    /// Starts it before the registry at `host`.
    pub fn start(self, host: &str) -> Server {
        let host = host.to_owned();
        Server::start(None, move |_| {
            Box::new(move |request: &Request| {
                if request.body.len() > self.limit {
                    return Reply::new(413);
                }
                let mut reply = forward(&host, request);
                if let Some(least) = self.least.filter(|_| request.method == "POST") {
                    reply.set("oci-chunk-min-length", &least.to_string());
                }
                reply
            })
        })
    }
}

/// Asks the registry. The name that the client knows stays in `Host`, so that Locations lead to the gateway.
fn forward(host: &str, request: &Request) -> Reply {
    let mut stream = TcpStream::connect(host).unwrap();
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.path);
    for (name, value) in &request.headers {
        if !matches!(name.as_str(), "connection" | "content-length") {
            head += &format!("{name}: {value}\r\n");
        }
    }
    let length = request.header("content-length").unwrap_or("0");
    head += &format!("content-length: {length}\r\nconnection: close\r\n\r\n");
    // A registry may answer before it has read everything.
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(&request.body));
    if !request.complete {
        // What was cut before us is cut after us.
        return Reply::new(502);
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    read(&answer)
}

fn read(answer: &[u8]) -> Reply {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&answer[..end]).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let mut reply = Reply::new(status);
    reply.body = answer[end + 4..].to_vec().into();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        assert!(
            !name.eq_ignore_ascii_case("transfer-encoding"),
            "not known here: {head}"
        );
        if !name.eq_ignore_ascii_case("connection") {
            reply.set(name, value);
        }
    }
    reply
}
