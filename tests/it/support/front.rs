//! A front before a real registry that misbehaves: it passes HTTP/1.1 on piece by piece, counts, and does what its
//! [`Plan`] says. A connection to the registry serves one request; those to the client are kept.
//!
//! ```ignore
//! let front = Front::start(peer.host(), Plan { bearer: Some(Bearer::default()), ..Plan::default() });
//! front.fault(Trouble { kind: Kind::Reset, place: Place::Put, skip: 0, times: 1 });
//! // … the program under test, on front.host() …
//! assert_eq!(front.counts().requests[&Place::Put], 2);
//! ```

mod head;
mod serve;
mod token;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use self::head::Head;

/// What a request is for, as far as faults and counts are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Token,
    Head,
    Post,
    Patch,
    Put,
    ManifestPut,
    ManifestGet,
    /// A blob, from the registry itself.
    Get,
    /// A blob, from the storage that the registry redirects to.
    Redirect,
    Other,
}

impl Place {
    /// Those that faults strike.
    pub const ALL: [Place; 9] = [
        Place::Token,
        Place::Head,
        Place::Post,
        Place::Patch,
        Place::Put,
        Place::ManifestPut,
        Place::ManifestGet,
        Place::Get,
        Place::Redirect,
    ];

    fn of(head: &Head, storage: bool) -> Self {
        let path = head.path();
        let upload = path.contains("/blobs/uploads/");
        match head.method.as_str() {
            _ if storage => Place::Redirect,
            _ if path == token::PATH => Place::Token,
            "HEAD" => Place::Head,
            "POST" if upload => Place::Post,
            "PATCH" => Place::Patch,
            "PUT" if upload => Place::Put,
            "PUT" => Place::ManifestPut,
            "GET" if path.contains("/manifests/") => Place::ManifestGet,
            "GET" if path.contains("/blobs/sha256:") => Place::Get,
            _ => Place::Other,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Place::Token => "token",
            Place::Head => "HEAD",
            Place::Post => "POST",
            Place::Patch => "PATCH",
            Place::Put => "PUT",
            Place::ManifestPut => "manifest PUT",
            Place::ManifestGet => "manifest GET",
            Place::Get => "GET",
            Place::Redirect => "redirect target",
            Place::Other => "other",
        })
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 503 before the body is read.
    Unavailable,
    /// 429 with `Retry-After: 1`.
    TooMany,
    /// RST after half of the body, or half of the answer where the request has none.
    Reset,
    /// The same with FIN.
    Eof,
    /// The same with silence.
    Stall,
    /// 401 with the right challenge.
    Unauthorized,
    /// A twentieth of a second before each piece of 32 KiB.
    Slow,
    /// The request takes effect, and its answer doesn't come; no fault of the matrix.
    Lost,
    /// 403 whose message repeats what the request was authorized with; no fault of the matrix.
    Echo,
}

impl Kind {
    /// Those of the matrix.
    pub const ALL: [Kind; 7] = [
        Kind::Unavailable,
        Kind::TooMany,
        Kind::Reset,
        Kind::Eof,
        Kind::Stall,
        Kind::Unauthorized,
        Kind::Slow,
    ];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Unavailable => "503",
            Kind::TooMany => "429",
            Kind::Reset => "reset",
            Kind::Eof => "EOF",
            Kind::Stall => "stall",
            Kind::Unauthorized => "401",
            Kind::Slow => "slow",
            Kind::Lost => "lost",
            Kind::Echo => "echo",
        })
    }
}

/// A fault of `times` requests at a place, after `skip` that are left alone.
#[derive(Clone, Copy, Debug)]
pub struct Trouble {
    pub kind: Kind,
    pub place: Place,
    pub skip: usize,
    pub times: usize,
}

/// The tokens of a front that asks for them.
#[derive(Clone, Copy, Debug)]
pub struct Bearer {
    /// To the millisecond, without leeway.
    pub lifetime: Duration,
    /// Whether `expires_in` (whole seconds, rounded down) is told.
    pub stated: bool,
}

impl Default for Bearer {
    fn default() -> Self {
        Bearer {
            lifetime: Duration::from_secs(300),
            stated: true,
        }
    }
}

/// Secrets of a service's own, which stand in its answers.
#[derive(Clone, Copy, Debug)]
pub struct Planted {
    /// In each token, and beside it as a refresh token.
    pub token: &'static str,
    /// In the query of the URLs of uploads and of the storage.
    pub query: &'static str,
}

/// How a front behaves all the time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plan {
    pub bearer: Option<Bearer>,
    /// Blobs are answered 307 to a second listener, which refuses any Authorization header.
    pub redirect: bool,
    /// `OCI-Chunk-Min-Length` on the answer that opens an upload.
    pub chunk_min: Option<u64>,
    /// 413 for the body of one request of an upload above so many bytes.
    pub body_limit: Option<u64>,
    /// Bytes a second and connection, both ways.
    pub rate: Option<u64>,
    /// A blob's answer is broken off after so many bytes of its body.
    pub cut: Option<(Kind, u64)>,
    pub planted: Option<Planted>,
}

/// What came and went.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub requests: BTreeMap<Place, usize>,
    /// The Content-Length of each request that puts bytes into an upload, in their order.
    pub bodies: Vec<(Place, u64)>,
    /// Bytes of blobs taken in, refused or not.
    pub sent: u64,
    /// Of these, those of requests that were not passed on.
    pub refused: u64,
    /// Bytes of blobs given out.
    pub fetched: u64,
    /// Requests answered 401 for want of a good token.
    pub unauthorized: usize,
    /// Of these, those with a token whose time was over.
    pub expired: usize,
    /// Requests to the storage with a credential.
    pub leaked: usize,
    /// Requests that the fault struck.
    pub struck: usize,
}

impl Counts {
    pub fn at(&self, place: Place) -> usize {
        self.requests.get(&place).copied().unwrap_or_default()
    }

    pub fn total(&self) -> usize {
        self.requests.values().sum()
    }
}

struct Inside {
    upstream: String,
    plan: Plan,
    origin: String,
    storage: String,
    key: [u8; 32],
    counts: Mutex<Counts>,
    trouble: Mutex<Option<Trouble>>,
}

impl Inside {
    fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap());
    }

    /// What strikes this request.
    fn strikes(&self, place: Place) -> Option<Kind> {
        let mut trouble = self.trouble.lock().unwrap();
        let next = trouble.as_mut().filter(|next| next.place == place && next.times > 0)?;
        if next.skip > 0 {
            next.skip -= 1;
            return None;
        }
        next.times = next.times.saturating_sub(1);
        self.count(|counts| counts.struck += 1);
        Some(next.kind)
    }
}

/// A running front; dropping it stops it and closes its connections.
pub struct Front {
    address: SocketAddr,
    inside: Arc<Inside>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Front {
    /// Before the registry at `upstream` (`HOST:PORT`, plain HTTP, open to all).
    pub fn start(upstream: &str, plan: Plan) -> Self {
        let bind = || {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            let address = listener.local_addr().unwrap();
            (listener, address)
        };
        let ((front, address), (storage, storage_address)) = (bind(), bind());
        let mut key = [0; 32];
        getrandom::fill(&mut key).unwrap();
        let inside = Arc::new(Inside {
            upstream: upstream.to_owned(),
            plan,
            origin: format!("http://{address}"),
            storage: format!("http://{storage_address}"),
            key,
            counts: Mutex::default(),
            trouble: Mutex::default(),
        });
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let shared = Arc::clone(&inside);
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve::accept(front, Arc::clone(&shared), false) => {}
                    () = serve::accept(storage, shared, true) => {}
                    _ = stopped => {}
                }
            });
        });
        Front {
            address,
            inside,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// From now on; one at a time.
    pub fn fault(&self, trouble: Trouble) {
        *self.inside.trouble.lock().unwrap() = Some(trouble);
    }

    pub fn counts(&self) -> Counts {
        self.inside.counts.lock().unwrap().clone()
    }

    pub fn clear_counts(&self) {
        *self.inside.counts.lock().unwrap() = Counts::default();
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
