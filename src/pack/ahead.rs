//! Small files read ahead, by several threads: what opening and closing them takes is most of the work on a tree of
//! them, and the one thread that writes the tar would be alone with it.
//!
//! Readers take batches of entries in turn; the receivers of what they read stand in a queue in the order of the tar,
//! and its length bounds the memory.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::file::Reader;
use super::{Entry, EntryKind, Tree, formats};
use crate::error::{Error, Result};

/// Threads that read: a third has nothing to do while the others are as fast as the tar is written.
const READERS: usize = 2;

/// Bytes of a batch; the last file of it may go beyond, so 320 KiB at most.
const BATCH: usize = 256 * 1024;

/// Files of a batch, and those that a tree has to have for it to be worth threads.
const FILES: usize = 128;

/// The small files of a tree, in its order.
pub(super) struct Small {
    batches: Option<Receiver<Receiver<Batch>>>,
    batch: Batch,
}

/// What was read of some files.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    /// How many files that is, and how many bytes of it were taken.
    files: usize,
    taken: usize,
    /// Why the next one could not be read.
    failed: Option<Error>,
}

impl Small {
    /// Runs `work` with the small files of `tree`, read ahead if `threads` and their number make it worth it.
    pub(super) fn of<T>(tree: &Tree, threads: usize, work: impl FnOnce(Small) -> T) -> T {
        let alone = Small {
            batches: None,
            batch: Batch::default(),
        };
        if threads < 2 || tree.entries.iter().filter_map(size).nth(2 * FILES).is_none() {
            return work(alone);
        }
        let (order, batches) = sync_channel(2 * READERS);
        let rest = Mutex::new(&tree.entries[..]);
        thread::scope(|scope| {
            for _ in 0..READERS {
                let (order, rest) = (order.clone(), &rest);
                scope.spawn(move || read(tree, rest, &order));
            }
            drop(order);
            // Readers end when `work` drops this.
            let batches = Some(batches);
            work(Small { batches, ..alone })
        })
    }

    /// The next small file, of `size` bytes; `None` if none was read ahead, or it isn't small.
    pub(super) fn next(&mut self, size: u64) -> Result<Option<&[u8]>> {
        let Some(batches) = self.batches.as_ref().filter(|_| size < formats::WORTH_IT) else {
            return Ok(None);
        };
        while self.batch.files == 0 {
            if let Some(error) = self.batch.failed.take() {
                return Err(error);
            }
            self.batch = batches.recv().and_then(|batch| batch.recv()).map_err(|_| ended())?;
        }
        let begin = self.batch.taken;
        self.batch.files -= 1;
        self.batch.taken += size as usize;
        self.batch
            .bytes
            .get(begin..self.batch.taken)
            .map(Some)
            .ok_or_else(ended)
    }
}

/// The size of a file that is read ahead.
fn size(entry: &Entry) -> Option<u64> {
    match entry.kind {
        EntryKind::File { size, .. } if size < formats::WORTH_IT => Some(size),
        _ => None,
    }
}

/// A reader: takes batches until there are no more, or nobody wants them.
fn read(tree: &Tree, rest: &Mutex<&[Entry]>, order: &SyncSender<Receiver<Batch>>) {
    let mut reader = Reader::default();
    loop {
        let (done, batch) = sync_channel(1);
        let entries = {
            let mut rest = rest.lock().unwrap_or_else(PoisonError::into_inner);
            let (entries, behind) = rest.split_at(first_batch(&rest));
            *rest = behind;
            // Inside of the lock, so that they stand in the order of the entries.
            if entries.is_empty() || order.send(batch).is_err() {
                return;
            }
            entries
        };
        // Nobody waits for it if the run failed meanwhile.
        let _ = done.send(read_all(tree, entries, &mut reader));
    }
}

/// How many of the entries make a batch.
fn first_batch(entries: &[Entry]) -> usize {
    let (mut files, mut bytes) = (0, 0);
    let full = entries.iter().position(|entry| {
        let full = files == FILES || bytes >= BATCH as u64;
        files += usize::from(size(entry).is_some());
        bytes += size(entry).unwrap_or(0);
        full
    });
    full.unwrap_or(entries.len())
}

fn read_all(tree: &Tree, entries: &[Entry], reader: &mut Reader) -> Batch {
    let mut batch = Batch {
        bytes: Vec::with_capacity(entries.iter().filter_map(size).sum::<u64>() as usize),
        ..Batch::default()
    };
    for (entry, size) in entries.iter().filter_map(|entry| Some((entry, size(entry)?))) {
        match reader.listed(&tree.root.join(&entry.path), size, &mut batch.bytes) {
            Ok(()) => batch.files += 1,
            Err(error) => {
                batch.failed = Some(error);
                break;
            }
        }
    }
    batch
}

fn ended() -> Error {
    Error::internal("a thread that reads files stopped early")
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::{Selection, tar, walk};

    /// Small files, empty and large ones, folders: more than a batch of each.
    fn tree() -> (tempfile::TempDir, Tree) {
        let directory = tempfile::tempdir().unwrap();
        let root = camino::Utf8PathBuf::try_from(directory.path().to_owned()).unwrap();
        for number in 0..900usize {
            let folder = root.join(format!("{}", number % 7));
            fs_err::create_dir_all(&folder).unwrap();
            let size = match number % 100 {
                99 => 70_000,
                98 => 65_535,
                _ => number % 13 * 100,
            };
            fs_err::write(
                folder.join(format!("{number}")),
                &number.to_string().repeat(size).as_bytes()[..size],
            )
            .unwrap();
        }
        (directory, walk(root, &Selection::default()).unwrap())
    }

    fn tar_of(tree: &Tree, threads: usize) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        tar::write(tree, "title", 0, threads, &mut out)?;
        Ok(out)
    }

    #[test]
    fn the_tar_is_the_same() {
        let (_guard, tree) = tree();
        let expected = tar_of(&tree, 1).unwrap();
        for _ in 0..10 {
            assert!(tar_of(&tree, 2).unwrap() == expected);
        }
    }

    #[test]
    fn the_first_file_in_order_that_fails_is_named() {
        let (_guard, tree) = tree();
        let files: Vec<_> = tree.entries.iter().filter(|entry| size(entry).is_some()).collect();
        for at in [800, 400, 128, 127, 1, 0] {
            fs_err::remove_file(tree.root.join(&files[at].path)).unwrap();
            for threads in [1, 2] {
                let error = tar_of(&tree, threads).unwrap_err();
                assert!(error.message().contains(files[at].path.as_str()), "{at}: {error}");
            }
        }
    }

    #[test]
    fn readers_end_with_their_customer() {
        let (_guard, tree) = tree();
        for files in [0, 1, 200] {
            let taken = Small::of(&tree, 2, |mut small| {
                let sizes = tree.entries.iter().filter_map(size).take(files);
                sizes.filter(|size| small.next(*size).unwrap().is_some()).count()
            });
            assert_eq!(taken, files);
        }
    }
}
