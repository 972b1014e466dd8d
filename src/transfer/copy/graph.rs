//! The manifests that are copied, and which of them the target has already.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Copy, Root};
use crate::error::{Error, Result};
use crate::oci::{Content, Descriptor, Digest, MANIFEST_LIMIT, RawManifest, names};
use crate::reference::Pointer;
use crate::store::not_found;

/// Steps from what is copied to the manifest that is farthest away, over lists and referrers.
const MAX_DEPTH: usize = 32;

/// Manifests of one copy.
const MAX_MANIFESTS: usize = 10_000;

/// Bytes of all of them, which are held until they are stored.
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// Manifests that are asked for at once.
const AT_ONCE: usize = 8;

/// What can stand in an index or a list of referrers.
const MANIFESTS: [&str; 6] = [
    names::IMAGE_MANIFEST,
    names::IMAGE_INDEX,
    names::DOCKER_MANIFEST,
    names::DOCKER_LIST,
    names::ARTIFACT_MANIFEST,
    names::ORAS_MANIFEST,
];

/// The manifests of a copy.
pub struct Graph {
    root: Digest,
    nodes: HashMap<Digest, Node>,
    /// In the order in which they were found.
    found: Vec<Digest>,
}

/// A manifest.
pub struct Node {
    /// Its descriptor, as the one who led to it has it.
    pub descriptor: Descriptor,
    /// Its bytes, and what they say; `None` where nobody needs them.
    pub manifest: Option<(RawManifest, Content)>,
    /// What refers to it, if it was asked for.
    pub referrers: Vec<Descriptor>,
    /// Whether the target has it.
    pub(super) there: There,
    /// Its blobs that are to be stored before it.
    pub(super) blobs: Vec<Descriptor>,
}

/// Whether the target has a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum There {
    Yes,
    /// It has it, but doesn't list it among the referrers of its subject.
    Unlisted,
    No,
}

/// A manifest to look at.
struct Ask {
    descriptor: Descriptor,
    /// What is known of the target.
    there: Option<There>,
    /// Whether its bytes are needed even if the target has it.
    needed: bool,
    made: Option<RawManifest>,
    /// It is a referrer that the target doesn't list.
    unlisted: bool,
}

impl Ask {
    fn listed(descriptor: &Descriptor) -> Self {
        Ask {
            descriptor: descriptor.clone(),
            there: None,
            needed: false,
            made: None,
            unlisted: false,
        }
    }
}

impl Graph {
    /// What is copied.
    pub fn root(&self) -> Option<&Node> {
        self.node(&self.root)
    }

    /// A manifest of the copy.
    pub fn node(&self, digest: &Digest) -> Option<&Node> {
        self.nodes.get(digest)
    }

    /// The manifests in groups: each needs only those of groups before it.
    pub(super) fn ranks(&self) -> Result<Vec<Vec<&Node>>> {
        let mut rank: HashMap<&Digest, usize> = HashMap::new();
        let mut ranks: Vec<Vec<&Node>> = Vec::new();
        let mut left: Vec<&Digest> = self.found.iter().collect();
        while !left.is_empty() {
            let ready = |digest: &&&Digest| {
                let needs = self.needs(digest);
                needs.iter().all(|need| rank.contains_key(need))
            };
            let now: Vec<&Digest> = left.iter().filter(ready).copied().collect();
            if now.is_empty() {
                // A digest can't stand in what it is the digest of.
                return Err(Error::internal("manifests that need each other"));
            }
            rank.extend(now.iter().map(|&digest| (digest, ranks.len())));
            left.retain(|digest| !rank.contains_key(digest));
            ranks.push(now.iter().filter_map(|digest| self.node(digest)).collect());
        }
        Ok(ranks)
    }

    /// What of this copy has to be there before `digest`.
    fn needs(&self, digest: &Digest) -> Vec<&Digest> {
        let content = self.node(digest).and_then(|node| node.manifest.as_ref());
        let needs: Vec<&Descriptor> = match content.map(|(_, content)| content) {
            Some(Content::Index(index)) => index.manifests.iter().chain(&index.subject).collect(),
            Some(Content::Artifact(artifact)) => artifact.subject.iter().collect(),
            None => Vec::new(),
        };
        let digests = needs.into_iter().map(|need| &need.digest);
        digests.filter(|need| self.nodes.contains_key(need)).collect()
    }
}

/// Reads the manifests of the copy. `there`: the target has the root; `needed`: its bytes are needed even so.
pub(super) async fn gather(root: &Root, there: bool, needed: bool, copy: Copy<'_>) -> Result<Graph> {
    let descriptor = root.descriptor();
    let mut graph = Graph {
        root: descriptor.digest.clone(),
        nodes: HashMap::new(),
        found: Vec::new(),
    };
    let mut level = vec![Ask {
        descriptor,
        there: Some(if there { There::Yes } else { There::No }),
        needed,
        made: match root {
            Root::Made(manifest) => Some(manifest.clone()),
            Root::Named(_) => None,
        },
        unlisted: false,
    }];
    let (mut depth, mut bytes) = (0, 0);
    while !level.is_empty() {
        if depth > MAX_DEPTH {
            return Err(too_much(
                &format!("is more than {MAX_DEPTH} lists and referrers deep"),
                copy,
            ));
        }
        if graph.found.len() + level.len() > MAX_MANIFESTS {
            return Err(too_much(&format!("has more than {MAX_MANIFESTS} manifests"), copy));
        }
        let looks = level.into_iter().map(|ask| look(ask, copy));
        let looks: Vec<(Node, Vec<Ask>)> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
        level = Vec::new();
        for (node, next) in looks {
            bytes += node.manifest.as_ref().map_or(0, |(raw, _)| raw.bytes().len());
            if bytes > MAX_BYTES {
                return Err(too_much(&format!("has manifests of more than {MAX_BYTES} bytes"), copy));
            }
            let digest = node.descriptor.digest.clone();
            graph.found.push(digest.clone());
            graph.nodes.insert(digest, node);
            level.extend(next);
        }
        let mut seen = HashSet::new();
        level.retain(|ask| {
            let digest = &ask.descriptor.digest;
            !graph.nodes.contains_key(digest) && seen.insert(digest.clone())
        });
        depth += 1;
    }
    Ok(graph)
}

/// One manifest with its blobs, whether the target has it or not, and not what it lists.
pub(super) async fn alone(descriptor: &Descriptor, copy: Copy<'_>) -> Result<Node> {
    let ask = Ask {
        there: Some(There::No),
        ..Ask::listed(descriptor)
    };
    let copy = Copy {
        recursive: false,
        ..copy
    };
    look(ask, copy).await.map(|(node, _)| node)
}

fn too_much(what: &str, copy: Copy<'_>) -> Error {
    Error::integrity(format!("{}: what is to be copied {what}", copy.source.location()))
        .hint("copy its parts by their digests")
}

/// One manifest, and where it leads.
async fn look(ask: Ask, copy: Copy<'_>) -> Result<(Node, Vec<Ask>)> {
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
    let lists = [names::IMAGE_INDEX, names::DOCKER_LIST].contains(&ask.descriptor.media_type.as_str());
    let needed = there != There::Yes || ask.needed || copy.force || copy.recursive && lists;
    let manifest = match &ask.made {
        Some(made) => Some(made.clone()),
        None if needed => {
            let found = fetch(&ask.descriptor, copy).await?;
            Some(found.ok_or_else(|| not_found(copy.source.location(), &pointer))?)
        }
        None => None,
    };
    let manifest = match manifest {
        Some(raw) => {
            let content = raw.content().map_err(|error| error.context(copy.source.location()))?;
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
    Ok((node, next))
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
    let asks = node.referrers.iter().map(|referrer| {
        let there = listed.iter().any(|known| known.digest == referrer.digest);
        Ask {
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
