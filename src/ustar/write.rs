//! An entry's header, written so that the same entry gives the same bytes.

use std::io::Write;

use tar::{EntryType, Header};

use super::BLOCK;
use crate::error::{Error, Result};

/// The largest number in eleven octal digits: 8 GiB - 1 as a size, the year 2242 as a time.
const OCTAL_MAX: u64 = 0o777_7777_7777;

/// One entry. It has no owner.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// Its path, without a slash at the end.
    pub name: &'a str,
    /// What it is.
    pub kind: EntryType,
    /// Permission bits.
    pub mode: u32,
    /// Bytes of data.
    pub size: u64,
    /// Seconds since 1970.
    pub mtime: u64,
    /// Where a link points.
    pub target: Option<&'a str>,
}

impl Member<'_> {
    /// Writes its header, after a PAX header where it needs one; the data follows, then [`pad`].
    pub fn write(&self, out: &mut dyn Write) -> Result<()> {
        let mut header = Header::new_ustar();
        let mut records = Vec::new();
        match &Place::of(self.name) {
            Some(place) => place.put(&mut header),
            None => {
                records.push(("path", self.name.to_owned()));
                fill(&mut header.as_old_mut().name, &ascii(self.name));
            }
        }
        if let Some(target) = self.target {
            let field = &mut header.as_old_mut().linkname;
            if target.is_ascii() && target.len() <= field.len() {
                fill(field, target);
            } else {
                records.push(("linkpath", target.to_owned()));
                fill(field, &ascii(target));
            }
        }
        header.set_entry_type(self.kind);
        header.set_mode(self.mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(fitting(self.size, "size", &mut records));
        header.set_mtime(fitting(self.mtime, "mtime", &mut records));
        header
            .set_device_major(0)
            .and_then(|()| header.set_device_minor(0))
            .map_err(Error::local)?;
        checksum(&mut header);
        if !records.is_empty() {
            extended(self.name, records, out)?;
        }
        out.write_all(header.as_bytes())?;
        Ok(())
    }
}

/// Fills up the last block of `size` bytes of data.
pub fn pad(size: u64, out: &mut dyn Write) -> Result<()> {
    let zeros = [0; BLOCK];
    out.write_all(zeros.get(..padding(size)).unwrap_or_default())?;
    Ok(())
}

/// Bytes from the end of `size` bytes of data to the next block.
pub fn padding(size: u64) -> usize {
    // Less than a block, so it fits.
    (size.wrapping_neg() % BLOCK as u64) as usize
}

/// A PAX header: what did not fit into the header that follows.
fn extended(name: &str, mut records: Vec<(&str, String)>, out: &mut dyn Write) -> Result<()> {
    records.sort_unstable();
    let body: String = records.iter().map(|(key, value)| record(key, value)).collect();
    let mut header = Header::new_ustar();
    let (parent, last) = name.rsplit_once('/').unwrap_or(("", name));
    let own = if parent.is_empty() {
        format!("PaxHeaders.0/{last}")
    } else {
        format!("{parent}/PaxHeaders.0/{last}")
    };
    fill(&mut header.as_old_mut().name, &ascii(&own));
    header.set_entry_type(EntryType::XHeader);
    header.set_mode(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(body.len() as u64);
    checksum(&mut header);
    out.write_all(header.as_bytes())?;
    out.write_all(body.as_bytes())?;
    pad(body.len() as u64, out)
}

/// Where a name goes in a ustar header.
struct Place<'a> {
    prefix: &'a str,
    name: &'a str,
}

impl<'a> Place<'a> {
    /// `None` if it needs a PAX header: not ASCII, or no slash splits it into 155 and 100 bytes. Go splits at the last
    /// slash that leaves a prefix short enough.
    fn of(name: &'a str) -> Option<Self> {
        const NAME: usize = 100;
        const PREFIX: usize = 155;
        if !name.is_ascii() {
            return None;
        }
        if name.len() <= NAME {
            return Some(Place { prefix: "", name });
        }
        let end = name.len().min(PREFIX + 1);
        let slash = name.get(..end)?.rfind('/')?;
        let (prefix, name) = (name.get(..slash)?, name.get(slash + 1..)?);
        (!prefix.is_empty() && !name.is_empty() && name.len() <= NAME).then_some(Place { prefix, name })
    }

    fn put(&self, header: &mut Header) {
        if let Some(header) = header.as_ustar_mut() {
            fill(&mut header.prefix, self.prefix);
            fill(&mut header.name, self.name);
        }
    }
}

/// `value` if the octal field holds it, else 0 and a record.
fn fitting<'a>(value: u64, key: &'a str, records: &mut Vec<(&'a str, String)>) -> u64 {
    if value <= OCTAL_MAX {
        return value;
    }
    records.push((key, value.to_string()));
    0
}

/// `LENGTH KEY=VALUE\n`, the length counting itself.
fn record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    if length.to_string().len() > rest.to_string().len() {
        length += 1;
    }
    format!("{length} {key}={value}\n")
}

/// The sum of the header's bytes as six digits, NUL and space: the oldest form, and Go's (the crate writes seven).
fn checksum(header: &mut Header) {
    header.set_cksum();
    // It was set in the line above, so it can be read.
    let sum = header.cksum().unwrap_or_default();
    fill(&mut header.as_old_mut().cksum, &format!("{sum:06o}\0 "));
}

/// What an old reader sees of a name that stands in the PAX header.
fn ascii(text: &str) -> String {
    text.chars().filter(char::is_ascii).collect()
}

/// Copies as much of `text` as fits; the rest of the field stays zero.
fn fill(field: &mut [u8], text: &str) {
    for (to, from) in field.iter_mut().zip(text.bytes()) {
        *to = from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_too_large_for_octal_get_a_record() {
        let mut bytes = Vec::new();
        let member = Member {
            name: "big",
            kind: EntryType::Regular,
            mode: 0o644,
            size: OCTAL_MAX + 2,
            mtime: OCTAL_MAX + 1,
            target: None,
        };
        member.write(&mut bytes).unwrap();
        let records = &bytes[512..];
        assert!(records.starts_with(b"20 mtime=8589934592\n19 size=8589934593\n"));
        assert_eq!(bytes.len(), 3 * 512);
    }

    #[test]
    fn a_record_counts_its_own_length() {
        for size in [1, 88, 89, 90, 91, 92, 989, 990, 991, 992, 993] {
            let record = record("path", &"x".repeat(size));
            assert!(record.starts_with(&format!("{} ", record.len())), "{size}");
        }
    }
}
