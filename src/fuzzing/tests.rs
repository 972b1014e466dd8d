//! Seeds and corpora of the fuzz targets, replayed; the same properties over texts that are a little like them.

use std::path::PathBuf;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::TARGETS;

/// What a mutated seed is cut or filled with.
const SPICE: &[&[u8]] = &[
    b"\xff",
    b"\0",
    b"\n",
    b"\"",
    b"\\",
    b"<<",
    b"=",
    b"/../",
    b"-1",
    b"99999999999999999999",
];

fn folder(kind: &str, target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz")
        .join(kind)
        .join(target)
}

fn files(kind: &str, target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs_err::read_dir(folder(kind, target)) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| (path.clone(), fs_err::read(path).unwrap());
    paths.into_iter().map(read).collect()
}

#[test]
fn every_seed_and_corpus_file_holds() {
    for (target, property) in TARGETS {
        assert!(!files("seeds", target).is_empty(), "{target} has no seeds");
        for kind in ["seeds", "corpus"] {
            for (path, data) in files(kind, target) {
                let held = std::panic::catch_unwind(|| property(&data));
                assert!(held.is_ok(), "{}", path.display());
            }
        }
    }
}

/// The target `tar` is there on Unix alone.
#[cfg(unix)]
#[test]
fn every_target_has_its_program_and_its_folders_are_of_targets() {
    let names = |kind: &str| {
        let entries = fs_err::read_dir(folder(kind, "")).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap().replace(".rs", ""))
            .collect();
        names.sort();
        names
    };
    let mut targets: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    targets.sort_unstable();
    for kind in ["fuzz_targets", "seeds", "corpus"] {
        assert_eq!(names(kind), targets, "{kind}");
    }
}

/// A seed with a few bytes changed, cut or put in.
fn mutated(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change = (
        any::<prop::sample::Index>(),
        any::<u8>(),
        0..4,
        prop::sample::select(SPICE),
    );
    let changes = proptest::collection::vec(change, 0..6);
    (prop::sample::select(seeds), changes).prop_map(|(mut data, changes)| {
        for (index, byte, how, spice) in changes {
            let at = index.index(data.len() + 1);
            match how {
                0 if at < data.len() => data[at] ^= byte,
                1 => data.truncate(at),
                2 => drop(data.splice(at..at, spice.iter().copied())),
                _ => drop(data.splice(at..at, [byte])),
            }
        }
        data
    })
}

#[test]
fn seeds_that_were_changed_hold() {
    for (target, property) in TARGETS {
        let seeds = files("seeds", target).into_iter().map(|(_, data)| data).collect();
        let config = Config {
            cases: 64,
            failure_persistence: None,
            ..Config::default()
        };
        let outcome = TestRunner::new(config).run(&mutated(seeds), |data| {
            property(&data);
            Ok(())
        });
        outcome.unwrap_or_else(|failure| panic!("{target}: {failure}"));
    }
}
