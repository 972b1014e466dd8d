//! That the set is whole: every case of the lists has exactly one test of its name here.

use std::collections::BTreeMap;

use camino::Utf8Path;

/// Highest numbers of the lists.
const LISTS: [(char, u32); 2] = [('m', 32), ('a', 18)];

#[test]
fn every_case_has_one_test() {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in tests("tests/it/hostile") {
        let (id, words) = name.split_once('_').unwrap();
        let (list, number) = id.split_at(1);
        if LISTS.iter().any(|(letter, _)| list.starts_with(*letter)) && number.parse::<u32>().is_ok() {
            assert!(words.contains('_'), "{name} says what it is");
            found.entry(id.to_owned()).or_default().push(name);
        }
    }
    let all = LISTS
        .iter()
        .flat_map(|(letter, last)| (1..=*last).map(move |at| format!("{letter}{at:02}")));
    for id in all {
        let tests = found.remove(&id).unwrap_or_default();
        assert_eq!(tests.len(), 1, "{id}: {tests:?}");
    }
    assert!(found.is_empty(), "in none of the lists: {found:?}");
}

/// Other suites name their tests by what they show.
#[test]
fn the_names_stand_here_alone() {
    for name in tests("tests/it")
        .into_iter()
        .filter(|name| !tests("tests/it/hostile").contains(name))
    {
        let id = name.split('_').next().unwrap();
        let (list, number) = id.split_at(1);
        let taken = LISTS.iter().any(|(letter, _)| list.starts_with(*letter)) && number.parse::<u32>().is_ok();
        assert!(!taken, "{name} is outside of tests/it/hostile");
    }
}

/// The names of all tests below `folder`.
pub fn tests(folder: &str) -> Vec<String> {
    let top = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = walkdir::WalkDir::new(top)
        .into_iter()
        .map(|entry| entry.unwrap().into_path());
    let sources = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    sources
        .flat_map(|path| names(&fs_err::read_to_string(path).unwrap()))
        .collect()
}

/// The functions under `#[test]` or its kin.
fn names(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if !line.starts_with("#[test]") && !line.starts_with("#[tokio::test") {
            continue;
        }
        let function = lines.find_map(|line| line.trim_start_matches("async ").strip_prefix("fn "));
        found.extend(function.and_then(|rest| rest.split('(').next()).map(str::to_owned));
    }
    found
}
