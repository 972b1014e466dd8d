//! GitLab's own registry: each job may use it, with a password that ends with the job.

use super::Credential;
use super::chain::Bound;
use crate::env::Env;
use crate::report::{Report, Secret};

/// The user of `CI_JOB_TOKEN` (GitLab documentation, "Authenticate with the container registry").
const USER: &str = "gitlab-ci-token";

/// The credential for `CI_REGISTRY`, and for no other host; else why there is none. The variables are believed on
/// GitLab alone: elsewhere they are whatever someone set.
pub(super) fn bind(env: &Env, report: &Report) -> Result<Bound, &'static str> {
    if !env.is_true("GITLAB_CI") {
        return Err("not a GitLab job");
    }
    let host = env.get("CI_REGISTRY").ok_or("`CI_REGISTRY` is not set")?;
    let host = host.trim().to_ascii_lowercase();
    let host = host.parse().map_err(|_| "`CI_REGISTRY` is not a host")?;
    let (username, variable) = match (env.get("CI_REGISTRY_USER"), env.get("CI_REGISTRY_PASSWORD")) {
        (Some(user), Some(_)) => (user, "CI_REGISTRY_PASSWORD"),
        _ => (USER, "CI_JOB_TOKEN"),
    };
    let password = env
        .get(variable)
        .ok_or("neither a password nor `CI_JOB_TOKEN` is set")?;
    let credential = Credential::Basic {
        username: username.trim().to_owned(),
        password: Secret::new(password.trim_end_matches(['\r', '\n']), report),
    };
    Ok(Bound::fixed(host, credential, &format!("`{variable}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(variables: &[(&str, &str)]) -> Result<(String, String, String), &'static str> {
        let env = variables.iter().copied().collect();
        let bound = super::bind(&env, &Report::silent())?;
        match bound.credential() {
            Some(Credential::Basic { username, password }) => {
                Ok((bound.host().to_string(), username.clone(), password.expose().to_owned()))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_a_gitlab_job_has_it() {
        let job = [
            ("GITLAB_CI", "true"),
            ("CI_REGISTRY", "registry.gitlab.com"),
            ("CI_REGISTRY_USER", "u"),
            ("CI_REGISTRY_PASSWORD", "p"),
            ("CI_JOB_TOKEN", "j"),
        ];
        let found = |host: &str, user: &str, password: &str| Ok((host.into(), user.into(), password.into()));
        assert_eq!(bind(&job), found("registry.gitlab.com", "u", "p"));
        assert_eq!(bind(&job[1..]), Err("not a GitLab job"));
        assert_eq!(
            bind(&[job[0], job[1], job[2], job[4]]),
            found("registry.gitlab.com", "gitlab-ci-token", "j")
        );
        assert!(bind(&[job[0], job[4]]).is_err());
        assert!(bind(&job[..2]).is_err());
        assert!(bind(&[job[0], ("CI_REGISTRY", "https://x/y"), job[4]]).is_err());
    }
}
