//! One HTTP client for registries, token endpoints and the CI: a stack of small parts over reqwest.

use std::time::Duration;

use camino::Utf8PathBuf;

use crate::error::Result;
use crate::reference::Host;
use crate::report::Report;

/// How to reach servers; all of it comes from inputs, none from a spec.
#[derive(Clone, Debug)]
pub struct Options {
    /// Hosts reached over plain HTTP. Loopback hosts are as well, unless `insecure` names them or `ca_file` is set.
    pub plain_http: Vec<Host>,
    /// Hosts whose certificate is not verified.
    pub insecure: Vec<Host>,
    /// PEM bundle of authorities, beside the system's.
    pub ca_file: Option<Utf8PathBuf>,
    /// Tries after the first without progress.
    pub retries: u32,
    /// How long a body may make no progress.
    pub idle_timeout: Duration,
    /// Transfers at once to one host.
    pub concurrency: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            plain_http: Vec::new(),
            insecure: Vec::new(),
            ca_file: None,
            retries: 5,
            idle_timeout: Duration::from_secs(60),
            concurrency: 5,
        }
    }
}

/// The client of a run; clones share connections.
#[derive(Clone)]
pub struct Client {}

impl Client {
    /// A client as the options say.
    pub fn new(options: &Options, report: &Report) -> Result<Self> {
        let _ = (options, report);
        Ok(Client {})
    }
}
