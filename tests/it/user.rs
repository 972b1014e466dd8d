//! What a person meets who uses the program for a day: the cases that no other file is about.

use crate::support::runner::{Run, Workspace};

/// A run as the runner of GitHub Actions starts it.
fn job(workspace: &Workspace) -> Run<'_> {
    workspace.write("github/output", "");
    workspace
        .run()
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_OUTPUT", workspace.path().join("github/output").as_str())
        .env("GITHUB_WORKSPACE", workspace.path().as_str())
}

#[test]
fn bytes_that_give_the_runner_commands_are_not_printed_in_a_job() {
    let workspace = Workspace::new();
    workspace.write("config.json", "{}\n::set-output name=digest::evil\n");
    workspace.write("a.txt", "a");
    let spec = "artifacts: [{reference: 'oci:layout:v1', files: [a.txt], config: config.json}]";
    workspace.write("oci-artifact.yaml", spec);
    workspace.run().arg("push").call().success();
    let show = ["inspect", "oci:layout:v1", "--config"];
    let refused = job(&workspace).args(show).call();
    refused.exit(7);
    assert_eq!(refused.stdout, "");
    assert!(refused.stderr.contains("add `> FILE`"), "{}", refused.snapshot());
    assert!(
        workspace.read("github/output").contains("\n7\n"),
        "the outputs know of it"
    );
    let raw = job(&workspace).args(["inspect", "oci:layout:v1", "--raw"]).call();
    raw.success();
    assert!(raw.stdout.starts_with('{'));
    let program = env!("CARGO_BIN_EXE_oci-artifact");
    let script = format!("exec {program} {} > shown", show.join(" "));
    job(&workspace)
        .program("/bin/sh")
        .args(["-c", &script])
        .call()
        .success();
    assert_eq!(workspace.read("shown"), workspace.read("config.json"));
    let at_home = workspace.run().args(show).call();
    assert_eq!(at_home.success().stdout, workspace.read("config.json"));
}

#[test]
fn json_in_a_log_has_the_values_that_it_has_in_a_file() {
    let workspace = Workspace::new();
    let evil = "###[set-output name=digest]x\u{85}\u{200b}#\u{ad}#[y]\u{feff}\u{e0041}::z é";
    workspace.write("a.txt", "a");
    let arguments = [
        "push",
        "oci:layout:v1",
        "a.txt",
        "--format",
        "json",
        "--output-file",
        "result.json",
    ];
    let annotation = format!("com.example.evil={evil}");
    let outcome = job(&workspace)
        .args(arguments)
        .args(["--annotations", &annotation])
        .call();
    outcome.success();
    let file: serde_json::Value = serde_json::from_str(&workspace.read("result.json")).unwrap();
    assert_eq!(outcome.json(), file);
    let shown = job(&workspace).args(["inspect", "oci:layout:v1"]).call();
    assert_eq!(
        shown.json()["annotations"]["com.example.evil"],
        evil,
        "{}",
        shown.snapshot()
    );
    for text in [&outcome.stdout, &shown.stdout] {
        assert!(
            !text.contains("##[") && !text.contains(['\u{85}', '\u{200b}']),
            "{text}"
        );
    }
}

#[test]
fn a_spec_file_that_never_ends_or_is_none_is_refused() {
    let workspace = Workspace::new();
    workspace.write("folder/a.txt", "a");
    for (file, why) in [
        ("/dev/zero", "spec /dev/zero: it has more than 1048576 bytes"),
        ("folder", "spec folder: this is a directory"),
        (
            "none.yaml",
            "spec none.yaml: no such file\n  hint: `spec-file` is relative to `working-directory`",
        ),
    ] {
        let outcome = workspace.run().args(["check", "-f", file]).call();
        outcome.exit(2);
        assert!(outcome.stderr.contains(why), "{}", outcome.snapshot());
    }
}

#[test]
fn what_follows_the_colon_of_a_layout_is_a_tag_or_a_mistake() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    let outcome = workspace.run().args(["push", "oci:layout:v 1", "a.txt"]).call();
    outcome.exit(2);
    assert!(
        outcome.stderr.contains("\"v 1\" is not a tag"),
        "{}",
        outcome.snapshot()
    );
    assert!(!workspace.path().join("layout:v 1").exists());
}

#[test]
fn help_is_a_command_too() {
    let workspace = Workspace::new();
    for (arguments, flag) in [
        (&["help"][..], &["--help"][..]),
        (&["help", "push"], &["push", "--help"]),
    ] {
        let outcome = workspace.run().args(arguments.iter().copied()).call();
        let same = workspace.run().args(flag.iter().copied()).call();
        assert_eq!(outcome.success().stdout, same.success().stdout);
    }
}

#[test]
fn a_dry_run_says_what_would_be() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    workspace
        .run()
        .args(["push", "oci:layout:v1", "a.txt"])
        .call()
        .success();
    for (arguments, would) in [
        (&["push", "oci:layout:v2", "a.txt"][..], "would be pushed"),
        (&["pull", "oci:layout:v1", "-o", "out"], "would be pulled"),
        (&["untag", "oci:layout", "v1"], "would be untagged"),
        (&["delete", "oci:layout:v1"], "would be deleted"),
    ] {
        let before = workspace.read("layout/index.json");
        let outcome = workspace.run().args(arguments.iter().copied()).arg("--dry-run").call();
        outcome.success();
        assert!(outcome.stdout.contains(would), "{}", outcome.snapshot());
        assert_eq!(workspace.read("layout/index.json"), before);
    }
    assert!(!workspace.path().join("out").exists());
}

#[test]
fn an_artifact_none_of_whose_files_is_there_does_not_replace_a_full_one() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    workspace
        .run()
        .args(["push", "oci:layout:v1", "a.txt"])
        .call()
        .success();
    let before = workspace.read("layout/index.json");
    for files in [&["none.txt"][..], &["*.none", "b.txt"], &["a.txt", "!*.txt"]] {
        let push = workspace
            .run()
            .args(["push", "oci:layout:v1"])
            .args(files.iter().copied());
        push.call().exit(8);
        let outcome = push.args(["--if-no-files-found", "warn", "--format", "json"]).call();
        assert_eq!(outcome.success().json()["artifacts"]["layout"]["state"], "skipped");
        assert!(outcome.stderr.contains("warning: "), "{}", outcome.snapshot());
        assert_eq!(workspace.read("layout/index.json"), before);
    }
}

#[test]
fn what_is_in_the_way_is_found_before_anything_is_written() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    workspace.write("b/c.txt", "c");
    workspace
        .run()
        .args(["push", "oci:layout:v1", "a.txt", "b"])
        .call()
        .success();
    workspace.write("one/a.txt/mine", "");
    workspace.write("two/b", "mine");
    workspace.write("three", "mine");
    for (output, why) in [
        (
            "one",
            "one/a.txt: there is a directory, and the artifact has a file there",
        ),
        ("two", "two/b: there is a file, and the artifact has a directory there"),
        (
            "three",
            "three: there is a file on the way, and pull writes into a directory",
        ),
    ] {
        let outcome = workspace.run().args(["pull", "oci:layout:v1", "-o", output]).call();
        outcome.exit(8);
        assert!(outcome.stderr.contains(why), "{}", outcome.snapshot());
        assert!(outcome.stderr.contains("hint: "), "{}", outcome.snapshot());
    }
    assert!(!workspace.path().join("one/b").exists() && !workspace.path().join("two/a.txt").exists());
    assert_eq!(workspace.read("three"), "mine");
}

#[test]
fn a_long_json_goes_to_a_file_in_a_job_and_nowhere_at_home() {
    let workspace = Workspace::new();
    for number in 0..2000 {
        workspace.write(&format!("many/a-file-with-a-longer-name-{number}"), "");
    }
    let arguments = ["push", "oci:layout:v1", "many/*"];
    workspace.run().args(arguments).call().success();
    assert_eq!(fs_err::read_dir(workspace.temporary()).unwrap().count(), 0);
    workspace.write("runner/keep", "");
    let runner = workspace.path().join("runner");
    job(&workspace)
        .args(arguments)
        .env("RUNNER_TEMP", runner.as_str())
        .call()
        .success();
    let outputs = workspace.read("github/output");
    assert!(!outputs.contains("\njson<<"), "{outputs}");
    let start = outputs.find(runner.as_str()).expect(&outputs);
    let file = outputs[start..].lines().next().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&fs_err::read(file).unwrap()).unwrap();
    assert_eq!(json["artifacts"]["layout"]["state"], "unchanged");
}

#[test]
fn a_job_is_annotated_at_the_spec_of_its_working_directory() {
    let workspace = Workspace::new();
    workspace.write(
        "sub/spec.yaml",
        "artifacts:\n- reference: oci:layout:v1\n  files: [none]\n",
    );
    let arguments = ["push", "--working-directory", "sub", "-f", "spec.yaml"];
    let outcome = job(&workspace).args(arguments).call();
    outcome.exit(8);
    assert!(
        outcome.stderr.starts_with("::error file=sub/spec.yaml,line=3,col=11,"),
        "{}",
        outcome.snapshot()
    );
}

#[test]
fn an_output_file_that_cannot_be_is_refused_before_anything_is_pushed() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    workspace.write("folder/x", "");
    for file in ["none/result.json", "folder"] {
        let outcome = workspace
            .run()
            .args(["push", "oci:layout:v1", "a.txt", "--output-file", file])
            .call();
        outcome.exit(8);
        assert!(outcome.stderr.contains("hint: name a file"), "{}", outcome.snapshot());
        assert!(!workspace.path().join("layout").exists());
    }
}

#[test]
fn the_time_of_the_commit_is_that_of_the_event_or_said_to_be_unknown() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    workspace.write(
        "event.json",
        r#"{"head_commit": {"id": "0123", "timestamp": "2026-01-02T03:04:05+01:00", "message": "x"}}"#,
    );
    let push = job(&workspace)
        .args(["push", "oci:layout:v1", "a.txt", "--ci-annotations", "created"])
        .env("GITHUB_EVENT_PATH", workspace.path().join("event.json").as_str());
    push.clone().env("GITHUB_SHA", "0123").call().success();
    let shown = workspace.run().args(["inspect", "oci:layout:v1"]).call();
    let annotations = &shown.json()["annotations"];
    assert_eq!(
        annotations["org.opencontainers.image.created"],
        "2026-01-02T03:04:05+01:00"
    );
    let other = push.env("GITHUB_SHA", "4567").call();
    other.success();
    assert!(
        other
            .stderr
            .contains("gives this job no org.opencontainers.image.created"),
        "{}",
        other.snapshot()
    );
}

#[test]
fn a_damaged_layout_says_so_and_a_push_mends_it() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "hello");
    let push = workspace.run().args(["push", "oci:layout:v1", "a.txt"]);
    push.call().success();
    let pull = workspace.run().args(["pull", "oci:layout:v1", "-o", "out"]);
    let of = |bytes: &[u8]| {
        format!(
            "layout/blobs/{}",
            oci_artifact::oci::Digest::of(bytes).to_string().replace(':', "/")
        )
    };
    workspace.write(&of(b"hello"), "jello");
    let outcome = pull.call();
    outcome.exit(7);
    assert!(
        outcome.stderr.contains("error: \"a.txt\": "),
        "the file's name: {}",
        outcome.snapshot()
    );
    push.clone().arg("--force").call().success();
    pull.call().success();
    let digest = workspace.run().args(["inspect", "oci:layout:v1", "--digest"]).call();
    let manifest = format!("layout/blobs/{}", digest.stdout.trim().replace(':', "/"));
    workspace.write(&manifest, format!("{}\n", workspace.read(&manifest)));
    pull.call().exit(7);
    push.call().success();
    pull.call().success();
}

#[test]
fn pull_takes_if_no_files_found_and_inspect_a_digest() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    workspace
        .run()
        .args(["push", "oci:layout:v1", "a.txt"])
        .call()
        .success();
    let pull = workspace.run().args([
        "pull",
        "oci:layout:v1",
        "-o",
        "out",
        "--files",
        "none",
        "--files",
        "a.txt",
    ]);
    pull.call().exit(4);
    assert!(!workspace.path().join("out").exists());
    let outcome = pull.arg("--if-no-files-found").arg("warn").call();
    outcome.success();
    assert!(outcome.stderr.contains("warning: "), "{}", outcome.snapshot());
    assert_eq!(workspace.read("out/a.txt"), "a");
    let wrong = workspace
        .run()
        .args(["inspect", "oci:layout:v1", "--blob", "sha256:12"])
        .call();
    wrong.exit(2);
}
