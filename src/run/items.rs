//! What a pull is about: which artifacts, by which digest, into which folders.

use std::collections::HashSet;

use camino::Utf8PathBuf;

use crate::error::{Error, Errors, Result};
use crate::ops::PullItem;
use crate::pattern;
use crate::spec::{ArtifactSpec, Spec};

use super::command::Run;
use super::earlier::{self, Earlier};
use super::sources::{self, Origin};

impl Run<'_> {
    /// What to pull: the artifacts of `from`, of a spec, of both together, or of the reference.
    pub(super) fn pull_items(&self) -> Result<(Vec<PullItem>, Origin), Errors> {
        let from = self
            .inputs
            .from
            .as_ref()
            .map(|from| earlier::read(&from.value))
            .transpose()?;
        let items = match (from, &self.inputs.spec) {
            (Some(from), None) => (self.items_of(from)?, Origin::Inputs),
            (Some(from), Some(_)) => {
                let (mut spec, _) = self.spec()?;
                pin(&mut spec, &from)?;
                (self.items_of_spec(&spec)?, Origin::Inputs)
            }
            (None, _) => {
                let (spec, origin) = self.spec()?;
                (self.items_of_spec(&spec)?, origin)
            }
        };
        check_literal_paths(&items.0)?;
        Ok(items)
    }

    /// The artifacts that an earlier run pushed, each by its digest, all into one folder. `files` and `artifact-type`
    /// say the same of each as they do of a reference.
    fn items_of(&self, from: Vec<Earlier>) -> Result<Vec<PullItem>, Errors> {
        let mut spec = Spec::default();
        let alone = from.len() == 1;
        for Earlier {
            name,
            reference,
            is_index,
        } in from
        {
            // What it lists was pushed by the same run, or is named by its digest.
            if is_index && !alone && !self.inputs.only.contains(&name) {
                self.leave_out(&name);
                continue;
            }
            let described = sources::described(self.inputs, reference)?;
            spec.artifacts.push(ArtifactSpec { name, ..described });
        }
        let spec = sources::only(spec, &self.inputs.only)?;
        Ok(self.items_of_spec(&spec)?)
    }

    fn items_of_spec(&self, spec: &Spec) -> Result<Vec<PullItem>> {
        let item = |artifact: &ArtifactSpec| {
            let output = artifact
                .output
                .as_ref()
                .or(self.inputs.output.as_ref())
                .unwrap_or(&artifact.package.base);
            // The input `output` is the user's own word and may lie anywhere.
            let path = if artifact.output.is_none() && self.inputs.output.is_some() {
                self.workspace.absolute(output)
            } else {
                let place = artifact.places.output.as_ref().or(artifact.package.base_place.as_ref());
                self.workspace
                    .resolve(output)
                    .map_err(|error| error.at(place.cloned()))?
            };
            check_is_found(artifact)?;
            Ok(PullItem {
                name: artifact.name.clone(),
                place: artifact.place.clone(),
                reference: self
                    .workspace
                    .place_of_spec(&artifact.reference, artifact.place.as_ref())?,
                artifact_type: artifact.package.artifact_type.clone(),
                files: artifact.package.files.clone(),
                output: path,
                platform: self.inputs.platform.first().cloned(),
                include_referrers: self.referrers_of(artifact, spec),
                demands_referrers: artifact.include_referrers.is_some() || spec.artifacts.len() == 1,
            })
        };
        let named = |artifact: &&ArtifactSpec| self.inputs.only.contains(&artifact.name);
        let (wanted, others): (Vec<_>, Vec<_>) = spec
            .artifacts
            .iter()
            .partition(|artifact| named(artifact) || artifact.manifests.is_empty() && artifact.subject.is_none());
        for artifact in others {
            match &artifact.subject {
                Some(subject) => self.report().info(format!(
                    "artifact {:?} refers to {}; `include-referrers` pulls it along with that",
                    artifact.name, subject.reference
                )),
                None => self.leave_out(&artifact.name),
            }
        }
        wanted.into_iter().map(item).collect()
    }

    fn leave_out(&self, name: &str) {
        self.report().info(format!(
            "artifact {name:?} has no files of its own to pull; name it in `only` if it is meant"
        ));
    }

    /// What `include-referrers` says: of the artifact, else the input, else of the spec.
    fn referrers_of(&self, artifact: &ArtifactSpec, spec: &Spec) -> Vec<String> {
        let input = Some(&self.inputs.include_referrers).filter(|types| !types.is_empty());
        let own = artifact.include_referrers.as_ref();
        own.or(input)
            .or(spec.include_referrers.as_ref())
            .cloned()
            .unwrap_or_default()
    }
}

/// A referrer has no tag to be found by; `from` gives its digest.
fn check_is_found(artifact: &ArtifactSpec) -> Result<()> {
    let Some(subject) = &artifact.subject else {
        return Ok(());
    };
    if artifact.reference.pointer().is_some() {
        return Ok(());
    }
    let (name, subject) = (&artifact.name, &subject.reference);
    let artifact_type = artifact.package.artifact_type.as_ref();
    let artifact_type = artifact_type.map_or("its type".to_owned(), ToString::to_string);
    let error = Error::usage(format!(
        "artifact {name:?} refers to {subject}, and has no tag to be found by"
    ));
    Err(error
        .hint(format!(
            "pull {subject} with `include-referrers: {artifact_type}`, or set `from` to the output json of its push"
        ))
        .at(artifact.place.clone()))
}

/// Replaces the references of a spec by the digests of an earlier run.
fn pin(spec: &mut Spec, from: &[Earlier]) -> Result<()> {
    for artifact in &mut spec.artifacts {
        let pinned = from.iter().find(|earlier| earlier.name == artifact.name);
        let Earlier { reference, .. } = pinned.ok_or_else(|| {
            let names: Vec<&str> = from.iter().map(|earlier| earlier.name.as_str()).collect();
            Error::usage(format!("`from` has no artifact {:?}", artifact.name))
                .hint(format!("it has {}; choose with `only`", names.join(", ")))
        })?;
        artifact.reference = reference.clone();
    }
    Ok(())
}

/// What the spec alone shows to collide is found before the first request.
fn check_literal_paths(items: &[PullItem]) -> Result<()> {
    let mut seen: HashSet<Utf8PathBuf> = HashSet::new();
    for item in items {
        for file in item.files.iter().filter(|file| !file.excluded) {
            let path = item.output.join(file.title.as_deref().unwrap_or(&file.path));
            if pattern::is_pattern(&file.path) || seen.insert(path.clone()) {
                continue;
            }
            let error = Error::usage(format!("artifact {:?} would write {path} a second time", item.name))
                .hint("give the artifacts different `output` folders, or pull one with `only`");
            return Err(error.at(file.place.clone().or(item.place.clone())));
        }
    }
    Ok(())
}
