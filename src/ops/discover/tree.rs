//! The tree as a person reads it: artifact types, below each the digests, as ORAS draws it; what an index lists comes
//! first, by platform.

use crate::oci::{MediaType, names};
use crate::report::{ArtifactResult, AttachmentResult, ManifestResult, sanitize};

/// Characters of a text from outside that a line shows: nobody reads more, and a tree has thousands of lines.
const SHOWN: usize = 200;

/// A line and what is below it.
struct Node {
    line: String,
    below: Vec<Node>,
}

/// The tree of `result`, or a sentence where nothing refers to it.
pub(super) fn text(result: &ArtifactResult, wanted: Option<&MediaType>) -> String {
    let reference = result.reference.as_deref().unwrap_or(&result.repository);
    let none = result.attachments.is_empty() && result.manifests.iter().all(is_bare);
    let what = wanted.map_or(String::new(), |wanted| format!(" of the type {wanted}"));
    if none && result.manifests.is_empty() {
        return format!("nothing{what} refers to {reference}\n");
    }
    let mut text = format!("{reference}\n");
    let mut nodes: Vec<Node> = result.manifests.iter().map(listed).collect();
    nodes.extend(by_type(&result.attachments));
    draw(&nodes, "", &mut text);
    if none {
        text.push_str("nothing refers to it, nor to what it lists\n");
    }
    text
}

fn is_bare(manifest: &ManifestResult) -> bool {
    manifest.attachments.is_empty() && manifest.manifests.iter().all(is_bare)
}

fn listed(manifest: &ManifestResult) -> Node {
    let kind = manifest.platform.as_deref().or(manifest.artifact_type.as_deref());
    let what = if manifest.manifests.is_empty() {
        "manifest"
    } else {
        "index"
    };
    let mut below: Vec<Node> = manifest.manifests.iter().map(listed).collect();
    below.extend(by_type(&manifest.attachments));
    let digest = manifest.digest.as_ref().map(ToString::to_string).unwrap_or_default();
    Node {
        line: format!("{what} {}", one_line(kind.unwrap_or("without a platform"))),
        below: vec![Node { line: digest, below }],
    }
}

/// A node a type; they come sorted by it.
fn by_type(attachments: &[AttachmentResult]) -> Vec<Node> {
    let same = |one: &AttachmentResult, other: &AttachmentResult| one.artifact_type == other.artifact_type;
    let group = |group: &[AttachmentResult]| {
        let kind = group.first().and_then(|first| first.artifact_type.as_deref());
        Node {
            line: one_line(kind.unwrap_or("without an artifact type")),
            below: group.iter().map(attachment).collect(),
        }
    };
    attachments.chunk_by(same).map(group).collect()
}

fn attachment(attachment: &AttachmentResult) -> Node {
    let mut line = attachment.digest.as_ref().map(ToString::to_string).unwrap_or_default();
    if let Some(created) = attachment.annotations.get(names::CREATED) {
        line = format!("{line}  {}", one_line(created));
    }
    Node {
        line,
        below: by_type(&attachment.attachments),
    }
}

/// Text from outside as part of a line: a newline in it would draw lines of its own.
fn one_line(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    sanitize(&shown).replace('\n', "\\u{a}")
}

fn draw(nodes: &[Node], indent: &str, text: &mut String) {
    for (at, node) in nodes.iter().enumerate() {
        let (branch, below) = if at + 1 == nodes.len() {
            ("└── ", "    ")
        } else {
            ("├── ", "│   ")
        };
        text.push_str(&format!("{indent}{branch}{}\n", node.line));
        draw(&node.below, &format!("{indent}{below}"), text);
    }
}
