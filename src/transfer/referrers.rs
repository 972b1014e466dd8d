//! What refers to a manifest, however deep: the lists of a store as a tree. The lists are another's word, so the walk
//! is bounded, and asks for each manifest once, whatever they say.

use std::collections::HashSet;
use std::future::Future;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::error::{Error, Result};
use crate::oci::{Content, Descriptor, Digest, names};
use crate::store::Store;

/// Most manifests in one walk.
const MANIFESTS: usize = 10_000;

/// Most bytes of what the lists say about them.
const TEXT: usize = 64 * 1024 * 1024;

/// Most levels.
const LEVELS: u32 = 64;

/// Lists under way at once.
const LISTS: usize = 8;

/// A manifest that refers to another, as the list of the store has it: whether it does is to be verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    /// Its descriptor, with artifact type and annotations.
    pub descriptor: Descriptor,
    /// What refers to it.
    pub referrers: Vec<Referrer>,
}

impl Referrer {
    /// Its artifact type; empty if the list gives none.
    pub fn artifact_type(&self) -> &str {
        self.descriptor.artifact_type.as_deref().unwrap_or_default()
    }

    /// Those of `referrers` that `wanted` holds for, however deep, and what leads to them.
    pub fn leading_to(referrers: Vec<Referrer>, wanted: &impl Fn(&Referrer) -> bool) -> Vec<Referrer> {
        let kept = referrers.into_iter().filter_map(|mut referrer| {
            referrer.referrers = Self::leading_to(std::mem::take(&mut referrer.referrers), wanted);
            (!referrer.referrers.is_empty() || wanted(&referrer)).then_some(referrer)
        });
        kept.collect()
    }

    /// All of them, each before what refers to it.
    pub fn all(referrers: &[Referrer]) -> Vec<&Referrer> {
        let mut all = Vec::new();
        for referrer in referrers {
            all.push(referrer);
            all.extend(Self::all(&referrer.referrers));
        }
        all
    }
}

/// What refers to each of `subjects`, in their order; `levels` deep, or all. Those of one subject are sorted by
/// artifact type, time of creation and digest. A manifest that is listed in two places has its referrers in the first.
///
/// # Errors
/// Integrity, if the lists don't end: above 10,000 manifests (the subjects among them), 64 levels, or 64 MiB of text.
pub async fn referrers(store: &Store, subjects: &[Digest], levels: Option<u32>) -> Result<Vec<Vec<Referrer>>> {
    let list = |subject: Digest| async move { store.referrers(&subject, None).await };
    walk(list, subjects, levels)
        .await
        .map_err(|error| error.context(store.location()))
}

/// Whether the manifest `referrer`, which a list of `store` has, refers to `subject` by its own word. A list may be
/// made by anyone who can push a tag; what a manifest names as its subject is part of its digest.
///
/// # Errors
/// Integrity, if it refers to something else.
pub fn check_subject(referrer: &Digest, content: &Content, subject: &Digest, store: &Store) -> Result<()> {
    let why = match content.subject() {
        Some(named) if named.digest == *subject => return Ok(()),
        Some(named) => format!("its subject is {}", named.digest),
        None => "it has no subject".to_owned(),
    };
    Err(untrue(referrer, subject, &why, store))
}

/// A list lied.
pub fn untrue(referrer: &Digest, subject: &Digest, why: &str, store: &Store) -> Error {
    let reference = store.reference(referrer);
    let error = Error::integrity(format!(
        "{reference}: the registry lists it as a referrer of {subject}, but {why}"
    ));
    error.hint("nothing was written, as the list is not to be trusted; `discover` shows all of it")
}

/// A manifest found; `of` is the place of its subject, counted through the subjects and then what was found.
struct Found {
    descriptor: Descriptor,
    of: usize,
}

async fn walk<F, L>(list: F, subjects: &[Digest], levels: Option<u32>) -> Result<Vec<Vec<Referrer>>>
where
    F: Fn(Digest) -> L,
    L: Future<Output = Result<Vec<Descriptor>>>,
{
    let many = || endless(&format!("more than {MANIFESTS} manifests, or 64 MiB of annotations"));
    // An index may list more.
    if subjects.len() > MANIFESTS {
        return Err(many());
    }
    let mut found: Vec<Found> = Vec::new();
    let mut text = 0;
    let mut asked = HashSet::new();
    let mut next: Vec<(usize, Digest)> = Vec::new();
    for (at, subject) in subjects.iter().enumerate() {
        if asked.insert(subject.clone()) {
            next.push((at, subject.clone()));
        }
    }
    let mut level = 0;
    while !next.is_empty() && levels.is_none_or(|levels| level < levels) {
        level += 1;
        let lists = std::mem::take(&mut next).into_iter().map(|(of, subject)| {
            let list = list(subject);
            async move { Ok::<_, Error>((of, list.await?)) }
        });
        let mut lists = stream::iter(lists).buffered(LISTS);
        while let Some((of, list)) = lists.try_next().await? {
            for descriptor in sorted(list) {
                text += descriptor.weight();
                if subjects.len() + found.len() >= MANIFESTS || text > TEXT {
                    return Err(many());
                }
                if level > LEVELS {
                    return Err(endless(&format!("more than {LEVELS} levels")));
                }
                if asked.insert(descriptor.digest.clone()) {
                    next.push((subjects.len() + found.len(), descriptor.digest.clone()));
                }
                found.push(Found { descriptor, of });
            }
        }
    }
    Ok(tree(found, subjects.len()))
}

/// Each manifest once, in an order that is the same whatever the store's.
fn sorted(mut list: Vec<Descriptor>) -> Vec<Descriptor> {
    list.sort_by(|one, other| key(one).cmp(&key(other)));
    let mut seen = HashSet::new();
    list.retain(|descriptor| seen.insert(descriptor.digest.clone()));
    list
}

fn key(descriptor: &Descriptor) -> (Option<&str>, Option<&String>, &Digest) {
    let created = descriptor.annotations.get(names::CREATED);
    (descriptor.artifact_type.as_deref(), created, &descriptor.digest)
}

/// Puts each manifest below its subject, the last ones first: what is moved is complete by then.
fn tree(found: Vec<Found>, subjects: usize) -> Vec<Vec<Referrer>> {
    let mut below: Vec<Vec<Referrer>> = vec![Vec::new(); subjects + found.len()];
    for Found { descriptor, of } in found.into_iter().rev() {
        let mut referrers = below.pop().unwrap_or_default();
        referrers.reverse();
        if let Some(siblings) = below.get_mut(of) {
            siblings.push(Referrer { descriptor, referrers });
        }
    }
    for referrers in &mut below {
        referrers.reverse();
    }
    below
}

fn endless(what: &str) -> Error {
    Error::integrity(format!("its lists of referrers give {what}"))
        .hint("no tree of attachments is so large: report it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Class;

    fn digest(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    fn descriptor(name: &str, artifact_type: &str) -> Descriptor {
        let mut descriptor = Descriptor::new(names::IMAGE_MANIFEST, digest(name), 1);
        descriptor.artifact_type = Some(artifact_type.to_owned());
        descriptor
    }

    /// A store that lists `edges`: subject, referrer, artifact type.
    async fn walked(
        edges: &[(&str, &str, &str)],
        subjects: &[&str],
        levels: Option<u32>,
    ) -> Result<Vec<Vec<Referrer>>> {
        let list = |subject: Digest| async move {
            let listed = edges.iter().filter(|(of, ..)| digest(of) == subject);
            Ok(listed.map(|(_, name, kind)| descriptor(name, kind)).collect())
        };
        let subjects: Vec<Digest> = subjects.iter().map(|name| digest(name)).collect();
        walk(list, &subjects, levels).await
    }

    /// `type(what refers to it)`, in order.
    fn outline(referrers: &[Referrer]) -> String {
        let one = |referrer: &Referrer| {
            let below = outline(&referrer.referrers);
            match below.as_str() {
                "" => referrer.artifact_type().to_owned(),
                below => format!("{}({below})", referrer.artifact_type()),
            }
        };
        referrers.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    const EDGES: &[(&str, &str, &str)] = &[
        ("app", "signature", "x/sig"),
        ("app", "sbom", "x/sbom"),
        ("sbom", "signature of the sbom", "x/sig"),
        ("app", "sbom", "x/sbom"),
        ("other", "note", "x/note"),
    ];

    #[tokio::test]
    async fn a_tree_is_sorted_and_has_each_manifest_once() {
        let trees = walked(EDGES, &["app", "other", "nothing"], None).await.unwrap();
        let outlines: Vec<String> = trees.iter().map(|tree| outline(tree)).collect();
        assert_eq!(outlines, ["x/sbom(x/sig) x/sig", "x/note", ""]);
        let one = walked(EDGES, &["app"], Some(1)).await.unwrap();
        assert_eq!(outline(&one[0]), "x/sbom x/sig");
    }

    #[tokio::test]
    async fn a_filter_keeps_what_leads_to_a_match() {
        let tree = walked(EDGES, &["app"], None).await.unwrap().remove(0);
        let of = |kind: &'static str| {
            let kept = Referrer::leading_to(tree.clone(), &|referrer: &Referrer| referrer.artifact_type() == kind);
            outline(&kept)
        };
        assert_eq!(of("x/sig"), "x/sbom(x/sig) x/sig");
        assert_eq!(of("x/sbom"), "x/sbom");
        assert_eq!(of("x/none"), "");
    }

    #[tokio::test]
    async fn m30_lists_that_go_in_a_circle_end() {
        let edges = &[
            ("a", "b", "x/b"),
            ("b", "c", "x/c"),
            ("c", "a", "x/a"),
            ("c", "c", "x/c"),
        ];
        let tree = walked(edges, &["a"], None).await.unwrap();
        assert_eq!(outline(&tree[0]), "x/b(x/c(x/a x/c))");
    }

    #[tokio::test]
    async fn m20_lists_without_an_end_are_refused() {
        let wide = |subject: Digest| async move {
            let names = (0..200).map(|at| format!("{subject}{at}"));
            Ok(names.map(|name| descriptor(&name, "x/y")).collect())
        };
        let deep = |subject: Digest| async move { Ok(vec![descriptor(&subject.to_string(), "x/y")]) };
        let heavy = |subject: Digest| async move {
            let mut one = descriptor(&subject.to_string(), "x/y");
            one.annotations.insert("a".to_owned(), "b".repeat(2 * 1024 * 1024));
            Ok(vec![one])
        };
        let errors = [
            walk(wide, &[digest("a")], None).await.unwrap_err(),
            walk(deep, &[digest("a")], Some(1000)).await.unwrap_err(),
            walk(heavy, &[digest("a")], None).await.unwrap_err(),
        ];
        for (error, why) in errors.iter().zip(["10000 manifests", "64 levels", "64 MiB"]) {
            assert_eq!(error.class(), Class::Integrity);
            assert!(error.to_string().contains(why), "{error}");
        }
        // As deep as was asked for is no fault.
        assert_eq!(walk(deep, &[digest("a")], Some(64)).await.unwrap()[0].len(), 1);
    }
}
