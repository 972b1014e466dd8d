//! The house's own rules: which way imports point, how long files and lines are, who reads the environment.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

/// The rooms, from the ground up. A room may use those of the floors below, and its neighbours as long as no circle
/// comes of it.
const FLOORS: &[&[&str]] = &[
    &["error", "suggest", "temporary", "explore"],
    &["oci", "reference", "report", "env", "ustar"],
    &["http", "program"],
    &["credentials"],
    &["spec", "pattern", "pack", "unpack", "store"],
    &["plan", "transfer"],
    &["ops"],
];

/// At the rim: used by `lib` (the functions that `main` calls) alone; what each of them may use.
const RIM: &[(&str, &[&str])] = &[
    (
        "inputs",
        &[
            "error",
            "suggest",
            "oci",
            "reference",
            "report",
            "env",
            "http",
            "credentials",
            "spec",
            "ops",
            "ci",
        ],
    ),
    (
        "ci",
        &[
            "error",
            "oci",
            "reference",
            "report",
            "env",
            "http",
            "program",
            "credentials",
        ],
    ),
];

/// These see everything.
const ROOF: &[&str] = &["run", "lib", "main", "fuzzing"];

const FILE_LINES: usize = 500;
const LINE_CHARACTERS: usize = 120;

#[test]
fn imports_point_one_way() {
    let mut wrong = BTreeSet::new();
    let mut sideways: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in sources("src") {
        let from = room(&path);
        for to in rooms_named(product(&text)) {
            match judge(&from, &to) {
                Verdict::Fine => {}
                Verdict::Sideways => drop(sideways.entry(from.clone()).or_default().insert(to)),
                Verdict::Wrong => drop(wrong.insert(format!("{path}: {from} must not use {to}"))),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for start in sideways.keys() {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&String> = sideways[start].iter().collect();
        while let Some(room) = next.pop() {
            assert_ne!(room, start, "{start} uses itself through its neighbours: {sideways:?}");
            if seen.insert(room) {
                next.extend(sideways.get(room).into_iter().flatten());
            }
        }
    }
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Fine,
    Sideways,
    Wrong,
}

fn judge(from: &str, to: &str) -> Verdict {
    if from == to || ROOF.contains(&from) {
        return Verdict::Fine;
    }
    let floor = |room: &str| FLOORS.iter().position(|floor| floor.contains(&room));
    if let Some((_, allowed)) = RIM.iter().find(|(room, _)| *room == from) {
        return if allowed.contains(&to) {
            Verdict::Fine
        } else {
            Verdict::Wrong
        };
    }
    match (floor(from), floor(to)) {
        (Some(from), Some(to)) if to < from => Verdict::Fine,
        (Some(from), Some(to)) if to == from => Verdict::Sideways,
        _ => Verdict::Wrong,
    }
}

#[test]
fn every_room_has_its_floor() {
    for (path, _) in sources("src") {
        let room = room(&path);
        let known = FLOORS.iter().any(|floor| floor.contains(&&*room))
            || RIM.iter().any(|(name, _)| *name == room)
            || ROOF.contains(&&*room);
        assert!(known, "{path}: give the room {room} a floor in this file");
    }
}

#[test]
fn the_direction_is_judged_as_the_design_has_it() {
    assert_eq!(judge("ops", "store"), Verdict::Fine);
    assert_eq!(judge("lib", "ci"), Verdict::Fine);
    assert_eq!(judge("pack", "store"), Verdict::Sideways);
    for (from, to) in [
        ("store", "ops"),
        ("ops", "ci"),
        ("ops", "inputs"),
        ("ci", "inputs"),
        ("http", "credentials"),
        ("error", "lib"),
    ] {
        assert_eq!(judge(from, to), Verdict::Wrong, "{from} -> {to}");
    }
    let text = "use crate::{a::B, c::{D, E},\n f};\nlet x = crate::g::h();\nuse crate::i;\n// crate::comment\n";
    assert_eq!(
        rooms_named(text).into_iter().collect::<Vec<_>>(),
        ["a", "c", "f", "g", "i"]
    );
    assert_eq!(product("a\n#[cfg(test)]\nmod tests {\n").trim(), "a");
    assert_eq!(room(Utf8Path::new("src/store/layout/index.rs")), "store");
}

#[test]
fn only_env_and_main_read_the_environment() {
    for (path, text) in sources("src") {
        let allowed = ["src/env.rs", "src/main.rs"].contains(&path.as_str());
        for (number, line) in code(product(&text)) {
            for call in [
                "env::var(",
                "env::var_os(",
                "env::vars(",
                "env::vars_os(",
                "env::set_var(",
                "envy::from_env(",
            ] {
                assert!(allowed || !line.contains(call), "{path}:{number}: {line}");
            }
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for (path, text) in sources("src").into_iter().chain(sources("tests")) {
        assert!(text.starts_with("//! "), "{path} doesn't begin with a //! doc");
    }
}

#[test]
fn files_and_lines_are_short() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src").into_iter().chain(sources("tests")) {
        let lines = text.lines().count();
        if lines > FILE_LINES {
            wrong.push(format!("{path}: {lines} lines, more than {FILE_LINES}"));
        }
        wrong.extend(long_lines(&path, &text));
    }
    for (path, text) in prose() {
        wrong.extend(long_lines(&path, &text));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn long_lines(path: &Utf8Path, text: &str) -> Vec<String> {
    // Snapshots hold what the program prints; a message is one line, however long.
    let mut in_snapshot = false;
    let mut wrong = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let opens = ["@r\"", "@r#\"", "@\""].iter().any(|mark| line.contains(mark));
        if !in_snapshot && !opens && line.chars().count() > LINE_CHARACTERS {
            wrong.push(format!("{path}:{}: longer than {LINE_CHARACTERS} characters", at + 1));
        }
        if opens {
            in_snapshot = !line.trim_end().ends_with([')', ';']);
        } else if line.trim_start().starts_with('"') {
            in_snapshot = false;
        }
    }
    wrong
}

fn root() -> &'static Utf8Path {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `top`, its path relative to the repository.
fn sources(top: &str) -> Vec<(Utf8PathBuf, String)> {
    files(&root().join(top), "rs")
}

/// README and its kin, and docs/ if there is one.
fn prose() -> Vec<(Utf8PathBuf, String)> {
    let tops = fs_err::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = tops
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .flat_map(|path| files(Utf8Path::from_path(&path).unwrap(), "md"))
        .collect();
    if root().join("docs").exists() {
        found.extend(files(&root().join("docs"), "md"));
    }
    found
}

fn files(top: &Utf8Path, extension: &str) -> Vec<(Utf8PathBuf, String)> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(top).sort_by_file_name() {
        let entry = entry.unwrap();
        let path = Utf8Path::from_path(entry.path()).unwrap();
        if path.extension() == Some(extension) {
            let text = fs_err::read_to_string(path).unwrap();
            // The same on Windows.
            let name = path.strip_prefix(root()).unwrap().as_str().replace('\\', "/");
            found.push((name.into(), text));
        }
    }
    assert!(!found.is_empty(), "no {extension} files in {top}");
    found
}

/// The first part of the path below src: `store` of src/store.rs and of src/store/layout.rs.
fn room(path: &Utf8Path) -> String {
    let part = path.components().nth(1).unwrap().as_str();
    part.strip_suffix(".rs").unwrap_or(part).to_owned()
}

/// The text before the tests at its end; nothing of a file of tests.
fn product(text: &str) -> &str {
    let end = text.find("\n#[cfg(test)]\nmod ").unwrap_or(text.len());
    if text.contains("#[test]\n") && end == text.len() || text.contains("#[tokio::test]\n") && end == text.len() {
        return "";
    }
    &text[..end]
}

/// Lines that are no comments, numbered from 1.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(at, line)| (at + 1, line))
}

/// Every room that follows `crate::` in code, with the parts of `crate::{…}`.
fn rooms_named(text: &str) -> BTreeSet<String> {
    let text: String = code(text).map(|(_, line)| format!("{line}\n")).collect();
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => found.extend(identifier(rest)),
            Some(group) => found.extend(top_level(group).into_iter().filter_map(identifier)),
        }
    }
    // Macros and types of the crate itself (`crate::Error`) have no room.
    found.retain(|name| name.starts_with(|c: char| c.is_ascii_lowercase()));
    found
}

fn identifier(text: &str) -> Option<String> {
    let name: String = text
        .trim_start()
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!name.is_empty()).then_some(name)
}

/// The comma-separated parts of a group, up to its closing brace.
fn top_level(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&group[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts
}
