//! ID tokens of the job: OpenID Connect tokens that its CI system signs, and that a cloud takes for a login.

use std::fmt;

use futures_util::future::BoxFuture;

use crate::error::Result;
use crate::http::Client;
use crate::report::Secret;

/// Where the ID tokens of a job come from. Declared here, implemented by each CI system.
pub trait IdTokens: fmt::Debug + Send + Sync {
    /// Whether this job can have one; else why not, with what to change, in the terms of its CI system.
    ///
    /// # Errors
    /// The reason, as one clause: ``the job has no `permissions: id-token: write` ``.
    fn available(&self) -> Result<(), String>;

    /// A token for `audience`.
    ///
    /// # Errors
    /// Class `Denied` where the job may have none, or none for this audience; with the way out.
    fn token<'a>(&'a self, client: &'a Client, audience: &'a str) -> BoxFuture<'a, Result<Secret>>;
}
