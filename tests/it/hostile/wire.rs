//! A server that writes whatever a test wants to the connection, before a registry that answers the rest.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// After that a flood ends: whoever still reads it reads for ever.
const FLOOD: Duration = Duration::from_secs(60);

/// No head is longer.
const HEAD: usize = 256 * 1024;

/// Dropping it stops it.
pub struct Wire {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Wire {
    /// `answer` gets a request's first line; what it leaves alone (false) is passed on to `registry`.
    pub fn before(
        registry: SocketAddr,
        answer: impl Fn(&str, &mut TcpStream) -> io::Result<bool> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, answer) = (Arc::new(AtomicBool::new(false)), Arc::new(answer));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let answer = Arc::clone(&answer);
                // An error here is a connection that one side broke off.
                std::thread::spawn(move || stream.and_then(|stream| serve(stream, registry, &*answer)));
            }
        });
        Wire {
            address,
            stop,
            thread: Some(thread),
        }
    }

    pub fn host(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the loop up.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One request a connection.
fn serve(
    mut client: TcpStream,
    registry: SocketAddr,
    answer: &dyn Fn(&str, &mut TcpStream) -> io::Result<bool>,
) -> io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let first = head.lines().next().unwrap_or_default();
    if !answer(first, &mut client)? {
        let mut server = TcpStream::connect(registry)?;
        server.write_all(head.replacen("\r\n", "\r\nconnection: close\r\n", 1).as_bytes())?;
        io::copy(&mut server, &mut client)?;
    }
    client.shutdown(Shutdown::Both)
}

/// Writes `piece` until the other side leaves.
pub fn flood(stream: &mut TcpStream, piece: &[u8]) -> io::Result<bool> {
    let begun = Instant::now();
    while begun.elapsed() < FLOOD {
        stream.write_all(piece)?;
    }
    Ok(true)
}

/// Writes `text` a byte at a time, for ever.
pub fn drip(stream: &mut TcpStream, text: &[u8], pause: Duration) -> io::Result<bool> {
    let begun = Instant::now();
    while begun.elapsed() < FLOOD {
        for byte in text {
            stream.write_all(&[*byte])?;
            std::thread::sleep(pause);
        }
    }
    Ok(true)
}
