//! A digest computed beside the thread that the bytes go through.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::oci::{Algorithm, Digest, Hasher};

/// Pieces that may wait for the hashing thread.
const AHEAD: usize = 1;

/// Hashes pieces, on a thread of its own where that pays.
pub(in crate::unpack) enum Hashing {
    Here(Box<State>),
    Beside(SyncSender<Message>, JoinHandle<Box<State>>),
}

pub(in crate::unpack) enum Message {
    Piece(Bytes),
    Mark,
}

#[derive(Clone)]
pub(in crate::unpack) struct State {
    hasher: Hasher,
    marked: Option<Hasher>,
}

impl State {
    fn take(&mut self, message: &Message) {
        match message {
            Message::Piece(piece) => self.hasher.update(piece),
            Message::Mark => self.marked = Some(self.hasher.clone()),
        }
    }
}

impl Hashing {
    /// On a thread of its own if `beside` says so.
    pub(in crate::unpack) fn new(algorithm: Algorithm, beside: bool) -> Self {
        let mut state = Box::new(State {
            hasher: Hasher::new(algorithm),
            marked: None,
        });
        if !beside {
            return Hashing::Here(state);
        }
        let spare = state.clone();
        let (sender, receiver) = sync_channel::<Message>(AHEAD);
        let thread = std::thread::Builder::new().name("hash".to_owned()).spawn(move || {
            for message in receiver {
                state.take(&message);
            }
            state
        });
        match thread {
            Ok(thread) => Hashing::Beside(sender, thread),
            Err(_) => Hashing::Here(spare),
        }
    }

    /// Takes the next piece. Waits while the thread is behind.
    pub(in crate::unpack) fn update(&mut self, piece: Bytes) {
        self.tell(Message::Piece(piece));
    }

    /// Notes the digest of what came so far.
    pub(in crate::unpack) fn mark(&mut self) {
        self.tell(Message::Mark);
    }

    fn tell(&mut self, message: Message) {
        match self {
            Hashing::Here(state) => state.take(&message),
            // The thread ends with its channel only.
            Hashing::Beside(sender, _) => drop(sender.send(message)),
        }
    }

    /// The digest of all pieces, and that of those before the mark.
    pub(in crate::unpack) fn finish(self) -> Result<(Digest, Option<Digest>)> {
        let state = match self {
            Hashing::Here(state) => state,
            Hashing::Beside(sender, thread) => {
                drop(sender);
                thread
                    .join()
                    .map_err(|_| Error::internal("the hashing thread failed"))?
            }
        };
        Ok((state.hasher.finish(), state.marked.map(Hasher::finish)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beside_or_here_the_digests_are_the_same() {
        for beside in [false, true] {
            let mut hashing = Hashing::new(Algorithm::Sha256, beside);
            assert_eq!(matches!(hashing, Hashing::Beside(..)), beside);
            hashing.update(Bytes::from_static(b"one "));
            hashing.mark();
            hashing.update(Bytes::from_static(b"two"));
            let (whole, marked) = hashing.finish().unwrap();
            assert_eq!(whole, Digest::of(b"one two"));
            assert_eq!(marked, Some(Digest::of(b"one ")));
        }
    }
}
