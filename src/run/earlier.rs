//! The artifacts of an earlier run: what its output `json` says.

use crate::error::{Error, Result};
use crate::oci::is_index;
use crate::reference::{Case, Reference};
use crate::report::SCHEMA;

/// An artifact of an earlier run.
pub(super) struct Earlier {
    /// Its name in that run.
    pub(super) name: String,
    /// Where it is, by its digest.
    pub(super) reference: Reference,
    /// Whether it lists other manifests instead of files.
    pub(super) is_index: bool,
}

/// The artifacts of `from`, the `json` output of an earlier run: each by its digest.
pub(super) fn read(text: &str) -> Result<Vec<Earlier>> {
    let refuse =
        |why: String| Error::usage(format!("`from`: {why}")).hint("pass the output `json` of an earlier push as it is");
    let json: serde_json::Value =
        serde_json::from_str(text).map_err(|error| refuse(format!("it is not JSON: {error}")))?;
    if json.get("schema").and_then(serde_json::Value::as_u64) != Some(u64::from(SCHEMA)) {
        return Err(refuse(format!("its schema is not {}", SCHEMA)));
    }
    let artifacts = json.get("artifacts").and_then(serde_json::Value::as_object);
    let artifacts = artifacts.ok_or_else(|| refuse("it has no artifacts".to_owned()))?;
    let mut found = Vec::new();
    for (name, artifact) in artifacts {
        let state = artifact.get("state").and_then(serde_json::Value::as_str);
        let done = !matches!(state, Some("failed" | "not-started"));
        let text = artifact.get("reference").and_then(serde_json::Value::as_str);
        let text = text.filter(|_| done);
        // Skipped because none of its files was there: there is nothing to pull either.
        if text.is_none() && state == Some("skipped") {
            continue;
        }
        let text = text.ok_or_else(|| refuse(format!("artifact {name:?} was not pushed")))?;
        let (reference, _) = Reference::parse(text, None, Case::Strict).map_err(|error| refuse(error.to_string()))?;
        if reference.digest.is_none() {
            return Err(refuse(format!("the reference of {name:?} has no digest")));
        }
        let media_type = artifact.get("media-type").and_then(serde_json::Value::as_str);
        found.push(Earlier {
            name: name.clone(),
            reference,
            is_index: media_type.is_some_and(is_index),
        });
    }
    if found.is_empty() {
        return Err(refuse("it lists no artifact".to_owned()));
    }
    Ok(found)
}
