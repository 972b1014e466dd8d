//! The characters of bytes that come in pieces.

/// Puts together what a cut between two pieces took apart.
#[derive(Debug, Default)]
pub struct Characters {
    /// Bytes of a character that the next piece may complete.
    cut: Vec<u8>,
}

impl Characters {
    /// Gives each character of the next piece to `take`; bytes that are none are U+FFFD.
    pub fn push(&mut self, bytes: &[u8], mut take: impl FnMut(char)) {
        let joined;
        let bytes = if self.cut.is_empty() {
            bytes
        } else {
            joined = [std::mem::take(&mut self.cut).as_slice(), bytes].concat();
            &joined
        };
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            chunk.valid().chars().for_each(&mut take);
            let invalid = chunk.invalid();
            let incomplete = std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            if incomplete && chunks.peek().is_none() {
                self.cut = invalid.to_vec();
            } else if !invalid.is_empty() {
                take(char::REPLACEMENT_CHARACTER);
            }
        }
    }
}
