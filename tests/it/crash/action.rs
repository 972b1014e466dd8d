//! What is ended: the commands, what they need, and what must be right after each of them, ended or not.

use std::fmt;

use super::moments::Place;
use crate::support::peers::program;
use crate::support::runner::{Run, Workspace};

const LARGE: usize = 12 << 20;

/// A command that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Push,
    Pull,
    Attach,
    Copy,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Action::Push => "push",
            Action::Pull => "pull",
            Action::Attach => "attach",
            Action::Copy => "copy",
        })
    }
}

/// The name in the layout that `copy` reads.
const SOURCE: &str = "oci:source:v1";

impl Action {
    pub const ALL: [Action; 4] = [Action::Push, Action::Pull, Action::Attach, Action::Copy];

    /// Files to be moved: large ones, small ones, and a directory that is packed and outgrows memory.
    pub fn fill(workspace: &Workspace) {
        let mut random = fastrand::Rng::with_seed(7);
        let mut noise = |size| {
            let mut bytes = vec![0; size];
            random.fill(&mut bytes);
            bytes
        };
        workspace.write("src/large.bin", noise(LARGE));
        for at in 0..12 {
            workspace.write(&format!("src/small{at}.bin"), noise(2000));
        }
        for at in 0..40 {
            workspace.write(&format!("src/tree/{}/{at}.bin", at % 5), noise(50_000));
        }
    }

    /// What has to be there before the command itself.
    pub fn prepare(self, workspace: &Workspace, place: &Place) {
        match self {
            Action::Push => {}
            Action::Pull | Action::Attach => {
                push(workspace, &place.name).call().success();
            }
            Action::Copy if workspace.exists("source") => {}
            Action::Copy => {
                push(workspace, SOURCE).call().success();
                attach(workspace, SOURCE).call().success();
            }
        }
    }

    pub fn run<'a>(self, workspace: &'a Workspace, place: &Place) -> Run<'a> {
        match self {
            Action::Push => push(workspace, &place.name),
            Action::Attach => attach(workspace, &place.name),
            Action::Copy => workspace.run().args(["copy", SOURCE, &place.name, "--recursive"]),
            Action::Pull => workspace.run().args(["pull", &place.name, "--output", &place.output]),
        }
    }

    /// Fails if something under its final name is wrong.
    pub fn check(self, workspace: &Workspace, place: &Place) {
        let reader = place.reader(workspace);
        reader.check_whole();
        for (_, digest) in reader.tags() {
            reader.check_referrers(&digest);
        }
        if self == Action::Pull && workspace.exists(&place.output) {
            let (right, pulled) = (workspace.tree("src"), workspace.tree(&place.output));
            for (name, bytes) in pulled.iter().filter(|(name, _)| !name.contains(".oci-artifact-")) {
                assert!(right.get(name) == Some(bytes), "{name} has other bytes");
            }
        }
    }

    /// Fails unless all of it is there; ORAS reads it once more.
    pub fn check_done(self, workspace: &Workspace, place: &Place) {
        self.check(workspace, place);
        let reader = place.reader(workspace);
        let tags = reader.tags();
        let (_, digest) = tags.iter().find(|(tag, _)| tag == "v1").expect("the tag is there");
        let referrers = reader.referrers(digest).len();
        assert_eq!(referrers, usize::from(matches!(self, Action::Attach | Action::Copy)));
        if self == Action::Pull {
            assert!(
                workspace.tree(&place.output) == workspace.tree("src"),
                "not all was pulled"
            );
        }
        let Some(host) = &place.host else { return };
        let again = workspace.run().program(program("oras")).arg("pull").arg("--plain-http");
        let again = again.args(["--no-tty", "--output", "oras", &place.name]);
        again.call().success();
        assert!(
            workspace.tree("oras") == workspace.tree("src"),
            "ORAS pulls something else from {host}"
        );
        fs_err::remove_dir_all(workspace.path().join("oras")).unwrap();
    }
}

fn push<'a>(workspace: &'a Workspace, reference: &str) -> Run<'a> {
    let names = workspace
        .tree("src")
        .into_keys()
        .filter(|name| !name.starts_with("tree/"));
    let reference = place_from("src", reference);
    let run = workspace
        .run()
        .directory("src")
        .args(["push", &reference, "--allow-outside"]);
    run.args(names).arg("tree")
}

fn attach<'a>(workspace: &'a Workspace, reference: &str) -> Run<'a> {
    let attach = ["attach", reference, "src/tree", "src/large.bin"];
    workspace.run().args(attach).args(["--artifact-type", "test/note"])
}

/// The reference as seen from the folder `from`.
fn place_from(from: &str, reference: &str) -> String {
    assert_eq!(from.split('/').count(), 1);
    match reference.strip_prefix("oci:") {
        Some(path) => format!("oci:../{path}"),
        None => reference.to_owned(),
    }
}
