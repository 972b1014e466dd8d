//! What single registries do otherwise, and the way out in their own terms. Data first.

mod flavor;
mod hints;

pub(super) use flavor::Flavor;
pub(super) use hints::hint;

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

/// `error` with the hint for what a registry of this kind said, unless it has one of our own. `Registry::refused`
/// explains answers; here is what never became one.
pub(super) fn hinted(error: Error, flavor: Flavor) -> Error {
    if error.way_out().is_some() && error.class() != Class::Network {
        return error;
    }
    match Refusal::behind(&error).and_then(|refusal| hint(refusal, flavor)) {
        Some(hint) => error.hint(hint),
        None => error,
    }
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

/// Whether a manifest is not deleted because a tag names it (Google Artifact Registry; genuinetools/reg#136).
pub(super) fn is_tagged(refusal: &Refusal) -> bool {
    refusal.has_code("GOOGLE_MANIFEST_DANGLING_TAG")
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
        use Flavor::{
            Acr, Aliyun, Artifactory, DockerHub, Ecr, EcrPublic, Gar, Ghcr, GitLab, Harbor, Nexus, Other, Quay,
        };
        let answers = [
            (Ghcr, refusal(403, "DENIED", "permission_denied: write_package")),
            (Ghcr, refusal(404, "NAME_UNKNOWN", "")),
            (
                Acr,
                refusal(403, "DENIED", "client with IP '1.2.3.4' is not allowed access"),
            ),
            (Acr, refusal(401, "UNAUTHORIZED", "authentication required")),
            (Acr, refusal(404, "NAME_UNKNOWN", "")),
            (Ecr, refusal(403, "DENIED", "Your authorization token has expired.")),
            (Ecr, refusal(403, "DENIED", "not authorized to perform: ecr:PutImage")),
            (Ecr, refusal(404, "NAME_UNKNOWN", "")),
            (EcrPublic, refusal(400, "DENIED", "Your authorization token is invalid")),
            (
                Gar,
                refusal(
                    403,
                    "DENIED",
                    "Permission artifactregistry.repositories.uploadArtifacts denied",
                ),
            ),
            (Gar, refusal(404, "NAME_UNKNOWN", "")),
            (DockerHub, refusal(429, "TOOMANYREQUESTS", "")),
            (
                DockerHub,
                refusal(401, "UNAUTHORIZED", "access to the resource is denied"),
            ),
            (GitLab, refusal(403, "DENIED", "")),
            (GitLab, refusal(400, "MANIFEST_INVALID", "")),
            (Harbor, refusal(401, "UNAUTHORIZED", "project not found")),
            (Harbor, refusal(403, "FORBIDDEN", "CSRF token invalid")),
            (
                Quay,
                refusal(415, "MANIFEST_INVALID", "manifest schema version not supported"),
            ),
            (Quay, refusal(401, "UNAUTHORIZED", "")),
            (Artifactory, refusal(403, "DENIED", "")),
            (Nexus, refusal(404, "", "")),
            (Aliyun, refusal(401, "UNAUTHORIZED", "")),
            (Other, refusal(403, "DENIED", "")),
            (Other, refusal(404, "NAME_UNKNOWN", "")),
            (Other, refusal(413, "", "")),
        ];
        let lines = answers.iter().map(|(flavor, refusal)| {
            let found = hint(refusal, *flavor).unwrap_or("-");
            format!("{flavor:?} {}:\n  {}", refusal.status.as_u16(), wrapped(found))
        });
        insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @"
        Ghcr 403:
          the job needs `permissions: packages: write` (to pull: read), and an existing package
          must list this repository under Package settings, Manage Actions access
        Ghcr 404:
          check the package's name; a private package that the token may not read is not found, too
        Acr 403:
          the registry's firewall keeps this runner out: allow its address, or use a runner in the
          registry's network
        Acr 401:
          the identity needs AcrPush (to read: AcrPull) on the registry, a repository token
          content/write for this repository; a change of rights takes up to ten minutes
        Acr 404:
          check the repository's name, and that the identity may read it
        Ecr 403:
          the ECR token has ended after 12 hours: get a new one in this job
        Ecr 403:
          the role needs ecr:GetAuthorizationToken, and for this repository ecr:BatchGetImage,
          ecr:PutImage and ecr:InitiateLayerUpload with its companions
        Ecr 404:
          ECR makes no repository by itself: run `aws ecr create-repository` first
        EcrPublic 400:
          public ECR takes a token of `aws ecr-public get-login-password`, region us-east-1, and no
          other: get a new one in this job
        Gar 403:
          the identity needs roles/artifactregistry.writer (to read: reader) on this repository
        Gar 404:
          Artifact Registry makes no repository by itself: run `gcloud artifacts repositories
          create`
        DockerHub 429:
          Docker Hub limits pulls: log in with `username` and `password`, or wait
        DockerHub 401:
          the access token needs the right Read & Write, and its account must be a member of the
          repository's organisation
        GitLab 403:
          the repository must lie under the path of a project in which the job token or deploy
          token may write; a wrong or hidden path is refused in the same way
        GitLab 400:
          GitLab takes only media types that it knows
        Harbor 401:
          the project must be there, and the robot account be allowed to push to it; a wrong or
          hidden path is refused in the same way
        Harbor 403:
          Harbor wants its session cookie's token: a proxy before it adds cookies
        Quay 415:
          this Quay doesn't take this media type: its operator sets FEATURE_GENERAL_OCI_SUPPORT or
          ALLOWED_OCI_ARTIFACT_TYPES
        Quay 401:
          the robot account needs Write on the repository, and to make one Creator in the
          organisation's default permissions
        Artifactory 403:
          the account needs the right to deploy to this repository, and the path must begin with
          the key of a local Docker or OCI repository
        Nexus 404:
          the path must begin with the key of a local Docker or OCI repository
        Aliyun 401:
          the namespace must be there, and the account's RAM policy allow cr:PushRepository
        Other 403:
          -
        Other 404:
          check the repository's name; some registries want it made first
        Other 413:
          the registry, or a proxy before it, limits the size of what is sent: raise that limit
        ");
    }

    /// Lines short enough for this file.
    fn wrapped(text: &str) -> String {
        let mut width = 0;
        let words = text.split(' ').map(|word| {
            width += word.len() + 1;
            if width > 90 {
                width = word.len() + 1;
                return format!("\n  {word}");
            }
            format!(" {word}")
        });
        words.collect::<String>().trim_start().to_owned()
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
