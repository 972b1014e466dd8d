//! `logout`: takes a credential out of docker's configuration.

use crate::credentials::{self, Saved};
use crate::env::Env;
use crate::error::Result;
use crate::reference::Host;
use crate::report::Report;

/// Removes what docker's configuration, or the helper that it names, has for `host`.
pub async fn logout(host: &Host, env: &Env, report: &Report) -> Result<()> {
    let Saved { path, any, .. } = credentials::erase(host, env, report).await?;
    report.info(match any {
        true => format!("logged out of {host}; its credential is gone from {path}"),
        false => format!("not logged in to {host}: {path} has no entry for it"),
    });
    Ok(())
}
