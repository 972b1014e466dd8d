//! A manifest from one store into another, with all that it lists and, if asked for, all that refers to it.
//!
//! First the manifests alone are read, as far as the target lacks them: `graph`. Then what they need goes over, what
//! is listed before what lists it, subjects before referrers, tags last: `send`. A manifest that the target has is
//! complete there, so a copy that was cut goes on where it stopped. Bytes are never written anew: every digest stays.

mod graph;
mod platforms;
mod send;

use super::Engine;
use super::push::Effect;
use super::tags::{Known, Tags};
use crate::error::Result;
use crate::oci::{Descriptor, Digest, RawManifest};
use crate::plan::TagRule;
use crate::reference::{Location, Pointer, Repository, Tag};
use crate::store::Store;

pub use graph::{Graph, Node};
pub use platforms::choose;

/// From where, to where, and how.
#[derive(Clone, Copy)]
pub struct Copy<'a> {
    /// Where it is.
    pub source: &'a Store,
    /// Where it goes.
    pub target: &'a Store,
    /// With all referrers, however deep.
    pub recursive: bool,
    /// Look for every blob, even where the manifest is there.
    pub force: bool,
    /// Moves blobs, tells progress.
    pub engine: &'a Engine,
}

/// What is copied.
#[derive(Clone, Debug)]
pub enum Root {
    /// A manifest of the source.
    Named(Descriptor),
    /// An index that was made of a part of one of the source.
    Made(RawManifest),
}

impl Root {
    /// Its descriptor.
    pub fn descriptor(&self) -> Descriptor {
        match self {
            Root::Named(descriptor) => descriptor.clone(),
            Root::Made(manifest) => manifest.descriptor(),
        }
    }
}

/// What became of it.
pub struct Copied {
    /// Whether something was done.
    pub effect: Effect,
    /// What the tags below name: what was copied, or what was there before and stays.
    pub digest: Digest,
    /// The tags that name it now.
    pub tags: Vec<Tag>,
    /// The manifests that were looked at; none if one look at the tags was enough.
    pub graph: Option<Graph>,
}

/// Copies `root` and lets `tags` name it; without tags it is stored by its digest.
///
/// What is there already costs one HEAD a tag, or one by digest; with referrers the lists of both sides as well.
pub async fn copy(root: &Root, tags: &[TagRule], copy: Copy<'_>) -> Result<Copied> {
    let own = root.descriptor().digest;
    let tags = Tags::look(tags, &own, &Known::new(), copy.target).await?;
    let wanted = tags.wanted();
    let copied = |effect, digest: &Digest, graph| Copied {
        effect,
        digest: digest.clone(),
        tags: tags.naming(digest),
        graph,
    };
    if let Some(kept) = tags.all_kept() {
        return Ok(copied(Effect::Skipped, kept, None));
    }
    let there = tags.any_ours() || copy.target.resolve(&Pointer::Digest(own.clone())).await?.is_some();
    if there && wanted.is_empty() && !copy.force && !copy.recursive {
        return Ok(copied(Effect::Unchanged, &own, None));
    }
    let graph = graph::gather(root, there, !wanted.is_empty(), copy).await?;
    let written = send::send(&graph, &wanted, copy).await?;
    copy.target.finish().await?;
    Ok(copied(written.into(), &own, Some(graph)))
}

impl Copy<'_> {
    /// The source's repository, if the target's registry may link blobs from it.
    fn mount(&self) -> Option<&Repository> {
        match (self.source.location(), self.target.location()) {
            (Location::Registry(from), Location::Registry(to)) if from.host == to.host => Some(from),
            _ => None,
        }
    }
}
