//! The referrers that are pulled along: found by the store's lists, believed by their manifests alone.

use std::collections::{BTreeSet, HashMap};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Chosen, Context, PullItem, PullSettings, platform, select};
use crate::error::{Class, Error, Result};
use crate::oci::{Annotations, Content, Descriptor, Digest, RawManifest};
use crate::reference::{Location, Pointer, Reference};
use crate::report::{AttachmentResult, LayerResult};
use crate::spec::IfNoFilesFound;
use crate::store::Store;
use crate::transfer::referrers::{Referrer, check_subject, referrers, untrue};
use crate::unpack::colliding;

/// Manifests under way at once.
const MANIFESTS: usize = 8;

/// Most bytes of all manifests of referrers: what they list is kept until it is fetched.
const BYTES: usize = 64 * 1024 * 1024;

/// Artifact types that an error names.
const SHOWN: usize = 20;

/// A referrer that is pulled along, or that leads to one.
pub(super) struct Included {
    /// As its manifest has it.
    descriptor: Descriptor,
    /// What is written of it; nothing if it only leads to another.
    layers: Vec<Descriptor>,
    referrers: Vec<Included>,
}

/// What a manifest of a referrer says.
struct Said {
    artifact_type: Option<String>,
    annotations: Annotations,
    layers: Vec<Descriptor>,
}

/// The referrers of what was found, and of the indexes that led to it, of the types that are asked for.
pub(super) async fn include(
    item: &PullItem,
    found: &platform::Chosen,
    store: &Store,
    settings: PullSettings,
    context: &Context,
) -> Result<Vec<Included>> {
    if item.include_referrers.is_empty() {
        return Ok(Vec::new());
    }
    let subjects: Vec<Digest> = [found.manifest.digest()]
        .into_iter()
        .chain(&found.through)
        .cloned()
        .collect();
    let trees = referrers(store, &subjects, None).await?;
    let listed: BTreeSet<String> = trees
        .iter()
        .flat_map(|tree| Referrer::all(tree))
        .map(|referrer| referrer.artifact_type().to_owned())
        .filter(|artifact_type| !artifact_type.is_empty())
        .collect();
    let leads = |referrer: &Referrer| is_wanted(item, Some(referrer.artifact_type()));
    let trees = trees.into_iter().map(|tree| Referrer::leading_to(tree, &leads));
    let trees: Vec<(Digest, Vec<Referrer>)> = subjects.into_iter().zip(trees).collect();
    let said = read(item, &trees, store, context).await?;
    let included: Vec<Included> = trees.into_iter().flat_map(|(_, tree)| join(tree, &said)).collect();
    check_found(item, &included, &listed, settings, context)?;
    Ok(included)
}

fn is_wanted(item: &PullItem, artifact_type: Option<&str>) -> bool {
    let mut wanted = item.include_referrers.iter();
    wanted.any(|wanted| wanted == "*" || Some(wanted.as_str()) == artifact_type)
}

/// Fetches the manifests; one that is gone is left out, with all that refers to it.
async fn read(
    item: &PullItem,
    trees: &[(Digest, Vec<Referrer>)],
    store: &Store,
    context: &Context,
) -> Result<HashMap<Digest, Said>> {
    let mut edges: Vec<(&Digest, &Referrer)> = Vec::new();
    let mut open: Vec<(&Digest, &[Referrer])> = trees.iter().map(|(subject, tree)| (subject, &**tree)).collect();
    while let Some((subject, below)) = open.pop() {
        for referrer in below {
            edges.push((subject, referrer));
            open.push((&referrer.descriptor.digest, &referrer.referrers));
        }
    }
    let fetched = edges.into_iter().map(|(subject, referrer)| async move {
        let pointer = Pointer::Digest(referrer.descriptor.digest.clone());
        Ok::<_, Error>((subject, referrer, store.get_manifest(&pointer).await?))
    });
    let mut fetched = stream::iter(fetched).buffered(MANIFESTS);
    let mut said = HashMap::new();
    let mut bytes = 0;
    while let Some((subject, referrer, manifest)) = fetched.try_next().await? {
        let reference = store.reference(&referrer.descriptor.digest);
        let Some(manifest) = manifest else {
            let text = format!("{reference}: listed as a referrer of {subject}, but not there; it is left out");
            context.report.warning(text);
            continue;
        };
        bytes += manifest.bytes().len();
        if bytes > BYTES {
            let error = Error::integrity(format!(
                "{}: more than 64 MiB of manifests of referrers",
                item.reference
            ));
            return Err(error.hint("name fewer types in `include-referrers`"));
        }
        let content = believe(&manifest, subject, referrer, item, store)?;
        let read = said_by(content, &reference, item, context)?;
        said.insert(manifest.digest().clone(), read);
    }
    Ok(said)
}

/// What the manifest says, if it is what the list makes of it: of that subject, and of a type that is asked for too.
fn believe(
    manifest: &RawManifest,
    subject: &Digest,
    listed: &Referrer,
    item: &PullItem,
    store: &Store,
) -> Result<Content> {
    let content = manifest.content()?;
    check_subject(manifest.digest(), &content, subject, store)?;
    let listed_type = listed.artifact_type();
    if is_wanted(item, Some(listed_type)) && !is_wanted(item, content.artifact_type()) {
        let found = content.artifact_type().unwrap_or("none");
        let why = format!("its artifact type is {found:?}, not {listed_type:?}");
        return Err(untrue(manifest.digest(), subject, &why, store));
    }
    Ok(content)
}

fn said_by(content: Content, reference: &Reference, item: &PullItem, context: &Context) -> Result<Said> {
    Ok(match content {
        Content::Index(index) => Said {
            artifact_type: index.artifact_type,
            annotations: index.annotations,
            layers: Vec::new(),
        },
        Content::Artifact(artifact) => Said {
            layers: if is_wanted(item, artifact.artifact_type.as_deref()) {
                select::layers_of_referrer(reference, &artifact, context)?
            } else {
                Vec::new()
            },
            artifact_type: artifact.artifact_type,
            annotations: artifact.annotations,
        },
    })
}

/// The tree of what was read.
fn join(tree: Vec<Referrer>, said: &HashMap<Digest, Said>) -> Vec<Included> {
    let one = |referrer: Referrer| {
        let said_of_it = said.get(&referrer.descriptor.digest)?;
        Some(Included {
            descriptor: Descriptor {
                artifact_type: said_of_it.artifact_type.clone(),
                annotations: said_of_it.annotations.clone(),
                ..referrer.descriptor
            },
            layers: said_of_it.layers.clone(),
            referrers: join(referrer.referrers, said),
        })
    };
    tree.into_iter().filter_map(one).collect()
}

/// `*` asks for what there is, and none is fine.
fn check_found(
    item: &PullItem,
    included: &[Included],
    listed: &BTreeSet<String>,
    settings: PullSettings,
    context: &Context,
) -> Result<()> {
    let mut there = BTreeSet::new();
    types(included, &mut there);
    let missing = item.include_referrers.iter();
    let missing: Vec<&str> = missing
        .filter(|wanted| *wanted != "*" && !there.contains(wanted.as_str()))
        .map(String::as_str)
        .collect();
    if missing.is_empty() || !item.demands_referrers {
        return Ok(());
    }
    let missing = missing.join(" or ");
    let error = Error::new(
        Class::NotFound,
        format!("{}: nothing of the type {missing} refers to it", item.reference),
    );
    let listed: Vec<String> = listed.iter().take(SHOWN).map(|kind| format!("{kind:?}")).collect();
    let error = error.hint(match listed.as_slice() {
        [] => "nothing at all refers to it; `if-no-files-found: warn` goes on without".to_owned(),
        listed => format!("what refers to it is of the types {}", listed.join(", ")),
    });
    match settings.if_no_files_found {
        IfNoFilesFound::Error => return Err(error),
        IfNoFilesFound::Warn => context.report.warning(error.to_string()),
        IfNoFilesFound::Ignore => {}
    }
    Ok(())
}

fn types<'a>(included: &'a [Included], found: &mut BTreeSet<&'a str>) {
    for one in included {
        found.extend(one.descriptor.artifact_type.as_deref());
        types(&one.referrers, found);
    }
}

/// The layers that are written, each with its manifest.
pub(super) fn layers(included: &[Included]) -> Vec<(&Digest, &Descriptor)> {
    let mut all = Vec::new();
    for one in included {
        all.extend(one.layers.iter().map(|layer| (&one.descriptor.digest, layer)));
        all.extend(layers(&one.referrers));
    }
    all
}

/// As the result has them.
pub(super) fn results(included: &[Included], location: &Location) -> Vec<AttachmentResult> {
    let result = |one: &Included| AttachmentResult {
        layers: one.layers.iter().map(LayerResult::from).collect(),
        attachments: results(&one.referrers, location),
        ..AttachmentResult::new(&one.descriptor, location)
    };
    included.iter().map(result).collect()
}

/// An artifact and its referrers go into one folder: no two may write one path.
pub(super) fn check_paths(chosen: &Chosen<'_>) -> Result<()> {
    let writes = chosen.writes();
    let titles = writes.iter().filter_map(|(_, layer)| select::titled_kind(layer));
    let Some((one, other)) = colliding(titles) else {
        return Ok(());
    };
    // The texts themselves, as equal ones belong to different manifests.
    let of = |title: &str| {
        let mut writes = writes.iter();
        let found = writes.find(|(_, layer)| layer.title().is_some_and(|own| std::ptr::eq(own, title)));
        found
            .map(|(digest, _)| chosen.store.reference(digest).to_string())
            .unwrap_or_default()
    };
    let (first, second, output) = (of(one), of(other), &chosen.item.output);
    let error = Error::usage(format!(
        "{first} and {second} would both write {:?} in {output}",
        if one == other {
            one.to_owned()
        } else {
            format!("{one} and {other}")
        },
    ));
    Err(error.hint(format!(
        "nothing was written; pull one by itself, with another `output`: oci-artifact pull {second} -o FOLDER"
    )))
}
