//! The spec: which files, of which media types, make which artifacts, and where they go.
//!
//! Read in two steps: [`node`] turns YAML into a tree that knows the line and column of every key and value, [`read()`]
//! turns the tree into the types below, collecting every problem. [`expand`] replaces `${ci.*}` and `${vars.*}`.
//! [`keys`] holds each key once, for the reader, for "did you mean" and for the JSON [`schema()`].

pub mod expand;
pub mod keys;
pub mod node;
mod problems;
mod read;
mod schema;
mod suggest;
mod syntax;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Error, Errors, Place};
use crate::oci::{Annotations, MediaType, Platform};
use crate::reference::{Host, Location, Pointer, Reference, Tag};

pub use crate::pack::Compression;

/// A spec may have at most this many bytes.
pub const SPEC_LIMIT: usize = 1024 * 1024;

/// Default name of the spec file, in the working directory.
pub const DEFAULT_FILE: &str = "oci-artifact.yaml";

/// Title of what stdin gives, where none is set.
pub const STDIN_TITLE: &str = "stdin";

/// What a reader of specs needs to know of the run.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The spec's file as the user named it; `None` for an inline spec.
    pub file: Option<&'a Utf8Path>,
    /// The input `registry`, which replaces the spec's.
    pub registry: Option<&'a Host>,
    /// Values of `${ci.NAME}` on this CI system.
    pub facts: &'a BTreeMap<&'static str, String>,
    /// Values of `${vars.NAME}`.
    pub vars: &'a BTreeMap<String, String>,
}

/// A spec that was read without problems.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    /// Annotations of every artifact.
    pub annotations: Annotations,
    /// `created` of artifacts that say nothing.
    pub created: Option<String>,
    /// `manifest` of artifacts that say nothing.
    pub form: Option<Form>,
    /// `include-referrers` of artifacts that say nothing.
    pub include_referrers: Option<Vec<String>>,
    /// The artifacts, in the order of the spec; at least one.
    pub artifacts: Vec<ArtifactSpec>,
    /// What the user should be told, such as a reference that was lower-cased.
    pub notices: Vec<String>,
}

/// One artifact of the spec.
#[derive(Clone, Debug)]
pub struct ArtifactSpec {
    /// Where it begins in the spec; `None` when it was made from inputs.
    pub place: Option<Place>,
    /// `name`, or the default: the last part of the repository, plus `-TAG` where several share it. Unique.
    pub name: String,
    /// `reference`; with a `subject`, the repository of that, without tag and digest.
    pub reference: Reference,
    /// `subject`: what is there already and gets this artifact as a referrer.
    pub subject: Option<SubjectSpec>,
    /// `tags` beside the reference's own.
    pub tags: Vec<TagSpec>,
    /// What it is made of.
    pub package: PackageSpec,
    /// `manifests`: what an index lists; none for anything else.
    pub manifests: Vec<ManifestSpec>,
    /// `attachments`.
    pub attachments: Vec<AttachmentSpec>,
    /// `manifest`.
    pub form: Option<Form>,
    /// `platform`.
    pub platform: Option<Platform>,
    /// `if-exists`: of the reference's own tag.
    pub if_exists: Option<IfExists>,
    /// `output`: where pull writes the files.
    pub output: Option<Utf8PathBuf>,
    /// `include-referrers`: artifact types; `*` is all.
    pub include_referrers: Option<Vec<String>>,
    /// Where those values stand that only the file system or the registry can prove wrong.
    pub places: Places,
}

impl ArtifactSpec {
    /// An artifact with nothing but a reference, named after it; for one that is made from inputs.
    pub fn new(reference: Reference) -> Self {
        ArtifactSpec {
            place: None,
            name: reference.location.last_part().to_owned(),
            reference,
            subject: None,
            tags: Vec::new(),
            package: PackageSpec::default(),
            manifests: Vec::new(),
            attachments: Vec::new(),
            form: None,
            platform: None,
            if_exists: None,
            output: None,
            include_referrers: None,
            places: Places::default(),
        }
    }
}

/// What one manifest is made of: of an artifact, or of an attachment.
#[derive(Clone, Debug, Default)]
pub struct PackageSpec {
    /// Where the artifact or attachment begins in the spec.
    pub place: Option<Place>,
    /// `artifact-type`.
    pub artifact_type: Option<MediaType>,
    /// `base`: what the paths of the files are relative to; itself relative to the working directory. Empty if not
    /// given.
    pub base: Utf8PathBuf,
    /// Where `base` stands.
    pub base_place: Option<Place>,
    /// `files`.
    pub files: Vec<FileSpec>,
    /// `config`.
    pub config: Option<FileSpec>,
    /// `annotations` of the manifest, those of the whole spec not yet merged in.
    pub annotations: Annotations,
    /// `created`, a time of RFC 3339.
    pub created: Option<String>,
}

/// One entry of `attachments`.
#[derive(Clone, Debug)]
pub struct AttachmentSpec {
    /// What it is made of.
    pub package: PackageSpec,
    /// Its own attachments.
    pub attachments: Vec<AttachmentSpec>,
}

/// `subject`.
#[derive(Clone, Debug)]
pub struct SubjectSpec {
    /// What it names, by tag or digest.
    pub reference: Reference,
    /// The manifest of an index that is meant.
    pub platform: Option<Platform>,
    /// Where it stands in the spec.
    pub place: Option<Place>,
}

/// One entry of `manifests`.
#[derive(Clone, Debug)]
pub struct ManifestSpec {
    /// What it names.
    pub target: ManifestTarget,
    /// `platform`.
    pub platform: Option<Platform>,
    /// `annotations` of the entry.
    pub annotations: Annotations,
    /// Where it stands in the spec.
    pub place: Option<Place>,
}

/// What an entry of `manifests` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestTarget {
    /// An artifact of this spec, by its name.
    Artifact(String),
    /// What is in the repository of the index.
    Pointer(Pointer),
}

impl ManifestTarget {
    /// The name of the artifact of this spec that is meant, if it is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            ManifestTarget::Artifact(name) => Some(name),
            ManifestTarget::Pointer(_) => None,
        }
    }
}

impl ManifestSpec {
    /// One entry as `REF [PLATFORM]`: a tag, a digest, or a reference into the repository of the index at `location`.
    ///
    /// # Errors
    /// It is none of them, or lies in another repository.
    pub fn parse(text: &str, location: &Location, registry: Option<&Host>) -> crate::error::Result<Self> {
        let (name, platform) = match text.split_once(char::is_whitespace) {
            Some((name, platform)) => (name, Some(platform.trim().parse()?)),
            None => (text, None),
        };
        Ok(ManifestSpec {
            target: ManifestTarget::Pointer(read::manifest_pointer(name, location, registry)?),
            platform,
            annotations: Annotations::new(),
            place: None,
        })
    }
}

/// Which form of manifest is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Form {
    /// Image manifest 1.1, with `artifactType`.
    #[default]
    Image11,
    /// Image manifest 1.0: the artifact type is the config's media type. For registries that know only that.
    Image10,
}

/// Where values of an artifact stand in the spec; `None` for those not given, or given by an input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Of `reference`.
    pub reference: Option<Place>,
    /// Of `artifact-type`.
    pub artifact_type: Option<Place>,
    /// Of `output`.
    pub output: Option<Place>,
}

/// A further tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagSpec {
    /// The tag.
    pub tag: Tag,
    /// What to do if it exists; by default it is moved.
    pub if_exists: IfExists,
    /// Where it stands in the spec.
    pub place: Option<Place>,
}

/// What to do when a tag exists with another digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum IfExists {
    /// Move it.
    #[default]
    Replace,
    /// Leave it, and push nothing for it.
    Skip,
    /// Fail with exit code 5.
    Fail,
}

/// What to do with files that are named and not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum IfNoFilesFound {
    /// Fail.
    #[default]
    Error,
    /// Warn, and go on with the others.
    Warn,
    /// Go on.
    Ignore,
}

/// One entry of `files`, or a `config`.
#[derive(Clone, Debug, Default)]
pub struct FileSpec {
    /// Where its path stands in the spec; `None` when it came from an input.
    pub place: Option<Place>,
    /// `path`: a file, a directory or a pattern, relative to `base`; `-` is stdin, and `./-` a file of that name.
    pub path: String,
    /// Whether it was written with `!`: takes away what the entries before it matched.
    pub excluded: bool,
    /// `media-type`.
    pub media_type: Option<MediaType>,
    /// `title`, instead of the path.
    pub title: Option<String>,
    /// Where the title stands in the spec.
    pub title_place: Option<Place>,
    /// `annotations` of the layer.
    pub annotations: Annotations,
    /// `exclude`: patterns relative to the directory, or to `base` for a pattern.
    pub exclude: Vec<String>,
    /// Where `exclude` stands in the spec.
    pub exclude_place: Option<Place>,
    /// `compression`; by default gzip for directories and none for files.
    pub compression: Option<Compression>,
    /// `hidden`: whether a directory's files with a leading dot are packed. `None` is true.
    pub hidden: Option<bool>,
}

impl FileSpec {
    /// Whether it is what the process is given on stdin.
    pub fn is_stdin(&self) -> bool {
        self.path == "-" && !self.excluded
    }

    /// One file as `PATH[:TYPE]`, split at the last colon only if a media type follows; a leading `!` excludes.
    ///
    /// # Errors
    /// If the text is blank, has control characters, or gives a type to what it excludes.
    pub fn parse(text: &str) -> crate::error::Result<Self> {
        read::parse_file(text)
    }
}

/// Reads a spec. Every problem is found, each with its place.
///
/// # Errors
/// All of class `Usage`, in the order of the text.
pub fn read(bytes: &[u8], context: &Context<'_>) -> Result<Spec, Errors> {
    let mut problems = problems::Problems::new(context.file);
    // Before the check of the whole text, so that a file of any size costs nothing.
    if bytes.len() > SPEC_LIMIT {
        let length = bytes.len();
        let error = Error::usage(format!("the spec has {length} bytes, and {SPEC_LIMIT} are allowed"));
        problems.add_whole(error.hint("use patterns instead of lists of files, or split the spec"));
    } else {
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                if let Some(root) = node::parse(text, &mut problems) {
                    return read::spec(&root, context, problems);
                }
            }
            Err(error) => {
                let sound = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let at = syntax::at_end(&String::from_utf8_lossy(sound));
                let error = Error::usage("the spec is not UTF-8");
                problems.add(at, error.hint("save it as UTF-8, without another encoding"));
            }
        }
    }
    problems.check()?;
    Err(Error::internal("a spec failed without a problem").into())
}

/// The JSON schema of the spec (draft 2020-12), as `schema` prints it: pretty, with a newline at the end.
pub fn schema() -> String {
    schema::schema()
}

#[cfg(test)]
mod tests;
