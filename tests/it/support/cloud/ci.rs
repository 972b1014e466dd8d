//! The CI system's side: its issuer of ID tokens, and the variables of a job that may have one.

use std::sync::Arc;

use serde_json::json;

use super::{Mint, bearer, reply};
use crate::support::connect::Internet;
use crate::support::message::{Reply, Request};
use crate::support::runner::{Run, Workspace};
use crate::support::server::Server;

/// GitHub's issuer of ID tokens, and GitLab's.
pub const GITHUB: &str = "https://token.actions.githubusercontent.com";
pub const GITLAB: &str = "https://gitlab.com";

/// Subjects of a push to the main branch.
pub const GITHUB_MAIN: &str = "repo:Me/App:ref:refs/heads/main";
pub const GITLAB_MAIN: &str = "project_path:me/app:ref_type:branch:ref:main";

/// Where a job on GitHub asks for its ID token.
const HOST: &str = "run-actions-1-azure-eastus.actions.githubusercontent.com";
const PATH: &str = "/114//idtoken/6f4a5d1c/00000000-0000-0000-0000-000000000000";

/// What a job proves to GitHub itself that it is with.
pub const REQUEST_TOKEN: &str = "the-request-token-of-this-job";

/// The CI systems' issuers. What they signed is what the clouds believe.
pub struct Issuers {
    pub tokens: Arc<Mint>,
    subject: &'static str,
    _github: Server,
}

impl Issuers {
    /// Issuers for jobs that push to main.
    pub fn start(internet: &Internet) -> Self {
        Self::with_subject(internet, GITHUB_MAIN)
    }

    pub fn with_subject(internet: &Internet, subject: &'static str) -> Self {
        let tokens = Arc::new(Mint::default());
        let mint = Arc::clone(&tokens);
        let endpoint = move |request: &Request| {
            let audience = request.query("audience");
            let good =
                request.method == "GET" && request.bare_path() == PATH && request.query("api-version") == ["2.0"];
            match (bearer(request), audience.as_slice()) {
                (Some(REQUEST_TOKEN), [audience]) if good => {
                    let value = mint.jwt(json!({
                        "iss": GITHUB, "aud": audience, "sub": subject, "repository": "Me/App", "event_name": "push",
                    }));
                    reply(200, &json!({"count": value.len(), "value": value}))
                }
                (Some(REQUEST_TOKEN), _) => reply(400, &json!({"message": "bad request"})),
                _ => Reply::new(401),
            }
        };
        Issuers {
            tokens,
            subject,
            _github: internet.serve(HOST, Arc::new(endpoint)),
        }
    }

    /// A run in a job on GitHub with `permissions: id-token: write`.
    pub fn github<'w>(&self, internet: &Internet, workspace: &'w Workspace) -> Run<'w> {
        github(internet, workspace)
            .env(
                "ACTIONS_ID_TOKEN_REQUEST_URL",
                format!("https://{HOST}{PATH}?api-version=2.0"),
            )
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN)
    }

    /// A run in a job on GitLab with `id_tokens: {ID_TOKEN: {aud: AUDIENCE}}`.
    pub fn gitlab<'w>(&self, internet: &Internet, workspace: &'w Workspace, audience: &str) -> Run<'w> {
        let subject = if self.subject == GITHUB_MAIN {
            GITLAB_MAIN
        } else {
            self.subject
        };
        let token = self
            .tokens
            .jwt(json!({"iss": GITLAB, "aud": audience, "sub": subject, "project_path": "me/app"}));
        internet
            .run(workspace)
            .env("CI", "true")
            .env("GITLAB_CI", "true")
            .env("CI_PROJECT_PATH", "me/app")
            .env("CI_SERVER_URL", GITLAB)
            .env("CI_COMMIT_SHA", "0123456789abcdef0123456789abcdef01234567")
            .env("CI_COMMIT_REF_NAME", "main")
            .env("ID_TOKEN", token)
    }

    /// How many ID tokens jobs have asked GitHub for.
    pub fn asked(&self, internet: &Internet) -> usize {
        internet.seen(HOST).len()
    }
}

/// A run in a job on GitHub, without any identity.
pub fn github<'w>(internet: &Internet, workspace: &'w Workspace) -> Run<'w> {
    workspace.write("github/output", "");
    internet
        .run(workspace)
        .env("CI", "true")
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_EVENT_NAME", "push")
        .env("GITHUB_OUTPUT", workspace.path().join("github/output").as_str())
        .env("GITHUB_WORKSPACE", workspace.path().as_str())
        .env("GITHUB_REPOSITORY", "Me/App")
        .env("GITHUB_REPOSITORY_OWNER", "Me")
        .env("GITHUB_ACTOR", "octocat")
        .env("GITHUB_SERVER_URL", "https://github.com")
        .env("GITHUB_SHA", "0123456789abcdef0123456789abcdef01234567")
        .env("GITHUB_REF", "refs/heads/main")
        .env("GITHUB_REF_NAME", "main")
        .env("GITHUB_REF_TYPE", "branch")
}

/// The run in the pull request of a fork: without ID token, and with a `GITHUB_TOKEN` that may only read.
pub fn fork<'w>(run: Run<'w>, workspace: &Workspace) -> Run<'w> {
    let event = json!({"pull_request": {
        "number": 7,
        "head": {"repo": {"full_name": "stranger/App", "fork": true}},
        "base": {"repo": {"full_name": "Me/App", "fork": false}},
    }});
    let event = workspace.write("github/event.json", event.to_string());
    run.env("GITHUB_EVENT_NAME", "pull_request")
        .env("GITHUB_EVENT_PATH", event.as_str())
        .env("GITHUB_REF", "refs/pull/7/merge")
        .env("GITHUB_REF_NAME", "7/merge")
        .env("GITHUB_HEAD_REF", "feature")
        .env("GITHUB_BASE_REF", "main")
}
