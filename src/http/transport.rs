//! The reqwest clients of a run: one for each way to trust and to reach a host, made when it is first needed.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use url::Url;

use super::address::{Addresses, Guard, Guarded};
use super::{Options, identity};
use crate::error::{Class, Error, Result};
use crate::reference::Host;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

const USER_AGENT: &str = concat!("oci-artifact/", env!("CARGO_PKG_VERSION"));

/// How a server proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Trust {
    /// By a certificate from the system's authorities or `ca-file`.
    Verified,
    /// By no more than its address: a host in `insecure`.
    Unverified,
    /// Not at all: plain HTTP.
    Plain,
}

/// What tells one client from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Kind {
    trust: Trust,
    guard: Guard,
    /// Past any proxy of the environment: this machine, as in Go's and curl's practice, and its metadata service, whose
    /// keys are no proxy's business.
    direct: bool,
    /// Whether it shows the client's certificate to a server that asks.
    known: bool,
}

/// All clients.
pub(super) struct Transports {
    insecure: Vec<Host>,
    authorities: Vec<reqwest::Certificate>,
    identity: Option<reqwest::Identity>,
    addresses: Addresses,
    concurrency: usize,
    made: Mutex<HashMap<Kind, reqwest::Client>>,
}

impl Transports {
    /// Reads `ca-file` and the client's certificate; makes no client yet: plain HTTP to this machine works where no
    /// authority is installed.
    pub(super) fn new(options: &Options, addresses: &Addresses) -> Result<Self> {
        // Fails only if a provider is installed already, which then serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Transports {
            insecure: options.insecure.clone(),
            authorities: options
                .ca_file
                .as_deref()
                .map(read_authorities)
                .transpose()?
                .unwrap_or_default(),
            identity: identity::read(options)?,
            addresses: addresses.clone(),
            concurrency: options.concurrency,
            made: Mutex::default(),
        })
    }

    /// The client for `url`; `known` where the user named it, not only another server, which learns who we are.
    pub(super) fn get(&self, url: &Url, guard: Guard, known: bool) -> Result<reqwest::Client> {
        let trust = match url.scheme() {
            "http" => Trust::Plain,
            _ if self.insecure.iter().any(|host| names(host, url)) => Trust::Unverified,
            _ => Trust::Verified,
        };
        let kind = Kind {
            trust,
            guard,
            direct: is_loopback(url) || guard == Guard::Open,
            known: known && self.identity.is_some(),
        };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(&kind) {
            return Ok(client.clone());
        }
        let client = self.make(kind)?;
        made.insert(kind, client.clone());
        Ok(client)
    }

    fn make(&self, kind: Kind) -> Result<reqwest::Client> {
        let builder = || {
            let builder = reqwest::Client::builder()
                .http1_only()
                .user_agent(USER_AGENT)
                .default_headers(HeaderMap::from_iter([(
                    ACCEPT_ENCODING,
                    HeaderValue::from_static("identity"),
                )]))
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .retry(reqwest::retry::never())
                .connect_timeout(CONNECT_TIMEOUT)
                .pool_max_idle_per_host(self.concurrency)
                .dns_resolver(Guarded(kind.guard, self.addresses.clone()))
                .tls_certs_merge(self.authorities.clone());
            let builder = match &self.identity {
                Some(identity) if kind.known => builder.identity(identity.clone()),
                _ => builder,
            };
            if kind.direct { builder.no_proxy() } else { builder }
        };
        let builder = match kind.trust {
            Trust::Unverified => builder().tls_danger_accept_invalid_certs(true),
            // A proxy may speak TLS where the server doesn't.
            Trust::Verified | Trust::Plain if system_has_roots() => builder(),
            Trust::Verified | Trust::Plain => {
                tracing::debug!("the system has no certificate authorities: Mozilla's are used, as built in");
                builder().tls_certs_only(built_in().into_iter().chain(self.authorities.iter().cloned()))
            }
        };
        let made = builder.build();
        made.map_err(|error| {
            let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Error::new(Class::Local, format!("HTTPS can't be used: {cause}")).hint(
                "install the system's authorities (package ca-certificates), or name a PEM bundle in `ca-file` or \
                 SSL_CERT_FILE",
            )
        })
    }
}

/// Whether the system has authorities, or SSL_CERT_FILE and SSL_CERT_DIR name some. A client that can't be made without
/// says so: what looks for them is private to reqwest.
fn system_has_roots() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| reqwest::Client::builder().no_proxy().build().is_ok())
}

/// Mozilla's authorities, for an image without any (`FROM scratch`).
fn built_in() -> Vec<reqwest::Certificate> {
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
    roots
        .iter()
        .filter_map(|root| reqwest::Certificate::from_der(root).ok())
        .collect()
}

fn read_authorities(path: &camino::Utf8Path) -> Result<Vec<reqwest::Certificate>> {
    let pem = fs_err::read(path).map_err(|error| {
        Error::usage(format!("ca-file: {error}"))
            .hint("name a file with certificates in PEM form")
            .caused_by(error)
    })?;
    match reqwest::Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(Error::usage(format!("ca-file {path}: it holds no certificate"))
            .hint("name a file with certificates in PEM form: -----BEGIN CERTIFICATE-----")),
    }
}

/// Whether `host` is the server of `url`.
pub(super) fn names(host: &Host, url: &Url) -> bool {
    let Ok(other) = Url::parse(&format!("{}://{host}", url.scheme())) else {
        return false;
    };
    super::same_origin(&other, url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(v4)) => v4.is_loopback(),
        Some(url::Host::Ipv6(v6)) => v6.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_without_certificate_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = camino::Utf8Path::from_path(file.path()).unwrap();
        let error = read_authorities(path).unwrap_err();
        assert_eq!(error.class(), Class::Usage);
        assert!(error.message().contains(path.as_str()));
        assert!(read_authorities(camino::Utf8Path::new("/nowhere/ca.pem")).is_err());
    }

    #[test]
    fn the_built_in_authorities_make_a_client() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        assert!(built_in().len() > 100);
        assert!(reqwest::Client::builder().tls_certs_only(built_in()).build().is_ok());
    }

    #[test]
    fn a_host_is_its_default_port_too() {
        let host: Host = "r.example".parse().unwrap();
        assert!(names(&host, &Url::parse("https://r.example:443/x").unwrap()));
        assert!(!names(&host, &Url::parse("https://r.example:444/x").unwrap()));
    }
}
