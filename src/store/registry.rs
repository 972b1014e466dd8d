//! A repository of a registry over HTTP (distribution-spec 1.1).
//!
//! Each file is one kind of call: [`manifests`], [`blobs`] (there and back), [`uploads`], [`tags`]. They build a
//! [`Request`] and read the [`Answer`]; [`Registry::call`] puts the credential to it ([`auth`]), the client below tries
//! again what may be tried again. What a registry does otherwise than the specification is in [`quirks`].

mod auth;
mod blobs;
mod link;
mod manifests;
mod prove;
mod quirks;
mod tags;
mod uploads;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use url::Url;

use crate::credentials::Credentials;
use crate::error::{Error, Result};
use crate::http::{Answer, Budget, Client, Failure, Method, Refusal, Request};
use crate::reference::{Location, Repository};
use crate::report::Report;

use auth::{Auth, Scopes};

pub use auth::Shared;
pub use uploads::is_blob_unknown;

/// What a store is opened for, as far as a token has to say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading; writing is asked for when it comes to that.
    Read,
    /// Writing: the first token already allows it.
    Write,
}

/// A repository.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    location: Location,
    repository: Repository,
    access: Access,
    auth: Auth,
}

impl Registry {
    /// The repository; no request yet. `shared` is the same for all registries of a run.
    pub fn new(
        repository: Repository,
        access: Access,
        client: Client,
        credentials: Arc<Credentials>,
        report: Report,
        shared: Shared,
    ) -> Self {
        Registry(Arc::new(Inner {
            location: Location::Registry(repository.clone()),
            access,
            auth: Auth {
                client,
                credentials,
                report,
                shared,
                repository: repository.clone(),
            },
            repository,
        }))
    }

    /// The repository, as in a reference.
    pub fn location(&self) -> &Location {
        &self.0.location
    }

    fn repository(&self) -> &Repository {
        &self.0.repository
    }

    fn client(&self) -> &Client {
        &self.0.auth.client
    }

    fn report(&self) -> &Report {
        &self.0.auth.report
    }

    /// The root of the registry's API.
    fn root(&self) -> Result<Url> {
        self.client().root(&quirks::api_host(&self.repository().host))
    }

    /// `/v2/NAME/` and `rest`, which has been checked to hold nothing that a URL would read otherwise.
    fn url(&self, rest: &str) -> Result<Url> {
        let path = format!("/v2/{}/{rest}", self.repository().name);
        self.root()?
            .join(&path)
            .map_err(|error| Error::internal(format!("{path}: {error}")))
    }

    fn reading(&self) -> Scopes {
        match self.0.access {
            Access::Read => Scopes::new(self.repository(), &["pull"]),
            Access::Write => self.writing(),
        }
    }

    fn writing(&self) -> Scopes {
        Scopes::new(self.repository(), &["pull", "push"])
    }

    fn deleting(&self) -> Scopes {
        Scopes::new(self.repository(), &["pull", "delete"])
    }

    /// Sends `request` with the credential for `scopes`. A registry that refuses it is given another once: the first
    /// time because it hasn't asked before, later because a token has ended.
    async fn call(&self, request: Request, scopes: &Scopes, budget: &mut Budget) -> Result<Answer, Failure> {
        let (auth, root) = (&self.0.auth, self.root()?);
        let sent = auth.header(&root, scopes).await?;
        let request = request.authorized(sent.clone());
        let answer = self.client().send(&request, budget).await?;
        // A server that we were sent to is not asked for its realm, and gets nothing.
        if !answer.own || !auth::is_refused(&answer, sent.is_some()) {
            return Ok(answer);
        }
        match auth.renew(&root, &answer, scopes, sent.as_ref()).await? {
            Some(value) => self.client().send(&request.authorized(Some(value)), budget).await,
            None => Ok(answer),
        }
    }

    /// A call with a budget of its own.
    async fn ask(&self, request: Request, scopes: &Scopes) -> Result<Answer> {
        match Box::pin(self.call(request, scopes, &mut self.client().budget())).await {
            Ok(answer) => Ok(answer),
            Err(failure) => Err(quirks::hinted(failure.error, self.repository())),
        }
    }

    fn request(&self, method: Method, url: Url, what: impl Into<String>) -> Request {
        Request::new(method, url, what)
    }

    /// The error for an answer that no caller expected.
    fn refused(&self, answer: &Answer) -> Error {
        let refusal = Refusal::of(answer);
        if answer.own && quirks::is_immutable(&refusal) {
            return quirks::immutable(refusal);
        }
        let error = match answer.status.as_u16() {
            401 | 403 if answer.own => self.0.auth.denied(refusal),
            _ => refusal.into_error(),
        };
        quirks::hinted(error, self.repository())
    }
}
