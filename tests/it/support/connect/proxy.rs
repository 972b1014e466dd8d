//! A proxy for names that have a server here: CONNECT to port 443, which it sees no plain text of, and requests over
//! plain HTTP, which it passes on.

use std::collections::HashMap;
use std::io::{self, Read, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// No CONNECT is longer.
const LONGEST_HEAD: usize = 8 * 1024;

#[derive(Default)]
struct Shared {
    routes: Mutex<HashMap<String, SocketAddr>>,
    refused: Mutex<Vec<String>>,
    seen: Mutex<Vec<String>>,
    login: Mutex<Option<String>>,
    stopped: AtomicBool,
}

/// A running proxy; dropping it stops it.
pub(super) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let inside = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if inside.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let inside = Arc::clone(&inside);
                // An error here is a connection that one side broke off.
                std::thread::spawn(move || stream.and_then(|stream| serve(stream, &inside)));
            }
        });
        Proxy {
            address,
            shared,
            thread: Some(thread),
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn route(&self, host: &str, to: SocketAddr) {
        self.shared.routes.lock().unwrap().insert(host.to_owned(), to);
    }

    /// `METHOD TARGET` of every request that was let through.
    pub(super) fn seen(&self) -> Vec<String> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// From now on nobody passes without this value of `Proxy-Authorization`.
    pub(super) fn ask_for(&self, login: &str) {
        *self.shared.login.lock().unwrap() = Some(login.to_owned());
    }

    pub(super) fn take_refused(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.refused.lock().unwrap())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the loop up.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(mut client: TcpStream, shared: &Shared) -> io::Result<()> {
    let head = head(&mut client)?;
    let mut words = head.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let tunnel = method == "CONNECT";
    let host = match tunnel {
        true => target.strip_suffix(":443"),
        false => target.strip_prefix("http://").and_then(|rest| rest.split('/').next()),
    };
    let route = host.and_then(|host| shared.routes.lock().unwrap().get(host).copied());
    let login = shared.login.lock().unwrap().clone();
    if login.is_some_and(|login| !head.lines().any(|line| line == format!("proxy-authorization: {login}"))) {
        return client.write_all(
            b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"proxy\"\r\n\
              content-length: 0\r\nconnection: close\r\n\r\n",
        );
    }
    // What is said to a proxy is said in the clear.
    let plain = head.to_ascii_lowercase().contains("\r\nauthorization:");
    let Some(route) = route.filter(|_| !(plain && tunnel)) else {
        shared.refused.lock().unwrap().push(format!("{method} {target}"));
        return client.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    };
    shared.seen.lock().unwrap().push(format!("{method} {target}"));
    let mut server = TcpStream::connect(route)?;
    if tunnel {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    } else {
        // One request a connection: the next one may be for another host.
        let path = target
            .split_once("://")
            .and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
        let head = head.replacen(target, path.unwrap_or("/"), 1);
        server.write_all(head.replacen("\r\n", "\r\nconnection: close\r\n", 1).as_bytes())?;
    }
    let (up, down) = ((client.try_clone()?, server.try_clone()?), (server, client));
    let back = std::thread::spawn(move || pump(down.0, down.1));
    pump(up.0, up.1);
    let _ = back.join();
    Ok(())
}

/// The request's head, byte by byte: what follows it isn't the proxy's.
fn head(client: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST_HEAD {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Everything from one side to the other; a side that broke off is broken off for the other one, too.
fn pump(mut from: TcpStream, mut to: TcpStream) {
    let end = match io::copy(&mut from, &mut to) {
        Ok(_) => Shutdown::Write,
        Err(_) => Shutdown::Both,
    };
    let _ = to.shutdown(end);
}
