//! One blob kept until all of it is known to be right: what goes to a stream can't be taken back.

use std::io::BufRead;

use super::feed::{Blob, Pieces};
use crate::error::Result;
use crate::oci::Descriptor;
use crate::pack::Spool;
use crate::store::BlobSource;

/// See [`super::spool`].
pub(super) fn keep(descriptor: &Descriptor, pieces: Pieces) -> Result<BlobSource> {
    let mut blob = Blob::new(pieces, descriptor);
    let mut spool = Spool::default();
    loop {
        let piece = blob.fill_buf()?;
        if piece.is_empty() {
            break;
        }
        spool.push(piece)?;
        let count = piece.len();
        blob.consume(count);
    }
    blob.verify()?;
    spool.finish()
}
