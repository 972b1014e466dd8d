//! What GitHub tells a run, and what it is told: facts, commands, files.

use super::*;

fn ci(variables: &[(&str, &str)]) -> GitHub {
    let env: Env = variables.iter().copied().collect();
    GitHub::new(System::detect(&env), &env)
}

fn facts(variables: &[(&str, &str)]) -> BTreeMap<&'static str, String> {
    ci(variables).facts()
}

fn place(file: Option<&str>) -> Place {
    Place {
        file: file.map(Utf8PathBuf::from),
        line: 3,
        column: 7,
    }
}

fn commands() -> Commands {
    Commands {
        workspace: Some("/runner/repo".into()),
        directory: "/runner/repo/sub".into(),
    }
}

#[test]
fn facts_of_a_branch() {
    let facts = facts(&[
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SHA", "0123456789abcdef0123456789abcdef01234567"),
        ("GITHUB_REF", "refs/heads/Feature/x"),
        ("GITHUB_REF_NAME", "Feature/x"),
        ("GITHUB_REF_TYPE", "branch"),
        ("GITHUB_HEAD_REF", ""),
        ("GITHUB_RUN_ID", "99"),
        ("GITHUB_RUN_NUMBER", "5"),
        ("GITHUB_RUN_ATTEMPT", "2"),
        ("GITHUB_REPOSITORY", "example/project"),
        ("GITHUB_ACTOR", "example"),
        ("GITHUB_SERVER_URL", "https://github.com"),
    ]);
    let text: Vec<_> = facts.iter().map(|(name, value)| format!("{name}={value}")).collect();
    insta::assert_snapshot!(text.join("\n"), @"
    actor=example
    branch=Feature/x
    ref=refs/heads/Feature/x
    ref-slug=feature-x
    repository=example/project
    run-attempt=2
    run-id=99
    run-number=5
    sha=0123456789abcdef0123456789abcdef01234567
    short-sha=0123456
    url=https://github.com/example/project/actions/runs/99
    ");
}

#[test]
fn facts_of_a_tag_have_no_branch() {
    let facts = facts(&[
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REF", "refs/tags/v1.2.3"),
        ("GITHUB_REF_NAME", "v1.2.3"),
        ("GITHUB_REF_TYPE", "tag"),
    ]);
    assert_eq!(
        (facts["tag"].as_str(), facts["ref-slug"].as_str()),
        ("v1.2.3", "v1.2.3")
    );
    assert!(!facts.contains_key("branch") && !facts.contains_key("sha"));
}

#[test]
fn the_slug_of_a_pull_request_is_never_that_of_a_branch() {
    let merge = facts(&[
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REF", "refs/pull/12/merge"),
        ("GITHUB_REF_NAME", "12/merge"),
        ("GITHUB_REF_TYPE", "branch"),
        ("GITHUB_HEAD_REF", "main"),
    ]);
    assert_eq!(merge["branch"], "main");
    assert_eq!(
        (merge["pr-number"].as_str(), merge["ref-slug"].as_str()),
        ("12", "pr-12")
    );

    let folder = tempfile::tempdir().unwrap();
    let event = folder.path().join("event.json");
    fs_err::write(&event, r#"{"action": "opened", "number": 34}"#).unwrap();
    let target = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_REF_NAME", "main"),
        ("GITHUB_REF_TYPE", "branch"),
        ("GITHUB_HEAD_REF", "main"),
    ];
    let with_event = [&target[..], &[("GITHUB_EVENT_PATH", event.to_str().unwrap())]].concat();
    assert_eq!(facts(&with_event)["ref-slug"], "pr-34");
    assert!(!facts(&target).contains_key("ref-slug"), "unknown rather than wrong");
}

#[test]
fn gitea_counts_its_runs_by_number() {
    let facts = facts(&[
        ("GITHUB_ACTIONS", "true"),
        ("GITEA_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://git.example.com"),
        ("GITHUB_REPOSITORY", "example/project"),
        ("GITHUB_RUN_ID", "99"),
        ("GITHUB_RUN_NUMBER", "5"),
    ]);
    assert_eq!(facts["url"], "https://git.example.com/example/project/actions/runs/5");
}

#[test]
fn annotations_stand_at_the_line_of_the_spec() {
    let lines = [
        commands().annotation(
            Level::Error,
            "no such file: 50% of a,b\n  hint: build it",
            Some(&place(Some("a,b:c.yaml"))),
        ),
        commands().annotation(Level::Error, "up", Some(&place(Some("../spec.yaml")))),
        commands().annotation(Level::Error, "absolute", Some(&place(Some("/runner/repo/x.yaml")))),
        commands().annotation(Level::Warning, "outside", Some(&place(Some("/elsewhere/x.yaml")))),
        commands().annotation(Level::Error, "inline", Some(&place(None))),
        commands().annotation(Level::Notice, "::set-output name=a::b\n##[error]c", None),
    ];
    let text: Vec<_> = lines.into_iter().map(Option::unwrap).collect();
    insta::assert_snapshot!(text.join("\n"), @"
    ::error file=sub/a%2Cb%3Ac.yaml,line=3,col=7,title=oci-artifact::a,b:c.yaml:3:7: no such file: 50%25 of a,b%0A  hint: build it
    ::error file=spec.yaml,line=3,col=7,title=oci-artifact::../spec.yaml:3:7: up
    ::error file=x.yaml,line=3,col=7,title=oci-artifact::/runner/repo/x.yaml:3:7: absolute
    ::warning title=oci-artifact::/elsewhere/x.yaml:3:7: outside
    ::error title=oci-artifact::spec:3:7: inline
    ::notice title=oci-artifact::: :set-output name=a::b%0A## [error]c
    ");
}

#[test]
fn a_long_message_is_cut() {
    let line = commands().annotation(Level::Error, &"ä".repeat(5000), None).unwrap();
    assert_eq!(
        line,
        format!("::error title=oci-artifact::{}", "ä".repeat(MESSAGE_LIMIT))
    );
}

#[test]
fn every_line_of_a_secret_is_masked() {
    let masked = commands().mask("first%\r\nsecond\n}\n").unwrap();
    insta::assert_snapshot!(masked, @"
    ::add-mask::first%25
    ::add-mask::first%25%0D%0Asecond%0A}%0A
    ::add-mask::second
    ");
    assert_eq!(commands().mask("ab").unwrap(), "::add-mask::ab");
    assert_eq!(commands().mask(" \n"), None);
}

#[test]
fn groups() {
    assert_eq!(commands().group_start("a\n::b").unwrap(), "::group::a%0A: :b");
    assert_eq!(commands().group_end().unwrap(), "::endgroup::");
}

fn hand_on(ci: &GitHub) {
    let outputs = Outputs {
        values: &[("digest", "sha256:0".to_owned())],
        prefix: "",
    };
    ci.outputs(&outputs, &Report::silent()).unwrap();
    ci.summary("# pushed", &Report::silent()).unwrap();
}

#[test]
fn outputs_and_summary_go_to_the_files_of_the_step() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (output, summary) = (path("output"), path("summary"));
    let ci = ci(&[
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_OUTPUT", &output),
        ("GITHUB_STEP_SUMMARY", &summary),
    ]);
    hand_on(&ci);
    assert!(fs_err::read_to_string(output).unwrap().contains("\nsha256:0\n"));
    assert_eq!(fs_err::read_to_string(summary).unwrap(), "# pushed\n");
}

#[test]
fn without_the_files_nothing_is_written() {
    let ci = ci(&[("GITHUB_ACTIONS", "true")]);
    hand_on(&ci);
}

#[test]
fn a_pull_request_from_a_fork_is_told_by_its_event() {
    let restricted = |event: &str, env: &[(&str, &str)]| {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), event).unwrap();
        let path = file.path().to_str().unwrap();
        let pairs = [
            &[("GITHUB_EVENT_NAME", "pull_request"), ("GITHUB_EVENT_PATH", path)],
            env,
        ]
        .concat();
        let env: Env = pairs.into_iter().collect();
        GitHub::new(System::GitHub, &env).restricted().is_some()
    };
    let event = |head: &str| {
        format!(r#"{{"pull_request":{{"head":{{"repo":{head}}},"base":{{"repo":{{"full_name":"us/app"}}}}}}}}"#)
    };
    let (fork, own, gone) = (
        event(r#"{"full_name":"you/app"}"#),
        event(r#"{"full_name":"us/app"}"#),
        event("null"),
    );
    assert!(restricted(&fork, &[]) && restricted(&gone, &[]));
    assert!(!restricted(&own, &[]) && !restricted("{}", &[]) && !restricted("junk", &[]));
    assert!(restricted(&own, &[("GITHUB_ACTOR", "dependabot[bot]")]));
    assert!(!restricted(&fork, &[("GITHUB_EVENT_NAME", "pull_request_target")]));
    assert!(!restricted(
        &fork,
        &[("ACTIONS_ID_TOKEN_REQUEST_URL", "https://t.example")]
    ));
}
