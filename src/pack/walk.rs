//! What is in a directory, in the order of the tar.

use std::fs::Metadata;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use walkdir::{DirEntry, WalkDir};

use super::{Entry, EntryKind, Selection, Tree, file};
use crate::error::{Class, Error, Result};
use crate::pattern::Pattern;

/// Lists a directory. Links are not followed (the root itself may be one); names are in the order of their bytes, as
/// Go's `filepath.Walk` gives them.
///
/// Fails with [`Class::Usage`] if a pattern is malformed, and with [`Class::Local`] for what an artifact cannot hold:
/// special files, names that are not UTF-8, links that lead out of the directory.
pub fn walk(root: Utf8PathBuf, selection: &Selection) -> Result<Tree> {
    let metadata = fs_err::metadata(&root)?;
    if !metadata.is_dir() {
        return Err(Error::new(Class::Local, format!("{root}: not a directory")));
    }
    let exclude = selection
        .exclude
        .iter()
        .map(|text| Pattern::parse(text.trim_end_matches('/')))
        .collect::<Result<Vec<_>>>()?;
    let keep = |entry: &DirEntry| {
        let name = entry.file_name().as_encoded_bytes();
        let hidden = name.starts_with(b".") && !selection.hidden;
        // Lossy, so that an entry can be left out whose name is not UTF-8.
        let path = entry
            .path()
            .strip_prefix(&root)
            .unwrap_or(entry.path())
            .to_string_lossy();
        name != b".git"
            && !hidden
            && !exclude
                .iter()
                .any(|pattern| pattern.matches_hidden(path.as_ref().into()))
    };
    let entries = WalkDir::new(&root)
        .min_depth(1)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || keep(entry))
        .map(|entry| read(&root, &entry.map_err(|error| Error::local(error.into()))?))
        .collect::<Result<Vec<_>>>()?;
    Ok(Tree { root, entries })
}

fn read(root: &Utf8Path, entry: &DirEntry) -> Result<Entry> {
    let full = Utf8Path::from_path(entry.path()).ok_or_else(|| not_utf8(&entry.path().to_string_lossy()))?;
    let path = full.strip_prefix(root).unwrap_or(full);
    let metadata = fs_err::symlink_metadata(full)?;
    let kind = if metadata.is_dir() {
        EntryKind::Directory
    } else if metadata.is_file() {
        EntryKind::File {
            size: metadata.len(),
            executable: file::executable(&metadata),
        }
    } else if metadata.is_symlink() {
        EntryKind::Link(link(full, path)?)
    } else {
        return Err(special(full, &metadata));
    };
    Ok(Entry {
        path: path
            .components()
            .map(|part| part.as_str())
            .collect::<Vec<_>>()
            .join("/")
            .into(),
        kind,
    })
}

/// The target of a link at `path` in the directory, as it is stored.
fn link(full: &Utf8Path, path: &Utf8Path) -> Result<Utf8PathBuf> {
    let target = Utf8PathBuf::try_from(fs_err::read_link(full)?)
        .map_err(|error| not_utf8(&format!("{full} -> {}", error.into_path_buf().display())))?;
    if leaves(path, &target) {
        return Err(Error::new(
            Class::Local,
            format!("{full}: the link leads out of the packed directory, to {target}"),
        )
        .hint("exclude the link, or put what it leads to into the directory: no client would restore it"));
    }
    if let Some(missing) = goes_up_from(full, &target) {
        return Err(Error::new(
            Class::Local,
            format!("{full}: the link leads to {target}, up again from {missing}, which is no directory"),
        )
        .hint("exclude the link: pull would refuse it, as another layer could bring what leads elsewhere"));
    }
    Ok(target)
}

/// What a link passes on its way and goes up from, though it is no directory.
fn goes_up_from(full: &Utf8Path, target: &Utf8Path) -> Option<Utf8PathBuf> {
    let folder = full.parent()?;
    let mut way = Utf8PathBuf::new();
    for part in target.components() {
        if part == Utf8Component::ParentDir && way.file_name().is_some() && !folder.join(&way).is_dir() {
            return Some(way);
        }
        way.push(part);
    }
    None
}

/// Whether a link at `path` leads out of the directory, judged by the names alone, as ORAS does on pull
/// (oras-go `ensureLinkPath`).
fn leaves(path: &Utf8Path, target: &Utf8Path) -> bool {
    let mut depth = path.components().count().saturating_sub(1);
    for part in target.components() {
        match part {
            Utf8Component::Normal(_) => depth += 1,
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir if depth > 0 => depth -= 1,
            Utf8Component::ParentDir | Utf8Component::RootDir | Utf8Component::Prefix(_) => return true,
        }
    }
    false
}

fn not_utf8(path: &str) -> Error {
    Error::new(Class::Local, format!("{path}: the name is not UTF-8"))
        .hint("rename it, or exclude it (`?` in a pattern stands for what is unreadable)")
}

#[cfg(unix)]
fn special(path: &Utf8Path, metadata: &Metadata) -> Error {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    let what = if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    Error::new(Class::Local, format!("{path}: {what} cannot be packed")).hint("exclude it")
}

#[cfg(not(unix))]
fn special(path: &Utf8Path, _: &Metadata) -> Error {
    Error::new(Class::Local, format!("{path}: a special file cannot be packed")).hint("exclude it")
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

    fn paths(root: &Utf8Path, exclude: &[&str], hidden: bool) -> Vec<String> {
        let selection = Selection {
            exclude: exclude.iter().map(|text| (*text).to_owned()).collect(),
            hidden,
        };
        let tree = walk(root.to_owned(), &selection).unwrap();
        tree.entries.into_iter().map(|entry| entry.path.into_string()).collect()
    }

    // Two names that Windows takes for one.
    #[cfg(unix)]
    #[cfg(unix)]
    #[test]
    fn what_pull_refuses_is_not_packed() {
        let (_keep, root) = tree(&["a/b/file", "c/file"]);
        for (target, missing) in [
            ("b/../b/file", None),
            ("../c/../a/b", None),
            ("nowhere/b", None),
            ("nowhere/../b", Some("nowhere")),
            ("b/file/../x", Some("b/file")),
            ("../c/nowhere/../file", Some("../c/nowhere")),
        ] {
            let link = root.join("a/link");
            fs_err::os::unix::fs::symlink(target, &link).unwrap();
            assert_eq!(
                goes_up_from(&link, target.into()).as_deref(),
                missing.map(Utf8Path::new)
            );
            let packed = super::link(&link, Utf8Path::new("a/link"));
            assert_eq!(packed.is_ok(), missing.is_none(), "{target}");
            fs_err::remove_file(&link).unwrap();
        }
    }

    #[test]
    fn a_directory_comes_before_its_content_and_names_in_the_order_of_bytes() {
        let (_guard, root) = tree(&["b/x", "b-c", "a", "B", "b.d", "b/x-y/z", "ä"]);
        fs_err::create_dir(root.join("empty")).unwrap();
        // Go sorts the names of each directory: all of `b` stands between `b` and `b-c`. Whole paths sort otherwise.
        assert_eq!(
            paths(&root, &[], true),
            ["B", "a", "b", "b/x", "b/x-y", "b/x-y/z", "b-c", "b.d", "empty", "ä"]
        );
    }

    #[test]
    fn git_is_never_packed_and_hidden_files_are_by_default() {
        let (_guard, root) = tree(&[".git/config", "sub/.git", ".gitignore", ".d/x", "sub/y"]);
        assert_eq!(paths(&root, &[], true), [".d", ".d/x", ".gitignore", "sub", "sub/y"]);
        assert_eq!(paths(&root, &[], false), ["sub", "sub/y"]);
        assert!(Selection::default().hidden);
    }

    #[test]
    fn an_excluded_directory_is_left_out_with_all_in_it() {
        let (_guard, root) = tree(&["a.tmp", "d/b.tmp", "d/.c.tmp", "d/keep", "out/x/y", "out2/z"]);
        assert_eq!(
            paths(&root, &["**/*.tmp", "out/", "nothing*"], true),
            ["d", "d/keep", "out2", "out2/z"]
        );
        assert_eq!(paths(&root, &["*.tmp", "d/**", "out{,2}"], true), ["d"]);
        let bad = Selection {
            exclude: vec!["a[".to_owned()],
            hidden: true,
        };
        assert_eq!(walk(root, &bad).unwrap_err().class(), Class::Usage);
    }

    #[test]
    fn a_root_that_is_no_directory() {
        let (_guard, root) = tree(&["file"]);
        for name in ["file", "nowhere"] {
            let error = walk(root.join(name), &Selection::default()).unwrap_err();
            assert_eq!(error.class(), Class::Local);
            assert!(error.message().contains(name), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_listed_with_their_target_and_may_not_lead_out() {
        use fs_err::os::unix::fs::symlink;
        let (_guard, root) = tree(&["d/e/file"]);
        for (target, inside) in [
            ("file", true),
            ("../..", true),
            ("../../nowhere/./x", true),
            ("../../..", false),
            ("../../../other", false),
            ("/etc/passwd", false),
            ("../../d/../../x", false),
        ] {
            let link = root.join("d/e/link");
            symlink(target, &link).unwrap();
            let found = walk(root.clone(), &Selection::default());
            if inside {
                let expected = EntryKind::Link(target.into());
                assert!(
                    found.unwrap().entries.iter().any(|entry| entry.kind == expected),
                    "{target}"
                );
            } else {
                let error = found.unwrap_err();
                assert_eq!(error.class(), Class::Local);
                assert!(
                    error.message().contains("d/e/link") && error.message().contains(target),
                    "{error}"
                );
                assert_eq!(paths(&root, &["**/link"], true), ["d", "d/e", "d/e/file"]);
            }
            fs_err::remove_file(link).unwrap();
        }
    }

    #[cfg(unix)]
    #[test]
    fn special_files_are_refused_by_name() {
        let (_guard, root) = tree(&[]);
        let socket = root.join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let error = walk(root.clone(), &Selection::default()).unwrap_err();
        assert_eq!(error.to_string(), format!("{socket}: a socket cannot be packed"));
        assert_eq!(error.way_out(), Some("exclude it"));
        assert_eq!(paths(&root, &["socket"], true), [""; 0]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_name_that_is_not_utf8_is_refused_and_can_be_excluded() {
        use std::os::unix::ffi::OsStrExt;
        let (_guard, root) = tree(&[]);
        fs_err::write(
            root.as_std_path().join(std::ffi::OsStr::from_bytes(b"caf\xe9.txt")),
            "x",
        )
        .unwrap();
        let error = walk(root.clone(), &Selection::default()).unwrap_err();
        assert!(error.message().ends_with("the name is not UTF-8"), "{error}");
        assert_eq!(paths(&root, &["caf?.txt"], true), [""; 0]);
    }
}
