//! Spec and file system into a plan: artifacts, layers, titles, types and sizes, in order. `check`, `push` and its dry
//! run share it. Nothing is packed or hashed here, and no request is made; every problem is found.

mod files;
mod layer;
mod media_type;
mod paths;

use camino::Utf8PathBuf;

use crate::error::{Error, Errors, Place, Result};
use crate::oci::{Annotations, Descriptor, Digest, ImageManifest, Platform, names};
use crate::pack::{Compression, Tree};
use crate::reference::{Reference, Tag};
use crate::spec::{ArtifactSpec, IfExists, IfNoFilesFound, Spec};

pub use paths::Workspace;

/// What a plan needs to know beside the spec.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where relative paths start and what they may not leave.
    pub workspace: Workspace,
    /// Whether a pattern or path without files fails.
    pub if_no_files_found: IfNoFilesFound,
    /// Annotations from CI facts: the weakest. For every artifact, and for those on ghcr.io alone.
    pub ci_annotations: CiAnnotations,
    /// The input `annotations`: stronger than the spec's own, weaker than an artifact's.
    pub annotations: Annotations,
    /// The input `if-exists`, for artifacts that say nothing.
    pub if_exists: Option<IfExists>,
    /// `SOURCE_DATE_EPOCH` in seconds.
    pub source_date_epoch: Option<u64>,
}

/// Annotations from CI facts.
#[derive(Clone, Debug, Default)]
pub struct CiAnnotations {
    /// On every artifact.
    pub everywhere: Annotations,
    /// On artifacts whose registry is ghcr.io: `source` links the package to its repository there.
    pub on_ghcr: Annotations,
}

/// What is to be pushed.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The artifacts, in the order of the spec.
    pub artifacts: Vec<Artifact>,
    /// What the user should look at.
    pub warnings: Vec<String>,
}

/// One artifact.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Its name in this run.
    pub name: String,
    /// Where it stands in the spec.
    pub place: Option<Place>,
    /// Where it goes.
    pub reference: Reference,
    /// The tags it gets, the reference's own first; none to store it by digest only.
    pub tags: Vec<TagRule>,
    /// Its artifact type.
    pub artifact_type: String,
    /// Its layers, in order.
    pub layers: Vec<Layer>,
    /// Its config, unless it is the empty one.
    pub config: Option<Layer>,
    /// Whether `files` names some and there is none, which `if-no-files-found` lets pass: there is nothing to push, and
    /// an empty artifact must not take the place of a full one.
    pub nothing_found: bool,
    /// Annotations of the manifest.
    pub annotations: Annotations,
    /// Its platform, for an index that lists it.
    pub platform: Option<Platform>,
}

/// A tag and what to do if it exists with another digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRule {
    /// The tag.
    pub tag: Tag,
    /// The policy.
    pub if_exists: IfExists,
}

/// One layer, or the config.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Its title: the path that pull writes. A config has none.
    pub title: Option<String>,
    /// What messages call it.
    pub label: String,
    /// Its media type.
    pub media_type: String,
    /// Its annotations, the title among them.
    pub annotations: Annotations,
    /// What it is made of.
    pub content: LayerContent,
    /// Bytes before packing.
    pub size: u64,
}

/// What a layer is made of.
#[derive(Clone, Debug)]
pub enum LayerContent {
    /// One file, as it is.
    File(Utf8PathBuf),
    /// A directory as a tar.
    Directory {
        /// What is in it.
        tree: Tree,
        /// How the tar is compressed.
        compression: Compression,
    },
}

impl Plan {
    /// Plans the artifacts of `spec`.
    pub fn new(spec: &Spec, settings: &Settings) -> Result<Self, Errors> {
        let mut plan = Plan::default();
        let mut problems = Vec::new();
        for artifact in &spec.artifacts {
            let mut planner = Planner {
                spec,
                settings,
                problems: &mut problems,
                warnings: &mut plan.warnings,
            };
            let artifact = planner.artifact(artifact);
            plan.artifacts.push(artifact);
        }
        check_tags(&plan.artifacts, &mut problems);
        problems.sort_by_key(|problem| problem.place().map(|place| (place.line, place.column)));
        Errors::check(problems)?;
        Ok(plan)
    }
}

struct Planner<'a> {
    spec: &'a Spec,
    settings: &'a Settings,
    problems: &'a mut Vec<Error>,
    warnings: &'a mut Vec<String>,
}

impl Planner<'_> {
    fn artifact(&mut self, spec: &ArtifactSpec) -> Artifact {
        let mut finder = files::Finder {
            workspace: &self.settings.workspace,
            if_no_files_found: self.settings.if_no_files_found,
            problems: self.problems,
            warnings: self.warnings,
        };
        let (layers, config) = finder.find_all(spec);
        let own = spec.reference.tag.iter().map(|tag| TagRule {
            tag: tag.clone(),
            if_exists: spec.if_exists.or(self.settings.if_exists).unwrap_or_default(),
        });
        let further = spec.tags.iter().map(|tag| TagRule {
            tag: tag.tag.clone(),
            if_exists: tag.if_exists,
        });
        let mut tags: Vec<TagRule> = own.collect();
        for rule in further {
            if tags.iter().all(|known| known.tag != rule.tag) {
                tags.push(rule);
            }
        }
        let artifact = Artifact {
            name: spec.name.clone(),
            place: spec.place.clone(),
            reference: self.settings.workspace.place(spec.reference.clone()),
            tags,
            artifact_type: spec.artifact_type.as_ref().map_or_else(
                || names::UNKNOWN_ARTIFACT.to_owned(),
                |artifact_type| artifact_type.to_string(),
            ),
            nothing_found: layers.is_empty() && config.is_none() && spec.files.iter().any(|file| !file.excluded),
            layers,
            config,
            annotations: self.annotations(spec),
            platform: spec.platform.clone(),
        };
        self.check_size(&artifact);
        artifact
    }

    /// From weak to strong: CI facts, the time, the spec, the input, the artifact.
    fn annotations(&self, artifact: &ArtifactSpec) -> Annotations {
        let ci = &self.settings.ci_annotations;
        let mut all = ci.everywhere.clone();
        if artifact
            .reference
            .location
            .host()
            .is_some_and(|host| host.as_str() == "ghcr.io")
        {
            all.extend(ci.on_ghcr.clone());
        }
        if let Some(seconds) = self.settings.source_date_epoch {
            all.insert(names::CREATED.to_owned(), rfc3339(seconds));
        }
        for layer in [
            &self.spec.annotations,
            &self.settings.annotations,
            &artifact.annotations,
        ] {
            all.extend(layer.clone());
        }
        all
    }

    /// A manifest that no registry takes is found here, not after hours of packing. Digests are of fixed length, so a
    /// stand-in for each gives the size.
    fn check_size(&mut self, artifact: &Artifact) {
        let stand_in = |layer: &Layer| {
            let mut descriptor = Descriptor::new(&layer.media_type, Digest::of(b""), layer.size);
            descriptor.annotations = layer.annotations.clone();
            if matches!(layer.content, LayerContent::Directory { .. }) {
                descriptor
                    .annotations
                    .insert(names::UNPACKED_DIGEST.to_owned(), Digest::of(b"").to_string());
            }
            descriptor
        };
        let layers = artifact.layers.iter().map(stand_in).collect();
        let config = artifact.config.as_ref().map(stand_in);
        let manifest = ImageManifest::new(artifact.artifact_type.clone(), config, layers)
            .annotations(artifact.annotations.clone());
        if let Err(error) = manifest.to_raw() {
            let error = error.context(format!("artifact {:?}", artifact.name));
            self.problems.push(error.at(artifact.place.clone()));
        }
    }
}

/// Two artifacts of one run must not fight for a tag.
fn check_tags(artifacts: &[Artifact], problems: &mut Vec<Error>) {
    let mut seen = std::collections::HashMap::new();
    for artifact in artifacts {
        for rule in &artifact.tags {
            let key = (&artifact.reference.location, &rule.tag);
            if let Some(first) = seen.insert(key, &artifact.name) {
                let error = Error::usage(format!(
                    "artifacts {first:?} and {:?} would both become {}:{}",
                    artifact.name, artifact.reference.location, rule.tag
                ))
                .hint("give one of them another tag or repository");
                problems.push(error.at(artifact.place.clone()));
            }
        }
    }
}

/// `seconds` since 1970 as `YYYY-MM-DDThh:mm:ssZ`, by Howard Hinnant's `civil_from_days`.
fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01, in eras of 400 years: leap days then come last in their year.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_749_097_588, "2025-06-05T04:26:28Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }
}
