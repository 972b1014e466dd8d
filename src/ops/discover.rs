//! `discover`: what refers to an artifact, as a tree. Nothing of a referrer is fetched: the lists say type and
//! annotations, and a look at them is no proof.

mod listed;
mod tree;

use self::listed::{Listed, listed};
use super::{Context, manifest};
use crate::error::Result;
use crate::oci::{Content, Descriptor, Digest, MediaType, Platform};
use crate::reference::{Location, Reference};
use crate::report::{ArtifactResult, AttachmentResult, ManifestResult, State};
use crate::transfer::platform::{self, Chosen};
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
    let entries = listed(entries, &store)
        .await
        .map_err(|error| error.context(reference))?;

    let below = Listed::all(&entries);
    let subjects = std::iter::once(subject.digest()).chain(below.iter().map(|entry| &entry.digest));
    let subjects: Vec<Digest> = subjects.cloned().collect();
    let trees = referrers(&store, &subjects, settings.depth).await?.into_iter();
    let wanted = settings.artifact_type.as_ref();
    let mut trees = trees.map(|tree| match wanted {
        Some(wanted) => Referrer::leading_to(tree, &|referrer: &Referrer| referrer.artifact_type() == wanted.as_str()),
        None => tree,
    });
    result.attachments = results(&trees.next().unwrap_or_default(), location);
    result.manifests = manifests(&entries, &mut trees, wanted.is_none(), location);
    let text = tree::text(&result, wanted);
    context.ledger.set(result);
    Ok(text)
}

/// What is listed, with the tree of each, in their order; where not `all` is asked for, what leads to a referrer.
fn manifests(
    listed: &[Listed],
    trees: &mut impl Iterator<Item = Vec<Referrer>>,
    all: bool,
    location: &Location,
) -> Vec<ManifestResult> {
    let mut found = Vec::new();
    for Listed { entry, below } in listed {
        let manifest = ManifestResult {
            attachments: results(&trees.next().unwrap_or_default(), location),
            manifests: manifests(below, trees, all, location),
            ..ManifestResult::from(entry)
        };
        if all || !manifest.attachments.is_empty() || !manifest.manifests.is_empty() {
            found.push(manifest);
        }
    }
    found
}

fn results(referrers: &[Referrer], location: &Location) -> Vec<AttachmentResult> {
    let result = |referrer: &Referrer| AttachmentResult {
        attachments: results(&referrer.referrers, location),
        ..AttachmentResult::new(&referrer.descriptor, location)
    };
    referrers.iter().map(result).collect()
}
