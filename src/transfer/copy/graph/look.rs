//! One manifest of a copy: what both sides have of it, and where it leads.

use std::collections::HashSet;

use bytes::Bytes;
use futures_util::TryStreamExt as _;

use super::{Node, There};
use crate::error::{Error, Result};
use crate::oci::{Content, Descriptor, Digest, MANIFEST_LIMIT, MANIFESTS, RawManifest};
use crate::reference::Pointer;
use crate::store::not_found;
use crate::transfer::copy::{Copy, Root};
use crate::transfer::referrers::check_subject;

/// A manifest to look at.
pub(super) struct Ask {
    pub(super) descriptor: Descriptor,
    /// What is known of the target.
    there: Option<There>,
    /// Whether its bytes are needed even if the target has it.
    needed: bool,
    made: Option<RawManifest>,
    /// What it is listed as a referrer of.
    subject: Option<Digest>,
    /// The target doesn't list it so.
    unlisted: bool,
}

impl Ask {
    /// What is copied; see [`super::gather`].
    pub(super) fn root(root: &Root, there: bool, needed: bool) -> Self {
        Ask {
            there: Some(if there { There::Yes } else { There::No }),
            needed,
            made: match root {
                Root::Made(manifest) => Some(manifest.clone()),
                Root::Named(_) => None,
            },
            ..Ask::listed(&root.descriptor())
        }
    }

    fn listed(descriptor: &Descriptor) -> Self {
        Ask {
            descriptor: descriptor.clone(),
            there: None,
            needed: false,
            made: None,
            subject: None,
            unlisted: false,
        }
    }
}

/// One manifest, and where it leads; `None` for a referrer that is gone: lists of referrers outlive what they list.
pub(super) async fn look(ask: Ask, copy: Copy<'_>) -> Result<Option<(Node, Vec<Ask>)>> {
    let digest = &ask.descriptor.digest;
    let pointer = Pointer::Digest(digest.clone());
    if ask.made.is_none() && !MANIFESTS.contains(&ask.descriptor.media_type.as_str()) {
        let (kind, reference) = (&ask.descriptor.media_type, copy.source.reference(digest));
        return Err(Error::integrity(format!(
            "{reference}: its media type {kind:?} is not one of a manifest or an index"
        ))
        .hint("OCI and Docker (schema 2) manifests, indexes and ORAS's artifact manifests can be copied"));
    }
    let there = match ask.there {
        Some(there) => there,
        None => match copy.target.resolve(&pointer).await? {
            Some(_) if ask.unlisted => There::Unlisted,
            Some(_) => There::Yes,
            None => There::No,
        },
    };
    let needed = there != There::Yes || ask.needed || copy.force || copy.recursive && ask.descriptor.is_index();
    let manifest = match &ask.made {
        Some(made) => Some(made.clone()),
        None if needed => match (fetch(&ask.descriptor, copy).await?, &ask.subject) {
            (None, Some(subject)) => {
                let (referrer, subject) = (copy.source.reference(digest), subject.short());
                copy.engine.report.warning(format!(
                    "{referrer} is listed as a referrer of {subject}, but it is not there: it is left out"
                ));
                return Ok(None);
            }
            (None, None) => return Err(not_found(copy.source.location(), &pointer)),
            (found, _) => found,
        },
        None => None,
    };
    let manifest = match manifest {
        Some(raw) => {
            let content = raw.content().map_err(|error| error.context(copy.source.location()))?;
            if let Some(subject) = &ask.subject {
                check_subject(digest, &content, subject, copy.source)?;
            }
            Some((raw, content))
        }
        None => None,
    };
    let mut node = Node {
        blobs: Vec::new(),
        referrers: Vec::new(),
        manifest,
        there,
        descriptor: ask.descriptor.clone(),
    };
    let mut next = Vec::new();
    match node.manifest.as_ref().map(|(_, content)| content) {
        // What the target has is complete there, unless one is to look for its referrers or its blobs.
        Some(Content::Index(index)) if there == There::No || copy.force || copy.recursive => {
            next.extend(index.manifests.iter().map(Ask::listed));
        }
        Some(Content::Artifact(artifact)) if there == There::No || copy.force => {
            let blobs = artifact.config.iter().chain(&artifact.layers);
            node.blobs = stored(blobs, copy).await?;
        }
        Some(_) | None => {}
    }
    if copy.recursive && ask.made.is_none() {
        node.referrers = copy.source.referrers(digest, None).await?;
        next.extend(referrers(&node, copy).await?);
    }
    Ok(Some((node, next)))
}

/// One manifest with its blobs, whether the target has it or not, and not what it lists.
pub(in crate::transfer::copy) async fn alone(descriptor: &Descriptor, copy: Copy<'_>) -> Result<Node> {
    let ask = Ask {
        there: Some(There::No),
        ..Ask::listed(descriptor)
    };
    let copy = Copy {
        recursive: false,
        ..copy
    };
    let gone = || not_found(copy.source.location(), &Pointer::Digest(descriptor.digest.clone()));
    look(ask, copy).await?.map(|(node, _)| node).ok_or_else(gone)
}

/// The manifest's bytes. In a layout one that an index lists is found by its digest only if it says its own media type,
/// which OCI leaves open: the list says it, too.
async fn fetch(descriptor: &Descriptor, copy: Copy<'_>) -> Result<Option<RawManifest>> {
    let pointer = Pointer::Digest(descriptor.digest.clone());
    let found = copy.source.get_manifest(&pointer).await?;
    let among_blobs = copy.source.location().host().is_none();
    if found.is_some() || !among_blobs || descriptor.size > MANIFEST_LIMIT as u64 {
        return Ok(found);
    }
    if !copy.source.has_blob(descriptor).await? {
        return Ok(None);
    }
    let pieces = copy.source.open_blob(descriptor, 0).await?;
    let pieces: Vec<Bytes> = pieces.try_collect().await?;
    RawManifest::verified(&descriptor.media_type, pieces.concat().into(), &descriptor.digest).map(Some)
}

/// What refers to `node`, and what the target lists of it.
async fn referrers(node: &Node, copy: Copy<'_>) -> Result<Vec<Ask>> {
    let digest = &node.descriptor.digest;
    let listed = match node.there {
        There::No => Vec::new(),
        There::Yes | There::Unlisted if node.referrers.is_empty() => Vec::new(),
        There::Yes | There::Unlisted => copy.target.referrers(digest, None).await?,
    };
    let listed: HashSet<Digest> = listed.into_iter().map(|known| known.digest).collect();
    let asks = node.referrers.iter().map(|referrer| {
        let there = listed.contains(&referrer.digest);
        Ask {
            subject: Some(digest.clone()),
            there: there.then_some(There::Yes),
            unlisted: !there,
            ..Ask::listed(referrer)
        }
    });
    Ok(asks.collect())
}

/// The blobs that the source has to have. A layer that lies elsewhere (`urls`, or a type that says so) is copied if it
/// is in the source all the same; where it isn't, the manifest alone is copied, as everyone does.
async fn stored(blobs: impl Iterator<Item = &Descriptor>, copy: Copy<'_>) -> Result<Vec<Descriptor>> {
    let mut stored = Vec::new();
    for blob in blobs {
        let elsewhere = !blob.urls.is_empty()
            || blob.media_type.contains(".nondistributable.")
            || blob.media_type.contains(".rootfs.foreign.");
        if !elsewhere || copy.source.has_blob(blob).await? {
            stored.push(blob.clone());
        }
    }
    Ok(stored)
}
