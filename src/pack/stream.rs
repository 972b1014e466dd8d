//! What can be read only once, such as stdin: hashed and kept as it comes.

use std::io::{ErrorKind, Read, Write};

use super::{Budget, HashingSpool, Packed};
use crate::error::{Error, Result};
use crate::store::PIECE;

/// Reads `input` to its end and keeps it as packed bytes are kept; messages call it `name`. Blocks.
pub fn stream(input: &mut dyn Read, name: &str, budget: &Budget) -> Result<Packed> {
    let mut spool = HashingSpool::new(budget);
    let mut buffer = vec![0; PIECE];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return Ok(spool.finish()),
            Ok(read) => spool.write_all(buffer.get(..read).unwrap_or_default())?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::local(error).context(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Class;
    use crate::oci::Digest;
    use crate::pack::samples::{contents, noise};

    /// Gives `bytes` in small reads, then fails if asked to.
    struct Pipe<'a>(&'a [u8], bool);

    impl Read for Pipe<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let room = buffer.len().min(40_001);
            match self.0.read(&mut buffer[..room])? {
                0 if self.1 => Err(ErrorKind::InvalidData.into()),
                read => Ok(read),
            }
        }
    }

    #[test]
    fn it_is_kept_and_hashed() {
        for size in [0, 1, 3 * PIECE + 5, 9 * PIECE] {
            let bytes = noise(size);
            let packed = stream(&mut Pipe(&bytes, false), "stdin", &Budget::new(8 * PIECE)).unwrap();
            assert_eq!((&packed.digest, packed.size), (&Digest::of(&bytes), size as u64));
            assert!(contents(&packed.source) == bytes);
        }
    }

    #[test]
    fn a_fault_names_it() {
        let error = stream(&mut Pipe(b"x", true), "stdin", &Budget::new(0)).unwrap_err();
        assert_eq!(error.class(), Class::Local);
        assert!(error.message().starts_with("stdin: "), "{error}");
    }
}
