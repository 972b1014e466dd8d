//! Quay without a stored secret.

use super::Found;
use super::keyless::Job;
use crate::error::Result;
use crate::reference::{Host, Repository};

/// Whether `host` is one of its registries.
pub(super) fn serves(_host: &Host) -> bool {
    false
}

/// A credential for the registry of `repository`; `None` if this job has no identity there.
pub(super) async fn login(_job: &Job, _repository: &Repository) -> Result<Option<Found>> {
    Ok(None)
}
