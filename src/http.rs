//! One HTTP client for registries, token endpoints and the CI: a stack of small parts over reqwest.
//!
//! From the top: [`Client::send`] repeats what may be repeated (`retry`: one table); each attempt follows redirects
//! (`redirect`) and reads the answer up to a limit (`client`); each exchange waits for a permit of its host (`gate`),
//! is watched by timers of our own (`body`) and goes over the reqwest client that fits its host (`transport`), through
//! the proxy that the environment names for it (`proxy`), and connects only to addresses that are allowed (`address`).
//! What went wrong is told in `fault` (no answer) and [`Refusal`] (an answer that says no), with URLs shown as `redact`
//! lets them; what servers warn of in `warning`.

mod address;
mod body;
mod client;
mod error;
mod fault;
mod gate;
mod identity;
mod message;
mod proxy;
mod reach;
mod redact;
mod redirect;
pub(crate) mod retry;
mod transport;
mod warning;

#[cfg(test)]
pub(crate) mod server;
#[cfg(test)]
mod tests;

use std::time::Duration;

use camino::Utf8PathBuf;

pub use body::{Body, Download, Pieces};
pub use client::{Authorize, Client};
pub use error::Refusal;
pub use fault::Fault;
pub use message::{Answer, Follow, Request, Want};
pub use redact::redacted;
pub use redirect::same_origin;
pub use reqwest::Method;
pub use reqwest::StatusCode;
pub use reqwest::header;
pub use retry::{Budget, Failure, Replay};
pub use transport::Surroundings;

pub(crate) use address::reaches_inside;
pub(crate) use body::PROGRESS;

use crate::reference::Host;

/// The most requests at once to one host, reads and writes each, where the user names no number.
pub const AT_ONCE: u32 = 64;

/// How to reach servers; all of it comes from inputs and the environment, none from a spec.
#[derive(Clone, Debug)]
pub struct Options {
    /// Hosts reached over plain HTTP. Loopback hosts are as well, unless `insecure` names them or `ca_file` is set.
    pub plain_http: Vec<Host>,
    /// Hosts whose certificate is not verified.
    pub insecure: Vec<Host>,
    /// PEM bundle of authorities, beside the system's.
    pub ca_file: Option<Utf8PathBuf>,
    /// PEM file with the client's certificate, and its key unless `client_key` names that.
    pub client_cert: Option<Utf8PathBuf>,
    /// PEM file with the key of `client_cert`.
    pub client_key: Option<Utf8PathBuf>,
    /// Hosts that a registry may name as its token endpoint although they are not of its domain.
    pub trusted_realms: Vec<Host>,
    /// Proxies and authorities that the environment names.
    pub surroundings: Surroundings,
    /// Tries after the first without progress.
    pub retries: u32,
    /// The first wait between two tries is random up to this; each further one up to twice the last.
    pub backoff: Duration,
    /// How long a body may make no progress.
    pub idle_timeout: Duration,
    /// How long an answer may take after the last byte of the request; one second more for each 20 MB that were sent.
    pub answer_timeout: Duration,
    /// The most requests at once to one host, reads and writes each.
    pub concurrency: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            plain_http: Vec::new(),
            insecure: Vec::new(),
            ca_file: None,
            client_cert: None,
            client_key: None,
            trusted_realms: Vec::new(),
            surroundings: Surroundings::default(),
            retries: 5,
            backoff: Duration::from_millis(250),
            idle_timeout: Duration::from_secs(60),
            answer_timeout: Duration::from_secs(60),
            concurrency: AT_ONCE as usize,
        }
    }
}
