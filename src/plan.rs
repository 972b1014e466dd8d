//! Spec and file system into a plan: artifacts, layers, titles, types and sizes, in order. `check`, `push` and its dry
//! run share it. Nothing is packed or hashed here, and no request is made; every problem is found.

mod files;
mod layer;
mod media_type;
mod order;
mod paths;
mod planner;

use std::sync::Arc;

use camino::Utf8PathBuf;

use crate::error::{Errors, Place};
use crate::oci::{Annotations, Descriptor, ImageManifest, Platform};
use crate::pack::{Compression, Tree};
use crate::reference::{Reference, Tag};
use crate::spec::{Form, IfExists, IfNoFilesFound, ManifestSpec, Spec, SubjectSpec};

pub(crate) use order::ranks;
pub use paths::Workspace;

/// What a plan needs to know beside the spec.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where relative paths start and what they may not leave.
    pub workspace: Workspace,
    /// Whether a pattern or path without files fails.
    pub if_no_files_found: IfNoFilesFound,
    /// Annotations from CI facts: the weakest. For every artifact, and for those on ghcr.io alone.
    pub ci_annotations: CiAnnotations,
    /// The input `annotations`: stronger than the spec's own, weaker than an artifact's.
    pub annotations: Annotations,
    /// The input `if-exists`, for artifacts that say nothing.
    pub if_exists: Option<IfExists>,
    /// Whether stdin was read for a password.
    pub stdin_taken: bool,
    /// `SOURCE_DATE_EPOCH` in seconds.
    pub source_date_epoch: Option<u64>,
}

/// Annotations from CI facts.
#[derive(Clone, Debug, Default)]
pub struct CiAnnotations {
    /// On every artifact.
    pub everywhere: Annotations,
    /// On artifacts whose registry is ghcr.io: `source` links the package to its repository there.
    pub on_ghcr: Annotations,
}

/// What is to be pushed.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The artifacts, in the order of the spec.
    pub artifacts: Vec<Artifact>,
    /// What the user should look at.
    pub warnings: Vec<String>,
}

/// One artifact, or index.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Its name in this run.
    pub name: String,
    /// Where it stands in the spec.
    pub place: Option<Place>,
    /// Where it goes.
    pub reference: Reference,
    /// What is there already and gets it as a referrer.
    pub subject: Option<SubjectSpec>,
    /// The tags it gets, the reference's own first; none to store it by digest only.
    pub tags: Vec<TagRule>,
    /// What it is made of.
    pub body: Body,
    /// What refers to it.
    pub attachments: Vec<Attachment>,
    /// Its platform, for an index that lists it.
    pub platform: Option<Platform>,
}

impl Artifact {
    /// Its artifact type; an index may have none.
    pub fn artifact_type(&self) -> Option<&str> {
        match &self.body {
            Body::Files(package) => Some(&package.artifact_type),
            Body::Index(index) => index.artifact_type.as_deref(),
        }
    }

    /// Annotations of its manifest.
    pub fn annotations(&self) -> &Annotations {
        match &self.body {
            Body::Files(package) => &package.annotations,
            Body::Index(index) => &index.annotations,
        }
    }
}

/// What an artifact is made of.
#[derive(Clone, Debug)]
pub enum Body {
    /// Files.
    Files(Package),
    /// Other manifests.
    Index(Index),
}

/// What one image manifest is made of.
#[derive(Clone, Debug)]
pub struct Package {
    /// Its artifact type.
    pub artifact_type: String,
    /// Its layers, in order.
    pub layers: Vec<Layer>,
    /// Its config, unless it is the empty one.
    pub config: Option<Layer>,
    /// Whether `files` names some and there is none, which `if-no-files-found` lets pass: there is nothing to push, and
    /// an empty artifact must not take the place of a full one.
    pub nothing_found: bool,
    /// Annotations of the manifest.
    pub annotations: Annotations,
    /// The manifest's form.
    pub form: Form,
}

impl Package {
    /// Its manifest over these blobs.
    pub fn manifest(&self, config: Option<Descriptor>, layers: Vec<Descriptor>) -> ImageManifest {
        let manifest = match self.form {
            Form::Image11 => ImageManifest::new(self.artifact_type.clone(), config, layers),
            Form::Image10 => ImageManifest::image_1_0(&self.artifact_type, config, layers),
        };
        manifest.annotations(self.annotations.clone())
    }
}

/// What an index is made of.
#[derive(Clone, Debug)]
pub struct Index {
    /// Its artifact type.
    pub artifact_type: Option<String>,
    /// What it lists, in order.
    pub manifests: Vec<ManifestSpec>,
    /// Annotations of the index.
    pub annotations: Annotations,
}

/// A referrer that is pushed with what it refers to.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Where it stands in the spec.
    pub place: Option<Place>,
    /// What it is made of.
    pub package: Package,
    /// What refers to it in turn.
    pub attachments: Vec<Attachment>,
}

/// A tag and what to do if it exists with another digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRule {
    /// The tag.
    pub tag: Tag,
    /// The policy.
    pub if_exists: IfExists,
}

/// One layer, or the config.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Its title: the path that pull writes. A config has none.
    pub title: Option<String>,
    /// What messages call it.
    pub label: String,
    /// Its media type.
    pub media_type: String,
    /// Its annotations, the title among them.
    pub annotations: Annotations,
    /// What it is made of.
    pub content: LayerContent,
    /// Bytes before packing.
    pub size: u64,
}

/// What a layer is made of.
#[derive(Clone, Debug)]
pub enum LayerContent {
    /// One file, as it is.
    File(Utf8PathBuf),
    /// What stdin gives, as it is. Its size is not known before it was read: 0 here.
    Stdin,
    /// A directory as a tar.
    Directory {
        /// What is in it.
        tree: Arc<Tree>,
        /// How the tar is compressed.
        compression: Compression,
    },
}

impl Plan {
    /// Plans the artifacts of `spec`.
    pub fn new(spec: &Spec, settings: &Settings) -> Result<Self, Errors> {
        planner::plan(spec, settings)
    }

    /// The artifacts in groups: what one needs (an index what it lists, a referrer its subject) is in a group before
    /// its own.
    pub fn groups(&self) -> Vec<Vec<&Artifact>> {
        order::groups(&self.artifacts)
    }
}
