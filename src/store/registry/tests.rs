//! The registry client against a server in this process that answers as each test says. Tests bear the names of the
//! bugs of other clients that they keep out.

mod auth;
mod blobs;
mod chunked;
mod manifests;
mod ranged;
mod referrers;
mod refusals;
mod tokens;
mod uploads;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;

use super::{Access, Registry, Shared};
use crate::credentials::{Credentials, Given};
use crate::env::Env;
use crate::error::{Class, Error, Result};
use crate::http::{Client, Options};
use crate::oci::{Descriptor, Digest};
use crate::reference::{Pointer, Repository};
use crate::report::{Report, Secret};
use crate::store::BlobStream;

use crate::http::server::{Reply, Seen, Server};

/// Options that make tests quick.
fn options() -> Options {
    Options {
        retries: 2,
        backoff: Duration::from_millis(1),
        idle_timeout: Duration::from_secs(1),
        answer_timeout: Duration::from_secs(1),
        ..Options::default()
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text, &Report::silent())
}

/// The repository `a/b` at `server`.
fn open(server: &Server, given: Given, options: &Options, shared: Shared, access: Access) -> Registry {
    let report = Report::silent();
    let repository = Repository {
        host: server.host.clone(),
        name: "a/b".to_owned(),
    };
    let client = Client::new(options, &report).unwrap();
    let credentials = Credentials::new(given.into(), &Env::default(), &client, &report).unwrap();
    Registry::new(repository, access, client, Arc::new(credentials), report, shared)
}

/// Anonymous, for reading.
fn anonymous(server: &Server) -> Registry {
    open(server, Given::default(), &options(), Shared::default(), Access::Read)
}

fn user(server: &Server, name: &str) -> Given {
    Given {
        host: Some(server.host.clone()),
        username: Some(name.to_owned()),
        password: Some(secret("pass:word")),
        ..Given::default()
    }
}

fn tag(text: &str) -> Pointer {
    Pointer::Tag(text.parse().unwrap())
}

fn blob(bytes: &[u8]) -> Descriptor {
    Descriptor::new("a/b", Digest::of(bytes), bytes.len() as u64)
}

/// Bytes that differ from place to place.
fn pattern(length: usize) -> Bytes {
    (0..length).map(|i| (i * 31 % 251) as u8).collect()
}

async fn collect(stream: Result<BlobStream>) -> Result<Vec<u8>> {
    let mut stream = stream?;
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await {
        bytes.extend_from_slice(&piece?);
    }
    Ok(bytes)
}

fn class<T: std::fmt::Debug>(result: Result<T, Error>) -> Class {
    result.unwrap_err().class()
}
