//! Bad input: every problem of a spec in one run, each at its place, and nothing asked of anyone.

use crate::support::recorder::recorder;
use crate::support::registry::Registry;
use crate::support::runner::Workspace;

#[test]
fn ten_mistakes_are_ten_errors_and_no_request() {
    let (workspace, registry) = (Workspace::new(), Registry::start());
    workspace.write("there.txt", "x");
    let host = registry.host();
    let lines = [
        "artefacts: []".to_owned(),
        "artifacts:".to_owned(),
        format!("  - reference: {host}/Upper:v1"),
        "    artifact-type: exe".to_owned(),
        "    files: [there.txt, there.txt]".to_owned(),
        format!("  - reference: {host}/two:v1"),
        "    tags: [-bad]".to_owned(),
        "    if-exists: maybe".to_owned(),
        "    files:".to_owned(),
        "      - path: there.txt".to_owned(),
        "        compresion: gzip".to_owned(),
        "      - path: there.txt".to_owned(),
        "        media-type: not a type".to_owned(),
        format!("  - reference: {host}/three:${{ci.nothing}}"),
        "    platform: linux".to_owned(),
        "    annotations: {a: 1, a: 2}".to_owned(),
    ];
    workspace.write("oci-artifact.yaml", lines.join("\n"));
    let outcome = workspace
        .run()
        .args(["push", "--format", "json"])
        .placeholder(&host, "HOST")
        .call();
    outcome.exit(2);
    insta::assert_snapshot!(outcome.stderr(), @r#"
    error: oci-artifact.yaml:1:1: unknown key "artefacts" in the spec
      hint: did you mean `artifacts`?
    error: oci-artifact.yaml:3:16: reference "[HOST]/Upper:v1" has upper-case letters in its host or repository
      hint: registries take lower case only; write "[HOST]/upper:v1"
    error: oci-artifact.yaml:4:20: `artifact-type`: "exe" is not a media type
      hint: write TYPE/SUBTYPE without parameters, such as application/json (RFC 6838)
    error: oci-artifact.yaml:7:12: `tags`: "-bad" is not a tag
      hint: a tag has up to 128 letters, digits, '_', '.' and '-', and starts with none of the last two; ${ci.ref-slug} is a branch or tag name made safe
    error: oci-artifact.yaml:8:16: `if-exists` can't be "maybe"
      hint: it takes replace, skip, fail
    error: oci-artifact.yaml:11:9: unknown key "compresion" in a file
      hint: did you mean `compression`?
    error: oci-artifact.yaml:13:21: `media-type`: "not a type" is not a media type
      hint: write TYPE/SUBTYPE without parameters, such as application/json (RFC 6838)
    error: oci-artifact.yaml:14:16: `reference`: ${ci.nothing} is unknown
      hint: known are ci.sha, ci.short-sha, ci.ref, ci.branch, ci.tag, ci.ref-slug, ci.pr-number, ci.run-id, ci.run-number, ci.run-attempt, ci.repository, ci.actor, ci.url
    error: oci-artifact.yaml:15:15: `platform`: "linux" is not a platform
      hint: write OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT in lower case, such as linux/arm64/v8
    error: oci-artifact.yaml:16:25: annotation "a" stands twice, first in line 16 column 19
      hint: keep one of them
    "#);
    let json = outcome.json();
    let errors = json["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 10, "{}", outcome.snapshot());
    assert!(
        errors
            .iter()
            .all(|error| error["line"].is_u64() && error["column"].is_u64() && error["file"].is_string())
    );
    assert!(registry.lines().is_empty());
}

#[test]
fn problems_of_the_files_have_their_places_too() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "x");
    workspace.write("d/a.txt", "y");
    fs_err::os::unix::fs::symlink("/", workspace.path().join("root")).unwrap();
    let spec = "artifacts:\n\
        - reference: oci:layout:v1\n  \
          files:\n  \
          - a.txt\n  \
          - {path: d/a.txt, title: a.txt}\n  \
          - nothing.txt\n  \
          - \"*.none\"\n  \
          - /etc/passwd\n  \
          - ../up\n  \
          - root/etc\n  \
          - {path: a.txt, title: ../x}\n  \
          - {path: a.txt, title: 'a:b'}\n  \
          - {path: a.txt, title: b, hidden: true}\n";
    workspace.write("oci-artifact.yaml", spec);
    let outcome = workspace.run().args(["check"]).call();
    assert_ne!(outcome.code, Some(0));
    insta::assert_snapshot!(outcome.stderr(), @r#"
    error: oci-artifact.yaml:5:12: two files of one artifact have the title "a.txt"
      hint: give one of them another `title`, or exclude it
    error: oci-artifact.yaml:6:5: nothing.txt: no such file or directory
      hint: it was looked for at [WORK]/nothing.txt; `if-no-files-found: warn` lets the run go on
    error: oci-artifact.yaml:7:5: pattern "*.none" matches no file
      hint: it was looked for in [WORK]; `if-no-files-found: warn` lets the run go on
    error: oci-artifact.yaml:8:5: path "/etc/passwd": it leads outside of the working directory
      hint: keep it under [WORK], or set `allow-outside: true`
    error: oci-artifact.yaml:9:5: path "../up": it leads outside of the working directory
      hint: keep it under [WORK], or set `allow-outside: true`
    error: oci-artifact.yaml:10:5: path "root/etc": a link on it leads outside of the working directory
      hint: keep it under [WORK], or set `allow-outside: true`
    error: oci-artifact.yaml:11:26: title "../x": it leaves the output by `..`
      hint: write it as plain names with one / between them
    error: oci-artifact.yaml:12:26: title "a:b": it contains one of < > : " | ? *, which Windows has no file for
      hint: give the file another title
    error: oci-artifact.yaml:13:12: `hidden` is for directories, and "a.txt" is a file
      hint: a single file is stored as it is; leave the key out
    "#);
}

#[test]
fn what_is_no_spec_is_told_so() {
    let workspace = Workspace::new();
    let deep = "[".repeat(10_000);
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
        d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n\
        g: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n";
    let huge = format!("# {}\n", "x".repeat(1024 * 1024));
    for (name, bytes) in [
        ("empty", b"".as_slice()),
        ("deep", deep.as_bytes()),
        ("bomb", bomb.as_bytes()),
        ("huge", huge.as_bytes()),
        ("binary", b"artifacts: \xff\xfe"),
        ("list", b"- a"),
    ] {
        workspace.write("spec.yaml", bytes);
        let outcome = workspace.run().args(["check", "spec.yaml"]).call();
        outcome.exit(2);
        assert!(
            outcome.stderr.contains("spec.yaml") && outcome.stderr.len() < 4000,
            "{name}: {}",
            outcome.snapshot()
        );
    }
    workspace.run().args(["check", "none.yaml"]).call().exit(2);
}

#[test]
fn more_files_than_a_manifest_holds() {
    let workspace = Workspace::new();
    for number in 0..16_000 {
        workspace.write(&format!("d/{number:0120}.txt"), "");
    }
    let outcome = workspace.run().args(["push", "oci:layout:v1", "d/*.txt"]).call();
    outcome.exit(2);
    assert!(outcome.stderr.contains("registries take"), "{}", outcome.stderr);
    assert!(!workspace.exists("layout"));
}

#[test]
fn inputs_that_do_not_go_together() {
    let workspace = Workspace::new();
    workspace.write("spec.yaml", "artifacts: [{reference: 'oci:layout:v1'}]");
    workspace.write("a.txt", "a");
    for arguments in [
        &["push", "--spec", "artifacts: []", "--spec-file", "spec.yaml"][..],
        &["push", "oci:layout:v1", "a.txt", "--spec-file", "spec.yaml"],
        &["push", "HTTPS://ghcr.io/x:v1", "a.txt"],
        &["push", "ghcr.io/x:-v", "a.txt"],
        &["push", "nohost/x:v1", "a.txt"],
        &["push", "oci:layout:v1", "a.txt", "--artifact-type", "exe"],
        &["push", "oci:layout:v1", "a.txt", "--retries", "many"],
        &["push", "oci:layout:v1", "a.txt", "--idle-timeout", "5"],
        &["push", "oci:layout:v1", "a.txt", "--password", "hunter2"],
        &["pull", "oci:layout:v1", "--unpack-limit", "big"],
        &["nonsense"],
    ] {
        let outcome = workspace.run().args(arguments.to_vec()).call();
        outcome.exit(2).keeps_secret(&["hunter2"]);
        assert!(outcome.stderr.contains("error: "), "{}", outcome.snapshot());
    }
    assert!(!workspace.exists("layout"));
}

#[test]
fn a_spec_file_does_not_say_where_a_credential_goes() {
    let (workspace, evil) = (Workspace::new(), recorder(401));
    workspace.write("a.txt", "a");
    let good = Registry::start();
    let spec = format!(
        "artifacts:\n- {{name: good, reference: '{}', files: [a.txt]}}\n\
         - {{name: evil, reference: '{}/x:v1', files: [a.txt]}}\n",
        good.reference("x:v1"),
        evil.host(),
    );
    workspace.write("oci-artifact.yaml", spec);
    let secret = "a-secret-password";
    let run = || {
        let run = workspace
            .run()
            .env("OCI_ARTIFACT_USERNAME", "user")
            .env("OCI_ARTIFACT_PASSWORD", secret);
        run.arg("push")
    };
    run().call().exit(2).keeps_secret(&[secret]);
    assert!(evil.lines().is_empty());
    let only = run().args(["--only", "evil"]).call();
    only.exit(2).keeps_secret(&[secret]);
    assert!(evil.lines().is_empty(), "{}", only.snapshot());
    let bound = run().args(["--registry", good.host().as_str()]).call();
    bound.exit(3).keeps_secret(&[secret]);
    assert!(!evil.lines().is_empty());
    crate::support::recorder::assert_no_credential(&evil, &[secret]);
}

/// A spec of a pull request must not overwrite a layout beside the checkout; who calls the program may name any.
#[test]
fn a_layout_or_archive_of_a_spec_lies_inside_of_the_working_directory() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    for reference in [
        "oci:../elsewhere:v1",
        "oci:/tmp/elsewhere:v1",
        "oci-archive:../elsewhere.tar:v1",
    ] {
        workspace.write(
            "spec.yaml",
            format!("artifacts:\n- reference: {reference}\n  files: [a.txt]\n"),
        );
        for command in ["push", "pull"] {
            let outcome = workspace.run().args([command, "-f", "spec.yaml"]).call();
            outcome.exit(2);
            assert!(outcome.stderr.contains("spec.yaml:2:"), "{}", outcome.snapshot());
            assert!(
                outcome.stderr.contains("outside of the working directory"),
                "{}",
                outcome.snapshot()
            );
        }
    }
    workspace.write(
        "spec.yaml",
        "artifacts: [{reference: 'oci:../elsewhere:v1', files: [a.txt]}]",
    );
    workspace
        .run()
        .args(["push", "-f", "spec.yaml", "--allow-outside"])
        .call()
        .success();
    workspace
        .run()
        .args(["push", "oci:../another:v1", "a.txt"])
        .call()
        .success();
}
