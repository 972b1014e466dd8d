//! An HTTP/1.1 server on a free loopback port, in a thread and runtime of its own, so that a test may block on the
//! real binary. It writes down every request, and misbehaves as its [`Faults`] say.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::faults::{Action, Fault, Faults};
use super::message::{Reply, Request};

/// Longest wait for something that a test expects; only a failing test takes so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a server answers. Called with the whole body, or with what came of it.
pub trait Handler: Send + Sync + 'static {
    fn answer(&self, request: &Request) -> Reply;
}

impl<F: Fn(&Request) -> Reply + Send + Sync + 'static> Handler for F {
    fn answer(&self, request: &Request) -> Reply {
        self(request)
    }
}

#[derive(Default)]
struct Log {
    requests: Vec<(u64, Request)>,
    count: u64,
    open: usize,
    most_open: usize,
}

#[derive(Default)]
struct Shared {
    log: Mutex<Log>,
    changed: Condvar,
    faults: Mutex<Faults>,
}

/// A running server; dropping it stops it and closes its connections.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start(tls: Option<TlsAcceptor>, make: impl FnOnce(SocketAddr) -> Box<dyn Handler>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let handler: Arc<dyn Handler> = make(address).into();
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let inside = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = accept(listener, tls, handler, inside) => {}
                    _ = stopped => {}
                }
            });
        });
        Server {
            address,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    pub fn fault(&self, fault: Fault) {
        self.shared.faults.lock().unwrap().add(fault);
    }

    pub fn clear_faults(&self) {
        self.shared.faults.lock().unwrap().clear();
    }

    /// Every request so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<Request> {
        let log = self.shared.log.lock().unwrap();
        log.requests.iter().map(|(_, request)| request.clone()).collect()
    }

    /// `METHOD PATH` of every request so far.
    pub fn lines(&self) -> Vec<String> {
        self.requests().iter().map(Request::line).collect()
    }

    pub fn clear_requests(&self) {
        let mut log = self.shared.log.lock().unwrap();
        log.requests.clear();
        log.most_open = log.open;
    }

    /// The most requests that were open at once.
    pub fn most_open(&self) -> usize {
        self.shared.log.lock().unwrap().most_open
    }

    /// Blocks until a request that fits has arrived (its body perhaps not yet).
    pub fn wait_for(&self, what: &str, fits: impl Fn(&Request) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut log = self.shared.log.lock().unwrap();
        while !log.requests.iter().any(|(_, request)| fits(request)) {
            let left = deadline
                .checked_duration_since(Instant::now())
                .unwrap_or_else(|| panic!("waited for {what}"));
            log = self.shared.changed.wait_timeout(log, left).unwrap().0;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, handler: Arc<dyn Handler>, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (tls, handler, shared) = (tls.clone(), Arc::clone(&handler), Arc::clone(&shared));
        tokio::spawn(async move {
            match tls {
                None => serve(stream, handler, shared).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, handler, shared).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, handler: Arc<dyn Handler>, shared: Arc<Shared>) {
    let service = service_fn(move |request| {
        let (handler, shared) = (Arc::clone(&handler), Arc::clone(&shared));
        async move { respond(request, &*handler, &shared).await }
    });
    // An error here is a connection that one side broke off.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Closes the connection.
fn cut<T>() -> io::Result<T> {
    Err(io::ErrorKind::ConnectionAborted.into())
}

/// Notes that a request is open for as long as it lives.
struct Open<'a>(&'a Shared);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.log.lock().unwrap().open -= 1;
    }
}

async fn respond(
    request: hyper::Request<Incoming>,
    handler: &dyn Handler,
    shared: &Shared,
) -> io::Result<hyper::Response<Body>> {
    let (head, mut body) = request.into_parts();
    let mut request = Request {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        ..Request::default()
    };
    let id = shared.arrived(&request);
    let _open = Open(shared);
    let action = shared.faults.lock().unwrap().next(&request);
    if let Some(Action::AnswerUnread(reply)) = action {
        shared.update(id, |seen| seen.status = Some(reply.status));
        return Ok(whole(&reply));
    }
    let limit = match &action {
        Some(Action::CutRequest(after)) => *after,
        _ => usize::MAX,
    };
    let mut bytes = BytesMut::new();
    while bytes.len() < limit && !request.complete {
        match body.frame().await {
            Some(Ok(frame)) => bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..])),
            Some(Err(_)) => break,
            None => request.complete = true,
        }
    }
    request.complete &= limit == usize::MAX;
    bytes.truncate(limit);
    request.body = bytes.freeze();
    shared.update(id, |seen| {
        (seen.body, seen.complete) = (request.body.clone(), request.complete);
    });
    if !request.complete {
        // What came of an upload stays, as on a real registry.
        handler.answer(&request);
        return cut();
    }
    if let Some(Action::Stall) = action {
        std::future::pending::<Infallible>().await;
    }
    let reply = match &action {
        Some(Action::Answer(reply)) => reply.clone(),
        _ => handler.answer(&request),
    };
    if let Some(Action::LoseAnswer) = action {
        return cut();
    }
    shared.update(id, |seen| seen.status = Some(reply.status));
    Ok(spoil(reply, action))
}

/// The answer, made worse as the fault says.
fn spoil(mut reply: Reply, action: Option<Action>) -> hyper::Response<Body> {
    match action {
        Some(Action::DropHeader(name)) => reply.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(&name)),
        Some(Action::SetHeader(name, value)) => reply.set(&name, &value),
        Some(Action::Corrupt(at)) => {
            let mut bytes = reply.body.to_vec();
            bytes[at] ^= 1;
            reply.body = bytes.into();
        }
        Some(Action::CutAnswer(after)) => return partial(&reply, after, true),
        Some(Action::StallAnswer(after)) => return partial(&reply, after, false),
        _ => {}
    }
    whole(&reply)
}

fn whole(reply: &Reply) -> hyper::Response<Body> {
    let body = Full::new(reply.body.clone())
        .map_err(|never: Infallible| match never {})
        .boxed_unsync();
    response(reply, body)
}

/// Promises the whole body, sends `after` bytes of it, then breaks off or falls silent.
fn partial(reply: &Reply, after: usize, cuts: bool) -> hyper::Response<Body> {
    let part = reply.body.slice(..after.min(reply.body.len()));
    let frames = stream::unfold(Some(part), move |part| async move {
        if let Some(part) = part {
            return Some((Ok(Frame::data(part)), None));
        }
        if !cuts {
            std::future::pending::<Infallible>().await;
        }
        // hyper sends what it has when the body has nothing ready.
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        Some((cut(), None))
    });
    response(reply, StreamBody::new(frames).boxed_unsync())
}

fn response(reply: &Reply, body: Body) -> hyper::Response<Body> {
    let mut response = hyper::Response::builder().status(reply.status);
    if !reply
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        && reply.status != 204
    {
        response = response.header("content-length", reply.body.len());
    }
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    response.body(body).unwrap()
}

impl Shared {
    fn arrived(&self, request: &Request) -> u64 {
        let mut log = self.log.lock().unwrap();
        log.count += 1;
        log.open += 1;
        log.most_open = log.most_open.max(log.open);
        let id = log.count;
        log.requests.push((id, request.clone()));
        self.changed.notify_all();
        id
    }

    fn update(&self, id: u64, change: impl FnOnce(&mut Request)) {
        let mut log = self.log.lock().unwrap();
        if let Some((_, request)) = log.requests.iter_mut().find(|(other, _)| *other == id) {
            change(request);
        }
        self.changed.notify_all();
    }
}
