//! `check`: the plan as a person reads it. Nothing is packed, hashed or asked for over the network.

use std::fmt::Write as _;

use crate::plan::{Artifact, Layer, LayerContent, Plan};
use crate::report::{ArtifactResult, LayerResult, Ledger, human_size};
use crate::spec::IfExists;

/// Records `plan`, and returns it as text.
pub fn check(plan: &Plan, ledger: &Ledger) -> String {
    let mut text = String::new();
    for artifact in &plan.artifacts {
        ledger.set(recorded(artifact));
        // Writing to a String cannot fail.
        let _ = paragraph(&mut text, artifact);
    }
    text
}

fn recorded(artifact: &Artifact) -> ArtifactResult {
    let mut result = ArtifactResult::new(&artifact.name, &artifact.reference.location);
    result.tags = artifact.tags.iter().map(|rule| rule.tag.to_string()).collect();
    result.artifact_type = Some(artifact.artifact_type.clone());
    result.platform = artifact.platform.as_ref().map(ToString::to_string);
    result.layers = artifact
        .layers
        .iter()
        .map(|layer| LayerResult {
            title: layer.title.clone(),
            media_type: layer.media_type.clone(),
            digest: None,
            size: layer.size,
            annotations: layer.annotations.clone(),
            path: None,
        })
        .collect();
    result.size = artifact.layers.iter().map(|layer| layer.size).sum();
    result
}

fn paragraph(text: &mut String, artifact: &Artifact) -> std::fmt::Result {
    writeln!(text, "{}: {}", artifact.name, artifact.reference.location)?;
    for rule in &artifact.tags {
        writeln!(text, "  tag            {}{}", rule.tag, remark(rule.if_exists))?;
    }
    if artifact.tags.is_empty() {
        writeln!(text, "  tag            none: stored by digest only")?;
    }
    writeln!(text, "  artifact type  {}", artifact.artifact_type)?;
    if let Some(platform) = &artifact.platform {
        writeln!(text, "  platform       {platform}")?;
    }
    for (key, value) in &artifact.annotations {
        writeln!(text, "  annotation     {key}={value}")?;
    }
    if let Some(config) = &artifact.config {
        writeln!(
            text,
            "  config         {} ({}, {})",
            config.label,
            config.media_type,
            human_size(config.size)
        )?;
    }
    for layer in &artifact.layers {
        writeln!(
            text,
            "  file           {} ({}, {})",
            layer.label,
            layer.media_type,
            size(layer)
        )?;
    }
    Ok(())
}

fn remark(if_exists: IfExists) -> &'static str {
    match if_exists {
        IfExists::Replace => "",
        IfExists::Skip => " (left alone if it exists)",
        IfExists::Fail => " (must not exist with another digest)",
    }
}

fn size(layer: &Layer) -> String {
    match &layer.content {
        LayerContent::File(_) => human_size(layer.size),
        LayerContent::Directory { tree, .. } => {
            let files = tree
                .entries
                .iter()
                .filter(|entry| matches!(entry.kind, crate::pack::EntryKind::File { .. }));
            format!("directory of {} files, {}", files.count(), human_size(layer.size))
        }
    }
}
