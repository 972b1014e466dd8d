//! A result as a person reads it: text on stdout, Markdown in a job's summary.

use std::fmt::Write as _;

use super::result::{ArtifactResult, AttachmentResult, LayerResult, RunResult, State};
use super::terminal::human_size;

/// Referrers of one artifact that a summary shows.
const SHOWN: usize = 50;

/// The result as text: an artifact a paragraph.
pub fn text(result: &RunResult) -> String {
    let mut text = String::new();
    for artifact in &result.artifacts {
        // Writing to a String cannot fail.
        let _ = paragraph(&mut text, artifact, result.dry_run);
    }
    text
}

fn paragraph(text: &mut String, artifact: &ArtifactResult, dry_run: bool) -> std::fmt::Result {
    let state = state(artifact.state, dry_run);
    write!(text, "{}: {state}", artifact.name)?;
    if !artifact.state.is_done() {
        return writeln!(text);
    }
    if !artifact.layers.is_empty() {
        let files = artifact.layers.len();
        write!(
            text,
            " ({files} file{}, {})",
            if files == 1 { "" } else { "s" },
            human_size(artifact.size)
        )?;
    }
    if let Some(path) = &artifact.path {
        write!(text, " to {path}")?;
    }
    writeln!(text)?;
    if let Some(reference) = &artifact.reference {
        writeln!(text, "  {reference}")?;
    }
    if !artifact.tags.is_empty() {
        writeln!(text, "  tags: {}", artifact.tags.join(", "))?;
    }
    if let Some(subject) = &artifact.subject {
        writeln!(text, "  subject: {subject}")?;
    }
    paths(text, &artifact.layers, "  ")?;
    attachments(text, &artifact.attachments, "  ")
}

/// Where files were written.
fn paths(text: &mut String, layers: &[LayerResult], indent: &str) -> std::fmt::Result {
    for path in layers.iter().filter_map(|layer| layer.path.as_ref()) {
        writeln!(text, "{indent}{path}")?;
    }
    Ok(())
}

/// What refers to it: type and digest, the files below.
fn attachments(text: &mut String, of: &[AttachmentResult], indent: &str) -> std::fmt::Result {
    let below = format!("{indent}  ");
    for attachment in of {
        writeln!(text, "{indent}{} {}", kind(attachment), digest(attachment))?;
        paths(text, &attachment.layers, &below)?;
        attachments(text, &attachment.attachments, &below)?;
    }
    Ok(())
}

/// In one line: it is a registry's word.
fn kind(attachment: &AttachmentResult) -> String {
    let kind = attachment.artifact_type.as_deref().unwrap_or("attachment");
    kind.replace(['\n', '\r'], " ")
}

fn digest(attachment: &AttachmentResult) -> String {
    attachment.digest.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// What became of an artifact; with `dry-run`, what would.
fn state(state: State, dry_run: bool) -> String {
    match state {
        State::NotStarted => "not started".to_owned(),
        state if dry_run && state.changes() => format!("would be {}", state.name()),
        state => state.name().to_owned(),
    }
}

/// The result as Markdown: a table of artifacts, digests and sizes, and how to pull them.
pub fn summary(result: &RunResult) -> String {
    let mut text = String::new();
    let _ = markdown(&mut text, result);
    text
}

fn markdown(text: &mut String, result: &RunResult) -> std::fmt::Result {
    let dry_run = if result.dry_run { " (dry run)" } else { "" };
    writeln!(text, "### oci-artifact {}{dry_run}\n", result.command)?;
    for error in &result.errors {
        let hint = error.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        writeln!(text, "- **failed**: {}{}", code(&error.message), cell(&hint))?;
    }
    if !result.errors.is_empty() {
        writeln!(text)?;
    }
    if result.artifacts.is_empty() {
        return Ok(());
    }
    writeln!(text, "| artifact | state | digest | size | tags |")?;
    writeln!(text, "| --- | --- | --- | ---: | --- |")?;
    for artifact in &result.artifacts {
        let digest = artifact
            .digest
            .as_ref()
            .filter(|_| artifact.state.is_done())
            .map(|digest| code(&digest.to_string()))
            .unwrap_or_default();
        let tags: Vec<String> = artifact.tags.iter().map(|tag| code(tag)).collect();
        let (name, state, size) = (
            cell(&artifact.name),
            state(artifact.state, result.dry_run),
            human_size(artifact.size),
        );
        writeln!(text, "| {name} | {state} | {digest} | {size} | {} |", tags.join(" "))?;
        if artifact.state.is_done() {
            attached(text, &artifact.attachments)?;
        }
    }
    let there = [State::Pushed, State::Unchanged, State::Skipped];
    let pulls = result
        .artifacts
        .iter()
        .filter(|artifact| there.contains(&artifact.state) && !result.dry_run);
    let pulls: Vec<String> = pulls.filter_map(pull).collect();
    if !pulls.is_empty() {
        writeln!(text, "\n```sh\n{}\n```", pulls.join("\n"))?;
    }
    Ok(())
}

/// A row for each that refers to an artifact, up to a number: a job's summary is bounded.
fn attached(text: &mut String, attachments: &[AttachmentResult]) -> std::fmt::Result {
    let mut all = Vec::new();
    let mut next: Vec<(&AttachmentResult, usize)> = attachments.iter().rev().map(|one| (one, 1)).collect();
    while let Some((attachment, level)) = next.pop() {
        all.push((attachment, level));
        next.extend(attachment.attachments.iter().rev().map(|one| (one, level + 1)));
    }
    for (attachment, level) in all.iter().take(SHOWN) {
        let size = LayerResult::bytes(&attachment.layers);
        let (name, digest) = (cell(&kind(attachment)), code(&digest(attachment)));
        let level = "↳ ".repeat(*level);
        writeln!(text, "| {level}{name} |  | {digest} | {} |  |", human_size(size))?;
    }
    if all.len() > SHOWN {
        writeln!(text, "| ↳ … {} more |  |  |  |  |", all.len() - SHOWN)?;
    }
    Ok(())
}

/// How to pull an artifact: of an index, what is for its first platform. `None` where no line of a shell says that.
fn pull(artifact: &ArtifactResult) -> Option<String> {
    let reference = artifact.reference.as_ref();
    let reference = reference.filter(|text| !text.contains(char::is_control))?;
    let plain = |character: char| character.is_ascii_alphanumeric() || "._-/:@+".contains(character);
    let reference = match reference.chars().all(plain) {
        true => reference.clone(),
        false => format!("'{}'", reference.replace('\'', r"'\''")),
    };
    if artifact.manifests.is_empty() {
        return Some(format!("oci-artifact pull {reference}"));
    }
    let mut platforms = artifact.manifests.iter().filter_map(|listed| listed.platform.as_ref());
    let platform = platforms.find(|text| text.chars().all(plain))?;
    Some(format!("oci-artifact pull {reference} --platform {platform}"))
}

/// Text from outside in a code span of a table.
pub fn code(text: &str) -> String {
    format!(
        "`{}`",
        super::sanitize(text)
            .replace('`', "'")
            .replace(['\n', '\r'], " ")
            .replace('|', "\\|")
    )
}

/// Text from outside in a cell: neither HTML nor Markdown of its own.
pub fn cell(text: &str) -> String {
    let text = super::sanitize(text).replace(['\n', '\r'], " ");
    text.chars().fold(String::new(), |mut cell, character| {
        match character {
            '<' => cell.push_str("&lt;"),
            '>' => cell.push_str("&gt;"),
            '&' => cell.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '!' | '#' | '\\' => {
                cell.push('\\');
                cell.push(character);
            }
            other => cell.push(other),
        }
        cell
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::{Descriptor, Digest};
    use crate::reference::{Case, Reference};
    use crate::report::{Ledger, ManifestResult};

    fn result() -> RunResult {
        let (reference, _) = Reference::parse("ghcr.io/me/docs:v1", None, Case::Strict).unwrap();
        let ledger = Ledger::new("push", false);
        let layer = Descriptor::new("text/plain", Digest::of(b"x"), 1536);
        let mut artifact = ArtifactResult::new("docs", &reference.location)
            .at(&reference.location, &Digest::of(b"{}"))
            .layers([&layer]);
        artifact.state = State::Pushed;
        artifact.tags = vec!["v1".to_owned(), "latest".to_owned()];
        artifact.attachments = vec![AttachmentResult {
            digest: Some(Digest::of(b"sbom")),
            artifact_type: Some("application/spdx+json".to_owned()),
            layers: vec![LayerResult::from(&layer)],
            attachments: vec![AttachmentResult {
                digest: Some(Digest::of(b"signature")),
                artifact_type: Some("a|b".to_owned()),
                ..AttachmentResult::default()
            }],
            ..AttachmentResult::default()
        }];
        ledger.set(artifact);
        ledger.set(ArtifactResult::new("evil | [x](javascript:y) <b>", &reference.location));
        ledger.result()
    }

    #[test]
    fn text_for_a_person() {
        insta::assert_snapshot!(text(&result()), @"
        docs: pushed (1 file, 1.5 KiB)
          ghcr.io/me/docs@sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a
          tags: v1, latest
          application/spdx+json sha256:98f3ae1ef67113d8140d4f6cb8d2830070e21ea48f091be519659846c771a374
            a|b sha256:1a2fc26dc7ea5a2a4748b7cb2b1ef193d96ab2c99f93092f69e63075b28d1278
        evil | [x](javascript:y) <b>: not started
        ");
    }

    #[test]
    fn a_line_that_pulls_can_be_run() {
        let line = |text: &str, platforms: &[&str]| {
            let (reference, _) = Reference::parse(text, None, Case::Strict).unwrap();
            let location = &reference.location;
            let mut artifact = ArtifactResult::new("x", location).at(location, &Digest::of(b"{}"));
            let listed = platforms.iter().map(|platform| ManifestResult {
                platform: Some((*platform).to_owned()),
                ..ManifestResult::default()
            });
            artifact.manifests = listed.collect();
            pull(&artifact).map(|line| line.replace(&Digest::of(b"{}").to_string(), "DIGEST"))
        };
        assert_eq!(
            line("ghcr.io/me/docs", &["a;b/c", "linux/arm64/v8", "linux/amd64"]).as_deref(),
            Some("oci-artifact pull ghcr.io/me/docs@DIGEST --platform linux/arm64/v8")
        );
        assert_eq!(line("ghcr.io/me/docs", &["$(x)/y"]), None);
        assert_eq!(
            line("oci:/a/it's $(x) `y`", &[]).as_deref(),
            Some(r"oci-artifact pull 'oci:/a/it'\''s $(x) `y`@DIGEST'")
        );
    }

    #[test]
    fn summary_of_a_job() {
        insta::assert_snapshot!(summary(&result()), @r"
        ### oci-artifact push

        | artifact | state | digest | size | tags |
        | --- | --- | --- | ---: | --- |
        | docs | pushed | `sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a` | 1.5 KiB | `v1` `latest` |
        | ↳ application/spdx+json |  | `sha256:98f3ae1ef67113d8140d4f6cb8d2830070e21ea48f091be519659846c771a374` | 1.5 KiB |  |
        | ↳ ↳ a\|b |  | `sha256:1a2fc26dc7ea5a2a4748b7cb2b1ef193d96ab2c99f93092f69e63075b28d1278` | 0 B |  |
        | evil \| \[x\](javascript:y) &lt;b&gt; | not started |  | 0 B |  |

        ```sh
        oci-artifact pull ghcr.io/me/docs@sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a
        ```
        ");
    }
}
