//! Which addresses a name may lead to. A registry that the user named is trusted with its own address; where it points
//! us (redirect, token endpoint) must not reach into the network that the job runs in.
//!
//! Names are judged by what they resolve to, in the resolver that connects: a check of the text alone is fooled by a
//! DNS name for 127.0.0.1 (google/go-containerregistry#2440).

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::dns::{Name, Resolve, Resolving};
use url::Host;

/// Metadata services that don't lie in a link-local range: Azure, Alibaba, AWS over IPv6.
const METADATA: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// From where an address can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Public,
    /// This machine or a private network.
    Private,
    /// This link alone: where clouds keep the machine's own credentials.
    Link,
}

impl Reach {
    fn of(address: IpAddr) -> Self {
        if METADATA.contains(&address) {
            return Reach::Link;
        }
        match address {
            IpAddr::V4(v4) => Reach::of_v4(v4),
            IpAddr::V6(v6) => match embedded(v6) {
                Some(v4) => Reach::of(IpAddr::V4(v4)),
                None if v6.is_unicast_link_local() => Reach::Link,
                // `fec0::/10`: private addresses of old.
                None if v6.segments()[0] & 0xffc0 == 0xfec0 => Reach::Private,
                None if v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_multicast() => {
                    Reach::Private
                }
                None => Reach::Public,
            },
        }
    }

    fn of_v4(v4: Ipv4Addr) -> Self {
        let [first, second, ..] = v4.octets();
        let carrier_grade_nat = first == 100 && (64..128).contains(&second);
        if v4.is_link_local() {
            Reach::Link
        } else if v4.is_loopback() || v4.is_private() || carrier_grade_nat || first == 0 || first >= 224 {
            Reach::Private
        } else {
            Reach::Public
        }
    }
}

/// The IPv4 address inside a mapped one (`::ffff:0:0/96`), one for NAT64 (`64:ff9b::/96`, and of a network's own,
/// `64:ff9b:1::/48`, RFC 8215), of 6to4 (`2002::/16`) or in the oldest form (`::/96`).
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => v4(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x64, 0xff9b, 1, _, _, _, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        // `::` and `::1` are addresses of their own.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => v4(high, low),
        _ => None,
    }
}

/// What is kept from being reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Guard {
    /// Nothing: the machine's metadata service is asked on purpose.
    Open,
    /// Link-local addresses and metadata services.
    Link,
    /// These, and everything that is not public.
    Inside,
}

impl Guard {
    fn allows(self, address: IpAddr) -> bool {
        match Reach::of(address) {
            Reach::Public => true,
            Reach::Private => self != Guard::Inside,
            Reach::Link => self == Guard::Open,
        }
    }

    /// Checks a host that is an address; names are checked when they are resolved.
    pub(super) fn check(self, host: Option<&Host<&str>>) -> Result<(), Forbidden> {
        let address = match host {
            Some(Host::Ipv4(v4)) => IpAddr::V4(*v4),
            Some(Host::Ipv6(v6)) => IpAddr::V6(*v6),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        if self.allows(address) {
            return Ok(());
        }
        Err(Forbidden {
            host: address.to_string(),
            address,
        })
    }
}

/// Whether the text of a host names something that is not public: an address, or `localhost`.
pub(crate) fn reaches_inside(host: Option<&Host<&str>>) -> bool {
    match host {
        Some(Host::Domain(name)) => *name == "localhost" || name.ends_with(".localhost"),
        host => Guard::Inside.check(host).is_err(),
    }
}

/// Whether all addresses of `host` are public. A host that doesn't resolve here (behind a proxy) counts as public, the
/// stricter choice for where it may point us.
pub(super) async fn is_public(host: Host<String>, addresses: &Addresses) -> bool {
    let public = |address: IpAddr| Reach::of(address) == Reach::Public;
    match host {
        Host::Ipv4(v4) => public(IpAddr::V4(v4)),
        Host::Ipv6(v6) => public(IpAddr::V6(v6)),
        Host::Domain(name) => match addresses.of(&name).await {
            Ok(found) => found.iter().all(|address| public(address.ip())),
            Err(_) => true,
        },
    }
}

/// A name or an address that leads where it must not.
#[derive(Debug)]
pub(super) struct Forbidden {
    host: String,
    address: IpAddr,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Forbidden { host, address } = self;
        match Reach::of(*address) {
            Reach::Link => write!(f, "{host} is the link-local address {address}"),
            _ if *host == address.to_string() => {
                write!(f, "{host} is not a public address, and the registry is public")
            }
            _ => write!(
                f,
                "{host} resolves to {address}, which is not public, and the registry is public"
            ),
        }
    }
}

impl std::error::Error for Forbidden {}

/// The addresses of a run's hosts: each is asked for once, so that all requests reach the same server (behind a name
/// with several, one may not know yet what another was just given: Azure/acr#588). A failure is not kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses(Arc<Mutex<HashMap<String, Vec<SocketAddr>>>>);

impl Addresses {
    async fn of(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        if let Some(known) = self.lock().get(name) {
            return Ok(known.clone());
        }
        let found: Vec<_> = tokio::net::lookup_host((name, 0)).await?.collect();
        if found.is_empty() {
            return Ok(found);
        }
        // Where several asked at once, the first answer holds for all.
        Ok(self.lock().entry(name.to_owned()).or_insert(found).clone())
    }

    /// None of them could be reached: the next request asks again.
    pub(super) fn forget(&self, name: &str) {
        self.lock().remove(name);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<SocketAddr>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The system's resolver without the addresses that are not allowed.
pub(super) struct Guarded(pub(super) Guard, pub(super) Addresses);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, addresses) = (self.0, self.1.clone());
        Box::pin(async move {
            let found = addresses.of(name.as_str()).await?;
            let (allowed, forbidden): (Vec<_>, Vec<_>) = found.into_iter().partition(|a| guard.allows(a.ip()));
            match forbidden.first() {
                Some(first) if allowed.is_empty() => Err(Forbidden {
                    host: name.as_str().to_owned(),
                    address: first.ip(),
                }
                .into()),
                _ => Ok(Box::new(allowed.into_iter()) as Box<dyn Iterator<Item = SocketAddr> + Send>),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_known_by_their_reach() {
        for (text, reach) in [
            ("140.82.112.33", Reach::Public),
            ("2606:50c0:8000::153", Reach::Public),
            ("127.0.0.1", Reach::Private),
            ("0.0.0.0", Reach::Private),
            ("10.1.2.3", Reach::Private),
            ("100.64.0.1", Reach::Private),
            ("192.168.0.1", Reach::Private),
            ("255.255.255.255", Reach::Private),
            ("::1", Reach::Private),
            ("::", Reach::Private),
            ("fd12::1", Reach::Private),
            ("::ffff:10.0.0.1", Reach::Private),
            ("64:ff9b::a00:1", Reach::Private),
            ("64:ff9b:1::a00:1", Reach::Private),
            ("2002:7f00:1::1", Reach::Private),
            ("::10.0.0.1", Reach::Private),
            ("fec0::1", Reach::Private),
            ("2002:8c52:7021::1", Reach::Public),
            ("169.254.169.254", Reach::Link),
            ("168.63.129.16", Reach::Link),
            ("100.100.100.200", Reach::Link),
            ("::ffff:169.254.169.254", Reach::Link),
            ("64:ff9b::a9fe:a9fe", Reach::Link),
            ("fe80::1", Reach::Link),
            ("fd00:ec2::254", Reach::Link),
        ] {
            assert_eq!(Reach::of(text.parse().unwrap()), reach, "{text}");
        }
    }

    /// google/go-containerregistry#2440: a DNS name gets around a check of IP literals.
    #[tokio::test]
    async fn ggcr_2440_a_name_is_judged_by_what_it_resolves_to() {
        let error = Guarded(Guard::Inside, Addresses::default())
            .resolve("localhost".parse().unwrap())
            .await
            .err()
            .unwrap();
        assert!(error.downcast_ref::<Forbidden>().is_some());
        let open = Guarded(Guard::Link, Addresses::default());
        assert!(open.resolve("localhost".parse().unwrap()).await.is_ok());
        assert!(!is_public(Host::Domain("localhost".to_owned()), &Addresses::default()).await);
    }

    /// Azure/acr#588: a name with several addresses leads elsewhere in mid-run.
    #[tokio::test]
    async fn acr_588_a_name_keeps_its_addresses_until_none_can_be_reached() {
        let addresses = Addresses::default();
        let pinned: SocketAddr = "192.0.2.1:0".parse().unwrap();
        addresses.lock().insert("localhost".to_owned(), vec![pinned]);
        let resolve = async || {
            let found = Guarded(Guard::Link, addresses.clone())
                .resolve("localhost".parse().unwrap())
                .await;
            found.ok().unwrap().collect::<Vec<_>>()
        };
        assert_eq!(resolve().await, [pinned]);
        addresses.forget("localhost");
        assert_ne!(resolve().await, [pinned]);
        assert!(addresses.of("nowhere.invalid").await.is_err());
        assert!(!addresses.lock().contains_key("nowhere.invalid"));
    }

    #[tokio::test]
    async fn where_one_address_refuses_the_next_one_is_taken() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = Addresses::default();
        let pinned = ["127.0.0.2:0", "127.0.0.1:0"].map(|text| text.parse().unwrap());
        addresses.lock().insert("two.example".to_owned(), pinned.to_vec());
        let client = reqwest::Client::builder()
            .no_proxy()
            .dns_resolver(Guarded(Guard::Link, addresses))
            .build()
            .unwrap();
        let url = format!("http://two.example:{}/", listener.local_addr().unwrap().port());
        let asked = tokio::spawn(client.get(url).send());
        listener.accept().await.unwrap();
        asked.abort();
    }
}
