//! One blob kept until all of it is known to be right: what goes to a stream can't be taken back.

use std::io::BufRead;

use bytes::Bytes;

use super::feed::{Blob, Pieces};
use crate::error::Result;
use crate::oci::Descriptor;
use crate::pack::{Budget, Spool};
use crate::store::BlobSource;

/// Bytes of it that stay in memory.
const KEPT: usize = 32 * 1024 * 1024;

/// See [`super::spool`].
pub(super) fn keep(descriptor: &Descriptor, pieces: Pieces) -> Result<BlobSource> {
    let mut blob = Blob::new(pieces, descriptor);
    let mut spool = Spool::new(&Budget::new(KEPT));
    loop {
        let piece = blob.fill_buf()?;
        if piece.is_empty() {
            break;
        }
        spool.push(Bytes::copy_from_slice(piece))?;
        let count = piece.len();
        blob.consume(count);
    }
    blob.verify()?;
    Ok(spool.finish())
}
