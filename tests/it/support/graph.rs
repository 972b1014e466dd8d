//! Artifacts that refer to each other, written into a layout or a registry byte by byte: what nobody's `attach` would
//! make as well.
//!
//! ```ignore
//! let mut graph = Graph::default();
//! let app = graph.artifact("test/app", None, &[("app", "bytes")]);
//! graph.artifact("test/sbom", Some(&app), &[("sbom.json", "{}")]);
//! graph.tag("v1", &app);
//! graph.layout(&workspace, "layout");                  // or graph.registry(&registry, "team/app")
//! ```

use std::collections::BTreeMap;

use oci_artifact::oci::Digest;
use serde_json::{Value, json};

use super::registry::Registry;
use super::runner::Workspace;

pub const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// Manifests and blobs to be stored. Descriptors are JSON, with the artifact type as lists have it.
#[derive(Default)]
pub struct Graph {
    blobs: BTreeMap<String, Vec<u8>>,
    /// By digest: descriptor and bytes.
    manifests: BTreeMap<String, (Value, Vec<u8>)>,
    tags: BTreeMap<String, String>,
}

/// The digest of a descriptor.
pub fn digest(descriptor: &Value) -> &str {
    descriptor["digest"].as_str().unwrap()
}

/// An entry for an index.
pub fn on(platform: &str, descriptor: &Value) -> Value {
    let (os, architecture) = platform.split_once('/').unwrap();
    let mut entry = descriptor.clone();
    entry["platform"] = json!({"architecture": architecture, "os": os});
    entry
}

impl Graph {
    /// A binary for two platforms, each with an SBOM and a signature on that; an index `v1` with a signature. Gives
    /// the descriptors of index, amd64 and arm64.
    pub fn release() -> (Self, [Value; 3]) {
        let mut graph = Graph::default();
        let built = ["amd64", "arm64"].map(|architecture| {
            let app = graph.artifact("test/app", None, &[("app", architecture)]);
            let sbom = graph.artifact("test/sbom", Some(&app), &[("sbom.json", architecture)]);
            let signature = format!("signature of {architecture}'s sbom");
            graph.artifact("test/signature", Some(&sbom), &[("sbom.json.sig", &signature)]);
            app
        });
        let [amd64, arm64] = built;
        let index = graph.index(None, &[on("linux/amd64", &amd64), on("linux/arm64", &arm64)]);
        graph.artifact(
            "test/signature",
            Some(&index),
            &[("index.sig", "signature of the index")],
        );
        graph.tag("v1", &index);
        (graph, [index, amd64, arm64])
    }

    /// An image manifest of files, each a title and its content.
    pub fn artifact(&mut self, artifact_type: &str, subject: Option<&Value>, files: &[(&str, &str)]) -> Value {
        let layer = |(title, content): &(&str, &str)| {
            let mut layer = self.blob("text/plain", content.as_bytes());
            layer["annotations"] = json!({"org.opencontainers.image.title": title});
            layer
        };
        let mut layers: Vec<Value> = files.iter().map(layer).collect();
        let config = self.blob(EMPTY, b"{}");
        if layers.is_empty() {
            layers.push(config);
        }
        self.with_layers(artifact_type, subject, &layers)
    }

    pub fn with_layers(&mut self, artifact_type: &str, subject: Option<&Value>, layers: &[Value]) -> Value {
        let config = self.blob(EMPTY, b"{}");
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": IMAGE, "artifactType": artifact_type, "config": config, "layers": layers,
        });
        if let Some(subject) = subject {
            manifest["subject"] = plain(subject);
        }
        self.manifest(&manifest)
    }

    pub fn index(&mut self, subject: Option<&Value>, entries: &[Value]) -> Value {
        let mut manifest = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
        if let Some(subject) = subject {
            manifest["subject"] = plain(subject);
        }
        self.manifest(&manifest)
    }

    /// Any manifest; its descriptor.
    pub fn manifest(&mut self, manifest: &Value) -> Value {
        let bytes = serde_json::to_vec(manifest).unwrap();
        let mut descriptor = describe(manifest["mediaType"].as_str().unwrap(), &bytes);
        if let Some(kind) = manifest.get("artifactType") {
            descriptor["artifactType"] = kind.clone();
        }
        if let Some(annotations) = manifest.get("annotations") {
            descriptor["annotations"] = annotations.clone();
        }
        self.manifests
            .insert(digest(&descriptor).to_owned(), (descriptor.clone(), bytes));
        descriptor
    }

    pub fn blob(&mut self, media_type: &str, bytes: &[u8]) -> Value {
        let descriptor = describe(media_type, bytes);
        self.blobs.insert(digest(&descriptor).to_owned(), bytes.to_vec());
        descriptor
    }

    pub fn tag(&mut self, tag: &str, descriptor: &Value) {
        self.tags.insert(tag.to_owned(), digest(descriptor).to_owned());
    }

    /// The list of `subject` under the fallback tag, whatever it says.
    pub fn list(&mut self, subject: &Value, entries: &[Value]) {
        let list = self.index(None, entries);
        self.tag(&digest(subject).replace(':', "-"), &list);
    }

    /// Every subject, with the entries of what refers to it.
    pub fn referrers(&self) -> BTreeMap<String, Vec<Value>> {
        let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (descriptor, bytes) in self.manifests.values() {
            let manifest: Value = serde_json::from_slice(bytes).unwrap();
            if let Some(subject) = manifest["subject"]["digest"].as_str() {
                found.entry(subject.to_owned()).or_default().push(descriptor.clone());
            }
        }
        found
    }

    /// Takes a manifest away that stays listed.
    pub fn lose(&mut self, descriptor: &Value) {
        self.manifests.remove(digest(descriptor)).unwrap();
    }

    /// Writes an image layout, `index.json` listing all.
    pub fn layout(&self, workspace: &Workspace, name: &str) {
        let blob = |digest: &str, bytes: &[u8]| {
            workspace.write(&format!("{name}/blobs/{}", digest.replace(':', "/")), bytes);
        };
        self.blobs.iter().for_each(|(digest, bytes)| blob(digest, bytes));
        let mut entries = Vec::new();
        for (digest, (descriptor, bytes)) in &self.manifests {
            blob(digest, bytes);
            let tags = self.tags.iter().filter(|(_, tagged)| *tagged == digest);
            let mut tagged: Vec<Value> = tags
                .map(|(tag, _)| {
                    let mut entry = descriptor.clone();
                    entry["annotations"]["org.opencontainers.image.ref.name"] = json!(tag);
                    entry
                })
                .collect();
            if tagged.is_empty() {
                tagged.push(descriptor.clone());
            }
            entries.append(&mut tagged);
        }
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
        workspace.write(&format!("{name}/index.json"), index.to_string());
        workspace.write(&format!("{name}/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#);
    }

    /// Puts all into a repository.
    pub fn registry(&self, registry: &Registry, repository: &str) {
        for bytes in self.blobs.values() {
            registry.seed_blob(repository, bytes.clone());
        }
        for (digest, (descriptor, bytes)) in &self.manifests {
            let media_type = descriptor["mediaType"].as_str().unwrap();
            registry.seed_manifest(repository, "", media_type, bytes.clone());
            for (tag, _) in self.tags.iter().filter(|(_, tagged)| *tagged == digest) {
                registry.seed_manifest(repository, tag, media_type, bytes.clone());
            }
        }
    }
}

fn describe(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(bytes).to_string(), "size": bytes.len()})
}

/// A descriptor as a subject has it.
fn plain(descriptor: &Value) -> Value {
    json!({
        "mediaType": descriptor["mediaType"], "digest": descriptor["digest"], "size": descriptor["size"],
    })
}
