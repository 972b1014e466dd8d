//! oci-artifact puts build outputs into container registries as OCI artifacts, and gets them back, from any CI
//! pipeline and from a terminal.
//!
//! This page is the map. A run goes from top to bottom; imports point down only, which a test holds.
//!
//! - [`run`]: from the environment and the arguments to the exit code. The only room that knows both the CI system and
//!   the commands.
//! - [`inputs`]: one table of inputs; flags, CI variables and `OCI_ARTIFACT_*` laid over each other; parsed once.
//! - [`ci`]: one file a CI system behind one trait: masks, groups, annotations, outputs, summary, facts.
//! - [`ops`]: the commands, a short file each.
//! - [`plan`]: spec and file system into artifacts, layers, titles. What `check`, `push` and its dry run share.
//! - [`transfer`]: hash and pack, send what is missing, what refers to it, tags last; and back; and across.
//! - [`spec`]: the YAML, read with the place of every key and value, every problem collected.
//! - [`pack`], [`unpack`], [`pattern`]: files into blobs, the same bytes everywhere; blobs into files, never outside.
//! - [`store`]: an OCI image layout, one in a tar, a registry, or a dry run over any, behind one interface.
//! - [`credentials`]: which credential goes to which registry.
//! - [`http`]: one client for registries and token endpoints: redirects, retries, errors, redacted URLs.
//! - [`oci`], [`reference`](mod@reference): the specs' nouns: digests, descriptors, manifests with their bytes;
//!   references.
//! - [`ustar`]: the headers of a tar, written and read.
//! - [`report`]: what a person reads, through one terminal; results; secrets.
//! - [`program`]: programs of others, bounded and ended with all that they started.
//! - [`env`](mod@env), [`error`]: one snapshot of the environment; error classes, exit codes, hints.
//! - [`temporary`]: what lies beside its place until it is whole, and goes with its process.
//! - [`suggest`]: "did you mean".

pub mod ci;
pub mod credentials;
pub mod env;
pub mod error;
#[cfg(test)]
mod explore;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
pub mod inputs;
pub mod oci;
pub mod ops;
pub mod pack;
pub mod pattern;
pub mod plan;
pub mod program;
pub mod reference;
pub mod report;
pub mod run;
pub mod spec;
pub mod store;
pub mod suggest;
pub mod temporary;
pub mod transfer;
pub mod unpack;
pub mod ustar;
