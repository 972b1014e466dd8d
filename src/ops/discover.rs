//! `discover`: what refers to an artifact, as a tree. Nothing of a referrer is fetched: the lists say type and
//! annotations, and a look at them is no proof.

mod tree;

use super::platform::{self, Chosen};
use super::{Context, manifest};
use crate::error::Result;
use crate::oci::{Content, Descriptor, Digest, MediaType, Platform};
use crate::reference::{Location, Reference};
use crate::report::{ArtifactResult, AttachmentResult, ManifestResult, State};
use crate::transfer::referrers::{Referrer, referrers};

/// What to show.
#[derive(Clone, Debug, Default)]
pub struct DiscoverSettings {
    /// Only referrers of this type, and what leads to them.
    pub artifact_type: Option<MediaType>,
    /// Levels; all if not given.
    pub depth: Option<u32>,
    /// Which manifest of an index.
    pub platform: Option<Platform>,
}

/// The tree below `reference`, as text. Of an index also what it lists, with the referrers of each.
pub async fn discover(reference: &Reference, settings: &DiscoverSettings, context: &Context) -> Result<String> {
    let (location, store) = (&reference.location, context.stores.open(&reference.location));
    let named = manifest(reference, &store).await?;
    let mut result = ArtifactResult::new(location.last_part(), location);
    let chosen = match &settings.platform {
        None => Chosen::from(named),
        Some(platform) => platform::choose(reference, named, Some(platform), &store).await?,
    };
    let subject = chosen.manifest;
    result = result.at(location, subject.digest());
    result.index = chosen.through.into_iter().next();
    result.platform = chosen.platform.map(|platform| platform.to_string());
    result.state = State::Found;
    result.media_type = Some(subject.media_type().to_owned());
    result.tags = reference.tag.iter().map(ToString::to_string).collect();
    let content = subject.content()?;
    result.artifact_type = content.artifact_type().map(str::to_owned);
    let entries: Vec<Descriptor> = match content {
        Content::Artifact(_) => Vec::new(),
        Content::Index(index) => index.manifests,
    };

    let subjects = std::iter::once(subject.digest()).chain(entries.iter().map(|entry| &entry.digest));
    let subjects: Vec<Digest> = subjects.cloned().collect();
    let mut trees = referrers(&store, &subjects, settings.depth).await?.into_iter();
    let filter = |tree: Vec<Referrer>| match &settings.artifact_type {
        Some(wanted) => Referrer::leading_to(tree, &|referrer: &Referrer| referrer.artifact_type() == wanted.as_str()),
        None => tree,
    };
    result.attachments = results(&filter(trees.next().unwrap_or_default()), location);
    for (entry, tree) in entries.iter().zip(trees) {
        let attachments = results(&filter(tree), location);
        if settings.artifact_type.is_none() || !attachments.is_empty() {
            result.manifests.push(ManifestResult {
                attachments,
                ..ManifestResult::from(entry)
            });
        }
    }
    let text = tree::text(&result, settings.artifact_type.as_ref());
    context.ledger.set(result);
    Ok(text)
}

fn results(referrers: &[Referrer], location: &Location) -> Vec<AttachmentResult> {
    let result = |referrer: &Referrer| AttachmentResult {
        attachments: results(&referrer.referrers, location),
        ..AttachmentResult::new(&referrer.descriptor, location)
    };
    referrers.iter().map(result).collect()
}
