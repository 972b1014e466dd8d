//! What a registry means by its no, and the way out. Data first.

use super::Flavor::{
    self, Acr, Aliyun, Artifactory, DockerHub, Ecr, EcrPublic, Gar, Ghcr, GitLab, Harbor, Nexus, Quay,
};
use crate::http::Refusal;

/// When a hint fits: kinds (none: any), status, word in the answer (empty: any), hint.
type Hint = (&'static [Flavor], &'static [u16], &'static str, &'static str);

const HIDDEN: &str = "a path that is wrong, or that this credential may not see, is refused in the same way: check the \
    repository's name and the credential's rights";

/// The first that fits is shown.
#[rustfmt::skip]
const HINTS: &[Hint] = &[
    (&[Ghcr], &[401, 403], "", "the job needs `permissions: packages: write` (to pull: read), and an existing package \
        must list this repository under Package settings, Manage Actions access"),
    (&[Ghcr], &[404], "", "check the package's name; a private package that the token may not read is not found, too"),
    (&[Acr], &[403], "client with ip", "the registry's firewall keeps this runner out: allow its address, or use a \
        runner in the registry's network"),
    (&[Acr], &[401, 403], "", "the identity needs AcrPush (to read: AcrPull) on the registry, a repository token \
        content/write for this repository; a change of rights takes up to ten minutes"),
    (&[Acr], &[404], "NAME_UNKNOWN", "check the repository's name, and that the identity may read it"),
    (&[Ecr], &[400, 401, 403], "expired", "the ECR token has ended after 12 hours: get a new one in this job"),
    (&[Ecr], &[401, 403], "", "the role needs ecr:GetAuthorizationToken, and for this repository \
        ecr:BatchGetImage, ecr:PutImage and ecr:InitiateLayerUpload with its companions"),
    (&[Ecr], &[404], "NAME_UNKNOWN", "ECR makes no repository by itself: run `aws ecr create-repository` first"),
    (&[EcrPublic], &[400, 401, 403], "", "public ECR takes a token of `aws ecr-public get-login-password`, region \
        us-east-1, and no other: get a new one in this job"),
    (&[EcrPublic], &[404], "", "run `aws ecr-public create-repository` first"),
    (&[Gar], &[401, 403], "", "the identity needs roles/artifactregistry.writer (to read: reader) on this repository"),
    (&[Gar], &[404], "", "Artifact Registry makes no repository by itself: run `gcloud artifacts repositories create`"),
    (&[DockerHub], &[429], "", "Docker Hub limits pulls: log in with `username` and `password`, or wait"),
    (&[DockerHub], &[401, 403], "", "the access token needs the right Read & Write, and its account must be a member \
        of the repository's organisation"),
    (&[GitLab], &[400], "MANIFEST_INVALID", "GitLab takes only media types that it knows"),
    (&[GitLab], &[401, 403], "", "the repository must lie under the path of a project in which the job token or deploy \
        token may write; a wrong or hidden path is refused in the same way"),
    (&[Harbor], &[403], "csrf", "Harbor wants its session cookie's token: a proxy before it adds cookies"),
    (&[Harbor], &[401, 403, 404], "", "the project must be there, and the robot account be allowed to push to it; a \
        wrong or hidden path is refused in the same way"),
    (&[Quay], &[400, 415], "", "this Quay doesn't take this media type: its operator sets FEATURE_GENERAL_OCI_SUPPORT \
        or ALLOWED_OCI_ARTIFACT_TYPES"),
    (&[Quay], &[401, 403], "", "the robot account needs Write on the repository, and to make one Creator in the \
        organisation's default permissions"),
    (&[Artifactory, Nexus], &[401, 403], "", "the account needs the right to deploy to this repository, and the path \
        must begin with the key of a local Docker or OCI repository"),
    (&[Artifactory, Nexus], &[404], "", "the path must begin with the key of a local Docker or OCI repository"),
    (&[Aliyun], &[401, 403], "", "the namespace must be there, and the account's RAM policy allow cr:PushRepository"),
    (&[], &[400], "MANIFEST_INVALID", "the registry doesn't take this kind of manifest; see whether it supports OCI \
        artifacts"),
    (&[], &[413], "", "the registry, or a proxy before it, limits the size of what is sent: raise that limit"),
    (&[], &[411], "", "a proxy before the registry wants a length that was sent: check its set-up"),
    (&[], &[404], "NAME_UNKNOWN", "check the repository's name; some registries want it made first"),
    (&[], &[401, 403], "project not found", HIDDEN),
];

/// What `refusal` means at a registry of this kind.
pub(in crate::store::registry) fn hint(refusal: &Refusal, flavor: Flavor) -> Option<&'static str> {
    let text = refusal.text.to_lowercase();
    let fits = |&&(kinds, statuses, word, _): &&Hint| {
        (kinds.is_empty() || kinds.contains(&flavor))
            && statuses.contains(&refusal.status.as_u16())
            && (refusal.has_code(word) || text.contains(&word.to_lowercase()))
    };
    HINTS.iter().find(fits).map(|(.., hint)| *hint)
}
