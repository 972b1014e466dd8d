//! Manifests, tags and referrers.

use bytes::Bytes;
use oci_artifact::oci::Digest;
use serde_json::{Value, json};

use super::state::{Repository, State};
use super::{Inside, Reply, Request, Target, error};

const LIMIT: usize = 4 * 1024 * 1024;
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

impl Inside {
    pub(super) fn manifest(&self, state: &mut State, target: &Target<'_>, request: &Request) -> Reply {
        if request.method == "PUT" {
            return self.put_manifest(state, target, request);
        }
        let unknown = || error(404, "MANIFEST_UNKNOWN", "no such manifest");
        let Some(repository) = state.repositories.get_mut(target.repository) else {
            return error(404, "NAME_UNKNOWN", "no such repository");
        };
        let by_digest = target.name.contains(':');
        match request.method.as_str() {
            "GET" | "HEAD" => {
                let digest = repository.tags.get(target.name).map_or(target.name, String::as_str);
                let Some((media_type, bytes)) = repository.manifests.get(digest) else {
                    return unknown();
                };
                // Without the type in Accept, distribution serves nothing either.
                let accepts = request.headers.iter().filter(|(name, _)| name == "accept");
                if !accepts
                    .clone()
                    .any(|(_, value)| value.contains(media_type.as_str()) || value.contains("*/*"))
                {
                    return unknown();
                }
                Reply::new(200)
                    .header("docker-content-digest", digest)
                    .body(media_type, bytes.clone())
            }
            "DELETE" if by_digest => {
                if repository.manifests.remove(target.name).is_none() {
                    return unknown();
                }
                repository.tags.retain(|_, digest| digest != target.name);
                Reply::new(202)
            }
            "DELETE" if !self.options.tag_delete => error(405, "UNSUPPORTED", "tags can't be deleted"),
            "DELETE" => repository
                .tags
                .remove(target.name)
                .map_or_else(unknown, |_| Reply::new(202)),
            _ => Reply::new(405),
        }
    }

    fn put_manifest(&self, state: &mut State, target: &Target<'_>, request: &Request) -> Reply {
        if request.body.len() > LIMIT {
            return error(413, "SIZE_INVALID", "the manifest is too large");
        }
        let digest = Digest::of(&request.body).to_string();
        if target.name.contains(':') && target.name != digest {
            return error(400, "DIGEST_INVALID", "the bytes have another digest");
        }
        let media_type = request.header("content-type").unwrap_or_default();
        let invalid = |message: &str| error(400, "MANIFEST_INVALID", message);
        let Ok(content) = serde_json::from_slice::<Value>(&request.body) else {
            return invalid("not JSON");
        };
        if content["mediaType"].as_str().is_some_and(|inner| inner != media_type) {
            return invalid("mediaType differs from Content-Type");
        }
        let repository = state.repositories.entry(target.repository.to_owned()).or_default();
        if let Some(missing) = missing(repository, &content) {
            return error(404, "MANIFEST_BLOB_UNKNOWN", &missing);
        }
        repository
            .manifests
            .insert(digest.clone(), (media_type.to_owned(), request.body.clone()));
        if !target.name.contains(':') {
            repository.tags.insert(target.name.to_owned(), digest.clone());
        }
        let mut reply = Reply::new(201)
            .header("location", format!("/v2/{}/manifests/{digest}", target.repository))
            .header("docker-content-digest", &digest);
        if let Some(subject) = content["subject"]["digest"].as_str().filter(|_| self.options.referrers) {
            reply.set("oci-subject", subject);
        }
        if self.options.tag_query {
            let tags = request.query("tag");
            for tag in &tags {
                repository.tags.insert(tag.clone(), digest.clone());
            }
            reply.set("oci-tag", &tags.join(", "));
        }
        reply
    }

    pub(super) fn tags(&self, state: &State, target: &Target<'_>, request: &Request) -> Reply {
        let Some(repository) = state.repositories.get(target.repository) else {
            return error(404, "NAME_UNKNOWN", "no such repository");
        };
        let last = request.query("last").into_iter().next().unwrap_or_default();
        let mut tags: Vec<&String> = repository.tags.keys().filter(|tag| **tag > last).collect();
        let more = tags.len() > self.page(request);
        tags.truncate(self.page(request));
        let body = json!({"name": target.repository, "tags": tags}).to_string();
        let reply = Reply::new(200).body("application/json", body);
        match tags.last() {
            Some(last) if more => {
                let n = self.page(request);
                reply.header(
                    "link",
                    format!("</v2/{}/tags/list?n={n}&last={last}>; rel=\"next\"", target.repository),
                )
            }
            _ => reply,
        }
    }

    fn page(&self, request: &Request) -> usize {
        let asked = request.query("n").first().and_then(|n| n.parse().ok());
        asked.unwrap_or(self.options.page).min(self.options.page)
    }

    pub(super) fn referrers(&self, state: &State, target: &Target<'_>, request: &Request) -> Reply {
        if !self.options.referrers {
            return Reply::new(404);
        }
        let wanted = request.query("artifactType").into_iter().next();
        let manifests = state.repositories.get(target.repository).map(|found| &found.manifests);
        let all: Vec<Value> = manifests
            .into_iter()
            .flatten()
            .filter_map(|(digest, (media_type, bytes))| referrer(target.name, digest, media_type, bytes))
            .filter(|found| wanted.as_ref().is_none_or(|wanted| found["artifactType"] == **wanted))
            .collect();
        let skip: usize = request.query("skip").first().map_or(0, |skip| skip.parse().unwrap());
        let page: Vec<&Value> = all.iter().skip(skip).take(self.options.page).collect();
        let next = skip + page.len();
        let body = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": page}).to_string();
        let mut reply = Reply::new(200).body(INDEX, body);
        let mut query = format!("skip={next}");
        if let Some(wanted) = wanted {
            reply.set("oci-filters-applied", "artifactType");
            query += &format!(
                "&artifactType={}",
                url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect::<String>()
            );
        }
        if next < all.len() {
            reply.set("link", &format!("<{}?{query}>; rel=\"next\"", request.bare_path()));
        }
        reply
    }
}

/// The first blob or manifest that `content` lists and that isn't there.
fn missing(repository: &Repository, content: &Value) -> Option<String> {
    let list = |key: &str| content[key].as_array().cloned().unwrap_or_default();
    let blobs = [content["config"].clone()]
        .into_iter()
        .chain(list("layers"))
        .chain(list("blobs"));
    // A layer that lies elsewhere need not be here, as in distribution.
    let blob = blobs
        .filter(|blob| blob["urls"].as_array().is_none_or(Vec::is_empty))
        .filter_map(|blob| blob["digest"].as_str().map(str::to_owned))
        .find(|digest| !repository.blobs.contains_key(digest));
    blob.or_else(|| {
        let manifests = list("manifests").into_iter();
        let mut digests = manifests.filter_map(|manifest| manifest["digest"].as_str().map(str::to_owned));
        digests.find(|digest| !repository.manifests.contains_key(digest))
    })
}

/// The descriptor of a manifest whose subject is `subject`.
fn referrer(subject: &str, digest: &str, media_type: &str, bytes: &Bytes) -> Option<Value> {
    let content: Value = serde_json::from_slice(bytes).ok()?;
    if content["subject"]["digest"] != *subject {
        return None;
    }
    let mut found = json!({"mediaType": media_type, "digest": digest, "size": bytes.len()});
    let kind = content
        .get("artifactType")
        .or_else(|| content["config"].get("mediaType"));
    if let Some(kind) = kind {
        found["artifactType"] = kind.clone();
    }
    if let Some(annotations) = content.get("annotations") {
        found["annotations"] = annotations.clone();
    }
    Some(found)
}
