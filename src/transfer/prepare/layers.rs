//! Layers into blobs, on blocking threads: as many files at once as there are cores, small ones several to a thread's
//! turn.

use futures_util::future;

use super::Blob;
use crate::error::Result;
use crate::oci::{Descriptor, names};
use crate::pack::{self, Budget, Packed};
use crate::plan::{Layer, LayerContent};
use crate::store::blocking;
use crate::transfer::Engine;

/// Bytes that are worth a thread's turn of their own.
const TURN: u64 = 1024 * 1024;

/// The most files in one turn, for opening them takes time too.
const FILES: usize = 64;

/// Hashes and packs `layers`; `mtime` is that of every entry of a packed directory.
pub(super) async fn pack_all(layers: &[Layer], mtime: u64, engine: &Engine) -> Result<Vec<Blob>> {
    let turns = turns(layers).map(|turn| pack_turn(turn, mtime, engine));
    Ok(future::try_join_all(turns).await?.into_iter().flatten().collect())
}

/// `layers` in runs of small files; each other one alone.
fn turns(layers: &[Layer]) -> impl Iterator<Item = &[Layer]> {
    let (mut bytes, mut files) = (0, 0);
    layers.chunk_by(move |one, next| {
        bytes += one.size;
        files += 1;
        let are_files = [one, next].map(|layer| matches!(layer.content, LayerContent::File(_)));
        let joined = are_files == [true, true] && bytes + next.size <= TURN && files < FILES;
        if !joined {
            (bytes, files) = (0, 0);
        }
        joined
    })
}

async fn pack_turn(layers: &[Layer], mtime: u64, engine: &Engine) -> Result<Vec<Blob>> {
    let cores = match layers {
        // It waits for another program, and others needn't wait with it.
        [layer] if matches!(layer.content, LayerContent::Stdin) => 0,
        [layer] if matches!(layer.content, LayerContent::Directory { .. }) => engine.threads,
        _ => 1,
    };
    let _permit = engine.cores(cores).await?;
    let (planned, budget, threads) = (layers.to_vec(), engine.budget.clone(), engine.threads as usize);
    blocking(move || {
        let blobs = planned.into_iter().map(|layer| {
            let packed = pack_one(&layer, mtime, &budget, threads)?;
            Ok(Blob {
                descriptor: descriptor(&layer, &packed),
                source: packed.source,
                label: layer.label,
            })
        });
        blobs.collect()
    })
    .await
}

/// Blocks.
fn pack_one(layer: &Layer, mtime: u64, budget: &Budget, threads: usize) -> Result<Packed> {
    match &layer.content {
        LayerContent::File(path) => pack::file(path.clone(), budget),
        LayerContent::Stdin => pack::stream(&mut std::io::stdin().lock(), "stdin", budget),
        LayerContent::Directory { tree, compression } => {
            let title = layer.title.as_ref().unwrap_or(&layer.label);
            let options = pack::Options {
                compression: *compression,
                threads,
                mtime,
                budget: budget.clone(),
            };
            pack::directory(tree, title, &options)
        }
    }
}

fn descriptor(layer: &Layer, packed: &Packed) -> Descriptor {
    let mut descriptor = Descriptor::new(&layer.media_type, packed.digest.clone(), packed.size);
    descriptor.annotations = layer.annotations.clone();
    if let Some(unpacked) = &packed.unpacked {
        descriptor
            .annotations
            .insert(names::UNPACKED_DIGEST.to_owned(), unpacked.to_string());
    }
    descriptor
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(content: LayerContent, size: u64) -> Layer {
        Layer {
            title: None,
            label: String::new(),
            media_type: String::new(),
            annotations: Default::default(),
            content,
            size,
        }
    }

    #[test]
    fn small_files_share_a_turn_and_large_ones_have_their_own() {
        let file = |size| layer(LayerContent::File("f".into()), size);
        let lengths = |layers: &[Layer]| turns(layers).map(<[_]>::len).collect::<Vec<_>>();
        assert_eq!(lengths(&vec![file(10); 130]), [64, 64, 2]);
        assert_eq!(
            lengths(&[file(TURN), file(1), file(2), file(TURN), file(1)]),
            [1, 2, 1, 1]
        );
        assert_eq!(lengths(&[file(1), layer(LayerContent::Stdin, 0), file(1)]), [1, 1, 1]);
        assert_eq!(lengths(&[]), [0; 0]);
    }
}
