//! The OCI image spec's nouns: digests, descriptors, annotations, manifests with their exact bytes.
//!
//! Written byte for byte as ORAS writes them (field order, sorted keys, Go's escapes), so that the same content has
//! the same digest whichever tool made it.

mod content;
mod descriptor;
mod digest;
mod entries;
mod few;
mod fields;
mod index;
mod json;
mod manifest;
mod media_type;
mod raw_manifest;
mod time;

pub use content::{Artifact, Content};
pub use descriptor::{Annotations, Descriptor, Platform, is_index};
pub use digest::{Algorithm, Digest, Hasher};
pub use entries::{ENTRIES, Entries, Entry};
pub use few::Few;
pub use fields::{Fields, raw};
pub use index::Index;
pub use json::to_canonical_json;
pub use manifest::ImageManifest;
pub use media_type::MediaType;
pub use raw_manifest::RawManifest;
pub use time::{is_rfc_3339, rfc_3339};

/// Media types and annotation keys that this program writes or looks for.
pub mod names {
    /// Image manifest 1.0 and 1.1: what we write.
    pub const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// Image index.
    pub const IMAGE_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// The artifact manifest of image-spec 1.1.0-rc1 and rc2, written by ORAS 0.16: read, never written.
    pub const ARTIFACT_MANIFEST: &str = "application/vnd.oci.artifact.manifest.v1+json";
    /// ORAS's own artifact manifest (0.14, 0.15): read, never written.
    pub const ORAS_MANIFEST: &str = "application/vnd.cncf.oras.artifact.manifest.v1+json";
    /// Docker's image manifest: read, never written.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker's manifest list: read, never written.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// The empty JSON object as config or only layer (image-spec 1.1, "Guidance for an empty descriptor").
    pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
    /// A container image's config.
    pub const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// Docker's config of a container image: read, never written.
    pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
    /// Artifact type when none is given, as ORAS has it.
    pub const UNKNOWN_ARTIFACT: &str = "application/vnd.unknown.artifact.v1";
    /// Media type of a config file when none is given, as ORAS has it.
    pub const UNKNOWN_CONFIG: &str = "application/vnd.unknown.config.v1+json";
    /// A plain tar layer.
    pub const LAYER_TAR: &str = "application/vnd.oci.image.layer.v1.tar";
    /// A gzipped tar layer: what a directory becomes.
    pub const LAYER_TAR_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// A tar layer compressed with zstd (image-spec 1.1, "Media Types").
    pub const LAYER_TAR_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

    /// File name of a layer, relative, with `/`.
    pub const TITLE: &str = "org.opencontainers.image.title";
    /// RFC 3339 time of creation.
    pub const CREATED: &str = "org.opencontainers.image.created";
    /// URL of the source repository; links a package to its repository on ghcr.io.
    pub const SOURCE: &str = "org.opencontainers.image.source";
    /// Commit of the source.
    pub const REVISION: &str = "org.opencontainers.image.revision";
    /// Tag of a manifest in an image layout's `index.json`.
    pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
    /// ORAS: digest of a directory layer's uncompressed tar.
    pub const UNPACKED_DIGEST: &str = "io.deis.oras.content.digest";
    /// ORAS: `true` on a layer that pull unpacks into the directory of its title.
    pub const UNPACK: &str = "io.deis.oras.content.unpack";
    /// Ours: `true` on a single file that had its owner's execute bit; other clients ignore it.
    pub const EXECUTABLE: &str = "io.github.oci-artifact.executable";
}

/// Every form of a manifest or an index that is read.
pub const MANIFESTS: [&str; 6] = [
    names::IMAGE_MANIFEST,
    names::IMAGE_INDEX,
    names::DOCKER_MANIFEST,
    names::DOCKER_LIST,
    names::ARTIFACT_MANIFEST,
    names::ORAS_MANIFEST,
];

/// Manifests above this are refused, written or read: registries and clients agree on 4 MiB
/// (distribution-spec 1.1, "Pushing Manifests").
pub const MANIFEST_LIMIT: usize = 4 * 1024 * 1024;
