//! The client: tries, attempts, exchanges.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::BoxFuture;
use reqwest::header::{self, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use url::Url;

use super::address::{Addresses, Guard};
use super::body::Download;
use super::fault::Kind;
use super::gate::{Gates, Lane, Permit};
use super::message::{Answer, Follow, Request, Want};
use super::reach::Reach;
use super::redirect::{self, same_origin};
use super::retry::{self, Budget, Failure, Verdict};
use super::transport::{self, Transport, Transports};
use super::warning::Warnings;
use super::{Fault, Options, redacted};
use crate::error::{Class, Error, Result};
use crate::reference::Host;
use crate::report::{Report, Secret};

/// Makes the `Authorization` of one try, when all is ready for it to be sent: one that was made before the waits that
/// come first, for a try's turn or for a host's `Retry-After`, may have ended by then.
pub type Authorize<'a> = dyn Fn() -> BoxFuture<'a, Result<Option<HeaderValue>>> + Send + Sync + 'a;

/// The client of a run; clones share connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    options: Options,
    report: Report,
    transports: Transports,
    addresses: Addresses,
    reach: Reach,
    gates: Gates,
    warnings: Warnings,
}

impl Client {
    /// A client as the options say.
    ///
    /// # Errors
    /// A `ca_file` that can't be read or holds no certificate; a client certificate or key that can't be used.
    pub fn new(options: &Options, report: &Report) -> Result<Self> {
        let addresses = Addresses::default();
        for password in options.surroundings.proxies.passwords() {
            // For the mask alone: it is sent by reqwest.
            let _ = Secret::new(password, report);
        }
        Ok(Client(Arc::new(Inner {
            options: options.clone(),
            report: report.clone(),
            transports: Transports::new(options, &addresses)?,
            reach: Reach::new(addresses.clone()),
            addresses,
            gates: Gates::new(options.concurrency),
            warnings: Warnings::default(),
        })))
    }

    /// What it was made with.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// Where its retries are told, and secrets that come with answers are masked.
    pub fn report(&self) -> &Report {
        &self.0.report
    }

    /// The tries of a new piece of work.
    pub fn budget(&self) -> Budget {
        Budget::new(self.0.options.retries, self.0.options.backoff)
    }

    /// The root of `host`: `https://HOST/`, or `http` where the options or custom say so.
    pub fn root(&self, host: &Host) -> Result<Url> {
        let Options {
            plain_http,
            insecure,
            ca_file,
            ..
        } = &self.0.options;
        let secured = || insecure.contains(host) || ca_file.is_some();
        let plain = plain_http.contains(host) || (host.is_loopback() && !secured());
        let scheme = if plain { "http" } else { "https" };
        Url::parse(&format!("{scheme}://{host}/"))
            .map_err(|error| Error::usage(format!("{host} is not a registry host: {error}")))
    }

    /// Sends `request`, again as long as `budget` lasts and the table of `retry` says so.
    ///
    /// # Errors
    /// No answer; or one that the table would have tried again. Every other answer is returned, whatever its status.
    pub async fn send(&self, request: &Request, budget: &mut Budget) -> Result<Answer, Failure> {
        let given = request.headers.get(header::AUTHORIZATION);
        self.send_as(request, &|| Box::pin(async { Ok(given.cloned()) }), budget)
            .await
    }

    /// [`Client::send`] with what `authorize` says for each try. It may send requests of [`Follow::SameOrigin`] itself,
    /// which need no permit: the try that it is for has one.
    ///
    /// # Errors
    /// As [`Client::send`]; and those of `authorize`, which stand.
    ///
    /// [`Follow::SameOrigin`]: super::Follow::SameOrigin
    pub async fn send_as(
        &self,
        request: &Request,
        authorize: &Authorize<'_>,
        budget: &mut Budget,
    ) -> Result<Answer, Failure> {
        loop {
            let failure = match self.attempt(request, authorize).await {
                Ok(answer) => match retry::of_status(answer.status, request.replay) {
                    Verdict::Stop => return Ok(answer),
                    verdict => Failure::of_answer(&answer, verdict),
                },
                Err(fault) => {
                    let what = format!("{} {}", request.method, redacted(&request.url));
                    Failure::of_fault(fault, &what, request.replay).at(&request.url)
                }
            };
            if failure.verdict == Verdict::NewSession {
                return Err(failure);
            }
            failure.pause(budget, &self.0.report, &request.what).await?;
        }
    }

    /// One try: through all redirects, to the end of the answer.
    async fn attempt(&self, request: &Request, authorize: &Authorize<'_>) -> Result<Answer, Fault> {
        let mut url = request.url.clone();
        let mut authorize = Some(authorize);
        for _ in 0..=redirect::HOPS {
            let (response, permit) = self.exchange(request, &url, authorize).await?;
            let Some(location) = redirect::location(response.status(), response.headers()) else {
                return self.receive(request, url, response, permit).await;
            };
            let next = redirect::next(request, &url, response.status(), location).map_err(Fault::own)?;
            if !same_origin(&url, &next) {
                if request.follow == Follow::Stay {
                    return self.receive(request, url, response, permit).await;
                }
                // For good: a redirect back must not bring it back.
                authorize = None;
            }
            url = next;
        }
        Err(Fault::own(Error::new(
            Class::Network,
            format!(
                "{} {}: more than {} redirects",
                request.method,
                redacted(&request.url),
                redirect::HOPS
            ),
        )))
    }

    /// The first of a kind is made on a thread that may block.
    async fn transport(&self, url: &Url, guard: Guard, known: bool) -> Result<Transport> {
        if let Some(made) = self.0.transports.made(url, guard, known) {
            return Ok(made);
        }
        let (inner, url) = (Arc::clone(&self.0), url.clone());
        tokio::task::spawn_blocking(move || inner.transports.make(&url, guard, known))
            .await
            .unwrap_or_else(|error| Err(Error::internal(format!("a worker thread failed: {error}"))))
    }

    /// One exchange: a request goes out, the head of an answer comes back.
    async fn exchange(
        &self,
        request: &Request,
        url: &Url,
        authorize: Option<&Authorize<'_>>,
    ) -> Result<(Response, Permit), Fault> {
        let known = same_origin(&request.url, url);
        let guard = match request.metadata && known {
            true => Guard::Open,
            false => {
                let home = request.home.as_ref().unwrap_or(&request.url);
                let proxied = self.0.transports.proxied(url);
                self.0.reach.guard(home, url, proxied).await?
            }
        };
        let transport = self.transport(url, guard, known).await.map_err(Fault::own)?;
        // A connection that has just answered is free again after two turns of its task: who asks sooner opens another.
        for _ in 0..2 {
            tokio::task::yield_now().await;
        }
        let permit = self.0.gates.of(url).enter(Lane::of(request)).await;
        let authorization = match authorize {
            Some(authorize) => authorize().await.map_err(Fault::own)?,
            None => None,
        };
        // Opened now, as the watch begins with it: waiting for a permit is no fault of the body's.
        let (body, watch) = request.body.open();
        let outgoing = outgoing(request, url, authorization.as_ref(), body);
        let begun = Instant::now();
        let Options {
            idle_timeout,
            answer_timeout,
            ..
        } = self.0.options;
        let outcome = tokio::select! {
            outcome = transport.client.execute(outgoing) => transport.judge(outcome),
            fault = watch.stalled(idle_timeout, answer_timeout) => Err(fault),
        };
        // The answer stands, whatever it didn't wait for: no byte of the rest would be of use.
        watch.stop();
        let took = begun.elapsed().as_millis();
        match &outcome {
            Ok(response) => {
                tracing::debug!(
                    "{} {}: {} in {took} ms",
                    request.method,
                    redacted(url),
                    response.status().as_u16()
                );
                match response.status() {
                    StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                        permit.refused(retry::retry_after(response.headers()));
                    }
                    status if status.is_server_error() => {}
                    _ => permit.succeeded(),
                }
                self.0.warnings.show(url, response.headers(), &self.0.report);
            }
            Err(fault) => {
                if fault.kind == Kind::Connect {
                    self.0.addresses.forget(transport.peer(url));
                }
                tracing::debug!("{} {}: {fault} after {took} ms", request.method, redacted(url));
            }
        }
        // A source that failed explains whatever became of the connection.
        match watch.failure() {
            Some(error) => Err(Fault::own(error)),
            None => outcome.map(|response| (response, permit)),
        }
    }

    /// Takes the body of the answer as the request wants it.
    async fn receive(&self, request: &Request, url: Url, response: Response, permit: Permit) -> Result<Answer, Fault> {
        let mut answer = Answer {
            method: request.method.clone(),
            own: same_origin(&url, &request.url),
            url,
            status: response.status(),
            headers: response.headers().clone(),
            body: bytes::Bytes::new(),
            stream: None,
        };
        let download = Download::new(response, self.0.options.idle_timeout, permit);
        match request.want {
            _ if !answer.status.is_success() => {
                // The status counts, even if the explanation is broken off.
                let body = download.collect(super::error::LIMIT).await;
                let body = body.map(|(body, _)| body).unwrap_or_default();
                answer.body = super::error::without_secrets(&body, &answer.url, &self.0.report);
            }
            Want::Stream => answer.stream = Some(download),
            Want::Bytes(limit) => {
                let (body, whole) = download.collect(limit).await?;
                if !whole {
                    let what = format!("{} {}", request.method, redacted(&answer.url));
                    return Err(Fault::own(Error::integrity(format!(
                        "{what}: the answer is larger than {limit} bytes, the most that is taken here"
                    ))));
                }
                answer.body = body;
            }
        }
        Ok(answer)
    }

    /// Whether `host` is the server of `url`.
    pub(crate) fn names(host: &Host, url: &Url) -> bool {
        transport::names(host, url)
    }
}

/// The request as it goes to `url`.
fn outgoing(
    request: &Request,
    url: &Url,
    authorization: Option<&HeaderValue>,
    body: reqwest::Body,
) -> reqwest::Request {
    let mut outgoing = reqwest::Request::new(request.method.clone(), url.clone());
    let headers = outgoing.headers_mut();
    headers.clone_from(&request.headers);
    headers.remove(header::AUTHORIZATION);
    if let Some(authorization) = authorization {
        headers.insert(header::AUTHORIZATION, authorization.clone());
    }
    if matches!(request.method, Method::POST | Method::PUT | Method::PATCH) {
        headers.insert(header::CONTENT_LENGTH, request.body.length().into());
        *outgoing.body_mut() = Some(body);
    }
    outgoing
}
