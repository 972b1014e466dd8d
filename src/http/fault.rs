//! What kept an answer from coming, judged by the chain of causes that reqwest gives.

use std::error::Error as StdError;
use std::fmt;

use rustls::AlertDescription;

use super::address::Forbidden;
use super::proxy::Proxy;
use crate::error::{Class, Error};

/// The kinds of faults that differ in what to do about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No connection: name, route, refusal, time.
    Connect,
    /// The connection broke: reset, closed early, garbage.
    Cut,
    /// A body made no progress.
    Idle,
    /// No answer to a request that was sent.
    NoAnswer,
    /// The server's certificate, or TLS itself.
    Tls,
    /// Our own doing: a source that failed, a policy, an answer that is too large.
    Own,
}

/// No answer, or half of one.
#[derive(Debug)]
pub struct Fault {
    pub(crate) kind: Kind,
    text: String,
    hint: Option<&'static str>,
    /// With [`Kind::Own`]: the error as it is to be told.
    own: Option<Error>,
}

impl Fault {
    pub(crate) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Fault {
            kind,
            text: text.into(),
            hint: None,
            own: None,
        }
    }

    /// A connection that broke.
    pub(crate) fn cut(text: &str) -> Self {
        Fault::new(Kind::Cut, format!("the connection broke: {text}"))
    }

    /// An error that is told as it is and never tried again.
    pub(crate) fn own(error: Error) -> Self {
        Fault {
            kind: Kind::Own,
            text: error.message().to_owned(),
            hint: None,
            own: Some(error),
        }
    }

    /// The error of the whole request, `what` being its method and URL.
    pub(crate) fn into_error(self, what: &str) -> Error {
        if let Some(own) = self.own {
            return own;
        }
        let error = Error::new(Class::Network, format!("{what}: {}", self.text));
        match self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<reqwest::Error> for Fault {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let chain = || std::iter::successors(Some(&error as &(dyn StdError + 'static)), |error| cause(*error));
        if let Some(forbidden) = chain().find_map(|error| error.downcast_ref::<Forbidden>()) {
            let error = Error::new(Class::Denied, format!("connection refused by policy: {forbidden}"));
            return Fault::own(
                error.hint("a registry must not point into the network of the job; use its private name"),
            );
        }
        // The innermost cause says most: "Connection refused (os error 111)".
        let root = chain().last().map_or_else(|| error.to_string(), ToString::to_string);
        if let Some(tls) = chain().find_map(|error| error.downcast_ref::<rustls::Error>()) {
            return Fault::of_tls(tls);
        }
        if error.is_connect() {
            let timed_out = error.is_timeout() || root.contains("timed out");
            let text = if timed_out {
                "no connection in time".to_owned()
            } else {
                format!("no connection: {root}")
            };
            let mut fault = Fault::new(Kind::Connect, text);
            fault.hint = Some("check the host name, and the network, proxy or firewall of the job");
            return fault;
        }
        Fault::cut(&root)
    }
}

/// The next cause; an `io::Error` hides one that it wraps from `source()`.
fn cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

impl Fault {
    /// What a proxy, or the way to it, is to blame for. The texts are hyper-util's, whose type is private.
    pub(super) fn through(error: reqwest::Error, proxy: &Proxy) -> Self {
        let chain = || std::iter::successors(Some(&error as &(dyn StdError + 'static)), |error| cause(*error));
        let says = |text: &str| chain().any(|error| error.to_string() == text);
        if says("tunnel error: proxy authorization required") {
            return Fault::unauthorized_at(proxy);
        }
        let refused = says("tunnel error: unsuccessful");
        let mut fault = Fault::from(error);
        if fault.kind != Kind::Connect {
            return fault;
        }
        if refused {
            fault.text = format!("the proxy {proxy} refuses to connect there");
            fault.hint = Some("allow the host and port in the proxy, or list the host in NO_PROXY to go past it");
        } else {
            let to = format!("no connection through the proxy {proxy}");
            fault.text = fault.text.replacen("no connection", &to, 1);
            fault.hint = Some("check the proxy, or list the host in NO_PROXY to go past it");
        }
        fault
    }

    /// A proxy that wants a login, or another one.
    pub(super) fn unauthorized_at(proxy: &Proxy) -> Self {
        let text = format!("the proxy {proxy} wants a login, or does not take the one it got: 407");
        let hint = format!(
            "set {} to http://USER:PASSWORD@HOST:PORT, special characters as %XX",
            proxy.variable
        );
        Fault::own(Error::new(Class::Denied, text).hint(hint))
    }

    fn of_tls(error: &rustls::Error) -> Self {
        let mut fault = Fault::new(Kind::Tls, format!("TLS: {error}"));
        fault.hint = Some(match error {
            rustls::Error::InvalidCertificate(_) => {
                "name the authority's certificate in `ca-file`, or the host in `insecure` to skip the check"
            }
            rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
                "the server wants a client certificate: name it in `client-cert`, and its key in `client-key`"
            }
            rustls::Error::AlertReceived(
                AlertDescription::UnknownCA
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateRevoked
                | AlertDescription::DecryptError
                | AlertDescription::AccessDenied,
            ) => "the server does not take the certificate in `client-cert`: name one of an authority that it trusts",
            rustls::Error::InvalidMessage(_) => "if the server speaks plain HTTP, name its host in `plain-http`",
            _ => "check that the server speaks TLS 1.2 or 1.3",
        });
        fault
    }
}
