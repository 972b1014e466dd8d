//! The code quality report ("Code Quality", "Code Quality report format"): problems at their lines, which a merge
//! request shows.

use camino::Utf8Path;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::ci::refuse_link;
use crate::error::{Error, Errors, Place, Result};
use crate::report::sanitize;

/// The report that the job names.
const FILE: &str = "oci-artifact-code-quality.json";

/// An entry of the report.
#[derive(Serialize)]
struct Entry {
    description: String,
    check_name: &'static str,
    /// Tells entries apart; stays the same while the problem does.
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    /// From the top of the project, without `./`.
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}

/// Writes those of `errors` that have a place in a file of `project`; without one, nothing. `directory` is what their
/// paths are relative to.
pub fn write(project: &Utf8Path, directory: &Utf8Path, errors: &Errors) -> Result<()> {
    let entries: Vec<Entry> = errors
        .iter()
        .filter_map(|error| entry(project, directory, error, error.place()?))
        .collect();
    if entries.is_empty() {
        return Ok(());
    }
    let json = serde_json::to_vec_pretty(&entries)
        .map_err(|error| Error::internal(format!("the code quality report can't be written: {error}")))?;
    let file = project.join(FILE);
    refuse_link(&file)?;
    fs_err::write(file, json).map_err(Error::local)
}

fn entry(project: &Utf8Path, directory: &Utf8Path, error: &Error, place: &Place) -> Option<Entry> {
    let path = super::super::path::inside(project, &directory.join(place.file.as_ref()?))?;
    let hint = error.way_out().map(|hint| format!("; {hint}")).unwrap_or_default();
    let description = sanitize(&format!("{}{hint}", error.message()));
    let digest = Sha256::digest(format!("{path}\n{description}"));
    let fingerprint = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(Entry {
        description,
        check_name: "oci-artifact",
        fingerprint,
        severity: "major",
        location: Location {
            path,
            lines: Lines { begin: place.line },
        },
    })
}
