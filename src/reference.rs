//! References: `[HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]` in a registry, `oci:DIRECTORY[:TAG][@DIGEST]` for an image
//! layout on disk, `oci-archive:FILE[:TAG][@DIGEST]` for one in a tar.
//!
//! No implicit `docker.io`, `library/` or `latest`: a reference that names no host needs the input `registry`.

mod host;
mod repository;
mod tag;

use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Error, Result};
use crate::oci::Digest;

pub use host::Host;
pub use repository::Repository;
pub use tag::Tag;

/// How the reference of a layout begins, and that of an archive, as skopeo has them.
const LAYOUT: &str = "oci:";
const ARCHIVE: &str = "oci-archive:";

/// Where manifests and blobs lie.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Location {
    /// A repository of a registry.
    Registry(Repository),
    /// A directory with an OCI image layout.
    Layout(Utf8PathBuf),
    /// A tar with an OCI image layout.
    Archive(Utf8PathBuf),
}

impl Location {
    /// The registry's host, unless it is a layout or an archive.
    pub fn host(&self) -> Option<&Host> {
        match self {
            Location::Registry(repository) => Some(&repository.host),
            Location::Layout(_) | Location::Archive(_) => None,
        }
    }

    /// The path, if it is a layout or an archive.
    pub fn path(&self) -> Option<&Utf8Path> {
        match self {
            Location::Registry(_) => None,
            Location::Layout(path) | Location::Archive(path) => Some(path),
        }
    }

    /// The last part of the repository's name or of the path: the default name of an artifact.
    pub fn last_part(&self) -> &str {
        match self {
            Location::Registry(repository) => repository.name.rsplit('/').next().unwrap_or(&repository.name),
            Location::Layout(directory) => directory.file_name().unwrap_or("layout"),
            Location::Archive(file) => file.file_stem().unwrap_or("archive"),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Registry(repository) => repository.fmt(f),
            Location::Layout(directory) => write!(f, "{LAYOUT}{directory}"),
            Location::Archive(file) => write!(f, "{ARCHIVE}{file}"),
        }
    }
}

/// What names one manifest in a store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pointer {
    /// By tag.
    Tag(Tag),
    /// By digest.
    Digest(Digest),
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pointer::Tag(tag) => tag.fmt(f),
            Pointer::Digest(digest) => digest.fmt(f),
        }
    }
}

/// A location with a tag, a digest, both or neither.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// Repository, layout or archive.
    pub location: Location,
    /// The tag.
    pub tag: Option<Tag>,
    /// The digest: on pull what must be found, on push what must come out.
    pub digest: Option<Digest>,
}

/// How upper case in host and repository is taken (design: never in a tag).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// An error with the fix: for spec files.
    Strict,
    /// Lower-cased: for inputs and `${ci.*}`, where `github.repository` may have upper case.
    Fold,
}

impl Reference {
    /// Reads `text`; a reference without a host gets `registry`.
    ///
    /// The first component is a host if it has `.` or `:` or is `localhost`. The second value is true if letters were
    /// lower-cased, which the caller tells the user.
    pub fn parse(text: &str, registry: Option<&Host>, case: Case) -> Result<(Self, bool)> {
        if let Some(rest) = text.strip_prefix(LAYOUT) {
            return Ok((Self::parse_path(text, rest, Location::Layout)?, false));
        }
        if let Some(rest) = text.strip_prefix(ARCHIVE) {
            return Ok((Self::parse_path(text, rest, Location::Archive)?, false));
        }
        refuse_secrets(text)?;
        if let Some(scheme) = ["https://", "http://", "docker://", "oras://"]
            .iter()
            .find(|s| text.starts_with(**s))
        {
            return Err(Error::usage(format!("reference {text:?} has a scheme"))
                .hint(format!("leave out {scheme}: write HOST/REPOSITORY:TAG")));
        }
        let (rest, digest) = split_digest(text)?;
        let (rest, tag) = match rest.rfind(':').filter(|&at| !rest[at..].contains('/')) {
            // A lone `HOST:PORT` can't be told from `NAME:TAG`, and is the latter.
            Some(at) => (
                &rest[..at],
                Some(rest[at + 1..].parse::<Tag>().map_err(|e| in_reference(&e, text))?),
            ),
            None => (rest, None),
        };
        let (host, name) = match rest.split_once('/') {
            Some((first, name)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), name),
            _ => (None, rest),
        };
        let folds = |part: &str| part.bytes().any(|b| b.is_ascii_uppercase());
        let folded = folds(name) || host.is_some_and(folds);
        if folded && case == Case::Strict {
            let lower = format!("{}{}", rest.to_ascii_lowercase(), &text[rest.len()..]);
            return Err(Error::usage(format!(
                "reference {text:?} has upper-case letters in its host or repository"
            ))
            .hint(format!("registries take lower case only; write {lower:?}")));
        }
        let host = match host {
            Some(host) => host.to_ascii_lowercase().parse().map_err(|e| in_reference(&e, text))?,
            None => registry.cloned().ok_or_else(|| {
                Error::usage(format!("reference {text:?} names no registry"))
                    .hint("write HOST/REPOSITORY:TAG, set `registry`, or use oci:DIRECTORY for a layout on disk")
            })?,
        };
        let repository = Repository {
            host,
            name: name.to_ascii_lowercase(),
        };
        repository.check(text)?;
        Ok((
            Reference {
                location: Location::Registry(repository),
                tag,
                digest,
            },
            folded,
        ))
    }

    fn parse_path(text: &str, rest: &str, location: fn(Utf8PathBuf) -> Location) -> Result<Self> {
        let (rest, digest) = split_digest(rest)?;
        // What follows the last colon of a path's last part is a tag; `C:` before a backslash begins a path on Windows.
        let split = rest.rsplit_once(':').filter(|(_, last)| !last.contains(['/', '\\']));
        let (path, tag) = match split {
            Some((path, tag)) => (path, Some(tag.parse().map_err(|e| in_reference(&e, text))?)),
            None => (rest, None),
        };
        if path.is_empty() {
            let error = Error::usage(format!("reference {text:?} names no path"));
            return Err(error.hint(format!(
                "write {LAYOUT}DIRECTORY:TAG for an image layout on disk, {ARCHIVE}FILE:TAG for one in a tar"
            )));
        }
        Ok(Reference {
            location: location(path.into()),
            tag,
            digest,
        })
    }

    /// The same with the path of a layout or archive taken from `base`, if it is relative.
    #[must_use]
    pub fn within(mut self, base: &Utf8Path) -> Self {
        if let Location::Layout(path) | Location::Archive(path) = &mut self.location {
            *path = base.join(&path);
        }
        self
    }

    /// What to ask a store for: the digest if there is one, else the tag.
    pub fn pointer(&self) -> Option<Pointer> {
        let by_tag = || self.tag.clone().map(Pointer::Tag);
        self.digest.clone().map(Pointer::Digest).or_else(by_tag)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.location.fmt(f)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

/// A URL that somebody pasted, with what may be a secret in it, is refused before a message repeats it.
fn refuse_secrets(text: &str) -> Result<()> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some((user, host)) = authority.rsplit_once('@') {
        let is_digest = host.starts_with("sha256:") || host.starts_with("sha512:");
        let is_host = host.contains('.') || host.starts_with("localhost");
        if !is_digest && (is_host || user.contains(':') || !scheme.is_empty()) {
            return Err(Error::usage("a reference has a user or a password before its host")
                .hint("write HOST/REPOSITORY:TAG, and give a credential in the inputs username and password"));
        }
    }
    match text.split_once('?') {
        Some((before, _)) => Err(Error::usage(format!("reference {before:?} goes on with a query"))
            .hint("write HOST/REPOSITORY:TAG, without `?` and what follows")),
        None => Ok(()),
    }
}

fn split_digest(text: &str) -> Result<(&str, Option<Digest>)> {
    match text.split_once('@') {
        Some((rest, digest)) => {
            let digest = digest.parse().map_err(|e: Error| in_reference(&e, text))?;
            Ok((rest, Some(digest)))
        }
        None => Ok((text, None)),
    }
}

fn in_reference(error: &Error, text: &str) -> Error {
    let whole = Error::usage(format!("reference {text:?}: {}", error.message()));
    match error.way_out() {
        Some(hint) => whole.hint(hint),
        None => whole,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Reference> {
        Reference::parse(text, None, Case::Strict).map(|(reference, _)| reference)
    }

    #[test]
    fn hosts_are_told_from_repositories() {
        let registry: Host = "example.com".parse().unwrap();
        for (text, location) in [
            ("ghcr.io/a/b:v1", "ghcr.io/a/b"),
            ("localhost/a:v1", "localhost/a"),
            ("localhost:5000/a", "localhost:5000/a"),
            ("[::1]:5000/a:v1", "[::1]:5000/a"),
            ("a/b:v1", "example.com/a/b"),
            ("a:5000", "example.com/a"),
            ("oci:some/dir:v1", "oci:some/dir"),
            ("oci:C:\\dir", "oci:C:\\dir"),
            ("oci-archive:some/a.tar:v1", "oci-archive:some/a.tar"),
            ("oci-archive:a.tar", "oci-archive:a.tar"),
        ] {
            let (reference, _) = Reference::parse(text, Some(&registry), Case::Strict).unwrap();
            assert_eq!(reference.location.to_string(), location, "{text}");
        }
    }

    #[test]
    fn a_password_is_told_from_a_digest_and_not_repeated() {
        for text in [
            "https://me:secret@r.example/a",
            "me:secret@r.example/a:v1",
            "secret@localhost:5000/a",
            "docker://secret@r/a",
            "r.example/a?sig=secret",
            "https://r.example/a:v1?secret",
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        let digest = format!("a:v1@sha256:{}", "0".repeat(64));
        let registry = "r.example".parse().unwrap();
        assert!(Reference::parse(&digest, Some(&registry), Case::Strict).is_ok());
    }

    #[test]
    fn nothing_is_implied() {
        insta::assert_snapshot!(parse("busybox").unwrap_err(), @r#"reference "busybox" names no registry"#);
        assert_eq!(parse("ghcr.io/a").unwrap().tag, None);
    }

    #[test]
    fn upper_case_is_folded_for_inputs_and_refused_in_specs() {
        let (reference, folded) = Reference::parse("GHCR.io/Me/App:V1", None, Case::Fold).unwrap();
        assert_eq!((reference.to_string().as_str(), folded), ("ghcr.io/me/app:V1", true));
        let error = parse("ghcr.io/Me/App:V1").unwrap_err();
        assert!(error.way_out().unwrap().contains("\"ghcr.io/me/app:V1\""));
    }

    #[test]
    fn bad_references_are_refused() {
        for text in [
            "",
            ":v1",
            "ghcr.io/",
            "ghcr.io/a/:v1",
            "ghcr.io//a",
            "ghcr.io/a..b",
            "ghcr.io/a:",
            "ghcr.io/a:-x",
            "ghcr.io/a@sha256:12",
            "https://ghcr.io/a",
            "ghcr.io:x/a",
            "ghcr.io:0/a",
            "-a.io/b",
            "oci:",
            "oci:dir:v 1",
            "oci:dir:",
            "oci-archive:",
            "oci-archive:a.tar:",
            "oci-archive:a.tar@sha256:12",
            "oci:dir:feature-\u{e9}",
            "ghcr.io/a_",
            "ghcr.io/a___b",
            "ghcr.io/a@b@c",
            "ghcr.io/../a",
            "g hcr.io/a",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_prints_as_it_was(text in "(oci:|oci-archive:)?[a-zA-Z0-9:/@._-]{0,40}") {
            if let Ok(reference) = parse(&text) {
                prop_assert_eq!(reference.to_string(), text);
            }
        }

        #[test]
        fn no_text_panics(text in "(oci:|oci-archive:)?.{0,80}") {
            let _ = Reference::parse(&text, None, Case::Fold);
        }
    }
}
