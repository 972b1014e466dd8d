//! The reqwest clients of a run: one for each way to trust and to reach a host, made when it is first needed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use url::Url;

use super::Options;
use super::address::{Guard, Guarded};
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
}

/// All clients.
pub(super) struct Transports {
    insecure: Vec<Host>,
    authorities: Vec<reqwest::Certificate>,
    concurrency: usize,
    made: Mutex<HashMap<Kind, reqwest::Client>>,
}

impl Transports {
    /// Reads `ca-file`; makes no client yet: plain HTTP to this machine works where no authority is installed.
    pub(super) fn new(options: &Options) -> Result<Self> {
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
            concurrency: options.concurrency,
            made: Mutex::default(),
        })
    }

    /// The client for `url`.
    pub(super) fn get(&self, url: &Url, guard: Guard) -> Result<reqwest::Client> {
        let trust = match url.scheme() {
            "http" => Trust::Plain,
            _ if self.insecure.iter().any(|host| names(host, url)) => Trust::Unverified,
            _ => Trust::Verified,
        };
        let kind = Kind {
            trust,
            guard,
            direct: is_loopback(url) || guard == Guard::Open,
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
                .dns_resolver(Guarded(kind.guard))
                .tls_certs_merge(self.authorities.clone());
            if kind.direct { builder.no_proxy() } else { builder }
        };
        let made = match kind.trust {
            Trust::Verified => builder().build(),
            Trust::Unverified => builder().tls_danger_accept_invalid_certs(true).build(),
            // Without authorities no HTTPS, but none is spoken here, unless the proxy speaks it.
            Trust::Plain => builder().build().or_else(|_| builder().tls_certs_only([]).build()),
        };
        made.map_err(|error| {
            let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Error::new(Class::Local, format!("HTTPS can't be used: {cause}")).hint(
                "install the system's authorities (package ca-certificates), or name a PEM bundle in `ca-file` or \
                 SSL_CERT_FILE",
            )
        })
    }
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
    fn a_host_is_its_default_port_too() {
        let host: Host = "r.example".parse().unwrap();
        assert!(names(&host, &Url::parse("https://r.example:443/x").unwrap()));
        assert!(!names(&host, &Url::parse("https://r.example:444/x").unwrap()));
    }
}
