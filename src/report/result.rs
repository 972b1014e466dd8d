//! The result of a run: what every command hands on, as versioned JSON, as CI outputs, as text and as a summary.

use std::sync::{Arc, Mutex, PoisonError};

use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Errors};
use crate::oci::{Annotations, Descriptor, Digest};
use crate::reference::{Location, Reference};

/// Version of the JSON's schema; a field may be added within a version, never taken away or given another meaning.
pub const SCHEMA: u32 = 1;

/// What became of an artifact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum State {
    Pushed,
    Pulled,
    /// It was there: nothing was moved.
    Unchanged,
    /// A policy left the tag alone; the digest is the one it names.
    Skipped,
    /// It failed, or was under way when another one did.
    Failed,
    #[default]
    NotStarted,
    Found,
    Listed,
    Tagged,
    Untagged,
    Copied,
    Deleted,
}

impl State {
    /// Whether digest and reference are what is there, and not what was to be.
    pub fn is_done(self) -> bool {
        !matches!(self, State::Failed | State::NotStarted)
    }

    /// As in the JSON.
    pub fn name(self) -> &'static str {
        match self {
            State::Pushed => "pushed",
            State::Pulled => "pulled",
            State::Unchanged => "unchanged",
            State::Skipped => "skipped",
            State::Failed => "failed",
            State::NotStarted => "not-started",
            State::Found => "found",
            State::Listed => "listed",
            State::Tagged => "tagged",
            State::Untagged => "untagged",
            State::Copied => "copied",
            State::Deleted => "deleted",
        }
    }

    /// Whether something was written to a store or to the output.
    pub fn changes(self) -> bool {
        [
            State::Pushed,
            State::Pulled,
            State::Tagged,
            State::Untagged,
            State::Copied,
            State::Deleted,
        ]
        .contains(&self)
    }
}

/// One artifact of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ArtifactResult {
    /// Its name in this run: the key of the JSON's map.
    #[serde(skip)]
    pub name: String,
    /// What became of it.
    pub state: State,
    /// Digest of its manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// `HOST/REPOSITORY@DIGEST`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// `HOST/REPOSITORY`.
    pub repository: String,
    /// The tags that name it; before it is pushed, those that it is to get.
    pub tags: Vec<String>,
    /// Media type of its manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Its artifact type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Bytes of its layers.
    pub size: u64,
    /// Its platform: that of the spec; where one was chosen from an index, that of its entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Its annotations, where the command looks at them.
    #[serde(skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// Digest of the index that was asked for, where this is its manifest for a platform; then the tags are the
    /// index's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<Digest>,
    /// Digest of what it refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Digest>,
    /// Its layers.
    pub layers: Vec<LayerResult>,
    /// What an index lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<ManifestResult>,
    /// What refers to it: what was pushed with it, pulled along or discovered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentResult>,
    /// Where its files were written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// One referrer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AttachmentResult {
    /// Digest of its manifest; `check` packs nothing and knows none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// `HOST/REPOSITORY@DIGEST`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Media type of its manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Its artifact type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Its annotations.
    #[serde(skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// Its layers, where the command looks at them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerResult>,
    /// What refers to it in turn.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentResult>,
}

impl AttachmentResult {
    /// A referrer at `location`, as its descriptor has it.
    pub fn new(referrer: &Descriptor, location: &Location) -> Self {
        AttachmentResult {
            digest: Some(referrer.digest.clone()),
            reference: Some(by_digest(location, &referrer.digest)),
            media_type: Some(referrer.media_type.clone()),
            artifact_type: referrer.artifact_type.clone(),
            annotations: referrer.annotations.clone(),
            ..Self::default()
        }
    }
}

/// One manifest that an index lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ManifestResult {
    /// Its digest; `check` knows only those that are given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Its media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Its artifact type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Its platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Annotations of the entry.
    #[serde(skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// What it lists, where it is an index and the command looks into it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<ManifestResult>,
    /// What refers to it, where the command looks for that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentResult>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LayerResult {
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its media type.
    pub media_type: String,
    /// Its digest; `check` packs nothing and knows none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Its size in bytes; with `check` that of the files before packing.
    pub size: u64,
    /// Its annotations, the title among them.
    #[serde(skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// Where its file was written; with `dry-run`, where it would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl LayerResult {
    /// Bytes of `layers`; a manifest may claim more than there are numbers for.
    pub fn bytes(layers: &[LayerResult]) -> u64 {
        layers.iter().fold(0, |bytes, layer| bytes.saturating_add(layer.size))
    }
}

impl From<&Descriptor> for ManifestResult {
    fn from(entry: &Descriptor) -> Self {
        ManifestResult {
            digest: Some(entry.digest.clone()),
            media_type: Some(entry.media_type.clone()),
            artifact_type: entry.artifact_type.clone(),
            platform: entry.platform.as_ref().map(ToString::to_string),
            annotations: entry.annotations.clone(),
            manifests: Vec::new(),
            attachments: Vec::new(),
        }
    }
}

impl From<&Descriptor> for LayerResult {
    fn from(layer: &Descriptor) -> Self {
        LayerResult {
            title: layer.title().map(str::to_owned),
            media_type: layer.media_type.clone(),
            digest: Some(layer.digest.clone()),
            size: layer.size,
            annotations: layer.annotations.clone(),
            path: None,
        }
    }
}

impl ArtifactResult {
    /// An artifact of which nothing has been done.
    pub fn new(name: impl Into<String>, location: &Location) -> Self {
        ArtifactResult {
            name: name.into(),
            repository: location.to_string(),
            ..Self::default()
        }
    }

    /// Sets digest and reference.
    #[must_use]
    pub fn at(mut self, location: &Location, digest: &Digest) -> Self {
        self.reference = Some(by_digest(location, digest));
        self.digest = Some(digest.clone());
        self
    }

    /// Sets the layers and their size.
    #[must_use]
    pub fn layers<'l>(mut self, layers: impl IntoIterator<Item = &'l Descriptor>) -> Self {
        self.layers = layers.into_iter().map(LayerResult::from).collect();
        self.size = LayerResult::bytes(&self.layers);
        self
    }
}

fn by_digest(location: &Location, digest: &Digest) -> String {
    let reference = Reference {
        location: location.clone(),
        tag: None,
        digest: Some(digest.clone()),
    };
    reference.to_string()
}

/// A failure, as in the JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ErrorResult {
    /// The class.
    pub class: &'static str,
    /// What failed and why.
    pub message: String,
    /// The way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The spec's file; absent when the spec was inline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line in the spec, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Column in the spec, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

impl From<&Error> for ErrorResult {
    fn from(error: &Error) -> Self {
        let place = error.place();
        ErrorResult {
            class: error.class().name(),
            message: error.message().to_owned(),
            hint: error.way_out().map(str::to_owned),
            file: place.and_then(|place| place.file.as_ref()).map(ToString::to_string),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
        }
    }
}

/// The result of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunResult {
    schema: u32,
    /// The command.
    pub command: String,
    /// Whether nothing was written because `dry-run` was set.
    pub dry_run: bool,
    /// The process's exit code.
    pub exit_code: u8,
    /// Its artifacts, in the order of the spec.
    #[serde(serialize_with = "by_name")]
    pub artifacts: Vec<ArtifactResult>,
    /// What failed.
    pub errors: Vec<ErrorResult>,
}

fn by_name<S: Serializer>(artifacts: &[ArtifactResult], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(artifacts.len()))?;
    for artifact in artifacts {
        map.serialize_entry(&artifact.name, artifact)?;
    }
    map.end()
}

impl RunResult {
    /// Compact JSON, or pretty for a person; the same values in a log, a file and an output of the CI.
    pub fn to_json(&self, pretty: bool) -> String {
        let json = if pretty {
            serde_json::to_string_pretty(self)
        } else {
            serde_json::to_string(self)
        };
        super::plain_json(&json.unwrap_or_default())
    }

    /// Notes the failures; the first one's class is the exit code.
    pub fn fail(&mut self, errors: &Errors) {
        self.exit_code = errors.class().exit_code();
        self.errors = errors.iter().map(ErrorResult::from).collect();
    }

    /// Whether something was written: to a store by push, to the output by pull.
    pub fn changed(&self) -> bool {
        self.artifacts.iter().any(|artifact| artifact.state.changes())
    }
}

/// The result as it grows: also what was done before a failure, a signal or a time-out is told.
#[derive(Clone)]
pub struct Ledger(Arc<Mutex<RunResult>>);

impl Ledger {
    /// An empty one for `command`.
    pub fn new(command: &str, dry_run: bool) -> Self {
        let result = RunResult {
            schema: SCHEMA,
            command: command.to_owned(),
            dry_run,
            ..RunResult::default()
        };
        Ledger(Arc::new(Mutex::new(result)))
    }

    /// Puts `artifact` in, in place of the one of the same name.
    pub fn set(&self, artifact: ArtifactResult) {
        let mut result = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match result.artifacts.iter_mut().find(|known| known.name == artifact.name) {
            Some(known) => *known = artifact,
            None => result.artifacts.push(artifact),
        }
    }

    /// Changes the state of the artifact `name`.
    pub fn state(&self, name: &str, state: State) {
        let mut result = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = result.artifacts.iter_mut().find(|known| known.name == name) {
            known.state = state;
        }
    }

    /// The result so far.
    pub fn result(&self) -> RunResult {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
