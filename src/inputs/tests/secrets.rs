//! Secrets: announced to the mask first, never taken from an argument, never repeated.

use super::*;

#[test]
fn secrets_are_announced_before_anything_else_is_said() {
    let outcome = run(
        &["push", "--retries", "x"],
        &[
            GITHUB,
            ("INPUT_PASSWORD", "first"),
            ("OCI_ARTIFACT_PASSWORD", "hidden by first\n"),
            ("OCI_ARTIFACT_GITHUB_TOKEN", "third"),
            ("OCI_ARTIFACT_RETRYS", "x"),
        ],
    );
    assert_eq!(
        outcome.log,
        "mask first\nmask hidden by first\nmask third\n\
         warning: the variable OCI_ARTIFACT_RETRYS is not an input; did you mean OCI_ARTIFACT_RETRIES?\n"
    );
    let text = format!("{:?}", outcome.request);
    assert!(!text.contains("first") && !text.contains("third"), "{text}");
}

#[test]
fn a_secret_is_no_argument_and_its_value_is_not_repeated() {
    for arguments in [
        &["pull", "x", "--password", "hunter2"][..],
        &["pull", "x", "--password=hunter2"],
        &["--token=hunter2", "pull"],
        &["check", "--registry-token", "hunter2"],
        &["pull", "--github-token=hunter2", "--bogus"],
        &["pull", "-p", "hunter2"],
        &["pull", "-phunter2"],
        &["pull", "--passwd=hunter2"],
        &["pull", "--pasword", "hunter2"],
    ] {
        let outcome = run(arguments, &[]);
        let text = lines(&outcome.request.unwrap_err());
        assert!(!text.contains("hunter2") && !outcome.log.contains("hunter2"), "{text}");
    }
    insta::assert_snapshot!(errors(&["pull", "x", "--password", "hunter2"], &[]), @"
    password is secret and can't be an argument
      hint: set the variable OCI_ARTIFACT_PASSWORD, or pass it on stdin with --password-stdin
    ");
    insta::assert_snapshot!(errors(&["pull", "x", "--token", "hunter2"], &[]), @"
    token is secret and can't be an argument
      hint: set the variable OCI_ARTIFACT_TOKEN
    ");
}

#[test]
fn the_password_from_stdin() {
    let arguments = ["pull", "ghcr.io/a/b:v1", "-u", "me", "--password-stdin"];
    let read = |stdin: &[u8]| match run_with_stdin(&arguments, &[("OCI_ARTIFACT_PASSWORD", "old")], stdin).request {
        Ok(Request::Run(inputs)) => inputs.password.unwrap().expose().to_owned(),
        Ok(other) => panic!("{other:?}"),
        Err(errors) => format!("error: {}", lines(&errors)),
    };
    assert_eq!(read(b"secret\n"), "secret");
    assert_eq!(read(b"secret\r\n"), "secret");
    assert_eq!(read(b" two \nlines\n\n"), " two \nlines\n");
    insta::assert_snapshot!(read(b"\n"), @"
    error: --password-stdin: stdin is empty
      hint: pipe the password into the command
    ");
    insta::assert_snapshot!(read(&[b'x'; 70_000]), @"error: --password-stdin: stdin has more than 64 KiB");
    insta::assert_snapshot!(read(b"\xff"), @"error: --password-stdin: stdin can't be read as UTF-8 text: invalid data");
}
