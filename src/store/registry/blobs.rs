//! Blobs on their way down. [`reader`] is a stream that mends itself, [`ranged`] takes the rest of a large blob by
//! several of them where one turns out slow, as [`pace`] finds.

mod pace;
mod ranged;
pub(crate) mod reader;

use futures_util::stream;

use super::Registry;
use crate::error::Result;
use crate::http::{Method, Request, StatusCode};
use crate::oci::Descriptor;
use crate::store::BlobStream;

use ranged::Ranged;
use reader::Reader;

pub(super) use ranged::{Plan, Slots};

impl Registry {
    /// See [`crate::store::Store::has_blob`].
    pub async fn has_blob(&self, blob: &Descriptor) -> Result<bool> {
        let answer = self.ask(self.blob(Method::HEAD, blob)?, &self.reading()).await?;
        match answer.status {
            status if status.is_success() => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(self.refused(&answer)),
        }
    }

    /// See [`crate::store::Store::open_blob`].
    pub async fn open_blob(&self, blob: &Descriptor, offset: u64) -> Result<BlobStream> {
        self.open_blob_as(blob, offset, Plan::default()).await
    }

    /// [`Registry::open_blob`] with a plan of its own for when the blob is taken in parts.
    pub(super) async fn open_blob_as(&self, blob: &Descriptor, offset: u64, plan: Plan) -> Result<BlobStream> {
        if offset > 0 && offset >= blob.size {
            return Ok(Box::pin(stream::empty()));
        }
        let mut reader = Reader::new(self, blob, offset);
        reader.connect().await?;
        let ranged = Ranged::new(reader, plan);
        Ok(Box::pin(stream::unfold(Some(ranged), |ranged| async {
            let mut ranged = ranged?;
            match ranged.next().await {
                Ok(Some(piece)) => Some((Ok(piece), Some(ranged))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })))
    }

    pub(super) fn blob(&self, method: Method, blob: &Descriptor) -> Result<Request> {
        let what = blob
            .title()
            .map_or_else(|| format!("blob {}", blob.digest.short()), str::to_owned);
        Ok(Request::new(method, self.url(&format!("blobs/{}", blob.digest))?, what))
    }
}
