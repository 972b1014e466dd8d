//! Where a run gets its secret from, and the CI system that it is a job of.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::runner::{Run, Workspace};

/// What stands for a password, a token or an identity token.
pub const PASSWORD: &str = "planted/pass+word=~9Q";

/// The ways to hand it over.
pub const SOURCES: [&str; 11] = [
    "password",
    "stdin",
    "token",
    "registry-token",
    "github-token",
    "auth",
    "auth-variable",
    "config",
    "identity-token",
    "helper",
    "plugin",
];

/// The CI systems, as their variables tell; `none` is a terminal's user.
pub const SYSTEMS: [&str; 10] = [
    "none",
    "github",
    "azure",
    "gitlab",
    "buildkite",
    "circle",
    "bitbucket",
    "drone",
    "jenkins",
    "tekton",
];

/// A program that notes what it was called with, to be searched like all that is on disk. What a redactor is given on
/// stdin is noted nowhere: that is the way that secrets may take. `LIST` is a variable of the job's own, which is all
/// its programs' to see.
const NOTES: &str = "#!/bin/sh
{ echo \"$0 $*\"; env | grep -v '^LIST='; } >>\"$NOTES/$$\"
case \"$0 $*\" in
  *redactor*) cat >/dev/null ;;
  *docker-credential*get) cat >/dev/null; cat \"$ANSWER\" ;;
  *) cat >>\"$NOTES/$$\" ;;
esac
";

/// Programs that a run may call.
pub fn programs(workspace: &Workspace) {
    for name in ["buildkite-agent", "docker-credential-planted"] {
        let program = workspace.write(&format!("bin/{name}"), NOTES);
        #[cfg(unix)]
        fs_err::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        #[cfg(not(unix))]
        let _ = program;
    }
    workspace.write("notes/keep", "");
    let answer = format!(r#"{{"Username":"robot","Secret":"{PASSWORD}"}}"#);
    fs_err::write(workspace.home().join("answer.json"), answer).unwrap();
}

/// The run with the secret for `host`, from one of [`SOURCES`].
pub fn with_secret<'w>(run: Run<'w>, workspace: &Workspace, source: &str, host: &str) -> Run<'w> {
    let run = run
        .env("PATH", format!("{}:/usr/bin:/bin", workspace.path().join("bin")))
        .env("NOTES", workspace.path().join("notes").as_str())
        .env("ANSWER", workspace.home().join("answer.json").as_str())
        .env("OCI_ARTIFACT_REGISTRY", host);
    let entry = |entry: &str| format!(r#"{{"auths":{{"{host}":{entry}}}}}"#);
    match source {
        "password" => run
            .env("OCI_ARTIFACT_USERNAME", "robot")
            .env("OCI_ARTIFACT_PASSWORD", PASSWORD),
        "stdin" => run
            .args(["--username", "robot", "--password-stdin"])
            .stdin(format!("{PASSWORD}\n")),
        "token" => run.env("OCI_ARTIFACT_TOKEN", PASSWORD),
        "registry-token" => run.env("OCI_ARTIFACT_REGISTRY_TOKEN", PASSWORD),
        "github-token" => run.env("OCI_ARTIFACT_GITHUB_TOKEN", PASSWORD),
        "auth" => run.env(
            "OCI_ARTIFACT_AUTH",
            format!("- registry: {host}\n  username: robot\n  password: {PASSWORD}\n"),
        ),
        "auth-variable" => run.env("LIST", PASSWORD).env(
            "OCI_ARTIFACT_AUTH",
            format!("- registry: {host}\n  username: robot\n  password-variable: LIST\n"),
        ),
        "config" => {
            let pair = STANDARD.encode(format!("robot:{PASSWORD}"));
            workspace.docker_config(&entry(&format!(r#"{{"auth":"{pair}"}}"#)));
            run
        }
        "identity-token" => {
            workspace.docker_config(&entry(&format!(r#"{{"identitytoken":"{PASSWORD}"}}"#)));
            run
        }
        "helper" => {
            workspace.docker_config(&format!(r#"{{"credHelpers":{{"{host}":"planted"}}}}"#));
            // One that is asked must not see what is not its own.
            run.env("OCI_ARTIFACT_GITHUB_TOKEN", PASSWORD)
                .env("INPUT_PASSWORD_OF_ANOTHER", PASSWORD)
                .env("PLUGIN_TOKEN_OF_ANOTHER", PASSWORD)
        }
        "plugin" => run
            .env("CI", "woodpecker")
            .env("PLUGIN_USERNAME", "robot")
            .env("PLUGIN_PASSWORD", PASSWORD),
        other => panic!("no source {other}"),
    }
}

/// The run in a job of one of [`SYSTEMS`], whose files and folders are in the workspace.
pub fn in_job<'w>(run: Run<'w>, workspace: &Workspace, system: &str) -> Run<'w> {
    workspace.write("ci/file", "");
    workspace.write("ci/summary", "");
    workspace.write("ci/results/keep", "");
    let path = |name: &str| workspace.path().join(name).into_string();
    let pairs: Vec<(&str, String)> = match system {
        "github" => vec![
            ("GITHUB_ACTIONS", "true".into()),
            ("GITHUB_OUTPUT", path("ci/file")),
            ("GITHUB_STEP_SUMMARY", path("ci/summary")),
            ("GITHUB_WORKSPACE", path("")),
            ("RUNNER_DEBUG", "1".into()),
        ],
        "azure" => vec![("TF_BUILD", "True".into()), ("AGENT_TEMPDIRECTORY", path("ci"))],
        "gitlab" => vec![("GITLAB_CI", "true".into()), ("CI_PROJECT_DIR", path(""))],
        "buildkite" => vec![
            ("BUILDKITE", "true".into()),
            ("BUILDKITE_AGENT_JOB_API_SOCKET", "/nowhere".into()),
            ("BUILDKITE_JOB_ID", "j1".into()),
        ],
        "circle" => vec![("CIRCLECI", "true".into()), ("BASH_ENV", path("ci/file"))],
        "bitbucket" => vec![
            ("BITBUCKET_BUILD_NUMBER", "1".into()),
            ("BITBUCKET_PIPELINES_VARIABLES_PATH", path("ci/file")),
        ],
        "drone" => vec![("DRONE", "true".into()), ("DRONE_OUTPUT", path("ci/file"))],
        "jenkins" => vec![("JENKINS_URL", "https://ci.example/".into())],
        "tekton" => vec![("OCI_ARTIFACT_TEKTON_RESULTS", path("ci/results"))],
        _ => Vec::new(),
    };
    pairs.into_iter().fold(run, |run, (name, value)| run.env(name, value))
}
