//! Which CI system runs us, by the variables it announces itself with.

use crate::env::Env;

/// A CI system, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Gitea Actions.
    Gitea,
    /// Forgejo Actions.
    Forgejo,
    /// GitHub Actions, or act.
    GitHub,
    /// GitLab CI.
    GitLab,
    /// Azure Pipelines.
    Azure,
    /// Buildkite.
    Buildkite,
    /// CircleCI.
    Circle,
    /// Bitbucket Pipelines.
    Bitbucket,
    /// Jenkins.
    Jenkins,
    /// Woodpecker.
    Woodpecker,
    /// Drone or Harness.
    Drone,
    /// Tekton.
    Tekton,
    /// Some CI system that only says `CI=true`.
    Unknown,
    /// None: a terminal.
    None,
}

impl System {
    /// The system that `env` shows. Gitea and Forgejo also claim to be GitHub, so they are looked for first.
    pub fn detect(env: &Env) -> Self {
        let says = |name: &str, value: &str| env.get(name).is_some_and(|found| found.eq_ignore_ascii_case(value));
        let signs = [
            (env.is_true("GITEA_ACTIONS"), System::Gitea),
            (env.is_true("FORGEJO_ACTIONS"), System::Forgejo),
            (env.is_true("GITHUB_ACTIONS"), System::GitHub),
            (env.is_true("GITLAB_CI"), System::GitLab),
            (env.is_true("TF_BUILD"), System::Azure),
            (env.is_true("BUILDKITE"), System::Buildkite),
            (env.is_true("CIRCLECI"), System::Circle),
            (env.get("BITBUCKET_BUILD_NUMBER").is_some(), System::Bitbucket),
            (
                says("CI", "woodpecker") || says("CI_SYSTEM_NAME", "woodpecker"),
                System::Woodpecker,
            ),
            (env.is_true("DRONE"), System::Drone),
            (env.get("JENKINS_URL").is_some(), System::Jenkins),
            (env.get(super::tekton::RESULTS).is_some(), System::Tekton),
            (env.is_true("CI"), System::Unknown),
        ];
        let found = signs.into_iter().find(|(shown, _)| *shown);
        found.map_or(System::None, |(_, system)| system)
    }

    /// Its name, for messages.
    pub fn name(self) -> &'static str {
        match self {
            System::Gitea => "Gitea Actions",
            System::Forgejo => "Forgejo Actions",
            System::GitHub => "GitHub Actions",
            System::GitLab => "GitLab CI",
            System::Azure => "Azure Pipelines",
            System::Buildkite => "Buildkite",
            System::Circle => "CircleCI",
            System::Bitbucket => "Bitbucket Pipelines",
            System::Jenkins => "Jenkins",
            System::Woodpecker => "Woodpecker",
            System::Drone => "Drone",
            System::Tekton => "Tekton",
            System::Unknown => "CI",
            System::None => "terminal",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_system_by_its_own_sign() {
        for (variables, system) in [
            (&[("GITHUB_ACTIONS", "true"), ("CI", "true")][..], System::GitHub),
            (&[("GITHUB_ACTIONS", "true"), ("GITEA_ACTIONS", "true")], System::Gitea),
            (
                &[("GITHUB_ACTIONS", "true"), ("FORGEJO_ACTIONS", "true")],
                System::Forgejo,
            ),
            (&[("GITHUB_ACTIONS", "true"), ("ACT", "true")], System::GitHub),
            (&[("TF_BUILD", "True")], System::Azure),
            (&[("CI", "woodpecker")], System::Woodpecker),
            (&[("CI", "true"), ("DRONE", "true")], System::Drone),
            (&[("CI", "true"), ("GITLAB_CI", "true")], System::GitLab),
            (&[("JENKINS_URL", "https://ci.example.com/")], System::Jenkins),
            (&[("OCI_ARTIFACT_TEKTON_RESULTS", "/tekton/results")], System::Tekton),
            (&[("CI", "true")], System::Unknown),
            (&[("CI", "false")], System::None),
            (&[("CI", "")], System::None),
            (&[], System::None),
        ] {
            assert_eq!(
                System::detect(&variables.iter().copied().collect()),
                system,
                "{variables:?}"
            );
        }
    }
}
