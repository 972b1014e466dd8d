//! Which artifacts a run is about: those of a spec, or one made of inputs.

use std::io::{ErrorKind, Read as _};

use camino::Utf8Path;

use crate::error::{Error, Errors, Result};
use crate::inputs::{From, Inputs, SpecSource};
use crate::reference::{Case, Location, Pointer, Reference, Tag};
use crate::spec::{
    self, ArtifactSpec, Context, DEFAULT_FILE, FileSpec, IfExists, ManifestSpec, ManifestTarget, PackageSpec,
    SPEC_LIMIT, Spec, SubjectSpec, TagSpec,
};

use super::Session;

/// Where the spec of a run came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A file: whoever can change it may not learn a credential.
    File,
    /// Inputs: `spec`, or `reference` and `files`.
    Inputs,
}

/// Reads the spec that the inputs ask for, or makes one of them.
pub(super) fn spec(inputs: &Inputs, directory: &Utf8Path, session: &Session<'_>) -> Result<(Spec, Origin), Errors> {
    let (spec, origin) = match &inputs.spec {
        Some(source) => match &source.value {
            SpecSource::Inline(text) => (parse(text.as_bytes(), None, inputs, session)?, Origin::Inputs),
            SpecSource::File(file) => (read_file(file, directory, inputs, session)?, Origin::File),
        },
        None if inputs.reference.is_some() || !inputs.files.is_empty() => {
            (from_inputs(inputs, session)?, Origin::Inputs)
        }
        None if directory.join(DEFAULT_FILE).is_file() => (
            read_file(DEFAULT_FILE.into(), directory, inputs, session)?,
            Origin::File,
        ),
        None => {
            return Err(Error::usage(format!(
                "there is no reference, no spec and no {DEFAULT_FILE} in {directory}"
            ))
            .hint("name a reference and files, or a spec with `spec-file`")
            .into());
        }
    };
    for notice in &spec.notices {
        session.report.notice(notice);
    }
    Ok((only(spec, &inputs.only)?, origin))
}

fn read_file(file: &Utf8Path, directory: &Utf8Path, inputs: &Inputs, session: &Session<'_>) -> Result<Spec, Errors> {
    let bytes = bounded(&directory.join(file)).map_err(|error| {
        let (why, hint) = match error.kind() {
            ErrorKind::NotFound => (
                "no such file".to_owned(),
                "`spec-file` is relative to `working-directory`",
            ),
            ErrorKind::IsADirectory => ("this is a directory".to_owned(), "name the file in it"),
            _ => (error.to_string(), "check the path and its permissions"),
        };
        Error::usage(format!("spec {file}: {why}")).hint(format!("{hint}; it was looked for in {directory}"))
    })?;
    if bytes.len() > SPEC_LIMIT {
        return Err(
            Error::usage(format!("spec {file}: it has more than {SPEC_LIMIT} bytes"))
                .hint("use patterns or directories instead of listing each file")
                .into(),
        );
    }
    // From where the program was called: what an editor opens, and what a job's annotation is resolved from.
    let shown = match inputs.working_directory.as_str() {
        "" | "." => file.to_owned(),
        _ => inputs.working_directory.join(file),
    };
    parse(&bytes, Some(&shown), inputs, session)
}

/// At most one byte more than a spec may have, whatever size the file says it has: a device has none and never ends.
fn bounded(path: &Utf8Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = fs_err::File::open(path)?.into_parts().0;
    file.take(SPEC_LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn parse(bytes: &[u8], file: Option<&Utf8Path>, inputs: &Inputs, session: &Session<'_>) -> Result<Spec, Errors> {
    let facts = session.ci.facts();
    let context = Context {
        file,
        registry: inputs.registry.as_ref(),
        facts: &facts,
        vars: &inputs.vars,
    };
    spec::read(bytes, &context)
}

/// The spec of the one artifact that the inputs describe.
fn from_inputs(inputs: &Inputs, session: &Session<'_>) -> Result<Spec, Errors> {
    let reference = reference(inputs, session)?;
    Ok(only_one(described(inputs, reference)?))
}

/// An artifact at `reference` as `files`, `tags` and `artifact-type` describe it.
pub(super) fn described(inputs: &Inputs, reference: Reference) -> Result<ArtifactSpec, Errors> {
    let mut problems = Vec::new();
    let mut files = Vec::new();
    for text in &inputs.files {
        match FileSpec::parse(text) {
            Ok(file) => files.push(file),
            Err(error) => problems.push(error.context("input `files`")),
        }
    }
    let mut tags = Vec::new();
    for text in &inputs.tags {
        match text.parse::<Tag>() {
            Ok(tag) => tags.push(TagSpec {
                tag,
                if_exists: IfExists::Replace,
                place: None,
            }),
            Err(error) => problems.push(error.context("input `tags`")),
        }
    }
    Errors::check(problems)?;
    Ok(ArtifactSpec {
        package: PackageSpec {
            artifact_type: inputs.artifact_type.clone(),
            files,
            ..PackageSpec::default()
        },
        tags,
        ..ArtifactSpec::new(reference)
    })
}

/// The spec of the one referrer that `attach` describes.
pub(super) fn attachment(inputs: &Inputs, session: &Session<'_>) -> Result<Spec, Errors> {
    let subject = parsed(inputs.subject.as_ref(), inputs, session)?;
    if subject.pointer().is_none() {
        let error = Error::usage(format!("subject {subject} has neither a tag nor a digest"));
        return Err(error.hint("add :TAG or @DIGEST").into());
    }
    let reference = Reference {
        location: subject.location.clone(),
        tag: None,
        digest: None,
    };
    let artifact = ArtifactSpec {
        subject: Some(SubjectSpec {
            reference: subject,
            platform: inputs.platform.first().cloned(),
            place: None,
        }),
        ..described(inputs, reference)?
    };
    Ok(only_one(artifact))
}

/// The spec of the one index that `index` describes.
pub(super) fn index(inputs: &Inputs, reference: Reference) -> Result<Spec, Errors> {
    let manifests = manifests(&inputs.manifests, &reference.location, inputs)?;
    let artifact = ArtifactSpec {
        manifests,
        ..described(inputs, reference)?
    };
    Ok(only_one(artifact))
}

/// Entries of an index in the repository at `location`.
pub(super) fn manifests(texts: &[String], location: &Location, inputs: &Inputs) -> Result<Vec<ManifestSpec>, Errors> {
    let mut problems = Vec::new();
    let mut found = Vec::new();
    for text in texts {
        match ManifestSpec::parse(text, location, inputs.registry.as_ref()) {
            Ok(entry) => found.push(entry),
            Err(error) => problems.push(error.context(format!("manifest {text:?}"))),
        }
    }
    Errors::check(problems)?;
    Ok(found)
}

/// The same without platforms.
pub(super) fn pointers(texts: &[String], location: &Location, inputs: &Inputs) -> Result<Vec<Pointer>, Errors> {
    let entries = manifests(texts, location, inputs)?;
    let pointer = |entry: ManifestSpec| match entry.target {
        ManifestTarget::Pointer(pointer) => Some(pointer),
        // Only a spec has names.
        ManifestTarget::Artifact(_) => None,
    };
    Ok(entries.into_iter().filter_map(pointer).collect())
}

fn only_one(artifact: ArtifactSpec) -> Spec {
    Spec {
        artifacts: vec![artifact],
        ..Spec::default()
    }
}

/// The input `reference`.
pub(super) fn reference(inputs: &Inputs, session: &Session<'_>) -> Result<Reference> {
    parsed(inputs.reference.as_ref(), inputs, session)
}

/// An input that is a reference; upper case in it is folded with a notice.
pub(super) fn parsed(given: Option<&From<String>>, inputs: &Inputs, session: &Session<'_>) -> Result<Reference> {
    let given = given.ok_or_else(|| {
        Error::usage("no reference is given").hint("name it as HOST/REPOSITORY:TAG, or as oci:DIRECTORY:TAG")
    })?;
    let (reference, folded) = Reference::parse(&given.value, inputs.registry.as_ref(), Case::Fold)
        .map_err(|error| error.context(&given.origin))?;
    if folded {
        session.report.notice(format!(
            "{}: lower-cased to {reference}, as registries ask for",
            given.origin
        ));
    }
    Ok(reference)
}

/// Keeps the artifacts that `only` names; all if it names none.
pub(super) fn only(mut spec: Spec, names: &[String]) -> Result<Spec> {
    let known: Vec<&str> = spec.artifacts.iter().map(|artifact| artifact.name.as_str()).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(Error::usage(format!("`only`: there is no artifact {unknown:?}"))
            .hint(format!("the artifacts are {}", known.join(", "))));
    }
    if names.is_empty() {
        return Ok(spec);
    }
    let (kept, left_out): (Vec<_>, Vec<_>) = spec
        .artifacts
        .into_iter()
        .partition(|artifact| names.contains(&artifact.name));
    spec.artifacts = kept;
    for artifact in &mut spec.artifacts {
        for entry in &mut artifact.manifests {
            look_up(entry, &left_out)?;
        }
    }
    Ok(spec)
}

/// An artifact that is left out was pushed by another job: an index finds it by its tag.
fn look_up(entry: &mut ManifestSpec, left_out: &[ArtifactSpec]) -> Result<()> {
    let name = entry.target.name();
    let Some(artifact) = left_out.iter().find(|artifact| Some(artifact.name.as_str()) == name) else {
        return Ok(());
    };
    let pointer = artifact.reference.pointer().ok_or_else(|| {
        Error::usage(format!(
            "`only` leaves out {name:?}, which the index lists, and which has no tag to find it by"
        ))
        .hint("give it a tag, or list the digest that its job handed on")
        .at(entry.place.clone())
    })?;
    entry.target = ManifestTarget::Pointer(pointer);
    if entry.platform.is_none() {
        entry.platform.clone_from(&artifact.platform);
    }
    Ok(())
}
