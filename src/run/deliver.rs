//! The result to its readers: stdout, the CI's outputs and summary, the file of `output-file`.

use camino::{Utf8Path, Utf8PathBuf};

use crate::ci::{Made, Outputs, refuse_link};
use crate::error::Result;
use crate::inputs::{self, Format, Inputs};
use crate::reference::{Case, Reference};
use crate::report::{RunResult, State, render};

use super::Session;
use super::job::Output;

/// Above this many bytes the JSON goes to a file alone: CI systems bound what an output may hold (GitHub: 1 MB a job).
const JSON_LIMIT: usize = 256 * 1024;

/// Hands the result on; the first failure is returned, the other readers still get theirs.
pub(super) fn deliver(
    result: &RunResult,
    output: Option<&Output>,
    inputs: &Inputs,
    session: &Session<'_>,
) -> Result<()> {
    let terminal = session.report.terminal();
    match (output, inputs.format) {
        _ if inputs.to_stdout() => {}
        (Some(Output::Bytes(bytes)), _) => terminal.raw_result(bytes),
        (_, Format::Json) => terminal.result(&format!("{}\n", result.to_json(true))),
        (Some(Output::Text(text)), Format::Text) => terminal.result(text),
        // Who asked to see something and cannot gets nothing, lest a script take it for the answer.
        (None, Format::Text) if !summarised(result) => {}
        (_, Format::Text) => terminal.result(&render::text(result)),
    }
    let json = result.to_json(false);
    let json_file = json_file(&json, inputs, session);
    let mut values = outputs(result, json);
    if let Ok(Some(path)) = &json_file {
        values.push(("json-file", path.to_string()));
    }
    let outputs = Outputs {
        values: &values,
        prefix: &inputs.variable_prefix,
    };
    let handed_on = hand_on(&outputs, inputs.variables_file.as_deref(), inputs, session);
    let summary = if inputs.summary && summarised(result) {
        session.ci.summary(&render::summary(result), session.report)
    } else {
        Ok(())
    };
    let made = session.ci.made(&made(result), session.report);
    json_file.map(drop).and(handed_on).and(summary).and(made)
}

/// Gives the outputs to the system's own channel, and to the file of variables that it or the input `file` names.
fn hand_on(outputs: &Outputs<'_>, file: Option<&Utf8Path>, inputs: &Inputs, session: &Session<'_>) -> Result<()> {
    let own = session.ci.outputs(outputs, session.report);
    let variables = session.ci.variables();
    let file = match file {
        Some(file) => Some(session.env.directory().join(&inputs.working_directory).join(file)),
        None => variables.file,
    };
    let Some(file) = file else { return own };
    let left_out = outputs.write(&file, variables.form, variables.limit)?;
    if !left_out.is_empty() {
        let limit = variables.limit.unwrap_or_default();
        session.report.warning(format!(
            "{file} may have {limit} bytes, so it lacks {}; `output-file` has the whole result",
            left_out.join(", ")
        ));
    }
    own
}

/// What push and index left in registries; an attachment is no artifact of its own, and a layout is nobody's to fetch.
fn made(result: &RunResult) -> Vec<Made> {
    if result.dry_run || !["push", "index"].contains(&result.command.as_str()) {
        return Vec::new();
    }
    let there = [State::Pushed, State::Unchanged];
    let artifacts = result
        .artifacts
        .iter()
        .filter(|artifact| there.contains(&artifact.state));
    let made = artifacts.filter_map(|artifact| {
        let (reference, _) = Reference::parse(artifact.reference.as_ref()?, None, Case::Strict).ok()?;
        reference.location.host()?;
        Some(Made {
            repository: artifact.repository.clone(),
            digest: reference.digest?,
            tags: artifact.tags.clone(),
        })
    });
    made.collect()
}

/// Whether the command did something that a job's summary should tell.
fn summarised(result: &RunResult) -> bool {
    let writes = ["push", "pull", "attach", "index", "tag", "untag", "copy", "delete"];
    writes.contains(&result.command.as_str())
}

/// Writes the JSON where `output-file` says; where it is too long for an output, to a temporary file.
fn json_file(json: &str, inputs: &Inputs, session: &Session<'_>) -> Result<Option<Utf8PathBuf>> {
    let path = match &inputs.output_file {
        Some(file) => output_file(file, &session.env.directory().join(&inputs.working_directory))?,
        None if json.len() > JSON_LIMIT => match session.ci.temporary_directory() {
            Some(directory) => directory.join(format!("oci-artifact-{:016x}.json", fastrand::u64(..))),
            None => return Ok(None),
        },
        None => return Ok(None),
    };
    fs_err::write(&path, json)?;
    Ok(Some(path))
}

/// The path of `output-file`, absolute; a relative one lies in the checkout, and is no link in it.
pub(super) fn output_file(file: &Utf8Path, directory: &Utf8Path) -> Result<Utf8PathBuf> {
    let path = directory.join(file);
    if file.is_relative() {
        refuse_link(&path).map_err(|error| error.context("output-file"))?;
    }
    Ok(path)
}

/// Hands on that the inputs themselves are wrong.
pub(super) fn refused(result: &RunResult, session: &Session<'_>) -> Result<()> {
    let values = outputs(result, result.to_json(false));
    let outputs = Outputs {
        values: &values,
        prefix: inputs::VARIABLE_PREFIX,
    };
    session.ci.outputs(&outputs, session.report)
}

/// The outputs, as `action.yml` declares them: those of the first artifact, then those of the run. `json` is the
/// compact JSON of `result`.
fn outputs(result: &RunResult, json: String) -> Vec<(&'static str, String)> {
    let mut values = Vec::new();
    if let Some(first) = result.artifacts.first() {
        // A step that runs after a failure must not sign or pull what was only planned.
        let there = Some(first).filter(|artifact| artifact.state.is_done());
        let digest = there.and_then(|artifact| artifact.digest.as_ref());
        let digest = digest.map(ToString::to_string).unwrap_or_default();
        // A referrer is about its subject: that is what is attested.
        let subject = first.subject.as_ref().filter(|_| there.is_some());
        let subject = subject.map_or_else(|| digest.clone(), ToString::to_string);
        let reference = there.and_then(|artifact| artifact.reference.clone());
        values.extend([
            ("digest", digest),
            ("reference", reference.unwrap_or_default()),
            ("repository", first.repository.clone()),
            ("tags", first.tags.join("\n")),
            ("media-type", first.media_type.clone().unwrap_or_default()),
            ("artifact-type", first.artifact_type.clone().unwrap_or_default()),
            ("size", first.size.to_string()),
            ("subject-name", first.repository.clone()),
            ("subject-digest", subject),
            ("path", first.path.clone().unwrap_or_default()),
        ]);
    }
    let references = result
        .artifacts
        .iter()
        .filter(|artifact| artifact.state.is_done())
        .filter_map(|artifact| artifact.reference.as_deref());
    values.extend([
        ("changed", result.changed().to_string()),
        ("references", references.collect::<Vec<_>>().join("\n")),
        ("exit-code", result.exit_code.to_string()),
    ]);
    if json.len() <= JSON_LIMIT {
        values.push(("json", json));
    }
    values
}
