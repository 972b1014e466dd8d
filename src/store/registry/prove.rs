//! Whether the registry takes our credential, as `docker login` asks: `GET /v2/`.

use super::{Registry, Scopes};
use crate::credentials::Credential;
use crate::error::{Class, Error, Result};
use crate::http::{Method, Request};

impl Registry {
    /// Proves the credential for this registry; returns it in the form that can be stored.
    ///
    /// # Errors
    /// There is none, or the registry refuses it.
    pub(in crate::store) async fn prove(&self) -> Result<Credential> {
        let root = self.root()?;
        let url = root.join("/v2/").map_err(|error| Error::internal(error.to_string()))?;
        let host = &self.repository().host;
        let request = Request::new(Method::GET, url, format!("login to {host}"));
        let from = |error: Error| match self.0.auth.credentials.known(self.repository()) {
            Some(found) if error.class() == Class::Denied => error.hint(format!(
                "the credential came from {}: check that it is current, and that it is for {host}",
                found.origin
            )),
            _ => error,
        };
        let answer = self.ask(request, &Scopes::none()).await.map_err(from)?;
        if !answer.status.is_success() {
            return Err(from(self.refused(&answer)));
        }
        self.0.auth.storable(&root).await
    }
}
