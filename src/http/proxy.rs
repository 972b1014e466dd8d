//! Proxies as the environment names them: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, and NO_PROXY for what goes past them;
//! in upper case before lower case, as Go reads them, so that this program goes the same way as docker and oras.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use crate::env::Env;
use crate::error::{Error, Result};

/// The proxies of a job. Shown without user and password.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    plain: Option<Proxy>,
    secured: Option<Proxy>,
    past: Vec<Past>,
}

/// A proxy and the variable that names it.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) variable: &'static str,
    /// `None` if the value is no URL of a proxy that can be used.
    url: Option<Url>,
}

impl Proxies {
    /// The proxies that `env` names.
    pub fn of(env: &Env) -> Self {
        let first = |names: &[&'static str]| {
            let mut found = names.iter().filter_map(|name| Some((*name, env.get(name)?.trim())));
            found.next()
        };
        let proxy = |names| first(names).map(|(variable, text)| Proxy::new(variable, text));
        let past = first(&["NO_PROXY", "no_proxy"]).map_or("", |(_, text)| text);
        Proxies {
            plain: proxy(&["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]),
            secured: proxy(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]),
            past: past.split([',', ' ']).filter_map(Past::parse).collect(),
        }
    }

    /// The proxy for `url`.
    pub(super) fn to(&self, url: &Url) -> Option<&Proxy> {
        let proxy = match url.scheme() {
            "http" => self.plain.as_ref(),
            _ => self.secured.as_ref(),
        }?;
        (!self.past.iter().any(|past| past.fits(url))).then_some(proxy)
    }

    /// The passwords of all of them, to be masked.
    pub(super) fn passwords(&self) -> impl Iterator<Item = &str> {
        let proxies = [&self.plain, &self.secured].into_iter().flatten();
        proxies.filter_map(|proxy| proxy.url.as_ref()?.password())
    }
}

impl Proxy {
    fn new(variable: &'static str, text: &str) -> Self {
        // Without a scheme it is HTTP, as curl and Go have it.
        let text = match text.contains("://") {
            true => text.to_owned(),
            false => format!("http://{text}"),
        };
        let usable = |url: &Url| matches!(url.scheme(), "http" | "https") && url.host().is_some();
        Proxy {
            variable,
            url: Url::parse(&text).ok().filter(usable),
        }
    }

    /// Its URL, with user and password.
    ///
    /// # Errors
    /// It is none, or its protocol is not HTTP. Names the variable, not its value, which may hold a password.
    pub(super) fn url(&self) -> Result<&Url> {
        self.url.as_ref().ok_or_else(|| {
            Error::usage(format!("{}: not the URL of an HTTP proxy", self.variable)).hint(
                "write http://HOST:PORT or http://USER:PASSWORD@HOST:PORT; list hosts to reach directly in NO_PROXY",
            )
        })
    }
}

impl fmt::Display for Proxy {
    /// `HOST:PORT (VARIABLE)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.as_ref();
        let host = url.and_then(Url::host_str).unwrap_or_default();
        let port = url.and_then(Url::port_or_known_default).unwrap_or_default();
        write!(f, "{host}:{port} ({})", self.variable)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An entry of NO_PROXY.
#[derive(Clone, Debug)]
struct Past {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Clone, Debug)]
enum Hosts {
    All,
    /// A name and all below it.
    Name(String),
    /// An address and the bits of it that count.
    Net(IpAddr, u32),
}

impl Past {
    fn parse(entry: &str) -> Option<Self> {
        let entry = entry.trim().to_ascii_lowercase();
        if let Some(hosts) = Hosts::parse(&entry) {
            return Some(Past { hosts, port: None });
        }
        let (host, port) = entry.rsplit_once(':')?;
        Some(Past {
            hosts: Hosts::parse(host)?,
            port: Some(port.parse().ok()?),
        })
    }

    fn fits(&self, url: &Url) -> bool {
        let port = self.port.is_none_or(|port| url.port_or_known_default() == Some(port));
        port && url.host().is_some_and(|host| self.hosts.contain(&host))
    }
}

impl Hosts {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Hosts::All);
        }
        let (address, bits) = text
            .split_once('/')
            .map_or((text, None), |(net, bits)| (net, Some(bits)));
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(address).parse::<IpAddr>() {
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
            return (bits <= most).then_some(Hosts::Net(address, bits));
        }
        let name = text
            .trim_start_matches('*')
            .trim_start_matches('.')
            .trim_end_matches('.');
        (!name.is_empty() && !name.contains([':', '/'])).then(|| Hosts::Name(name.to_owned()))
    }

    fn contain(&self, host: &Host<&str>) -> bool {
        let address = match host {
            Host::Domain(name) => return self.contain_name(name.trim_end_matches('.')),
            Host::Ipv4(v4) => IpAddr::V4(*v4),
            Host::Ipv6(v6) => IpAddr::V6(*v6),
        };
        match self {
            Hosts::All => true,
            Hosts::Name(_) => false,
            Hosts::Net(net, bits) => same_net(*net, address, *bits),
        }
    }

    fn contain_name(&self, host: &str) -> bool {
        match self {
            Hosts::All => true,
            Hosts::Name(name) => {
                let below = host.strip_suffix(name.as_str());
                below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
            }
            Hosts::Net(..) => false,
        }
    }
}

/// Whether the first `bits` bits are the same.
fn same_net(net: IpAddr, address: IpAddr, bits: u32) -> bool {
    let differing = match (net, address) {
        (IpAddr::V4(net), IpAddr::V4(address)) => (net.to_bits() ^ address.to_bits()).leading_zeros(),
        (IpAddr::V6(net), IpAddr::V6(address)) => (net.to_bits() ^ address.to_bits()).leading_zeros(),
        _ => return false,
    };
    differing >= bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(env: &[(&str, &str)], url: &str) -> Option<String> {
        let env: Env = env.iter().copied().collect();
        let proxies = Proxies::of(&env);
        Some(proxies.to(&Url::parse(url).unwrap())?.to_string())
    }

    #[test]
    fn the_variable_of_the_scheme_comes_before_all_proxy_and_upper_case_before_lower() {
        let env = [
            ("HTTPS_PROXY", "http://a:1"),
            ("https_proxy", "http://b:1"),
            ("ALL_PROXY", "c"),
            ("HTTP_PROXY", " "),
        ];
        assert_eq!(through(&env, "https://r.example").unwrap(), "a:1 (HTTPS_PROXY)");
        assert_eq!(through(&env[1..], "https://r.example").unwrap(), "b:1 (https_proxy)");
        assert_eq!(through(&env, "http://r.example").unwrap(), "c:80 (ALL_PROXY)");
        let env = [("http_proxy", "https://p"), ("all_proxy", "http://q:3128")];
        assert_eq!(through(&env, "http://r.example").unwrap(), "p:443 (http_proxy)");
        assert_eq!(through(&env, "https://r.example").unwrap(), "q:3128 (all_proxy)");
        assert_eq!(through(&[], "https://r.example"), None);
    }

    #[test]
    fn no_proxy_names_hosts_suffixes_networks_and_ports() {
        for (entry, past, through_it) in [
            ("r.example", "https://r.example", "https://xr.example"),
            ("r.example", "https://a.r.example:5000", "https://r.example.org"),
            (".r.example", "https://a.r.example", "https://example"),
            ("*.r.example", "https://A.R.example", "https://ar.example"),
            ("r.example:5000", "https://r.example:5000", "https://r.example"),
            ("r.example:443", "https://r.example", "https://r.example:444"),
            ("10.1.0.0/16", "https://10.1.2.3", "https://10.2.2.3"),
            ("10.1.2.3", "https://10.1.2.3", "https://10.1.2.4"),
            ("10.1.2.3:80", "http://10.1.2.3", "http://10.1.2.3:81"),
            ("fd00::/8", "https://[fd12::1]", "https://[fe12::1]"),
            ("[fd00::1]:443", "https://[fd00::1]", "https://[fd00::1]:444"),
            ("0.0.0.0/0", "https://8.8.8.8", "https://r.example"),
            ("nonsense:port, x/99, 1.2.3.4/99, q", "https://q", "https://r.example"),
        ] {
            let env = [("ALL_PROXY", "p:1"), ("no_proxy", entry)];
            assert_eq!(through(&env, past), None, "{entry} {past}");
            assert!(through(&env, through_it).is_some(), "{entry} {through_it}");
        }
        assert_eq!(
            through(&[("ALL_PROXY", "p"), ("NO_PROXY", "*")], "https://r.example"),
            None
        );
    }

    #[test]
    fn a_proxy_is_shown_without_its_password() {
        let env: Env = [("ALL_PROXY", "http://me:s3cret@p:1")].into_iter().collect();
        let proxies = Proxies::of(&env);
        assert!(!format!("{proxies:?}").contains("s3cret"));
        assert!(proxies.passwords().all(|password| password == "s3cret"));
        let env: Env = [("ALL_PROXY", "socks5://me:s3cret@p:1")].into_iter().collect();
        let error = Proxies::of(&env).secured.unwrap().url().unwrap_err();
        assert!(error.message().starts_with("ALL_PROXY: not the URL of an HTTP proxy"));
        assert!(!format!("{error:?}").contains("s3cret"));
    }
}
