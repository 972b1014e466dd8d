//! What single registries do otherwise, and the way out in their own terms. Data first.

use crate::error::{Class, Error};
use crate::http::Refusal;
use crate::reference::{Host, Repository};

/// Names of Docker Hub in references, and the host that speaks for it.
const DOCKER_HUB: [&str; 2] = ["docker.io", "index.docker.io"];
const DOCKER_HUB_API: &str = "registry-1.docker.io";

/// The host that serves the API of `host`.
pub(super) fn api_host(host: &Host) -> Host {
    match DOCKER_HUB_API.parse() {
        Ok(api) if DOCKER_HUB.contains(&host.as_str()) => api,
        _ => host.clone(),
    }
}

/// When a hint fits: part of the host (empty: any), status, word in the answer (empty: any), hint.
type Hint = (&'static str, u16, &'static str, &'static str);

/// The first that fits is shown.
#[rustfmt::skip]
const HINTS: &[Hint] = &[
    ("ghcr.io", 403, "", "the job needs `permissions: packages: write`, and an existing package must list this \
        repository under Package settings, Manage Actions access"),
    (".azurecr.", 403, "client with ip", "the registry's firewall keeps this runner out: allow its address, or use a \
        runner in the registry's network"),
    (".azurecr.", 404, "NAME_UNKNOWN", "check the repository's name, and that the identity may read it"),
    (".amazonaws.com", 403, "expired", "the ECR token has ended after 12 hours: get a new one in this job"),
    (".amazonaws.com", 404, "NAME_UNKNOWN", "ECR makes no repository by itself: run `aws ecr create-repository` first"),
    ("docker.io", 429, "", "Docker Hub limits pulls: log in with `username` and `password`, or wait"),
    ("gitlab", 400, "MANIFEST_INVALID", "GitLab takes only media types that it knows"),
    ("", 400, "MANIFEST_INVALID", "the registry doesn't take this kind of manifest; see whether it supports OCI \
        artifacts"),
    ("", 400, "HTTP request to an HTTPS server", "the server speaks HTTPS: name its authority's certificate in \
        `ca-file`, or its host in `insecure`"),
    ("", 413, "", "the registry, or a proxy before it, limits the size of what is sent: raise that limit"),
    ("", 411, "", "a proxy before the registry wants a length that was sent: check its set-up"),
    ("", 404, "NAME_UNKNOWN", "check the repository's name; some registries want it made first"),
];

/// `error` with the hint for what the registry said, unless it has a more exact one.
pub(super) fn hinted(error: Error, repository: &Repository) -> Error {
    let found = Refusal::behind(&error).and_then(|refusal| hint(refusal, &repository.host));
    match found {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn hint(refusal: &Refusal, host: &Host) -> Option<&'static str> {
    let text = refusal.text.to_lowercase();
    let fits = |&&(part, status, word, _): &&Hint| {
        host.as_str().contains(part)
            && refusal.status.as_u16() == status
            && (refusal.has_code(word) || text.contains(&word.to_lowercase()))
    };
    HINTS.iter().find(fits).map(|(.., hint)| *hint)
}

/// Whether the registry refused because a tag or manifest may not be changed: ECR 400, Docker Hub 403, ACR 405, Harbor
/// 412, Google FAILED_PRECONDITION.
pub(super) fn is_immutable(refusal: &Refusal) -> bool {
    let text = refusal.text.to_lowercase();
    match refusal.status.as_u16() {
        412 => true,
        400 | 403 | 409 => text.contains("immutable") || refusal.has_code("FAILED_PRECONDITION"),
        405 => {
            refusal.has_code("REGISTRY_DISALLOWED_OPERATION") || text.contains("immutable") || text.contains("locked")
        }
        _ => false,
    }
}

pub(super) fn immutable(refusal: Refusal) -> Error {
    Error::new(Class::Conflict, refusal.to_string())
        .caused_by(refusal)
        .hint("the registry keeps this tag or repository from being changed: use a new tag, or `if-exists: skip`")
}

/// Where a registry's own way to delete is, for those that answer DELETE with 405 or UNSUPPORTED.
#[rustfmt::skip]
const DELETE: &[(&str, &str)] = &[
    ("ghcr.io", "delete the package's version on github.com or with `gh api`"),
    ("docker.io", "delete it on hub.docker.com"),
    (".azurecr.", "use `az acr repository untag` for a tag and `az acr repository delete` for a manifest"),
    (".amazonaws.com", "use `aws ecr batch-delete-image`"),
    ("public.ecr.aws", "use `aws ecr-public batch-delete-image`"),
    ("quay.io", "delete it on quay.io"),
];

/// The error for a DELETE that the registry doesn't offer.
pub(super) fn no_delete(refusal: Refusal, repository: &Repository) -> Error {
    let own = DELETE.iter().find(|(part, _)| repository.host.as_str().contains(part));
    let hint = own.map_or(
        "the registry doesn't allow this kind of delete; its operator may switch it on \
         (distribution: REGISTRY_STORAGE_DELETE_ENABLED=true)",
        |(_, hint)| hint,
    );
    Error::new(Class::Conflict, refusal.to_string())
        .caused_by(refusal)
        .hint(hint)
}

/// Whether the registry says that it doesn't do this at all.
pub(super) fn is_unsupported(refusal: &Refusal) -> bool {
    matches!(refusal.status.as_u16(), 405 | 501) || (refusal.status.as_u16() == 400 && refusal.has_code("UNSUPPORTED"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::StatusCode;

    fn refusal(status: u16, code: &str, text: &str) -> Refusal {
        Refusal {
            request: "PUT https://r.example/v2/".to_owned(),
            status: StatusCode::from_u16(status).unwrap(),
            codes: vec![code.to_owned()],
            text: text.to_owned(),
        }
    }

    #[test]
    fn docker_hub_has_an_api_host_of_its_own() {
        for (host, api) in [
            ("docker.io", DOCKER_HUB_API),
            ("index.docker.io", DOCKER_HUB_API),
            ("ghcr.io", "ghcr.io"),
        ] {
            assert_eq!(api_host(&host.parse().unwrap()).as_str(), api);
        }
    }

    #[test]
    fn hints_speak_of_the_registry_at_hand() {
        let hint = |host: &str, refusal: &Refusal| hint(refusal, &host.parse().unwrap()).unwrap_or_default();
        assert!(
            hint("ghcr.io", &refusal(403, "DENIED", "permission_denied: write_package")).contains("packages: write")
        );
        let firewall = refusal(403, "DENIED", "client with IP '1.2.3.4' is not allowed access");
        assert!(hint("my.azurecr.io", &firewall).contains("firewall"));
        assert!(
            hint("1.dkr.ecr.eu-west-1.amazonaws.com", &refusal(404, "NAME_UNKNOWN", "")).contains("create-repository")
        );
        assert_eq!(hint("r.example", &refusal(403, "DENIED", "")), "");
    }

    #[test]
    fn immutable_tags_in_five_dialects() {
        assert!(is_immutable(&refusal(
            400,
            "TAG_INVALID",
            "The image tag 'v1' already exists and the repository is immutable"
        )));
        assert!(is_immutable(&refusal(403, "DENIED", "tag is immutable")));
        assert!(is_immutable(&refusal(405, "REGISTRY_DISALLOWED_OPERATION", "")));
        assert!(is_immutable(&refusal(412, "PRECONDITION", "")));
        assert!(is_immutable(&refusal(400, "FAILED_PRECONDITION", "")));
        assert!(!is_immutable(&refusal(400, "MANIFEST_INVALID", "")));
        assert!(!is_immutable(&refusal(405, "UNSUPPORTED", "")));
    }
}
