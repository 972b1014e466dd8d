//! `docs/oras.md`: a row for each command and flag of ORAS, held by a test that runs both; and what keeps it whole.

mod attach;
mod both;
mod copy;
mod copy_access;
mod discover;
mod index;
mod login;
mod manifest;
mod pull;
mod push;
mod shared;
mod table;
mod tags;
mod workflow;

use std::collections::BTreeSet;

use oci_artifact::inputs::{Command, table::INPUTS};
use oci_artifact::spec::keys::KEYS;

use crate::support::peers::program;
use crate::support::runner::Workspace;
use table::{ROWS, Row};

/// A row of the page.
struct Line {
    /// ORAS's command without `oras`; none for the flags that all have.
    command: String,
    /// None for the command itself.
    flag: String,
    ours: String,
}

/// The rows of `docs/oras.md`.
fn page() -> Vec<Line> {
    let text = fs_err::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/oras.md")).unwrap();
    let (mut section, mut lines) = (None, Vec::new());
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = heading.strip_prefix("oras").map(str::trim);
        }
        let (Some(section), true) = (section, line.starts_with("| `")) else {
            continue;
        };
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let name = cells[0].split('`').nth(1).unwrap();
        let (command, flag) = match name.strip_prefix("oras ") {
            Some(command) => (command, ""),
            None => (section, name),
        };
        lines.push(Line {
            command: command.to_owned(),
            flag: flag.to_owned(),
            ours: cells[1].trim_end_matches('|').trim().to_owned(),
        });
    }
    lines
}

#[test]
fn the_page_has_the_rows_of_the_table() {
    let is_not = |row: &Row| matches!(row, Row::Not(..));
    let rows = ROWS.iter().map(|(command, flag, row)| (*command, *flag, is_not(row)));
    let page = page();
    let lines = page
        .iter()
        .map(|line| (&*line.command, &*line.flag, line.ours == "not offered"));
    assert_eq!(lines.collect::<Vec<_>>(), rows.collect::<Vec<_>>());
    let unique: BTreeSet<_> = page.iter().map(|line| (&line.command, &line.flag)).collect();
    assert_eq!(unique.len(), page.len(), "a row stands twice");
}

/// What the page calls ours is ours: flags, commands, and keys of the spec.
#[test]
fn the_page_names_what_there_is() {
    for line in page() {
        let code: Vec<&str> = line.ours.split('`').skip(1).step_by(2).collect();
        let place = format!("{} {}: {}", line.command, line.flag, line.ours);
        assert!(!line.ours.is_empty(), "{place}");
        for word in code.iter().flat_map(|code| code.split(' ')) {
            let known = |name: &str| INPUTS.iter().any(|input| input.name == name);
            if let Some(flag) = word.strip_prefix("--") {
                assert!(
                    known(flag) || ["help", "version", "generate"].contains(&flag),
                    "{place}"
                );
            } else if let Some(variable) = word.strip_prefix("OCI_ARTIFACT_") {
                assert!(known(&variable.to_lowercase().replace('_', "-")), "{place}");
            }
        }
        let is_spec = line.ours.starts_with("spec: ");
        for word in code.iter().filter_map(|code| code.split([' ', ':']).next()) {
            let known = match is_spec {
                true => KEYS.iter().any(|key| key.name == word),
                false => word == "help" || Command::ALL.iter().any(|command| command.name() == word),
            };
            let is_word = word.bytes().all(|byte| byte.is_ascii_lowercase());
            let is_store = ["oci", "oci-archive"].contains(&word);
            assert!(known || !is_spec && (!is_word || is_store), "{place}");
        }
    }
}

/// The tests in this folder and in those that came before it, whether they need peers or not.
fn tests() -> String {
    let root = camino::Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let files = walkdir::WalkDir::new(root)
        .into_iter()
        .map(|entry| entry.unwrap().into_path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("table.rs"))
        .map(|path| fs_err::read_to_string(path).unwrap())
        .collect()
}

#[test]
fn every_row_has_its_test_and_every_test_its_row() {
    let text = tests();
    let mut named = BTreeSet::new();
    for (command, flag, row) in ROWS {
        let names = match row {
            Row::Both(names) => {
                assert!(!names.is_empty(), "{command} {flag} has no test");
                names
            }
            Row::Not(_, _, names) => names,
        };
        for name in *names {
            assert!(
                text.contains(&format!("fn {name}(")),
                "{command} {flag}: there is no test {name}"
            );
            named.insert(*name);
        }
    }
    let mut found = 0;
    for rest in text.split("\nfn row_").skip(1) {
        let name = format!("row_{}", rest.split('(').next().unwrap());
        assert!(named.contains(&*name), "{name} is of no row");
        found += 1;
    }
    assert!(found > 90, "{found}");
}

#[test]
fn what_is_not_offered_is_refused_with_a_way_out() {
    let workspace = Workspace::new();
    for (command, flag, row) in ROWS {
        let Row::Not(args, way_out, _) = row else {
            continue;
        };
        let outcome = workspace.run().args(args.iter().copied()).call();
        outcome.exit(2);
        let hint = outcome.stderr.split("hint: ").nth(1).unwrap_or_default();
        assert!(hint.contains(way_out), "{command} {flag}: {}", outcome.snapshot());
    }
    // A word of ORAS that has another name here is told, too.
    for (args, way_out) in [
        (&["cp", "a/b:1", "c/d:1"][..], "copy REFERENCE TARGET"),
        (&["resolve", "a/b:1"], "inspect REFERENCE --digest"),
        (&["push", "oci:l:v1", "a", "--annotation", "k=v"], "-a KEY=VALUE"),
        (
            &["push", "oci:l:v1", "a", "--image-spec", "v1.0"],
            "manifest: image-1.0",
        ),
        (&["push", "oci:l:v1,v2", "a"], "the others go into tags"),
        (&["copy", "oci:l:v1", "oci:m:v1", "-r"], "--recursive"),
        (&["pull", "--oci-layout", "l:v1"], "oci:DIRECTORY:TAG"),
    ] {
        let outcome = workspace.run().args(args.iter().copied()).call();
        outcome.exit(2);
        assert!(outcome.stderr.contains(way_out), "{}", outcome.snapshot());
    }
}

/// ORAS's commands and flags, as its help has them.
fn of_oras(workspace: &Workspace, command: &[String], found: &mut BTreeSet<(String, String)>) {
    let run = workspace
        .run()
        .program(program("oras"))
        .args(command.to_vec())
        .arg("--help");
    let text = run.call().success().stdout.clone();
    let (mut section, mut commands) = ("", Vec::new());
    for line in text.lines() {
        if !line.starts_with(' ') && line.ends_with(':') {
            section = line;
        } else if section == "Available Commands:" {
            commands.extend(line.split_whitespace().next().filter(|_| line.starts_with("  ")));
        } else if section.ends_with("Flags:") {
            let long = line.split_whitespace().take(2).find(|word| word.starts_with("--"));
            found.extend(long.map(|flag| (command.join(" "), flag.to_owned())));
        }
    }
    found.insert((command.join(" "), String::new()));
    for name in commands {
        of_oras(workspace, &[command, &[name.to_owned()]].concat(), found);
    }
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn every_command_and_flag_of_oras_has_a_row() {
    let mut found = BTreeSet::new();
    of_oras(&Workspace::new(), &[], &mut found);
    assert!(found.len() > 500, "{}", found.len());
    let has = |command: &str, flag: &str| ROWS.iter().any(|(c, f, _)| (*c, *f) == (command, flag));
    // A flag that many have stands once, with all; one of `completion bash` with `completion` or all.
    let is_root = |command: &str, flag: &str| command.is_empty() && flag.is_empty();
    let with_all = |flag: &str| !flag.is_empty() && has("", flag);
    let missing: Vec<_> = found
        .iter()
        .filter(|(command, flag)| !is_root(command, flag) && !with_all(flag) && !has(command, flag))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let gone: Vec<_> = ROWS
        .iter()
        .filter(|(command, flag, _)| {
            let with_all = command.is_empty() && found.iter().any(|(_, found)| found == flag);
            !with_all && !found.contains(&((*command).to_owned(), (*flag).to_owned()))
        })
        .map(|(command, flag, _)| (command, flag))
        .collect();
    assert!(gone.is_empty(), "{gone:?}");
}
