//! Small files that stay in memory from their hash to their upload, so that each is read once.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::BlobSource;

/// Bytes that are kept in all. What finds no room is read again.
const BUDGET: usize = 8 * 1024 * 1024;

/// Up to this many bytes a file is kept.
const LARGEST: u64 = 64 * 1024;

/// The room for them, shared by a run.
#[derive(Clone, Debug)]
pub struct Kept(Arc<Semaphore>);

impl Default for Kept {
    fn default() -> Self {
        Kept(Arc::new(Semaphore::new(BUDGET)))
    }
}

impl Kept {
    /// Room for a file of `size` bytes, if there is any.
    pub(super) fn room(&self, size: u64) -> Option<Room> {
        let size = u32::try_from(size).ok().filter(|size| u64::from(*size) <= LARGEST)?;
        Arc::clone(&self.0)
            .try_acquire_many_owned(size)
            .ok()
            .map(|permit| Room { _permit: permit })
    }
}

/// Room that one file takes.
pub(super) struct Room {
    _permit: OwnedSemaphorePermit,
}

impl Room {
    /// `bytes` as a source; the room is free again with the last of its owners.
    pub(super) fn fill(self, bytes: Vec<u8>) -> BlobSource {
        BlobSource::from(Bytes::from_owner(Held { bytes, _room: self }))
    }
}

struct Held {
    bytes: Vec<u8>,
    _room: Room,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_comes_back_with_the_last_owner_of_the_bytes() {
        let kept = Kept::default();
        assert!(kept.room(LARGEST + 1).is_none());
        let all: Vec<_> = std::iter::from_fn(|| kept.room(LARGEST)).collect();
        assert_eq!(all.len() as u64 * LARGEST, BUDGET as u64);
        let mut sources: Vec<_> = all.into_iter().map(|room| room.fill(vec![1; 3])).collect();
        let other = sources[0].clone();
        drop(sources.drain(..1));
        assert!(kept.room(1).is_none());
        drop(other);
        assert!(kept.room(LARGEST).is_some());
    }
}
