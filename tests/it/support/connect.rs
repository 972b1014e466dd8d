//! The internet of a test: real host names, each served by a fake in this process, all reached through one HTTP proxy
//! (`HTTPS_PROXY`), over TLS with certificates of a test's own authority (`ca-file`).
//!
//! ```ignore
//! let internet = Internet::new();
//! let server = internet.serve("quay.io", Arc::new(|_: &Request| Reply::new(200)));
//! internet.run(&workspace).args(["list", "quay.io/me/app"]).call();
//! assert_eq!(internet.lines("quay.io"), ["GET /v2/me/app/tags/list"]);
//! ```
//!
//! A name that nobody serves is refused, and fails the test: a program that asks elsewhere would ask there in earnest.

mod certificates;
mod proxy;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use self::certificates::{acceptor, authority};
use self::proxy::Proxy;
use super::message::{Reply, Request};
use super::registry::{Options, Registry};
use super::runner::{Run, Workspace};
use super::server::{Handler, Server};

/// Host and request, in the order of their answers.
type Log = Arc<Mutex<Vec<(String, Request)>>>;

/// All hosts of a test.
pub struct Internet {
    proxy: Proxy,
    log: Log,
}

impl Internet {
    pub fn new() -> Self {
        Internet {
            proxy: Proxy::start(),
            log: Log::default(),
        }
    }

    /// What the proxy was asked for, and let through: `CONNECT HOST:PORT` or `METHOD URL`.
    pub fn proxied(&self) -> Vec<String> {
        self.proxy.seen()
    }

    /// From now on the proxy wants this value of `Proxy-Authorization`.
    pub fn guard_proxy(&self, login: &str) {
        self.proxy.ask_for(login);
    }

    /// Serves `host` over plain HTTP, port 80.
    pub fn serve_plain(&self, host: &str, handler: Arc<dyn Handler>) -> Server {
        let face = self.recorded(host, handler);
        let server = Server::start(None, |_| face);
        self.proxy.route(host, server.address());
        server
    }

    /// Serves `host`, port 443. The server lives as long as what is returned.
    pub fn serve(&self, host: &str, handler: Arc<dyn Handler>) -> Server {
        let face = self.recorded(host, handler);
        let server = Server::start(Some(acceptor(host)), |_| face);
        self.proxy.route(host, server.address());
        server
    }

    /// Serves `host` as a registry with a face before it.
    pub fn registry(
        &self,
        host: &str,
        options: Options,
        face: impl FnOnce(Arc<dyn Handler>) -> Arc<dyn Handler>,
    ) -> Registry {
        let registry = Registry::behind(options, Some(acceptor(host)), |inside| {
            self.recorded(host, face(inside))
        });
        self.proxy.route(host, registry.address());
        registry
    }

    /// A server without a name, on a loopback address; its requests are on record under `name`.
    pub fn local(&self, name: &str, tls: bool, handler: Arc<dyn Handler>) -> Server {
        let face = self.recorded(name, handler);
        Server::start(tls.then(|| acceptor("127.0.0.1")), |_| face)
    }

    fn recorded(&self, host: &str, inside: Arc<dyn Handler>) -> Box<dyn Handler> {
        Box::new(Recorded {
            host: host.to_owned(),
            inside,
            log: Arc::clone(&self.log),
        })
    }

    /// A run of the program that can reach this internet, and nothing else by name.
    pub fn run<'w>(&self, workspace: &'w Workspace) -> Run<'w> {
        let file = workspace.home().join("authority.pem");
        fs_err::write(&file, self.authority()).unwrap();
        workspace
            .run()
            .env("HTTPS_PROXY", self.proxy_url())
            // A program that waits for itself fails the test, and doesn't hold it up for ever.
            .env("OCI_ARTIFACT_TIMEOUT", "2m")
            .env("OCI_ARTIFACT_CA_FILE", file.as_str())
    }

    /// In PEM.
    pub fn authority(&self) -> String {
        authority().pem()
    }

    /// `http://127.0.0.1:PORT`.
    pub fn proxy_url(&self) -> String {
        format!("http://{}", self.proxy.address())
    }

    /// Every request to `host` since the last [`Internet::forget`], by the order of the answers.
    pub fn seen(&self, host: &str) -> Vec<Request> {
        let log = self.log.lock().unwrap();
        let found = log.iter().filter(|(name, _)| name == host);
        found.map(|(_, request)| request.clone()).collect()
    }

    /// `METHOD PATH` of [`Internet::seen`], without queries.
    pub fn lines(&self, host: &str) -> Vec<String> {
        let line = |request: &Request| format!("{} {}", request.method, request.bare_path());
        self.seen(host).iter().map(line).collect()
    }

    /// The hosts that were sent `secret`, in whatever form.
    pub fn carriers(&self, secret: &str) -> BTreeSet<String> {
        let log = self.log.lock().unwrap();
        let carrying = log.iter().filter(|(_, request)| carries(request, secret));
        carrying.map(|(host, _)| host.clone()).collect()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        self.log.lock().unwrap().clear();
    }

    /// Names that were asked for and that nobody serves. Whoever asks for them has dealt with them.
    pub fn unknown(&self) -> Vec<String> {
        self.proxy.take_refused()
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.unknown(), Vec::<String>::new(), "hosts that nobody serves");
        }
    }
}

/// Writes down what passes.
struct Recorded {
    host: String,
    inside: Arc<dyn Handler>,
    log: Log,
}

impl Handler for Recorded {
    fn answer(&self, request: &Request) -> Reply {
        let reply = self.inside.answer(request);
        let mut seen = request.clone();
        seen.status = Some(reply.status);
        self.log.lock().unwrap().push((self.host.clone(), seen));
        reply
    }
}

/// Whether `secret` stands in the request: as it is, percent-encoded, or inside a Basic header.
fn carries(request: &Request, secret: &str) -> bool {
    let mut texts = vec![
        request.path.clone(),
        String::from_utf8_lossy(&request.body).into_owned(),
    ];
    for (_, value) in &request.headers {
        let pair = value.split_once(' ').filter(|(scheme, _)| *scheme == "Basic");
        if let Some(decoded) = pair.and_then(|(_, pair)| STANDARD.decode(pair).ok()) {
            texts.push(String::from_utf8_lossy(&decoded).into_owned());
        }
        texts.push(value.clone());
    }
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    texts
        .iter()
        .any(|text| text.contains(secret) || text.contains(&encoded))
}
