//! Provenance hand-off: which artifacts a step made, for actions/attest (4.2.0 and later), which signs them when it is
//! given no subject.
//!
//! `GITHUB_ARTIFACTS` takes a line a subject, `oci://NAME@DIGEST`; the runner (2.336.0 and later, actions/runner#4527)
//! reads it after the step and shows what it knows by then in `GITHUB_ARTIFACTS_LIST`. The same name with another
//! digest fails the step, so each name is looked up before it is written.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _};

use camino::Utf8Path;

use crate::ci::{Made, file_command};
use crate::error::{Error, Result};
use crate::oci::Algorithm;
use crate::report::Report;

/// Bytes that the runner takes from one step.
const STEP_LIMIT: u64 = 1024 * 1024;

/// Subjects that it takes from one job.
const JOB_LIMIT: usize = 500;

/// Artifacts that a notice names.
const SHOWN: usize = 5;

/// The most bytes of the list that are read: 500 subjects with paths of 4 KiB, and as much again.
const LIST_LIMIT: u64 = 4 * 1024 * 1024;

/// Appends to `file` what isn't known yet. `list` is the runner's own file of what earlier steps made.
pub(super) fn hand_on(file: &Utf8Path, list: Option<&Utf8Path>, made: &[Made], report: &Report) -> Result<()> {
    if made.is_empty() {
        return Ok(());
    }
    let mut known = Known::default();
    if let Some(list) = list
        && let Err(why) = known.read_list(list)
    {
        // A name that is there with another digest would fail the step.
        report.warning(format!(
            "GITHUB_ARTIFACTS_LIST: {why}; the artifacts are not listed for provenance"
        ));
        return Ok(());
    }
    let before = match bounded(file, STEP_LIMIT) {
        Err(error) if error.kind() == ErrorKind::NotFound => Some(Vec::new()),
        before => before.map_err(|error| Error::local(error).context("GITHUB_ARTIFACTS"))?,
    };
    let Some(before) = before else {
        report.notice("GITHUB_ARTIFACTS holds 1 MiB already: the artifacts are not listed for provenance");
        return Ok(());
    };
    for line in String::from_utf8_lossy(&before).lines() {
        known.add_line(line);
    }
    // Another tool's last line may be without its end.
    let mut text = match before.last() {
        None | Some(b'\n') => String::new(),
        Some(_) => "\n".to_owned(),
    };
    let (mut left_out, mut taken) = (0, Vec::new());
    // Only sha256 is taken further on.
    for made in made.iter().filter(|made| made.digest.algorithm() == Algorithm::Sha256) {
        let Some(name) = known.name_for(made) else {
            taken.push(format!("{}@{}", made.repository, made.digest));
            continue;
        };
        if known.has(&name, made) {
            continue;
        }
        let line = format!("oci://{name}@{}\n", made.digest);
        if known.count >= JOB_LIMIT || (before.len() + text.len() + line.len()) as u64 > STEP_LIMIT {
            left_out += 1;
            continue;
        }
        known.add(&name, &made.digest.to_string());
        text.push_str(&line);
    }
    // One for all of them: what an index of a release lists has no names of its own, and that is no fault.
    if !taken.is_empty() {
        let more = if taken.len() > SHOWN { ", …" } else { "" };
        report.notice(format!(
            "not listed for provenance, as this job made another artifact under the same name and tag ({}): {}{more}",
            taken.len(),
            taken.get(..SHOWN).unwrap_or(&taken).join(", ")
        ));
    }
    if left_out > 0 {
        report.notice(format!(
            "left out of what is listed for provenance: {left_out}; GitHub takes {JOB_LIMIT} artifacts of a job and \
             1 MiB of a step"
        ));
    }
    if text.trim().is_empty() {
        return Ok(());
    }
    file_command::append(file, text.as_bytes())
}

/// The subjects of the job so far.
#[derive(Default)]
struct Known {
    digests: BTreeMap<String, String>,
    count: usize,
}

impl Known {
    /// What the runner says of earlier steps. A list that isn't there is an empty one.
    fn read_list(&mut self, file: &Utf8Path) -> Result<(), String> {
        let bytes = match bounded(file, LIST_LIMIT) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(format!("{file} has more than {LIST_LIMIT} bytes")),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let list: List = serde_json::from_slice(&bytes).map_err(|error| format!("{file}: {error}"))?;
        for subject in list.subjects {
            self.add(&subject.name, &subject.digest);
        }
        Ok(())
    }

    /// A line of this step: `[oci://]NAME@DIGEST`. Of a file it counts, and its name is no artifact's.
    fn add_line(&mut self, line: &str) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        match line.rsplit_once('@') {
            Some((name, digest)) => self.add(name, digest),
            None => self.count += 1,
        }
    }

    fn add(&mut self, name: &str, digest: &str) {
        let name = name.strip_prefix("oci://").unwrap_or(name);
        self.digests.entry(name.to_owned()).or_insert_with(|| {
            self.count += 1;
            digest.to_owned()
        });
    }

    /// The name that `made` can have without another digest being there under it.
    fn name_for(&self, made: &Made) -> Option<String> {
        let digest = made.digest.to_string();
        let free = |name: &String| self.digests.get(name).is_none_or(|there| *there == digest);
        let tagged = made.tags.first().map(|tag| format!("{}:{tag}", made.repository));
        Some(made.repository.clone()).into_iter().chain(tagged).find(free)
    }

    fn has(&self, name: &str, made: &Made) -> bool {
        self.digests
            .get(name)
            .is_some_and(|there| *there == made.digest.to_string())
    }
}

#[derive(serde::Deserialize)]
struct List {
    #[serde(default)]
    subjects: Vec<Subject>,
}

#[derive(serde::Deserialize)]
struct Subject {
    name: String,
    digest: String,
}

/// The file's bytes, `None` if there are more than `limit`.
fn bounded(file: &Utf8Path, limit: u64) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let file = fs_err::File::open(file)?;
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

#[cfg(test)]
mod tests;
