//! `github-token`: for the container registry of the GitHub server that gave it, and for no other.

use url::Url;

use super::Credential;
use super::chain::Bound;
use crate::env::Env;
use crate::reference::Host;
use crate::report::Secret;

/// Any user name does beside a token; this one if the job has no actor.
const USER: &str = "github-actions";

/// The token bound to its registry: ghcr.io for github.com (and outside a job), `containers.HOST` for GitHub Enterprise
/// Server and ghe.com.
pub(super) fn bind(token: Secret, env: &Env) -> Option<Bound> {
    let host = container_host(env.get("GITHUB_SERVER_URL"))?;
    let credential = Credential::Basic {
        username: env.get("GITHUB_ACTOR").unwrap_or(USER).to_owned(),
        password: token,
    };
    Some(Bound::fixed(host, credential, "`github-token`"))
}

fn container_host(server: Option<&str>) -> Option<Host> {
    let Some(server) = server else {
        return "ghcr.io".parse().ok();
    };
    let server = Url::parse(server.trim()).ok()?;
    match server.host_str()? {
        "github.com" | "www.github.com" => "ghcr.io".parse().ok(),
        host => format!("containers.{host}").parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_has_its_own_registry() {
        let host = |server: Option<&str>| container_host(server).map(|host| host.to_string());
        assert_eq!(host(None).unwrap(), "ghcr.io");
        assert_eq!(host(Some("https://github.com")).unwrap(), "ghcr.io");
        assert_eq!(host(Some("https://octo.ghe.com")).unwrap(), "containers.octo.ghe.com");
        assert_eq!(
            host(Some("https://git.example.com/")).unwrap(),
            "containers.git.example.com"
        );
        assert_eq!(host(Some("nonsense")), None);
    }
}
