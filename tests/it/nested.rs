//! An index that lists an index: every command that takes a platform or shows what is listed looks into it.

use serde_json::Value;

use crate::support::runner::{Outcome, Workspace};

/// `outer` lists `inner` and, for s390x, `s390x`; `inner` lists `arm64`, to which an SBOM is attached.
fn workspace() -> Workspace {
    let workspace = Workspace::new();
    for name in ["arm64", "s390x"] {
        workspace.write(name, name);
        call(&workspace, &["push", &format!("oci:layout:{name}"), name]).success();
    }
    workspace.write("sbom.json", "{}");
    let sbom = ["oci:layout:arm64", "sbom.json", "--artifact-type", "test/sbom"];
    call(&workspace, &[&["attach"], &sbom[..]].concat()).success();
    call(&workspace, &["index", "oci:layout:inner", "arm64 linux/arm64"]).success();
    call(&workspace, &["index", "oci:layout:outer", "inner", "s390x linux/s390x"]).success();
    workspace
}

fn call(workspace: &Workspace, args: &[&str]) -> Outcome {
    workspace.run().args(args.iter().copied()).call()
}

/// The one artifact of a result.
fn artifact(workspace: &Workspace, args: &[&str]) -> Value {
    let outcome = call(workspace, &[args, &["--format", "json"]].concat());
    let json = outcome.success().json();
    json["artifacts"].as_object().unwrap().values().next().unwrap().clone()
}

#[test]
fn attach_and_copy_find_a_platform_where_pull_does() {
    let workspace = workspace();
    let arm64 = artifact(&workspace, &["inspect", "oci:layout:arm64"])["digest"].clone();
    let platform = ["--platform", "linux/arm64"];
    let pull = [&["pull", "oci:layout:outer", "-o", "out"], &platform[..]].concat();
    assert_eq!(artifact(&workspace, &pull)["digest"], arm64);
    let attach = [
        "attach",
        "oci:layout:outer",
        "sbom.json",
        "--artifact-type",
        "test/note",
    ];
    let attach = [&attach, &platform[..]].concat();
    assert_eq!(artifact(&workspace, &attach)["subject"], arm64);
    let copy = [&["copy", "oci:layout:outer", "oci:copy:v1"], &platform[..]].concat();
    assert_eq!(artifact(&workspace, &copy)["digest"], arm64);
}

#[test]
fn a_platform_that_is_nowhere_names_all_that_are() {
    let workspace = workspace();
    let commands: [&[&str]; 4] = [
        &["pull", "oci:layout:outer"],
        &["inspect", "oci:layout:outer"],
        &[
            "attach",
            "oci:layout:outer",
            "sbom.json",
            "--artifact-type",
            "test/note",
        ],
        &["copy", "oci:layout:outer", "oci:copy:v1"],
    ];
    for command in commands {
        let outcome = call(&workspace, &[command, &["--platform", "linux/386"]].concat());
        outcome.exit(4);
        for text in ["layout", "linux/386", "its platforms are linux/s390x, linux/arm64"] {
            assert!(outcome.stderr().contains(text), "{text}: {}", outcome.stderr());
        }
    }
}

#[test]
fn discover_shows_what_an_index_in_an_index_lists_and_what_refers_to_that() {
    let workspace = workspace();
    let outcome = call(&workspace, &["discover", "oci:layout:outer"]);
    insta::assert_snapshot!(outcome.success().stdout(), @"
    oci:[WORK]/layout@sha256:e49e2aae325e635cc33b6531378b175296a2004969b5b905f8dd05ccae6f99fa
    ├── index without a platform
    │   └── sha256:0569a036c18dece5c957ccd14497fc2c3eb4aaa1477312afd2724a7fccbb14e8
    │       └── manifest linux/arm64
    │           └── sha256:46caa847c8473e9f45342f0a0241f11d5614566c169f80d28de737ad1e76d767
    │               └── test/sbom
    │                   └── sha256:1631d159fe691abdd78393a82535ee9b833ab3f8c6b7384ac8f659e4485774a7
    └── manifest linux/s390x
        └── sha256:32ea66013bebcd4af52d0fa392fc3abc483df282d0632da53541fb3749388679
    ");
    let only = ["discover", "oci:layout:outer", "--artifact-type", "test/sbom"];
    let found = artifact(&workspace, &only);
    assert_eq!(found["manifests"].as_array().unwrap().len(), 1, "{found}");
    let listed = &found["manifests"][0]["manifests"][0];
    assert_eq!(listed["platform"], "linux/arm64");
    assert_eq!(listed["attachments"][0]["artifact-type"], "test/sbom");
}

#[test]
fn what_an_index_cannot_list_is_named_as_it_was_written() {
    let workspace = workspace();
    let outcome = call(&workspace, &["index", "oci:layout:outer", "nothing"]);
    outcome.exit(4);
    let text = "\"nothing\" is neither an artifact of this run nor a tag of oci:";
    assert!(outcome.stderr().contains(text), "{}", outcome.stderr());
}
