//! `pull`: all manifests first, then what would collide, then the files.

mod select;

use std::collections::HashMap;

use camino::Utf8PathBuf;
use futures_util::{StreamExt, TryStreamExt, future, stream};

use super::{Context, manifest};
use crate::error::{Error, Place, Result};
use crate::oci::{Descriptor, MediaType, Platform, RawManifest};
use crate::reference::Reference;
use crate::report::{ArtifactResult, State};
use crate::spec::{FileSpec, IfNoFilesFound};
use crate::store::Store;
use crate::transfer::prepare::blocking;
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
}

/// How to pull.
#[derive(Clone, Copy, Debug)]
pub struct PullSettings {
    /// Limits on unpacking.
    pub limits: Limits,
    /// What to do when a listed file isn't in the artifact.
    pub if_no_files_found: IfNoFilesFound,
    /// Say what would be written, and write nothing.
    pub dry_run: bool,
}

/// An artifact whose manifest is known and whose layers were chosen.
struct Chosen<'a> {
    item: &'a PullItem,
    store: Store,
    manifest: RawManifest,
    artifact_type: Option<String>,
    layers: Vec<Descriptor>,
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
    let manifest = manifest(&item.reference, &store).await.map_err(failed)?;
    let (artifact_type, layers) = select::layers(item, &manifest, settings, context).map_err(failed)?;
    Ok(Chosen {
        item,
        store,
        manifest,
        artifact_type,
        layers,
    })
}

/// No two artifacts may write one path.
fn check_paths(chosen: &[Chosen<'_>]) -> Result<()> {
    let mut writers: HashMap<Utf8PathBuf, &str> = HashMap::new();
    for chosen in chosen {
        for title in chosen.layers.iter().filter_map(|layer| layer.title()) {
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
    let layers = chosen.layers.clone();
    blocking(move || {
        let output = Output::open(&path)?;
        for (title, directory) in layers.iter().filter_map(select::titled_kind) {
            output.check(title, directory)?;
        }
        Ok(Some(output))
    })
    .await
}

async fn fetch(chosen: &Chosen<'_>, output: Option<Output>, settings: PullSettings, context: &Context) -> Result<()> {
    let item = chosen.item;
    let location = &item.reference.location;
    let mut result = ArtifactResult::new(&item.name, location)
        .at(location, chosen.manifest.digest())
        .layers(&chosen.layers);
    result.media_type = Some(chosen.manifest.media_type().to_owned());
    result.artifact_type = chosen.artifact_type.clone();
    result.tags = item.reference.tag.iter().map(ToString::to_string).collect();
    result.path = Some(item.output.to_string());
    result.state = State::Failed;
    context.ledger.set(result.clone());
    let Some(output) = output else {
        result.state = State::Pulled;
        context.ledger.set(result);
        return Ok(());
    };
    let failed = |error| in_item(item, error);
    let files = pull::pull(&chosen.layers, &chosen.store, &output, settings.limits, &context.engine);
    let files: Vec<PulledFile> = files.await.map_err(failed)?;
    for (layer, file) in result.layers.iter_mut().zip(&files) {
        layer.path = Some(file.path.to_string());
    }
    result.state = if files.iter().all(|file| file.present) {
        State::Unchanged
    } else {
        State::Pulled
    };
    context.ledger.set(result);
    Ok(())
}

fn in_item(item: &PullItem, error: Error) -> Error {
    error.at(item.place.clone())
}
