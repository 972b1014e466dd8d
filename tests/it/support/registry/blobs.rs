//! Blobs: reads, by range too; uploads in one PUT or in pieces; mounts.

use bytes::{Bytes, BytesMut};
use oci_artifact::oci::{Digest, Hasher};

use super::state::{State, Upload};
use super::{Inside, Reply, Request, Target, error};

impl Inside {
    pub(super) fn blob(&self, state: &mut State, target: &Target<'_>, request: &Request) -> Reply {
        let repository = state.repositories.get_mut(target.repository);
        let Some(bytes) = repository
            .as_ref()
            .and_then(|found| found.blobs.get(target.name))
            .cloned()
        else {
            return error(404, "BLOB_UNKNOWN", "no such blob");
        };
        match request.method.as_str() {
            "GET" | "HEAD" => {
                let range = request
                    .header("range")
                    .filter(|_| self.options.ranges && request.method == "GET");
                serve(target.name, bytes, range)
            }
            "DELETE" => {
                repository.unwrap().blobs.remove(target.name);
                Reply::new(202)
            }
            _ => Reply::new(405),
        }
    }

    pub(super) fn upload(&self, state: &mut State, target: &Target<'_>, request: &Request) -> Reply {
        if request.body.len() > self.options.body_limit {
            return error(413, "SIZE_INVALID", "the body is too large");
        }
        if request.method == "POST" && target.name.is_empty() {
            return self.open(state, target, request);
        }
        let unknown = || error(404, "BLOB_UPLOAD_UNKNOWN", "no such upload session");
        let newest = request.query("state");
        let Some(upload) = state
            .uploads
            .get_mut(target.name)
            .filter(|upload| upload.repository == target.repository)
        else {
            return unknown();
        };
        // The status may be asked of any Location: who lost an answer has no newer one.
        if request.method != "GET" && newest != [upload.state.to_string()] {
            return unknown();
        }
        match request.method.as_str() {
            "GET" => self.session(204, target, upload),
            "PATCH" | "PUT" if !in_order(request, upload) => {
                let reply = error(416, "BLOB_UPLOAD_INVALID", "out of order");
                self.session(416, target, upload).body("application/json", reply.body)
            }
            "PATCH" if request.complete && self.options.chunk_min > Some(request.body.len()) => {
                error(416, "SIZE_INVALID", "the chunk is smaller than OCI-Chunk-Min-Length")
            }
            "PATCH" => {
                upload.bytes.extend_from_slice(&request.body);
                if request.complete {
                    upload.state += 1;
                }
                self.session(202, target, upload)
            }
            "PUT" if request.complete => {
                let mut bytes = std::mem::take(&mut upload.bytes);
                bytes.extend_from_slice(&request.body);
                state.uploads.remove(target.name);
                let digest = request.query("digest").into_iter().next();
                store(state, target.repository, digest.as_deref(), bytes.freeze())
            }
            "PUT" => Reply::new(400),
            "DELETE" => {
                state.uploads.remove(target.name);
                Reply::new(204)
            }
            _ => Reply::new(405),
        }
    }

    fn open(&self, state: &mut State, target: &Target<'_>, request: &Request) -> Reply {
        if request.header("content-length").is_none() {
            // As Google's Artifact Registry.
            return Reply::new(411);
        }
        let (mounts, from) = (request.query("mount"), request.query("from"));
        if let ([digest], [from]) = (mounts.as_slice(), from.as_slice())
            && self.options.mount
            && self.gate.may_pull(request, from)
            && let Some(bytes) = state
                .repositories
                .get(from)
                .and_then(|found| found.blobs.get(digest))
                .cloned()
        {
            return store(state, target.repository, Some(digest), bytes);
        }
        state.sessions += 1;
        let name = format!("session-{}", state.sessions);
        let upload = Upload {
            repository: target.repository.to_owned(),
            bytes: BytesMut::new(),
            state: 0,
        };
        let target = Target { name: &name, ..*target };
        let mut reply = self.session(202, &target, &upload);
        if let Some(length) = self.options.chunk_min {
            reply.set("oci-chunk-min-length", &length.to_string());
        }
        state.uploads.insert(name, upload);
        reply
    }

    /// An answer that says where the session goes on and how far it is.
    fn session(&self, status: u16, target: &Target<'_>, upload: &Upload) -> Reply {
        let path = format!(
            "/v2/{}/blobs/uploads/{}?state={}",
            target.repository, target.name, upload.state
        );
        let origin = if self.options.absolute_location {
            &self.origin
        } else {
            ""
        };
        Reply::new(status)
            .header("location", format!("{origin}{path}"))
            .header("range", format!("0-{}", upload.bytes.len().saturating_sub(1)))
    }
}

/// Whether a Content-Range, if there is one, goes on where the session ends.
fn in_order(request: &Request, upload: &Upload) -> bool {
    request.header("content-range").is_none_or(|range| {
        let numbers = range
            .split_once('-')
            .and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
        numbers.is_some_and(|(first, last): (usize, usize)| {
            let complete = !request.complete || last + 1 == first + request.body.len();
            first == upload.bytes.len() && complete
        })
    })
}

/// Stores a blob under the digest it was announced with, if it has that digest.
fn store(state: &mut State, repository: &str, digest: Option<&str>, bytes: Bytes) -> Reply {
    let Some(digest) = digest.and_then(|text| text.parse::<Digest>().ok()) else {
        return error(400, "DIGEST_INVALID", "no digest, or not one");
    };
    let mut hasher = Hasher::new(digest.algorithm());
    hasher.update(&bytes);
    if hasher.finish() != digest {
        return error(400, "DIGEST_INVALID", "the bytes have another digest");
    }
    state
        .repositories
        .entry(repository.to_owned())
        .or_default()
        .blobs
        .insert(digest.to_string(), bytes);
    Reply::new(201)
        .header("location", format!("/v2/{repository}/blobs/{digest}"))
        .header("docker-content-digest", digest.to_string())
}

/// `bytes=FIRST-[LAST]` or everything.
fn serve(digest: &str, bytes: Bytes, range: Option<&str>) -> Reply {
    let whole = bytes.len();
    let reply = Reply::new(200)
        .header("docker-content-digest", digest)
        .header("accept-ranges", "bytes");
    let asked = range
        .and_then(|range| range.strip_prefix("bytes=")?.split_once('-'))
        .and_then(|(first, last)| {
            let last = if last.is_empty() {
                whole.saturating_sub(1)
            } else {
                last.parse().ok()?
            };
            Some((first.parse::<usize>().ok()?, last.min(whole.saturating_sub(1))))
        });
    let Some((first, last)) = asked else {
        return reply.body("application/octet-stream", bytes);
    };
    if first > last || first >= whole {
        return Reply::new(416).header("content-range", format!("bytes */{whole}"));
    }
    let mut reply = reply.body("application/octet-stream", bytes.slice(first..=last));
    reply.status = 206;
    reply.header("content-range", format!("bytes {first}-{last}/{whole}"))
}
