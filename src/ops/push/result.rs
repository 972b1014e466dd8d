//! What is told of an artifact that is to be pushed, is ready, or is there.

use crate::oci::Descriptor;
use crate::plan::{Artifact, Attachment, Body};
use crate::reference::Location;
use crate::report::{ArtifactResult, AttachmentResult, LayerResult, ManifestResult, State};
use crate::transfer::prepare::Prepared;
use crate::transfer::push::{Effect, Pushed};

/// What is known before anything is packed.
pub(in crate::ops) fn planned(artifact: &Artifact) -> ArtifactResult {
    let mut result = ArtifactResult::new(&artifact.name, &artifact.reference.location);
    result.artifact_type = artifact.artifact_type().map(str::to_owned);
    result.platform = artifact.platform.as_ref().map(ToString::to_string);
    result.tags = artifact.tags.iter().map(|rule| rule.tag.to_string()).collect();
    result
}

/// The plan itself, with what is known of layers, attachments and manifests.
pub(in crate::ops) fn listed(artifact: &Artifact) -> ArtifactResult {
    let mut result = planned(artifact);
    result.annotations = artifact.annotations().clone();
    match &artifact.body {
        Body::Files(package) => {
            result.layers = package.layers.iter().map(layer).collect();
            result.size = LayerResult::bytes(&result.layers);
        }
        Body::Index(index) => {
            let entry = |entry: &crate::spec::ManifestSpec| ManifestResult {
                platform: entry.platform.as_ref().map(ToString::to_string),
                annotations: entry.annotations.clone(),
                ..ManifestResult::default()
            };
            result.manifests = index.manifests.iter().map(entry).collect();
        }
    }
    result.attachments = artifact.attachments.iter().map(planned_attachment).collect();
    result
}

fn planned_attachment(attachment: &Attachment) -> AttachmentResult {
    let package = &attachment.package;
    AttachmentResult {
        artifact_type: Some(package.artifact_type.clone()),
        annotations: package.annotations.clone(),
        layers: package.layers.iter().map(layer).collect(),
        attachments: attachment.attachments.iter().map(planned_attachment).collect(),
        ..AttachmentResult::default()
    }
}

fn layer(layer: &crate::plan::Layer) -> LayerResult {
    LayerResult {
        title: layer.title.clone(),
        media_type: layer.media_type.clone(),
        digest: None,
        size: layer.size,
        annotations: layer.annotations.clone(),
        path: None,
    }
}

/// All that the digests say.
pub(super) fn described(artifact: &Artifact, prepared: &Prepared) -> ArtifactResult {
    let location = &artifact.reference.location;
    let mut result = planned(artifact)
        .at(location, prepared.manifest.digest())
        .layers(&prepared.layers);
    result.media_type = Some(prepared.manifest.media_type().to_owned());
    result.annotations = prepared.annotations.clone();
    result.manifests = prepared.manifests.iter().map(ManifestResult::from).collect();
    result.attachments = attachments(prepared, location);
    result.subject = prepared.subject.as_ref().map(|subject| subject.digest.clone());
    result
}

fn attachments(prepared: &Prepared, location: &Location) -> Vec<AttachmentResult> {
    let described = |attachment: &Prepared| {
        let descriptor = Descriptor {
            artifact_type: attachment.artifact_type.clone(),
            annotations: attachment.annotations.clone(),
            ..attachment.manifest.descriptor()
        };
        AttachmentResult {
            layers: attachment.layers.iter().map(LayerResult::from).collect(),
            attachments: attachments(attachment, location),
            ..AttachmentResult::new(&descriptor, location)
        }
    };
    prepared.attachments.iter().map(described).collect()
}

/// What became of it.
pub(super) fn done(artifact: &Artifact, prepared: &Prepared, pushed: &Pushed) -> ArtifactResult {
    let mut result = match pushed.effect {
        // What was there before is not what the files make.
        Effect::Skipped => planned(artifact).at(&artifact.reference.location, &pushed.digest),
        Effect::Written | Effect::Unchanged => described(artifact, prepared),
    };
    result.tags = pushed.tags.iter().map(ToString::to_string).collect();
    result.state = match pushed.effect {
        Effect::Written => State::Pushed,
        Effect::Unchanged => State::Unchanged,
        Effect::Skipped => State::Skipped,
    };
    result
}
