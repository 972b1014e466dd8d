//! `check`: the plan as a person reads it. Nothing is packed, hashed or asked for over the network.

use std::fmt::Write as _;

use super::push::listed;
use crate::plan::{Artifact, Attachment, Body, Layer, LayerContent, Package, Plan};
use crate::report::{Ledger, human_size};
use crate::spec::{Form, IfExists, ManifestSpec, ManifestTarget};

/// Records `plan`, and returns it as text.
pub fn check(plan: &Plan, ledger: &Ledger) -> String {
    let mut text = String::new();
    for artifact in &plan.artifacts {
        ledger.set(listed(artifact));
        // Writing to a String cannot fail.
        let _ = paragraph(&mut text, artifact);
    }
    text
}

fn paragraph(text: &mut String, artifact: &Artifact) -> std::fmt::Result {
    writeln!(text, "{}: {}", artifact.name, artifact.reference.location)?;
    for rule in &artifact.tags {
        writeln!(text, "  tag            {}{}", rule.tag, remark(rule.if_exists))?;
    }
    match &artifact.subject {
        Some(subject) => writeln!(text, "  subject        {}", subject.reference)?,
        None if artifact.tags.is_empty() => writeln!(text, "  tag            none: stored by digest only")?,
        None => {}
    }
    if let Some(artifact_type) = artifact.artifact_type() {
        writeln!(text, "  artifact type  {artifact_type}")?;
    }
    if let Some(platform) = &artifact.platform {
        writeln!(text, "  platform       {platform}")?;
    }
    for (key, value) in artifact.annotations() {
        writeln!(text, "  annotation     {key}={value}")?;
    }
    match &artifact.body {
        Body::Files(package) => files(text, package, "  ")?,
        Body::Index(index) => {
            for entry in &index.manifests {
                writeln!(text, "  lists          {}", listing(entry))?;
            }
        }
    }
    attachments(text, &artifact.attachments, "  ")
}

fn files(text: &mut String, package: &Package, indent: &str) -> std::fmt::Result {
    if package.form == Form::Image10 {
        writeln!(
            text,
            "{indent}manifest       image-1.0: the artifact type is the config's"
        )?;
    }
    if let Some(config) = &package.config {
        let (label, media_type, size) = (&config.label, &config.media_type, size(config));
        writeln!(text, "{indent}config         {label} ({media_type}, {size})")?;
    }
    for layer in &package.layers {
        let (label, media_type, size) = (&layer.label, &layer.media_type, size(layer));
        writeln!(text, "{indent}file           {label} ({media_type}, {size})")?;
    }
    Ok(())
}

fn listing(entry: &ManifestSpec) -> String {
    let name = match &entry.target {
        ManifestTarget::Artifact(name) => name.clone(),
        ManifestTarget::Pointer(pointer) => pointer.to_string(),
    };
    match &entry.platform {
        Some(platform) => format!("{name} ({platform})"),
        None => name,
    }
}

fn attachments(text: &mut String, attachments: &[Attachment], indent: &str) -> std::fmt::Result {
    for attachment in attachments {
        let Attachment {
            package, attachments, ..
        } = attachment;
        writeln!(text, "{indent}attachment     {}", package.artifact_type)?;
        let deeper = format!("{indent}  ");
        for (key, value) in &package.annotations {
            writeln!(text, "{deeper}annotation     {key}={value}")?;
        }
        files(text, package, &deeper)?;
        self::attachments(text, attachments, &deeper)?;
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
        LayerContent::Stdin => "of unknown size".to_owned(),
        LayerContent::Directory { tree, .. } => {
            let files = tree
                .entries
                .iter()
                .filter(|entry| matches!(entry.kind, crate::pack::EntryKind::File { .. }));
            format!("directory of {} files, {}", files.count(), human_size(layer.size))
        }
    }
}
