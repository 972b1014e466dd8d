//! `pull`: all manifests first, then what would collide, then the files.

mod include;
mod select;
mod stdout;

use std::collections::{HashMap, HashSet};

use camino::Utf8PathBuf;
use futures_util::{StreamExt, TryStreamExt, future, stream};

use self::include::Included;
pub use self::stdout::pull_to_stdout;
use super::{Context, manifest};
use crate::error::{Error, Place, Result};
use crate::oci::{Content, Descriptor, Digest, MediaType, Platform, names};
use crate::reference::Reference;
use crate::report::{ArtifactResult, AttachmentResult, LayerResult, State};
use crate::spec::{FileSpec, IfNoFilesFound};
use crate::store::{Store, blocking};
use crate::transfer::platform;
use crate::transfer::pull::{self, PulledFile};
use crate::unpack::{Limits, Output};

/// Artifacts under way at once; their blobs share the engine's permits.
const ARTIFACTS: usize = 8;

/// One artifact to pull.
#[derive(Clone, Debug)]
pub struct PullItem {
    /// Its name in this run.
    pub name: String,
    /// Where it stands in the spec.
    pub place: Option<Place>,
    /// Where it is.
    pub reference: Reference,
    /// What it must be of.
    pub artifact_type: Option<MediaType>,
    /// Which of its files, by title; all if none is listed.
    pub files: Vec<FileSpec>,
    /// Where they go, absolute.
    pub output: Utf8PathBuf,
    /// Which manifest of an index.
    pub platform: Option<Platform>,
    /// Artifact types of the referrers to pull along; `*` is all.
    pub include_referrers: Vec<String>,
    /// Whether it was said of this artifact that it has them; else they are fetched where there are some.
    pub demands_referrers: bool,
}

/// How to pull.
#[derive(Clone, Copy, Debug)]
pub struct PullSettings {
    /// Limits on unpacking.
    pub limits: Limits,
    /// What to do when a listed file isn't in the artifact, or nothing has a type of `include_referrers`.
    pub if_no_files_found: IfNoFilesFound,
    /// Say what would be written, and write nothing.
    pub dry_run: bool,
}

/// An artifact whose manifest is known and whose layers were chosen.
struct Chosen<'a> {
    item: &'a PullItem,
    store: Store,
    found: platform::Chosen,
    artifact_type: Option<String>,
    layers: Vec<Descriptor>,
    included: Vec<Included>,
}

impl Chosen<'_> {
    /// What is written: each layer with the manifest that it is of. What two manifests have alike is written once.
    fn writes(&self) -> Vec<(&Digest, &Descriptor)> {
        let own = self.layers.iter().map(|layer| (self.found.manifest.digest(), layer));
        let mut writes: Vec<_> = own.collect();
        writes.extend(include::layers(&self.included));
        let mut seen = HashSet::new();
        writes.retain(|(_, layer)| {
            let marks = [names::UNPACK, names::EXECUTABLE].map(|key| layer.annotations.get(key));
            seen.insert((layer.title(), &layer.digest, marks))
        });
        writes
    }
}

/// Pulls `items`.
pub async fn pull(items: &[PullItem], settings: PullSettings, context: &Context) -> Result<()> {
    for item in items {
        context
            .ledger
            .set(ArtifactResult::new(&item.name, &item.reference.location));
    }
    let choose = items.iter().map(|item| choose(item, settings, context));
    let chosen: Vec<Chosen<'_>> = stream::iter(choose).buffered(ARTIFACTS).try_collect().await?;
    check_paths(&chosen)?;
    let mut outputs = Vec::new();
    for chosen in &chosen {
        let output = open(chosen, settings).await.map_err(|error| {
            context.ledger.state(&chosen.item.name, State::Failed);
            in_item(chosen.item, error)
        })?;
        outputs.push(output);
    }
    let fetch = chosen
        .iter()
        .zip(outputs)
        .map(|(chosen, output)| fetch(chosen, output, settings, context));
    stream::iter(fetch)
        .buffer_unordered(ARTIFACTS)
        .try_for_each(|()| future::ok(()))
        .await
}

async fn choose<'a>(item: &'a PullItem, settings: PullSettings, context: &Context) -> Result<Chosen<'a>> {
    let failed = |error| {
        context.ledger.state(&item.name, State::Failed);
        in_item(item, error)
    };
    let store = context.stores.open(&item.reference.location);
    let named = manifest(&item.reference, &store).await.map_err(failed)?;
    let found = platform::choose(&item.reference, named, item.platform.as_ref(), &store);
    let found = found.await.map_err(failed)?;
    let Content::Artifact(artifact) = found.manifest.content().map_err(failed)? else {
        return Err(failed(Error::internal("an index was chosen from an index")));
    };
    let layers = select::layers(item, &artifact, settings, context).map_err(failed)?;
    let included = include::include(item, &found, &store, settings, context);
    let chosen = Chosen {
        item,
        included: included.await.map_err(failed)?,
        store,
        found,
        artifact_type: artifact.artifact_type,
        layers,
    };
    include::check_paths(&chosen).map_err(failed)?;
    Ok(chosen)
}

/// No two artifacts may write one path.
fn check_paths(chosen: &[Chosen<'_>]) -> Result<()> {
    let mut writers: HashMap<Utf8PathBuf, &str> = HashMap::new();
    for chosen in chosen {
        for title in chosen.writes().iter().filter_map(|(_, layer)| layer.title()) {
            let path = chosen.item.output.join(title);
            if let Some(other) = writers.insert(path.clone(), &chosen.item.name) {
                let name = &chosen.item.name;
                let error = Error::usage(format!("artifacts {other:?} and {name:?} would both write {path}"))
                    .hint("give them different `output` folders, or pull one with `only`");
                return Err(error.at(chosen.item.place.clone()));
            }
        }
    }
    Ok(())
}

/// Opens the output, unless nothing is to be written, and looks whether there is room for each file, so that nothing is
/// changed if there isn't.
async fn open(chosen: &Chosen<'_>, settings: PullSettings) -> Result<Option<Output>> {
    if settings.dry_run {
        return Ok(None);
    }
    let path = chosen.item.output.clone();
    let layers = written(chosen);
    blocking(move || {
        let output = Output::open(&path)?;
        for (title, directory) in layers.iter().filter_map(select::titled_kind) {
            output.check(title, directory)?;
        }
        Ok(Some(output))
    })
    .await
}

fn written(chosen: &Chosen<'_>) -> Vec<Descriptor> {
    chosen.writes().into_iter().map(|(_, layer)| layer.clone()).collect()
}

async fn fetch(chosen: &Chosen<'_>, output: Option<Output>, settings: PullSettings, context: &Context) -> Result<()> {
    let item = chosen.item;
    let mut result = described(chosen);
    result.state = State::Failed;
    context.ledger.set(result.clone());
    let layers = written(chosen);
    let path = |title: &str| (title.to_owned(), item.output.join(title));
    let mut paths: HashMap<String, Utf8PathBuf> = layers.iter().filter_map(Descriptor::title).map(path).collect();
    result.state = State::Pulled;
    if let Some(output) = output {
        let files = pull::pull(&layers, &chosen.store, &output, settings.limits, &context.engine);
        let files: Vec<PulledFile> = files.await.map_err(|error| in_item(item, error))?;
        if files.iter().all(|file| file.present) {
            result.state = State::Unchanged;
        }
        paths.extend(
            files
                .into_iter()
                .filter_map(|file| Some((file.layer.title()?.to_owned(), file.path))),
        );
    }
    set_paths(&mut result.layers, &mut result.attachments, &paths);
    context.ledger.set(result);
    Ok(())
}

/// What is known before a file is fetched.
fn described(chosen: &Chosen<'_>) -> ArtifactResult {
    let (item, found, location) = (chosen.item, &chosen.found, &chosen.item.reference.location);
    let mut result = ArtifactResult::new(&item.name, location)
        .at(location, found.manifest.digest())
        .layers(&chosen.layers);
    result.media_type = Some(found.manifest.media_type().to_owned());
    result.artifact_type = chosen.artifact_type.clone();
    result.tags = item.reference.tag.iter().map(ToString::to_string).collect();
    result.index = found.through.first().cloned();
    result.platform = found.platform.as_ref().map(ToString::to_string);
    result.attachments = include::results(&chosen.included, location);
    result.path = Some(item.output.to_string());
    result
}

/// Titles are unique among what is written.
fn set_paths(layers: &mut [LayerResult], attachments: &mut [AttachmentResult], paths: &HashMap<String, Utf8PathBuf>) {
    for layer in layers {
        let path = layer.title.as_ref().and_then(|title| paths.get(title));
        layer.path = path.map(ToString::to_string);
    }
    for attachment in attachments {
        set_paths(&mut attachment.layers, &mut attachment.attachments, paths);
    }
}

fn in_item(item: &PullItem, error: Error) -> Error {
    error.at(item.place.clone())
}
