//! Every command, on a repository in which there is something for it.

use crate::support::graph::{Graph, on};
use crate::support::registry::Registry;
use crate::support::runner::Workspace;

/// A command's name in the table, and its arguments; `HOST` stands for the registry.
pub const COMMANDS: [(&str, &[&str]); 18] = [
    ("push", &["push", "HOST/team/new:v1", "src/large.bin", "src/folder"]),
    ("push of a spec", &["push", "--spec-file", "spec.yaml"]),
    ("dry run", &["push", "--dry-run", "HOST/team/new:v1", "src/folder"]),
    ("pull", &["pull", "HOST/team/app:one", "-o", "out"]),
    (
        "pull with referrers",
        &["pull", "HOST/team/app:one", "-o", "out", "--include-referrers", "*"],
    ),
    (
        "attach",
        &[
            "attach",
            "HOST/team/app:one",
            "src/large.bin",
            "--artifact-type",
            "test/note",
        ],
    ),
    ("discover", &["discover", "HOST/team/app:one"]),
    ("inspect", &["inspect", "HOST/team/app:one"]),
    ("index", &["index", "HOST/team/app:both", "one"]),
    ("tag", &["tag", "HOST/team/app:one", "two"]),
    ("untag", &["untag", "HOST/team/app:gone", "--yes"]),
    (
        "copy to disk",
        &["copy", "HOST/team/app:list", "oci:layout:list", "--recursive"],
    ),
    ("copy", &["copy", "HOST/team/app:one", "HOST/team/other:one"]),
    ("delete", &["delete", "HOST/team/app:gone", "--yes"]),
    ("list", &["list", "HOST/team/app"]),
    ("login", &["login", "HOST"]),
    ("logout", &["logout", "HOST"]),
    ("check", &["check", "spec.yaml"]),
];

/// What the commands work on, in the registry and on disk.
pub fn prepare(registry: &Registry, workspace: &Workspace, host: &str) {
    let mut graph = Graph::default();
    let large = "0123456789abcdef".repeat(24 << 10);
    let one = graph.artifact("test/app", None, &[("app", "bytes"), ("large", &large)]);
    graph.artifact("test/sbom", Some(&one), &[("sbom.json", "{}")]);
    let gone = graph.artifact("test/app", None, &[("app", "gone")]);
    let list = graph.index(None, &[on("linux/amd64", &one)]);
    graph.tag("one", &one);
    graph.tag("gone", &gone);
    graph.tag("list", &list);
    graph.registry(registry, "team/app");
    workspace.write("src/large.bin", large.repeat(2).to_uppercase());
    workspace.write("src/folder/a.txt", "a");
    let artifact = "{name: x, reference: 'HOST/team/spec:v1', tags: [t], files: [src/folder/a.txt, src/large.bin], \
                    attachments: [{artifact-type: test/note, files: [src/folder]}]}";
    workspace.write(
        "spec.yaml",
        format!("artifacts: [{}]\n", artifact.replace("HOST", host)),
    );
}
