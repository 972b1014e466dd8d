//! The planner: each artifact of the spec with its files found and its annotations merged.

use super::{Artifact, Attachment, Body, Index, Layer, LayerContent, Package, Plan, Settings, TagRule, files};
use crate::error::{Error, Errors, Place};
use crate::oci::{Annotations, Descriptor, Digest, names, rfc_3339};
use crate::reference::Reference;
use crate::spec::{ArtifactSpec, AttachmentSpec, Form, PackageSpec, Spec, SubjectSpec};

/// See [`Plan::new`].
pub(super) fn plan(spec: &Spec, settings: &Settings) -> Result<Plan, Errors> {
    let mut plan = Plan::default();
    let mut problems = Vec::new();
    let mut stdin = settings.stdin_taken.then(|| "--password-stdin".to_owned());
    for artifact in &spec.artifacts {
        let mut planner = Planner {
            spec,
            settings,
            problems: &mut problems,
            warnings: &mut plan.warnings,
            stdin: &mut stdin,
        };
        let artifact = planner.artifact(artifact);
        plan.artifacts.push(artifact);
    }
    check_tags(&plan.artifacts, &mut problems);
    problems.sort_by_key(|problem| problem.place().map(|place| (place.line, place.column)));
    Errors::check(problems)?;
    Ok(plan)
}

struct Planner<'a> {
    spec: &'a Spec,
    settings: &'a Settings,
    problems: &'a mut Vec<Error>,
    warnings: &'a mut Vec<String>,
    /// What has stdin, if something has.
    stdin: &'a mut Option<String>,
}

impl Planner<'_> {
    fn artifact(&mut self, spec: &ArtifactSpec) -> Artifact {
        let annotations = self.annotations(spec);
        let body = if spec.manifests.is_empty() {
            let form = spec.form.or(self.spec.form).unwrap_or_default();
            // A referrer has a subject, which image manifest 1.0 doesn't know.
            let form = if spec.subject.is_some() { Form::Image11 } else { form };
            Body::Files(self.package(&spec.package, annotations, form, &spec.name))
        } else {
            Body::Index(Index {
                artifact_type: spec.package.artifact_type.as_ref().map(ToString::to_string),
                manifests: spec.manifests.clone(),
                annotations,
            })
        };
        let place = spec.place.as_ref();
        Artifact {
            name: spec.name.clone(),
            place: spec.place.clone(),
            reference: self.reference(&spec.reference, place),
            subject: spec.subject.clone().map(|subject| SubjectSpec {
                reference: self.reference(&subject.reference, None),
                ..subject
            }),
            tags: self.tags(spec),
            body,
            attachments: self.attachments(&spec.attachments, &spec.name),
            platform: spec.platform.clone(),
        }
    }

    /// With a `subject` both are of one repository, of which one problem is enough.
    fn reference(&mut self, reference: &Reference, place: Option<&Place>) -> Reference {
        let workspace = &self.settings.workspace;
        workspace.place_of_spec(reference, place).unwrap_or_else(|problem| {
            self.problems.push(problem);
            workspace.place(reference.clone())
        })
    }

    fn tags(&self, spec: &ArtifactSpec) -> Vec<TagRule> {
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
        tags
    }

    fn attachments(&mut self, attachments: &[AttachmentSpec], artifact: &str) -> Vec<Attachment> {
        let plan = |spec: &AttachmentSpec| {
            let mut annotations = self.created();
            own(&mut annotations, &spec.package);
            Attachment {
                place: spec.package.place.clone(),
                package: self.package(&spec.package, annotations, Form::Image11, artifact),
                attachments: self.attachments(&spec.attachments, artifact),
            }
        };
        attachments.iter().map(plan).collect()
    }

    fn package(&mut self, spec: &PackageSpec, annotations: Annotations, form: Form, artifact: &str) -> Package {
        let mut finder = files::Finder {
            workspace: &self.settings.workspace,
            if_no_files_found: self.settings.if_no_files_found,
            problems: self.problems,
            warnings: self.warnings,
            stdin: self.stdin,
        };
        let (layers, config) = finder.find_all(spec);
        let given = spec.artifact_type.as_ref().map(ToString::to_string);
        let artifact_type = match (form, &config) {
            (Form::Image10, Some(config)) => {
                if given.as_ref().is_some_and(|given| *given != config.media_type) {
                    let error = Error::usage("with `manifest: image-1.0` the config's media type is the artifact type")
                        .hint("give one of them, or both alike");
                    self.problems.push(error.at(spec.place.clone()));
                }
                config.media_type.clone()
            }
            (Form::Image10, None) => given.unwrap_or_else(|| names::UNKNOWN_CONFIG.to_owned()),
            (Form::Image11, _) => given.unwrap_or_else(|| names::UNKNOWN_ARTIFACT.to_owned()),
        };
        let package = Package {
            artifact_type,
            nothing_found: layers.is_empty() && config.is_none() && spec.files.iter().any(|file| !file.excluded),
            layers,
            config,
            annotations,
            form,
        };
        self.check_size(&package, spec, artifact);
        package
    }

    /// From weak to strong: CI facts, the time, the spec, the input, the artifact.
    fn annotations(&self, artifact: &ArtifactSpec) -> Annotations {
        let ci = &self.settings.ci_annotations;
        let mut all = ci.everywhere.clone();
        let host = artifact.reference.location.host();
        if host.is_some_and(|host| host.as_str() == "ghcr.io") {
            all.extend(ci.on_ghcr.clone());
        }
        all.extend(self.created());
        for layer in [&self.spec.annotations, &self.settings.annotations] {
            all.extend(layer.clone());
        }
        own(&mut all, &artifact.package);
        all
    }

    /// When everything of this run was made, if something says so.
    fn created(&self) -> Annotations {
        let epoch = || self.settings.source_date_epoch.map(rfc_3339);
        let created = self.spec.created.clone().or_else(epoch);
        created
            .map(|time| (names::CREATED.to_owned(), time))
            .into_iter()
            .collect()
    }

    /// A manifest that no registry takes is found here, not after hours of packing. Digests are of fixed length, so a
    /// stand-in for each gives the size.
    fn check_size(&mut self, package: &Package, spec: &PackageSpec, artifact: &str) {
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
        let layers = package.layers.iter().map(stand_in).collect();
        let config = package.config.as_ref().map(stand_in);
        if let Err(error) = package.manifest(config, layers).to_raw() {
            let error = error.context(format!("artifact {artifact:?}"));
            self.problems.push(error.at(spec.place.clone()));
        }
    }
}

/// What a package says itself goes before everything else.
fn own(annotations: &mut Annotations, package: &PackageSpec) {
    if let Some(time) = &package.created {
        annotations.insert(names::CREATED.to_owned(), time.clone());
    }
    annotations.extend(package.annotations.clone());
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
