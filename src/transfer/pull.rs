//! The files of one artifact out of a store into a directory.

use bytes::Bytes;
use camino::Utf8PathBuf;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::Engine;
use super::prepare::blocking;
use crate::error::{Class, Error, Result};
use crate::oci::{Descriptor, Digest, names};
use crate::report::{Direction, Outcome};
use crate::store::{BlobSource, BlobStream, Store};
use crate::unpack::{Limits, Output};

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
    let fetch = layers.iter().map(|layer| fetch(layer, store, output, limits, engine));
    stream::iter(fetch).buffered(256).try_collect().await
}

async fn fetch(
    layer: &Descriptor,
    store: &Store,
    output: &Output,
    limits: Limits,
    engine: &Engine,
) -> Result<PulledFile> {
    let _permit = engine
        .blobs
        .acquire()
        .await
        .map_err(|_| Error::internal("the engine was closed"))?;
    let title = layer
        .title()
        .ok_or_else(|| Error::internal("a layer without a title was selected"))?;
    let transfer = engine.report.transfer(Direction::Down, title, layer.size);
    let is = |key: &str| layer.annotations.get(key).is_some_and(|value| value == "true");
    let (unpack, executable) = (is(names::UNPACK), is(names::EXECUTABLE));
    if !unpack {
        let (output, title, blob) = (output.clone(), title.to_owned(), layer.clone());
        if let Some(path) = blocking(move || {
            let held = output.holds(&title, &blob, executable)?;
            Ok(held.then(|| output.path().join(&title)))
        })
        .await?
        {
            transfer.done(Outcome::Present);
            return Ok(PulledFile {
                path,
                layer: layer.clone(),
                present: true,
            });
        }
    }
    let stream = open(layer, store).await?;
    let path = if unpack {
        let unpacked = layer
            .annotations
            .get(names::UNPACKED_DIGEST)
            .map(|text| text.parse::<Digest>())
            .transpose()?;
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

/// The content in the descriptor itself, if it is there, else that of the store.
async fn open(layer: &Descriptor, store: &Store) -> Result<BlobStream> {
    match layer.inline()? {
        Some(bytes) => Ok(BlobSource::from(Bytes::from(bytes)).open(0)),
        None => store.open_blob(layer, 0).await,
    }
}
