//! Login without a stored secret: the job proves who it is to the registry's cloud, and gets a short-lived credential.
//!
//! Each cloud is a file: `serves` tells its registries by their host, `login` gets a credential. Here is what they
//! share: which of them is asked, once for each host, and again when a credential ends.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::{Credential, Found, IdTokens, aws, azure, gcp, locked, quay};
use crate::env::Env;
use crate::error::Result;
use crate::http::Client;
use crate::reference::{Host, Repository};
use crate::report::Report;

/// Who gives credentials for a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Microsoft Entra, for Azure Container Registry.
    Azure,
    /// AWS, for Amazon ECR, private and public.
    Aws,
    /// Google Cloud, for Artifact Registry and `gcr.io`.
    Gcp,
    /// Quay itself, for robot accounts with federated login.
    Quay,
    /// Nobody.
    None,
}

impl Provider {
    /// The one whose registry `host` is.
    fn of(host: &Host) -> Self {
        let clouds = [Provider::Azure, Provider::Aws, Provider::Gcp, Provider::Quay];
        let found = clouds.into_iter().find(|provider| provider.serves(host));
        found.unwrap_or(Provider::None)
    }

    /// Whether `host` is one of its registries.
    pub(super) fn serves(self, host: &Host) -> bool {
        match self {
            Provider::Azure => azure::serves(host),
            Provider::Aws => aws::serves(host),
            Provider::Gcp => gcp::serves(host),
            Provider::Quay => quay::serves(host),
            Provider::None => false,
        }
    }
}

/// The identity of the job at a cloud, from inputs. What is not given may stand in the cloud's own variables.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Cloud {
    /// `auth-provider`; `None` is `auto`.
    pub provider: Option<Provider>,
    /// The registry that a named provider is for, whatever its name; `None`: the provider's own registries, as far as
    /// no other credential is for them.
    pub host: Option<Host>,
    pub azure_client_id: Option<String>,
    pub azure_tenant_id: Option<String>,
    pub aws_role_arn: Option<String>,
    pub aws_region: Option<String>,
    pub gcp_workload_identity_provider: Option<String>,
    pub gcp_service_account: Option<String>,
    pub quay_robot: Option<String>,
}

/// What a cloud's login works with.
pub(super) struct Job {
    pub(super) cloud: Cloud,
    pub(super) id_tokens: Option<Arc<dyn IdTokens>>,
    pub(super) env: Env,
    pub(super) client: Client,
    pub(super) report: Report,
    /// Why a host got nothing.
    pub(super) reasons: Mutex<HashMap<Host, String>>,
}

impl Job {
    /// Notes why `host` gets nothing from here, which is no error.
    pub(super) fn pass(&self, host: &Host, reason: &str) {
        tracing::debug!("{host}: {reason}");
        self.note(host, reason);
    }

    fn note(&self, host: &Host, reason: &str) {
        locked(&self.reasons).insert(host.clone(), reason.to_owned());
    }
}

/// What a login came to.
#[derive(Debug, Default)]
enum Outcome {
    #[default]
    NotAsked,
    /// No identity, and why. It stays so for the run: what the environment holds does not change.
    Nothing(String),
    Got(Found),
}

/// Holding its lock is the right to log in.
type Slot = Arc<tokio::sync::Mutex<Outcome>>;

/// Registries of one realm take the same credential.
type Key = (Provider, String);

/// Logins of a run, each done once.
pub(super) struct Keyless {
    job: Job,
    slots: Mutex<HashMap<Key, Slot>>,
}

impl Keyless {
    pub(super) fn new(
        cloud: Cloud,
        id_tokens: Option<Arc<dyn IdTokens>>,
        env: &Env,
        client: &Client,
        report: &Report,
    ) -> Self {
        Keyless {
            job: Job {
                cloud,
                id_tokens,
                env: env.clone(),
                client: client.clone(),
                report: report.clone(),
                reasons: Mutex::default(),
            },
            slots: Mutex::default(),
        }
    }

    /// The credential of the job's identity for `repository`, if it has one there.
    pub(super) async fn find(&self, repository: &Repository) -> Result<Option<Found>> {
        let host = &repository.host;
        let provider = self.job.cloud.provider.unwrap_or_else(|| Provider::of(host));
        let realm = match provider {
            Provider::Azure => azure::realm(host),
            _ => host.as_str(),
        };
        let slot = Arc::clone(locked(&self.slots).entry((provider, realm.to_owned())).or_default());
        let mut slot = slot.lock().await;
        let now = std::time::Instant::now();
        match &*slot {
            Outcome::Got(found) if found.expires.is_none_or(|end| now < end) => return Ok(Some(found.clone())),
            Outcome::Nothing(why) => {
                self.job.note(host, why);
                return Ok(None);
            }
            _ => {}
        }
        let found = match provider {
            Provider::Azure => azure::login(&self.job, repository).await?,
            Provider::Aws => aws::login(&self.job, repository).await?,
            Provider::Gcp => gcp::login(&self.job, repository).await?,
            Provider::Quay => quay::login(&self.job, repository).await?,
            Provider::None => None,
        };
        *slot = match &found {
            Some(found) => Outcome::Got(found.clone()),
            None => Outcome::Nothing(self.why_not(host)),
        };
        Ok(found)
    }

    /// Why [`Keyless::find`] had nothing for `host`, as a clause.
    pub(super) fn why_not(&self, host: &Host) -> String {
        let usual = || "no cloud that it has one at".to_owned();
        locked(&self.job.reasons).get(host).cloned().unwrap_or_else(usual)
    }

    /// Forgets `credential` if it was got here; returns whether it was.
    pub(super) fn forget(&self, credential: &Credential) -> bool {
        let mut forgot = false;
        for slot in locked(&self.slots).values() {
            // One that is being got is not the refused one.
            if let Ok(mut slot) = slot.try_lock()
                && matches!(&*slot, Outcome::Got(found) if found.credential == *credential)
            {
                *slot = Outcome::NotAsked;
                forgot = true;
            }
        }
        forgot
    }
}
