//! `copy`: an artifact, or an index with all that it lists, from one store into another; with its referrers if asked
//! for.

use super::{Context, missing, pointer};
use crate::error::{Error, Result};
use crate::oci::{Content, Descriptor, Digest, Platform};
use crate::plan::TagRule;
use crate::reference::{Location, Reference, Tag};
use crate::report::{ArtifactResult, AttachmentResult, LayerResult, ManifestResult, State};
use crate::spec::IfExists;
use crate::store::Store;
use crate::transfer::copy::{self, Copied, Copy, Graph, Root};
use crate::transfer::push::Effect;

/// How to copy.
#[derive(Clone, Debug, Default)]
pub struct CopySettings {
    /// With all referrers, however deep.
    pub recursive: bool,
    /// The manifests of an index to copy; all if none is named.
    pub platforms: Vec<Platform>,
    /// Tags at the target beside its own.
    pub tags: Vec<Tag>,
    /// What to do about a tag that names another digest.
    pub if_exists: IfExists,
    /// Look for every blob, even where the manifest is there.
    pub force: bool,
}

/// How deep the result shows referrers of referrers, whatever a list says of them.
const SHOWN_DEPTH: usize = 32;

/// Copies what `source` names to `target`.
pub async fn copy(source: &Reference, target: &Reference, settings: &CopySettings, context: &Context) -> Result<()> {
    let tags = tags(source, target, settings);
    check_places(source, target, &tags)?;
    let from = context.stores.open(&source.location);
    let pointer = pointer(source, &from).await?;
    let name = target.location.last_part();
    context.ledger.set(ArtifactResult {
        state: State::Failed,
        tags: tags.iter().map(|rule| rule.tag.to_string()).collect(),
        ..ArtifactResult::new(name, &target.location)
    });
    let root = match settings.platforms.as_slice() {
        [] => {
            let found = from.resolve(&pointer).await?;
            Root::Named(found.ok_or_else(|| missing(source, &pointer))?)
        }
        platforms => {
            let found = from.get_manifest(&pointer).await?;
            let found = found.ok_or_else(|| missing(source, &pointer))?;
            copy::choose(found, platforms, &from).await?
        }
    };
    check_digest(source, target, &root)?;
    tell_of_made(&root, settings, context);
    let to = context.stores.open_target(&target.location);
    let copied = copy::copy(
        &root,
        &tags,
        Copy {
            source: &from,
            target: &to,
            recursive: settings.recursive,
            force: settings.force,
            engine: &context.engine,
        },
    )
    .await?;
    context.ledger.set(described(name, &root, &copied, &to));
    Ok(())
}

/// The tags at the target: its own, or the source's where the target names nothing; then the further ones.
fn tags(source: &Reference, target: &Reference, settings: &CopySettings) -> Vec<TagRule> {
    let own = match (&target.tag, &target.digest) {
        (None, None) => &source.tag,
        _ => &target.tag,
    };
    let mut rules: Vec<TagRule> = Vec::new();
    for tag in own.iter().chain(&settings.tags) {
        if rules.iter().all(|rule| rule.tag != *tag) {
            rules.push(TagRule {
                tag: tag.clone(),
                if_exists: settings.if_exists,
            });
        }
    }
    rules
}

/// Within one place there has to be something to do.
fn check_places(source: &Reference, target: &Reference, tags: &[TagRule]) -> Result<()> {
    let new = tags.iter().any(|rule| Some(&rule.tag) != source.tag.as_ref());
    if source.location != target.location || new {
        return Ok(());
    }
    Err(
        Error::usage(format!("copy {source} {target}: source and target are the same"))
            .hint("name another target, or another tag in it"),
    )
}

/// `@DIGEST` of the target says what has to arrive.
fn check_digest(source: &Reference, target: &Reference, root: &Root) -> Result<()> {
    let found = root.descriptor().digest;
    match &target.digest {
        Some(wanted) if *wanted != found => Err(Error::integrity(format!(
            "{source} is {found}, and was to be copied as {target}"
        ))
        .hint("leave out the digest of the target, or name the source by that digest")),
        _ => Ok(()),
    }
}

/// An index of some platforms is another index.
fn tell_of_made(root: &Root, settings: &CopySettings, context: &Context) {
    let Root::Made(made) = root else { return };
    let digest = made.digest();
    let stay = match settings.recursive {
        true => "; what refers to the whole index stays behind, what refers to its manifests is copied",
        false => "",
    };
    context.report.notice(format!(
        "the index of the chosen platforms is a new one, {digest}{stay}"
    ));
}

fn described(name: &str, root: &Root, copied: &Copied, target: &Store) -> ArtifactResult {
    let location = target.location();
    let mut result = ArtifactResult::new(name, location).at(location, &copied.digest);
    result.tags = copied.tags.iter().map(ToString::to_string).collect();
    result.state = match copied.effect {
        Effect::Written => State::Copied,
        Effect::Unchanged => State::Unchanged,
        Effect::Skipped => State::Skipped,
    };
    if copied.effect == Effect::Skipped {
        return result;
    }
    result.media_type = Some(root.descriptor().media_type);
    let Some(graph) = &copied.graph else { return result };
    if let Some((_, content)) = graph.root().and_then(|node| node.manifest.as_ref()) {
        result.artifact_type = content.artifact_type().map(str::to_owned);
        result.subject = content.subject().map(|subject| subject.digest.clone());
        match content {
            Content::Artifact(artifact) => result = result.layers(&artifact.layers),
            Content::Index(index) => {
                let listed = |entry: &Descriptor| ManifestResult {
                    attachments: attachments(&entry.digest, graph, location, SHOWN_DEPTH),
                    ..ManifestResult::from(entry)
                };
                result.manifests = index.manifests.iter().map(listed).collect();
            }
        }
    }
    result.attachments = attachments(&copied.digest, graph, location, SHOWN_DEPTH);
    result
}

/// What was copied along because it refers to `subject`.
fn attachments(subject: &Digest, graph: &Graph, location: &Location, depth: usize) -> Vec<AttachmentResult> {
    let Some(node) = graph.node(subject).filter(|_| depth > 0) else {
        return Vec::new();
    };
    let attachment = |referrer: &Descriptor| {
        let content = graph.node(&referrer.digest).and_then(|node| node.manifest.as_ref());
        let layers = match content {
            Some((_, Content::Artifact(artifact))) => artifact.layers.iter().map(LayerResult::from).collect(),
            _ => Vec::new(),
        };
        AttachmentResult {
            layers,
            attachments: attachments(&referrer.digest, graph, location, depth - 1),
            ..AttachmentResult::new(referrer, location)
        }
    };
    // One that was listed and gone is no part of the copy.
    let copied = |referrer: &&Descriptor| graph.node(&referrer.digest).is_some();
    node.referrers.iter().filter(copied).map(attachment).collect()
}
