//! From arguments and variables to `Inputs`: what goes before what, what excludes what, what the help says.

use std::sync::{Arc, Mutex};

use super::*;
use crate::report::{Dialect, Level, Plain, Progress, Streams, Terminal};

mod secrets;

/// A log that a test can read, with masks shown.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Masks;

impl Dialect for Masks {
    fn mask(&self, secret: &str) -> Option<String> {
        Some(format!("mask {secret}"))
    }

    fn group_start(&self, _: &str) -> Option<String> {
        None
    }

    fn group_end(&self) -> Option<String> {
        None
    }

    fn annotation(&self, _: Level, _: &str, _: Option<&crate::error::Place>) -> Option<String> {
        None
    }

    fn escape(&self, line: &str) -> String {
        Plain.escape(line)
    }
}

struct Outcome {
    request: Result<Request, Errors>,
    log: String,
}

fn run_with_stdin(arguments: &[&str], variables: &[(&str, &str)], stdin: &[u8]) -> Outcome {
    let log = Log::default();
    let streams = Streams {
        into_file: false,
        stdout: Box::new(std::io::sink()),
        stderr: Box::new(log.clone()),
    };
    let report = Report::new(Terminal::new(streams, Box::new(Masks), Progress::Off));
    let arguments = ["oci-artifact"].iter().chain(arguments).map(OsString::from).collect();
    let env = variables.iter().copied().collect();
    let request = read_with(arguments, &env, &report, &mut &*stdin);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    Outcome { request, log }
}

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
    run_with_stdin(arguments, variables, b"")
}

fn inputs(arguments: &[&str], variables: &[(&str, &str)]) -> Inputs {
    match run(arguments, variables).request {
        Ok(Request::Run(inputs)) => *inputs,
        Ok(Request::PrintRaw(text)) => panic!("{text}"),
        Ok(Request::Print(text, code)) => panic!("{code}: {text}"),
        Err(errors) => panic!("{}", lines(&errors)),
    }
}

fn lines(errors: &Errors) -> String {
    assert_eq!(errors.class().exit_code(), 2);
    let lines = errors.iter().map(|error| match error.way_out() {
        Some(hint) => format!("{error}\n  hint: {hint}"),
        None => error.to_string(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn errors(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    match run(arguments, variables).request {
        Ok(request) => panic!("{request:?}"),
        Err(errors) => lines(&errors),
    }
}

fn print(arguments: &[&str], variables: &[(&str, &str)]) -> (String, u8) {
    match run(arguments, variables).request {
        Ok(Request::Print(text, code)) => (text, code),
        other => panic!("{other:?}"),
    }
}

const GITHUB: (&str, &str) = ("GITHUB_ACTIONS", "true");

#[test]
fn a_flag_goes_before_the_system_before_our_own_variables_before_the_default() {
    let all = [GITHUB, ("INPUT_RETRIES", "2"), ("OCI_ARTIFACT_RETRIES", "1")];
    assert_eq!(inputs(&["push", "--retries", "3"], &all).retries, 3);
    assert_eq!(inputs(&["push"], &all).retries, 2);
    assert_eq!(inputs(&["push"], &all[..1]).retries, 5);
    assert_eq!(inputs(&["push"], &[GITHUB, ("INPUT_RETRIES", " "), all[2]]).retries, 1);
    assert_eq!(
        inputs(&["push", "--retries", ""], &all).retries,
        2,
        "a blank flag is unset too"
    );
}

#[test]
fn arguments_reach_their_inputs() {
    let read = inputs(
        &[
            "push",
            "ghcr.io/Me/app:v1",
            "a.txt:text/plain",
            "-a",
            "k=v",
            "dir",
            "-a",
            "l=m=n",
            "--tags",
            "x",
            "--tags",
            "y",
            "-u",
            "me",
            "--force",
            "--dry-run=false",
            "--summary=false",
            "-v",
            "--unpack-limit=1",
        ][..18],
        &[("OCI_ARTIFACT_PASSWORD", "secret")],
    );
    assert_eq!(read.command, Command::Push);
    let reference = read.reference.unwrap();
    assert_eq!(
        (reference.value.as_str(), reference.origin.as_str()),
        ("ghcr.io/Me/app:v1", "argument REFERENCE")
    );
    assert_eq!(read.files, ["a.txt:text/plain", "dir"]);
    assert_eq!(
        read.annotations,
        [("k", "v"), ("l", "m=n")].map(|(k, v)| (k.into(), v.into())).into()
    );
    assert_eq!(read.tags, ["x", "y"]);
    assert_eq!(
        (read.force, read.dry_run, read.summary, read.debug),
        (true, false, false, true)
    );
    assert_eq!(read.password.unwrap().expose(), "secret");
}

#[test]
fn every_input_of_the_action_is_read() {
    let read = inputs(
        &[],
        &[
            GITHUB,
            ("OCI_ARTIFACT_ACTION", "1"),
            ("INPUT_FILES", "of an outer action"),
            ("OCI_ARTIFACT_COMMAND", "pull"),
            ("OCI_ARTIFACT_REFERENCE", "ghcr.io/me/app:v1"),
            ("OCI_ARTIFACT_OUTPUT", "download"),
            ("OCI_ARTIFACT_GITHUB_TOKEN", "t0ken"),
            ("OCI_ARTIFACT_IDLE_TIMEOUT", "1m30s"),
            ("OCI_ARTIFACT_UNPACK_LIMIT", "2GiB"),
            ("OCI_ARTIFACT_PLAIN_HTTP", "A.example:5000\n\n b.example"),
            ("OCI_ARTIFACT_TRUSTED_REALMS", "auth.example.com"),
            ("OCI_ARTIFACT_CI_ANNOTATIONS", "none"),
            ("OCI_ARTIFACT_FORMAT", "json"),
            ("OCI_ARTIFACT_TAGS", ""),
        ],
    );
    assert_eq!((read.command, read.files.len()), (Command::Pull, 0));
    assert_eq!(read.reference.unwrap().origin, "with: reference");
    assert_eq!(read.idle_timeout, Duration::from_secs(90));
    assert_eq!(read.unpack_limit, Some(2 << 30));
    assert_eq!(
        read.plain_http,
        ["a.example:5000".parse().unwrap(), "b.example".parse().unwrap()]
    );
    assert_eq!(read.trusted_realms, ["auth.example.com".parse().unwrap()]);
    assert_eq!(read.ci_annotations, None, "of push alone");
    assert_eq!(
        (read.format, read.github_token.unwrap().expose()),
        (Format::Json, "t0ken")
    );
}

#[test]
fn defaults() {
    let read = inputs(&["push"], &[]);
    assert_eq!(
        (read.concurrency, read.retries, read.idle_timeout),
        (None, 5, Duration::from_secs(60))
    );
    assert_eq!(
        (read.working_directory.as_str(), read.summary, read.debug),
        (".", true, false)
    );
    assert_eq!(
        (read.spec, read.timeout, read.if_exists, read.ci_annotations),
        (None, None, None, None)
    );
    assert!(inputs(&["push"], &[GITHUB, ("RUNNER_DEBUG", "1")]).debug);
    assert_eq!(
        inputs(&["push", "--ci-annotations", "none"], &[]).ci_annotations,
        Some(Vec::new())
    );
    let two = [CiAnnotation::Source, CiAnnotation::Revision];
    assert_eq!(
        inputs(&["push"], &[("OCI_ARTIFACT_CI_ANNOTATIONS", "source\nrevision")]).ci_annotations,
        Some(two.into())
    );
}

#[test]
fn without_a_command_ci_pushes_and_a_terminal_shows_the_help() {
    let (text, code) = print(&[], &[]);
    assert!(text.contains("Usage: oci-artifact") && code == 2);
    assert_eq!(print(&[], &[("OCI_ARTIFACT_PASSWORD", "exported in a shell")]).1, 2);
    assert_eq!(inputs(&[], &[("CI", "true")]).command, Command::Push);
    assert_eq!(
        inputs(&[], &[("OCI_ARTIFACT_SPEC_FILE", "s.yaml")]).command,
        Command::Push
    );
    assert_eq!(
        inputs(&[], &[("OCI_ARTIFACT_COMMAND", "check")]).command,
        Command::Check
    );
    assert!(inputs(&["--dry-run"], &[("CI", "true")]).dry_run);
    assert_eq!(
        inputs(&["pull"], &[("OCI_ARTIFACT_COMMAND", "push")]).command,
        Command::Pull
    );
    insta::assert_snapshot!(errors(&["--dry-run"], &[]), @"
    --dry-run stands before a command
      hint: name the command first, as in: oci-artifact push --dry-run; oci-artifact --help lists the commands
    ");
    insta::assert_snapshot!(errors(&[], &[GITHUB, ("INPUT_COMMAND", "psuh")]), @r#"
    input command (INPUT_COMMAND): "psuh" is not a command
      hint: did you mean push?
    "#);
    insta::assert_snapshot!(errors(&["pus"], &[]), @r#"
    "pus" is not a command
      hint: did you mean push?
    "#);
}

#[test]
fn every_wrong_input_is_named_with_its_origin() {
    let found = errors(
        &[
            "push",
            "--retries",
            "many",
            "-a",
            "novalue",
            "--concurrency",
            "0",
            "--format",
            "xml",
        ],
        &[
            GITHUB,
            ("INPUT_IDLE-TIMEOUT", "30"),
            ("INPUT_DRY_RUN", "yes"),
            ("OCI_ARTIFACT_REGISTRY", "https://ghcr.io"),
            ("OCI_ARTIFACT_VARS", "a=1\na=2"),
            ("OCI_ARTIFACT_IF_EXISTS", "overwrite"),
            ("OCI_ARTIFACT_CI_ANNOTATIONS", "source\nauthor"),
            ("OCI_ARTIFACT_INSECURE", "ok.example\nnot ok"),
            ("OCI_ARTIFACT_TIMEOUT", "0s"),
        ],
    );
    insta::assert_snapshot!(found, @r#"
    input registry (OCI_ARTIFACT_REGISTRY): "https://ghcr.io" is not a registry host
      hint: write HOST or HOST:PORT without https:// and without a path, such as ghcr.io
    input annotations (--annotations): "novalue" is not KEY=VALUE
      hint: write one KEY=VALUE a line
    input vars (OCI_ARTIFACT_VARS): the key "a" stands twice
      hint: leave one of them
    input if-exists (OCI_ARTIFACT_IF_EXISTS): "overwrite" is unknown
      hint: write one of replace, skip, fail
    input dry-run (INPUT_DRY_RUN): "yes" is neither true nor false
      hint: write true or false
    input ci-annotations (OCI_ARTIFACT_CI_ANNOTATIONS): "author" is unknown
      hint: write some of source, revision, created, one a line, or none alone
    input concurrency (--concurrency): "0" is not a whole number from 1 to 64
    input retries (--retries): "many" is not a whole number from 0 to 100
    input idle-timeout (INPUT_IDLE-TIMEOUT): "30" is not a span of time
      hint: write numbers with a unit: 500ms, 30s, 5m, 1h30m
    input timeout (OCI_ARTIFACT_TIMEOUT): "0s" is not a span of time
      hint: write numbers with a unit: 500ms, 30s, 5m, 1h30m
    input insecure (OCI_ARTIFACT_INSECURE): "not ok" is not a registry host
      hint: write HOST or HOST:PORT without https:// and without a path, such as ghcr.io
    input format (--format): "xml" is unknown
      hint: write one of text, json
    "#);
}

#[test]
fn inputs_that_exclude_or_need_each_other() {
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)]);
    let cases: &[Case<'_>] = &[
        (&["push", "-f", "s.yaml"], &[("OCI_ARTIFACT_SPEC", "artifacts: []")]),
        (
            &["push", "-f", "s.yaml", "ghcr.io/a/b", "x"],
            &[("OCI_ARTIFACT_TAGS", "v1")],
        ),
        (&["push", "ghcr.io/a/b"], &[]),
        (&["push", "--tags", "v1"], &[]),
        (&["push", "oci-artifact.yaml"], &[]),
        (&["push", "ci/spec.yml", "x"], &[]),
        (&["inspect"], &[]),
        (&["pull", "ghcr.io/a/b", "--from", "{}"], &[]),
        (&["inspect", "ghcr.io/a/b:v1", "--raw", "--digest"], &[]),
        (&["pull", "ghcr.io/a/b:v1"], &[("OCI_ARTIFACT_PASSWORD", "p")]),
        (&["pull", "ghcr.io/a/b:v1", "-u", "me"], &[]),
        (
            &["pull", "ghcr.io/a/b:v1", "-u", "me"],
            &[("OCI_ARTIFACT_REGISTRY_TOKEN", "t")],
        ),
        (
            &["pull", "ghcr.io/a/b:v1", "-u", "me"],
            &[("OCI_ARTIFACT_PASSWORD", "p"), ("OCI_ARTIFACT_TOKEN", "t")],
        ),
        (&["pull", "ghcr.io/a/b:v1", "--reference", "ghcr.io/a/c"], &[]),
        (&["pull", "--retrys", "3"], &[]),
        (&["pull", "ghcr.io/a/b:v1", "ghcr.io/a/c:v1"], &[]),
        (&["list", "ghcr.io/a/b", "--tags", "x"], &[]),
    ];
    let found: Vec<_> = cases
        .iter()
        .map(|(arguments, variables)| format!("> {}\n{}", arguments.join(" "), errors(arguments, variables)))
        .collect();
    insta::assert_snapshot!(found.join("\n"));
}

#[test]
fn what_goes_together() {
    let token = [("OCI_ARTIFACT_TOKEN", "t")];
    assert!(inputs(&["pull", "ghcr.io/a/b:v1", "-u", "me"], &token).token.is_some());
    assert!(inputs(&["pull", "ghcr.io/a/b:v1"], &token).token.is_some());
    assert!(inputs(&["pull", "--from", "{}"], &[]).from.is_some());
    for reference in [
        "ghcr.io/a/b.yaml",
        "app:v1.yaml",
        "oci:layout.yaml",
        "localhost:5000/b.yml",
    ] {
        assert!(inputs(&["push", reference, "x"], &[]).reference.is_some());
    }
    assert_eq!(inputs(&["untag", "ghcr.io/a/b", "v1", "v2"], &[]).tags, ["v1", "v2"]);
    let spec = inputs(&["check", "my.yaml"], &[]).spec.unwrap();
    assert_eq!(spec.value, SpecSource::File("my.yaml".into()));
    let spec = inputs(&["pull", "-f", "my.yaml", "--only", "a\n b"], &[]);
    assert_eq!(spec.spec.unwrap().origin, "--spec-file");
    assert_eq!(spec.only, ["a", "b"]);
    let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let show = inputs(&["inspect", "ghcr.io/a/b:v1", "--blob", digest], &[]).show;
    assert_eq!(show, Show::Blob(digest.parse().unwrap()));
    let yaml = inputs(&["push", "--spec", "---\nartifacts: []"], &[])
        .spec
        .unwrap()
        .value;
    assert_eq!(yaml, SpecSource::Inline("---\nartifacts: []".to_owned()));
    assert_eq!(inputs(&["inspect", "ghcr.io/a/b:v1", "--raw"], &[]).show, Show::Raw);
}

#[test]
fn a_variable_of_the_job_for_another_step_is_let_be() {
    let outcome = run(
        &["list", "ghcr.io/a/b"],
        &[("OCI_ARTIFACT_SPEC", "x"), ("OCI_ARTIFACT_TAGS", "v1")],
    );
    assert!(outcome.request.is_ok());
    assert_eq!(outcome.log, "");
    let outcome = run(
        &["list", "ghcr.io/a/b"],
        &[GITHUB, ("INPUT_TAGS", "v1"), ("INPUT_COMMAND", "list")],
    );
    assert_eq!(outcome.log, "warning: INPUT_TAGS is not used by list\n");
}

#[test]
fn a_spec_too_long_for_a_variable_is_refused_with_the_way_out() {
    let long = "x".repeat(131_001);
    insta::assert_snapshot!(errors(&["push"], &[("OCI_ARTIFACT_SPEC", &long)]), @"
    input spec (OCI_ARTIFACT_SPEC): the spec has 131001 bytes, and one passed as text may have 131000: Linux limits a variable to 128 KiB
      hint: put the spec into a file and name it with spec-file
    ");
    let near = "x".repeat(121_000);
    let outcome = run(&["push", "--spec", &near], &[]);
    assert!(outcome.request.is_ok());
    insta::assert_snapshot!(outcome.log, @"warning: the spec has 121000 bytes; Linux passes at most 128 KiB in a variable, and a longer one fails the job before this program starts: put it into a file and name it with spec-file");
    assert_eq!(run(&["push", "--spec", "---\nartifacts: []"], &[]).log, "");
}

#[test]
fn the_version() {
    assert_eq!(
        print(&["--version"], &[]),
        (format!("oci-artifact {}\n", env!("CARGO_PKG_VERSION")), 0)
    );
}

#[test]
fn help_short_and_long() {
    insta::assert_snapshot!("help", print(&["--help"], &[]).0);
    for command in Command::ALL {
        for (flag, form) in [("-h", "short"), ("--help", "long")] {
            let (text, code) = print(&[command.name(), flag], &[GITHUB]);
            assert_eq!(code, 0);
            assert!(!text.contains('\u{1b}'), "no colour");
            assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
            insta::assert_snapshot!(format!("{}_{form}", command.name()), text);
        }
    }
}
