//! Files that are compressed already, told by how they begin.

/// Files that are smaller are not worth a part of their own, in bytes.
pub(super) const WORTH_IT: u64 = 64 * 1024;

/// What such files begin with.
const BEGINNINGS: &[&[u8]] = &[
    b"\x1f\x8b",           // gzip
    b"\x28\xb5\x2f\xfd",   // zstd
    b"\xfd7zXZ\0",         // xz
    b"BZh",                // bzip2
    b"PK\x03\x04",         // zip, jar, wheel, apk, docx
    b"7z\xbc\xaf\x27\x1c", // 7-Zip
    b"Rar!\x1a\x07",       // RAR
    b"\x04\x22\x4d\x18",   // lz4
    b"LZIP",               // lzip
    b"\x89PNG\r\n\x1a\n",  // PNG
    b"\xff\xd8\xff",       // JPEG
    b"GIF8",               // GIF
    b"wOFF",               // WOFF
    b"wOF2",               // WOFF2
    b"OggS",               // Ogg
    b"fLaC",               // FLAC
    b"ID3",                // MP3
    b"\x1a\x45\xdf\xa3",   // Matroska, WebM
    b"MSCF",               // cabinet
    b"hsqs",               // SquashFS
    b"\xed\xab\xee\xdb",   // RPM
];

/// What such files have at offsets of their own.
const INSIDE: &[(usize, &[u8])] = &[
    (4, b"ftyp"), // MP4, HEIF, AVIF
    (8, b"WEBP"),
];

/// Whether a file of `size` bytes that begins like this should be compressed already. That is a guess: text can begin
/// with `BZh`, and a zip can hold what is merely stored.
pub(super) fn is_compressed(beginning: &[u8], size: u64) -> bool {
    let has = |at: usize, what: &[u8]| beginning.get(at..).is_some_and(|rest| rest.starts_with(what));
    size >= WORTH_IT
        && (BEGINNINGS.iter().any(|what| beginning.starts_with(what)) || INSIDE.iter().any(|(at, what)| has(*at, what)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_by_the_beginning_and_worth_it() {
        for beginning in [
            &b"\x1f\x8b\x08"[..],
            b"PK\x03\x04\x14",
            b"\x89PNG\r\n\x1a\n",
            b"RIFF\x10\0\0\0WEBPVP8 ",
            b"\0\0\0\x20ftypisom",
        ] {
            assert!(is_compressed(beginning, WORTH_IT), "{beginning:?}");
            assert!(!is_compressed(beginning, WORTH_IT - 1));
            assert!(!is_compressed(&beginning[1..], WORTH_IT));
        }
        for beginning in [&b""[..], b"\x1f", b"\x7fELF", b"RIFF\x10\0\0\0WAVE", b"# PNG"] {
            assert!(!is_compressed(beginning, WORTH_IT), "{beginning:?}");
        }
    }
}
