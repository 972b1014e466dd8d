//! The sources of credentials in their order, and why each was passed over.

use super::docker::{self, Lookup};
use super::keyless::Keyless;
use super::{Cloud, Credential, Found, Provider, Sources, canonical, github, gitlab, given};
use crate::env::Env;
use crate::error::{Class, Error, Result};
use crate::http::Client;
use crate::reference::{Host, Repository};
use crate::report::Report;

/// A source for one host, or for a namespace of it.
pub(super) struct Bound {
    host: Host,
    namespace: Option<String>,
    source: Source,
    origin: String,
}

enum Source {
    Fixed(Credential),
    /// A cloud, named by the user.
    Provider(Box<Keyless>),
}

impl Bound {
    /// A credential for the whole of `host`.
    pub(super) fn fixed(host: Host, credential: Credential, origin: &str) -> Self {
        Bound {
            host,
            namespace: None,
            source: Source::Fixed(credential),
            origin: origin.to_owned(),
        }
    }

    fn provider(host: Host, keyless: Keyless, origin: &str) -> Self {
        Bound {
            host,
            namespace: None,
            source: Source::Provider(Box::new(keyless)),
            origin: origin.to_owned(),
        }
    }

    fn within(mut self, namespace: Option<String>) -> Self {
        self.namespace = namespace;
        self
    }

    #[cfg(test)]
    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    #[cfg(test)]
    pub(super) fn credential(&self) -> Option<&Credential> {
        match &self.source {
            Source::Fixed(credential) => Some(credential),
            Source::Provider(_) => None,
        }
    }

    fn fits(&self, repository: &Repository) -> bool {
        let inside = |namespace: &String| {
            let rest = repository.name.strip_prefix(namespace.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        canonical(self.host.as_str()) == canonical(repository.host.as_str())
            && self.namespace.as_ref().is_none_or(inside)
    }

    async fn get(&self, repository: &Repository) -> Result<Found> {
        match &self.source {
            Source::Fixed(credential) => Ok(fixed(credential.clone(), &self.origin)),
            Source::Provider(keyless) => {
                let found = keyless
                    .find(repository)
                    .await
                    .map_err(|error| error.context(&self.origin))?;
                found.ok_or_else(|| nothing(&self.origin, repository, &keyless.why_not(&repository.host)))
            }
        }
    }

    fn keyless(&self) -> Option<&Keyless> {
        match &self.source {
            Source::Fixed(_) => None,
            Source::Provider(keyless) => Some(keyless),
        }
    }
}

/// Which clouds are asked for registries that nothing else is for.
enum Last {
    /// Each for its own registries.
    Auto(Keyless),
    /// The one that was named, without a host; for its own registries: a token of the job's goes to no other.
    Named(Provider, Keyless),
    /// None: another was named for its host, or `none`.
    Nobody(&'static str),
}

/// All sources of a run.
pub(super) struct Chain {
    /// The first that fits wins.
    named: Vec<Bound>,
    /// The CI system's own.
    own: Vec<Bound>,
    /// Sources that there are none of, each with the reason.
    absent: Vec<String>,
    docker: docker::Configs,
    last: Last,
    anonymous: bool,
}

impl Chain {
    pub(super) fn new(
        sources: Sources,
        docker: docker::Configs,
        env: &Env,
        client: &Client,
        report: &Report,
    ) -> Result<Self> {
        let Sources {
            given,
            auth,
            cloud,
            id_tokens,
        } = sources;
        let keyless = |cloud: Cloud| Keyless::new(cloud, id_tokens.clone(), env, client, report);
        let mut absent = Vec::new();

        let github_token = given.github_token.clone();
        let inputs = match given.host.clone() {
            Some(host) => given::bind(given, &host, report)?,
            None => None,
        };
        if inputs.is_none() {
            absent.push("inputs (none is given)".to_owned());
        }
        if auth.entries.is_empty() {
            absent.push("`auth` (not given)".to_owned());
        }
        let entries = auth.entries.into_iter().map(|entry| {
            let bound = match entry.source {
                super::auth::Source::Fixed(credential) => Bound::fixed(entry.host, credential, &entry.origin),
                super::auth::Source::Cloud(cloud) => Bound::provider(entry.host, keyless(*cloud), &entry.origin),
            };
            bound.within(entry.namespace)
        });
        let (mut named, hosts): (Vec<Bound>, Vec<Bound>) = entries.partition(|bound| bound.namespace.is_some());
        named.sort_by_key(|bound| std::cmp::Reverse(bound.namespace.as_ref().map(String::len)));
        named.extend(inputs);
        named.extend(hosts);

        let last = match (cloud.provider, cloud.host.clone()) {
            (None, _) => Last::Auto(keyless(cloud)),
            (Some(Provider::None), _) => Last::Nobody("`auth-provider` is none"),
            (Some(_), Some(host)) => {
                named.push(Bound::provider(host, keyless(cloud), "`auth-provider`"));
                Last::Nobody("`auth-provider` is for another host")
            }
            (Some(provider), None) => Last::Named(provider, keyless(cloud)),
        };

        let mut own = Vec::new();
        match gitlab::bind(env, report) {
            Ok(bound) => own.push(bound),
            Err(why) => absent.push(format!("`CI_REGISTRY` ({why})")),
        }
        match github_token.map(|token| github::bind(token, env)) {
            Some(Some(bound)) => own.push(bound),
            Some(None) => absent.push("`github-token` (`GITHUB_SERVER_URL` is not a URL)".to_owned()),
            None => absent.push("`github-token` (not given)".to_owned()),
        }
        Ok(Chain {
            named,
            own,
            absent,
            docker,
            last,
            anonymous: true,
        })
    }

    /// Fails where there is nothing.
    pub(super) fn never_anonymous(self) -> Self {
        Chain {
            anonymous: false,
            ..self
        }
    }

    /// The credential for `repository`, and each source that it is not from, with the reason.
    pub(super) async fn look(&self, repository: &Repository) -> Result<(Found, Vec<String>)> {
        let mut passed = self.absent.clone();
        let bound = self.named.iter().chain(&self.own);
        for bound in bound {
            if bound.fits(repository) {
                let found = bound.get(repository).await?;
                passed.push("what comes after it (not asked)".to_owned());
                return Ok((found, passed));
            }
            let namespace = bound.namespace.iter().map(|namespace| format!("/{namespace}"));
            let whose: String = [bound.host.to_string()].into_iter().chain(namespace).collect();
            passed.push(format!("{} (for {whose} alone)", bound.origin));
        }
        let Lookup { found, passed: more } = self.docker.find(repository).await?;
        passed.extend(more);
        if let Some((credential, origin)) = found {
            passed.push("what comes after it (not asked)".to_owned());
            return Ok((fixed(credential, &origin), passed));
        }
        match self.identity(repository).await? {
            Ok(found) => return Ok((found, passed)),
            Err(why) => passed.push(format!("the job's identity ({why})")),
        }
        if !self.anonymous {
            return Err(
                Error::usage(format!("there is no credential for {}", repository.host)).hint(
                    "give `username` with `password` or --password-stdin, or `token`; in a shell the variables are \
                     OCI_ARTIFACT_PASSWORD and OCI_ARTIFACT_TOKEN",
                ),
            );
        }
        Ok((fixed(Credential::Anonymous, "nowhere: it is anonymous"), passed))
    }

    /// By the job's own identity; else why not.
    async fn identity(&self, repository: &Repository) -> Result<Result<Found, String>> {
        match &self.last {
            Last::Nobody(why) => Ok(Err((*why).to_owned())),
            Last::Auto(keyless) => {
                let found = keyless.find(repository).await?;
                Ok(found.ok_or_else(|| keyless.why_not(&repository.host)))
            }
            Last::Named(provider, _) if !provider.serves(&repository.host) => Ok(Err(
                "not a registry of the `auth-provider`; name it with `registry`".to_owned(),
            )),
            Last::Named(_, keyless) => {
                let origin = "`auth-provider`";
                let found = keyless.find(repository).await.map_err(|error| error.context(origin))?;
                found
                    .map(Ok)
                    .ok_or_else(|| nothing(origin, repository, &keyless.why_not(&repository.host)))
            }
        }
    }

    /// Forgets `credential` if it was got for this run; returns whether it was.
    pub(super) fn forget(&self, credential: &Credential) -> bool {
        let last = match &self.last {
            Last::Auto(keyless) | Last::Named(_, keyless) => Some(keyless),
            Last::Nobody(_) => None,
        };
        let clouds = self.named.iter().filter_map(Bound::keyless).chain(last);
        // All of them: one credential may lie in several.
        let mut forgot = self.docker.forget(credential);
        for keyless in clouds {
            forgot |= keyless.forget(credential);
        }
        forgot
    }
}

fn fixed(credential: Credential, origin: &str) -> Found {
    Found {
        credential,
        origin: origin.to_owned(),
        expires: None,
    }
}

/// A provider that was named must give something.
fn nothing(origin: &str, repository: &Repository, why: &str) -> Error {
    Error::new(
        Class::Denied,
        format!("{origin}: it gives no credential for {}: {why}", repository.host),
    )
    .hint("give the ids of its cloud, and let the job have an ID token; `auth-provider: none` goes without")
}
