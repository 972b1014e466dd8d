//! Which files of an artifact a pull is about, and whether they are what was asked for. Nothing that the artifact says
//! is trusted: titles are checked before anything is fetched.

use super::{Context, PullItem, PullSettings};
use crate::error::{Class, Error, Result};
use crate::oci::{Artifact, Descriptor, names};
use crate::pattern::Pattern;
use crate::reference::Reference;
use crate::spec::{FileSpec, IfNoFilesFound, STDIN_TITLE};
use crate::unpack::{check_title_as, colliding};

/// The layers of the artifact that are wanted.
pub(super) fn layers(
    item: &PullItem,
    artifact: &Artifact,
    settings: PullSettings,
    context: &Context,
) -> Result<Vec<Descriptor>> {
    if let Some(wanted) = &item.artifact_type
        && artifact.artifact_type.as_deref() != Some(wanted.as_str())
    {
        let found = artifact.artifact_type.as_deref().unwrap_or("none");
        return Err(Error::integrity(format!(
            "{} has the artifact type {found}, not {wanted}",
            item.reference
        ))
        .hint("name the right reference, or leave `artifact-type` out"));
    }
    let (titled, content) = titled(artifact);
    if titled.is_empty() && content > 0 {
        return Err(Error::new(
            Class::NotFound,
            format!("{} names no files: its layers have no titles", item.reference),
        )
        .hint("it may be a container image or a chart; `oci-artifact inspect --blob DIGEST` gives a layer's bytes"));
    }
    if content == 0 {
        context
            .report
            .warning(format!("{} has no files: there is nothing to write", item.reference));
    }
    tell_untitled(&item.reference, content - titled.len(), context);
    let layers = select(item, &titled, settings, context)?;
    check_titles(&layers, REFUSED, "list the one that you want in `files`")?;
    Ok(layers)
}

/// The layers of a referrer, `reference`: all that have titles.
pub(super) fn layers_of_referrer(
    reference: &Reference,
    artifact: &Artifact,
    context: &Context,
) -> Result<Vec<Descriptor>> {
    let (titled, content) = titled(artifact);
    tell_untitled(reference, content - titled.len(), context);
    let layers: Vec<Descriptor> = titled.into_iter().cloned().collect();
    check_titles(&layers, UNWANTED, UNWANTED).map_err(|error| error.context(reference))?;
    Ok(layers)
}

/// The layers that have titles, and how many are more than the empty one in the place of none.
fn titled(artifact: &Artifact) -> (Vec<&Descriptor>, usize) {
    let (titled, others): (Vec<_>, Vec<_>) = artifact.layers.iter().partition(|layer| layer.title().is_some());
    let untitled = others.iter().filter(|layer| layer.media_type != names::EMPTY).count();
    let content = titled.len() + untitled;
    (titled, content)
}

fn tell_untitled(reference: &Reference, untitled: usize, context: &Context) {
    if untitled > 0 {
        let plural = if untitled == 1 {
            " without a title is"
        } else {
            "s without a title are"
        };
        let text = format!("{reference}: {untitled} layer{plural} left out");
        context.report.warning(text);
    }
}

/// Titles come from the artifact: not to be trusted, whoever pushed it. The hints are for a title that is refused, and
/// for two that are one path.
fn check_titles(layers: &[Descriptor], refused: &str, twice: &str) -> Result<()> {
    for title in layers.iter().filter_map(Descriptor::title) {
        check_title_as(title, Class::Integrity).map_err(|error| error.hint(refused))?;
    }
    let Some((one, other)) = colliding(layers.iter().filter_map(titled_kind)) else {
        return Ok(());
    };
    let error = Error::integrity(format!(
        "two files of the artifact have the titles {one:?} and {other:?}"
    ));
    Err(error.hint(twice))
}

/// A layer's title, and whether it becomes a directory.
pub(super) fn titled_kind(layer: &Descriptor) -> Option<(&str, bool)> {
    let directory = layer
        .annotations
        .get(names::UNPACK)
        .is_some_and(|value| value == "true");
    Some((layer.title()?, directory))
}

const UNWANTED: &str =
    "nothing was written; leave its type out of `include-referrers`, or pull by digest what you need";

const REFUSED: &str = "nothing was written; who pushed the artifact can give the file another title";

/// The layers that `files` ask for, each once, in the order of the manifest.
fn select(
    item: &PullItem,
    titled: &[&Descriptor],
    settings: PullSettings,
    context: &Context,
) -> Result<Vec<Descriptor>> {
    if item.files.is_empty() {
        return Ok(titled.iter().map(|layer| (*layer).clone()).collect());
    }
    let mut wanted = vec![false; titled.len()];
    for entry in &item.files {
        let pattern = Pattern::parse(&entry.path).ok();
        let plain = if entry.is_stdin() {
            STDIN_TITLE
        } else {
            entry.path.trim_start_matches("./").trim_end_matches('/')
        };
        let matches = |layer: &Descriptor| {
            let title = layer.title().unwrap_or_default();
            match &entry.title {
                Some(wanted) => wanted == title,
                None => title == plain || pattern.as_ref().is_some_and(|pattern| pattern.matches(title.into())),
            }
        };
        let mut any = false;
        for (wanted, layer) in wanted.iter_mut().zip(titled).filter(|(_, layer)| matches(layer)) {
            check_type(entry, layer)?;
            *wanted = !entry.excluded;
            any = true;
        }
        if !any && !entry.excluded {
            let titles: Vec<&str> = titled.iter().filter_map(|layer| layer.title()).take(20).collect();
            let error = Error::new(Class::NotFound, format!("{}: no file {:?}", item.reference, entry.path))
                .hint(format!("its files are {}", titles.join(", ")));
            let error = error.at(entry.place.clone());
            match settings.if_no_files_found {
                IfNoFilesFound::Error => return Err(error),
                IfNoFilesFound::Warn => context.report.warning(error.to_string()),
                IfNoFilesFound::Ignore => {}
            }
        }
    }
    Ok(titled
        .iter()
        .zip(&wanted)
        .filter(|(_, wanted)| **wanted)
        .map(|(layer, _)| (*layer).clone())
        .collect())
}

fn check_type(entry: &FileSpec, layer: &Descriptor) -> Result<()> {
    match &entry.media_type {
        Some(wanted) if wanted.as_str() != layer.media_type => {
            let title = layer.title().unwrap_or_default();
            Err(Error::integrity(format!(
                "{title:?} has the media type {}, not {wanted}",
                layer.media_type
            ))
            .hint("name the right type, or leave it out"))
        }
        _ => Ok(()),
    }
}
