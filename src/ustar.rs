//! The headers of a tar, as Go writes them and as strictly as they can be read: what packing, unpacking and archives
//! share. ustar, with a PAX header (POSIX.1-2001 pax, extended header) only where a name, a link or a number does not
//! fit.

mod extension;
mod write;

pub use extension::{Extension, long_name, set, text};
pub use write::{Member, pad, padding};

use crate::error::{Error, Result};

/// Bytes of a header, and of the unit that data is padded to.
pub const BLOCK: usize = 512;

/// Bytes of one PAX or GNU header; Go's reader has the same limit.
pub const MAX_METADATA: u64 = 1024 * 1024;

/// Bytes that a whole path may have (Linux's `PATH_MAX`).
pub const MAX_PATH: usize = 4096;

/// Whether the header has the right checksum.
pub fn is_sound(header: &tar::Header) -> bool {
    let sum: u32 = header
        .as_bytes()
        .iter()
        .enumerate()
        // The field itself counts as blanks.
        .map(|(at, &byte)| u32::from(if (148..156).contains(&at) { b' ' } else { byte }))
        .sum();
    header.cksum().ok() == Some(sum)
}

/// The size that the header states, in bytes. Of one in base 256 the crate drops what is over 64 bits, and so the sign.
pub fn size(header: &tar::Header) -> Result<u64> {
    let [mark, upper @ .., _, _, _, _, _, _, _, _] = header.as_old().size;
    if mark & 0x80 != 0 && (mark != 0x80 || upper != [0; 3]) {
        return Err(damaged("a size is out of bounds"));
    }
    header.entry_size().map_err(|_| damaged("a size is not a number"))
}

/// The bytes are not those of a sound tar.
pub fn damaged(why: impl std::fmt::Display) -> Error {
    Error::integrity(format!("the tar archive is damaged: {why}"))
}
