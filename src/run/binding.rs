//! Whose credential it is: `username`, `password`, `token` and `registry-token` belong to one host.

use crate::credentials::Given;
use crate::error::{Error, Result};
use crate::inputs::Inputs;
use crate::reference::{Host, Reference};

use super::sources::Origin;

/// The credentials of the inputs, with the host that they belong to: that of `registry`, else of the references that
/// came as inputs, if they name exactly one. A host that only a spec file names never gets them: who can change the
/// file could send them anywhere.
pub(super) fn bind(inputs: &Inputs, references: &[&Reference], origin: Origin) -> Result<Given> {
    let given = Given {
        host: inputs.registry.clone(),
        username: inputs.username.clone(),
        password: inputs.password.clone(),
        token: inputs.token.clone(),
        registry_token: inputs.registry_token.clone(),
        github_token: inputs.github_token.clone(),
    };
    let any = given.password.is_some() || given.token.is_some() || given.registry_token.is_some();
    if !any || given.host.is_some() {
        return Ok(given);
    }
    let hosts = hosts(references);
    match (hosts.as_slice(), origin) {
        ([], _) => Ok(given),
        ([host], Origin::Inputs) => Ok(Given {
            host: Some((*host).clone()),
            ..given
        }),
        ([host], Origin::File) => Err(Error::usage(format!(
            "a credential is given, and only the spec file says that it is for {host}"
        ))
        .hint(format!(
            "set `registry: {host}`: a file alone may not decide where a credential goes"
        ))),
        (several, _) => {
            let names: Vec<&str> = several.iter().map(|host| host.as_str()).collect();
            Err(Error::usage(format!(
                "a credential is given, and the run has {} registries",
                several.len()
            ))
            .hint(format!(
                "set `registry` to the one that it is for ({}), or give each its own in `auth`",
                names.join(", ")
            )))
        }
    }
}

/// The registry that a named `auth-provider` is for, by the same rule. `None` where that doesn't name one: the provider
/// is then for its cloud's own registries, which needs no error.
pub(super) fn provider_host(inputs: &Inputs, references: &[&Reference], origin: Origin) -> Option<Host> {
    if inputs.registry.is_some() {
        return inputs.registry.clone();
    }
    match (hosts(references).as_slice(), origin) {
        ([host], Origin::Inputs) => Some((*host).clone()),
        _ => None,
    }
}

/// The registries of `references`, each once.
pub(super) fn hosts<'r>(references: &[&'r Reference]) -> Vec<&'r Host> {
    let mut hosts: Vec<&Host> = references
        .iter()
        .filter_map(|reference| reference.location.host())
        .collect();
    hosts.sort();
    hosts.dedup();
    hosts
}
