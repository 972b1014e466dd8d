//! What headers before an entry say about it: PAX records, GNU's long names.

use super::{MAX_PATH, damaged};
use crate::error::{Error, Result};

/// What headers before an entry say about it.
#[derive(Default)]
pub struct Extension {
    pax: bool,
    /// The entry's name.
    pub name: Option<String>,
    /// The target of a link.
    pub link: Option<String>,
    /// Bytes of data.
    pub size: Option<u64>,
    /// Seconds since 1970.
    pub mtime: Option<u64>,
}

impl Extension {
    /// Records `LENGTH KEY=VALUE\n` (POSIX pax), of which later ones overrule earlier ones. A global header (git
    /// writes its commit there) may not change what the entries are.
    pub fn read_pax(&mut self, mut records: &[u8], global: bool) -> Result<()> {
        if std::mem::replace(&mut self.pax, true) {
            return Err(damaged("an entry has two pax headers"));
        }
        let (mut name, mut link) = (None, None);
        while !records.is_empty() {
            let (key, value, rest) = pax_record(records).ok_or_else(|| damaged("a pax record is malformed"))?;
            records = rest;
            match key {
                b"path" | b"linkpath" | b"size" if global => {
                    return Err(damaged("a global pax header names an entry"));
                }
                b"path" => name = Some(text(value)?),
                b"linkpath" => link = Some(text(value)?),
                b"size" => {
                    let size = number(value).ok_or_else(|| damaged("a size is not a number"))?;
                    self.size = Some(size);
                }
                b"mtime" => self.mtime = value.split(|&byte| byte == b'.').next().and_then(number),
                _ if key.starts_with(b"GNU.sparse.") => {
                    return Err(Error::integrity("it has sparse files, which are not read")
                        .hint("make it again without tar's option --sparse"));
                }
                _ => {}
            }
        }
        name.map_or(Ok(()), |name| set(&mut self.name, name))?;
        link.map_or(Ok(()), |link| set(&mut self.link, link))
    }
}

/// The first record: key, value, what follows.
fn pax_record(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = records.iter().take(20).position(|&byte| byte == b' ')?;
    let length = usize::try_from(number(records.get(..blank)?)?).ok()?;
    let (record, rest) = records.split_at_checked(length)?;
    let body = record.get(blank + 1..)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|&byte| byte == b'=')?;
    Some((body.get(..equals)?, body.get(equals + 1..)?, rest))
}

fn number(digits: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(digits).ok()?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

/// A name said twice, by PAX and GNU headers, would be read differently by different readers.
pub fn set(slot: &mut Option<String>, value: String) -> Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(damaged("an entry has two names")),
    }
}

/// A GNU long name: its entry's data.
pub fn long_name(mut bytes: Vec<u8>) -> Result<String> {
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    text(&bytes)
}

/// A name as text, as long as one may be.
pub fn text(bytes: &[u8]) -> Result<String> {
    if bytes.len() > MAX_PATH {
        return Err(Error::integrity("a path in it is longer than 4096 bytes"));
    }
    let shown = || String::from_utf8_lossy(bytes);
    match std::str::from_utf8(bytes) {
        Ok(name) if name.contains('\0') => Err(damaged(format!("{:?} contains a NUL character", shown()))),
        Ok(name) => Ok(name.to_owned()),
        Err(_) => Err(Error::integrity(format!("the name {:?} is not UTF-8", shown()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pax_records_may_hold_newlines() {
        let records = b"12 path=a\nb\n11 mtime=1\n";
        let (key, value, rest) = pax_record(records).unwrap();
        assert_eq!((key, value), (&b"path"[..], &b"a\nb"[..]));
        assert_eq!(pax_record(rest).unwrap().1, b"1");
    }

    #[test]
    fn malformed_pax_records() {
        for bad in [
            "",
            "x",
            "5",
            "5 a=b",
            "99 a=b\n",
            "+6 a=b\n",
            "3 a=b\n",
            "0 a=b\n",
            "7  ab c\n",
        ] {
            assert!(pax_record(bad.as_bytes()).is_none(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn pax_never_panics(records in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Extension::default().read_pax(&records, false);
        }
    }
}
