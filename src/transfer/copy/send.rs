//! What the target lacks: blobs, then the manifest that lists them, group by group; the tags last.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt, TryStreamExt, future, stream};
use tokio::sync::OnceCell;

use super::Copy;
use super::graph::{self, Graph, Node, There};
use crate::error::{Error, Result};
use crate::oci::{Content, Descriptor, Digest, RawManifest, names};
use crate::plan::TagRule;
use crate::reference::Pointer;
use crate::report::{Direction, Event, Outcome};
use crate::store::{self, BlobSource, PutBlob, Store};
use crate::transfer::tags;

/// Manifests under way at once; their blobs share the engine's permits.
const AT_ONCE: usize = 8;

/// Sends what the target lacks and lets the tags of `wanted` name the root; whether anything was written.
pub(super) async fn send(graph: &Graph, wanted: &[&TagRule], copy: Copy<'_>) -> Result<bool> {
    let ranks = graph.ranks();
    let missing = |node: &&&Node| node.there != There::Yes || copy.force;
    let nodes: Vec<&Node> = ranks.iter().flatten().filter(missing).copied().collect();
    let root = graph.root().ok_or_else(|| Error::internal("a copy of nothing"))?;
    let sender = Sender::new(&nodes, copy);
    copy.target.expect(&announced(&nodes, root, wanted)).await?;
    let last = last(root, &nodes, graph, wanted);
    for rank in &ranks {
        let due = rank.iter().filter(|node| missing(node));
        let sends = due.map(|node| sender.node(node, last.filter(|_| std::ptr::eq(*node, root))));
        stream::iter(sends)
            .buffer_unordered(AT_ONCE)
            .try_for_each(|()| future::ready(Ok(())))
            .await?;
    }
    if let (None, Some((raw, _))) = (last, &root.manifest) {
        tags::put(raw, wanted, copy.target).await?;
        if !wanted.is_empty() {
            sender.wrote();
        }
    }
    Ok(sender.written.load(Ordering::Relaxed))
}

/// With one tag and nothing that refers to it the root is stored under the tag right away.
fn last<'t>(root: &Node, nodes: &[&Node], graph: &Graph, wanted: &[&'t TagRule]) -> Option<&'t TagRule> {
    let alone = root.referrers.is_empty() && nodes.iter().any(|node| std::ptr::eq(*node, root));
    let subject = nodes
        .iter()
        .any(|node| subject(node).is_some_and(|subject| graph.node(subject).is_some()));
    match wanted {
        [only] if alone && !subject && self::subject(root).is_none() => Some(only),
        _ => None,
    }
}

fn subject(node: &Node) -> Option<&Digest> {
    let (_, content) = node.manifest.as_ref()?;
    content.subject().map(|subject| &subject.digest)
}

/// Every blob that may be put, the manifests among them.
fn announced(nodes: &[&Node], root: &Node, wanted: &[&TagRule]) -> Vec<Descriptor> {
    let mut all = HashMap::new();
    let tagged = (!wanted.is_empty()).then_some(root);
    for node in nodes.iter().copied().chain(tagged) {
        for blob in &node.blobs {
            all.insert(blob.digest.clone(), blob.clone());
        }
        if let Some((raw, _)) = &node.manifest {
            all.insert(raw.digest().clone(), raw.descriptor());
        }
    }
    all.into_values().collect()
}

struct Sender<'a> {
    copy: Copy<'a>,
    /// Each blob once, whoever lists it.
    blobs: HashMap<Digest, OnceCell<()>>,
    written: AtomicBool,
}

impl<'a> Sender<'a> {
    fn new(nodes: &[&Node], copy: Copy<'a>) -> Self {
        let blobs = nodes.iter().flat_map(|node| &node.blobs);
        Sender {
            copy,
            blobs: blobs.map(|blob| (blob.digest.clone(), OnceCell::new())).collect(),
            written: AtomicBool::new(false),
        }
    }

    fn wrote(&self) {
        self.written.store(true, Ordering::Relaxed);
    }

    /// A manifest with its blobs; under the tag of `rule`, if it gets that at once.
    async fn node(&self, node: &Node, rule: Option<&TagRule>) -> Result<()> {
        let Some((raw, _)) = &node.manifest else {
            return Err(Error::internal("a manifest without bytes is to be sent"));
        };
        let puts = node.blobs.iter().map(|blob| async move {
            match self.blobs.get(&blob.digest) {
                Some(cell) => cell.get_or_try_init(|| self.blob(blob)).await.copied(),
                None => self.blob(blob).await,
            }
        });
        // The engine's permits bound what is under way; this only bounds the futures that wait for one.
        stream::iter(puts)
            .buffer_unordered(256)
            .try_for_each(|()| future::ready(Ok(())))
            .await?;
        if let Some(rule) = rule {
            tags::recheck(rule, raw.digest(), self.copy.target).await?;
        }
        match self.put(node, raw, rule).await {
            // As in a push: what was reported as present may be gone (oras-go#1212, #1213).
            Err(error) if store::is_blob_unknown(&error) => {
                self.once_more(node).await?;
                self.put(node, raw, rule).await?;
            }
            other => other?,
        }
        if node.there != There::Yes || rule.is_some() {
            self.wrote();
        }
        Ok(())
    }

    /// All that `node` lists, whatever the target says of it.
    async fn once_more(&self, node: &Node) -> Result<()> {
        for blob in &node.blobs {
            self.blob(blob).await?;
        }
        let Some((_, Content::Index(index))) = &node.manifest else {
            return Ok(());
        };
        for entry in &index.manifests {
            let listed = graph::alone(entry, self.copy).await?;
            for blob in &listed.blobs {
                self.blob(blob).await?;
            }
            if let Some((raw, _)) = &listed.manifest {
                self.put(&listed, raw, None).await?;
                self.wrote();
            }
        }
        Ok(())
    }

    async fn put(&self, node: &Node, raw: &RawManifest, rule: Option<&TagRule>) -> Result<()> {
        let target = self.copy.target;
        if subject(node).is_some() {
            return target.put_referrer(raw).await;
        }
        let pointer = match rule {
            Some(rule) => Pointer::Tag(rule.tag.clone()),
            None => Pointer::Digest(raw.digest().clone()),
        };
        target.put_manifest(raw, &pointer).await.map(drop)
    }

    async fn blob(&self, blob: &Descriptor) -> Result<()> {
        let engine = self.copy.engine;
        let _permit = engine.blob(blob.size).await?;
        let label = match blob.title() {
            Some(title) => title.to_owned(),
            None if blob.media_type == names::EMPTY => "empty config".to_owned(),
            None => format!("blob {}", blob.digest.short()),
        };
        // A registry draws the bar of what it sends.
        let transfer = match self.copy.target {
            Store::Layout(_) | Store::Archive(_) => Some(engine.report.transfer(Direction::Up, &label, blob.size)),
            Store::Registry(_) | Store::DryRun(_) => None,
        };
        let source = BlobSource::stored(self.copy.source.clone(), blob.clone(), transfer);
        let put = self
            .copy
            .target
            .put_blob(blob, &source, self.copy.mount(), &label)
            .await?;
        drop(source);
        let stored = Event::stored(&label, blob.size, Outcome::from(put));
        engine.report.emit(&stored);
        if put != PutBlob::Present {
            self.wrote();
        }
        Ok(())
    }
}
