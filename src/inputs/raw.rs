//! The inputs as text, one field each, filled once from the layers.

use serde::Deserialize;

use super::layers::Layer;
use crate::error::{Error, Result};

/// The text of every input but [`EARLY`] and the secrets; a test holds the fields to the table. Secrets don't come
/// this way: errors of the deserializer repeat values.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[allow(missing_docs)]
pub struct RawInputs {
    pub spec: Option<String>,
    pub spec_file: Option<String>,
    pub only: Option<String>,
    pub from: Option<String>,
    pub vars: Option<String>,
    pub registry: Option<String>,
    pub reference: Option<String>,
    pub subject: Option<String>,
    pub target: Option<String>,
    pub manifests: Option<String>,
    pub add: Option<String>,
    pub remove: Option<String>,
    pub files: Option<String>,
    pub artifact_type: Option<String>,
    pub tags: Option<String>,
    pub platform: Option<String>,
    pub include_referrers: Option<String>,
    pub recursive: Option<String>,
    pub depth: Option<String>,
    pub exclude_digest_tags: Option<String>,
    pub annotations: Option<String>,
    pub output: Option<String>,
    pub if_exists: Option<String>,
    pub if_no_files_found: Option<String>,
    pub if_denied: Option<String>,
    pub force: Option<String>,
    pub dry_run: Option<String>,
    pub yes: Option<String>,
    pub allow_outside: Option<String>,
    pub ci_annotations: Option<String>,
    pub unpack_limit: Option<String>,
    pub working_directory: Option<String>,
    pub raw: Option<String>,
    pub descriptor: Option<String>,
    pub digest: Option<String>,
    pub config: Option<String>,
    pub blob: Option<String>,
    pub username: Option<String>,
    pub auth: Option<String>,
    pub auth_provider: Option<String>,
    pub azure_client_id: Option<String>,
    pub azure_tenant_id: Option<String>,
    pub aws_role_arn: Option<String>,
    pub aws_region: Option<String>,
    pub gcp_workload_identity_provider: Option<String>,
    pub gcp_service_account: Option<String>,
    pub quay_robot: Option<String>,
    pub trusted_realms: Option<String>,
    pub concurrency: Option<String>,
    pub retries: Option<String>,
    pub idle_timeout: Option<String>,
    pub timeout: Option<String>,
    pub plain_http: Option<String>,
    pub insecure: Option<String>,
    pub ca_file: Option<String>,
    pub client_cert: Option<String>,
    pub client_key: Option<String>,
    pub output_file: Option<String>,
    pub variables_file: Option<String>,
    pub variable_prefix: Option<String>,
    pub format: Option<String>,
    pub summary: Option<String>,
    pub log_level: Option<String>,
}

/// Inputs that are used up before the others are read.
pub const EARLY: &[&str] = &["command", "password-stdin"];

impl RawInputs {
    /// The texts of `layer`.
    pub fn new(layer: &Layer) -> Result<Self> {
        let pairs = layer
            .iter()
            .filter(|(name, _)| !EARLY.contains(name))
            .map(|(name, given)| (name.replace('-', "_"), given.text.clone()));
        envy::from_iter(pairs).map_err(|error| Error::internal(format!("inputs can't be read: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::inputs::layers::Given;
    use crate::inputs::table::INPUTS;

    fn names() -> impl Iterator<Item = &'static str> {
        let plain = INPUTS.iter().filter(|input| !input.secret).map(|input| input.name);
        plain.filter(|name| !EARLY.contains(name))
    }

    #[test]
    fn the_fields_are_those_of_the_table() {
        let fields: BTreeSet<_> = match serde_json::to_value(RawInputs::default()).unwrap() {
            serde_json::Value::Object(fields) => fields.into_iter().map(|(name, _)| name).collect(),
            other => panic!("{other}"),
        };
        let table = names().map(|name| name.replace('-', "_"));
        assert_eq!(fields, table.collect());
    }

    #[test]
    fn each_text_reaches_its_field() {
        let layer: Layer = names()
            .map(|name| (name, Given::new(format!("text of {name}, {name}"), "")))
            .collect();
        let raw = serde_json::to_value(RawInputs::new(&layer).unwrap()).unwrap();
        for name in layer.keys() {
            assert_eq!(raw[name.replace('-', "_")], format!("text of {name}, {name}"));
        }
    }
}
