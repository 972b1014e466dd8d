//! Paths of a spec stay inside the working directory, links resolved: a spec from a pull request must not publish, or
//! overwrite, what lies beside the checkout.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use crate::error::{Error, Place, Result};
use crate::reference::Reference;

/// The working directory and whether paths may leave it.
#[derive(Clone, Debug)]
pub struct Workspace {
    directory: Utf8PathBuf,
    /// The same with links resolved.
    real: Utf8PathBuf,
    allow_outside: bool,
}

impl Workspace {
    /// `directory` is absolute; it must exist.
    pub fn new(directory: &Utf8Path, allow_outside: bool) -> Result<Self> {
        let real = directory.canonicalize_utf8().map_err(|error| {
            Error::usage(format!("working directory {directory}: {error}")).hint("set `working-directory` to a folder")
        })?;
        Ok(Workspace {
            directory: normalise(directory),
            real,
            allow_outside,
        })
    }

    /// The working directory, absolute.
    pub fn directory(&self) -> &Utf8Path {
        &self.directory
    }

    /// `path`, relative to the working directory, as an absolute one that may lie anywhere.
    pub fn absolute(&self, path: &Utf8Path) -> Utf8PathBuf {
        normalise(&self.directory.join(path))
    }

    /// A reference whose layout, if it is one, is taken from the working directory.
    pub fn place(&self, reference: Reference) -> Reference {
        reference.within(&self.directory)
    }

    /// The same for a reference that stands in a spec, at `place`; `None` for one that was given beside it.
    ///
    /// # Errors
    /// Usage, if the layout or archive lies outside of the working directory.
    pub fn place_of_spec(&self, reference: &Reference, place: Option<&Place>) -> Result<Reference> {
        if let Some(path) = reference.location.path().filter(|_| place.is_some()) {
            self.resolve(path).map_err(|error| error.at(place.cloned()))?;
        }
        Ok(self.place(reference.clone()))
    }

    /// `path`, relative to the working directory, as an absolute one.
    ///
    /// # Errors
    /// Usage, if it leaves the working directory by `..`, as an absolute path or through a link.
    pub fn resolve(&self, path: &Utf8Path) -> Result<Utf8PathBuf> {
        let absolute = self.absolute(path);
        if self.allow_outside {
            return Ok(absolute);
        }
        if !absolute.starts_with(&self.directory) {
            return Err(self.outside(path, "it leads outside of the working directory"));
        }
        // What does not exist yet (an output) is judged by its nearest existing parent.
        let existing = absolute
            .ancestors()
            .find_map(|ancestor| fs_err::canonicalize(ancestor).ok());
        if existing.is_some_and(|real| !real.starts_with(&self.real)) {
            return Err(self.outside(path, "a link on it leads outside of the working directory"));
        }
        Ok(absolute)
    }

    fn outside(&self, path: &Utf8Path, why: &str) -> Error {
        let shown = path.strip_prefix(&self.directory).unwrap_or(path);
        Error::usage(format!("path {:?}: {why}", shown.as_str())).hint(format!(
            "keep it under {}, or set `allow-outside: true`",
            self.directory
        ))
    }
}

/// `path` without `.` and, where a name stands before it, `..`; separators are `/`.
pub(super) fn normalise(path: &Utf8Path) -> Utf8PathBuf {
    let mut parts: Vec<Utf8Component<'_>> = Vec::new();
    for component in path.components() {
        match component {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => match parts.last() {
                Some(Utf8Component::Normal(_)) => drop(parts.pop()),
                Some(Utf8Component::RootDir | Utf8Component::Prefix(_)) => {}
                _ => parts.push(component),
            },
            other => parts.push(other),
        }
    }
    parts.iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised() {
        for (path, expected) in [
            ("a/./b", "a/b"),
            ("a/../b", "b"),
            ("../a", "../a"),
            ("/../a", "/a"),
            ("./a/b/../../..", ".."),
            (".", ""),
        ] {
            assert_eq!(normalise(path.into()), expected, "{path}");
        }
    }

    // With links, which Windows lets nobody make just so.
    #[cfg(unix)]
    #[test]
    fn nothing_leaves_the_working_directory() {
        let outer = tempfile::tempdir().unwrap();
        let outer = Utf8Path::from_path(outer.path()).unwrap();
        let inner = outer.join("work");
        fs_err::create_dir_all(inner.join("sub")).unwrap();
        fs_err::os::unix::fs::symlink(outer, inner.join("link")).unwrap();
        fs_err::os::unix::fs::symlink(inner.join("sub"), inner.join("within")).unwrap();
        let strict = Workspace::new(&inner, false).unwrap();
        for good in ["a", "sub/x", "sub/../a", "within/x", "new/deep/x"] {
            assert!(strict.resolve(good.into()).is_ok(), "{good}");
        }
        for bad in ["..", "../x", "/etc/passwd", "sub/../../x", "link", "link/x"] {
            assert!(strict.resolve(bad.into()).is_err(), "{bad}");
            assert!(
                Workspace::new(&inner, true).unwrap().resolve(bad.into()).is_ok(),
                "{bad}"
            );
        }
    }

    // Names that other systems don't have.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_link_leads_outside_whatever_the_name_it_leads_to() {
        use std::os::unix::ffi::OsStrExt;
        let outer = tempfile::tempdir().unwrap();
        let inner = Utf8Path::from_path(outer.path()).unwrap().join("work");
        let there = outer.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
        fs_err::create_dir_all(&inner).unwrap();
        fs_err::create_dir(&there).unwrap();
        fs_err::write(there.join("secret"), "x").unwrap();
        fs_err::os::unix::fs::symlink(&there, inner.join("link")).unwrap();
        let strict = Workspace::new(&inner, false).unwrap();
        for bad in ["link", "link/secret", "link/new"] {
            assert!(strict.resolve(bad.into()).is_err(), "{bad}");
        }
    }
}
