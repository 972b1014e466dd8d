//! `tag`: further tags for a manifest that is there.

use super::{Context, each_once, manifest};
use crate::error::{Error, Result};
use crate::oci::RawManifest;
use crate::plan::TagRule;
use crate::reference::{Reference, Tag};
use crate::report::{ArtifactResult, State};
use crate::spec::IfExists;
use crate::transfer::tags::{self, Known, Tags};

/// Lets `tags` name what `reference` names. All of them are looked at before the first is written: one that may not be
/// moved leaves the others as they are.
pub async fn tag(reference: &Reference, tags: &[Tag], if_exists: IfExists, context: &Context) -> Result<()> {
    let tags = each_once(tags.iter());
    if tags.is_empty() {
        return Err(Error::usage(format!("tag {reference}: no tag is named")).hint("add the new tags after it"));
    }
    let store = context.stores.open_for_writing(&reference.location);
    let raw = manifest(reference, &store).await?;
    let mut result = described(reference, &raw);
    context.ledger.set(result.clone());

    let rules: Vec<TagRule> = tags
        .into_iter()
        .map(|tag| TagRule {
            tag: tag.clone(),
            if_exists,
        })
        .collect();
    let tags = Tags::look(&rules, raw.digest(), &Known::new(), &store).await?;
    for (tag, digest) in tags.kept() {
        let at = store.location();
        context.report.info(format!("{at}:{tag} stays: it names {digest}"));
    }
    let texts = |tags: Vec<Tag>| tags.iter().map(ToString::to_string).collect();
    let wanted = tags.wanted();
    if let Some(digest) = tags.all_kept() {
        // As in a push: what is there is told, not what was to be.
        result = result.at(store.location(), digest);
        result.tags = texts(tags.naming(digest));
        result.state = State::Skipped;
    } else {
        let is_wanted = |tag: &Tag| wanted.iter().any(|rule| rule.tag == *tag);
        let mut ours = tags.naming(raw.digest());
        ours.retain(|tag| !is_wanted(tag));
        result.tags = texts(ours);
        result.state = if wanted.is_empty() {
            State::Unchanged
        } else {
            State::Failed
        };
    }
    context.ledger.set(result.clone());
    for (at, rule) in wanted.iter().enumerate() {
        tags::put(&raw, &[rule], &store).await?;
        result.tags.push(rule.tag.to_string());
        if at + 1 == wanted.len() {
            result.state = State::Tagged;
        }
        context.ledger.set(result.clone());
    }
    Ok(())
}

fn described(reference: &Reference, raw: &RawManifest) -> ArtifactResult {
    let location = &reference.location;
    let mut result = ArtifactResult::new(location.last_part(), location).at(location, raw.digest());
    result.state = State::Failed;
    result.media_type = Some(raw.media_type().to_owned());
    // What can't be read can still be tagged.
    let content = raw.content().ok();
    result.artifact_type = content.and_then(|content| content.artifact_type().map(str::to_owned));
    result
}
