//! One file or directory that was found, into a layer: title, type, annotations.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::files::Found;
use super::{Layer, LayerContent, media_type};
use crate::error::{Class, Error, Result};
use crate::oci::names;
use crate::pack::{self, Selection};
use crate::pattern;
use crate::spec::{Compression, FileSpec, STDIN_TITLE};
use crate::unpack;

/// The layer of what was found.
pub(super) fn of(found: &Found<'_>) -> Result<Layer> {
    let Found { path, entry, .. } = found;
    let title = title(found)?;
    let mut annotations = entry.annotations.clone();
    annotations.insert(names::TITLE.to_owned(), title.clone());
    let (default_type, content, size) = if entry.is_stdin() {
        refuse_directory_keys(entry)?;
        let name = Utf8Path::new(&title).file_name().unwrap_or_default();
        (media_type::of(name), LayerContent::Stdin, 0)
    } else if fs_err::metadata(path)?.is_dir() {
        annotations.insert(names::UNPACK.to_owned(), "true".to_owned());
        directory(path, entry)?
    } else {
        refuse_directory_keys(entry)?;
        if pack::is_executable(path)? {
            annotations.insert(names::EXECUTABLE.to_owned(), "true".to_owned());
        }
        let default_type = media_type::of(path.file_name().unwrap_or_default());
        (default_type, LayerContent::File(path.clone()), regular_file(path)?)
    };
    Ok(Layer {
        label: title.clone(),
        title: Some(title),
        media_type: media_type_of(entry, default_type),
        annotations,
        content,
        size,
    })
}

/// A config: one file, stored without a title.
pub(super) fn config(path: Utf8PathBuf, config: &FileSpec) -> Result<Layer> {
    Ok(Layer {
        title: None,
        label: config.path.clone(),
        media_type: media_type_of(config, names::UNKNOWN_CONFIG),
        annotations: config.annotations.clone(),
        size: regular_file(&path)?,
        content: LayerContent::File(path),
    })
}

/// A config from stdin.
pub(super) fn stdin_config(config: &FileSpec) -> Layer {
    Layer {
        title: None,
        label: STDIN_TITLE.to_owned(),
        media_type: media_type_of(config, names::UNKNOWN_CONFIG),
        annotations: config.annotations.clone(),
        size: 0,
        content: LayerContent::Stdin,
    }
}

fn title(found: &Found<'_>) -> Result<String> {
    let entry = found.entry;
    let relative = || found.relative.as_str().replace('\\', "/");
    let title = entry.title.clone().unwrap_or_else(relative);
    if title.is_empty() {
        return Err(
            Error::usage(format!("{:?} has no name that pull could give it", entry.path))
                .hint("set `title`, or `base` to the directory above"),
        );
    }
    unpack::check_title(&title).map_err(|error| error.at(entry.title_place.clone()))?;
    Ok(title)
}

fn media_type_of(entry: &FileSpec, default: &str) -> String {
    entry
        .media_type
        .as_ref()
        .map_or_else(|| default.to_owned(), ToString::to_string)
}

fn directory(path: &Utf8Path, entry: &FileSpec) -> Result<(&'static str, LayerContent, u64)> {
    let compression = entry.compression.unwrap_or_default();
    let selection = Selection {
        exclude: entry.exclude.clone(),
        hidden: entry.hidden.unwrap_or(true),
    };
    let tree = pack::walk(path.to_owned(), &selection).map_err(|error| error.at(entry.exclude_place.clone()))?;
    let media_type = match compression {
        Compression::Gzip => names::LAYER_TAR_GZIP,
        Compression::Zstd => names::LAYER_TAR_ZSTD,
        Compression::None => names::LAYER_TAR,
    };
    let size = tree.size();
    let tree = Arc::new(tree);
    Ok((media_type, LayerContent::Directory { tree, compression }, size))
}

fn refuse_directory_keys(entry: &FileSpec) -> Result<()> {
    let given = [
        (
            "compression",
            entry
                .compression
                .is_some_and(|compression| compression != Compression::None),
        ),
        ("hidden", entry.hidden.is_some()),
        (
            "exclude",
            !entry.exclude.is_empty() && !pattern::is_pattern(&entry.path),
        ),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((key, _)) => Err(
            Error::usage(format!("`{key}` is for directories, and {:?} is a file", entry.path))
                .hint("a single file is stored as it is; leave the key out"),
        ),
    }
}

/// The size of the file at `path`, which may be a link to one.
fn regular_file(path: &Utf8Path) -> Result<u64> {
    let metadata = fs_err::metadata(path)?;
    if metadata.is_file() {
        return Ok(metadata.len());
    }
    Err(Error::new(Class::Local, format!("{path} is not a regular file"))
        .hint("only files, and directories, can be pushed"))
}
