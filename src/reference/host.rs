//! The host of a registry.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A registry's `host[:port]`, lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(String);

impl Host {
    /// `host[:port]`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host without its port and without the brackets of an IPv6 address.
    pub fn name(&self) -> &str {
        match self.0.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, _)) => address,
            None => self.0.rsplit_once(':').map_or(&self.0, |(name, _)| name),
        }
    }

    /// Whether it names this machine, where plain HTTP is the custom (Docker, ORAS).
    pub fn is_loopback(&self) -> bool {
        let name = self.name();
        name == "localhost"
            || name
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for Host {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // What stands before an `@` may be a password.
        let shown = text.rsplit_once('@').map_or(text, |(_, host)| host);
        let refuse = || {
            Error::usage(format!("{shown:?} is not a registry host"))
                .hint("write HOST or HOST:PORT without https:// and without a path, such as ghcr.io")
        };
        let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, rest)) => {
                address.parse::<std::net::Ipv6Addr>().map_err(|_| refuse())?;
                (
                    "v6",
                    if rest.is_empty() {
                        None
                    } else {
                        Some(rest.strip_prefix(':').ok_or_else(refuse)?)
                    },
                )
            }
            None => text
                .split_once(':')
                .map_or((text, None), |(name, port)| (name, Some(port))),
        };
        let label = |label: &str| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        };
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(Error::usage(format!("registry host {shown:?} has upper-case letters"))
                .hint(format!("write {:?}", shown.to_ascii_lowercase())));
        }
        let digits = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|p| p > 0);
        if !name.split('.').all(label) || port.is_some_and(|port| !digits(port)) {
            return Err(refuse());
        }
        // `0x7f.1` and `2130706433` are 127.0.0.1 in a URL, `1.2.3.999` is nothing: what is asked must be what was
        // named.
        if !text.starts_with('[') {
            let url = url::Url::parse(&format!("https://{name}/"));
            if !url.is_ok_and(|url| url.host_str() == Some(name)) {
                return Err(Error::usage(format!(
                    "{shown:?} is not a registry host: it is another one in a URL, or none"
                ))
                .hint("write a name, or an address as four decimal numbers, such as 127.0.0.1:5000"));
            }
        }
        Ok(Host(text.to_owned()))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by fuzzing: credentials and the custom of plain HTTP go by the name, connections by what a URL makes of
    /// it.
    #[test]
    fn a_host_is_the_same_in_a_url() {
        for host in [
            "127.0.0.1:5000",
            "ghcr.io",
            "my_registry",
            "[::1]:5000",
            "xn--bcher-kva.example",
        ] {
            assert!(host.parse::<Host>().is_ok(), "{host}");
        }
        for host in [
            "0x7f.1",
            "2130706433:5000",
            "017700000001",
            "1.2.3.999",
            "a.0x",
            "ht.536",
            "127.1",
            "xn--a.io",
        ] {
            assert!(host.parse::<Host>().is_err(), "{host}");
        }
    }
}
