//! `pull --output -`: exactly one file, for stdout.

use super::{Chosen, PullItem, PullSettings, choose, described, in_item, select};
use crate::error::{Class, Error, Result};
use crate::oci::Descriptor;
use crate::ops::Context;
use crate::report::{ArtifactResult, State};
use crate::store::BlobSource;
use crate::transfer::pull;

/// Fetches the one file that `items` are about; `None` with `dry-run`. Nothing of it has left before all of it is known
/// to be right.
///
/// # Errors
/// Usage, if there are several files, or a directory.
pub async fn pull_to_stdout(
    items: &[PullItem],
    settings: PullSettings,
    context: &Context,
) -> Result<Option<BlobSource>> {
    for item in items {
        let result = ArtifactResult::new(&item.name, &item.reference.location);
        context.ledger.set(result);
    }
    let [item] = items else {
        let names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
        return Err(Error::usage(format!(
            "stdout takes one file, and there are {} artifacts",
            items.len()
        ))
        .hint(format!("choose one with `only`: {}", names.join(", "))));
    };
    let chosen = choose(item, settings, context).await?;
    let mut result = described(&chosen);
    result.path = None;
    result.state = State::Failed;
    context.ledger.set(result.clone());
    let failed = |error| in_item(item, error);
    let layer = only_file(&chosen).map_err(failed)?;
    let source = if settings.dry_run {
        None
    } else {
        Some(
            pull::spool(&layer, &chosen.store, &context.engine)
                .await
                .map_err(failed)?,
        )
    };
    result.state = State::Pulled;
    context.ledger.set(result);
    Ok(source)
}

fn only_file(chosen: &Chosen<'_>) -> Result<Descriptor> {
    let writes = chosen.writes();
    let (reference, titles) = (
        &chosen.item.reference,
        writes.iter().filter_map(|(_, layer)| layer.title()),
    );
    match writes.as_slice() {
        [(_, layer)] => match select::titled_kind(layer) {
            Some((title, true)) => Err(Error::usage(format!(
                "{title:?} of {reference} is a directory, and stdout takes one file"
            ))
            .hint(format!(
                "pull it into a folder with `output`, or get it packed: `oci-artifact inspect {reference} --blob {}`",
                layer.digest
            ))),
            _ => Ok((*layer).clone()),
        },
        [] => Err(
            Error::new(Class::NotFound, format!("{reference} has no file for stdout"))
                .hint("`oci-artifact inspect` shows what it has"),
        ),
        several => {
            let shown: Vec<&str> = titles.take(20).collect();
            let more = if several.len() > shown.len() { ", …" } else { "" };
            Err(
                Error::usage(format!("stdout takes one file, and {reference} has {}", several.len()))
                    .hint(format!("select one with `files`: {}{more}", shown.join(", "))),
            )
        }
    }
}
