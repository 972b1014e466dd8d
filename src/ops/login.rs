//! `login`: a credential that was proved, into docker's configuration, for other tools.

use super::Context;
use crate::credentials::{self, Saved};
use crate::env::Env;
use crate::error::Result;
use crate::reference::Host;

/// Proves the credential of the inputs at `host`, then stores it where docker and its like look.
pub async fn login(host: &Host, env: &Env, context: &Context) -> Result<()> {
    let credential = context.stores.prove(host).await?;
    let Saved { path, helper, .. } = credentials::store(host, &credential, env, &context.report).await?;
    context.report.info(match helper {
        Some(helper) => format!("logged in to {host}; docker-credential-{helper} has the credential, as {path} says"),
        None => format!("logged in to {host}; the credential is in {path} until `oci-artifact logout {host}`"),
    });
    Ok(())
}
