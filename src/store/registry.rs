//! A repository of a registry over HTTP (distribution-spec 1.1).
//!
//! Each file is one kind of call: [`manifests`], [`blobs`] (there and back), [`uploads`], [`tags`], [`referrers`],
//! [`deletes`]. They build a [`Request`] and read the [`Answer`]; [`Registry::call`] puts the credential to it
//! ([`auth`]), the client below tries again what may be tried again. What a registry does otherwise than the
//! specification is in [`quirks`].

pub(crate) mod auth;
pub(crate) mod blobs;
mod deletes;
pub(crate) mod link;
mod manifests;
mod paging;
mod prove;
mod quirks;
mod referrers;
mod tags;
pub(crate) mod uploads;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use url::Url;

use crate::credentials::Credentials;
use crate::error::{Error, Result};
use crate::http::header::HeaderValue;
use crate::http::retry::Verdict;
use crate::http::{Answer, Authorize, Budget, Client, Failure, Refusal, Replay, Request, StatusCode};
use crate::reference::{Location, Repository};
use crate::report::Report;

use auth::{Auth, Scopes};

pub use auth::Shared;
pub use deletes::is_tagged;
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

    /// Sends `request` with the credential for `scopes`. A registry that refuses it is given another: at first because
    /// it hasn't asked before, later because a token has ended. A 401 is believed only after a few of them, as
    /// registries take time to agree on a new token (nebi#539); a server that a registry sent us to gets nothing, but a
    /// new redirect may be better.
    async fn call(&self, request: Request, scopes: &Scopes, budget: &mut Budget) -> Result<Answer, Failure> {
        let (auth, root, body) = (&self.0.auth, self.root()?, request.body.length());
        let sent: Mutex<Option<HeaderValue>> = Mutex::default();
        let authorize: &Authorize<'_> = &|| {
            Box::pin(async {
                let value = auth.header(&root, scopes, body).await?;
                sent.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&value);
                Ok(value)
            })
        };
        // A login takes its time: not while the try that needs it keeps others from theirs.
        auth.header(&root, scopes, body).await?;
        let (mut refusals, mut asked) = (0, false);
        loop {
            let answer = self.client().send_as(&request, authorize, budget).await?;
            if answer.own {
                auth.shared.notice(&root, &answer);
            }
            let sent = sent.lock().unwrap_or_else(PoisonError::into_inner).take();
            let unauthorized = answer.status == StatusCode::UNAUTHORIZED;
            if !(unauthorized || answer.own && auth::is_refused(&answer, sent.is_some())) {
                auth.shared.doubt(&root, scopes);
                return Ok(answer);
            }
            // The first time without a credential it was only asked for one.
            refusals += u32::from(asked || sent.is_some() || !answer.own);
            asked = true;
            let again = match refusals {
                0 | 1 => true,
                _ => {
                    unauthorized && refusals <= auth::REFUSALS && budget.lasts() && !auth.shared.believes(&root, scopes)
                }
            };
            if !again && unauthorized {
                auth.shared.believe(&root, scopes);
            }
            if !again || answer.own && !auth.renew(&root, &answer, scopes, sent.as_ref()).await? {
                return Ok(answer);
            }
            if refusals < 2 {
                continue;
            }
            if request.replay == Replay::Session && body > auth::SMALL {
                // Not a second time in vain: the new session's first requests, which are small, meet a 401 before it.
                let mut failure = Failure::of_answer(&answer, Verdict::NewSession);
                failure.error = self.refused(&answer);
                return Err(failure);
            }
            let failure = Failure::of_answer(&answer, Verdict::Again);
            failure.pause(budget, self.report(), &request.what).await?;
        }
    }

    /// A call with a budget of its own.
    async fn ask(&self, request: Request, scopes: &Scopes) -> Result<Answer> {
        let outcome = Box::pin(self.call(request, scopes, &mut self.client().budget())).await;
        outcome.map_err(|failure| self.hinted(failure.error))
    }

    /// `error` with what the registry means by it, where nothing says so yet.
    fn hinted(&self, error: Error) -> Error {
        match self.root() {
            Ok(root) => quirks::hinted(error, self.0.auth.shared.flavor(&root)),
            Err(_) => error,
        }
    }

    /// The error for an answer that no caller expected.
    fn refused(&self, answer: &Answer) -> Error {
        let refusal = Refusal::of(answer);
        if answer.own && quirks::is_immutable(&refusal) {
            return quirks::immutable(refusal);
        }
        let Some(root) = self.root().ok().filter(|_| answer.own) else {
            return refusal.into_error();
        };
        if matches!(answer.status.as_u16(), 401 | 403) {
            return self.0.auth.denied(&root, refusal);
        }
        let hint = quirks::hint(&refusal, self.0.auth.shared.flavor(&root));
        let error = refusal.into_error();
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}
