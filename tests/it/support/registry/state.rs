//! What the registry holds.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};

#[derive(Default)]
pub(super) struct State {
    pub(super) repositories: BTreeMap<String, Repository>,
    pub(super) uploads: BTreeMap<String, Upload>,
    pub(super) sessions: usize,
}

#[derive(Default)]
pub(super) struct Repository {
    /// By digest.
    pub(super) blobs: BTreeMap<String, Bytes>,
    /// By digest: media type and bytes.
    pub(super) manifests: BTreeMap<String, (String, Bytes)>,
    /// Tag to digest.
    pub(super) tags: BTreeMap<String, String>,
}

/// An upload session.
pub(super) struct Upload {
    pub(super) repository: String,
    pub(super) bytes: BytesMut,
    /// Part of the Location, another one after each request: only the newest Location is good.
    pub(super) state: usize,
}
