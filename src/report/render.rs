//! A result as a person reads it: text on stdout, Markdown in a job's summary.

use std::fmt::Write as _;

use super::result::{ArtifactResult, AttachmentResult, LayerResult, RunResult, State};
use super::terminal::human_size;

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
    paths(text, &artifact.layers, &artifact.attachments)
}

/// What was written, an artifact's own files before those of its referrers.
fn paths(text: &mut String, layers: &[LayerResult], attachments: &[AttachmentResult]) -> std::fmt::Result {
    for path in layers.iter().filter_map(|layer| layer.path.as_ref()) {
        writeln!(text, "  {path}")?;
    }
    for attachment in attachments {
        paths(text, &attachment.layers, &attachment.attachments)?;
    }
    Ok(())
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
    }
    let there = [State::Pushed, State::Unchanged, State::Skipped];
    let pulls = result
        .artifacts
        .iter()
        .filter(|artifact| there.contains(&artifact.state) && !result.dry_run);
    let pulls: Vec<&String> = pulls.filter_map(|artifact| artifact.reference.as_ref()).collect();
    if !pulls.is_empty() {
        writeln!(text, "\n```sh")?;
        for reference in pulls {
            writeln!(text, "oci-artifact pull {}", reference.replace('`', ""))?;
        }
        writeln!(text, "```")?;
    }
    Ok(())
}

/// Text from outside in a code span of a table.
fn code(text: &str) -> String {
    format!(
        "`{}`",
        super::sanitize(text)
            .replace('`', "'")
            .replace(['\n', '\r'], " ")
            .replace('|', "\\|")
    )
}

/// Text from outside in a cell: neither HTML nor Markdown of its own.
fn cell(text: &str) -> String {
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
    use crate::report::Ledger;

    fn result() -> RunResult {
        let (reference, _) = Reference::parse("ghcr.io/me/docs:v1", None, Case::Strict).unwrap();
        let ledger = Ledger::new("push", false);
        let layer = Descriptor::new("text/plain", Digest::of(b"x"), 1536);
        let mut artifact = ArtifactResult::new("docs", &reference.location)
            .at(&reference.location, &Digest::of(b"{}"))
            .layers([&layer]);
        artifact.state = State::Pushed;
        artifact.tags = vec!["v1".to_owned(), "latest".to_owned()];
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
        evil | [x](javascript:y) <b>: not started
        ");
    }

    #[test]
    fn summary_of_a_job() {
        insta::assert_snapshot!(summary(&result()), @r"
        ### oci-artifact push

        | artifact | state | digest | size | tags |
        | --- | --- | --- | ---: | --- |
        | docs | pushed | `sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a` | 1.5 KiB | `v1` `latest` |
        | evil \| \[x\](javascript:y) &lt;b&gt; | not started |  | 0 B |  |

        ```sh
        oci-artifact pull ghcr.io/me/docs@sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a
        ```
        ");
    }
}
