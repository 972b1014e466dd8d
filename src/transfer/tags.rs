//! The tags of a push or a copy: what is to be done about each. Looked at before anything is moved, and again right
//! before one is written.

use std::collections::HashMap;

use futures_util::future;

use crate::error::{Class, Error, Result};
use crate::oci::{Digest, RawManifest};
use crate::plan::TagRule;
use crate::reference::{Pointer, Tag};
use crate::spec::IfExists;
use crate::store::Store;

/// What tags name, `None` for nothing: found before, and not asked for again.
pub type Known = HashMap<Tag, Option<Digest>>;

/// What is to be done about a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
enum TagState {
    /// It names our digest.
    Ours,
    /// It is to be written.
    Write,
    /// It names another digest and stays.
    Kept(Digest),
}

/// Tags that are to name one digest.
pub struct Tags<'r> {
    own: Digest,
    rules: Vec<(&'r TagRule, TagState)>,
}

impl<'r> Tags<'r> {
    /// Looks at each tag of `rules`, which are to name `own`: one HEAD a tag that isn't `known`.
    ///
    /// # Errors
    /// Conflict, if one names another digest and must not.
    pub async fn look(rules: &'r [TagRule], own: &Digest, known: &Known, store: &Store) -> Result<Self> {
        let states = rules.iter().map(|rule| async move {
            let (_, found) = named(rule, known, store).await?;
            Ok::<_, Error>((rule, state(rule, found.as_ref(), own, store)?))
        });
        Ok(Tags {
            own: own.clone(),
            rules: future::try_join_all(states).await?,
        })
    }

    /// Whether one of them names it already: then it is stored, and whole.
    pub fn any_ours(&self) -> bool {
        self.rules.iter().any(|(_, state)| *state == TagState::Ours)
    }

    /// Those to be written.
    pub fn wanted(&self) -> Vec<&'r TagRule> {
        let wanted = self.rules.iter().filter(|(_, state)| *state == TagState::Write);
        wanted.map(|(rule, _)| *rule).collect()
    }

    /// What they name and keep, if a policy leaves all of them alone.
    pub fn all_kept(&self) -> Option<&Digest> {
        let mut kept = self.kept();
        let first = kept.next();
        first
            .filter(|_| 1 + kept.count() == self.rules.len())
            .map(|(_, digest)| digest)
    }

    /// Those that a policy leaves alone, and what they name.
    pub fn kept(&self) -> impl Iterator<Item = (&Tag, &Digest)> {
        self.rules.iter().filter_map(|(rule, state)| match state {
            TagState::Kept(digest) => Some((&rule.tag, digest)),
            TagState::Ours | TagState::Write => None,
        })
    }

    /// Those that name `digest` when everything is written.
    pub fn naming(&self, digest: &Digest) -> Vec<Tag> {
        let names = |state: &TagState| match state {
            TagState::Kept(kept) => kept == digest,
            TagState::Ours | TagState::Write => self.own == *digest,
        };
        let named = self.rules.iter().filter(|(_, state)| names(state));
        named.map(|(rule, _)| rule.tag.clone()).collect()
    }
}

/// What the tags of `rules` name, with one HEAD for each that isn't `known`: it needs no digest of ours, so it brings
/// the connection and the token while files are hashed.
pub async fn find(rules: &[TagRule], known: &Known, store: &Store) -> Result<Known> {
    let found = future::try_join_all(rules.iter().map(|rule| named(rule, known, store)));
    Ok(found.await?.into_iter().collect())
}

async fn named(rule: &TagRule, known: &Known, store: &Store) -> Result<(Tag, Option<Digest>)> {
    let tag = rule.tag.clone();
    if let Some(found) = known.get(&tag) {
        return Ok((tag, found.clone()));
    }
    let found = store.resolve(&Pointer::Tag(tag.clone())).await?;
    Ok((tag, found.map(|found| found.digest)))
}

/// Writes the tags of `rules` one after the other.
///
/// # Errors
/// Also conflict, if another job made one meanwhile that must not be moved.
pub async fn put(manifest: &RawManifest, rules: &[&TagRule], store: &Store) -> Result<()> {
    for rule in rules {
        recheck(rule, manifest.digest(), store).await?;
        store.put_manifest(manifest, &Pointer::Tag(rule.tag.clone())).await?;
    }
    Ok(())
}

/// A tag that must not be moved is looked at again right before it is written: uploads take time, and another job may
/// have made it meanwhile.
pub async fn recheck(rule: &TagRule, own: &Digest, store: &Store) -> Result<()> {
    if rule.if_exists == IfExists::Replace {
        return Ok(());
    }
    match store.resolve(&Pointer::Tag(rule.tag.clone())).await? {
        Some(found) if found.digest != *own => Err(raced(&rule.tag, &found.digest, store)),
        _ => Ok(()),
    }
}

/// Whether a tag that names `found` may be made to name `own`.
///
/// # Errors
/// Conflict, if it names another digest and must not.
pub fn check(rule: &TagRule, found: Option<&Digest>, own: &Digest, store: &Store) -> Result<()> {
    state(rule, found, own, store).map(|_| ())
}

fn state(rule: &TagRule, found: Option<&Digest>, own: &Digest, store: &Store) -> Result<TagState> {
    let Some(found) = found else { return Ok(TagState::Write) };
    if found == own {
        return Ok(TagState::Ours);
    }
    match rule.if_exists {
        IfExists::Replace => Ok(TagState::Write),
        IfExists::Skip => Ok(TagState::Kept(found.clone())),
        IfExists::Fail => Err(Error::new(
            Class::Conflict,
            format!("{}:{} exists with the digest {found}", store.location(), rule.tag),
        )
        .hint(format!(
            "this would be {own}; use another tag, or set `if-exists: replace`"
        ))),
    }
}

fn raced(tag: &Tag, found: &Digest, store: &Store) -> Error {
    Error::new(
        Class::Conflict,
        format!(
            "{}:{tag} was made by another push meanwhile, with {found}",
            store.location()
        ),
    )
    .hint("push to a tag of this run's own")
}
