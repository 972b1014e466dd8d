//! What is written for which jobs, held against the runner's rules.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use camino::Utf8PathBuf;

use super::*;
use crate::oci::Digest;
use crate::report::{Plain, Progress, Streams, Terminal};

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

/// A step's two files.
struct Step {
    _folder: tempfile::TempDir,
    file: Utf8PathBuf,
    list: Utf8PathBuf,
}

impl Step {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap().to_owned();
        Step {
            _folder: folder,
            file: path.join("artifacts"),
            list: path.join("list"),
        }
    }

    /// Hands `made` on; what the user is told.
    fn hand_on(&self, made: &[Made]) -> String {
        let log = Log::default();
        let streams = Streams {
            stderr: Box::new(log.clone()),
            ..Streams::sink()
        };
        let report = Report::new(Terminal::new(streams, Box::new(Plain), Progress::Off));
        hand_on(&self.file, Some(&self.list), made, &report).unwrap();
        String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
    }

    fn written(&self) -> String {
        fs_err::read_to_string(&self.file).unwrap_or_default()
    }

    fn list(&self, subjects: &[(&str, &str)]) {
        let subjects: Vec<_> = subjects
            .iter()
            .map(|(name, content)| {
                serde_json::json!({"name": name, "digest": Digest::of(content.as_bytes()), "kind": "oci"})
            })
            .collect();
        let json = serde_json::json!({"version": 1, "subjects": subjects}).to_string();
        fs_err::write(&self.list, json).unwrap();
    }
}

fn made(repository: &str, content: &str, tags: &[&str]) -> Made {
    Made {
        repository: repository.to_owned(),
        digest: Digest::of(content.as_bytes()),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
    }
}

fn line(name: &str, content: &str) -> String {
    format!("oci://{name}@{}\n", Digest::of(content.as_bytes()))
}

/// As the runner takes a step's file (actions/runner#4527): names with their digests, or why the step fails.
fn runner_takes(list: &BTreeMap<String, String>, text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut subjects = list.clone();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.contains('=') {
            return Err(format!("{line}: no ="));
        }
        let (name, digest) = line.trim_start_matches("oci://").rsplit_once('@').ok_or(line)?;
        let digest = digest.to_owned();
        if subjects
            .insert(name.to_owned(), digest.clone())
            .is_some_and(|other| other != digest)
        {
            return Err(format!("{name}: another digest"));
        }
    }
    Ok(subjects)
}

#[test]
fn a_line_an_artifact() {
    let step = Step::new();
    let log = step.hand_on(&[made("ghcr.io/me/a", "a", &["v1"]), made("ghcr.io/me/b", "b", &[])]);
    assert_eq!(step.written(), line("ghcr.io/me/a", "a") + &line("ghcr.io/me/b", "b"));
    assert_eq!(log, "");
    // Once more, as a second run in one step does.
    step.hand_on(&[made("ghcr.io/me/b", "b", &[]), made("ghcr.io/me/a", "a", &["v2"])]);
    assert_eq!(step.written(), line("ghcr.io/me/a", "a") + &line("ghcr.io/me/b", "b"));
}

#[test]
fn a_name_that_is_taken_gets_its_first_tag_and_then_a_notice() {
    let step = Step::new();
    step.list(&[
        ("ghcr.io/me/a", "old"),
        ("oci://ghcr.io/me/b:v1", "old"),
        ("ghcr.io/me/b", "old"),
    ]);
    let log = step.hand_on(&[
        made("ghcr.io/me/a", "a", &["v1", "latest"]),
        made("ghcr.io/me/b", "b", &["v1", "latest"]),
        made("ghcr.io/me/b", "untagged", &[]),
        made("ghcr.io/me/a", "old", &["v0"]),
        // In one run, too.
        made("ghcr.io/me/c", "c", &["v1"]),
        made("ghcr.io/me/c", "other", &["v2"]),
    ]);
    assert_eq!(
        step.written(),
        [
            ("ghcr.io/me/a:v1", "a"),
            ("ghcr.io/me/c", "c"),
            ("ghcr.io/me/c:v2", "other")
        ]
        .map(|(name, content)| line(name, content))
        .concat()
    );
    // One notice for both: a release has as many as its index lists.
    assert_eq!(log.lines().count(), 1, "{log}");
    assert_eq!(log.matches("ghcr.io/me/b@sha256:").count(), 2, "{log}");
    // And again: nothing new.
    let before = step.written();
    step.hand_on(&[
        made("ghcr.io/me/a", "a", &["v1"]),
        made("ghcr.io/me/c", "other", &["v2"]),
    ]);
    assert_eq!(step.written(), before);
}

#[test]
fn lines_of_others_count_and_stay() {
    let step = Step::new();
    let others = format!("# built\ndist/app\nghcr.io/me/a@{}", Digest::of(b"old"));
    fs_err::write(&step.file, &others).unwrap();
    step.hand_on(&[made("ghcr.io/me/a", "a", &["v1"])]);
    assert_eq!(step.written(), format!("{others}\n{}", line("ghcr.io/me/a:v1", "a")));
}

#[test]
fn a_list_that_cannot_be_read_writes_nothing_and_says_so() {
    for list in ["junk", "7", r#"{"subjects":[{"name":1}]}"#, &" {".repeat(3_000_000)] {
        let step = Step::new();
        fs_err::write(&step.list, list).unwrap();
        let log = step.hand_on(&[made("ghcr.io/me/a", "a", &[])]);
        assert!(log.starts_with("warning: GITHUB_ARTIFACTS_LIST: "), "{log}");
        assert!(!step.file.exists());
    }
    // Empty, or of a later version that says more, is none of that.
    for list in ["", "\n", r#"{"version":2,"subjects":[],"more":1}"#] {
        let step = Step::new();
        fs_err::write(&step.list, list).unwrap();
        assert_eq!(step.hand_on(&[made("ghcr.io/me/a", "a", &[])]), "");
        assert_eq!(step.written(), line("ghcr.io/me/a", "a"));
    }
}

#[test]
fn the_runners_limits_hold() {
    let step = Step::new();
    let names: Vec<String> = (0..498).map(|number| format!("ghcr.io/me/{number}")).collect();
    step.list(&names.iter().map(|name| (name.as_str(), "x")).collect::<Vec<_>>());
    let three = ["a", "b", "c"].map(|name| made(&format!("ghcr.io/me/{name}"), name, &[]));
    let log = step.hand_on(&three);
    assert_eq!(step.written(), line("ghcr.io/me/a", "a") + &line("ghcr.io/me/b", "b"));
    assert!(
        log.starts_with("notice: left out of what is listed for provenance: 1;"),
        "{log}"
    );
    for (filled, lines) in [(STEP_LIMIT - 50, 0), (STEP_LIMIT - 110, 1), (STEP_LIMIT + 1, 0)] {
        let step = Step::new();
        fs_err::write(&step.file, "#".repeat(filled as usize - 1) + "\n").unwrap();
        let log = step.hand_on(&three[..2]);
        assert!(log.starts_with("notice: "), "{log}");
        assert_eq!(step.written().lines().count(), 1 + lines);
    }
}

#[test]
fn only_sha256_is_taken() {
    let step = Step::new();
    let digest = format!("sha512:{}", "0".repeat(128)).parse().unwrap();
    step.hand_on(&[Made {
        digest,
        ..made("ghcr.io/me/a", "a", &[])
    }]);
    assert_eq!(step.written(), "");
}

proptest::proptest! {
    #[test]
    fn the_runner_takes_whatever_was_there(
        before in proptest::collection::vec((0..4usize, "[ab]", "(:v[01])?"), 0..5),
        runs in proptest::collection::vec(proptest::collection::vec((0..4usize, "[ab]", 0..2usize), 0..4), 1..3),
    ) {
        let step = Step::new();
        let mut list = BTreeMap::new();
        for (name, content, tag) in &before {
            list.entry(format!("h.example/{name}{tag}")).or_insert_with(|| content.clone());
        }
        step.list(&list.iter().map(|(name, content)| (name.as_str(), content.as_str())).collect::<Vec<_>>());
        for run in &runs {
            let artifacts: Vec<Made> = run
                .iter()
                .map(|(name, content, tag)| made(&format!("h.example/{name}"), content, &[["v0", "v1"][*tag]]))
                .collect();
            step.hand_on(&artifacts);
        }
        let digests = list.into_iter().map(|(name, content)| (name, Digest::of(content.as_bytes()).to_string()));
        let taken = runner_takes(&digests.collect(), &step.written());
        proptest::prop_assert!(taken.is_ok(), "{taken:?}");
    }
}
