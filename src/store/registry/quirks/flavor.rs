//! What kind of registry answers: told by what it says of itself, by its host's name only where it says nothing.

use url::Url;

use crate::http::header::{HeaderMap, WWW_AUTHENTICATE};

/// A kind of registry, with ways and words of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(in crate::store::registry) enum Flavor {
    Acr,
    Ghcr,
    Ecr,
    EcrPublic,
    Gar,
    DockerHub,
    GitLab,
    Harbor,
    Quay,
    Artifactory,
    Nexus,
    Aliyun,
    /// None that we know, or one that has no ways of its own: distribution, zot.
    Other,
}

use Flavor::{Acr, Aliyun, Artifactory, DockerHub, Ecr, EcrPublic, Gar, Ghcr, GitLab, Harbor, Nexus, Quay};

/// Headers that only one kind sends: name, words that its value holds (empty: any), kind.
const HEADERS: &[(&str, &str, Flavor)] = &[
    ("x-ms-correlation-request-id", "", Acr),
    ("x-github-request-id", "", Ghcr),
    ("x-artifactory-id", "", Artifactory),
    ("x-jfrog-version", "", Artifactory),
    ("x-artifactory-node-id", "", Artifactory),
    ("docker-ratelimit-source", "", DockerHub),
    ("x-harbor-csrf-token", "", Harbor),
    ("gitlab-container-registry-version", "", GitLab),
    ("server", "nexus/", Nexus),
    ("server", "artifactory/", Artifactory),
    ("server", "aliyun", Aliyun),
];

/// Words of a challenge that only one kind writes: realm and service.
const CHALLENGES: &[(&str, Flavor)] = &[
    ("/oauth2/token", Acr),
    ("ghcr.io", Ghcr),
    ("public.ecr.aws", EcrPublic),
    ("ecr.amazonaws.com", Ecr),
    ("amazonaws.com", Ecr),
    ("/artifacts-uploads/", Gar),
    (".pkg.dev", Gar),
    ("gcr.io", Gar),
    ("auth.docker.io", DockerHub),
    ("/jwt/auth", GitLab),
    ("harbor-registry", Harbor),
    ("/service/token", Harbor),
    ("/v2/auth", Quay),
    ("artifactory realm", Artifactory),
    ("sonatype nexus", Nexus),
    ("aliyuncs.com", Aliyun),
];

/// Parts of host names.
const HOSTS: &[(&str, Flavor)] = &[
    (".azurecr.", Acr),
    ("ghcr.io", Ghcr),
    ("public.ecr.aws", EcrPublic),
    (".dkr.ecr", Ecr),
    (".pkg.dev", Gar),
    ("gcr.io", Gar),
    ("docker.io", DockerHub),
    ("registry.gitlab.com", GitLab),
    ("quay.io", Quay),
    (".jfrog.io", Artifactory),
    (".aliyuncs.com", Aliyun),
];

impl Flavor {
    /// What an answer tells of its sender.
    pub(in crate::store::registry) fn told(headers: &HeaderMap) -> Option<Self> {
        let holds = |name: &str, word: &str| {
            let mut values = headers.get_all(name).iter();
            values.any(|value| String::from_utf8_lossy(value.as_bytes()).to_lowercase().contains(word))
        };
        let own = HEADERS.iter().find(|(name, word, _)| holds(name, word));
        let asked = || {
            CHALLENGES
                .iter()
                .find(|(word, _)| holds(WWW_AUTHENTICATE.as_str(), word))
        };
        own.map(|(.., flavor)| *flavor)
            .or_else(|| asked().map(|(_, flavor)| *flavor))
    }

    /// What the host's name makes likely.
    pub(in crate::store::registry) fn of_root(root: &Url) -> Self {
        let host = root.host_str().unwrap_or_default();
        let found = HOSTS.iter().find(|(part, _)| host.contains(part));
        found.map_or(Flavor::Other, |(_, flavor)| *flavor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_tell_what_they_are() {
        let told = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            Flavor::told(&headers)
        };
        for (challenge, flavor) in [
            (
                r#"Bearer realm="https://r.corp.example/oauth2/token",service="r.corp.example""#,
                Acr,
            ),
            (r#"Bearer realm="https://ghcr.io/token",service="ghcr.io""#, Ghcr),
            (
                r#"Basic realm="https://1.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com""#,
                Ecr,
            ),
            (
                r#"Bearer realm="https://public.ecr.aws/token/",service="public.ecr.aws""#,
                EcrPublic,
            ),
            (
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#,
                DockerHub,
            ),
            (
                r#"Bearer realm="https://git.corp.example/jwt/auth",service="container_registry""#,
                GitLab,
            ),
            (
                r#"Bearer realm="https://h.corp.example/service/token",service="harbor-registry""#,
                Harbor,
            ),
            (r#"Bearer realm="https://quay.io/v2/auth",service="quay.io""#, Quay),
            (r#"Basic realm="Artifactory Realm""#, Artifactory),
            (r#"BASIC realm="Sonatype Nexus Repository Manager""#, Nexus),
        ] {
            assert_eq!(told("www-authenticate", challenge), Some(flavor), "{challenge}");
        }
        assert_eq!(told("www-authenticate", r#"Bearer realm="/token""#), None);
        assert_eq!(told("x-ms-correlation-request-id", "1"), Some(Acr));
        assert_eq!(told("server", "Nexus/3.70.1 (OSS)"), Some(Nexus));
        assert_eq!(told("server", "nginx"), None);
    }

    #[test]
    fn a_name_is_what_is_left() {
        let of = |host: &str| Flavor::of_root(&Url::parse(&format!("https://{host}/")).unwrap());
        assert_eq!(of("my.azurecr.cn"), Acr);
        assert_eq!(of("eu.gcr.io"), Gar);
        assert_eq!(of("registry-1.docker.io"), DockerHub);
        assert_eq!(of("r.example"), Flavor::Other);
    }
}
