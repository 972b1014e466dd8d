//! What a command reaches registries with: client, credentials, stores, and what moves blobs.

use camino::Utf8PathBuf;

use crate::credentials::{Cloud, Credentials, Given, Sources};
use crate::error::Result;
use crate::http;
use crate::inputs::Command;
use crate::ops::Context;
use crate::reference::{Host, Location, Reference};
use crate::store::{self, Stores};
use crate::transfer::{self, Engine};

use super::binding::{self, bind, provider_host};
use super::command::Run;
use super::near_miss;
use super::sources::Origin;

/// Commands that write where their references lead; of `copy` only archives know.
const WRITES_PLACES: &[Command] = &[
    Command::Push,
    Command::Attach,
    Command::Index,
    Command::Tag,
    Command::Untag,
    Command::Delete,
];

impl Run<'_> {
    /// For a command about `references`, of which `origin` tells who named them.
    pub(super) fn context<'r>(
        &self,
        references: impl IntoIterator<Item = &'r Reference>,
        origin: Origin,
    ) -> Result<Context> {
        let references: Vec<&Reference> = references.into_iter().collect();
        self.check_archives(&references)?;
        near_miss::warn(binding::hosts(&references), self.session.report);
        let given = bind(self.inputs, &references, origin)?;
        let host = provider_host(self.inputs, &references, origin);
        let client = self.client()?;
        let sources = self.credential_sources(given, host);
        let credentials = Credentials::new(sources, self.session.env, &client, self.session.report)?;
        Ok(self.with(client, credentials))
    }

    /// For `login`, which only stores a credential for `host`.
    pub(super) fn context_to_log_in(&self, host: &Host) -> Result<Context> {
        near_miss::warn([host], self.session.report);
        let given = bind(self.inputs, &[], Origin::Inputs)?;
        let client = self.client()?;
        let sources = self.credential_sources(given, Some(host.clone()));
        let credentials = Credentials::to_store(sources, self.session.env, &client, self.session.report)?;
        Ok(self.with(client, credentials))
    }

    /// A command that would write to an archive is better refused before it has packed and hashed all.
    fn check_archives(&self, references: &[&Reference]) -> Result<()> {
        let mut locations = references.iter().map(|reference| &reference.location);
        match locations.find(|location| matches!(location, Location::Archive(_))) {
            Some(location) if WRITES_PLACES.contains(&self.inputs.command) => Err(store::read_only(location)),
            _ => Ok(()),
        }
    }

    fn with(&self, client: http::Client, credentials: Credentials) -> Context {
        let (inputs, report) = (self.inputs, self.session.report);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Context {
            stores: Stores::new(client, credentials, report.clone(), inputs.dry_run),
            engine: Engine::new(report.clone(), inputs.concurrency, threads),
            report: report.clone(),
            ledger: self.ledger.clone(),
        }
    }

    fn client(&self) -> Result<http::Client> {
        let inputs = self.inputs;
        let path = |file: &Option<Utf8PathBuf>| Some(self.workspace.directory().join(file.as_ref()?));
        let options = http::Options {
            plain_http: inputs.plain_http.clone(),
            insecure: inputs.insecure.clone(),
            ca_file: path(&inputs.ca_file),
            client_cert: path(&inputs.client_cert),
            client_key: path(&inputs.client_key),
            surroundings: http::Surroundings::of(self.session.env),
            retries: inputs.retries,
            idle_timeout: inputs.idle_timeout,
            answer_timeout: inputs.idle_timeout,
            concurrency: inputs.concurrency.unwrap_or_else(transfer::at_once) as usize,
            trusted_realms: inputs.trusted_realms.clone(),
            ..http::Options::default()
        };
        http::Client::new(&options, self.session.report)
    }

    /// `host` is that of a named provider.
    fn credential_sources(&self, given: Given, host: Option<Host>) -> Sources {
        Sources {
            cloud: Cloud {
                host,
                ..self.inputs.cloud.clone()
            },
            given,
            auth: self.auth.clone(),
            id_tokens: self.session.ci.id_tokens(),
        }
    }
}
