//! The files of one artifact out of a store into a directory.

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::Engine;
use crate::error::{Class, Error, Result};
use crate::oci::{Descriptor, Digest, names};
use crate::pack::{self, Selection};
use crate::report::{Direction, Outcome};
use crate::store::{BlobSource, BlobStream, Store, blocking};
use crate::unpack::{self, Limits, Output};

/// A file or directory that was pulled.
#[derive(Clone, Debug)]
pub struct PulledFile {
    /// Where it lies now.
    pub path: Utf8PathBuf,
    /// The layer it came from.
    pub layer: Descriptor,
    /// Whether it was there already, with the same content.
    pub present: bool,
}

/// Fetches `layers`, which all have a title that was checked, into `output`. They come back in the same order.
pub async fn pull(
    layers: &[Descriptor],
    store: &Store,
    output: &Output,
    limits: Limits,
    engine: &Engine,
) -> Result<Vec<PulledFile>> {
    let there = there(layers, output).await?;
    let fetch = layers
        .iter()
        .zip(there)
        .map(|(layer, there)| fetch(layer, there, store, output, limits, engine));
    stream::iter(fetch).buffered(256).try_collect().await
}

/// Fetches one layer without writing it anywhere: its bytes when all of them are known to be right.
pub async fn spool(layer: &Descriptor, store: &Store, engine: &Engine) -> Result<BlobSource> {
    let _permit = engine.blob(layer.size).await?;
    let title = layer.title().unwrap_or_default();
    let transfer = engine.report.transfer(Direction::Down, title, layer.size);
    let stream = open(layer, store).await?;
    let source = unpack::spool(layer, stream, &transfer).await?;
    transfer.done(Outcome::Moved);
    Ok(source)
}

/// Where something is already: one hop to another thread for all files that are simply missing.
async fn there(layers: &[Descriptor], output: &Output) -> Result<Vec<bool>> {
    let output = output.clone();
    let titles: Vec<String> = layers
        .iter()
        .map(|layer| title(layer).map(str::to_owned))
        .collect::<Result<_>>()?;
    blocking(move || titles.iter().map(|title| output.has(title)).collect()).await
}

fn title(layer: &Descriptor) -> Result<&str> {
    layer
        .title()
        .ok_or_else(|| Error::internal("a layer without a title was selected"))
}

async fn fetch(
    layer: &Descriptor,
    there: bool,
    store: &Store,
    output: &Output,
    limits: Limits,
    engine: &Engine,
) -> Result<PulledFile> {
    let title = title(layer)?;
    let is = |key: &str| layer.annotations.get(key).is_some_and(|value| value == "true");
    let (unpack, executable) = (is(names::UNPACK), is(names::EXECUTABLE));
    // What unpacks is large, whatever its size: a few KiB can become gigabytes, and take a decoder's window meanwhile.
    let _permit = engine.blob(if unpack { u64::MAX } else { layer.size }).await?;
    let transfer = engine.report.transfer(Direction::Down, title, layer.size);
    let unpacked = match layer.annotations.get(names::UNPACKED_DIGEST) {
        Some(text) if unpack => Some(text.parse::<Digest>()?),
        _ => None,
    };
    if there && holds(layer, unpack, executable, unpacked.as_ref(), output).await? {
        transfer.done(Outcome::Present);
        return Ok(PulledFile {
            path: output.path().join(title),
            layer: layer.clone(),
            present: true,
        });
    }
    let mut stream = open(layer, store).await?;
    let path = if unpack {
        let large;
        (large, stream) = unpack::has_large_window(stream).await?;
        let mut limits = limits;
        let _alone = match large {
            // Its connection is given back: nobody may wait for those before it and hold what they need.
            true => {
                drop(stream);
                let alone = engine.large_window().await?;
                stream = open(layer, store).await?;
                Some(alone)
            }
            false => {
                limits.window = limits.window.min(unpack::USUAL_WINDOW);
                None
            }
        };
        output
            .unpack(title, layer, unpacked.as_ref(), stream, limits, &transfer)
            .await?
    } else {
        let written = output.write_file(title, layer, stream, executable, &transfer).await;
        written.map_err(|error| match error.class() {
            Class::Integrity => error.context(format_args!("{title:?}")),
            _ => error,
        })?
    };
    transfer.done(Outcome::Moved);
    Ok(PulledFile {
        path,
        layer: layer.clone(),
        present: false,
    })
}

/// Whether what is there is what the layer has.
async fn holds(
    layer: &Descriptor,
    unpack: bool,
    executable: bool,
    tar: Option<&Digest>,
    output: &Output,
) -> Result<bool> {
    let (output, title, layer, tar) = (output.clone(), title(layer)?.to_owned(), layer.clone(), tar.cloned());
    blocking(move || match tar {
        _ if !unpack => output.holds(&title, &layer, executable),
        Some(tar) => Ok(holds_directory(&output, &title, &tar)),
        None => Ok(false),
    })
    .await
}

/// Whether the directory `title` is there just as the artifact has it: packed again it gives the same tar. So only for
/// layers that were packed as we pack, without `SOURCE_DATE_EPOCH`; any other is fetched. Blocks.
fn holds_directory(output: &Output, title: &str, tar: &Digest) -> bool {
    let mut path = output.path().to_owned();
    for part in Utf8Path::new(title) {
        path.push(part);
        // Not through a link: pulling would refuse it.
        if !fs_err::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
            return false;
        }
    }
    let tree = pack::walk(path, &Selection::default());
    tree.and_then(|tree| pack::tar_digest(&tree, title, 0))
        .is_ok_and(|digest| digest == *tar)
}

/// The content in the descriptor itself, if it is there, else that of the store.
async fn open(layer: &Descriptor, store: &Store) -> Result<BlobStream> {
    match layer.inline()? {
        Some(bytes) => Ok(BlobSource::from(Bytes::from(bytes)).open(0)),
        None => store.open_blob(layer, 0).await,
    }
}
