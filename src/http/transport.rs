//! The reqwest clients of a run: one for each way to trust and to reach a host, made when it is first needed.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::{Response, StatusCode};
use url::Url;

use super::address::{Addresses, Guard, Guarded};
use super::proxy::{Proxies, Proxy};
use super::{Fault, Options, identity};
use crate::env::Env;
use crate::error::{Class, Error, Result};
use crate::reference::Host;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

const USER_AGENT: &str = concat!("oci-artifact/", env!("CARGO_PKG_VERSION"));

/// What the job's environment says about the way to servers.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    pub(super) proxies: Proxies,
    /// The variable that names authorities in place of the system's.
    authorities: Option<&'static str>,
}

impl Surroundings {
    /// As `env` says.
    pub fn of(env: &Env) -> Self {
        let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"];
        Surroundings {
            proxies: Proxies::of(env),
            authorities: named.into_iter().find(|name| env.get(name).is_some()),
        }
    }
}

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
    /// The variable that names the proxy, where there is one.
    proxy: Option<&'static str>,
    /// Whether it shows the client's certificate to a server that asks.
    known: bool,
}

/// All clients.
pub(super) struct Transports {
    insecure: Vec<Host>,
    surroundings: Surroundings,
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
            surroundings: options.surroundings.clone(),
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

    /// The client for `url`, if there is one of its kind already; `known` where the user named it, not only another
    /// server, which learns who we are.
    pub(super) fn made(&self, url: &Url, guard: Guard, known: bool) -> Option<Transport> {
        let (kind, proxy) = self.kind(url, guard, known);
        // Whoever makes one holds the lock: those who wait for it do so in `make`, where they may.
        let made = self.made.try_lock().ok()?;
        Some(Transport {
            client: made.get(&kind)?.clone(),
            proxy: proxy.cloned(),
        })
    }

    /// The same; makes it if need be. Blocks: the system's authorities are many files.
    pub(super) fn make(&self, url: &Url, guard: Guard, known: bool) -> Result<Transport> {
        let (kind, proxy) = self.kind(url, guard, known);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let client = match made.get(&kind) {
            Some(client) => client.clone(),
            None => made.entry(kind).or_insert(self.client(kind, proxy)?).clone(),
        };
        Ok(Transport {
            client,
            proxy: proxy.cloned(),
        })
    }

    fn kind(&self, url: &Url, guard: Guard, known: bool) -> (Kind, Option<&Proxy>) {
        let trust = match url.scheme() {
            "http" => Trust::Plain,
            _ if self.insecure.iter().any(|host| names(host, url)) => Trust::Unverified,
            _ => Trust::Verified,
        };
        let proxy = self.proxy(url).filter(|_| guard != Guard::Open);
        let kind = Kind {
            trust,
            // What is resolved for a proxied request is the proxy's name, which the user named.
            guard: if proxy.is_some() { Guard::Open } else { guard },
            proxy: proxy.map(|proxy| proxy.variable),
            known: known && self.identity.is_some(),
        };
        (kind, proxy)
    }

    /// Whether a proxy stands between us and the server of `url`.
    pub(super) fn proxied(&self, url: &Url) -> bool {
        self.proxy(url).is_some()
    }

    fn no_authority(&self) -> Error {
        let variable = self.surroundings.authorities.unwrap_or_default();
        Error::usage(format!("{variable}: no certificate of an authority was found there")).hint(format!(
            "let {variable} name certificates in PEM form, or unset it and use `ca-file`"
        ))
    }

    /// This machine is reached past any proxy, as in Go's and curl's practice. So is its metadata service, whose keys
    /// are no proxy's business.
    fn proxy(&self, url: &Url) -> Option<&Proxy> {
        self.surroundings.proxies.to(url).filter(|_| !is_loopback(url))
    }

    fn client(&self, kind: Kind, proxy: Option<&Proxy>) -> Result<reqwest::Client> {
        let through = match proxy {
            None => None,
            Some(proxy) => Some(
                reqwest::Proxy::all(proxy.url()?.clone())
                    .map_err(|_| Error::usage(format!("{}: not the URL of a proxy", proxy.variable)))?,
            ),
        };
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
            through
                .iter()
                .fold(builder.no_proxy(), |builder, through| builder.proxy(through.clone()))
        };
        let made = match kind.trust {
            Trust::Unverified => builder().tls_danger_accept_invalid_certs(true).build(),
            // Nothing there speaks TLS, and to read the system's authorities takes longer than a small push.
            Trust::Plain if proxy.is_none() => builder().tls_certs_only([]).build(),
            Trust::Verified | Trust::Plain => match builder().build() {
                Err(_) if !system_has_roots() => match self.surroundings.authorities {
                    // Not Mozilla's in their place: who names authorities may want no others.
                    Some(_) if kind.trust == Trust::Verified => return Err(self.no_authority()),
                    _ => {
                        tracing::debug!("the system has no certificate authorities: Mozilla's are used, as built in");
                        let authorities = built_in().into_iter().chain(self.authorities.iter().cloned());
                        builder().tls_certs_only(authorities).build()
                    }
                },
                made => made,
            },
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

/// The client for a URL, and what stands in between.
pub(super) struct Transport {
    pub(super) client: reqwest::Client,
    proxy: Option<Proxy>,
}

impl Transport {
    /// The answer, if it is one of the server, and no proxy's.
    pub(super) fn judge(&self, outcome: reqwest::Result<Response>) -> Result<Response, Fault> {
        match (outcome, &self.proxy) {
            (Ok(response), Some(proxy)) if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                Err(Fault::unauthorized_at(proxy))
            }
            (Ok(response), _) => Ok(response),
            (Err(error), Some(proxy)) => Err(Fault::through(error, proxy)),
            (Err(error), None) => Err(error.into()),
        }
    }

    /// The name that is resolved for `url`.
    pub(super) fn peer<'a>(&'a self, url: &'a Url) -> &'a str {
        let proxy = self.proxy.as_ref().and_then(|proxy| proxy.url().ok());
        proxy.unwrap_or(url).host_str().unwrap_or_default()
    }
}

/// Whether the system has authorities, or SSL_CERT_FILE and SSL_CERT_DIR name some. A client that can't be made without
/// says so: what looks for them is private to reqwest. Reads them all, so only for who has failed.
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
