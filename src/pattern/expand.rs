//! The files that a pattern stands for.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use camino::{Utf8Path, Utf8PathBuf};
use walkdir::{DirEntry, WalkDir};

use super::{Alternative, OPTIONS, Pattern, is_pattern};
use crate::error::{Class, Error, Result};

/// The files under `root` that `text` stands for, relative to `root`, in the order of their bytes; empty if there is
/// none.
///
/// A path that exists is that path, whatever signs it has and whether it is a file or a directory. A pattern matches
/// regular files and links to such. It goes through no link to a directory, except one that it names before its
/// first wildcard: whether a result may lie where it lies, links resolved, is for the caller to say.
///
/// Fails with [`Class::Usage`] if the pattern is malformed, with [`Class::Local`] if a directory cannot be read.
pub fn expand(root: &Utf8Path, text: &str) -> Result<Vec<Utf8PathBuf>> {
    if !text.is_empty() && fs_err::symlink_metadata(root.join(text)).is_ok() {
        return Ok(vec![text.into()]);
    }
    if !is_pattern(text) {
        return Ok(Vec::new());
    }
    let pattern = Pattern::parse(text)?;
    let mut found = BTreeSet::new();
    for alternative in &pattern.alternatives {
        alternative.collect(root, &mut found)?;
    }
    Ok(found.into_iter().map(Utf8PathBuf::from).collect())
}

impl Alternative {
    fn collect(&self, root: &Utf8Path, found: &mut BTreeSet<String>) -> Result<()> {
        let start = root.join(&self.prefix);
        let is_directory = fs_err::metadata(&start).is_ok_and(|metadata| metadata.is_dir());
        if !is_directory {
            return Ok(());
        }
        let depth = if self.rest.iter().any(|part| part == "**") {
            usize::MAX
        } else {
            self.rest.len()
        };
        let dotted = self.rest.iter().any(|part| part.starts_with('.'));
        let enter = |entry: &DirEntry| {
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            entry.depth() == 0 || dotted || !hidden
        };
        let walk = WalkDir::new(&start).min_depth(1).max_depth(depth).into_iter();
        for entry in walk.filter_entry(enter) {
            let entry = entry.map_err(|error| Error::local(error.into()))?;
            let below = entry.path().strip_prefix(&start).unwrap_or(entry.path());
            let path = self.prefix.as_std_path().join(below);
            if entry.file_type().is_dir() || !self.whole.matches_with(&path.to_string_lossy(), OPTIONS) {
                continue;
            }
            if is_file(&entry)? {
                let path = path.into_os_string().into_string().map_err(|path| {
                    Error::new(
                        Class::Local,
                        format!("{}: the name is not UTF-8", path.to_string_lossy()),
                    )
                    .hint("rename the file, or write a pattern that does not match it")
                })?;
                found.insert(path);
            }
        }
        Ok(())
    }
}

/// Whether it is a regular file or a link to one; a link to nowhere is none.
fn is_file(entry: &DirEntry) -> Result<bool> {
    if !entry.file_type().is_symlink() {
        return Ok(entry.file_type().is_file());
    }
    match fs_err::metadata(entry.path()) {
        Ok(metadata) => Ok(metadata.is_file()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::local(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> (tempfile::TempDir, Utf8PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::try_from(directory.path().to_owned()).unwrap();
        for file in files {
            let path = root.join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, file).unwrap();
        }
        (directory, root)
    }

    #[test]
    fn files_come_sorted_and_once() {
        let (_guard, root) = tree(&[
            "d/b.txt",
            "d/a.txt",
            "d/a.md",
            "d/e/c.txt",
            "d-x.txt",
            ".h/x.txt",
            "d/.y.txt",
        ]);
        for (text, expected) in [
            ("d/*.txt", vec!["d/a.txt", "d/b.txt"]),
            ("{d/*,d/a.*}", vec!["d/a.md", "d/a.txt", "d/b.txt"]),
            ("**/*.txt", vec!["d-x.txt", "d/a.txt", "d/b.txt", "d/e/c.txt"]),
            ("*", vec!["d-x.txt"]),
            (".h/*", vec![".h/x.txt"]),
            ("**/.*", vec!["d/.y.txt"]),
            ("{d/a.md,nowhere}", vec!["d/a.md"]),
            ("nowhere/*", vec![]),
            ("nowhere", vec![]),
            ("d", vec!["d"]),
            ("d/a.md/*", vec![]),
        ] {
            assert_eq!(expand(&root, text).unwrap(), expected, "{text}");
        }
        let below = expand(&root.join("d/e"), "../*.md").unwrap();
        assert_eq!(below, ["../a.md"]);
        let absolute = expand("/nowhere".into(), &format!("{root}/d/*.md")).unwrap();
        assert_eq!(absolute, [root.join("d/a.md")]);
    }

    // A name that Windows doesn't take.
    #[cfg(unix)]
    #[test]
    fn a_path_that_exists_is_no_pattern() {
        let (_guard, root) = tree(&["z[1].txt", "z1.txt", "a{b", "x*", "xy"]);
        for text in ["z[1].txt", "a{b", "x*"] {
            assert_eq!(expand(&root, text).unwrap(), [text]);
        }
        assert_eq!(expand(&root, "z[12].txt").unwrap(), ["z1.txt"]);
        assert_eq!(expand(&root, "c{d").unwrap_err().class(), Class::Usage);
    }

    #[cfg(unix)]
    #[test]
    fn links_to_files_count_and_links_to_directories_are_not_entered() {
        use fs_err::os::unix::fs::symlink;
        let (_guard, root) = tree(&["d/a.txt"]);
        symlink("a.txt", root.join("d/link.txt")).unwrap();
        symlink("nowhere", root.join("d/dangling.txt")).unwrap();
        symlink("..", root.join("d/loop")).unwrap();
        symlink(".", root.join("d/dir.txt")).unwrap();
        assert_eq!(expand(&root, "**/*.txt").unwrap(), ["d/a.txt", "d/link.txt"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_name_that_is_not_utf8_is_an_error_only_where_it_matches() {
        use std::os::unix::ffi::OsStrExt;
        let (_guard, root) = tree(&["a.md"]);
        let name = std::ffi::OsStr::from_bytes(b"caf\xe9.txt");
        fs_err::write(root.as_std_path().join(name), "x").unwrap();
        assert_eq!(expand(&root, "*.md").unwrap(), ["a.md"]);
        assert_eq!(expand(&root, "*.txt").unwrap_err().class(), Class::Local);
    }
}
