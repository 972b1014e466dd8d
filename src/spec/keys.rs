//! Every key of the spec, once: for the reader, for "did you mean" and for the JSON schema.

/// Which map a key stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The spec itself.
    Spec,
    /// An entry of `artifacts`.
    Artifact,
    /// An entry of `tags` that is a map.
    Tag,
    /// An entry of `files` that is a map.
    File,
    /// A `config` that is a map.
    Config,
    /// An entry of `attachments`.
    Attachment,
    /// An entry of `manifests` that is a map.
    Manifest,
}

impl Scope {
    /// All of them.
    pub const ALL: [Scope; 7] = [
        Scope::Spec,
        Scope::Artifact,
        Scope::Tag,
        Scope::File,
        Scope::Config,
        Scope::Attachment,
        Scope::Manifest,
    ];

    /// What a message calls the map.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Spec => "the spec",
            Scope::Artifact => "an artifact",
            Scope::Tag => "a tag",
            Scope::File => "a file",
            Scope::Config => "a config",
            Scope::Attachment => "an attachment",
            Scope::Manifest => "an entry of `manifests`",
        }
    }
}

/// What a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The number 1.
    Version,
    /// Any text.
    Text,
    /// `HOST[:PORT]`.
    Host,
    /// A reference.
    Reference,
    /// A tag.
    Tag,
    /// Tags: one, or a list of texts and maps.
    Tags,
    /// `TYPE/SUBTYPE`.
    MediaType,
    /// `OS/ARCHITECTURE[/VARIANT]`.
    Platform,
    /// A path.
    Path,
    /// Patterns: one, or a list.
    Patterns,
    /// Files: one, or a list of texts and maps.
    Files,
    /// One file, as text or map.
    Config,
    /// A map from text to text.
    Annotations,
    /// `replace`, `skip` or `fail`.
    IfExists,
    /// `gzip`, `zstd` or `none`.
    Compression,
    /// True or false.
    Bool,
    /// The list of artifacts.
    Artifacts,
    /// A list of attachments.
    Attachments,
    /// A name, tag, digest or reference of a manifest.
    ManifestName,
    /// What an index lists: one, or a list of texts and maps.
    Manifests,
    /// Artifact types: one, or a list; `*` is all.
    ReferrerTypes,
    /// `image-1.1` or `image-1.0`.
    Form,
    /// A time of RFC 3339.
    Time,
}

/// One key in one map.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Where it stands.
    pub scope: Scope,
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether the map can't be without it.
    pub required: bool,
    /// What it is for, as editors show it.
    pub doc: &'static str,
}

const fn key(scope: Scope, name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key {
        scope,
        name,
        kind,
        required: false,
        doc,
    }
}

const fn required(scope: Scope, name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key {
        required: true,
        ..key(scope, name, kind, doc)
    }
}

/// The keys that this version reads.
pub const KEYS: &[Key] = &[
    key(Scope::Spec, "version", Kind::Version, "Version of the spec's form: 1."),
    key(
        Scope::Spec,
        "registry",
        Kind::Host,
        "Host of references that name none. The input `registry` goes before it.",
    ),
    key(
        Scope::Spec,
        "annotations",
        Kind::Annotations,
        "Annotations of every artifact. An artifact's own go before them, the input `annotations` before all.",
    ),
    key(
        Scope::Spec,
        "created",
        Kind::Time,
        "When the artifacts were made, as RFC 3339: their annotation org.opencontainers.image.created.",
    ),
    key(
        Scope::Spec,
        "manifest",
        Kind::Form,
        "Form of the manifests: image-1.1, or image-1.0 for registries that know artifact types as config types only.",
    ),
    key(
        Scope::Spec,
        "include-referrers",
        Kind::ReferrerTypes,
        "On pull, the artifact types of referrers to fetch along; * is all.",
    ),
    required(
        Scope::Spec,
        "artifacts",
        Kind::Artifacts,
        "The artifacts, in the order they are pushed.",
    ),
    key(
        Scope::Artifact,
        "name",
        Kind::Text,
        "Its name in `only` and in the results. Default: the last part of the repository, plus -TAG where several \
         share it.",
    ),
    key(
        Scope::Artifact,
        "reference",
        Kind::Reference,
        "[HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST], or oci:DIRECTORY[:TAG][@DIGEST] for an image layout on disk.",
    ),
    key(
        Scope::Artifact,
        "subject",
        Kind::Reference,
        "Instead of `reference`: what is there already, by tag or digest, and gets this artifact as a referrer.",
    ),
    key(
        Scope::Artifact,
        "tags",
        Kind::Tags,
        "Further tags beside that of the reference.",
    ),
    key(
        Scope::Artifact,
        "artifact-type",
        Kind::MediaType,
        "What the artifact is, as TYPE/SUBTYPE. On pull, what it must be.",
    ),
    key(
        Scope::Artifact,
        "base",
        Kind::Path,
        "The directory that paths and titles are relative to; itself relative to the working directory.",
    ),
    key(
        Scope::Artifact,
        "files",
        Kind::Files,
        "The files: one layer each. On pull, the titles to fetch; none listed means all.",
    ),
    key(
        Scope::Artifact,
        "config",
        Kind::Config,
        "A file to store as the manifest's config.",
    ),
    key(
        Scope::Artifact,
        "annotations",
        Kind::Annotations,
        "Annotations of the manifest.",
    ),
    key(
        Scope::Artifact,
        "created",
        Kind::Time,
        "When it was made, as RFC 3339: the annotation org.opencontainers.image.created.",
    ),
    key(
        Scope::Artifact,
        "manifest",
        Kind::Form,
        "Form of its manifest: image-1.1 (default), or image-1.0 with the artifact type as the config's media type.",
    ),
    key(
        Scope::Artifact,
        "attachments",
        Kind::Attachments,
        "Referrers that are pushed with it: artifacts without reference and tags, such as an SBOM.",
    ),
    key(
        Scope::Artifact,
        "manifests",
        Kind::Manifests,
        "What makes it an index, instead of files: names of this spec, tags or digests of its repository.",
    ),
    key(
        Scope::Artifact,
        "platform",
        Kind::Platform,
        "OS/ARCHITECTURE[/VARIANT] that the artifact is for, such as linux/amd64.",
    ),
    key(
        Scope::Artifact,
        "if-exists",
        Kind::IfExists,
        "What to do when the reference's tag exists with other content.",
    ),
    key(
        Scope::Artifact,
        "output",
        Kind::Path,
        "On pull, the directory the files are written to. Default: `base`.",
    ),
    key(
        Scope::Artifact,
        "include-referrers",
        Kind::ReferrerTypes,
        "On pull, the artifact types of referrers to fetch along; * is all.",
    ),
    required(
        Scope::Attachment,
        "artifact-type",
        Kind::MediaType,
        "What the attachment is, as TYPE/SUBTYPE, such as application/spdx+json.",
    ),
    key(
        Scope::Attachment,
        "base",
        Kind::Path,
        "The directory that its paths and titles are relative to. Default: that of what it is attached to.",
    ),
    key(Scope::Attachment, "files", Kind::Files, "Its files: one layer each."),
    key(
        Scope::Attachment,
        "config",
        Kind::Config,
        "A file to store as its manifest's config.",
    ),
    key(
        Scope::Attachment,
        "annotations",
        Kind::Annotations,
        "Annotations of its manifest.",
    ),
    key(
        Scope::Attachment,
        "created",
        Kind::Time,
        "When it was made, as RFC 3339: the annotation org.opencontainers.image.created.",
    ),
    key(
        Scope::Attachment,
        "attachments",
        Kind::Attachments,
        "Referrers of the attachment, such as the signature of an SBOM.",
    ),
    required(
        Scope::Manifest,
        "ref",
        Kind::ManifestName,
        "A name of this spec, a tag or a digest of the index's repository.",
    ),
    key(
        Scope::Manifest,
        "platform",
        Kind::Platform,
        "Platform of the entry. Default: that of the artifact in this spec, or of the image's config.",
    ),
    key(
        Scope::Manifest,
        "annotations",
        Kind::Annotations,
        "Annotations of the entry.",
    ),
    required(Scope::Tag, "tag", Kind::Tag, "The tag."),
    key(
        Scope::Tag,
        "if-exists",
        Kind::IfExists,
        "What to do when this tag exists with other content. Default: replace.",
    ),
    required(
        Scope::File,
        "path",
        Kind::Path,
        "A file, a directory (one tar layer) or a pattern with * ** ? [...] {a,b} (one layer a file); - is stdin.",
    ),
    key(
        Scope::File,
        "media-type",
        Kind::MediaType,
        "Media type of the layer. Default: by the file's name.",
    ),
    key(
        Scope::File,
        "title",
        Kind::Text,
        "Relative path that pull writes it to. Default: the path relative to `base`.",
    ),
    key(
        Scope::File,
        "annotations",
        Kind::Annotations,
        "Annotations of the layer.",
    ),
    key(
        Scope::File,
        "exclude",
        Kind::Patterns,
        "Patterns to leave out, relative to the directory, or to `base` for a pattern.",
    ),
    key(
        Scope::File,
        "compression",
        Kind::Compression,
        "How the layer is compressed. Default: gzip for directories, none for files. ORAS unpacks gzip alone.",
    ),
    key(
        Scope::File,
        "hidden",
        Kind::Bool,
        "Whether files of a directory whose name starts with a dot are packed. Default: true.",
    ),
    required(Scope::Config, "path", Kind::Path, "The file."),
    key(
        Scope::Config,
        "media-type",
        Kind::MediaType,
        "Media type of the config.",
    ),
    key(
        Scope::Config,
        "annotations",
        Kind::Annotations,
        "Annotations of the config.",
    ),
];

/// The key's row, if there is one.
pub fn find(scope: Scope, name: &str) -> Option<&'static Key> {
    in_scope(scope).find(|key| key.name == name)
}

/// The keys of a map.
pub fn in_scope(scope: Scope) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.scope == scope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_stands_once_and_is_named_like_all_others() {
        for (at, key) in KEYS.iter().enumerate() {
            assert!(
                KEYS[..at]
                    .iter()
                    .all(|other| (other.scope, other.name) != (key.scope, key.name))
            );
            assert!(
                key.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'),
                "{}",
                key.name
            );
            assert!(key.doc.ends_with('.'), "{}", key.doc);
        }
    }
}
