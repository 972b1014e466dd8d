//! The `files` of an artifact into layers: paths and patterns looked up, titles given, types filled in.

use std::collections::HashMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Layer, LayerContent, Workspace, media_type, paths};
use crate::error::{Error, Place, Result};
use crate::oci::names;
use crate::pack::{self, Selection, Tree};
use crate::pattern::{self, Pattern};
use crate::spec::{ArtifactSpec, Compression, FileSpec, IfNoFilesFound};
use crate::unpack;

/// Finds the files of one artifact after the other.
pub(super) struct Finder<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) if_no_files_found: IfNoFilesFound,
    pub(super) problems: &'a mut Vec<Error>,
    pub(super) warnings: &'a mut Vec<String>,
}

/// A file or directory that an entry of `files` names.
struct Found<'s> {
    /// Absolute.
    path: Utf8PathBuf,
    /// Relative to the base, or the file name of what lies outside.
    relative: Utf8PathBuf,
    entry: &'s FileSpec,
}

impl Finder<'_> {
    /// Layers and config of `artifact`; problems are noted and their entries left out.
    pub(super) fn find_all(&mut self, artifact: &ArtifactSpec) -> (Vec<Layer>, Option<Layer>) {
        let Some(base) = self.base(artifact) else {
            return (Vec::new(), None);
        };
        let layers = self.layers(artifact, &base);
        let config = artifact.config.as_ref().and_then(|config| {
            let layer = self.config_layer(&base, config);
            self.note(config.place.as_ref(), layer)
        });
        (layers, config)
    }

    /// In the order of `files`.
    fn layers(&mut self, artifact: &ArtifactSpec, base: &Utf8Path) -> Vec<Layer> {
        let mut found: Vec<Found<'_>> = Vec::new();
        for entry in &artifact.files {
            let result = if entry.excluded {
                exclude(&mut found, &entry.path)
            } else {
                self.find(base, entry).map(|more| found.extend(more))
            };
            self.note(entry.place.as_ref(), result);
        }
        let mut layers: Vec<(Layer, Option<Place>)> = Vec::new();
        for found in found {
            let entry = found.entry;
            let place = entry.title_place.as_ref().or(entry.place.as_ref());
            let result = self.layer(found).map(|layer| layers.push((layer, place.cloned())));
            self.note(place, result);
        }
        self.check_titles(&layers);
        layers.into_iter().map(|(layer, _)| layer).collect()
    }

    /// The config: one file, stored without a title.
    fn config_layer(&self, base: &Utf8Path, config: &FileSpec) -> Result<Layer> {
        let path = self.locate(base, config)?;
        let size = regular_file(&path)?;
        let media_type = config
            .media_type
            .as_ref()
            .map_or(names::UNKNOWN_CONFIG, |given| given.as_str());
        Ok(Layer {
            title: None,
            label: config.path.clone(),
            media_type: media_type.to_owned(),
            annotations: config.annotations.clone(),
            content: LayerContent::File(path),
            size,
        })
    }

    fn base(&mut self, artifact: &ArtifactSpec) -> Option<Utf8PathBuf> {
        let base = self.workspace.resolve(&artifact.base).and_then(|base| {
            if artifact.files.is_empty() || base.is_dir() {
                return Ok(base);
            }
            Err(
                Error::usage(format!("base {:?} is not a directory", artifact.base.as_str())).hint(format!(
                    "it is relative to the working directory, {}",
                    self.workspace.directory()
                )),
            )
        });
        self.note(artifact.places.base.as_ref().or(artifact.place.as_ref()), base)
    }

    fn note<T>(&mut self, place: Option<&Place>, result: Result<T>) -> Option<T> {
        match (result, place) {
            (Ok(value), _) => return Some(value),
            (Err(error), Some(place)) if error.place().is_none() => self.problems.push(error.at(place.clone())),
            (Err(error), _) => self.problems.push(error),
        }
        None
    }

    /// An entry of a spec stays inside the working directory; a file given by input may lie anywhere.
    fn locate(&self, base: &Utf8Path, entry: &FileSpec) -> Result<Utf8PathBuf> {
        let path = base.join(&entry.path);
        if entry.place.is_none() {
            Ok(paths::normalise(&path))
        } else {
            self.workspace.resolve(&path)
        }
    }

    fn find<'s>(&mut self, base: &Utf8Path, entry: &'s FileSpec) -> Result<Vec<Found<'s>>> {
        // A name that holds `[` or `*` is tried as it stands before it is read as a pattern.
        let path = self.locate(base, entry)?;
        if path.symlink_metadata().is_ok() {
            let relative = relative_to(base, &path);
            return Ok(vec![Found { path, relative, entry }]);
        }
        if !pattern::is_pattern(&entry.path) {
            let error = Error::new(
                crate::error::Class::Local,
                format!("{}: no such file or directory", entry.path),
            )
            .hint(format!("it was looked for at {path}"));
            return self.nothing(error);
        }
        let exclude = entry
            .exclude
            .iter()
            .map(|text| Pattern::parse(text))
            .collect::<Result<Vec<_>>>()?;
        let files = pattern::expand(base, &entry.path)?;
        let files: Vec<Utf8PathBuf> = files
            .into_iter()
            .filter(|file| !exclude.iter().any(|pattern| pattern.matches(file)))
            .collect();
        if files.is_empty() {
            let error = Error::new(
                crate::error::Class::Local,
                format!("pattern {:?} matches no file", entry.path),
            )
            .hint(format!(
                "it was looked for in {base}; `if-no-files-found: warn` lets the run go on"
            ));
            return self.nothing(error);
        }
        if entry.title.is_some() && files.len() > 1 {
            return Err(Error::usage(format!(
                "pattern {:?} matches {} files, which can't share one title",
                entry.path,
                files.len()
            ))
            .hint("leave out `title`, or name the files one by one"));
        }
        let found = files.into_iter().map(|relative| {
            let path = base.join(&relative);
            if entry.place.is_some() {
                self.workspace.resolve(&path)?;
            }
            Ok(Found { path, relative, entry })
        });
        found.collect()
    }

    fn nothing<'s>(&mut self, error: Error) -> Result<Vec<Found<'s>>> {
        match self.if_no_files_found {
            IfNoFilesFound::Error => return Err(error),
            IfNoFilesFound::Warn => self.warnings.push(error.to_string()),
            IfNoFilesFound::Ignore => {}
        }
        Ok(Vec::new())
    }

    fn layer(&mut self, found: Found<'_>) -> Result<Layer> {
        let Found { path, relative, entry } = found;
        let title = entry
            .title
            .clone()
            .unwrap_or_else(|| relative.as_str().replace('\\', "/"));
        check_title(&title, entry)?;
        let mut annotations = entry.annotations.clone();
        if let Some(key) = [names::TITLE, names::UNPACK, names::UNPACKED_DIGEST]
            .iter()
            .find(|&&key| annotations.contains_key(key))
        {
            return Err(
                Error::usage(format!("annotation {key:?} of {:?} is set by this program", entry.path))
                    .hint("use `title` to name the layer"),
            );
        }
        annotations.insert(names::TITLE.to_owned(), title.clone());
        let metadata = fs_err::metadata(&path)?;
        let given = |default: &str| {
            entry
                .media_type
                .as_ref()
                .map_or(default, |given| given.as_str())
                .to_owned()
        };
        let layer = if metadata.is_dir() {
            let gzip = entry.compression != Some(Compression::None);
            let tree = self.walk(path, entry)?;
            annotations.insert(names::UNPACK.to_owned(), "true".to_owned());
            Layer {
                media_type: given(if gzip { names::LAYER_TAR_GZIP } else { names::LAYER_TAR }),
                size: tree.size(),
                content: LayerContent::Directory { tree, gzip },
                label: title.clone(),
                title: Some(title),
                annotations,
            }
        } else {
            refuse_directory_keys(entry)?;
            let size = regular_file(&path)?;
            if pack::is_executable(&path)? {
                annotations.insert(names::EXECUTABLE.to_owned(), "true".to_owned());
            }
            Layer {
                media_type: given(media_type::of(path.file_name().unwrap_or_default())),
                size,
                content: LayerContent::File(path),
                label: title.clone(),
                title: Some(title),
                annotations,
            }
        };
        Ok(layer)
    }

    fn walk(&self, path: Utf8PathBuf, entry: &FileSpec) -> Result<Tree> {
        let selection = Selection {
            exclude: entry.exclude.clone(),
            hidden: entry.hidden.unwrap_or(true),
        };
        pack::walk(path, &selection)
    }

    fn check_titles(&mut self, layers: &[(Layer, Option<Place>)]) {
        let mut first: HashMap<&str, ()> = HashMap::new();
        for (layer, place) in layers {
            let Some(title) = layer.title.as_deref() else { continue };
            if first.insert(title, ()).is_some() {
                let error = Error::usage(format!("two files of one artifact have the title {title:?}"))
                    .hint("give one of them another `title`, or exclude it");
                self.problems.push(match place {
                    Some(place) => error.at(place.clone()),
                    None => error,
                });
                return;
            }
        }
        let titles = layers.iter().filter_map(|(layer, _)| {
            let directory = matches!(layer.content, LayerContent::Directory { .. });
            Some((layer.title.as_deref()?, directory))
        });
        if let Some((one, other)) = unpack::colliding(titles) {
            let place = layers.iter().find(|(layer, _)| layer.title.as_deref() == Some(other));
            let error = Error::usage(format!(
                "titles {one:?} and {other:?} are the same path on some systems"
            ))
            .hint("give one of them another `title`");
            self.problems.push(match place.and_then(|(_, place)| place.clone()) {
                Some(place) => error.at(place),
                None => error,
            });
        }
    }
}

/// Takes away what the entries before matched.
fn exclude(found: &mut Vec<Found<'_>>, text: &str) -> Result<()> {
    let literal = paths::normalise(text.into());
    let pattern = Pattern::parse(text)?;
    found.retain(|found| found.relative != literal && !pattern.matches(&found.relative));
    Ok(())
}

/// `path` below `base`, or its file name where it lies elsewhere.
fn relative_to(base: &Utf8Path, path: &Utf8Path) -> Utf8PathBuf {
    match path.strip_prefix(base) {
        Ok(relative) => relative.to_owned(),
        Err(_) => path.file_name().unwrap_or_default().into(),
    }
}

fn check_title(title: &str, entry: &FileSpec) -> Result<()> {
    if title.is_empty() {
        return Err(
            Error::usage(format!("{:?} has no name that pull could give it", entry.path))
                .hint("set `title`, or `base` to the directory above"),
        );
    }
    unpack::check_title(title)
}

fn refuse_directory_keys(entry: &FileSpec) -> Result<()> {
    let Some(key) = [
        ("compression", entry.compression == Some(Compression::Gzip)),
        ("hidden", entry.hidden.is_some()),
        (
            "exclude",
            !entry.exclude.is_empty() && !pattern::is_pattern(&entry.path),
        ),
    ]
    .into_iter()
    .find_map(|(key, given)| given.then_some(key)) else {
        return Ok(());
    };
    Err(
        Error::usage(format!("`{key}` is for directories, and {:?} is a file", entry.path))
            .hint("a single file is stored as it is; leave the key out"),
    )
}

/// The size of the file at `path`, which may be a link to one.
fn regular_file(path: &Utf8Path) -> Result<u64> {
    let metadata = fs_err::metadata(path)?;
    if metadata.is_file() {
        return Ok(metadata.len());
    }
    Err(
        Error::new(crate::error::Class::Local, format!("{path} is not a regular file"))
            .hint("only files, and directories, can be pushed"),
    )
}
