//! The tags of a manifest that is written: looked at before anything is moved, and again right before they are written.

use futures_util::future;

use crate::error::{Class, Error, Result};
use crate::oci::Digest;
use crate::plan::TagRule;
use crate::reference::{Pointer, Tag};
use crate::spec::IfExists;
use crate::store::Store;

/// What is to be done about each tag.
pub(super) struct Tags<'r> {
    rules: &'r [TagRule],
    states: Vec<State>,
}

/// What is to be done about a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// It names our digest.
    Ours,
    /// It is to be written.
    Write,
    /// It names another digest and stays.
    Kept(Digest),
}

impl<'r> Tags<'r> {
    /// Looks at all of them: one HEAD each. `own` is what they are to name; `origin` says what makes that digest, for
    /// the one who finds that a tag has another.
    ///
    /// # Errors
    /// Conflict, if one names another digest and must not.
    pub(super) async fn look(rules: &'r [TagRule], own: &Digest, store: &Store, origin: &str) -> Result<Self> {
        let states = rules.iter().map(|rule| state(rule, own, store, origin));
        let states = future::try_join_all(states).await?;
        Ok(Tags { rules, states })
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether one names our digest: then it is there.
    pub(super) fn any_ours(&self) -> bool {
        self.states.contains(&State::Ours)
    }

    /// Those to be written.
    pub(super) fn wanted(&self) -> Vec<&'r TagRule> {
        let pairs = self.rules.iter().zip(&self.states);
        let wanted = pairs.filter(|(_, state)| **state == State::Write);
        wanted.map(|(rule, _)| rule).collect()
    }

    /// What the first tag names that is left alone.
    pub(super) fn kept(&self) -> Option<&Digest> {
        self.states.iter().find_map(|state| match state {
            State::Kept(digest) => Some(digest),
            State::Ours | State::Write => None,
        })
    }

    /// The tags that name `digest` in the end; `own` is ours.
    pub(super) fn naming(&self, digest: &Digest, own: &Digest) -> Vec<Tag> {
        let names = |state: &State| match state {
            State::Kept(kept) => kept == digest,
            State::Ours | State::Write => own == digest,
        };
        let pairs = self.rules.iter().zip(&self.states);
        let named = pairs.filter(|(_, state)| names(state));
        named.map(|(rule, _)| rule.tag.clone()).collect()
    }
}

async fn state(rule: &TagRule, own: &Digest, store: &Store, origin: &str) -> Result<State> {
    let found = store.resolve(&Pointer::Tag(rule.tag.clone())).await?;
    let Some(found) = found else { return Ok(State::Write) };
    if found.digest == *own {
        return Ok(State::Ours);
    }
    match rule.if_exists {
        IfExists::Replace => Ok(State::Write),
        IfExists::Skip => Ok(State::Kept(found.digest)),
        IfExists::Fail => Err(Error::new(
            Class::Conflict,
            format!(
                "{}:{} exists with the digest {}",
                store.location(),
                rule.tag,
                found.digest
            ),
        )
        .hint(format!(
            "{origin} {own}; write to another tag, or set `if-exists: replace`"
        ))),
    }
}

/// A tag that must not be moved is looked at again right before it is written: uploads take time, and another job may
/// have made it meanwhile.
pub(super) async fn recheck(rule: &TagRule, own: &Digest, store: &Store) -> Result<()> {
    if rule.if_exists == IfExists::Replace {
        return Ok(());
    }
    match store.resolve(&Pointer::Tag(rule.tag.clone())).await? {
        Some(found) if found.digest != *own => Err(raced(&rule.tag, &found.digest, store)),
        _ => Ok(()),
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
