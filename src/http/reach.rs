//! Which addresses a registry may lead us to: none inside of the network if it is a public one, and never the link's.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use url::Url;

use super::address::{self, Addresses, Guard};
use super::{Fault, redacted};
use crate::error::{Class, Error};

/// What is known of the registries of a run.
pub(super) struct Reach {
    addresses: Addresses,
    /// Whether a registry's addresses are all public, by its host.
    public: Mutex<HashMap<url::Host<String>, bool>>,
}

impl Reach {
    pub(super) fn new(addresses: Addresses) -> Self {
        Reach {
            addresses,
            public: Mutex::default(),
        }
    }

    /// Which addresses `url` may lead to, asked for by the registry at `home`; `proxied` if a proxy resolves its name.
    pub(super) async fn guard(&self, home: &Url, url: &Url, proxied: bool) -> Result<Guard, Fault> {
        // A name that a proxy resolves is not looked up here, where it may well not be known.
        let elsewhere = proxied && matches!(url.host(), Some(url::Host::Domain(_)));
        let guard = if elsewhere || url.host() == home.host() || !self.is_public(home).await {
            Guard::Link
        } else {
            Guard::Inside
        };
        guard.check(url.host().as_ref()).map_err(|forbidden| {
            Fault::own(
                Error::new(
                    Class::Denied,
                    format!("request to {} refused: {forbidden}", redacted(url)),
                )
                .hint("a registry must not point into the network of the job; check its host name"),
            )
        })?;
        Ok(guard)
    }

    async fn is_public(&self, home: &Url) -> bool {
        let Some(host) = home.host().map(|host| host.to_owned()) else {
            return true;
        };
        let known = || self.public.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&public) = known().get(&host) {
            return public;
        }
        let public = address::is_public(host.clone(), &self.addresses).await;
        known().insert(host, public);
        public
    }
}
