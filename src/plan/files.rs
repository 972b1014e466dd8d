//! The `files` of an artifact into layers: paths and patterns looked up, titles given, types filled in.

use std::collections::HashSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Layer, LayerContent, Workspace, layer, paths};
use crate::error::{Class, Error, Place, Result};
use crate::pattern::{self, Pattern};
use crate::spec::{FileSpec, IfNoFilesFound, PackageSpec, STDIN_TITLE};
use crate::unpack;

/// Finds the files of one package after the other.
pub(super) struct Finder<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) if_no_files_found: IfNoFilesFound,
    pub(super) problems: &'a mut Vec<Error>,
    pub(super) warnings: &'a mut Vec<String>,
    /// What has stdin already, if something has: it is read once.
    pub(super) stdin: &'a mut Option<String>,
}

/// A file or directory that an entry of `files` names.
pub(super) struct Found<'s> {
    /// Absolute; means nothing for stdin.
    pub(super) path: Utf8PathBuf,
    /// Relative to the base, or the file name of what lies outside.
    pub(super) relative: Utf8PathBuf,
    pub(super) entry: &'s FileSpec,
}

impl Finder<'_> {
    /// Layers and config of `package`; problems are noted and their entries left out.
    pub(super) fn find_all(&mut self, package: &PackageSpec) -> (Vec<Layer>, Option<Layer>) {
        let Some(base) = self.base(package) else {
            return (Vec::new(), None);
        };
        let layers = self.layers(package, &base);
        let config = package.config.as_ref().and_then(|config| {
            let layer = self.config(&base, config);
            self.note(config.place.as_ref(), layer)
        });
        (layers, config)
    }

    /// In the order of `files`.
    fn layers(&mut self, package: &PackageSpec, base: &Utf8Path) -> Vec<Layer> {
        let mut found: Vec<Found<'_>> = Vec::new();
        let mut excluded = false;
        for entry in &package.files {
            let result = if entry.excluded {
                excluded |= !found.is_empty();
                exclude(&mut found, &entry.path)
            } else {
                self.find(base, entry).map(|more| found.extend(more))
            };
            self.note(entry.place.as_ref(), result);
        }
        if excluded && found.is_empty() {
            let error = Error::new(Class::Local, "`files` takes away every file that it names")
                .hint("an entry that begins with ! holds for the entries before it");
            let result = self.nothing(error);
            self.note(package.files.last().and_then(|entry| entry.place.as_ref()), result);
        }
        let mut layers: Vec<(Layer, Option<Place>)> = Vec::new();
        for found in found {
            let place = found.entry.place.as_ref();
            let result = layer::of(&found).map(|layer| layers.push((layer, place.cloned())));
            self.note(place, result);
        }
        self.check_titles(&layers);
        layers.into_iter().map(|(layer, _)| layer).collect()
    }

    fn config(&mut self, base: &Utf8Path, config: &FileSpec) -> Result<Layer> {
        if config.is_stdin() {
            self.take_stdin(config)?;
            return Ok(layer::stdin_config(config));
        }
        layer::config(self.locate(base, config)?, config)
    }

    fn base(&mut self, package: &PackageSpec) -> Option<Utf8PathBuf> {
        let base = self.workspace.resolve(&package.base).and_then(|base| {
            if package.files.is_empty() || base.is_dir() {
                return Ok(base);
            }
            Err(
                Error::usage(format!("base {:?} is not a directory", package.base.as_str())).hint(format!(
                    "it is relative to the working directory, {}",
                    self.workspace.directory()
                )),
            )
        });
        self.note(package.base_place.as_ref().or(package.place.as_ref()), base)
    }

    fn note<T>(&mut self, place: Option<&Place>, result: Result<T>) -> Option<T> {
        result
            .map_err(|error| self.problems.push(error.at(place.cloned())))
            .ok()
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

    fn take_stdin(&mut self, entry: &FileSpec) -> Result<()> {
        if let Some(taken) = &self.stdin {
            return Err(Error::usage(format!(
                "\"-\" is stdin, which {taken} reads already; it can be read once"
            ))
            .hint("put one of them into a file; a file that is named - is written ./-"));
        }
        let place = entry.place.as_ref().map(ToString::to_string);
        *self.stdin = Some(place.unwrap_or_else(|| "another entry of `files`".to_owned()));
        Ok(())
    }

    fn find<'s>(&mut self, base: &Utf8Path, entry: &'s FileSpec) -> Result<Vec<Found<'s>>> {
        if entry.is_stdin() {
            self.take_stdin(entry)?;
            return Ok(vec![Found {
                path: entry.path.as_str().into(),
                relative: STDIN_TITLE.into(),
                entry,
            }]);
        }
        // A name that holds `[` or `*` is tried as it stands before it is read as a pattern.
        let path = self.locate(base, entry)?;
        if path.symlink_metadata().is_ok() {
            let relative = relative_to(base, &path);
            return Ok(vec![Found { path, relative, entry }]);
        }
        if !pattern::is_pattern(&entry.path) {
            let error = Error::new(Class::Local, format!("{}: no such file or directory", entry.path)).hint(format!(
                "it was looked for at {path}; `if-no-files-found: warn` lets the run go on"
            ));
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
            let error = Error::new(Class::Local, format!("pattern {:?} matches no file", entry.path)).hint(format!(
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

    fn check_titles(&mut self, layers: &[(Layer, Option<Place>)]) {
        let titled = layers.iter().filter_map(|(layer, place)| {
            let directory = matches!(layer.content, LayerContent::Directory { .. });
            Some((layer.title.as_deref()?, directory, place))
        });
        let mut seen = HashSet::new();
        if let Some((title, _, place)) = titled.clone().find(|(title, ..)| !seen.insert(*title)) {
            let error = Error::usage(format!("two files of one artifact have the title {title:?}"))
                .hint("give one of them another `title`, or exclude it");
            self.problems.push(error.at(place.clone()));
        } else if let Some((one, other)) =
            unpack::colliding(titled.clone().map(|(title, directory, _)| (title, directory)))
        {
            let place = titled
                .clone()
                .find_map(|(title, _, place)| (title == other).then_some(place)?.clone());
            let error = Error::usage(format!(
                "titles {one:?} and {other:?} are the same path on some systems"
            ))
            .hint("give one of them another `title`");
            self.problems.push(error.at(place));
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
