//! For tests, of all rooms above: a server that answers each request by a function.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use crate::reference::Host;

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// How many requests with this method and target came before.
    pub(crate) before: usize,
}

impl Seen {
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    pub(crate) fn is(&self, method: &str, start: &str) -> bool {
        self.method == method && self.target.starts_with(start)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// How the body of an answer ends.
enum End {
    Whole,
    Chunked,
    /// The connection breaks after so many bytes.
    Cut(usize),
    /// Nothing more comes after so many bytes.
    Stall(usize),
    /// So many bytes come every few milliseconds.
    Drip(usize),
}

/// An answer.
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
    end: End,
}

impl Reply {
    pub(crate) fn new(status: u16) -> Self {
        Reply {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
            end: End::Whole,
        }
    }

    pub(crate) fn header(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        let value = format!("{value}");
        self.headers.push((name.to_owned(), value));
        self
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn chunked(mut self) -> Self {
        self.end = End::Chunked;
        self
    }

    pub(crate) fn cut(mut self, after: usize) -> Self {
        self.end = End::Cut(after);
        self
    }

    pub(crate) fn drip(mut self, at_once: usize) -> Self {
        self.end = End::Drip(at_once);
        self
    }

    pub(crate) fn stall(mut self, after: usize) -> Self {
        self.end = End::Stall(after);
        self
    }
}

type Answer = hyper::Response<http_body_util::combinators::UnsyncBoxBody<Bytes, std::io::Error>>;

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        let Reply {
            status,
            headers,
            body,
            end,
        } = reply;
        let mut answer = hyper::Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(name, value);
        }
        if !matches!(end, End::Chunked) && !answer.headers_ref().unwrap().contains_key("content-length") {
            answer = answer.header("content-length", body.len());
        }
        let frame = |bytes: Bytes| Ok(Frame::data(bytes));
        let broken = stream::once(async {
            // What was sent before goes out while this waits for its turn.
            tokio::task::yield_now().await;
            Err(std::io::Error::other("cut"))
        });
        let stream = match end {
            End::Whole | End::Chunked => stream::iter([frame(body)]).boxed(),
            End::Cut(after) => stream::iter([frame(body.slice(..after))]).chain(broken).boxed(),
            End::Stall(after) => stream::iter([frame(body.slice(..after))])
                .chain(stream::pending())
                .boxed(),
            End::Drip(at_once) => stream::unfold(body, move |mut left| async move {
                tokio::time::sleep(std::time::Duration::from_millis(3)).await;
                let piece = left.split_to(left.len().min(at_once));
                (!piece.is_empty()).then(|| (Ok(Frame::data(piece)), left))
            })
            .boxed(),
        };
        answer.body(StreamBody::new(stream).boxed_unsync()).unwrap()
    }
}

/// A server on a free port of this machine; stops when it is dropped.
pub(crate) struct Server {
    pub(crate) host: Host,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string().parse().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                let service = service_fn(move |request| serve(request, Arc::clone(&log), Arc::clone(&answer)));
                connections.spawn(async move {
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Server { host, seen, task }
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Method and target of all requests so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Seen::line).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    request: hyper::Request<Incoming>,
    log: Arc<Mutex<Vec<Seen>>>,
    answer: Arc<impl Fn(&Seen) -> Reply>,
) -> Result<Answer, Infallible> {
    let (head, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let seen = {
        let mut log = log.lock().unwrap();
        let target = head.uri.path_and_query().unwrap().to_string();
        let method = head.method.to_string();
        let before = log
            .iter()
            .filter(|seen| seen.method == method && seen.target == target)
            .count();
        let seen = Seen {
            method,
            target,
            headers: head.headers,
            body,
            before,
        };
        log.push(seen.clone());
        seen
    };
    Ok(answer(&seen).into())
}
