//! Blob storage on a host of its own: serves links that the registry signed, and refuses any other credential.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::moved;
use crate::support::message::{Reply, Request};
use crate::support::server::Handler;

/// The storage behind one registry.
pub(super) struct Storage {
    host: &'static str,
    registry: Arc<dyn Handler>,
    /// What it says to an Authorization header.
    refusal: Reply,
    /// Path of each link, and the path of the blob in the registry.
    links: Mutex<BTreeMap<String, String>>,
}

impl Storage {
    pub(super) fn new(host: &'static str, registry: Arc<dyn Handler>, refusal: Reply) -> Arc<Self> {
        Arc::new(Storage {
            host,
            registry,
            refusal,
            links: Mutex::default(),
        })
    }

    /// The registry's answer to a GET of a blob: a link with this status, if the blob is there.
    pub(super) fn redirect(&self, status: u16, request: &Request) -> Reply {
        let head = Request {
            method: "HEAD".to_owned(),
            ..request.clone()
        };
        let found = self.registry.answer(&head);
        if found.status != 200 {
            return found;
        }
        let mut links = self.links.lock().unwrap();
        let path = format!("/blobs/{}", links.len());
        links.insert(path.clone(), request.path.clone());
        let link = format!("https://{}{path}?se=2099-01-01T00%3A00%3A00Z&sig=a%2Fb%3D", self.host);
        Reply::new(status).header("location", link)
    }
}

impl Handler for Storage {
    fn answer(&self, request: &Request) -> Reply {
        if request.header("authorization").is_some() {
            return self.refusal.clone();
        }
        let links = self.links.lock().unwrap();
        let blob = links
            .get(request.bare_path())
            .filter(|_| request.query("sig") == ["a/b="]);
        let Some(blob) = blob else {
            return Reply::new(403).body("application/xml", "<Error><Code>AuthenticationFailed</Code></Error>");
        };
        self.registry.answer(&moved(request, blob.clone()))
    }
}
